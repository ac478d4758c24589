#include "services/base/text.h"

#include <cstdint>

#include "services/base/limits.h"

namespace throughline {
namespace {

// Length of the well-formed character at the beginning of `text`; 0 if there is none.
size_t CharacterLength(absl::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  // Bounds of the second byte exclude overlong forms, surrogates and what lies above U+10FFFF.
  uint8_t second_min = 0x80;
  uint8_t second_max = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < second_min || byte(1) > second_max) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

constexpr char kReplacement[] = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t CharacterCount(absl::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    text.remove_prefix(length == 0 ? 1 : length);
    ++count;
  }
  return count;
}

std::string ToValidUtf8(absl::string_view text, size_t bytes_max) {
  std::string out;
  size_t taken = 0;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const size_t step = length == 0 ? 1 : length;
    if (step > bytes_max - taken) break;
    if (length == 0) {
      out.append(kReplacement);
    } else {
      out.append(text.data(), length);
    }
    text.remove_prefix(step);
    taken += step;
  }
  return out;
}

std::string Excerpt(absl::string_view value) {
  std::string out = ToValidUtf8(value, limits::kMessageExcerptBytesMax);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (value.size() > limits::kMessageExcerptBytesMax) out.append("…");
  return out;
}

}  // namespace throughline
