// Links between customers: who is linked is one customer to every question, and no more when the link is taken back;
// in whatever order all this came. Seeds are printed; THROUGHLINE_TEST_SEED runs one again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/reference_people.h"
#include "tests/contract/events/workspaces.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Events = std::vector<v1::CustomerEvent>;

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }

// Links some of the events' customers to each other or to people without events, and takes some of it back.
void AddLinks(Random& random, Events& events) {
  std::vector<std::string> ids = {"nobody", "someone"};
  for (const v1::CustomerEvent& event : events) ids.push_back(event.customer_id());
  const int percent = Below(random, 3) == 0 ? 50 : 10;
  for (v1::CustomerEvent& event : events) {
    if (Below(random, 100) < percent) {
      const std::string& other = ids[static_cast<size_t>(Below(random, static_cast<int>(ids.size())))];
      if (other != event.customer_id()) event.mutable_identity_link()->set_customer_id(other);
    }
    if (Below(random, 100) < percent / 2) {
      const v1::CustomerEvent& other = events[static_cast<size_t>(Below(random, static_cast<int>(events.size())))];
      event.mutable_identity_unlink()->set_event_source(other.source());
      event.mutable_identity_unlink()->set_event_id(other.id());
    }
  }
}

RandomLog MakeLinkedLog(uint64_t seed) {
  Random random(seed);
  RandomLog log = MakeRandomLog(random);
  AddLinks(random, log.events);
  return log;
}

RandomLog PeopleOf(RandomLog log) {
  log.events = ByPerson(std::move(log.events));
  return log;
}

// All about customers that does not depend on who was recorded first.
std::map<std::string, std::string> Customers(const EventView& view) {
  std::map<std::string, std::string> out;
  const auto customers = view.ListCustomers(0, 1'000'000);
  EXPECT_THAT(customers, IsOk());
  for (const CustomerSummary& listed : *customers) {
    const auto found = view.FindCustomer(listed.customer_id);
    EXPECT_TRUE(found.ok() && found->has_value() && (*found)->ordinal == listed.ordinal);
    std::string& text = out[listed.customer_id];
    text = absl::StrCat(listed.event_count, " ", absl::FormatTime(listed.first_event_time), " ",
                        absl::FormatTime(listed.last_event_time), " also");
    for (const std::string& other : (*found)->linked_customer_ids) {
      absl::StrAppend(&text, " ", other);
      const auto same = view.FindCustomer(other);
      EXPECT_TRUE(same.ok() && same->has_value() && (*same)->customer_id == listed.customer_id) << other;
    }
    const auto events = view.CustomerEvents(listed.customer_id, 0, 100'000);
    EXPECT_THAT(events, IsOk());
    for (const StoredEvent& stored : *events)
      absl::StrAppend(&text, " ", stored.event.source(), "/", stored.event.id());
  }
  EXPECT_EQ(view.Statistics().customers, static_cast<int64_t>(customers->size()));
  return out;
}

// The same of events that were recorded under the names of people; who else a person is, is not among it.
std::map<std::string, std::string> WithoutOthers(std::map<std::string, std::string> customers) {
  for (auto& [id, text] : customers) {
    const size_t also = text.find(" also");
    const size_t events = text.find('/') == std::string::npos ? text.size() : text.rfind(' ', text.find('/'));
    text.erase(also, events - also);
  }
  return customers;
}

TEST_P(EventStoreContractTest, Links_EveryAggregate_IsThatOfTheSameEventsRecordedUnderPeople) {
  std::map<uint64_t, RandomLog> logs;
  std::map<std::string, Events> workspaces;
  for (const uint64_t seed : Seeds(400)) {
    const RandomLog& log = logs[seed] = MakeLinkedLog(seed);
    workspaces[absl::StrCat("linked", seed)] = log.events;
    workspaces[absl::StrCat("people", seed)] = ByPerson(log.events);
  }
  AppendAll(*store_, workspaces);
  int failures = 0;
  for (const auto& [seed, log] : logs) {
    Random random(~seed);
    const RandomLog people = PeopleOf(log);
    const auto view = View(absl::StrCat("linked", seed));
    ASSERT_EQ(WithoutOthers(Customers(*view)), WithoutOthers(Customers(*View(absl::StrCat("people", seed)))))
        << "THROUGHLINE_TEST_SEED=" << seed;
    for (int i = 0; i < 4; ++i) {
      const Question question = RandomScopedQuestion(random, people);
      const std::string answer = question.ask(*view), expected = question.reference(people.events);
      failures += answer != expected;
      ASSERT_LT(failures, 5) << "and more";
      EXPECT_EQ(answer, expected) << "THROUGHLINE_TEST_SEED=" << seed << ", question " << i << ": " << question.kind;
    }
  }
}

TEST_P(EventStoreContractTest, Links_AndWhatTakesThemBack_MeanTheSameInAnyOrderAndAtAnyStart) {
  for (const uint64_t seed : Seeds(2)) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(seed);
    Events events = RandomEvents(random, 250);
    AddLinks(random, events);
    const RandomLog people{ByPerson(events), {At(0), At(10), At(33), At(59)}, absl::Seconds(60), absl::UTCTimeZone()};
    const std::vector<Question> questions = RandomScopedQuestions(random, people);
    std::map<std::string, std::string> expected;
    for (int variant = 0; variant < 3; ++variant) {
      StartAnew();
      for (size_t from = 0; from < events.size();) {
        const size_t to = std::min(events.size(), from + 1 + random() % 60);
        MustAppend({events.begin() + static_cast<long>(from), events.begin() + static_cast<long>(to)});
        // Questions in between make people of what is there at that moment.
        if (random() % 2 == 0) Customers(*View());
        if (random() % 6 == 0) Reopen();
        from = to;
      }
      for (const Question& question : questions) {
        EXPECT_EQ(question.ask(*View()), question.reference(people.events)) << question.kind;
      }
      if (expected.empty()) expected = Customers(*View());
      EXPECT_EQ(Customers(*View()), expected);
      std::shuffle(events.begin(), events.end(), random);
    }
  }
}

TEST_P(EventStoreContractTest, Links_KnownAt_AreThoseOfThen) {
  std::map<uint64_t, RandomLog> logs;
  std::map<std::string, Events> first, rest;
  for (const uint64_t seed : Seeds(80)) {
    const RandomLog& log = logs[seed] = MakeLinkedLog(seed);
    const auto end = log.events.begin() + static_cast<std::ptrdiff_t>(seed % (log.events.size() + 1));
    first[absl::StrCat("then", seed)] = first[absl::StrCat("now", seed)] = Events(log.events.begin(), end);
    rest[absl::StrCat("now", seed)] = Events(end, log.events.end());
  }
  AppendAll(*store_, first);
  AppendAll(*store_, rest);
  for (const auto& [seed, log] : logs) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(~seed);
    const auto then = View(absl::StrCat("then", seed)), now = View(absl::StrCat("now", seed));
    const auto known = now->KnownAt(then->watermark());
    ASSERT_THAT(known, IsOk());
    ASSERT_EQ(Customers(**known), Customers(*then));
    const RandomLog people = PeopleOf(log);
    for (const Question& question : RandomScopedQuestions(random, people)) {
      ASSERT_EQ(question.ask(**known), question.ask(*then)) << question.kind;
    }
    for (const v1::CustomerEvent& event : log.events) {
      const auto a = (*known)->IdentityEdges(event.customer_id(), 0, 100),
                 b = then->IdentityEdges(event.customer_id(), 0, 100);
      ASSERT_THAT(a, IsOk());
      ASSERT_EQ(a->size(), b->size());
      for (size_t i = 0; i < a->size(); ++i) ASSERT_EQ((*a)[i].revoked, (*b)[i].revoked);
    }
  }
}

// More customers than one partition of any engine of ours holds, linked across them, while views are taken.
TEST_P(EventStoreContractTest, Links_AmongManyCustomers_FollowWhileEventsCome) {
  constexpr int kCustomers = 9000, kRounds = 7;
  Random random(7);
  Events events;
  for (int i = 0; i < 3 * kCustomers; ++i) {
    Event event(absl::StrCat("e", i));
    event.Customer(absl::StrCat("c", i < kCustomers ? i : Below(random, kCustomers))).At(Below(random, 5000));
    if (i % 7 == 0) event.Link(absl::StrCat("c", Below(random, kCustomers + 500)));
    if (i % 20 == 0) event.Unlink(absl::StrCat("e", Below(random, 3 * kCustomers) / 7 * 7));
    const v1::CustomerEvent built = event;
    if (built.identity_link().customer_id() != built.customer_id()) events.push_back(built);
  }
  VolumeQuery query{{EventSelector()}, {TimeRange()}, {}};
  GraphQuery graph;
  graph.alphabet = EventField{"event_name", {}};
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = events.begin() + std::ssize(events) * round / kRounds;
    const auto end = events.begin() + std::ssize(events) * (round + 1) / kRounds;
    MustAppend({begin, end});
    const Events people = ByPerson({events.begin(), end});
    std::map<std::string, int64_t> counts;
    for (const v1::CustomerEvent& event : people) ++counts[event.customer_id()];
    auto view = View();
    ASSERT_EQ(view->Statistics().customers, static_cast<int64_t>(counts.size()));
    ASSERT_EQ(view->Volume(query)->front().whole().customers, static_cast<int64_t>(counts.size()));
    ASSERT_EQ(view->Graph(graph)->whole().runs, static_cast<int64_t>(counts.size()));
    const auto customers = view->ListCustomers(0, 1'000'000);
    ASSERT_THAT(customers, IsOk());
    ASSERT_EQ(customers->size(), counts.size());
    for (const CustomerSummary& customer : *customers) {
      ASSERT_EQ(customer.event_count, counts[customer.customer_id]) << customer.customer_id;
    }
    view.reset();
    if (round % 3 == 2) Reopen();
  }
}

TEST_P(EventStoreContractTest, Link_MakesOneCustomerOfTwo_UntilItIsTakenBack) {
  MustAppend({Event("a1").Customer("cookie").At(1), Event("b1").Customer("ann").At(2),
              Event("a2").Customer("cookie").At(3).Link("ann"), Event("b2").Customer("ann").At(4)});
  EXPECT_EQ(View()->Statistics().customers, 1);
  EXPECT_THAT(IdsOf(*View(), "ann"), ElementsAre("a1", "b1", "a2", "b2"));
  EXPECT_THAT(IdsOf(*View(), "cookie"), ElementsAre("a1", "b1", "a2", "b2"));
  const auto found = View()->FindCustomer("cookie");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->customer_id, "ann");
  EXPECT_EQ((*found)->ordinal, 0);
  EXPECT_THAT((*found)->linked_customer_ids, ElementsAre("cookie"));

  MustAppend({Event("x").Customer("clerk").At(9).Unlink("a2")});
  EXPECT_EQ(View()->Statistics().customers, 3);
  EXPECT_THAT(IdsOf(*View(), "ann"), ElementsAre("b1", "b2"));
  EXPECT_THAT(IdsOf(*View(), "cookie"), ElementsAre("a1", "a2"));
  const auto edges = View()->IdentityEdges("ann", 0, 10);
  ASSERT_THAT(edges, IsOk());
  ASSERT_EQ(edges->size(), 1u);
  EXPECT_EQ(edges->front().customer_id, "cookie");
  EXPECT_EQ(edges->front().linked_customer_id, "ann");
  EXPECT_EQ(edges->front().event_id, "a2");
  EXPECT_EQ(edges->front().event_source, "shop");
  EXPECT_EQ(edges->front().link_time, At(3));
  EXPECT_TRUE(edges->front().revoked);
  EXPECT_THAT(*View()->IdentityEdges("ann", 1, 10), IsEmpty());
  EXPECT_THAT(*View()->IdentityEdges("clerk", 0, 10), IsEmpty());

  // Another event may say it again.
  MustAppend({Event("a3").Customer("cookie").At(5).Link("ann")});
  EXPECT_THAT(IdsOf(*View(), "cookie"), ElementsAre("a1", "b1", "a2", "b2", "a3"));
}

TEST_P(EventStoreContractTest, Unlink_BeforeItsLink_CountsAsWell) {
  MustAppend({Event("x").Customer("clerk").Unlink("a")});
  MustAppend({Event("a").Customer("cookie").Link("ann"), Event("b").Customer("ann")});
  EXPECT_EQ(View()->Statistics().customers, 3);
  Reopen();
  EXPECT_EQ(View()->Statistics().customers, 3);
}

TEST_P(EventStoreContractTest, Link_ToSomeoneWithoutEvents_GivesTheNameAndJoinsOthers) {
  MustAppend({Event("a").Customer("cookie 1").Link("ann"), Event("b").Customer("cookie 2").Link("ann")});
  EXPECT_EQ(View()->Statistics().customers, 1);
  for (const char* id : {"ann", "cookie 1", "cookie 2"}) {
    const auto found = View()->FindCustomer(id);
    ASSERT_TRUE(found.ok() && found->has_value()) << id;
    EXPECT_EQ((*found)->customer_id, "ann");
    EXPECT_THAT(IdsOf(*View(), id), ElementsAre("a", "b"));
  }
  MustAppend({Event("c").Customer("ann").At(7)});
  EXPECT_THAT(IdsOf(*View(), "cookie 2"), ElementsAre("a", "b", "c"));
  // Whom nobody has heard of is not found.
  EXPECT_FALSE(View()->FindCustomer("bob")->has_value());
}

TEST_P(EventStoreContractTest, Links_OfMoreThanAThousandCustomers_AreNoPerson) {
  Events events;
  for (int i = 0; i < 1000; ++i)
    events.push_back(Event(absl::StrCat("e", i)).Customer(absl::StrCat("c", i)).Link("tv"));
  MustAppend({events.begin(), events.end() - 1});
  EXPECT_EQ(View()->Statistics().customers, 1);
  MustAppend({events.back()});
  EXPECT_EQ(View()->Statistics().customers, 1000);
  EXPECT_EQ((*View()->FindCustomer("c17"))->customer_id, "c17");
  MustAppend({Event("more").Customer("c1000").Link("tv"), Event("x").Customer("clerk").Unlink("e5")});
  EXPECT_EQ(View()->Statistics().customers, 1002);
  MustAppend({Event("y").Customer("clerk").Unlink("e6").At(1)});
  EXPECT_EQ(View()->Statistics().customers, 4);  // the clerk, the two who were let go, and the rest
  std::reverse(events.begin(), events.end());
  StartAnew();
  MustAppend(events);
  EXPECT_EQ(View()->Statistics().customers, 1000);
}

}  // namespace
}  // namespace throughline::testing
