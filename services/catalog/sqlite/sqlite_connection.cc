#include "services/catalog/sqlite/sqlite_connection.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "services/base/status_macros.h"
#include "services/catalog/sqlite/sqlite_errors.h"
#include "services/catalog/sqlite/sqlite_statements.h"

namespace throughline {
namespace {

// Readers can meet a lock for a moment, while the log is recovered or the file is opened; nobody else holds one.
constexpr int kBusyTimeoutMs = 2000;

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path, Mode mode) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path));
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode == Mode::kWrite) flags |= SQLITE_OPEN_CREATE;
  errno = 0;
  const int code = sqlite3_open_v2(path.c_str(), &connection->database_, flags, nullptr);
  if (code != SQLITE_OK) return connection->Error(code);
  sqlite3_busy_timeout(connection->database_, kBusyTimeoutMs);
  RETURN_IF_ERROR(connection->RunScript(kConnectionScript));
  if (mode == Mode::kRead) RETURN_IF_ERROR(connection->RunScript(kReaderScript));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

absl::Status SqliteConnection::RunScript(const char* constant_sql) {
  errno = 0;
  const int code = sqlite3_exec(database_, constant_sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::Status SqliteConnection::Run(SqlStatement statement) { return SqliteQuery(*this, statement).Run(); }

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(database_) == 0; }

int64_t SqliteConnection::LastInsertId() const { return sqlite3_last_insert_rowid(database_); }

absl::Status SqliteConnection::Error(int code) const {
  // SQLite does not keep the errno of a failed COMMIT: then it is still the one that the system has set.
  const int last_error = errno;
  int system_error = database_ == nullptr ? 0 : sqlite3_system_errno(database_);
  if (system_error == 0) system_error = last_error;
  const char* detail = database_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database_);
  return MapSqliteError(code, system_error, detail, path_);
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(SqlStatement statement) {
  sqlite3_stmt*& prepared = statements_[static_cast<size_t>(statement)];
  if (prepared != nullptr) return prepared;
  const int code =
      sqlite3_prepare_v3(database_, StatementText(statement), -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return Error(code);
  return prepared;
}

SqliteQuery::SqliteQuery(SqliteConnection& connection, SqlStatement statement) : connection_(connection) {
  absl::StatusOr<sqlite3_stmt*> prepared = connection.Prepare(statement);
  if (prepared.ok()) {
    statement_ = *prepared;
  } else {
    status_ = prepared.status();
  }
}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteQuery& SqliteQuery::Bind(int64_t value) {
  if (status_.ok()) Check(sqlite3_bind_int64(statement_, next_parameter_++, value));
  return *this;
}

SqliteQuery& SqliteQuery::Bind(std::optional<int64_t> value) {
  if (value.has_value()) return Bind(*value);
  if (status_.ok()) Check(sqlite3_bind_null(statement_, next_parameter_++));
  return *this;
}

SqliteQuery& SqliteQuery::BindText(absl::string_view value) {
  // A null pointer would bind NULL, not the empty text.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (status_.ok()) {
    Check(sqlite3_bind_text64(statement_, next_parameter_++, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  return *this;
}

SqliteQuery& SqliteQuery::BindBlob(absl::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  if (status_.ok()) Check(sqlite3_bind_blob64(statement_, next_parameter_++, data, value.size(), SQLITE_STATIC));
  return *this;
}

absl::StatusOr<bool> SqliteQuery::Step() {
  if (!status_.ok()) return status_;
  errno = 0;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  status_ = connection_.Error(code);
  return status_;
}

absl::Status SqliteQuery::Run() { return Step().status(); }

int64_t SqliteQuery::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::optional<int64_t> SqliteQuery::OptionalInt(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return Int(column);
}

std::string SqliteQuery::Bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);  // before the size, as SQLite asks
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

void SqliteQuery::Check(int code) {
  if (code != SQLITE_OK) status_ = connection_.Error(code);
}

}  // namespace throughline
