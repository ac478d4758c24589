#include "services/catalog/sqlite/sqlite_errors.h"

#include <sqlite3.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/want_of_room.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kStore[] = "the catalog";

}  // namespace

absl::Status MapSqliteError(int extended_code, int system_error, absl::string_view detail, absl::string_view path) {
  constexpr int kPrimaryCodeMask = 0xff;
  const LogFields fields = {{"path", std::string(path)},
                            {"code", absl::StrCat(extended_code)},
                            {"errno", absl::StrCat(system_error)},
                            {"detail", std::string(detail)}};
  switch (extended_code & kPrimaryCodeMask) {
    case SQLITE_FULL:
      return StorageFull(kStore);
    case SQLITE_NOMEM:
      return Overloaded(absl::StrCat(kStore, " (out of memory)"), limits::kRetryAfterDefault);
    case SQLITE_TOOBIG:
      return LimitExceeded("a document", limits::kCatalogPayloadBytesMax, "bytes");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      LogError("the catalog is damaged", fields);
      return StoreDamaged(kStore, path, detail);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return StoreLocked(kStore, path);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      LogError("the catalog cannot be opened for writing", fields);
      return StoreNotWritable(kStore, path);
    case SQLITE_IOERR:
      if (IsWantOfRoom(system_error)) return StorageFull(kStore);
      LogError("the catalog's disk failed", fields);
      return BackendUnavailable(kStore);
    default:
      return Internal(absl::StrCat("SQLite error ", extended_code, " in ", path, ": ", detail));
  }
}

}  // namespace throughline
