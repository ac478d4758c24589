// Conformance by hand: what each run gets, and in which words.
#include "throughline/models/conformance.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/map_of_variants.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::throughline::testing::MapOfVariants;
using Ways = std::vector<std::vector<std::string>>;

constexpr int64_t kHour = 3'600'000'000;

int32_t IndexOf(const std::string& name, std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int32_t>(found - names.begin());
  names.push_back(name);
  return static_cast<int32_t>(names.size()) - 1;
}

// Visits one hour apart.
RunLog LogOf(const Ways& ways) {
  RunLog log;
  for (const std::vector<std::string>& way : ways) {
    RunLog::Run& run = log.runs.emplace_back();
    for (const std::string& name : way) {
      const auto hours = static_cast<int64_t>(run.visits.size());
      run.visits.push_back({.touchpoint = IndexOf(name, log.touchpoints), .time_micros = hours * kHour});
    }
  }
  return log;
}

ConformanceReport Check(const MapGraph& map, const RunLog& log) {
  const absl::StatusOr<ConformanceReport> report = CheckConformance(map, log, {});
  EXPECT_TRUE(report.ok()) << report.status();
  return *report;
}

MapGraph Line() { return MapOfVariants({{"a", "b", "c"}}); }

// "TYPE touchpoint from>to", of one run.
std::vector<std::string> Words(const MapGraph& map, const std::vector<std::string>& way) {
  std::vector<std::string> words;
  const ConformanceReport report = Check(map, LogOf({way}));
  for (const Deviation& each : report.variants.at(0).deviations) {
    words.push_back(std::string(DeviationTypeText(each.type)) + " " + each.touchpoint + " " + each.from + ">" +
                    each.to);
  }
  return words;
}

TEST(ConformanceTest, RunAsDrawn_HasCostZero) {
  const ConformanceReport report = Check(Line(), LogOf({{"a", "b", "c"}}));
  const VariantConformance& variant = report.variants.at(0);
  EXPECT_EQ(variant.cost, 0);
  EXPECT_EQ(variant.fitness, 1);
  EXPECT_THAT(variant.deviations, IsEmpty());
  EXPECT_THAT(variant.off_map, IsEmpty());
  // Three visits and the four silent steps around them, the token at the beginning and the one at the end.
  EXPECT_EQ(variant.tokens.produced, 8);
  EXPECT_EQ(variant.tokens.consumed, 8);
  EXPECT_EQ(variant.tokens.Fitness(), 1);
}

TEST(ConformanceTest, TouchpointPassedOver_IsMissingBetweenItsNeighbours) {
  EXPECT_THAT(Words(Line(), {"a", "c"}), ElementsAre("MISSING b a>c"));
  EXPECT_THAT(Words(Line(), {"b", "c"}), ElementsAre("MISSING a >b"));
  EXPECT_THAT(Words(Line(), {"a", "b"}), ElementsAre("MISSING c b>"));
  const ConformanceReport report = Check(Line(), LogOf({{"a", "c"}}));
  EXPECT_EQ(report.variants[0].fitness, 1 - 1.0 / 5);
  // One token is missing before c, and that behind a remains.
  EXPECT_EQ(report.variants[0].tokens.missing, 1);
  EXPECT_EQ(report.variants[0].tokens.remaining, 1);
}

TEST(ConformanceTest, VisitOfSomethingElse_IsAdHoc) {
  EXPECT_THAT(Words(Line(), {"a", "x", "b", "c"}), ElementsAre("AD_HOC x a>x"));
  EXPECT_THAT(Words(Line(), {"x", "a", "b", "c"}), ElementsAre("AD_HOC x >x"));
  // On a map of two ways, a touchpoint of the other way.
  const MapGraph two = MapOfVariants({{"a", "b", "b2", "d"}, {"a", "c", "c2", "d"}});
  EXPECT_THAT(Words(two, {"a", "b", "c", "b2", "d"}), ElementsAre("AD_HOC c b>c"));
}

TEST(ConformanceTest, ExchangedTouchpoints_AreInWrongOrder) {
  EXPECT_THAT(Words(Line(), {"a", "c", "b"}), ElementsAre("WRONG_ORDER b c>b"));
  EXPECT_THAT(Words(Line(), {"b", "a", "c"}), ElementsAre("WRONG_ORDER a b>a"));  // the later of the two is named
}

TEST(ConformanceTest, VisitDoneAgain_IsALoop) {
  EXPECT_THAT(Words(Line(), {"a", "b", "b", "c"}), ElementsAre("LOOP b a>b"));
  EXPECT_THAT(Words(Line(), {"a", "b", "c", "a"}), ElementsAre("LOOP a c>a"));
  MapGraph repeats = Line();
  repeats.edges.push_back({.from = "b", .to = "b", .promise_micros = {}});
  EXPECT_THAT(Words(repeats, {"a", "b", "b", "c"}), IsEmpty());
}

TEST(ConformanceTest, OptionalTouchpoint_MayBePassed) {
  MapGraph map = Line();
  map.nodes[1].optional = true;
  const ConformanceReport report = Check(map, LogOf({{"a", "c"}}));
  EXPECT_EQ(report.variants[0].cost, 0);
  EXPECT_EQ(report.variants[0].tokens.Fitness(), 1);
  EXPECT_THAT(report.variants[0].off_map, IsEmpty());
  EXPECT_EQ(report.alignment_fitness.details.at("cheapest_way"), 2);
  EXPECT_EQ(report.variants[0].alignment[1].kind, AlignmentMove::Kind::kSkip);
  EXPECT_EQ(report.variants[0].alignment[1].visit, -1);
}

TEST(ConformanceTest, MapOfOptionalTouchpointsOnly_FitsTheShortestRun) {
  MapGraph map = Line();
  for (MapGraph::Node& node : map.nodes) node.optional = true;
  const ConformanceReport report = Check(map, LogOf({{"b"}, {"x"}}));
  for (const VariantConformance& variant : report.variants) {
    const bool on_map = variant.touchpoints[0] == "b";
    EXPECT_EQ(variant.cost, on_map ? 0 : 1);
    EXPECT_EQ(variant.fitness, on_map ? 1 : 0);
  }
}

TEST(ConformanceTest, OptionalCycle_Ends) {
  MapGraph map = Line();
  for (MapGraph::Node& node : map.nodes) node.optional = true;
  map.edges.push_back({.from = "c", .to = "a", .promise_micros = {}});
  EXPECT_EQ(Check(map, LogOf({{"c", "b", "a", "c", "c"}})).variants[0].cost, 0);
}

TEST(ConformanceTest, OneTouchpoint_KnowsOneRun) {
  MapGraph map;
  map.nodes = {{.name = "a", .start = true, .end = true, .optional = false, .channels = {}}};
  const ConformanceReport report = Check(map, LogOf({{"a"}, {"a"}, {"a", "a"}, {"x"}}));
  EXPECT_EQ(report.conforming.value, 0.5);
  EXPECT_EQ(report.variants[0].fitness, 1);
  EXPECT_THAT(report.variants[0].touchpoints, ElementsAre("a"));
  EXPECT_EQ(report.variants[0].runs, 2);
}

TEST(ConformanceTest, CyclicMap_AllowsAnyNumberOfRounds) {
  MapGraph map = Line();
  map.edges.push_back({.from = "c", .to = "a", .promise_micros = {}});
  const ConformanceReport report = Check(
      map, LogOf({{"a", "b", "c"}, {"a", "b", "c", "a", "b", "c"}, {"a", "b", "c", "a", "b", "c", "a", "b", "c"}}));
  EXPECT_EQ(report.conforming.value, 1);
  EXPECT_EQ(report.token_fitness.value, 1);
}

TEST(ConformanceTest, EndOutOfReach_IsUndefinedAndReplayStillCounts) {
  MapGraph map = Line();
  map.edges.pop_back();  // b → c
  const ConformanceReport report = Check(map, LogOf({{"a", "b", "c"}}));
  for (const Estimate* estimate : {&report.alignment_fitness, &report.conforming}) {
    EXPECT_EQ(estimate->state, Estimate::State::kUndefined);
    EXPECT_THAT(estimate->undefined_reason, HasSubstr("no way from a start to an end"));
  }
  EXPECT_THAT(report.dead_touchpoints, ElementsAre("a", "b", "c"));
  EXPECT_THAT(report.variants[0].off_map, ElementsAre(Pair("b", "c")));
  EXPECT_THAT(report.variants[0].alignment, IsEmpty());
  EXPECT_EQ(report.token_fitness.state, Estimate::State::kOk);
  EXPECT_EQ(report.token_fitness.details.at("missing"), 1);
}

TEST(ConformanceTest, DisconnectedPart_IsNamedAndVisitsThereAreAdHoc) {
  MapGraph map = Line();
  map.nodes.push_back({.name = "island", .channels = {}});
  EXPECT_THAT(Check(map, LogOf({{"a", "b", "c"}})).dead_touchpoints, ElementsAre("island"));
  EXPECT_THAT(Words(map, {"a", "island", "b", "c"}), ElementsAre("AD_HOC island a>island"));
}

TEST(ConformanceTest, NoRun_IsUndefined) {
  for (const RunLog& log : {RunLog{}, LogOf({{}})}) {
    const ConformanceReport report = Check(Line(), log);
    EXPECT_EQ(report.alignment_fitness.state, Estimate::State::kUndefined);
    EXPECT_EQ(report.token_fitness.state, Estimate::State::kUndefined);
    EXPECT_THAT(report.conforming.undefined_reason, HasSubstr("No run"));
    EXPECT_THAT(report.deviations, IsEmpty());
  }
  EXPECT_THAT(Check(Line(), LogOf({{}})).conforming.excluded, ElementsAre(Pair("empty_run", 1)));
}

TEST(ConformanceTest, VeryLongRun_IsLeftOutAndCounted) {
  const ConformanceReport report = Check(Line(), LogOf({std::vector<std::string>(kConformanceRunVisitsMax + 1, "a"),
                                                        std::vector<std::string>(kConformanceRunVisitsMax, "a")}));
  EXPECT_THAT(report.conforming.excluded, ElementsAre(Pair("run_too_long", 1)));
  EXPECT_THAT(report.variant_of_run, ElementsAre(-1, 0));
  EXPECT_EQ(report.variants[0].cost, kConformanceRunVisitsMax + 1);
}

// Each of them passes over nearly five hundred touchpoints.
TEST(ConformanceTest, MoreDeviationsThanFitInMemory_AreRefused) {
  std::vector<std::string> way;
  for (size_t i = 0; i < MapGraph::kNodesMax; ++i) way.push_back(std::to_string(1000 + i));
  const MapGraph map = MapOfVariants({way});
  RunLog log;
  log.touchpoints = way;
  for (int32_t i = 0; i < 80; ++i) {
    for (int32_t k = 0; k < 60; ++k) {
      log.runs.push_back({.visits = {{.touchpoint = i}, {.touchpoint = 100 + k}}, .converted = std::nullopt});
    }
  }
  EXPECT_THAT(CheckConformance(map, log, {}).status(),
              testing::StatusIs(absl::StatusCode::kResourceExhausted, testing::HasReason("LIMIT_EXCEEDED")));
  log.runs.resize(100);
  EXPECT_TRUE(CheckConformance(map, log, {}).ok());
}

TEST(ConformanceTest, BadMap_IsRefusedWithAllThatIsWrong) {
  MapGraph map = Line();
  map.nodes.push_back({.name = "a", .channels = {}});
  map.edges.push_back({.from = "a", .to = "nowhere", .promise_micros = -1});
  map.edges.push_back({.from = "a", .to = "b", .promise_micros = {}});
  const absl::Status status = ValidateMapGraph(map);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  for (const MapGraph& bad :
       {MapGraph{}, MapGraph{.nodes = {{.name = "a", .start = true, .channels = {}}}, .edges = {}},
        MapGraph{.nodes = {{.name = "a", .end = true, .channels = {}}}, .edges = {}}}) {
    EXPECT_EQ(CheckConformance(bad, {}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  MapGraph large;
  large.nodes.resize(MapGraph::kNodesMax + 1);
  EXPECT_EQ(ValidateMapGraph(large).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConformanceTest, BadLog_IsRefused) {
  RunLog log = LogOf({{"a", "b"}});
  log.runs[0].visits[1].time_micros = -1;
  EXPECT_EQ(CheckConformance(Line(), log, {}).status().code(), absl::StatusCode::kInvalidArgument);
  log = LogOf({{"a", "b"}});
  log.runs[0].visits[1].touchpoint = 2;
  EXPECT_EQ(ValidateRunLog(log).code(), absl::StatusCode::kInvalidArgument);
  log = LogOf({{"a", "b"}});
  log.runs[0].visits[1].time_micros = RunLog::kTimeMicrosMax + 1;
  EXPECT_EQ(ValidateRunLog(log).code(), absl::StatusCode::kInvalidArgument);
  log = LogOf({{"a", "b"}});
  log.touchpoints[1] = "a";
  EXPECT_EQ(ValidateRunLog(log).code(), absl::StatusCode::kInvalidArgument);
}

TEST(ConformanceTest, PromiseBroken_IsLateByTheRest) {
  MapGraph map = Line();
  map.edges[0].promise_micros = kHour;          // a → b, kept exactly
  map.edges[1].promise_micros = kHour * 3 / 4;  // b → c
  const ConformanceReport report = Check(map, LogOf({{"a", "b", "c"}, {"a", "b", "x", "c"}, {"a", "c"}}));
  EXPECT_THAT(report.timed_deviations[0], ElementsAre(Deviation{.type = DeviationType::kLate,
                                                                .touchpoint = "c",
                                                                .from = "b",
                                                                .to = "c",
                                                                .visit = 2,
                                                                .over_micros = kHour / 4}));
  // The clock goes on while something else is visited.
  ASSERT_EQ(report.timed_deviations[1].size(), 1);
  EXPECT_EQ(report.timed_deviations[1][0].over_micros, kHour * 5 / 4);
  // Nobody knows when the run was at b.
  EXPECT_THAT(report.timed_deviations[2], IsEmpty());
  EXPECT_EQ(report.promises_not_judged, 1);
  EXPECT_EQ(report.deviations[0].type, DeviationType::kLate);
  EXPECT_EQ(report.deviations[0].from, "b");
  EXPECT_EQ(report.deviations[0].to, "c");
  EXPECT_EQ(report.deviations[0].impact.occurrences, 2);
}

TEST(ConformanceTest, OtherChannel_IsWrongAndAMissingOneIsNotJudged) {
  MapGraph map = Line();
  map.nodes[1].channels = {"web", "phone"};
  RunLog log = LogOf({{"a", "b", "c"}, {"a", "b", "c"}, {"a", "b", "c"}});
  log.channels = {"shop", "web"};
  for (int32_t i = 0; i < 3; ++i) log.runs[static_cast<size_t>(i)].visits[1].channel = i - 1;
  log.runs[2].visits[0].channel = 0;
  const ConformanceReport report = Check(map, log);
  EXPECT_THAT(report.timed_deviations[0], IsEmpty());
  EXPECT_EQ(report.channels_not_judged, 1);
  ASSERT_EQ(report.timed_deviations[1].size(), 1);
  EXPECT_EQ(report.timed_deviations[1][0].type, DeviationType::kWrongChannel);
  EXPECT_EQ(report.timed_deviations[1][0].touchpoint, "b");
  EXPECT_THAT(report.timed_deviations[2], IsEmpty());
  EXPECT_EQ(report.conforming.value, 1);  // the way is as drawn
}

TEST(ConformanceTest, ImpactOfADeviation_ComparesRunsWithAndWithout) {
  // 40 runs as drawn, of which 30 convert, after two hours; 20 without b, of which 5 convert, after one hour.
  Ways ways(40, {"a", "b", "c"});
  ways.resize(60, {"a", "c"});
  RunLog log = LogOf(ways);
  for (size_t i = 0; i < 60; ++i) {
    log.runs[i].converted = i < 30 || (i >= 40 && i < 45);
    log.runs[i].visits.back().time_micros += static_cast<int64_t>(i);  // or there would be no spread at all
  }
  const ConformanceReport report = Check(Line(), log);
  ASSERT_EQ(report.deviations.size(), 1);
  const DeviationImpact& impact = report.deviations[0].impact;
  EXPECT_TRUE(impact.no_control);
  EXPECT_EQ(impact.occurrences, 20);
  EXPECT_NEAR(impact.share.value, 1.0 / 3, 1e-15);
  EXPECT_NEAR(impact.conversion_difference.value, 0.25 - 0.75, 1e-15);
  // statsmodels: confint_proportions_2indep(5, 20, 30, 40, method="newcomb").
  EXPECT_NEAR(impact.conversion_difference.interval->low, -0.6754252828713204, 1e-12);
  EXPECT_NEAR(impact.conversion_difference.interval->high, -0.23369994322796767, 1e-12);
  EXPECT_NEAR(impact.median_seconds_difference.value, -3600, 1e-3);
  EXPECT_EQ(impact.median_seconds_difference.n, 35);
  EXPECT_FALSE(impact.median_seconds_difference.interval.has_value());  // five runs are too few
  EXPECT_THAT(impact.median_seconds_difference.excluded, ElementsAre(Pair("not_converted", 25)));
}

TEST(ConformanceTest, DeviationOfEveryRun_HasNothingToBeComparedWith) {
  const ConformanceReport report = Check(Line(), LogOf({{"a", "c"}, {"a", "c"}}));
  const DeviationImpact& impact = report.deviations.at(0).impact;
  EXPECT_EQ(impact.share.value, 1);
  EXPECT_EQ(impact.conversion_difference.state, Estimate::State::kUndefined);
  EXPECT_THAT(impact.median_seconds_difference.undefined_reason, HasSubstr("No run without"));
  EXPECT_EQ(impact.conversion_difference.excluded.at("conversion_unknown"), 2);
}

TEST(ConformanceTest, Summaries_AreLimitedAndTheRestIsCounted) {
  Ways ways;
  for (int i = 0; i < 50; ++i) ways.push_back({"a", "b", "x" + std::to_string(i), "c"});
  const ConformanceReport report = *CheckConformance(Line(), LogOf(ways), {.estimate = {}, .summaries_max = 10});
  EXPECT_EQ(report.deviations.size(), 10);
  EXPECT_EQ(report.off_map.size(), 10);
  EXPECT_EQ(report.summaries_left_out, 40 + 90);
}

// Any order of runs, of names, and of the map's touchpoints and transitions says the same of each run.
TEST(ConformanceTest, AnyOrder_GivesTheSame) {
  std::mt19937_64 random(7);
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  for (int round = 0; round < 200; ++round) {
    Ways ways;
    for (int i = 0; i < 12; ++i) {
      std::vector<std::string>& way = ways.emplace_back();
      for (size_t k = 0, length = 1 + random() % 7; k < length; ++k) way.push_back(names[random() % 5]);
    }
    MapGraph map = MapOfVariants({ways[0], ways[1], ways[2]});
    for (MapGraph::Node& node : map.nodes) node.optional = random() % 4 == 0;
    const ConformanceReport expected = Check(map, LogOf(ways));
    std::shuffle(map.nodes.begin(), map.nodes.end(), random);
    std::shuffle(map.edges.begin(), map.edges.end(), random);
    std::shuffle(ways.begin(), ways.end(), random);
    const ConformanceReport actual = Check(map, LogOf(ways));
    EXPECT_EQ(actual.alignment_fitness.value, expected.alignment_fitness.value);
    EXPECT_EQ(actual.token_fitness.value, expected.token_fitness.value);
    ASSERT_EQ(actual.variants.size(), expected.variants.size());
    for (size_t i = 0; i < actual.variants.size(); ++i) {
      EXPECT_EQ(actual.variants[i].touchpoints, expected.variants[i].touchpoints);
      EXPECT_EQ(actual.variants[i].deviations, expected.variants[i].deviations);
    }
    ASSERT_EQ(actual.deviations.size(), expected.deviations.size());
    for (size_t i = 0; i < actual.deviations.size(); ++i) {
      EXPECT_EQ(actual.deviations[i].touchpoint, expected.deviations[i].touchpoint);
      EXPECT_EQ(actual.deviations[i].impact.share.value, expected.deviations[i].impact.share.value);
    }
  }
}

}  // namespace
}  // namespace throughline
