// What holds for any split of the customers, and for any moment of the past. Seeds are printed; THROUGHLINE_TEST_SEED
// runs one again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/contract/events/random_questions.h"
#include "tests/contract/events/workspaces.h"

namespace throughline::testing {
namespace {

using Events = std::vector<v1::CustomerEvent>;

TEST_P(EventStoreContractTest, EveryAggregate_OfTwoHalvesOfTheCustomers_MergesToThatOfAll) {
  std::map<uint64_t, RandomLog> logs;
  std::map<std::string, Events> workspaces;
  for (const uint64_t seed : Seeds(120)) {
    Random random(seed);
    const RandomLog& log = logs[seed] = MakeRandomLog(random);
    std::map<std::string, bool> is_left;
    for (const v1::CustomerEvent& event : log.events) {
      const bool left = is_left.try_emplace(event.customer_id(), random() % 2 == 0).first->second;
      workspaces[absl::StrCat(left ? "left" : "right", seed)].push_back(event);
    }
    workspaces[absl::StrCat("all", seed)] = log.events;
  }
  AppendAll(*store_, workspaces);
  for (const auto& [seed, log] : logs) {
    Random random(~seed);
    const auto all = View(absl::StrCat("all", seed));
    const auto left = View(absl::StrCat("left", seed)), right = View(absl::StrCat("right", seed));
    for (const Question& question : RandomScopedQuestions(random, log)) {
      if (question.ask_merged == nullptr) continue;
      const std::string expected = question.ask(*all);
      ASSERT_EQ(question.ask_merged(*left, *right), expected)
          << "THROUGHLINE_TEST_SEED=" << seed << " " << question.kind;
      ASSERT_EQ(question.ask_merged(*right, *left), expected)
          << "THROUGHLINE_TEST_SEED=" << seed << " " << question.kind;
    }
  }
}

// A hundred features leave room for twenty thousand rows.
TEST_P(EventStoreContractTest, Features_OfMoreCustomersThanRows_AreASampleThatNoSplitChanges) {
  std::map<std::string, Events> workspaces;
  for (int i = 0; i < 21'000; ++i) {
    const Event event = Event(absl::StrCat("e", i)).Customer(absl::StrCat("c", i)).At(i % 100);
    workspaces["all"].push_back(event);
    workspaces[i % 3 == 0 ? "left" : "right"].push_back(event);
  }
  AppendAll(*store_, workspaces);
  FeatureQuery query;
  query.features.resize(100, {EventSelector(), FeatureQuery::Kind::kLastTime});
  const auto all = View("all")->Features(query), right = View("right")->Features(query);
  auto merged = View("left")->Features(query);
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->whole().rows.customers(), 21'000);
  EXPECT_EQ(all->whole().rows.shift(), 1);
  ASSERT_THAT(right, IsOk());
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(merged->whole().rows.shift(), 0);
  merged->Merge(*right);
  EXPECT_TRUE(ToText(*merged) == ToText(*all));
}

// Above the room for visits, runs are those of a sample of the customers, each whole; above that of one customer, cut.
TEST_P(EventStoreContractTest, Runs_OfMoreVisitsThanFit_AreASampleThatNoSplitChanges) {
  std::map<std::string, Events> workspaces;
  for (int i = 0; i < 15'000; ++i) {
    const Event event = Event(absl::StrCat("e", i)).Customer(absl::StrCat("c", i % 3000)).At(i);
    workspaces["all"].push_back(event);
    workspaces[i % 3 == 0 ? "left" : "right"].push_back(event);
  }
  for (int i = 0; i < 10'001; ++i) workspaces["one"].push_back(Event(absl::StrCat("e", i)).Customer("c").At(i));
  AppendAll(*store_, workspaces);
  RunsQuery query;
  query.visits_max = 10'000;
  const auto all = View("all")->Runs(query), right = View("right")->Runs(query), one = View("one")->Runs(query);
  auto merged = View("left")->Runs(query);
  ASSERT_THAT(all, IsOk());
  EXPECT_EQ(all->rows.customers(), 3000);
  EXPECT_EQ(all->rows.shift(), 1);
  for (const auto& entry : all->rows.entries()) {
    ASSERT_EQ(entry.row.runs.size(), 1u);
    EXPECT_EQ(entry.row.runs[0].visits.size(), 5u);
  }
  ASSERT_THAT(right, IsOk());
  ASSERT_THAT(merged, IsOk());
  EXPECT_EQ(merged->rows.shift(), 0);
  merged->Merge(*right);
  EXPECT_TRUE(ToText(*merged) == ToText(*all));
  ASSERT_THAT(one, IsOk());
  EXPECT_TRUE(one->rows.entries()[0].row.cut);
  EXPECT_EQ(one->rows.entries()[0].row.runs[0].visits.size(), 10'000u);
}

// All that a view says beside its aggregates.
std::string Facts(const EventView& view) {
  std::string out = absl::StrCat(view.watermark().value);
  const EventStatistics statistics = view.Statistics();
  absl::StrAppend(&out, " events ", statistics.events, " customers ", statistics.customers, " from ",
                  absl::FormatTime(statistics.first_event_time), " to ", absl::FormatTime(statistics.last_event_time));
  for (const EventNameCount& name : statistics.event_names) absl::StrAppend(&out, " ", name.event_name, name.events);
  const auto customers = view.ListCustomers(0, 1'000'000);
  const auto matches =
      view.FirstMatches(0, 1'000'000, {Select({"visit"}), Select({}, "channel = \"web\"")}, Patience());
  EXPECT_THAT(customers, IsOk());
  EXPECT_THAT(matches, IsOk());
  EXPECT_EQ(customers->size(), matches->size());
  for (size_t i = 0; i < customers->size(); ++i) {
    const CustomerSummary& customer = (*customers)[i];
    absl::StrAppend(&out, "\n", customer.ordinal, " ", customer.customer_id, " ", customer.event_count, " ",
                    absl::FormatTime(customer.first_event_time), " ", absl::FormatTime(customer.last_event_time));
    for (const absl::Time time : (*matches)[i]) absl::StrAppend(&out, " ", absl::FormatTime(time));
    if (customers->size() > 100) continue;  // one by one they take long
    const auto found = view.FindCustomer(customer.customer_id);
    EXPECT_TRUE(found.ok() && found->has_value() && (*found)->event_count == customer.event_count);
    const auto events = view.CustomerEvents(customer.customer_id, 0, 1000);
    EXPECT_THAT(events, IsOk());
    for (const StoredEvent& stored : *events) {
      absl::StrAppend(&out, " ", stored.event.source(), "/", stored.event.id(), "@", stored.sequence.value);
    }
  }
  return out;
}

TEST_P(EventStoreContractTest, KnownAt_AnswersEverythingAsIfNothingHadComeAfter) {
  std::map<uint64_t, RandomLog> logs;
  std::map<std::string, Events> first, rest;
  for (const uint64_t seed : Seeds(80)) {
    Random random(seed);
    const RandomLog& log = logs[seed] = MakeRandomLog(random);
    const auto end = log.events.begin() + static_cast<std::ptrdiff_t>(random() % (log.events.size() + 1));
    first[absl::StrCat("then", seed)] = first[absl::StrCat("now", seed)] = Events(log.events.begin(), end);
    rest[absl::StrCat("now", seed)] = Events(end, log.events.end());
  }
  const std::map<std::string, EventSequence> watermarks = AppendAll(*store_, first);
  AppendAll(*store_, rest);
  for (const auto& [seed, log] : logs) {
    SCOPED_TRACE(absl::StrCat("THROUGHLINE_TEST_SEED=", seed));
    Random random(~seed);
    const std::vector<Question> questions = RandomScopedQuestions(random, log);
    const auto then = View(absl::StrCat("then", seed)), now = View(absl::StrCat("now", seed));
    const EventSequence watermark = then->watermark();
    if (!first.at(absl::StrCat("now", seed)).empty()) {
      EXPECT_EQ(watermark.value, watermarks.at(absl::StrCat("now", seed)).value);
    }
    const auto known = now->KnownAt(watermark);
    ASSERT_THAT(known, IsOk());
    ASSERT_EQ(Facts(**known), Facts(*then));
    for (const Question& question : questions) ASSERT_EQ(question.ask(**known), question.ask(*then)) << question.kind;
    // The past of the past.
    const EventSequence earlier{static_cast<int64_t>(random() % static_cast<uint64_t>(watermark.value + 1))};
    const auto twice = (*known)->KnownAt(earlier), once = now->KnownAt(earlier);
    ASSERT_THAT(twice, IsOk());
    ASSERT_THAT(once, IsOk());
    ASSERT_EQ(Facts(**twice), Facts(**once));
    EXPECT_THAT((*known)->KnownAt(EventSequence{watermark.value + 1}), StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_THAT(now->KnownAt(EventSequence{-1}), StatusIs(absl::StatusCode::kOutOfRange));
    // The view itself is as it was.
    EXPECT_EQ(now->Statistics().events, static_cast<int64_t>(log.events.size()));
  }
}

// More customers than one partition of any engine of ours holds; and values that came later count towards no limit.
TEST_P(EventStoreContractTest, KnownAt_AmongManyCustomersAndValues_KnowsThoseOfThen) {
  constexpr int kThen = 4500, kNow = 9000;
  Events first, rest;
  for (int i = 0; i < kNow; ++i) {
    Event event(absl::StrCat("e", i));
    event.Customer(absl::StrCat("c", i < kThen ? i : i * 7 % kNow)).Name(i % 2 == 0 ? "visit" : "buy").At(i % 1000);
    if (i >= kThen) event.Channel(absl::StrCat("channel-", i)).Property("plan", absl::StrCat("plan-", i));
    (i < kThen ? first : rest).push_back(event);
  }
  AppendAll(*store_, {{"then", first}, {"now", first}});
  AppendAll(*store_, {{"now", rest}});
  const auto then = View("then"), now = View("now");
  const auto known = now->KnownAt(then->watermark());
  ASSERT_THAT(known, IsOk());
  EXPECT_TRUE(Facts(**known) == Facts(*then));
  for (const char* path : {"channel", "properties.plan", "event_name"}) {
    VolumeQuery query{{EventSelector()}, {TimeRange()}, {}};
    query.scope.breakdown = {EventField{path, {}}};
    const auto volume = (*known)->Volume(query);
    EXPECT_THAT(volume, IsOk());
    EXPECT_EQ(ToText(volume), ToText(then->Volume(query)));
    GraphQuery graph;
    graph.alphabet = EventField{path, {}};
    EXPECT_EQ(ToText((*known)->Graph(graph)), ToText(then->Graph(graph)));
  }
  VolumeQuery query{{EventSelector()}, {TimeRange()}, {}};
  query.scope.breakdown = {EventField{"channel", {}}};
  EXPECT_THAT(now->Volume(query), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace throughline::testing
