// What recording promises: identity, durability, order, watermarks, and that views and writers do not meet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_store_backend.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr AppendOutcome kRecorded = AppendOutcome::kRecorded;
constexpr AppendOutcome kDuplicate = AppendOutcome::kDuplicate;
constexpr AppendOutcome kConflict = AppendOutcome::kConflict;

TEST_P(EventStoreContractTest, Append_NewEvents_AreRecordedAndVisible) {
  const auto result = Append({Event("a"), Event("b").At(1)});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->outcomes, ElementsAre(kRecorded, kRecorded));
  const auto view = View();
  EXPECT_EQ(view->watermark(), result->watermark);
  EXPECT_THAT(IdsOf(*view, "c"), ElementsAre("a", "b"));
}

TEST_P(EventStoreContractTest, Append_SameEventAgain_IsDuplicateAndChangesNothing) {
  MustAppend({Event("a")});
  const EventSequence before = View()->watermark();
  const auto again = Append({Event("a")});
  ASSERT_THAT(again, IsOk());
  EXPECT_THAT(again->outcomes, ElementsAre(kDuplicate));
  EXPECT_EQ(again->watermark, before);
  EXPECT_EQ(View()->watermark(), before);
  EXPECT_THAT(IdsOf(*View(), "c"), ElementsAre("a"));
}

TEST_P(EventStoreContractTest, Append_OtherContentUnderSameIdentity_IsConflictAndChangesNothing) {
  MustAppend({Event("a").Name("visit")});
  const auto other = Append({Event("a").Name("purchase"), Event("b")});
  ASSERT_THAT(other, IsOk());
  EXPECT_THAT(other->outcomes, ElementsAre(kConflict, kRecorded));
  const auto events = View()->CustomerEvents("c", 0, 10);
  ASSERT_THAT(events, IsOk());
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ((*events)[0].event.event_name(), "visit");
}

TEST_P(EventStoreContractTest, Append_SameIdFromOtherSourceOrWorkspace_IsAnotherEvent) {
  MustAppend({Event("a")});
  EXPECT_THAT(Append({Event("a").Source("crm")})->outcomes, ElementsAre(kRecorded));
  EXPECT_THAT(Append({Event("a")}, "other")->outcomes, ElementsAre(kRecorded));
  EXPECT_EQ(View()->Statistics().events, 2);
  EXPECT_EQ(View("other")->Statistics().events, 1);
}

TEST_P(EventStoreContractTest, Append_DuplicatesAndConflictsWithinOneBatch_AreFound) {
  const auto result = Append({Event("a"), Event("b"), Event("a"), Event("b").Name("other"), Event("a")});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->outcomes, ElementsAre(kRecorded, kRecorded, kDuplicate, kConflict, kDuplicate));
  EXPECT_EQ(View()->Statistics().events, 2);
}

// Each small event leads to a stored one that is a thousand times larger, some of them many times over.
TEST_P(EventStoreContractTest, Append_ManySmallEventsUnderIdsOfHugeOnes_AreAllJudged) {
  constexpr int kHuge = 300;
  for (int i = 0; i < kHuge; ++i) {
    v1::CustomerEvent huge = Event(absl::StrCat("e", i));
    for (int key = 0; key < 60; ++key) {
      (*huge.mutable_properties())[absl::StrCat("k", key)].set_string_value(std::string(4000, 'x'));
    }
    MustAppend({huge});
  }
  std::vector<v1::CustomerEvent> small;
  for (int i = 0; i < 2 * kHuge; ++i) small.push_back(Event(absl::StrCat("e", i % kHuge)));
  small.push_back(Event("new"));
  const auto result = Append(small);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(std::count(result->outcomes.begin(), result->outcomes.end(), kConflict), 2 * kHuge);
  EXPECT_EQ(result->outcomes.back(), kRecorded);
}

TEST_P(EventStoreContractTest, Append_EmptyBatch_IsOk) {
  const auto result = Append({});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->outcomes, IsEmpty());
  EXPECT_EQ(result->watermark, EventSequence{0});
}

TEST_P(EventStoreContractTest, Append_OrderOfProperties_IsNotContent) {
  v1::CustomerEvent first = Event("a");
  v1::CustomerEvent second = Event("a");
  for (int i = 0; i < 20; ++i) {
    (*first.mutable_properties())[absl::StrCat("k", i)].set_number_value(i);
    (*second.mutable_properties())[absl::StrCat("k", 19 - i)].set_number_value(19 - i);
  }
  MustAppend({first});
  EXPECT_THAT(Append({second})->outcomes, ElementsAre(kDuplicate));
}

TEST_P(EventStoreContractTest, Append_TimeBelowAMicrosecond_IsNotContent) {
  MustAppend({Event("a").At(5, 1'999)});
  EXPECT_THAT(Append({Event("a").At(5, 1'000)})->outcomes, ElementsAre(kDuplicate));
  EXPECT_THAT(Append({Event("a").At(5, 2'000)})->outcomes, ElementsAre(kConflict));
  const auto events = View()->CustomerEvents("c", 0, 10);
  ASSERT_THAT(events, IsOk());
  EXPECT_EQ((*events)[0].event.event_time().nanos(), 1'000);
}

TEST_P(EventStoreContractTest, Append_NullProperty_IsAbsent) {
  v1::CustomerEvent with_null = Event("a").Property("plan", "pro");
  (*with_null.mutable_properties())["coupon"].set_null_value(google::protobuf::NULL_VALUE);
  MustAppend({with_null});
  EXPECT_THAT(Append({Event("a").Property("plan", "pro")})->outcomes, ElementsAre(kDuplicate));
  EXPECT_EQ((*View()->CustomerEvents("c", 0, 1))[0].event.properties().count("coupon"), 0u);
}

TEST_P(EventStoreContractTest, Append_ConcurrentWritersOfTheSameEvents_RecordEachOnce) {
  constexpr int kWriters = 8, kBatches = 20, kEvents = 10;
  std::atomic<int> recorded = 0, conflicts = 0;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int b = 0; b < kBatches; ++b) {
        // Every writer sends all events, each from another place on.
        std::vector<v1::CustomerEvent> events;
        for (int e = 0; e < kEvents; ++e) {
          const int number = ((b + w * 3) % kBatches) * kEvents + e;
          events.push_back(Event(absl::StrCat("e", number)).Customer(absl::StrCat("c", number % 7)).At(number));
        }
        const auto result = AppendTo(*store_, events);
        ASSERT_THAT(result, IsOk());
        for (const AppendOutcome outcome : result->outcomes) {
          recorded += outcome == kRecorded;
          conflicts += outcome == kConflict;
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(recorded, kBatches * kEvents);
  EXPECT_EQ(conflicts, 0);
  EXPECT_EQ(View()->Statistics().events, kBatches * kEvents);
}

TEST_P(EventStoreContractTest, Append_ManyBatchesAtOnce_AreAnsweredInOrderOnce) {
  constexpr int kBatches = 200;
  std::vector<v1::CustomerEvent> events;
  for (int b = 0; b < kBatches; ++b) events.push_back(Event(absl::StrCat("e", b)));
  std::mutex mutex;
  std::vector<int> order;
  std::promise<void> all;
  for (int b = 0; b < kBatches; ++b) {
    const v1::CustomerEvent* event = &events[b];
    store_->Append("w", {&event, 1}, [&, b](absl::StatusOr<AppendResult> result) {
      EXPECT_THAT(result, IsOk());
      const std::lock_guard lock(mutex);
      order.push_back(b);
      if (order.size() == kBatches) all.set_value();
    });
  }
  all.get_future().wait();
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_P(EventStoreContractTest, Append_MoreThanMayWait_IsResourceExhaustedAndRecordsNothingOfTheBatch) {
  Reopen(/*waiting_bytes_max=*/4096);
  constexpr int kBatches = 300;
  std::vector<v1::CustomerEvent> events;
  for (int b = 0; b < kBatches; ++b)
    events.push_back(Event(absl::StrCat("e", b)).Property("text", std::string(500, 'x')));
  std::mutex mutex;
  std::map<int, bool> taken;
  std::promise<void> all, sent;
  for (int b = 0; b < kBatches; ++b) {
    const v1::CustomerEvent* event = &events[b];
    store_->Append("w", {&event, 1}, [&, b](absl::StatusOr<AppendResult> result) {
      // The first report holds the store up until everything else has been sent.
      if (b == 0) sent.get_future().wait();
      if (!result.ok()) {
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kResourceExhausted, HasReason("OVERLOADED")));
      }
      const std::lock_guard lock(mutex);
      taken[b] = result.ok();
      if (taken.size() == kBatches) all.set_value();
    });
  }
  sent.set_value();
  all.get_future().wait();
  int64_t recorded = 0;
  for (const auto& [batch, ok] : taken) recorded += ok;
  EXPECT_GT(recorded, 0);
  EXPECT_LT(recorded, kBatches);
  EXPECT_EQ(View()->Statistics().events, recorded);
  // And it goes on: what was refused can be sent again.
  for (int b = 0; b < kBatches; ++b) {
    EXPECT_THAT(Append({events[b]})->outcomes, ElementsAre(taken[b] ? kDuplicate : kRecorded));
  }
}

TEST_P(EventStoreContractTest, Append_OneBatchLargerThanMayWait_IsTakenWhenNothingWaits) {
  Reopen(/*waiting_bytes_max=*/100);
  EXPECT_THAT(Append({Event("a").Property("text", std::string(4000, 'x'))}), IsOk());
}

TEST_P(EventStoreContractTest, Reopen_FindsEverythingThatWasReported) {
  clock_.Set(At(1000));
  MustAppend({Event("a").Score(9).Property("plan", "pro"), Event("b").Customer("d").Amount(-5).Channel("web")});
  MustAppend({Event("x")}, "other");
  const EventSequence watermark = View()->watermark();
  const auto before = View()->CustomerEvents("c", 0, 10);
  ASSERT_THAT(before, IsOk());
  Reopen();
  EXPECT_EQ(View()->watermark(), watermark);
  const auto after = View()->CustomerEvents("c", 0, 10);
  ASSERT_THAT(after, IsOk());
  ASSERT_EQ(after->size(), 1u);
  EXPECT_THAT((*after)[0].event, EqualsProto((*before)[0].event));
  EXPECT_EQ((*after)[0].record_time, At(1000));
  EXPECT_EQ(View("other")->Statistics().events, 1);
  // Identity survives too.
  EXPECT_THAT(Append({Event("a").Score(9).Property("plan", "pro"), Event("b").Customer("d")})->outcomes,
              ElementsAre(kDuplicate, kConflict));
}

TEST_P(EventStoreContractTest, CustomerEvents_ComeInOrderOfTimeSequenceSourceId_WhateverTheOrderOfArrival) {
  const std::vector<v1::CustomerEvent> in_order = {Event("z").At(1),
                                                   Event("y").At(2).Sequence(-1),
                                                   Event("x").At(2).Sequence(0).Source("a"),
                                                   Event("v").At(2).Sequence(0).Source("b"),
                                                   Event("w").At(2).Sequence(0).Source("b"),
                                                   Event("u").At(2).Sequence(7),
                                                   Event("t").At(3)};
  for (int round = 0; round < 12; ++round) {
    std::vector<v1::CustomerEvent> order = in_order;
    std::shuffle(order.begin(), order.end(), std::mt19937(round));
    const std::string workspace = absl::StrCat("w", round);
    for (size_t i = 0; i < order.size(); ++i) {
      MustAppend({order[i]}, workspace);
      if ((i + round) % 3 == 0) View(workspace);  // some arrive before a view, some after
    }
    EXPECT_THAT(IdsOf(*View(workspace), "c"), ElementsAre("z", "y", "x", "v", "w", "u", "t"));
  }
}

TEST_P(EventStoreContractTest, CustomerEvents_PagesByOffsetAndLimit) {
  MustAppend({Event("a").At(1), Event("b").At(2), Event("c").At(3)});
  const auto view = View();
  EXPECT_EQ((*view->CustomerEvents("c", 1, 1))[0].event.id(), "b");
  EXPECT_EQ(view->CustomerEvents("c", 1, 10)->size(), 2u);
  EXPECT_THAT(*view->CustomerEvents("c", 3, 10), IsEmpty());
  EXPECT_THAT(*view->CustomerEvents("c", 0, 0), IsEmpty());
  EXPECT_THAT(*view->CustomerEvents("nobody", 0, 10), IsEmpty());
}

TEST_P(EventStoreContractTest, View_StaysAsItWasWhenOpened) {
  MustAppend({Event("a")});
  const auto old_view = View();
  MustAppend({Event("b").Customer("d").Name("purchase"), Event("e").At(5)});
  EXPECT_EQ(old_view->Statistics().events, 1);
  EXPECT_EQ(old_view->Statistics().customers, 1);
  EXPECT_FALSE((*old_view->FindCustomer("d")).has_value());
  EXPECT_THAT(IdsOf(*old_view, "c"), ElementsAre("a"));
  VolumeQuery query;
  query.any_of = {Select({}, "properties.plan = null")};  // a column that is made only now
  query.windows = {Always()};
  EXPECT_EQ((*old_view->Volume(query))[0].whole().events, 1);
  EXPECT_EQ((*View()->Volume(query))[0].whole().events, 3);
}

TEST_P(EventStoreContractTest, View_AfterAnAcknowledgementOnAnyThread_IncludesIt) {
  constexpr int kWriters = 4, kBatches = 25;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int b = 0; b < kBatches; ++b) {
        const std::string customer = absl::StrCat("c", w, "-", b);
        const auto result = AppendTo(*store_, {Event(customer).Customer(customer)});
        ASSERT_THAT(result, IsOk());
        const auto view = store_->View("w");
        ASSERT_THAT(view, IsOk());
        EXPECT_GE((*view)->watermark(), result->watermark);
        EXPECT_TRUE((*(*view)->FindCustomer(customer)).has_value());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
}

TEST_P(EventStoreContractTest, View_OfUnknownWorkspace_IsEmptyAndMakesNone) {
  const auto view = View("nowhere");
  EXPECT_EQ(view->watermark(), EventSequence{0});
  EXPECT_EQ(view->Statistics().events, 0);
  EXPECT_EQ(view->Statistics().first_event_time, absl::InfiniteFuture());
  EXPECT_FALSE((*view->FindCustomer("c")).has_value());
  EXPECT_THAT(*view->ListCustomers(0, 10), IsEmpty());
  VolumeQuery query;
  query.any_of = {Select({"a"}, "properties.x = 1")};
  query.windows = {Always()};
  EXPECT_EQ((*view->Volume(query))[0].whole().events, 0);
  StepQuery steps;
  steps.steps = {{Select({"a"})}, {Select({"b"})}};
  steps.run.correlation_property = "order";
  steps.windows = {Always()};
  EXPECT_THAT((*view->Steps(steps))[0].whole().reached, ElementsAre(0, 0));
  EXPECT_EQ(View("nowhere")->watermark(), EventSequence{0});
}

TEST_P(EventStoreContractTest, View_OutlivesItsStore) {
  MustAppend({Event("a").Property("plan", "pro")});
  const auto view = View();
  store_.reset();
  EXPECT_THAT(IdsOf(*view, "c"), ElementsAre("a"));
  VolumeQuery query;
  query.any_of = {Select({}, "properties.plan = \"pro\"")};
  query.windows = {Always()};
  EXPECT_EQ((*view->Volume(query))[0].whole().events, 1);
}

TEST_P(EventStoreContractTest, AppendObserver_LearnsOfWhatWasRecordedOnly) {
  std::mutex mutex;
  std::map<std::string, EventSequence> notices;
  int calls = 0;
  std::promise<void> last;
  store_->AddAppendObserver([&](const AppendNotice& notice) {
    const std::lock_guard lock(mutex);
    notices[notice.workspace] = notice.watermark;
    ++calls;
    if (notice.workspace == "end") last.set_value();
  });
  MustAppend({Event("a"), Event("b")});
  MustAppend({Event("a"), Event("b")});
  MustAppend({Event("a").Name("other")});
  MustAppend({Event("a")}, "end");
  last.get_future().wait();
  const std::lock_guard lock(mutex);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(notices["w"], EventSequence{2});
}

TEST_P(EventStoreContractTest, Customers_KeepTheirOrdinalsOverAReopen) {
  MustAppend({Event("1").Customer("zoe").At(10), Event("2").Customer("adam").At(5)});
  MustAppend({Event("3").Customer("mia").At(1), Event("4").Customer("zoe").At(20)});
  for (int round = 0; round < 2; ++round) {
    const auto customers = View()->ListCustomers(0, 10);
    ASSERT_THAT(customers, IsOk());
    ASSERT_EQ(customers->size(), 3u);
    EXPECT_EQ((*customers)[0].customer_id, "zoe");
    EXPECT_EQ((*customers)[0].event_count, 2);
    EXPECT_EQ((*customers)[0].first_event_time, At(10));
    EXPECT_EQ((*customers)[0].last_event_time, At(20));
    EXPECT_EQ((*customers)[1].customer_id, "adam");
    EXPECT_EQ((*customers)[2].customer_id, "mia");
    EXPECT_EQ((*customers)[2].ordinal, 2);
    EXPECT_EQ((*View()->FindCustomer("adam"))->ordinal, 1);
    EXPECT_EQ((*View()->ListCustomers(1, 1))[0].customer_id, "adam");
    EXPECT_THAT(*View()->ListCustomers(3, 10), IsEmpty());
    Reopen();
  }
}

}  // namespace
}  // namespace throughline::testing
