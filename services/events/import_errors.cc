#include "services/events/import_errors.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace throughline {

absl::Status FileUnreadableError(absl::string_view path, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(absl::StrCat("there is no file '", path, "'; check the path"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat("the file '", path, "' may not be read by this user"));
    case EISDIR:
      return absl::InvalidArgumentError(absl::StrCat("'", path, "' is a folder; name a file in it"));
    default:
      return absl::UnavailableError(absl::StrCat("'", path, "' could not be read: ", std::strerror(error_number)));
  }
}

absl::Status FileUnwritableError(absl::string_view path, int error_number) {
  return absl::PermissionDeniedError(absl::StrCat("'", path, "' could not be written: ", std::strerror(error_number)));
}

absl::Status GzipTruncatedError(int64_t size_bytes) {
  return absl::DataLossError(absl::StrCat("the gzipped file is cut off after ", size_bytes,
                                          " bytes; what came before was read; get the whole file and import it again"));
}

absl::Status GzipDamagedError(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the gzipped file is damaged here (", what,
                                          "); what came before was read; get an intact file and import it again"));
}

absl::Status MappingError(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("mapping: ", field, field.empty() ? "" : ": ", what));
}

absl::Status FileFormatError(absl::string_view path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("'", path, "': ", what));
}

}  // namespace throughline
