// SQLite's result codes as our errors: the one place where they are translated.
// Stateless; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace throughline {

// What a failed SQLite call means. `extended_code` is sqlite3_extended_errcode, `system_error` the errno of a failed
// system call (0: none), `detail` SQLite's own words, `path` the database file.
//   SQLITE_FULL, or a write that the system refused for want of room -> RESOURCE_EXHAUSTED (STORAGE_FULL)
//   SQLITE_NOMEM, SQLITE_TOOBIG                                      -> RESOURCE_EXHAUSTED (OVERLOADED, LIMIT_EXCEEDED)
//   SQLITE_CORRUPT, SQLITE_NOTADB                                    -> DATA_LOSS (STORE_DAMAGED)
//   SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL                      -> FAILED_PRECONDITION (STORE_LOCKED)
//   SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH       -> FAILED_PRECONDITION (STORE_NOT_WRITABLE)
//   SQLITE_IOERR                                                     -> UNAVAILABLE (BACKEND_UNAVAILABLE)
//   anything else                                                    -> INTERNAL
absl::Status MapSqliteError(int extended_code, int system_error, absl::string_view detail, absl::string_view path);

}  // namespace throughline
