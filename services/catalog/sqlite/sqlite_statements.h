// The text of every statement and script that the SQLite engine runs. Constants; any thread.
#pragma once

#include "services/catalog/sqlite/sqlite_connection.h"

namespace throughline {

// The schema's version, in PRAGMA user_version. A change of the schema adds a migration to sqlite_schema.cc.
inline constexpr int kSqliteSchemaVersion = 1;
// "TLCT" in PRAGMA application_id: tells our files from other SQLite files.
inline constexpr int kSqliteApplicationId = 0x544C4354;

const char* StatementText(SqlStatement statement);

// Creates the schema in an empty file and stamps it.
extern const char* const kCreateSchemaScript;
// Settings of every connection, of the writer's and of the readers'.
extern const char* const kConnectionScript;
extern const char* const kWriterScript;
extern const char* const kReaderScript;

}  // namespace throughline
