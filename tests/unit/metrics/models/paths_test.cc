// Transitions, variants, rework and hand-offs by hand.
#include "throughline/models/paths.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kSecond = 1'000'000;

VariantCounts Variants(const std::map<VariantCounts::Variant, int64_t>& variants, int64_t unlisted = 0) {
  VariantCounts counts;
  counts.variants = variants;
  counts.runs = unlisted;
  for (const auto& [variant, runs] : variants) counts.runs += runs;
  return counts;
}

// One run for each text: a letter is a visit of that department, '-' one without; ten seconds apart.
RunLog Departments(const std::vector<std::string>& runs) {
  RunLog log;
  log.touchpoints = {"t"};
  log.departments = {"A", "B", "C"};
  for (const std::string& run : runs) {
    RunLog::Run& added = log.runs.emplace_back();
    for (const char c : run) {
      const auto time = static_cast<int64_t>(added.visits.size()) * 10 * kSecond;
      added.visits.push_back({.department = c == '-' ? RunLog::kNone : c - 'A', .time_micros = time});
    }
  }
  return log;
}

TEST(TransitionSharesTest, Shares_CountEndsAsWaysOn) {
  TransitionGraph graph;
  graph.nodes["a"] = {.events = 10, .runs = 10, .starts = 10, .ends = 4, .channels = {}, .departments = {}};
  graph.nodes["b"] = {.events = 6, .runs = 6, .starts = 0, .ends = 6, .channels = {}, .departments = {}};
  TransitionGraph::Edge& edge = graph.edges[{"a", "b"}];
  for (int64_t i = 1; i <= 6; ++i) edge.durations.Add(i * kSecond);
  edge.count = 6;
  edge.duration_micros = 21 * kSecond;
  const std::vector<TransitionShare> shares = *TransitionShares(graph, {});
  ASSERT_EQ(shares.size(), 3);
  EXPECT_EQ(shares[0].to, "");
  EXPECT_EQ(shares[0].share.value, 0.4);
  EXPECT_EQ(shares[0].mean_seconds.state, Estimate::State::kUndefined);
  EXPECT_EQ(shares[1].to, "b");
  EXPECT_EQ(shares[1].share.value, 0.6);
  EXPECT_EQ(shares[1].share.n, 10);
  EXPECT_NEAR(shares[1].share.interval->low, 0.312674, 1e-6);  // Wilson of 6/10
  EXPECT_NEAR(shares[1].share.interval->high, 0.831820, 1e-6);
  EXPECT_EQ(shares[1].mean_seconds.value, 3.5);
  EXPECT_EQ(shares[1].mean_seconds.details.at("median"), 3);
  EXPECT_EQ(shares[2].share.value, 1);
}

TEST(TransitionSharesTest, BadGraph_IsRefused) {
  TransitionGraph graph;
  EXPECT_THAT(*TransitionShares(graph, {}), IsEmpty());
  graph.edges[{"a", "b"}].count = 1;
  EXPECT_EQ(TransitionShares(graph, {}).status().code(), absl::StatusCode::kInvalidArgument);
  graph.nodes["a"].ends = -1;
  graph.nodes["b"].ends = 1;
  EXPECT_EQ(TransitionShares(graph, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(VariantSharesTest, Ranked_TiesByTouchpoints) {
  const VariantCounts counts = Variants({{{"b"}, 3}, {{"a", "b"}, 3}, {{"c"}, 4}, {{"d"}, 0}}, 10);
  const std::vector<VariantShare> shares = *VariantShares(counts, 2, {});
  ASSERT_EQ(shares.size(), 2);
  EXPECT_THAT(shares[0].touchpoints, ElementsAre("c"));
  EXPECT_EQ(shares[0].share.value, 0.2);
  EXPECT_THAT(shares[1].touchpoints, ElementsAre("a", "b"));
  EXPECT_EQ(shares[1].cumulative_share, 0.35);
  EXPECT_EQ(VariantShares(counts, 100, {})->size(), 3);
  EXPECT_THAT(*VariantShares({}, 5, {}), IsEmpty());
}

TEST(VariantSharesTest, MoreRunsThanThereAre_IsRefused) {
  VariantCounts counts = Variants({{{"a"}, 3}});
  counts.runs = 2;
  EXPECT_EQ(VariantShares(counts, 1, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReworkOf(Variants({{{"a"}, -3}}, 3), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReworkTest, VisitedTwice_CountsTheRunOnce) {
  const ReworkReport report = *ReworkOf(Variants({{{"a", "b", "a", "a"}, 3}, {{"b"}, 1}}, 6), {});
  const Estimate& rework = report.touchpoints.at("a").share;
  EXPECT_EQ(rework.value, 0.75);
  EXPECT_EQ(rework.n, 4);
  EXPECT_EQ(rework.details.at("runs"), 3);
  EXPECT_EQ(rework.details.at("repeats"), 6);
  EXPECT_THAT(rework.excluded, ElementsAre(Pair("variant_not_listed", 6)));
  EXPECT_EQ(report.touchpoints.at("a").share_of_visitors.value, 1);
  EXPECT_EQ(report.touchpoints.at("b").share.value, 0);
  EXPECT_EQ(report.any.value, 0.75);
  EXPECT_EQ(report.any.details.at("visits"), 13);
}

TEST(ReworkTest, NoRun_IsUndefined) {
  EXPECT_THAT(ReworkOf({}, {})->any.undefined_reason, HasSubstr("No run"));
  EXPECT_EQ(ReworkOf(Variants({}, 5), {})->any.excluded.at("variant_not_listed"), 5);
}

TEST(HandoffsTest, MissingDepartment_IsPassedOver) {
  const HandoffReport report = *HandoffsOf(Departments({"A-B", "AA", "-"}), {});
  EXPECT_EQ(report.share.value, 0.5);
  EXPECT_THAT(report.share.excluded, ElementsAre(Pair("missing_department", 2), Pair("no_department", 1)));
  ASSERT_EQ(report.pairs.size(), 1);
  EXPECT_EQ(report.pairs[0].from, "A");
  EXPECT_EQ(report.pairs[0].to, "B");
  EXPECT_EQ(report.pairs[0].waiting_seconds.value, 20);
  EXPECT_EQ(report.pairs[0].runs.value, 0.5);
  EXPECT_EQ(report.runs.n, 2);
  EXPECT_EQ(report.per_run.value, 0.5);
}

TEST(HandoffsTest, ThereAndBack_IsPingPongAfterRepeatsAreCollapsed) {
  const HandoffReport report = *HandoffsOf(Departments({"AAB-BAB", "ABC", "AB"}), {});
  EXPECT_EQ(report.ping_pong_runs.value, 1.0 / 3);
  EXPECT_EQ(report.ping_pong_runs.details.at("count"), 2);
  ASSERT_EQ(report.ping_pongs.size(), 2);
  EXPECT_EQ(report.ping_pongs[0].there, "A");
  EXPECT_EQ(report.ping_pongs[0].back, "B");
  EXPECT_EQ(report.ping_pongs[1].there, "B");
  EXPECT_EQ(report.pairs[0].count, 4);  // A → B
  // 3, 2 and 1 hand-offs: mean 2, variance 1, Student's t with 2 degrees of freedom.
  EXPECT_EQ(report.per_run.value, 2);
  EXPECT_NEAR(report.per_run.interval->low, 2 - 4.302652729749462 / std::sqrt(3.0), 1e-9);
}

TEST(HandoffsTest, PairsMax_KeepsTheMostFrequent_AndChangesNoTotal) {
  const RunLog log = Departments({"AAB-BAB", "ABC", "AB", "CA", "BCB"});
  const HandoffReport all = *HandoffsOf(log, {});
  ASSERT_EQ(all.pairs.size(), 5);
  const HandoffReport two = *HandoffsOf(log, {}, 2);
  ASSERT_EQ(two.pairs.size(), 2);
  ASSERT_EQ(two.ping_pongs.size(), 2);
  EXPECT_EQ(two.pairs[0].count, 4);  // A → B
  EXPECT_EQ(two.pairs[1].from + two.pairs[1].to, "BC");
  EXPECT_EQ(two.waiting_seconds.n, all.waiting_seconds.n);
  EXPECT_EQ(two.per_run.value, all.per_run.value);
  EXPECT_TRUE(HandoffsOf(log, {}, 0)->pairs.empty());
}

TEST(HandoffsTest, AnyOrderOfRuns_GivesTheSame) {
  RunLog log = Departments({"AAB-BAB", "ABC", "AB", "CBA", "BBB", "-A-C"});
  for (size_t i = 0; i < log.runs.size(); ++i) {
    for (RunLog::Visit& visit : log.runs[i].visits) visit.time_micros *= static_cast<int64_t>(i) * 7 + 1;
  }
  const HandoffReport expected = *HandoffsOf(log, {});
  std::reverse(log.runs.begin(), log.runs.end());
  std::swap(log.departments[0], log.departments[2]);
  for (RunLog::Run& run : log.runs) {
    for (RunLog::Visit& visit : run.visits) visit.department = visit.department < 0 ? -1 : 2 - visit.department;
  }
  const HandoffReport actual = *HandoffsOf(log, {});
  EXPECT_EQ(actual.waiting_seconds.value, expected.waiting_seconds.value);
  EXPECT_EQ(actual.waiting_seconds.details, expected.waiting_seconds.details);
  ASSERT_EQ(actual.pairs.size(), expected.pairs.size());
  for (size_t i = 0; i < actual.pairs.size(); ++i) {
    EXPECT_EQ(actual.pairs[i].from, expected.pairs[i].from);
    EXPECT_EQ(actual.pairs[i].waiting_seconds.details, expected.pairs[i].waiting_seconds.details);
  }
  ASSERT_EQ(actual.ping_pongs.size(), expected.ping_pongs.size());
  for (size_t i = 0; i < actual.ping_pongs.size(); ++i)
    EXPECT_EQ(actual.ping_pongs[i].there, expected.ping_pongs[i].there);
}

TEST(HandoffsTest, NoDepartment_IsUndefined) {
  for (const RunLog& log : {RunLog{}, Departments({"--", ""})}) {
    const HandoffReport report = *HandoffsOf(log, {});
    EXPECT_THAT(report.share.undefined_reason, HasSubstr("No visit has a department"));
    EXPECT_EQ(report.per_run.state, Estimate::State::kUndefined);
    EXPECT_THAT(report.waiting_seconds.undefined_reason, HasSubstr("no hand-off"));
  }
  EXPECT_THAT(HandoffsOf(Departments({"A"}), {})->share.undefined_reason, HasSubstr("No two visits"));
}

TEST(HandoffsTest, BadLog_IsRefused) {
  RunLog log = Departments({"AB"});
  log.departments.pop_back();
  log.departments.pop_back();
  EXPECT_EQ(HandoffsOf(log, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
