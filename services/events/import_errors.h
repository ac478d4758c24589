// Errors of reading files on the user's side, which no RPC ever returns. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace throughline {

// NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (a folder) or UNAVAILABLE, by the errno.
absl::Status FileUnreadableError(absl::string_view path, int error_number);
// The same for a file that cannot be written.
absl::Status FileUnwritableError(absl::string_view path, int error_number);
// DATA_LOSS: the file ends before its gzip stream does.
absl::Status GzipTruncatedError(int64_t size_bytes);
// DATA_LOSS: the gzip stream is damaged.
absl::Status GzipDamagedError(absl::string_view what);
// INVALID_ARGUMENT: a mapping that cannot be used. `field` is its path in the mapping, for example `events[2].id`.
absl::Status MappingError(absl::string_view field, absl::string_view what);
// INVALID_ARGUMENT: a file that is not what it was taken for.
absl::Status FileFormatError(absl::string_view path, absl::string_view what);

}  // namespace throughline
