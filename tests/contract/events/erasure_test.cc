// What erasure promises: nothing of the customer in any view that is opened afterwards, of whatever watermark, and
// everything else as if the customer had never been there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/workspaces.h"

namespace throughline::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

constexpr AppendOutcome kRecorded = AppendOutcome::kRecorded;
constexpr AppendOutcome kErased = AppendOutcome::kErased;

using Erasure = std::future<absl::StatusOr<ErasureResult>>;

Erasure StartErasing(EventStore& store, const std::string& customer, const std::string& workspace = "w") {
  auto promise = std::make_shared<std::promise<absl::StatusOr<ErasureResult>>>();
  Erasure out = promise->get_future();
  store.Erase(workspace, customer,
              [promise](absl::StatusOr<ErasureResult> result) { promise->set_value(std::move(result)); });
  return out;
}

absl::StatusOr<ErasureResult> Erase(EventStore& store, const std::string& customer,
                                    const std::string& workspace = "w") {
  return StartErasing(store, customer, workspace).get();
}

int64_t CountOf(const EventView& view, const EventSelector& selector) {
  VolumeQuery query;
  query.windows = {Always()};
  query.any_of = {selector};
  const auto answer = view.Volume(query);
  EXPECT_THAT(answer, IsOk());
  return answer.ok() ? (*answer)[0].whole().events : -1;
}

std::vector<v1::CustomerEvent> EventsOf(const std::string& customer, int count, const std::string& prefix = "e") {
  std::vector<v1::CustomerEvent> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(Event(absl::StrCat(prefix, "-", customer, "-", i)).Customer(customer).At(i).Property("plan", "pro"));
  }
  return out;
}

std::vector<std::string> CustomersOf(const EventView& view) {
  std::vector<std::string> out;
  const auto customers = view.ListCustomers(0, 1000);
  EXPECT_THAT(customers, IsOk());
  for (const CustomerSummary& customer : *customers) out.push_back(customer.customer_id);
  return out;
}

TEST_P(EventStoreContractTest, Erase_Customer_IsInNoViewOfAnyWatermark) {
  MustAppend(EventsOf("ada", 3));
  MustAppend(EventsOf("bob", 2));
  const EventSequence before = View()->watermark();
  const auto erased = Erase(*store_, "ada");
  ASSERT_THAT(erased, IsOk());
  EXPECT_EQ(erased->events, 3);
  EXPECT_THAT(erased->customer_ids, ElementsAre("ada"));
  EXPECT_GT(erased->watermark.value, before.value);
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round == 0 ? "at once" : "after a restart");
    auto now = View();
    EXPECT_EQ(now->watermark(), erased->watermark);
    for (int64_t watermark = 0; watermark <= now->watermark().value; ++watermark) {
      const auto view = now->KnownAt(EventSequence{watermark});
      ASSERT_THAT(view, IsOk());
      EXPECT_EQ(*(*view)->FindCustomer("ada"), std::nullopt);
      EXPECT_THAT(IdsOf(**view, "ada"), IsEmpty());
      const int64_t left = std::clamp<int64_t>(watermark - 3, 0, 2);
      EXPECT_EQ((*view)->Statistics().events, left);
      EXPECT_EQ((*view)->Statistics().customers, left > 0);
      EXPECT_EQ(CountOf(**view, Select({"visit"}, R"(properties.plan = "pro")")), left);
    }
    EXPECT_THAT(CustomersOf(*now), ElementsAre("bob"));
    EXPECT_THAT(IdsOf(*now, "bob"), ElementsAre("e-bob-0", "e-bob-1"));
    now.reset();
    Reopen();
  }
}

TEST_P(EventStoreContractTest, Erase_EventsThatComeAgain_AreErasedForGood) {
  const std::vector<v1::CustomerEvent> events = EventsOf("ada", 3);
  MustAppend(events);
  ASSERT_THAT(Erase(*store_, "ada"), IsOk());
  for (int round = 0; round < 2; ++round) {
    const EventSequence before = View()->watermark();
    EXPECT_THAT(Append(events)->outcomes, Each(kErased));
    // Whatever it says now, and of whom.
    EXPECT_THAT(Append({Event("e-ada-1").Customer("bob").Name("other")})->outcomes, ElementsAre(kErased));
    EXPECT_EQ(View()->watermark(), before);
    EXPECT_EQ(View()->Statistics().events, 0);
    Reopen();
  }
  EXPECT_THAT(Append({Event("e-ada-1").Source("crm")})->outcomes, ElementsAre(kRecorded));
}

TEST_P(EventStoreContractTest, Erase_LaterEventsOfTheSameId_AreANewCustomers) {
  MustAppend(EventsOf("ada", 3));
  MustAppend(EventsOf("bob", 1));
  ASSERT_THAT(Erase(*store_, "ada"), IsOk());
  MustAppend(EventsOf("ada", 2, "later"));
  for (int round = 0; round < 2; ++round) {
    auto view = View();
    EXPECT_THAT(IdsOf(*view, "ada"), ElementsAre("later-ada-0", "later-ada-1"));
    EXPECT_THAT(CustomersOf(*view), ElementsAre("bob", "ada")) << "in the order of their first events";
    EXPECT_EQ(view->Statistics().customers, 2);
    view.reset();
    Reopen();
  }
  // And can be erased like any other.
  const auto again = Erase(*store_, "ada");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->events, 2);
  EXPECT_THAT(CustomersOf(*View()), ElementsAre("bob"));
}

TEST_P(EventStoreContractTest, Erase_UnderAnyIdOfAPerson_ErasesAllOfThem) {
  for (const std::string asked : {"ada", "a@b.example", "visitor-1", "phone"}) {
    SCOPED_TRACE(asked);
    StartAnew();
    MustAppend(EventsOf("visitor-1", 2));
    MustAppend(EventsOf("a@b.example", 1));
    MustAppend(EventsOf("bob", 2));
    MustAppend(EventsOf("ada", 1));
    MustAppend({Event("l1").Customer("visitor-1").Link("a@b.example"), Event("l2").Customer("a@b.example").Link("ada"),
                Event("l3").Customer("ada").Link("phone"),  // who has no event
                Event("l4").Customer("bob").Link("ada"), Event("u4").Customer("bob").Unlink("l4")});
    const auto before = View();
    const auto erased = Erase(*store_, asked);
    ASSERT_THAT(erased, IsOk());
    EXPECT_EQ(erased->events, 7);
    EXPECT_THAT(erased->customer_ids, ElementsAre("a@b.example", "ada", "visitor-1"));
    EXPECT_EQ(before->Statistics().customers, 2);
    EXPECT_THAT(before->IdentityEdges("visitor-1", 0, 10), IsOk());
    EXPECT_THAT(CustomersOf(*View()), ElementsAre("bob"));
    EXPECT_EQ(View()->Statistics().customers, 1);
    EXPECT_EQ(View()->Statistics().events, 4);
    // Links went with the events that stated them.
    MustAppend(EventsOf("visitor-1", 1, "later"));
    EXPECT_THAT(CustomersOf(*View()), ElementsAre("bob", "visitor-1"));
    EXPECT_EQ(*View()->FindCustomer("a@b.example"), std::nullopt);
    EXPECT_THAT(*View()->IdentityEdges("visitor-1", 0, 10), IsEmpty());
    EXPECT_EQ(View()->IdentityEdges("bob", 0, 10)->size(), 1u) << "bob's own, which he has taken back";
  }
}

TEST_P(EventStoreContractTest, Erase_SomeoneWithoutEvents_ErasesNothing) {
  MustAppend(EventsOf("ada", 1));
  const EventSequence before = View()->watermark();
  for (const std::string workspace : {"w", "unknown"}) {
    const auto erased = Erase(*store_, "nobody", workspace);
    ASSERT_THAT(erased, IsOk());
    EXPECT_EQ(erased->events, 0);
    EXPECT_THAT(erased->customer_ids, IsEmpty());
  }
  EXPECT_EQ(View()->watermark(), before);
  EXPECT_THAT(IdsOf(*View(), "ada"), ElementsAre("e-ada-0"));
}

TEST_P(EventStoreContractTest, Erase_TellsTheObserversOfAppends) {
  std::mutex mutex;
  std::vector<int64_t> told;
  store_->AddAppendObserver([&](const AppendNotice& notice) {
    const std::lock_guard lock(mutex);
    told.push_back(notice.watermark.value);
  });
  MustAppend(EventsOf("ada", 3));
  const auto erased = Erase(*store_, "ada");
  ASSERT_THAT(erased, IsOk());
  store_.reset();
  EXPECT_THAT(told, ElementsAre(3, erased->watermark.value));
}

TEST_P(EventStoreContractTest, Erase_ViewThatIsOpen_GoesOnWithoutTheRecords) {
  MustAppend(EventsOf("ada", 3));
  MustAppend(EventsOf("bob", 2));
  const auto before = View();
  ASSERT_THAT(Erase(*store_, "ada"), IsOk());
  MustAppend(EventsOf("ada", 1, "later"));
  EXPECT_EQ(before->Statistics().events, 5);
  EXPECT_EQ(CountOf(*before, Select({"visit"})), 5);
  EXPECT_THAT(IdsOf(*before, "ada"), IsEmpty()) << "the log has them no more";
  EXPECT_THAT(IdsOf(*before, "bob"), ElementsAre("e-bob-0", "e-bob-1"));
}

TEST_P(EventStoreContractTest, Erase_LinesOfManyThousandEvents_LeaveTheOthers) {
  constexpr int kEvents = 20'000;
  MustAppend(EventsOf("bob", 50));
  for (int from = 0; from < kEvents; from += 5000) {
    std::vector<v1::CustomerEvent> events;
    for (int i = from; i < from + 5000; ++i) events.push_back(Event(absl::StrCat("a", i)).Customer("ada").At(i));
    MustAppend(events);
  }
  const auto erased = Erase(*store_, "ada");
  ASSERT_THAT(erased, IsOk());
  EXPECT_EQ(erased->events, kEvents);
  EXPECT_EQ(View()->Statistics().events, 50);
  Reopen();
  EXPECT_EQ(View()->Statistics().events, 50);
  EXPECT_THAT(Append({Event("a17").Customer("ada").At(17)})->outcomes, ElementsAre(kErased));
}

// Of all the customers of a store one after the other, until nobody is left.
TEST_P(EventStoreContractTest, Erase_Everybody_LeavesAnEmptyStoreThatGoesOn) {
  for (const std::string name : {"ada", "bob", "cyd"}) MustAppend(EventsOf(name, 2));
  for (const std::string name : {"bob", "cyd", "ada"}) ASSERT_THAT(Erase(*store_, name), IsOk());
  for (int round = 0; round < 2; ++round) {
    const EventStatistics statistics = View()->Statistics();
    EXPECT_EQ(statistics.events, 0);
    EXPECT_EQ(statistics.customers, 0);
    EXPECT_EQ(statistics.first_event_time, absl::InfiniteFuture());
    EXPECT_THAT(statistics.event_names, IsEmpty());
    EXPECT_THAT(CustomersOf(*View()), IsEmpty());
    EXPECT_EQ(CountOf(*View(), Select({"visit"}, R"(properties.plan = "pro")")), 0);
    Reopen();
  }
  EXPECT_THAT(Append(EventsOf("dan", 2))->outcomes, Each(kRecorded));
  EXPECT_THAT(CustomersOf(*View()), ElementsAre("dan"));
}

// Every question, of a store that had one or two more customers.
TEST_P(EventStoreContractTest, Erase_AnyCustomersOfRandomLogs_AnswersAreThoseOfALogWithoutThem) {
  constexpr int kLogs = 30;
  constexpr int kQuestions = 12;
  struct Case {
    RandomLog log;
    std::set<std::string> erased;
    std::vector<v1::CustomerEvent> left;
  };
  std::map<std::string, Case> cases;
  std::map<std::string, std::vector<v1::CustomerEvent>> workspaces;
  for (const uint64_t seed : Seeds(kLogs)) {
    Random random(seed);
    Case one;
    one.log = MakeRandomLog(random);
    if (one.log.events.empty()) continue;
    for (int i = 0; i < 2; ++i) one.erased.insert(one.log.events[random() % one.log.events.size()].customer_id());
    for (const v1::CustomerEvent& event : one.log.events) {
      if (one.erased.count(event.customer_id()) == 0) one.left.push_back(event);
    }
    workspaces[absl::StrCat(seed)] = one.log.events;
    cases.emplace(absl::StrCat(seed), std::move(one));
  }
  AppendAll(*store_, workspaces);
  // Their properties have columns already.
  for (const auto& [workspace, one] : cases) {
    Random random(std::stoull(workspace) + 1);
    for (int i = 0; i < kQuestions; ++i) RandomScopedQuestion(random, one.log).ask(*View(workspace));
  }
  std::vector<Erasure> erasures;
  for (const auto& [workspace, one] : cases) {
    for (const std::string& customer : one.erased) erasures.push_back(StartErasing(*store_, customer, workspace));
  }
  for (Erasure& erasure : erasures) ASSERT_THAT(erasure.get(), IsOk());
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round == 0 ? "at once" : "after a restart");
    for (const auto& [workspace, one] : cases) {
      Random random(std::stoull(workspace) + 1);
      const auto view = View(workspace);
      // What was known then, of those who are left, was known after the last event of the log too.
      const auto then = view->KnownAt(EventSequence{static_cast<int64_t>(one.log.events.size())});
      ASSERT_THAT(then, IsOk());
      for (int i = 0; i < kQuestions; ++i) {
        const Question question = RandomScopedQuestion(random, one.log);
        const std::string expected = question.reference(one.left);
        ASSERT_EQ(question.ask(*view), expected) << "THROUGHLINE_TEST_SEED=" << workspace << " " << question.kind;
        ASSERT_EQ(question.ask(**then), expected) << "THROUGHLINE_TEST_SEED=" << workspace << " " << question.kind;
      }
      EXPECT_EQ(view->Statistics().events, static_cast<int64_t>(one.left.size()));
      EXPECT_THAT(*view->ListCustomers(0, 1000),
                  Each(Field(&CustomerSummary::customer_id,
                             ::testing::ResultOf([&](const std::string& id) { return one.erased.count(id); }, 0))));
    }
    Reopen();
  }
}

// Who took a link back may be erased: the other is apart all the same, and no second call takes that one for the first.
TEST_P(EventStoreContractTest, Erase_OfWhoTookALinkBack_DoesNotBringTheLinkBack) {
  MustAppend({Event("a1").Customer("cookie").At(1), Event("a2").Customer("cookie").At(2).Link("ann"),
              Event("b1").Customer("ann").At(3), Event("b2").Customer("ann").At(4).Unlink("a2")});
  const EventSequence before = View()->watermark();
  const auto erase = [&] {
    std::promise<absl::StatusOr<ErasureResult>> done;
    store_->Erase("w", "ann", [&](absl::StatusOr<ErasureResult> result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  };
  const auto first = erase();
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->events, 2);
  for (int start = 0; start < 2; ++start) {
    auto view = View();
    EXPECT_FALSE(view->FindCustomer("ann")->has_value());
    EXPECT_EQ((*view->FindCustomer("cookie"))->customer_id, "cookie");
    EXPECT_THAT(IdsOf(*view, "cookie"), ElementsAre("a1", "a2"));
    auto known = view->KnownAt(before);
    ASSERT_THAT(known, IsOk());
    EXPECT_FALSE((*known)->FindCustomer("ann")->has_value());
    const auto second = erase();
    ASSERT_THAT(second, IsOk());
    EXPECT_EQ(second->events, 0);
    EXPECT_EQ(View()->Statistics().events, 2);
    view.reset();
    known = absl::UnknownError("");
    Reopen();
  }
}

// The last customer of a partition, with others after it, as they were at an earlier moment.
TEST_P(EventStoreContractTest, Erase_OfTheLastOfManyCustomers_LeavesAListWithoutIt) {
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i < 4100; ++i) events.push_back(Event(absl::StrCat("e", i)).Customer(absl::StrCat("c", i)).At(i));
  MustAppend(events);
  const EventSequence before = View()->watermark();
  MustAppend({Event("late").Customer("c7").At(1)});
  std::promise<absl::StatusOr<ErasureResult>> done;
  store_->Erase("w", "c4095", [&](absl::StatusOr<ErasureResult> result) { done.set_value(std::move(result)); });
  ASSERT_THAT(done.get_future().get(), IsOk());
  for (const auto& view : {View(), *View()->KnownAt(before)}) {
    const auto customers = view->ListCustomers(0, 10'000);
    ASSERT_THAT(customers, IsOk());
    EXPECT_EQ(customers->size(), 4099u);
    const auto matches = view->FirstMatches(4090, 20, {Select({"visit"})}, Patience());
    ASSERT_THAT(matches, IsOk());
    ASSERT_EQ(matches->size(), 10u);
    EXPECT_EQ((*matches)[5][0], absl::InfiniteFuture());
    EXPECT_EQ((*matches)[6][0], At(4096));
    EXPECT_FALSE(view->FindCustomer("c4095")->has_value());
  }
}

}  // namespace
}  // namespace throughline::testing
