// Damages texts and bytes, for tests that feed a parser thousands of them. Pure function; any thread.
#pragma once

#include <random>
#include <string>

namespace throughline::testing {

// Changes, drops, doubles and inserts bytes; favours those that mean something to a parser.
inline std::string Mutate(const std::string& text, std::mt19937& random) {
  static constexpr char kSpecial[] = "\"\n\r,;{}<>/&=:[]\\|\0\xFF\xC3\xED 0-+.eT%";
  const auto below = [&](size_t n) { return n == 0 ? 0 : static_cast<size_t>(random() % n); };
  std::string result = text;
  for (size_t changes = 1 + below(8); changes > 0; --changes) {
    const size_t at = below(result.size());
    const size_t length = 1 + below(12);
    switch (below(5)) {
      case 0:
        if (!result.empty()) result[at] = kSpecial[below(sizeof(kSpecial) - 1)];
        break;
      case 1:
        if (!result.empty()) result[at] = static_cast<char>(random());
        break;
      case 2:
        result.erase(at, length);
        break;
      case 3:
        result.insert(at, result.substr(below(result.size()), length));
        break;
      default:
        result.insert(at, 1, kSpecial[below(sizeof(kSpecial) - 1)]);
    }
  }
  return result;
}

}  // namespace throughline::testing
