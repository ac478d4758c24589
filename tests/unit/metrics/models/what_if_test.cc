// What-if by hand and against brute force.
#include "throughline/models/what_if.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/chain_runs.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using ::throughline::testing::ChainRuns;
using State = Estimate::State;

constexpr int64_t kSecond = 1'000'000;

void Add(TransitionGraph& graph, const std::string& from, const std::string& to, int64_t count, int64_t seconds) {
  graph.nodes[from];
  graph.nodes[to];
  TransitionGraph::Edge& edge = graph.edges[{from, to}];
  edge.count = count;
  edge.duration_micros = count * seconds * kSecond;
}

// 100 runs: visit → cart 50, cart → buy 30; the others end.
TransitionGraph Shop() {
  TransitionGraph graph;
  Add(graph, "visit", "cart", 50, 100);
  Add(graph, "cart", "buy", 30, 60);
  graph.nodes["visit"].starts = 100;
  graph.nodes["visit"].ends = 50;
  graph.nodes["cart"].ends = 20;
  graph.nodes["buy"].ends = 30;
  return graph;
}

WhatIfReport Ask(const TransitionGraph& graph, const WhatIfQuestion& question) {
  const absl::StatusOr<WhatIfReport> report = WhatIf(graph, question, {});
  EXPECT_TRUE(report.ok()) << report.status();
  return *report;
}

std::string Refused(const TransitionGraph& graph, const WhatIfQuestion& question) {
  const absl::Status status = WhatIf(graph, question, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

WhatIfQuestion Question(const std::string& from, const std::string& to, std::optional<double> share,
                        std::optional<double> seconds = {}) {
  return {.goal = "buy",
          .changes = {{.from = from, .to = to, .share = share, .mean_seconds = seconds}},
          .revenue_per_visit = {}};
}

TEST(WhatIfTest, ShareChanged_MovesEveryNumber) {
  WhatIfQuestion question = Question("visit", "cart", 0.8);
  question.revenue_per_visit = {{"buy", 5000}, {"visit", -10}};
  const WhatIfReport report = Ask(Shop(), question);
  EXPECT_NEAR(report.conversion.before.value, 0.3, 1e-12);
  EXPECT_NEAR(report.conversion.after.value, 0.48, 1e-12);
  EXPECT_NEAR(report.conversion.difference.value, 0.18, 1e-12);
  EXPECT_NEAR(report.seconds.before.value, 0.5 * 100 + 0.3 * 60, 1e-9);
  EXPECT_NEAR(report.seconds.after.value, 0.8 * 100 + 0.48 * 60, 1e-9);
  EXPECT_NEAR(report.seconds_to_goal.after.value, 160, 1e-9);
  EXPECT_NEAR(report.revenue.before.value, 0.3 * 5000 - 10, 1e-9);
  EXPECT_NEAR(report.revenue.difference.value, 0.18 * 5000, 1e-9);
  // By hand: conversion is p·q with p = 50/100 and q = 30/50, of which 0.8·q leaves only q's error.
  const double q_error = std::sqrt(0.6 * 0.4 / 50);
  const double z = 1.959963984540054;
  const double logit = std::log(0.48 / 0.52);
  const double half = z * 0.8 * q_error / (0.48 * 0.52);
  EXPECT_NEAR(report.conversion.after.interval->low, 1 / (1 + std::exp(half - logit)), 1e-9);
  EXPECT_NEAR(report.conversion.after.interval->high, 1 / (1 + std::exp(-half - logit)), 1e-9);
  const double difference_error = std::sqrt(std::pow(0.3 * q_error, 2) + 0.6 * 0.6 * 0.25 / 100);
  EXPECT_NEAR(report.conversion.difference.interval->high, 0.18 + z * difference_error, 1e-9);
  // Without durations nobody knows how the times spread.
  EXPECT_FALSE(report.seconds.before.interval.has_value());
  EXPECT_EQ(report.conversion.after.n, 100);
}

TEST(WhatIfTest, NoChange_HasNoDifference) {
  const WhatIfReport report = Ask(Shop(), {.goal = "buy", .changes = {}, .revenue_per_visit = {}});
  EXPECT_EQ(report.conversion.difference.value, 0);
  EXPECT_FALSE(report.conversion.difference.interval.has_value());
  EXPECT_EQ(report.revenue.before.value, 0);
  EXPECT_FALSE(report.revenue.before.interval.has_value());
}

TEST(WhatIfTest, TimeChanged_LeavesConversion) {
  const WhatIfReport report = Ask(Shop(), Question("cart", "buy", {}, 10.0));
  EXPECT_EQ(report.conversion.difference.value, 0);
  EXPECT_NEAR(report.seconds.difference.value, -50 * 0.3, 1e-9);
  EXPECT_NEAR(report.seconds_to_goal.difference.value, -50, 1e-9);
}

// "ab": visits of a and b, ten seconds apart.
RunLog LogOf(const std::vector<std::string>& runs) {
  RunLog log = {.touchpoints = {"a", "b", "c"}, .channels = {}, .departments = {}, .runs = {}};
  for (const std::string& run : runs) {
    RunLog::Run& added = log.runs.emplace_back();
    for (size_t i = 0; i < run.size(); ++i) {
      added.visits.push_back({.touchpoint = run[i] - 'a', .time_micros = static_cast<int64_t>(i) * 10 * kSecond});
    }
  }
  return log;
}

TEST(GraphUntilGoalTest, WhatComesAfterTheGoal_HasNoPart) {
  const TransitionGraph graph = *GraphUntilGoal(LogOf({"abcacab", "ab", "cb", ""}), "b");
  EXPECT_EQ(graph.runs, 3);
  EXPECT_EQ(graph.events, 6);
  EXPECT_EQ(graph.nodes.at("a").starts, 2);
  EXPECT_EQ(graph.nodes.at("b").ends, 3);
  EXPECT_EQ(graph.nodes.at("c").events, 1);
  ASSERT_EQ(graph.edges.size(), 2);
  const TransitionGraph::Edge& edge = graph.edges.at({"a", "b"});
  EXPECT_EQ(edge.count, 2);
  EXPECT_EQ(edge.duration_micros, 20 * kSecond);
  EXPECT_EQ(edge.durations.count(), 2);
  EXPECT_TRUE(GraphUntilGoal(LogOf({"a"}), "b")->edges.empty());
  RunLog backwards = LogOf({"ab"});
  backwards.runs[0].visits[1].time_micros = -1;
  EXPECT_EQ(GraphUntilGoal(backwards, "b").status().code(), absl::StatusCode::kInvalidArgument);
}

// Whatever the runs, also where they do not forget where they came from.
TEST(GraphUntilGoalTest, BeforeIsWhatWasMeasured) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> runs(1 + random() % 30);
    double reached = 0;
    double seconds = 0;
    double visits = 0;
    for (std::string& run : runs) {
      run = std::string(1 + random() % 12, 'a');
      for (char& c : run) c = static_cast<char>('a' + (random() % 5 == 0 ? 1 : 2 * (random() % 2)));
      const size_t goal = run.find('b');
      const double until = 10.0 * static_cast<double>(std::min(goal, run.size() - 1));
      reached += goal == std::string::npos ? 0 : 1;
      seconds += until;
      visits += static_cast<double>(std::count(run.begin(), run.begin() + std::min(goal, run.size()), 'c'));
    }
    const auto n = static_cast<double>(runs.size());
    TransitionGraph graph = *GraphUntilGoal(LogOf(runs), "b");
    graph.nodes["b"];
    graph.nodes["c"];
    const WhatIfReport report = *WhatIf(graph, {.goal = "b", .changes = {}, .revenue_per_visit = {{"c", 1}}}, {});
    EXPECT_NEAR(report.conversion.before.value, reached / n, 1e-9);
    EXPECT_NEAR(report.seconds.before.value, seconds / n, 1e-6);
    EXPECT_NEAR(report.revenue.before.value, visits / n, 1e-9);
  }
}

TEST(WhatIfTest, NewWay_NeedsAShareAndATime) {
  EXPECT_NEAR(Ask(Shop(), Question("visit", "buy", 0.5, 5.0)).conversion.after.value, 0.5 + 0.5 * 0.3, 1e-12);
  Refused(Shop(), Question("visit", "buy", 0.5));
  Refused(Shop(), Question("visit", "buy", {}, 5.0));
}

TEST(WhatIfTest, EndAsChange_KeepsTheOthersInProportion) {
  const WhatIfReport report = Ask(Shop(), Question("cart", "", 0.1));
  EXPECT_NEAR(report.conversion.after.value, 0.5 * 0.9, 1e-12);
}

TEST(WhatIfTest, Trap_LeavesTimesUndefinedAndConversionZero) {
  TransitionGraph graph = Shop();
  const WhatIfReport report = Ask(graph, Question("visit", "visit", 1, 5.0));
  EXPECT_EQ(report.conversion.after.state, State::kOk);
  EXPECT_EQ(report.conversion.after.value, 0);
  EXPECT_EQ(report.seconds.after.state, State::kUndefined);
  EXPECT_THAT(report.seconds.after.undefined_reason, HasSubstr("never be over"));
  EXPECT_EQ(report.seconds.difference.state, State::kUndefined);
  EXPECT_EQ(report.seconds.before.state, State::kOk);
  EXPECT_THAT(report.seconds_to_goal.after.undefined_reason, HasSubstr("No run reaches the goal"));
}

TEST(WhatIfTest, AlmostATrap_StaysFinite) {
  const WhatIfReport report = Ask(Shop(), Question("visit", "visit", 1 - 1e-15, 5.0));
  for (const WhatIfNumber* number : {&report.conversion, &report.seconds, &report.seconds_to_goal, &report.revenue}) {
    for (const Estimate* each : {&number->before, &number->after, &number->difference}) {
      EXPECT_TRUE(std::isfinite(each->value));
      if (!each->interval.has_value()) continue;
      EXPECT_TRUE(std::isfinite(each->interval->low) && std::isfinite(each->interval->high));
    }
  }
}

TEST(WhatIfTest, HugeNumbers_StayFinite) {
  TransitionGraph graph = Shop();
  graph.edges[{"visit", "cart"}].duration_micros = std::numeric_limits<int64_t>::max();
  graph.edges[{"cart", "buy"}].durations.Add(std::numeric_limits<int64_t>::max());
  for (const double revenue : {1e308, -1e308, 1e-308}) {
    WhatIfQuestion question = Question("visit", "", 0);
    question.changes.push_back({.from = "cart", .to = "buy", .share = 1, .mean_seconds = 1e308});
    question.revenue_per_visit = {{"buy", revenue}, {"visit", -revenue}, {"cart", revenue}};
    const WhatIfReport report = Ask(graph, question);
    for (const WhatIfNumber* number : {&report.conversion, &report.seconds, &report.seconds_to_goal, &report.revenue}) {
      for (const Estimate* each : {&number->before, &number->after, &number->difference}) {
        EXPECT_TRUE(std::isfinite(each->value));
        EXPECT_EQ(each->state == State::kUndefined, !each->undefined_reason.empty());
        if (!each->interval.has_value()) continue;
        EXPECT_TRUE(std::isfinite(each->interval->low) && std::isfinite(each->interval->high));
      }
    }
  }
}

TEST(WhatIfTest, GoalWhereRunsBegin_IsReachedAtOnce) {
  const WhatIfReport report = Ask(Shop(), {.goal = "visit", .changes = {}, .revenue_per_visit = {{"visit", 7}}});
  EXPECT_EQ(report.conversion.before.value, 1);
  EXPECT_EQ(report.seconds.before.value, 0);
  EXPECT_EQ(report.seconds_to_goal.before.value, 0);
  EXPECT_EQ(report.revenue.before.value, 7);
}

TEST(WhatIfTest, NoRun_IsUndefined) {
  TransitionGraph graph;
  graph.nodes["buy"];
  const WhatIfReport report = Ask(graph, {.goal = "buy", .changes = {}, .revenue_per_visit = {}});
  EXPECT_THAT(report.conversion.before.undefined_reason, HasSubstr("no run"));
  EXPECT_EQ(report.revenue.difference.state, State::kUndefined);
}

TEST(WhatIfTest, BadQuestion_IsRefused) {
  const TransitionGraph shop = Shop();
  Refused(shop, {.goal = "moon", .changes = {}, .revenue_per_visit = {}});
  Refused(shop, {.goal = "buy", .changes = {}, .revenue_per_visit = {{"moon", 1}}});
  Refused(shop, {.goal = "buy", .changes = {}, .revenue_per_visit = {{"buy", NAN}}});
  for (const double share : {-0.1, 1.1, static_cast<double>(NAN)}) Refused(shop, Question("visit", "cart", share));
  for (const double time : {-1.0, static_cast<double>(INFINITY)}) Refused(shop, Question("visit", "cart", {}, time));
  Refused(shop, Question("visit", "cart", {}));
  Refused(shop, Question("visit", "", {}, 3.0));
  Refused(shop, Question("moon", "cart", 0.5));
  Refused(shop, Question("visit", "moon", 0.5));
  Refused(shop, Question("buy", "cart", 0.5));
  WhatIfQuestion twice = Question("visit", "cart", 0.5);
  twice.changes.push_back(twice.changes[0]);
  Refused(shop, twice);
  twice.changes[1].to = "";
  Refused(shop, twice);
  twice.changes.assign(WhatIfQuestion::kChangesMax + 1, twice.changes[0]);
  Refused(shop, twice);
  TransitionGraph one_way = shop;
  one_way.nodes["visit"].ends = 0;
  EXPECT_THAT(Refused(one_way, Question("visit", "cart", 0.5)), HasSubstr("no other way"));
}

TEST(WhatIfTest, BadGraph_IsRefused) {
  const WhatIfQuestion question = {.goal = "buy", .changes = {}, .revenue_per_visit = {}};
  TransitionGraph graph = Shop();
  graph.nodes["visit"].starts = -1;
  Refused(graph, question);
  graph = Shop();
  graph.edges[{"cart", "moon"}].count = 1;
  Refused(graph, question);
  graph = Shop();
  graph.nodes["cart"].ends = 0;
  graph.edges.erase({"cart", "buy"});  // runs come to the cart and are never seen again
  Refused(graph, question);
  EXPECT_EQ(WhatIf(Shop(), question, {.confidence_level = 1}).status().code(), absl::StatusCode::kInvalidArgument);
  graph = {};
  for (size_t i = 0; i <= kWhatIfNodesMax; ++i) graph.nodes[std::to_string(i)];
  Refused(graph, question);
}

// A million runs of the changed chain, by the dice.
TEST(WhatIfTest, Solution_IsWhatSimulationSays) {
  std::mt19937_64 random(11);
  ChainRuns chain;
  chain.shares = {{"a", {{"b", 0.5}, {"c", 0.2}, {"", 0.3}}},
                  {"b", {{"a", 0.3}, {"goal", 0.4}, {"", 0.3}}},
                  {"c", {{"c", 0.5}, {"b", 0.3}, {"", 0.2}}},
                  {"goal", {{"", 1}}}};
  const TransitionGraph graph = chain.Graph(1'000'000, random);
  const WhatIfQuestion question = {.goal = "goal",
                                   .changes = {{.from = "b", .to = "goal", .share = 0.6, .mean_seconds = {}}},
                                   .revenue_per_visit = {{"goal", 100}, {"c", -5}}};
  const WhatIfReport report = Ask(graph, question);
  chain.shares["b"] = {{"a", 0.2}, {"goal", 0.6}, {"", 0.2}};
  const ChainRuns::Means means = chain.Simulate(1'000'000, "goal", question.revenue_per_visit, random);
  EXPECT_NEAR(report.conversion.after.value, means.conversion, 0.003);
  EXPECT_NEAR(report.seconds.after.value, means.seconds, 0.01 * means.seconds);
  EXPECT_NEAR(report.seconds_to_goal.after.value, means.seconds_to_goal, 0.01 * means.seconds_to_goal);
  EXPECT_NEAR(report.revenue.after.value, means.revenue, 0.3);
}

}  // namespace
}  // namespace throughline
