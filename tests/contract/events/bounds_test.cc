// What is refused, and how: every stated bound of a question, deadlines and cancellation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_store_backend.h"

namespace throughline::testing {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;

StageQuery Stages(size_t count) {
  StageQuery query;
  query.stages.resize(count);
  return query;
}

PurchaseQuery Purchases() {
  PurchaseQuery query;
  query.window.end = At(1000);
  return query;
}

FeatureQuery Features(size_t count) {
  FeatureQuery query;
  query.features.resize(count);
  return query;
}

StepQuery Steps(size_t count) {
  StepQuery query;
  query.steps.resize(count);
  query.windows = {TimeRange()};
  return query;
}

// The status of every aggregate that has a scope, asked with this one.
std::map<std::string, absl::Status> AskAll(const EventView& view, const Scope& scope) {
  std::map<std::string, absl::Status> out;
  const auto ask = [&](const char* kind, auto function, auto query) {
    query.scope = scope;
    out[kind] = (view.*function)(query).status();
  };
  ask("volume", &EventView::Volume, VolumeQuery{{EventSelector()}, {TimeRange()}, {}});
  ask("scores", &EventView::Scores, ScoreQuery{{EventSelector()}, {TimeRange()}, RespondentPolicy::kAll, true, {}});
  ask("steps", &EventView::Steps, Steps(2));
  ask("graph", &EventView::Graph, GraphQuery());
  ask("variants", &EventView::Variants, VariantQuery());
  ask("cohorts", &EventView::Cohorts, CohortQuery());
  ask("stages", &EventView::Stages, Stages(2));
  ask("revenue", &EventView::Revenue, RevenueQuery());
  ask("purchases", &EventView::Purchases, Purchases());
  ask("features", &EventView::Features, Features(1));
  if (scope.breakdown.empty()) ask("runs", &EventView::Runs, RunsQuery());
  if (scope.breakdown.empty()) ask("values", &EventView::Values, ValueQuery{"event_name", {}, {}, 10, {}});
  return out;
}

void ExpectAll(const EventView& view, const Scope& scope, absl::StatusCode code) {
  for (const auto& [kind, status] : AskAll(view, scope)) {
    EXPECT_EQ(status.code(), code) << kind << ": " << status.ToString();
  }
}

TEST_P(EventStoreContractTest, Scope_DeadlineInThePast_IsDeadlineExceeded) {
  Scope scope;
  scope.deadline = absl::Now() - absl::Seconds(1);
  ExpectAll(*View("nowhere"), scope, absl::StatusCode::kDeadlineExceeded);
  MustAppend({Event("a")});
  ExpectAll(*View(), scope, absl::StatusCode::kDeadlineExceeded);
  scope.deadline = absl::Now() + absl::Hours(1);
  ExpectAll(*View(), scope, absl::StatusCode::kOk);
}

TEST_P(EventStoreContractTest, Scope_Cancelled_IsCancelled) {
  const auto cancelled = std::make_shared<std::atomic<bool>>(true);
  Scope scope;
  scope.cancelled = cancelled;
  MustAppend({Event("a")});
  ExpectAll(*View(), scope, absl::StatusCode::kCancelled);
  *cancelled = false;
  ExpectAll(*View(), scope, absl::StatusCode::kOk);
}

TEST_P(EventStoreContractTest, Scope_FilterWithAValueOfAnotherType_IsInvalidArgument) {
  MustAppend({Event("a")});
  Scope scope;
  scope.filter = Filter::Parse("score = \"high\"").value();
  ExpectAll(*View(), scope, kInvalid);
}

TEST_P(EventStoreContractTest, Breakdown_OfFourDimensions_IsInvalidArgument) {
  MustAppend({Event("a")});
  Scope scope;
  scope.breakdown.resize(4, EventField());
  ExpectAll(*View(), scope, kInvalid);
  scope.breakdown.resize(3);
  ExpectAll(*View(), scope, absl::StatusCode::kOk);
}

TEST_P(EventStoreContractTest, Breakdown_OfUnknownFields_IsInvalidArgument) {
  MustAppend({Event("a")});
  for (const char* path : {"", "nothing", "score", "event_time", "properties", "properties."}) {
    Scope scope;
    scope.breakdown = {EventField{path, {}}};
    ExpectAll(*View(), scope, kInvalid);
    GraphQuery graph;
    graph.alphabet = EventField{path, {}};
    EXPECT_THAT(View()->Graph(graph), StatusIs(kInvalid)) << path;
    VariantQuery variants;
    variants.alphabet = graph.alphabet;
    EXPECT_THAT(View()->Variants(variants), StatusIs(kInvalid)) << path;
    EXPECT_THAT(View()->Values({path, {}, {}, 10, {}}), StatusIs(kInvalid)) << path;
  }
}

TEST_P(EventStoreContractTest, Breakdown_BySymbolsOfOneName_IsInvalidArgument) {
  MustAppend({Event("a")});
  Scope scope;
  scope.breakdown = {EventSymbols{{{"same", Select({"a"})}, {"same", Select({"b"})}}}};
  ExpectAll(*View(), scope, kInvalid);
}

TEST_P(EventStoreContractTest, Breakdown_OfMoreValuesThanMayBe_IsResourceExhaustedUnlessTheyAreNamed) {
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i <= kBreakdownValueCountMax; ++i) {
    events.push_back(Event(absl::StrCat("e", i)).Channel(absl::StrCat("c", i)).Property("plan", absl::StrCat("p", i)));
  }
  MustAppend(events);
  for (const char* path : {"channel", "properties.plan"}) {
    Scope scope;
    scope.breakdown = {EventField{path, {}}};
    ExpectAll(*View(), scope, kExhausted);
    scope.breakdown = {EventField{path, {"c1", "p1", "p2"}}};
    ExpectAll(*View(), scope, absl::StatusCode::kOk);
  }
  // Two dimensions of few values each, that together are too many.
  Scope scope;
  EventSymbols symbols;
  for (int i = 0; i < 150; ++i) symbols.symbols.push_back({absl::StrCat("s", i), Select({})});
  scope.breakdown = {symbols, symbols};
  ExpectAll(*View(), scope, kExhausted);
  // Symbols as well have a limit.
  symbols.symbols.clear();
  for (int i = 0; i <= kBreakdownValueCountMax; ++i) symbols.symbols.push_back({absl::StrCat("s", i), Select({})});
  scope.breakdown = {symbols};
  ExpectAll(*View(), scope, kExhausted);
}

TEST_P(EventStoreContractTest, Breakdown_OfMorePeriodsThanMayBe_IsResourceExhausted) {
  MustAppend({Event("a").At(0), Event("b").At(86'400 * 1200)});
  Scope scope;
  scope.breakdown = {EventCalendar{CalendarUnit::kDay, absl::UTCTimeZone()}};
  ExpectAll(*View(), scope, kExhausted);
  scope.breakdown = {EventCalendar{CalendarUnit::kMonth, absl::UTCTimeZone()}};
  ExpectAll(*View(), scope, absl::StatusCode::kOk);
}

TEST_P(EventStoreContractTest, Breakdown_OfVariantsIntoManyGroups_IsResourceExhausted) {
  MustAppend({Event("a").At(0), Event("b").At(86'400 * 100)});
  VariantQuery query;
  query.scope.breakdown = {EventCalendar{CalendarUnit::kDay, absl::UTCTimeZone()}};
  EXPECT_THAT(View()->Variants(query), StatusIs(kExhausted));
}

TEST_P(EventStoreContractTest, Values_WithABreakdown_AreInvalidArgument) {
  ValueQuery query{"channel", {}, {}, 10, {}};
  query.scope.breakdown = {EventField()};
  EXPECT_THAT(View()->Values(query), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Steps_NoneOrMoreThanMayBe_AreInvalidArgument) {
  EXPECT_THAT(View()->Steps(Steps(0)), StatusIs(kInvalid));
  EXPECT_THAT(View()->Steps(Steps(kStepCountMax)), IsOk());
  EXPECT_THAT(View()->Steps(Steps(kStepCountMax + 1)), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Stages_NoneOrMoreThanMayBe_AreInvalidArgument) {
  EXPECT_THAT(View()->Stages(Stages(0)), StatusIs(kInvalid));
  EXPECT_THAT(View()->Stages(Stages(64)), IsOk());
  EXPECT_THAT(View()->Stages(Stages(65)), StatusIs(kInvalid));
  StageQuery query = Stages(1);
  for (const int32_t bin : {-1, DurationSketch::kBinCount}) {
    query.collect = {{bin}};
    EXPECT_THAT(View()->Stages(query), StatusIs(kInvalid));
  }
  query.collect = {{1}, {2}};
  EXPECT_THAT(View()->Stages(query), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Runs_BeyondTheirBounds_AreInvalidArgument) {
  const auto ask = [&](const auto& change) {
    RunsQuery query;
    change(query);
    return View()->Runs(query).status();
  };
  EXPECT_THAT(ask([](RunsQuery& query) { query.fields.assign(RunsQuery::kFieldsMax, "channel"); }), IsOk());
  EXPECT_THAT(ask([](RunsQuery& query) { query.fields.assign(RunsQuery::kFieldsMax + 1, "channel"); }),
              StatusIs(kInvalid));
  EXPECT_THAT(ask([](RunsQuery& query) { query.fields = {"score"}; }), StatusIs(kInvalid));
  EXPECT_THAT(ask([](RunsQuery& query) { query.visits_max = 9'999; }), StatusIs(kInvalid));
  EXPECT_THAT(ask([](RunsQuery& query) { query.visits_max = RunsQuery::kVisitsMax + 1; }), StatusIs(kInvalid));
  EXPECT_THAT(ask([](RunsQuery& query) { query.scope.breakdown = {EventField{"channel", {}}}; }), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Features_NoneOrMoreThanMayBe_AreInvalidArgument) {
  EXPECT_THAT(View()->Features(Features(0)), StatusIs(kInvalid));
  EXPECT_THAT(View()->Features(Features(100)), IsOk());
  EXPECT_THAT(View()->Features(Features(101)), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Cohorts_OfNoPeriodOrMoreThanMayBe_AreInvalidArgument) {
  const auto ask = [&](int periods) {
    CohortQuery query;
    query.period_count = periods;
    return View()->Cohorts(query).status();
  };
  EXPECT_THAT(ask(0), StatusIs(kInvalid));
  EXPECT_THAT(ask(-1), StatusIs(kInvalid));
  EXPECT_THAT(ask(120), IsOk());
  EXPECT_THAT(ask(121), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Revenue_OfNoMonthOrMoreThanMayBe_IsInvalidArgument) {
  const auto ask = [&](int months) {
    RevenueQuery query;
    query.month_count = months;
    return View()->Revenue(query).status();
  };
  EXPECT_THAT(ask(0), StatusIs(kInvalid));
  EXPECT_THAT(ask(600), IsOk());
  EXPECT_THAT(ask(601), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Variants_OfNoLengthOrNoBucket_AreInvalidArgument) {
  const auto ask = [&](int length, std::vector<uint32_t> buckets) {
    VariantQuery query;
    query.length_max = length;
    query.buckets = std::move(buckets);
    return View()->Variants(query).status();
  };
  EXPECT_THAT(ask(0, {}), StatusIs(kInvalid));
  EXPECT_THAT(ask(1000, {VariantCounts::kBucketCount - 1}), IsOk());
  EXPECT_THAT(ask(1001, {}), StatusIs(kInvalid));
  EXPECT_THAT(ask(5, {VariantCounts::kBucketCount}), StatusIs(kInvalid));
}

TEST_P(EventStoreContractTest, Purchases_WithoutTheEndOfTheObservation_AreInvalidArgument) {
  PurchaseQuery query = Purchases();
  query.window.end = absl::InfiniteFuture();
  EXPECT_THAT(View()->Purchases(query), StatusIs(kInvalid));
  query.window.end = absl::InfinitePast();
  EXPECT_THAT(View()->Purchases(query), StatusIs(kInvalid));
}

}  // namespace
}  // namespace throughline::testing
