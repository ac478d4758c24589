#include "services/journey/event_titles.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "services/base/limits.h"
#include "services/base/text.h"

namespace throughline {
namespace {

// Longer words in capitals are shouted, not abbreviated.
constexpr size_t kAcronymLengthMax = 4;

bool IsSeparator(char c) {
  return c == '_' || c == '.' || c == '-' || c == '/' || c == ':' || absl::ascii_isspace(static_cast<unsigned char>(c));
}

bool IsUpper(char c) { return absl::ascii_isupper(static_cast<unsigned char>(c)); }
bool IsLower(char c) { return absl::ascii_islower(static_cast<unsigned char>(c)); }

std::vector<std::string> Words(absl::string_view name) {
  const bool has_separator = std::any_of(name.begin(), name.end(), IsSeparator);
  std::vector<std::string> words(1);
  for (size_t i = 0; i < name.size(); ++i) {
    if (IsSeparator(name[i])) {
      words.emplace_back();
      continue;
    }
    // A capital after a small letter begins a word, unless the name tells its words apart in another way.
    if (!has_separator && i > 0 && IsUpper(name[i]) && IsLower(name[i - 1])) words.emplace_back();
    words.back() += name[i];
  }
  words.erase(std::remove_if(words.begin(), words.end(), [](const std::string& word) { return word.empty(); }),
              words.end());
  return words;
}

}  // namespace

std::string ClipDisplayName(absl::string_view text) {
  if (CharacterCount(text) <= limits::kDisplayNameLengthMax) return std::string(text);
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    const bool begins_character = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins_character && characters++ == limits::kDisplayNameLengthMax) break;
  }
  return std::string(text.substr(0, end));
}

std::string EventTitle(absl::string_view event_name) {
  std::vector<std::string> words = Words(event_name);
  const bool shouted = std::none_of(event_name.begin(), event_name.end(), IsLower);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string& word = words[i];
    const bool acronym = !shouted && word.size() > 1 && word.size() <= kAcronymLengthMax &&
                         std::all_of(word.begin(), word.end(), [](char c) { return !IsLower(c); });
    if (!acronym) absl::AsciiStrToLower(&word);
    if (i == 0) word[0] = absl::ascii_toupper(static_cast<unsigned char>(word[0]));
  }
  if (words.empty()) return "Event";
  return ClipDisplayName(absl::StrJoin(words, " "));
}

}  // namespace throughline
