#include "services/catalog/sqlite/sqlite_schema.h"

#include "services/base/status_macros.h"
#include "services/catalog/sqlite/sqlite_statements.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

absl::StatusOr<int64_t> ReadNumber(SqliteConnection& connection, SqlStatement statement) {
  SqliteQuery query(connection, statement);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? query.Int(0) : 0;
}

}  // namespace

absl::Status PrepareSqliteSchema(SqliteConnection& connection, const std::string& path) {
  ASSIGN_OR_RETURN(const int64_t application_id, ReadNumber(connection, SqlStatement::kReadApplicationId));
  ASSIGN_OR_RETURN(const int64_t version, ReadNumber(connection, SqlStatement::kReadUserVersion));
  ASSIGN_OR_RETURN(const int64_t object_count, ReadNumber(connection, SqlStatement::kCountSchemaObjects));
  const bool empty = object_count == 0;
  if (!empty && application_id != kSqliteApplicationId) {
    return StoreDamaged("the catalog", path, "a SQLite file of another program");
  }
  if (!empty && version > kSqliteSchemaVersion) {
    return StoreVersionUnsupported("the catalog", path, version, kSqliteSchemaVersion);
  }
  RETURN_IF_ERROR(connection.RunScript(kWriterScript));
  {
    SqliteQuery query(connection, SqlStatement::kReadJournalMode);
    ASSIGN_OR_RETURN(const bool row, query.Step());
    // SQLite keeps the old mode where the file system has no shared memory.
    if (!row || query.Bytes(0) != "wal") {
      return StoreNotWritable("the catalog (its file system does not allow a write-ahead log)", path);
    }
  }
  return empty ? connection.RunScript(kCreateSchemaScript) : absl::OkStatus();
}

}  // namespace throughline
