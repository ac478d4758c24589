// Disks that are full, fail, or come back with other bytes than were written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "services/events/native/native_event_store.h"
#include "tests/contract/events/event_builder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

enum class Fault { kNone, kNoSpace, kNoSpaceForTables, kIoError, kNoSpaceOnSync };

// Writes fail in the way that the test says.
class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, const std::atomic<Fault>& fault)
      : FSWritableFileOwnerWrapper(std::move(file)), fault_(fault) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = Check(false); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Append(data, options, context);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = Check(false); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Append(data, options, info, context);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = Check(true); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus status = Check(true); !status.ok()) return status;
    return FSWritableFileOwnerWrapper::Fsync(options, context);
  }

 private:
  rocksdb::IOStatus Check(bool is_sync) const {
    switch (fault_.load()) {
      case Fault::kNone:
      case Fault::kNoSpaceForTables:
        return rocksdb::IOStatus::OK();
      case Fault::kNoSpace:
        return rocksdb::IOStatus::NoSpace("No space left on device");
      case Fault::kNoSpaceOnSync:
        return is_sync ? rocksdb::IOStatus::NoSpace("No space left on device") : rocksdb::IOStatus::OK();
      case Fault::kIoError:
        return rocksdb::IOStatus::IOError("While appending", "Input/output error");
    }
    return rocksdb::IOStatus::OK();
  }
  const std::atomic<Fault>& fault_;
};

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    const bool is_table = absl::EndsWith(name, ".sst");
    if (fault == Fault::kNoSpace || (fault == Fault::kNoSpaceForTables && is_table)) {
      return rocksdb::IOStatus::NoSpace("No space left on device");
    }
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, context);
    if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(*file), fault);
    return status;
  }
  std::atomic<Fault> fault = Fault::kNone;
};

class FailingDiskTest : public ::testing::Test {
 protected:
  FailingDiskTest() : files_(std::make_shared<FaultyFileSystem>()), env_(rocksdb::NewCompositeEnv(files_)) {}

  absl::StatusOr<std::unique_ptr<EventStore>> Open() {
    NativeEventStoreOptions options;
    options.directory = directory_ / "events";
    options.env = env_.get();
    return NativeEventStore::Open(options);
  }
  static absl::StatusOr<AppendResult> Append(EventStore& store, const std::vector<v1::CustomerEvent>& events) {
    std::vector<const v1::CustomerEvent*> pointers;
    for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
    return store.AppendAndWait("w", pointers);
  }
  static int64_t Count(EventStore& store) {
    const auto view = store.View("w");
    EXPECT_THAT(view, IsOk());
    return (*view)->Statistics().events;
  }

  // The disk does `fault` for some appends and recovers.
  void FailAndRecover(Fault fault, absl::StatusCode code, const char* reason) {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(Append(**store, {Event("before")}), IsOk());
    files_->fault = fault;
    EXPECT_THAT(Append(**store, {Event("lost"), Event("before"), Event("lost too").Customer("new")}),
                StatusIs(code, HasReason(reason)));
    EXPECT_EQ(Append(**store, {Event("lost")}).status().code(), code);
    EXPECT_EQ(Count(**store), 1);
    EXPECT_FALSE((*(*(*store)->View("w"))->FindCustomer("new")).has_value());
    // Who appends nothing learns it too, which is how the server knows its health while nobody records.
    EXPECT_THAT((*store)->AppendAndWait("health", {}), StatusIs(code, HasReason(reason)));
    // Reading goes on: what was recorded is still known as such.
    EXPECT_THAT(Append(**store, {Event("before")})->outcomes, ElementsAre(AppendOutcome::kDuplicate));
    files_->fault = Fault::kNone;
    EXPECT_THAT((*store)->AppendAndWait("health", {}), IsOk());
    const auto after = Append(**store, {Event("after"), Event("lost too").Customer("new")});
    ASSERT_THAT(after, IsOk());
    EXPECT_THAT(after->outcomes, Each(AppendOutcome::kRecorded));
    EXPECT_EQ(after->watermark, EventSequence{3});
    EXPECT_EQ(Count(**store), 3);
    store->reset();
    store = Open();
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ(Count(**store), 3);
    EXPECT_THAT(Append(**store, {Event("lost")})->outcomes, ElementsAre(AppendOutcome::kRecorded));
  }

  TempDir directory_;
  std::shared_ptr<FaultyFileSystem> files_;
  std::unique_ptr<rocksdb::Env> env_;
};

TEST_F(FailingDiskTest, FullDisk_IsResourceExhaustedAndWritingGoesOnWhenThereIsSpace) {
  FailAndRecover(Fault::kNoSpace, absl::StatusCode::kResourceExhausted, "STORAGE_FULL");
}

TEST_F(FailingDiskTest, FullDiskOnSync_IsResourceExhaustedAndWritingGoesOnWhenThereIsSpace) {
  FailAndRecover(Fault::kNoSpaceOnSync, absl::StatusCode::kResourceExhausted, "STORAGE_FULL");
}

// Some room is left: enough to try again, too little to open the log anew.
TEST_F(FailingDiskTest, NearlyFullDisk_IsStillReadAndWritingGoesOnWhenThereIsSpace) {
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT(Append(**store, {Event("before")}), IsOk());
  files_->fault = Fault::kNoSpace;
  const auto is_full = StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL"));
  EXPECT_THAT(Append(**store, {Event("lost")}), is_full);
  files_->fault = Fault::kNoSpaceForTables;
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THAT(Append(**store, {Event("lost")}), is_full);
    EXPECT_THAT(Append(**store, {Event("before")})->outcomes, ElementsAre(AppendOutcome::kDuplicate));
    const auto events = (*(*store)->View("w"))->CustomerEvents("c", 0, 10);
    ASSERT_THAT(events, IsOk());
    EXPECT_EQ(events->size(), 1u);
  }
  files_->fault = Fault::kNone;
  EXPECT_THAT(Append(**store, {Event("lost")})->outcomes, ElementsAre(AppendOutcome::kRecorded));
  store->reset();
  store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ(Count(**store), 2);
}

TEST_F(FailingDiskTest, BrokenDisk_IsUnavailableAndWritingGoesOnWhenItIsBack) {
  FailAndRecover(Fault::kIoError, absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE");
}

TEST_F(FailingDiskTest, Open_OnAFullDisk_IsResourceExhausted) {
  files_->fault = Fault::kNoSpace;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL")));
  files_->fault = Fault::kNone;
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(FailingDiskTest, Open_NewerFormat_IsRefusedInWords) {
  ASSERT_THAT(Open(), IsOk());
  WriteFile(directory_ / "events/FORMAT", "throughline events 3\n");
  const auto refused = Open();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("STORE_VERSION_UNSUPPORTED")));
  WriteFile(directory_ / "events/FORMAT", "something else\n");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
  std::filesystem::remove(directory_ / "events/FORMAT");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
}

// The path of the one file with this ending in the log that has bytes.
std::string FindFile(const std::string& directory, absl::string_view ending) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (absl::EndsWith(entry.path().string(), ending) && entry.file_size() > 0) return entry.path();
  }
  ADD_FAILURE() << "no " << ending << " in " << directory;
  return "";
}

TEST_F(FailingDiskTest, Open_DamageInTheMiddleOfTheLog_IsDataLossAndNotSilentlyCutOff) {
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    for (int i = 0; i < 50; ++i) ASSERT_THAT(Append(**store, {Event(absl::StrCat("e", i))}), IsOk());
  }
  const std::string path = FindFile(directory_ / "events/log", ".log");
  std::string bytes = ReadFile(path);
  bytes[bytes.size() / 2] ^= 0x40;
  WriteFile(path, bytes);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasReason("STORE_DAMAGED")));
}

TEST_F(FailingDiskTest, Open_LogCutOffInItsLastRecord_FindsAllBefore) {
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    for (int i = 0; i < 5; ++i) ASSERT_THAT(Append(**store, {Event(absl::StrCat("e", i))}), IsOk());
  }
  const std::string path = FindFile(directory_ / "events/log", ".log");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_EQ(Count(**store), 4);
  EXPECT_THAT(Append(**store, {Event("e4")})->outcomes, ElementsAre(AppendOutcome::kRecorded));
}

}  // namespace
}  // namespace throughline::testing
