// What is known of a customer, by example: which of several statements holds, and who asks about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/event_store_backend.h"

namespace throughline::testing {
namespace {

// "events of customers" that match.
std::string Count(const EventView& view, absl::string_view filter, TimeRange window = Always()) {
  VolumeQuery query{{Select({}, filter)}, {window}, {}};
  const auto volume = view.Volume(query);
  EXPECT_THAT(volume, IsOk()) << filter;
  return volume.ok() ? ToText((*volume)[0].whole()) : "";
}

std::string ByField(const EventView& view, const std::string& path, std::vector<std::string> values = {}) {
  VolumeQuery query{{EventSelector()}, {Always()}, {}};
  query.scope.breakdown = {EventField{path, std::move(values)}};
  const auto volume = view.Volume(query);
  EXPECT_THAT(volume, IsOk()) << path;
  return volume.ok() ? ToText((*volume)[0]) : "";
}

std::string ValuesOf(const EventView& view, const std::string& path) {
  ValueQuery query;
  query.path = path;
  return ToText(view.Values(query));
}

TEST_P(EventStoreContractTest, Trait_IsWhatTheLastEventStates_AndOfEveryEventOfTheCustomer) {
  MustAppend({Event("1").At(10).Trait("plan", "free"), Event("2").At(30).Trait("plan", "pro"), Event("3").At(20),
              Event("4").Customer("d").At(5).Trait("plan", "free")});
  const auto view = View();
  EXPECT_EQ(Count(*view, R"(traits.plan = "pro")"), "3 of 1");
  EXPECT_EQ(Count(*view, R"(traits.plan = "free")"), "1 of 1");
  EXPECT_EQ(Count(*view, R"(traits.plan != "pro")"), "1 of 1");
  EXPECT_EQ(Count(*view, "traits.plan:*"), "4 of 2");
  EXPECT_EQ(Count(*view, "traits.country = null"), "4 of 2");
  // Events that a question leaves out say what they said.
  EXPECT_EQ(Count(*view, R"(traits.plan = "pro")", Between(0, 15)), "1 of 1");
  EXPECT_EQ(Count(*view, R"(traits.plan = "pro" AND event_time < "2026-01-01T00:00:25Z")"), "2 of 1");
}

// In the customer's order, not in that of recording.
TEST_P(EventStoreContractTest, Trait_OfEventsThatComeLate_IsThatOfTheLaterMoment) {
  MustAppend({Event("b").At(30).Trait("plan", "pro")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "1 of 1");
  MustAppend({Event("a").At(10).Trait("plan", "free").Trait("country", "CH")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro" AND traits.country = "CH")"), "2 of 1") << "asked before it came";
  MustAppend({Event("c").At(40).Trait("plan", "plus")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "plus")"), "3 of 1");
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "0 of 0");
  // At one moment: by sequence, then source, then id.
  MustAppend({Event("d").At(40).Sequence(-1).Trait("plan", "earlier")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "plus")"), "4 of 1");
  MustAppend({Event("a").At(40).Source("zoo").Trait("plan", "zoo")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "zoo")"), "5 of 1");
  MustAppend({Event("aa").At(40).Source("zoo").Trait("plan", "last")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "last")"), "6 of 1");
}

TEST_P(EventStoreContractTest, Trait_Null_IsNotKnownAnyMore) {
  MustAppend({Event("1").At(10).Trait("plan", "pro").Trait("age", 40), Event("2").At(20).ForgetTrait("plan"),
              Event("3").Customer("d").At(5).Trait("plan", "pro")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "1 of 1");
  EXPECT_EQ(Count(*View(), "traits.plan = null AND traits.age > 39"), "2 of 1");
  EXPECT_EQ(ByField(*View(), "traits.plan"), "[pro] 1 of 1\n[(missing)] 2 of 1");
  EXPECT_EQ(ByField(*View(), "traits.plan", {"free"}), "[(missing)] 2 of 1\n[(other)] 1 of 1");
  EXPECT_EQ(ValuesOf(*View(), "traits.plan"), "1 values, missing 2 \"pro\"=1");
  MustAppend({Event("4").At(15).Trait("plan", "free")});
  EXPECT_EQ(Count(*View(), "traits.plan:*"), "1 of 1") << "it was known before it was not";
  MustAppend({Event("5").At(25).Trait("plan", "free")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "free")"), "4 of 1");
}

TEST_P(EventStoreContractTest, Trait_KindsOfValues_AreToldApart) {
  MustAppend({Event("1").Customer("a").Trait("x", "1"), Event("2").Customer("b").Trait("x", 1.0),
              Event("3").Customer("c").TraitFlag("x", true), Event("4").Customer("d").Trait("x", "")});
  EXPECT_EQ(Count(*View(), R"(traits.x = "1")"), "1 of 1");
  EXPECT_EQ(Count(*View(), "traits.x >= 1"), "1 of 1");
  EXPECT_EQ(Count(*View(), "traits.x = true"), "1 of 1");
  EXPECT_EQ(Count(*View(), R"(traits.x = "")"), "1 of 1");
  EXPECT_EQ(Count(*View(), "traits.x:*"), "4 of 4");
}

TEST_P(EventStoreContractTest, Trait_AndPropertyOfOneName_AreDifferent) {
  MustAppend({Event("1").Property("plan", "p").Trait("plan", "t"), Event("2").Customer("d").Property("plan", "t")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "t")"), "1 of 1");
  EXPECT_EQ(Count(*View(), R"(properties.plan = "t")"), "1 of 1");
  EXPECT_EQ(Count(*View(), R"(traits.plan = "t" AND properties.plan = "t")"), "0 of 0");
  // No key of a property can be told so that it means a trait.
  for (char mark = 1; mark < 4; ++mark) {
    EXPECT_EQ(Count(*View(), absl::StrCat("properties.\"", std::string(1, mark), "plan\":*")), "0 of 0");
  }
}

TEST_P(EventStoreContractTest, Trait_KnownAt_IsWhatWasKnownThen) {
  MustAppend({Event("1").At(10).Trait("plan", "free"), Event("2").At(11)});
  const EventSequence then = View()->watermark();
  MustAppend({Event("3").At(20).Trait("plan", "pro"), Event("4").At(5).Trait("country", "CH")});
  const auto now = View();
  const auto known = now->KnownAt(then);
  ASSERT_THAT(known, IsOk());
  EXPECT_EQ(Count(**known, R"(traits.plan = "free")"), "2 of 1");
  EXPECT_EQ(Count(**known, "traits.country:*"), "0 of 0");
  EXPECT_EQ(Count(**known, "customer.event_count = 2"), "2 of 1");
  EXPECT_EQ(Count(**known, R"(customer.first_event_time = "2026-01-01T00:00:10Z")"), "2 of 1");
  EXPECT_EQ(Count(*now, R"(traits.plan = "pro" AND traits.country = "CH")"), "4 of 1");
  EXPECT_EQ(Count(*now, R"(customer.first_event_time = "2026-01-01T00:00:05Z" AND customer.event_count = 4)"),
            "4 of 1");
}

TEST_P(EventStoreContractTest, CustomerFields_AreOfAllEventsOfTheCustomer) {
  MustAppend({Event("1").Customer("ann").At(10), Event("2").Customer("ann").At(50),
              Event("3").Customer("ann").At(30).Name("buy"), Event("4").Customer("bob").At(20)});
  const auto view = View();
  EXPECT_EQ(Count(*view, "customer.event_count >= 3"), "3 of 1");
  EXPECT_EQ(Count(*view, R"(event_name = "buy" AND customer.event_count = 3)"), "1 of 1");
  EXPECT_EQ(Count(*view, "customer.event_count = 3", Between(0, 20)), "1 of 1");
  EXPECT_EQ(Count(*view, R"(customer_id = "ann")"), "3 of 1");
  EXPECT_EQ(Count(*view, R"(customer_id != "a*")"), "1 of 1");
  EXPECT_EQ(Count(*view, "customer_id:*"), "4 of 2");
  EXPECT_EQ(Count(*view, R"(customer.last_event_time > "2026-01-01T00:00:40Z")"), "3 of 1");
  EXPECT_EQ(Count(*view, R"(customer.first_event_time <= "2026-01-01T00:00:10Z" OR customer_id = "bob")"), "4 of 2");
  EXPECT_EQ(Count(*view, "NOT customer.event_count > 1"), "1 of 1");
}

TEST_P(EventStoreContractTest, CustomerFields_ComparedWithAnotherType_AreInvalidArgument) {
  MustAppend({Event("a").Trait("plan", "pro")});
  VolumeQuery query;
  query.windows = {Always()};
  for (const char* filter : {"customer.event_count = \"many\"", "customer.first_event_time = 5", "customer_id = 5",
                             "customer.name = \"x\"", "customer = \"x\"", "traits = \"x\""}) {
    query.any_of = {Select({}, filter)};
    EXPECT_THAT(View()->Volume(query), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")))
        << filter;
  }
}

TEST_P(EventStoreContractTest, Trait_OfLinkedCustomers_IsThePersons) {
  MustAppend({Event("1").Customer("cookie").At(30).Trait("plan", "pro"), Event("2").Customer("account").At(20)});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "1 of 1");
  MustAppend({Event("3").Customer("cookie").At(40).Link("account")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "3 of 1");
  EXPECT_EQ(Count(*View(), R"(customer_id = "account" AND customer.event_count = 3)"), "3 of 1");
  EXPECT_EQ(Count(*View(), R"(customer_id = "cookie")"), "0 of 0") << "the person is called otherwise";
  MustAppend({Event("4").Customer("account").At(50).ForgetTrait("plan")});
  EXPECT_EQ(Count(*View(), "traits.plan = null"), "4 of 1");
  MustAppend({Event("5").Customer("account").At(60).Unlink("3")});
  EXPECT_EQ(Count(*View(), R"(traits.plan = "pro")"), "2 of 1");
  EXPECT_EQ(Count(*View(), R"(customer_id = "cookie")"), "2 of 1");
}

// Values that nobody has any more count towards no limit.
TEST_P(EventStoreContractTest, Trait_ThatChangesOften_HasOnlyTheValuesThatHold) {
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i < 40'000; ++i) {
    events.push_back(Event(absl::StrCat(i)).Customer(absl::StrCat("c", i % 2)).At(i).Trait("visit", absl::StrCat(i)));
  }
  MustAppend(events);
  EXPECT_EQ(ByField(*View(), "traits.visit"), "[39998] 20000 of 1\n[39999] 20000 of 1");
  GraphQuery graph;
  graph.alphabet = EventField{"traits.visit", {}};
  const auto answer = View()->Graph(graph);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->whole().nodes.size(), 2);
}

// More customers than a partition of any engine of ours holds, asked before and after a restart.
TEST_P(EventStoreContractTest, Trait_OfManyCustomers_IsEachOnesOwn) {
  constexpr int kCustomers = 9000;
  std::vector<v1::CustomerEvent> first, then;
  for (int i = 0; i < kCustomers; ++i) {
    const std::string customer = absl::StrCat("c", i);
    first.push_back(Event(absl::StrCat("a", i)).Customer(customer).At(i % 7).Trait("group", absl::StrCat(i % 3)));
    if (i % 10 == 0) {
      then.push_back(Event(absl::StrCat("b", i)).Customer(customer).At(100).Trait("group", "moved"));
    }
  }
  MustAppend(first);
  EXPECT_EQ(Count(*View(), R"(traits.group = "1")"), "3000 of 3000");
  MustAppend(then);
  const auto check = [&] {
    EXPECT_EQ(Count(*View(), R"(traits.group = "1")"), "2700 of 2700");
    EXPECT_EQ(Count(*View(), R"(traits.group = "moved")"), "1800 of 900");
    EXPECT_EQ(Count(*View(), R"(traits.group = "moved" AND customer_id = "c4230")"), "2 of 1");
  };
  check();
  Reopen();
  check();
}

}  // namespace
}  // namespace throughline::testing
