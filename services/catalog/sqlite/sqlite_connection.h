// One connection to the catalog's SQLite file, with its prepared statements.
// A connection and its statements are used by one thread at a time.
//
// Every statement's text is a constant in sqlite_statements.cc and is prepared once per connection; values are only
// ever bound.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace throughline {

// The statements; StatementText has their SQL.
enum class SqlStatement {
  kBegin,
  kBeginImmediate,
  kCommit,
  kRollback,
  kSavepoint,
  kReleaseSavepoint,
  kRollbackToSavepoint,
  kReadApplicationId,
  kReadUserVersion,
  kReadJournalMode,
  kCountSchemaObjects,
  kReadState,
  kFindDocument,
  kListCollection,
  kListByType,
  kHistory,
  kChanges,
  kInsertDocument,
  kInsertDocumentType,
  kPutDocumentRevision,
  kInsertChange,
  kInsertRevision,
  kLatestRevisionNotAfter,
  kSetHorizon,
  kChangesToCompact,
  kDeleteSupersededRevisions,
  kDeleteDeadRevisions,
  kDeleteEmptyDocumentTypes,
  kDeleteEmptyDocument,
  kDeleteChangesBefore,
  kDeleteRevisionsBefore,
  kCount,
};

class SqliteConnection {
 public:
  enum class Mode { kWrite, kRead };

  // Opens the file; a writer creates it where there is none. Codes: MapSqliteError.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  // Runs one of our constant scripts (pragmas and the schema), which take no values.
  absl::Status RunScript(const char* constant_sql);
  // Runs a statement that takes no values.
  absl::Status Run(SqlStatement statement);

  // Whether a transaction is open. SQLite itself ends it after some failures.
  bool InTransaction() const;
  int64_t LastInsertId() const;
  // The latest failure of this connection.
  absl::Status Error(int code) const;

 private:
  friend class SqliteQuery;
  explicit SqliteConnection(std::string path) : path_(std::move(path)) {}
  // The prepared statement; prepares it at its first use.
  absl::StatusOr<sqlite3_stmt*> Prepare(SqlStatement statement);

  const std::string path_;
  sqlite3* database_ = nullptr;
  std::array<sqlite3_stmt*, static_cast<size_t>(SqlStatement::kCount)> statements_{};
};

// One execution of a prepared statement: bind the values in order, step, read columns. Resets the statement when it
// ends. At most one execution of a statement at a time.
class SqliteQuery {
 public:
  SqliteQuery(SqliteConnection& connection, SqlStatement statement);
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  // Each binds the next parameter. What is bound must live until the query ends.
  SqliteQuery& Bind(int64_t value);
  SqliteQuery& Bind(std::optional<int64_t> value);
  SqliteQuery& BindText(absl::string_view value);
  SqliteQuery& BindBlob(absl::string_view value);

  // The next row; false when there is none left.
  absl::StatusOr<bool> Step();
  // Runs a statement that gives no rows.
  absl::Status Run();

  int64_t Int(int column) const;
  std::optional<int64_t> OptionalInt(int column) const;
  std::string Bytes(int column) const;

 private:
  void Check(int code);

  SqliteConnection& connection_;
  sqlite3_stmt* statement_ = nullptr;
  absl::Status status_;
  int next_parameter_ = 1;
};

}  // namespace throughline
