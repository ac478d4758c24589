#include "services/catalog/sqlite/sqlite_writer.h"

#include <atomic>
#include <future>
#include <thread>

#include "services/catalog/sqlite/sqlite_schema.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using testing::HasReason;
using testing::StatusIs;

class SqliteWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = directory_ / "catalog.db";
    ASSERT_OK_AND_ASSIGN(auto connection, SqliteConnection::Open(path, SqliteConnection::Mode::kWrite));
    ASSERT_OK(PrepareSqliteSchema(*connection, path));
    ASSERT_OK_AND_ASSIGN(const SqliteState state, ReadSqliteState(*connection));
    writer_ = std::make_unique<SqliteWriter>(std::move(connection), state, clock_, cache_);
  }
  static absl::Status Put(WriteTransaction& t) { return t.Put("c/d", v1::Department()); }

  testing::TempDir directory_;
  testing::FakeClock clock_;
  DocumentCache cache_{1 << 20};
  std::unique_ptr<SqliteWriter> writer_;
};

TEST_F(SqliteWriterTest, Stop_FinishesTheRunningGroupAndRefusesTheRest) {
  std::promise<void> inside;
  std::promise<void> leave;
  auto running = std::async(std::launch::async, [&] {
    return writer_->Write([&](WriteTransaction& t) {
      inside.set_value();
      leave.get_future().wait();
      return Put(t);
    });
  });
  inside.get_future().wait();
  auto waiting = std::async(std::launch::async, [&] { return writer_->Write(Put); });
  while (writer_->waiting() == 0) std::this_thread::yield();
  writer_->RequestStop();
  leave.set_value();
  writer_->Stop();
  EXPECT_OK(running.get());
  EXPECT_THAT(waiting.get(), StatusIs(absl::StatusCode::kUnavailable, HasReason("SHUTTING_DOWN")));
  EXPECT_THAT(writer_->Write(Put), StatusIs(absl::StatusCode::kUnavailable, HasReason("SHUTTING_DOWN")));
  EXPECT_EQ(cache_.revision(), Revision{1});
}

TEST_F(SqliteWriterTest, Write_OfWaitingTransactions_SharesOneCommit) {
  constexpr int kWriters = 32;
  std::promise<void> inside;
  std::promise<void> leave;
  std::vector<std::future<absl::StatusOr<Revision>>> writes;
  writes.push_back(std::async(std::launch::async, [&] {
    return writer_->Write([&](WriteTransaction& t) {
      inside.set_value();
      leave.get_future().wait();
      return Put(t);
    });
  }));
  inside.get_future().wait();
  for (int i = 0; i < kWriters; ++i) {
    writes.push_back(std::async(std::launch::async, [&] { return writer_->Write(Put); }));
  }
  while (writer_->waiting() < kWriters) std::this_thread::yield();
  leave.set_value();
  for (auto& write : writes) EXPECT_OK(write.get());
  EXPECT_EQ(writer_->counters().transactions, 1 + kWriters);
  EXPECT_EQ(writer_->counters().groups, 2);
}

}  // namespace
}  // namespace throughline
