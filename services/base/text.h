// Text from outside: UTF-8 checks, lengths in characters, and safe excerpts for messages.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace throughline {

// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
bool IsValidUtf8(absl::string_view text);

// Number of characters (code points); every byte that is not part of a well-formed character counts as one.
size_t CharacterCount(absl::string_view text);

// The text with each malformed byte replaced by U+FFFD, cut to at most `bytes_max` bytes of it at a character's edge.
std::string ToValidUtf8(absl::string_view text, size_t bytes_max = absl::string_view::npos);

// A value for a message: valid UTF-8, control characters replaced by spaces, and clipped with "…" where it is long.
std::string Excerpt(absl::string_view value);

}  // namespace throughline
