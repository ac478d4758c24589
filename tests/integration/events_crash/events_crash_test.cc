// kill -9 in a loop of appends: nothing acknowledged is lost, nothing is doubled, and the projection agrees with the
// log. And: one directory, one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/events/native/native_event_store.h"
#include "tests/integration/events_crash/child_process.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

constexpr int kRounds = 24;

uint64_t Seed() {
  const char* text = std::getenv("THROUGHLINE_TEST_SEED");
  uint64_t seed = 0;
  if (text != nullptr && absl::SimpleAtoi(text, &seed)) return seed;
  return std::random_device()();
}

absl::StatusOr<std::unique_ptr<EventStore>> Open(const std::string& directory) {
  NativeEventStoreOptions options;
  options.directory = directory;
  options.limits.open_identities_max = kOpenIdentities;
  options.limits.open_events_max = kOpenEvents;
  return NativeEventStore::Open(options);
}

// What the log holds, by way of every customer's timeline, and whether the columns say the same. Returns the highest
// number of each writer.
std::array<int64_t, kWriters> Check(const EventView& view) {
  std::array<std::set<int64_t>, kWriters> numbers;
  std::set<int64_t> sequences;
  int64_t even = 0;
  const auto customers = view.ListCustomers(0, 1'000'000);
  EXPECT_THAT(customers, IsOk());
  for (const CustomerSummary& customer : *customers) {
    const auto events = view.CustomerEvents(customer.customer_id, 0, 1'000'000);
    EXPECT_THAT(events, IsOk());
    EXPECT_EQ(customer.event_count, static_cast<int64_t>(events->size()));
    std::pair<int64_t, int64_t> before = {0, 0};
    for (const StoredEvent& stored : *events) {
      const v1::CustomerEvent& event = stored.event;
      EXPECT_EQ(event.customer_id(), customer.customer_id);
      EXPECT_TRUE(sequences.insert(stored.sequence.value).second);
      const std::pair<int64_t, int64_t> order = {event.event_time().seconds(), event.sequence()};
      EXPECT_LT(before, order);
      before = order;
      const int writer = event.id()[6] - '0';
      EXPECT_EQ(event.id(), IdOf(writer, event.sequence()));
      EXPECT_TRUE(numbers.at(writer).insert(event.sequence()).second) << event.id() << " is there twice";
      even += event.event_name() == "even";
    }
  }
  EXPECT_EQ(view.watermark().value, static_cast<int64_t>(sequences.size()));
  EXPECT_TRUE(sequences.empty() || *sequences.rbegin() == view.watermark().value);
  EXPECT_EQ(view.Statistics().events, static_cast<int64_t>(sequences.size()));
  VolumeQuery query;
  query.windows = {TimeRange()};
  query.any_of.emplace_back().event_names = {"even"};
  EXPECT_EQ((*view.Volume(query))[0].whole().events, even);

  std::array<int64_t, kWriters> highest{};
  for (int writer = 0; writer < kWriters; ++writer) {
    if (numbers[writer].empty()) continue;
    // A writer sends in order and waits: what is there has no gaps.
    highest[writer] = *numbers[writer].rbegin();
    EXPECT_EQ(highest[writer], static_cast<int64_t>(numbers[writer].size()));
  }
  return highest;
}

// Sends everything again: every identity must be known.
void ExpectAllKnown(EventStore& store, const std::array<int64_t, kWriters>& highest) {
  for (int writer = 0; writer < kWriters; ++writer) {
    for (int64_t from = 1; from <= highest[writer]; from += 500) {
      std::vector<v1::CustomerEvent> events;
      for (int64_t number = from; number < from + 500 && number <= highest[writer]; ++number) {
        events.push_back(EventOf(writer, number));
      }
      std::vector<const v1::CustomerEvent*> pointers;
      for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
      const auto result = store.AppendAndWait("w", pointers);
      ASSERT_THAT(result, IsOk());
      ASSERT_THAT(result->outcomes, ::testing::Each(AppendOutcome::kDuplicate));
    }
  }
}

TEST(EventsCrashTest, KillAtAnyMoment_LosesNothingAcknowledgedAndDoublesNothing) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
  std::mt19937_64 random(seed);
  TempDir directory;
  std::array<int64_t, kWriters> highest{};
  std::array<int64_t, kWriters> acknowledged{};
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    std::vector<std::string> arguments = {"--write", directory / "events", absl::StrCat(random())};
    for (const int64_t number : highest) arguments.push_back(absl::StrCat(number + 1));
    ChildProcess child(arguments);
    Acknowledgement one;
    for (int left = 1 + static_cast<int>(random() % 60); left > 0; --left) {
      ASSERT_TRUE(child.Read(&one, sizeof(one))) << "the child ended by itself";
      acknowledged[one.writer] = std::max(acknowledged[one.writer], one.first + one.count - 1);
    }
    // Somewhere in the work of the next milliseconds, not only right behind an acknowledgement.
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 4000);
    while (std::chrono::steady_clock::now() < until) {
    }
    ASSERT_TRUE(child.Kill()) << "the child ended by itself";
    while (child.Read(&one, sizeof(one))) {
      acknowledged[one.writer] = std::max(acknowledged[one.writer], one.first + one.count - 1);
    }
    auto store = Open(directory / "events");
    ASSERT_THAT(store, IsOk());
    auto view = (*store)->View("w");
    ASSERT_THAT(view, IsOk());
    highest = Check(**view);
    for (int writer = 0; writer < kWriters; ++writer) EXPECT_GE(highest[writer], acknowledged[writer]);
    if (HasFailure()) return;
    if (round + 1 == kRounds) ExpectAllKnown(**store, highest);
  }
}

// Kills the writing child at random operations of each kind on the files of a folder.
void KillAtEachKindOfOperation(const char* folder, int64_t count_max, int rounds) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
  std::mt19937_64 random(seed);
  TempDir directory;
  std::array<int64_t, kWriters> highest{};
  for (int round = 0; round < rounds; ++round) {
    for (const char* const operation : {"create", "write", "sync", "rename", "sync directory", "delete"}) {
      // The more files there are, the more of the operations belong to those that replace others.
      const int64_t count = 1 + static_cast<int64_t>(random() % static_cast<uint64_t>(count_max));
      SCOPED_TRACE(absl::StrCat("round ", round, ", before ", operation, " number ", count));
      std::vector<std::string> arguments = {"--write", directory / "events", absl::StrCat(random())};
      for (const int64_t number : highest) arguments.push_back(absl::StrCat(number + 1));
      arguments.insert(arguments.end(), {folder, operation, absl::StrCat(count)});
      std::array<int64_t, kWriters> acknowledged{};
      ChildProcess child(arguments);
      Acknowledgement one;
      while (child.Read(&one, sizeof(one))) {
        acknowledged[one.writer] = std::max(acknowledged[one.writer], one.first + one.count - 1);
      }
      ASSERT_TRUE(child.Kill()) << "the child ended in another way";
      auto store = Open(directory / "events");
      ASSERT_THAT(store, IsOk());
      highest = Check(**(*store)->View("w"));
      for (int writer = 0; writer < kWriters; ++writer) EXPECT_GE(highest[writer], acknowledged[writer]);
      ExpectAllKnown(**store, highest);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(EventsCrashTest, KillAtEachKindOfOperationOnTheIdentities_ForgetsNone) {
  KillAtEachKindOfOperation("/identities/", 10, 4);
}

TEST(EventsCrashTest, KillAtEachKindOfOperationOnTheColumns_LeavesTheColumnsOfTheLog) {
  // An eighth of all is in memory before it is sealed: every round would make the log that much longer.
  for (int history = 0; history < 3; ++history) KillAtEachKindOfOperation("/columns/", 3, 1);
}

TEST(EventsCrashTest, Open_DirectoryOfAnotherProcess_IsFailedPreconditionUntilThatEnds) {
  TempDir directory;
  ChildProcess child({"--hold", directory / "events"});
  char ready = 0;
  ASSERT_TRUE(child.Read(&ready, 1));
  const auto refused = Open(directory / "events");
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("DATA_DIRECTORY_IN_USE")));
  EXPECT_THAT(refused, HasMessage(::testing::HasSubstr(absl::StrCat(child.pid()))));
  ASSERT_TRUE(child.Kill());
  EXPECT_THAT(Open(directory / "events"), IsOk());
}

}  // namespace
}  // namespace throughline::testing
