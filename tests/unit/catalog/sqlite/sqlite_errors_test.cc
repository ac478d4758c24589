#include "services/catalog/sqlite/sqlite_errors.h"

#include <sqlite3.h>

#include <cerrno>

#include "services/base/log.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using testing::HasMessage;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

struct Row {
  const char* name;
  int code;
  int system_error;
  absl::StatusCode status;
  const char* reason;
};

class MapSqliteErrorTest : public ::testing::TestWithParam<Row> {};

TEST_P(MapSqliteErrorTest, Code_BecomesOneOfOurErrors) {
  const Row& row = GetParam();
  EXPECT_THAT(MapSqliteError(row.code, row.system_error, "detail of SQLite", "/data/catalog.db"),
              StatusIs(row.status, HasReason(row.reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Table, MapSqliteErrorTest,
    ::testing::Values(
        Row{"Full", SQLITE_FULL, 0, absl::StatusCode::kResourceExhausted, "STORAGE_FULL"},
        Row{"WriteNoSpace", SQLITE_IOERR_WRITE, ENOSPC, absl::StatusCode::kResourceExhausted, "STORAGE_FULL"},
        Row{"WriteQuota", SQLITE_IOERR_WRITE, EDQUOT, absl::StatusCode::kResourceExhausted, "STORAGE_FULL"},
        Row{"WriteFileLimit", SQLITE_IOERR_WRITE, EFBIG, absl::StatusCode::kResourceExhausted, "STORAGE_FULL"},
        Row{"Write", SQLITE_IOERR_WRITE, EIO, absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"Fsync", SQLITE_IOERR_FSYNC, 0, absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"Read", SQLITE_IOERR_READ, EIO, absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"NoMemory", SQLITE_NOMEM, 0, absl::StatusCode::kResourceExhausted, "OVERLOADED"},
        Row{"TooBig", SQLITE_TOOBIG, 0, absl::StatusCode::kResourceExhausted, "LIMIT_EXCEEDED"},
        Row{"Corrupt", SQLITE_CORRUPT, 0, absl::StatusCode::kDataLoss, "STORE_DAMAGED"},
        Row{"CorruptIndex", SQLITE_CORRUPT_INDEX, 0, absl::StatusCode::kDataLoss, "STORE_DAMAGED"},
        Row{"NotADatabase", SQLITE_NOTADB, 0, absl::StatusCode::kDataLoss, "STORE_DAMAGED"},
        Row{"Busy", SQLITE_BUSY, 0, absl::StatusCode::kFailedPrecondition, "STORE_LOCKED"},
        Row{"BusyRecovery", SQLITE_BUSY_RECOVERY, 0, absl::StatusCode::kFailedPrecondition, "STORE_LOCKED"},
        Row{"Locked", SQLITE_LOCKED, 0, absl::StatusCode::kFailedPrecondition, "STORE_LOCKED"},
        Row{"Protocol", SQLITE_PROTOCOL, 0, absl::StatusCode::kFailedPrecondition, "STORE_LOCKED"},
        Row{"CannotOpen", SQLITE_CANTOPEN, ENOENT, absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE"},
        Row{"Permission", SQLITE_PERM, EACCES, absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE"},
        Row{"ReadOnly", SQLITE_READONLY, 0, absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE"},
        Row{"Authorization", SQLITE_AUTH, 0, absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE"},
        Row{"Constraint", SQLITE_CONSTRAINT_UNIQUE, 0, absl::StatusCode::kInternal, "INTERNAL"},
        Row{"Misuse", SQLITE_MISUSE, 0, absl::StatusCode::kInternal, "INTERNAL"},
        Row{"Error", SQLITE_ERROR, 0, absl::StatusCode::kInternal, "INTERNAL"}),
    [](const auto& info) { return info.param.name; });

TEST(SqliteErrorsTest, DamagedFile_IsNamedWithSqlitesWords) {
  EXPECT_THAT(MapSqliteError(SQLITE_NOTADB, 0, "file is not a database", "/data/catalog.db"),
              HasMessage(::testing::AllOf(HasSubstr("/data/catalog.db"), HasSubstr("file is not a database"))));
}

TEST(SqliteErrorsTest, InternalError_KeepsSqlitesWordsOutOfTheAnswer) {
  EXPECT_THAT(MapSqliteError(SQLITE_ERROR, 0, "no such table: secrets", "/data/catalog.db"),
              HasMessage(Not(HasSubstr("secrets"))));
}

}  // namespace
}  // namespace throughline
