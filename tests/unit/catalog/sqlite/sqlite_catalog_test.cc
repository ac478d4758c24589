#include "services/catalog/sqlite/sqlite_catalog.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <filesystem>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using testing::HasMessage;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::StatusIs;

v1::Department MakeDepartment(const std::string& description) {
  v1::Department department;
  department.set_description(description);
  return department;
}

class SqliteCatalogTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<SqliteCatalog>> Open() {
    SqliteCatalogOptions options;
    options.path = path_;
    options.clock = &clock_;
    return SqliteCatalog::Open(options);
  }
  absl::StatusOr<Revision> Put(Catalog& catalog, const std::string& name, const std::string& description = "x") {
    return catalog.Write([&](WriteTransaction& t) { return t.Put(name, MakeDepartment(description)); });
  }
  // Runs a script on the file as another program would.
  void RunSql(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  testing::TempDir directory_;
  const std::string path_ = directory_ / "catalog.db";
  testing::FakeClock clock_;
};

TEST_F(SqliteCatalogTest, Open_FileOfANewerProgram_IsRefusedAndNamesBothVersions) {
  ASSERT_OK(Open());
  RunSql("PRAGMA user_version = 7");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition,
                               ::testing::AllOf(HasReason("STORE_VERSION_UNSUPPORTED"), HasMessage(HasSubstr("7")))));
}

TEST_F(SqliteCatalogTest, Open_FileThatIsNoDatabase_IsDataLoss) {
  testing::WriteFile(path_, std::string(10'000, 'n'));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
}

TEST_F(SqliteCatalogTest, Open_DatabaseOfAnotherProgram_IsRefusedAndLeftAlone) {
  RunSql("CREATE TABLE other (x); INSERT INTO other VALUES (1)");
  const std::string before = testing::ReadFile(path_);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
  EXPECT_EQ(testing::ReadFile(path_), before);
}

TEST_F(SqliteCatalogTest, Open_DamagedPages_IsDataLossAndNotACrash) {
  {
    ASSERT_OK_AND_ASSIGN(auto catalog, Open());
    for (int i = 0; i < 50; ++i) ASSERT_OK(Put(*catalog, absl::StrCat("c/d", i), std::string(2000, 'x')));
  }
  std::string bytes = testing::ReadFile(path_);
  ASSERT_GT(bytes.size(), 50'000u);
  for (size_t i = 4096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  testing::WriteFile(path_, bytes);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
}

TEST_F(SqliteCatalogTest, Open_WhileItIsOpen_IsRefused) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("STORE_LOCKED")));
  ASSERT_OK(Put(*catalog, "c/d"));
}

TEST_F(SqliteCatalogTest, Open_InADirectoryThatDoesNotExist_IsRefused) {
  SqliteCatalogOptions options;
  options.path = directory_ / "absent/catalog.db";
  EXPECT_THAT(SqliteCatalog::Open(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("STORE_NOT_WRITABLE")));
}

TEST_F(SqliteCatalogTest, Write_WhileAnotherProgramHoldsTheLock_SaysSoAndWorksAfterwards) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_THAT(Put(*catalog, "c/d"), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("STORE_LOCKED")));
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  EXPECT_THAT(Put(*catalog, "c/d"), testing::IsOkAndHolds(Revision{1}));
}

// Holds the writer inside a transaction until Release.
class HeldWriter {
 public:
  explicit HeldWriter(Catalog& catalog)
      : thread_([this, &catalog] {
          (void)catalog.Write([this](WriteTransaction&) {
            inside_.set_value();
            leave_.get_future().wait();
            return absl::OkStatus();
          });
        }) {
    inside_.get_future().wait();
  }
  void Release() { leave_.set_value(); }
  ~HeldWriter() { thread_.join(); }

 private:
  std::promise<void> inside_;
  std::promise<void> leave_;
  std::thread thread_;
};

TEST_F(SqliteCatalogTest, Stats_CountChangingTransactionsAndTheirCommits) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  ASSERT_OK(Put(*catalog, "c/a"));
  ASSERT_OK(Put(*catalog, "c/b"));
  ASSERT_OK(catalog->Write([](WriteTransaction&) { return absl::OkStatus(); }));
  EXPECT_EQ(catalog->Stats().transactions, 2);
  EXPECT_EQ(catalog->Stats().groups, 2);
}

TEST_F(SqliteCatalogTest, Write_MoreThanMayWait_IsRefusedAtOnce) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  constexpr int kTooMany = 40;
  const int writers_count = static_cast<int>(limits::kCatalogQueueMax) + kTooMany;
  std::atomic<int> refused{0};
  std::atomic<int> written{0};
  std::vector<std::thread> writers;
  {
    HeldWriter held(*catalog);
    for (int i = 0; i < writers_count; ++i) {
      writers.emplace_back([&, i] {
        const auto result = Put(*catalog, absl::StrCat("c/d", i));
        if (result.ok()) {
          ++written;
        } else {
          EXPECT_THAT(result, StatusIs(absl::StatusCode::kResourceExhausted, HasReason("OVERLOADED")));
          ++refused;
        }
      });
    }
    while (refused < kTooMany) std::this_thread::yield();
    held.Release();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(refused, kTooMany);
  EXPECT_EQ(written, static_cast<int>(limits::kCatalogQueueMax));
  EXPECT_EQ(catalog->LatestRevision().value, static_cast<int64_t>(limits::kCatalogQueueMax));
}

TEST_F(SqliteCatalogTest, Read_MoreThanMayBeOpen_WaitsForOneToGo) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  ASSERT_OK(Put(*catalog, "c/d"));
  std::vector<std::unique_ptr<CatalogReader>> readers;
  for (int i = 0; i < limits::kCatalogReaderCountMax; ++i) {
    ASSERT_OK_AND_ASSIGN(auto reader, catalog->Read());
    readers.push_back(std::move(reader));
  }
  auto next = std::async(std::launch::async, [&] { return catalog->Read().ok(); });
  readers.pop_back();
  EXPECT_TRUE(next.get());
  // A hot document needs no reader.
  EXPECT_OK(catalog->FindLatest("c/d"));
}

TEST_F(SqliteCatalogTest, Compact_GivesTheRoomBackToLaterWrites) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 30; ++i) ASSERT_OK(Put(*catalog, "c/d", std::string(20'000, static_cast<char>('a' + round))));
    ASSERT_OK(catalog->Compact(catalog->LatestRevision()));
  }
  catalog.reset();
  // Six rounds wrote 3.6 MB; one round's worth is all that is ever alive.
  EXPECT_LT(std::filesystem::file_size(path_), 1'500'000u);
}

// While it lives, no file of this process can grow beyond a size: what a full disk is like.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  sighandler_t handler_;
};

TEST_F(SqliteCatalogTest, Write_OnAFullDisk_IsRefusedLosesNothingAndRecovers) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  ASSERT_OK(Put(*catalog, "c/before", "kept"));
  int64_t written = 1;
  {
    FileSizeLimit limit(600'000);
    absl::StatusOr<Revision> result = Revision{};
    while (result.ok() && written < 1000) {
      result = Put(*catalog, absl::StrCat("c/d", written), std::string(20'000, 'x'));
      if (!result.ok()) break;
      EXPECT_EQ(result->value, ++written);
    }
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL")));
    // Readers go on.
    ASSERT_OK_AND_ASSIGN(auto found, catalog->FindLatest("c/before"));
    EXPECT_TRUE(found.has_value());
    EXPECT_EQ(catalog->LatestRevision().value, written);
    EXPECT_THAT(Put(*catalog, "c/again", std::string(2'000'000, 'x')),
                StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL")));
    EXPECT_EQ(catalog->LatestRevision().value, written);
  }
  EXPECT_THAT(Put(*catalog, "c/after"), testing::IsOkAndHolds(Revision{written + 1}));
  catalog.reset();
  ASSERT_OK_AND_ASSIGN(catalog, Open());
  EXPECT_EQ(catalog->LatestRevision().value, written + 1);
  ASSERT_OK_AND_ASSIGN(auto changes, catalog->Changes({}, 100000));
  EXPECT_EQ(changes.size(), static_cast<size_t>(written + 1));
}

TEST_F(SqliteCatalogTest, Write_GroupWhoseCommitFails_FailsAsAWholeAndLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(auto catalog, Open());
  ASSERT_OK(Put(*catalog, "c/before"));
  std::vector<std::future<absl::StatusOr<Revision>>> results;
  {
    HeldWriter held(*catalog);
    for (int i = 0; i < 8; ++i) {
      results.push_back(std::async(
          std::launch::async, [&, i] { return Put(*catalog, absl::StrCat("c/d", i), std::string(500'000, 'x')); }));
    }
    FileSizeLimit limit(300'000);
    held.Release();
    for (auto& result : results) {
      EXPECT_THAT(result.get(), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL")));
    }
  }
  EXPECT_EQ(catalog->LatestRevision(), Revision{1});
  for (int i = 0; i < 8; ++i) {
    ASSERT_OK_AND_ASSIGN(auto found, catalog->FindLatest(absl::StrCat("c/d", i)));
    EXPECT_FALSE(found.has_value());
  }
  EXPECT_THAT(Put(*catalog, "c/after"), testing::IsOkAndHolds(Revision{2}));
}

}  // namespace
}  // namespace throughline
