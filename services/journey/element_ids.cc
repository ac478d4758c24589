#include "services/journey/element_ids.h"

#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/base/limits.h"

namespace throughline {
namespace {

// U+00C0 … U+017F without their marks, in that order; '?' is nothing, '1' … '5' are the pairs below.
constexpr char kLatin[] =
    "aaaaaa1ceeeeiiiidnooooo?ouuuuy23"   // U+00C0
    "aaaaaa1ceeeeiiiidnooooo?ouuuuy2y"   // U+00E0
    "aaaaaaccccccccddddeeeeeeeeeegggg"   // U+0100
    "gggghhhhiiiiiiiiii44jjkkklllllll"   // U+0120
    "lllnnnnnnnnnoooooo55rrrrrrssssss"   // U+0140
    "ssttttttuuuuuuuuuuuuwwyyyzzzzzzs";  // U+0160
static_assert(sizeof(kLatin) == 0x180 - 0xC0 + 1);
constexpr const char* kPairs[] = {"ae", "th", "ss", "ij", "oe"};

// Decodes one character of UTF-8 at `text[at]` and moves past it; malformed bytes are 0.
uint32_t NextCodePoint(absl::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  uint32_t code = following == 0 ? 0 : lead & (0x3F >> following);
  for (int i = 0; i < following; ++i) {
    if (at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) return 0;
    code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
  }
  return code;
}

void AppendLatin(uint32_t code, std::string& out) {
  const char letter = kLatin[code - 0xC0];
  if (letter == '?') return;
  if (letter >= '1' && letter <= '9') {
    out += kPairs[letter - '1'];
  } else {
    out += letter;
  }
}

void CutTo(size_t length_max, std::string& id) {
  if (id.size() > length_max) id.resize(length_max);
  while (!id.empty() && id.back() == '-') id.pop_back();
}

}  // namespace

std::string MakeElementId(absl::string_view text, absl::string_view fallback) {
  std::string id;
  for (size_t at = 0; at < text.size();) {
    const uint32_t code = NextCodePoint(text, at);
    if (code < 0x80 && absl::ascii_isalnum(static_cast<unsigned char>(code))) {
      id += absl::ascii_tolower(static_cast<unsigned char>(code));
    } else if (code >= 0xC0 && code <= 0x17F) {
      AppendLatin(code, id);
    } else if (!id.empty() && id.back() != '-') {
      id += '-';
    }
  }
  CutTo(limits::kResourceIdLengthMax, id);
  if (id.empty()) return std::string(fallback);
  if (!absl::ascii_islower(id.front())) id = absl::StrCat(fallback, "-", id);
  CutTo(limits::kResourceIdLengthMax, id);
  return id;
}

std::string ElementIds::Take(absl::string_view text, absl::string_view fallback) {
  const std::string base = MakeElementId(text, fallback);
  if (taken_.insert(base).second) return base;
  int& number = last_number_.emplace(base, 1).first->second;
  while (true) {
    const std::string suffix = absl::StrCat("-", ++number);
    std::string id = base;
    CutTo(limits::kResourceIdLengthMax - suffix.size(), id);
    id += suffix;
    if (taken_.insert(id).second) return id;
  }
}

}  // namespace throughline
