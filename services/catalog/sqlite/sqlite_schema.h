// The catalog's schema: creates it in a new file, recognises it in an old one.
// Stateless; any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "services/catalog/sqlite/sqlite_connection.h"

namespace throughline {

// Makes the writer's connection ready: checks whose file it is and which version, switches to the write-ahead log and
// creates the schema where the file is empty. Nothing is changed in a file that is refused: STORE_VERSION_UNSUPPORTED
// for one of a newer program, STORE_DAMAGED for one that is not a catalog.
absl::Status PrepareSqliteSchema(SqliteConnection& connection, const std::string& path);

}  // namespace throughline
