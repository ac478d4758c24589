// Erasure on a disk: kill -9 before any operation on a file, a disk that is full, a sync that fails. Either the
// customer is there as before, or nowhere: then no file of the store has a byte of what only this customer had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/events/native/native_event_store.h"
#include "tests/contract/events/event_builder.h"
#include "tests/integration/events_crash/child_process.h"
#include "tests/support/files.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kOthers = 4500;  // events: a file of a property has 4096
constexpr int kSecretEvents = 40;

v1::CustomerEvent SecretEvent(int number) {
  const std::string text = absl::StrCat(kSecret, number % 7);
  return Event(absl::StrCat(kSecret, "-id-", number))
      .Source(absl::StrCat(kSecret, "-source"))
      .Customer(kSecret)
      .Name(absl::StrCat(text, "-name"))
      .Channel(absl::StrCat(text, "-channel"))
      .Department(absl::StrCat(text, "-department"))
      .Score(7, absl::StrCat(text, "-survey"))
      .Property("note", absl::StrCat(text, "-note"))
      .Property(absl::StrCat(kSecret, "-key"), "value")
      .At(number * 100);
}

v1::CustomerEvent OtherEvent(int number) {
  return Event(absl::StrCat("id-", number))
      .Customer(absl::StrCat("customer-", number % 90))
      .Name(number % 3 == 0 ? "visit" : "order")
      .Property("note", absl::StrCat("note-", number % 50))
      .At(number);
}

absl::StatusOr<AppendResult> Append(EventStore& store, const std::vector<v1::CustomerEvent>& events) {
  std::vector<const v1::CustomerEvent*> pointers;
  for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
  return store.AppendAndWait("w", pointers);
}

absl::StatusOr<ErasureResult> Erase(EventStore& store, const std::string& customer) {
  std::promise<absl::StatusOr<ErasureResult>> promise;
  store.Erase("w", customer, [&](absl::StatusOr<ErasureResult> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

int64_t CountNotes(const EventView& view, const std::string& note) {
  VolumeQuery query;
  query.windows = {TimeRange()};
  query.any_of = {Select({}, absl::StrCat("properties.note = \"", note, "\""))};
  const auto answer = view.Volume(query);
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? (*answer)[0].whole().events : -1;
}

// Files below the directory that have the text somewhere.
std::vector<std::string> FilesWith(const std::string& directory, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && absl::StrContains(ReadFile(entry.path()), text)) out.push_back(entry.path());
  }
  return out;
}

class ErasureCrashTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<EventStore>> Open(const std::string& directory, rocksdb::Env* env = nullptr) {
    NativeEventStoreOptions options;
    options.directory = directory;
    options.limits.open_identities_max = kOpenIdentities;
    options.limits.open_events_max = kOpenEvents;
    options.env = env;
    return NativeEventStore::Open(options);
  }

  // Everything is in files: tables and the write-ahead log, dictionaries, segments, a property, identities.
  void Prepare(const std::string& directory) {
    auto store = Open(directory);
    ASSERT_THAT(store, IsOk());
    CountNotes(**(*store)->View("w"), "note-1");
    for (int from = 0; from < kOthers; from += 500) {
      std::vector<v1::CustomerEvent> events;
      for (int i = from; i < from + 500; ++i) {
        events.push_back(OtherEvent(i));
        if (i % (kOthers / kSecretEvents) == 0) events.push_back(SecretEvent(i / (kOthers / kSecretEvents)));
      }
      ASSERT_THAT(Append(**store, events), IsOk());
      CountNotes(**(*store)->View("w"), "note-1");
    }
    store->reset();
    // The last event of the log is the customer's, and in no file but the log's.
    store = Open(directory);
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(Append(**store, {SecretEvent(kSecretEvents + 1)}), IsOk());
    events_ = (*(*store)->View("w"))->Statistics().events;
    ASSERT_EQ(events_, kOthers + (*(*(*store)->View("w"))->FindCustomer(kSecret))->event_count);
    notes_ = CountNotes(**(*store)->View("w"), "note-1");
  }

  // With the customer, or without. Returns whether with.
  bool Check(EventStore& store) {
    const auto view = *store.View("w");
    const auto secret = *view->FindCustomer(kSecret);
    const EventStatistics statistics = view->Statistics();
    EXPECT_EQ(statistics.events, secret.has_value() ? events_ : kOthers);
    EXPECT_EQ(statistics.customers, secret.has_value() ? 91 : 90);
    EXPECT_EQ(statistics.event_names.size(), secret.has_value() ? 9u : 2u);
    EXPECT_EQ(CountNotes(*view, "note-1"), notes_);
    EXPECT_EQ(CountNotes(*view, absl::StrCat(kSecret, "1-note")) > 0, secret.has_value());
    EXPECT_EQ((*view->CustomerEvents("customer-3", 0, 1000)).size(), static_cast<size_t>(kOthers / 90));
    const AppendOutcome known = secret.has_value() ? AppendOutcome::kDuplicate : AppendOutcome::kErased;
    EXPECT_THAT(Append(store, {SecretEvent(1), SecretEvent(30)})->outcomes, Each(known));
    EXPECT_THAT(Append(store, {OtherEvent(1), OtherEvent(4000)})->outcomes, Each(AppendOutcome::kDuplicate));
    return secret.has_value();
  }

  // What follows any start after an erasure that was begun.
  void Finish(const std::string& directory) {
    auto store = Open(directory);
    ASSERT_THAT(store, IsOk());
    const bool there = Check(**store);
    // Waits for what the start has gone on with; or erases.
    const auto erased = Erase(**store, kSecret);
    ASSERT_THAT(erased, IsOk());
    EXPECT_EQ(erased->events, there ? events_ - kOthers : 0);
    EXPECT_FALSE(Check(**store));
    EXPECT_THAT(FilesWith(directory, kSecret), IsEmpty()) << "while the store is open";
    ASSERT_THAT(Append(**store, {Event("new").Customer("customer-3").At(1'000'000)}), IsOk());
    store->reset();
    EXPECT_THAT(FilesWith(directory, kSecret), IsEmpty());
    store = Open(directory);
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*(*store)->View("w"))->Statistics().events, kOthers + 1);
  }

  TempDir directory_;
  int64_t events_ = 0;
  int64_t notes_ = 0;
};

TEST_F(ErasureCrashTest, Erase_LeavesNothingInAnyFile) {
  const std::string directory = directory_ / "events";
  Prepare(directory);
  EXPECT_THAT(FilesWith(directory, kSecret), Not(IsEmpty())) << "or the search finds nothing";
  Finish(directory);
}

TEST_F(ErasureCrashTest, KillBeforeEachOperation_LeavesTheCustomerWholeOrNothing) {
  Prepare(directory_ / "prepared");
  int with = 0, without = 0;
  for (const char* const folder : {"/log/", "/columns/", "/identities/"}) {
    for (const char* const operation :
         {"create", "append", "sync appended", "write", "sync", "rename", "sync directory", "delete"}) {
      for (int count = 1;; count += 1 + count / 6) {
        SCOPED_TRACE(absl::StrCat("before ", operation, " number ", count, " in ", folder));
        const std::string directory = directory_ / "events";
        std::filesystem::remove_all(directory);
        std::filesystem::copy(directory_ / "prepared", directory, std::filesystem::copy_options::recursive);
        ChildProcess child({"--erase", directory, folder, operation, absl::StrCat(count)});
        const int end = child.Wait();
        ASSERT_TRUE(end == 0 || end == -SIGKILL) << end;
        if (end == 0) {
          EXPECT_THAT(FilesWith(directory, kSecret), IsEmpty());
          break;  // there are no more
        }
        {
          auto store = Open(directory);
          ASSERT_THAT(store, IsOk());
          ++(Check(**store) ? with : without);
        }
        Finish(directory);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(with, 5);
  EXPECT_GT(without, 20);
}

// Disks that are full while files are cleaned: told, and done later.
class FullDiskTest : public ErasureCrashTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FullDiskTest, Erase_WhileFilesCannotBeWritten_IsToldAndDoneLater) {
  const std::string directory = directory_ / "events";
  Prepare(directory);
  std::atomic<bool> full = false;
  const auto env = HookedFileSystem::MakeEnv([&](const char* what, const std::string& path) {
    const bool writes = absl::string_view(what) != "delete";
    if (!full || !writes || !absl::StrContains(path, GetParam())) return rocksdb::IOStatus::OK();
    return rocksdb::IOStatus::NoSpace("No space left on device");
  });
  auto store = Open(directory, env.get());
  ASSERT_THAT(store, IsOk());
  full = true;
  EXPECT_THAT(Erase(**store, kSecret), Not(IsOk()));
  EXPECT_FALSE(Check(**store)) << "gone from every question";
  EXPECT_THAT(FilesWith(directory, kSecret), Not(IsEmpty()));
  full = false;
  const auto again = Erase(**store, kSecret);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->events, 0);
  EXPECT_THAT(FilesWith(directory, kSecret), IsEmpty());
  store->reset();
  Finish(directory);
}

INSTANTIATE_TEST_SUITE_P(Folders, FullDiskTest, ::testing::Values("/columns/"));

// The commit itself fails, at any of its steps: the customer stays, or goes as a whole when the log is opened anew.
TEST_F(ErasureCrashTest, Erase_CommitThatFails_LeavesTheCustomerWholeOrNothing) {
  const std::string directory = directory_ / "events";
  for (const char* const failing : {"append", "sync appended"}) {
    SCOPED_TRACE(failing);
    std::filesystem::remove_all(directory);
    Prepare(directory);
    std::atomic<bool> fails = false;
    const auto env = HookedFileSystem::MakeEnv([&](const char* what, const std::string& path) {
      if (!fails || absl::string_view(what) != failing || !absl::EndsWith(path, ".log")) return rocksdb::IOStatus::OK();
      return rocksdb::IOStatus::IOError("While writing", "Input/output error");
    });
    auto store = Open(directory, env.get());
    ASSERT_THAT(store, IsOk());
    const EventSequence before = (*(*store)->View("w"))->watermark();
    fails = true;
    EXPECT_THAT(Erase(**store, kSecret), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_TRUE((*(*(*store)->View("w"))->FindCustomer(kSecret)).has_value());
    fails = false;
    const auto appended = Append(**store, {Event("after").Customer("customer-3").At(2'000'000)});
    ASSERT_THAT(appended, IsOk());
    EXPECT_THAT(appended->outcomes, Each(AppendOutcome::kRecorded));
    const bool there = (*(*(*store)->View("w"))->FindCustomer(kSecret)).has_value();
    EXPECT_EQ(appended->watermark.value, before.value + (there ? 1 : 2));
    store->reset();
    store = Open(directory);
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*(*(*store)->View("w"))->FindCustomer(kSecret)).has_value(), there);
    EXPECT_EQ((*(*store)->View("w"))->Statistics().events, there ? events_ + 1 : kOthers + 1);
    ASSERT_THAT(Erase(**store, kSecret), IsOk());
    EXPECT_THAT(FilesWith(directory, kSecret), IsEmpty());
  }
}

}  // namespace
}  // namespace throughline::testing
