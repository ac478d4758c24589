// Paths against the published numbers: the running example of six requests, and BPI 2012.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/xes_log.h"
#include "throughline/models/paths.h"
#include "throughline/models/what_if.h"

namespace throughline {
namespace {

using ::throughline::testing::DataPath;
using ::throughline::testing::XesLog;

// What an engine answers for whole runs, as the model's input.
TransitionGraph GraphOf(const RunLog& log) {
  TransitionGraph graph;
  for (const RunLog::Run& run : log.runs) {
    for (size_t i = 0; i < run.visits.size(); ++i) {
      const std::string& name = log.touchpoints[static_cast<size_t>(run.visits[i].touchpoint)];
      TransitionGraph::Node& node = graph.nodes[name];
      ++node.events;
      node.starts += i == 0 ? 1 : 0;
      node.ends += i + 1 == run.visits.size() ? 1 : 0;
      ++graph.events;
      if (i == 0) continue;
      TransitionGraph::Edge& edge =
          graph.edges[{log.touchpoints[static_cast<size_t>(run.visits[i - 1].touchpoint)], name}];
      const int64_t micros = run.visits[i].time_micros - run.visits[i - 1].time_micros;
      ++edge.count;
      edge.duration_micros += micros;
      edge.durations.Add(micros);
    }
    ++graph.runs;
  }
  return graph;
}

TEST(PathsReferenceTest, RunningExample_TransitionsAndVariants) {
  const std::string path = DataPath("event_logs/running-example.xes");
  REQUIRE_DATA(path);
  const RunLog log = XesLog::Read(path);
  const std::vector<TransitionShare> shares = *TransitionShares(GraphOf(log), {});
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const TransitionShare& each : shares) {
    if (!each.to.empty()) counts[{each.from, each.to}] = each.share.details.at("count");
  }
  EXPECT_EQ(counts.size(), 16);
  EXPECT_EQ(counts.at({"register request", "check ticket"}), 2);
  EXPECT_EQ(counts.at({"check ticket", "decide"}), 6);
  EXPECT_EQ(counts.at({"decide", "reinitiate request"}), 3);
  EXPECT_EQ(VariantsOf(log).variants.size(), 6);
}

TEST(PathsReferenceTest, RunningExample_Rework) {
  const std::string path = DataPath("event_logs/running-example.xes");
  REQUIRE_DATA(path);
  const ReworkReport report = *ReworkOf(VariantsOf(XesLog::Read(path)), {});
  std::map<std::string, double> rework;
  for (const auto& [name, each] : report.touchpoints) {
    EXPECT_EQ(each.share.n, 6);
    if (each.share.value > 0) rework[name] = each.share.details.at("runs");
  }
  EXPECT_THAT(rework, ::testing::UnorderedElementsAre(::testing::Pair("check ticket", 2), ::testing::Pair("decide", 2),
                                                      ::testing::Pair("examine casually", 1),
                                                      ::testing::Pair("reinitiate request", 1)));
}

TEST(PathsReferenceTest, RunningExample_HandoffsByResource) {
  const std::string path = DataPath("event_logs/running-example.xes");
  REQUIRE_DATA(path);
  const HandoffReport report = *HandoffsOf(XesLog::Read(path, "org:resource"), {});
  EXPECT_EQ(report.share.details.at("handoffs"), 32);
  EXPECT_EQ(report.share.details.at("pairs"), 36);
  EXPECT_EQ(report.share.n, 36);
  EXPECT_NEAR(report.share.value, 32.0 / 36, 1e-12);
}

TEST(PathsReferenceTest, Bpi2012_VariantsAndTransitions) {
  const std::string path = DataPath("event_logs/bpi_challenge_2012.xes.gz");
  REQUIRE_DATA(path);
  const RunLog log = XesLog::Read(path);
  const VariantCounts variants = VariantsOf(log);
  EXPECT_EQ(variants.runs, 13'087);
  EXPECT_EQ(variants.variants.size(), 4366);
  const std::vector<VariantShare> top = *VariantShares(variants, 1, {});
  EXPECT_EQ(top[0].runs, 3429);
  EXPECT_THAT(top[0].touchpoints, ::testing::ElementsAre("A_SUBMITTED", "A_PARTLYSUBMITTED", "A_DECLINED"));
  const TransitionGraph graph = GraphOf(log);
  EXPECT_EQ(graph.events, 262'200);
  EXPECT_EQ(graph.edges.size(), 125);
  double counts = 0;
  double ends = 0;
  const std::vector<TransitionShare> shares = *TransitionShares(graph, {});
  for (const TransitionShare& each : shares) {
    (each.to.empty() ? ends : counts) += each.share.details.at("count");
  }
  EXPECT_EQ(counts, 262'200 - 13'087);  // Σ counts = events − runs
  EXPECT_EQ(ends, 13'087);
}

// A chain made of a log has, where no goal cuts runs short, exactly the log's mean time and mean numbers of visits: the
// flow through each touchpoint is balanced. So the solution is held against 13,087 real runs.
TEST(WhatIfReferenceTest, Bpi2012_UnchangedChainHasTheMeansOfTheLog) {
  const std::string path = DataPath("event_logs/bpi_challenge_2012.xes.gz");
  REQUIRE_DATA(path);
  const RunLog log = XesLog::Read(path);
  TransitionGraph graph = GraphOf(log);
  graph.nodes["never visited"];
  double micros = 0;
  for (const RunLog::Run& run : log.runs) {
    micros += static_cast<double>(run.visits.back().time_micros - run.visits.front().time_micros);
  }
  for (const auto& [name, node] : graph.nodes) {
    const WhatIfReport report =
        *WhatIf(graph, {.goal = "never visited", .changes = {}, .revenue_per_visit = {{name, 1}}}, {});
    EXPECT_NEAR(report.revenue.before.value, static_cast<double>(node.events) / 13'087, 1e-9) << name;
    EXPECT_NEAR(report.seconds.before.value, micros / 1e6 / 13'087, 1e-3) << name;  // of 745,000
    EXPECT_EQ(report.conversion.before.value, 0);
    EXPECT_EQ(report.seconds_to_goal.before.state, Estimate::State::kUndefined);
  }
  // A_SUBMITTED begins every run; who is accepted is known, and to say so again changes nothing.
  WhatIfQuestion question = {.goal = "A_ACCEPTED", .changes = {}, .revenue_per_visit = {}};
  const double conversion = WhatIf(graph, question, {})->conversion.before.value;
  EXPECT_GT(conversion, 0);
  const TransitionGraph::Edge& edge = graph.edges.at({"A_PARTLYSUBMITTED", "A_DECLINED"});
  const double share = static_cast<double>(edge.count) / static_cast<double>(graph.nodes["A_PARTLYSUBMITTED"].events);
  question.changes = {{.from = "A_PARTLYSUBMITTED", .to = "A_DECLINED", .share = share, .mean_seconds = {}}};
  const WhatIfReport same = *WhatIf(graph, question, {});
  EXPECT_NEAR(same.conversion.after.value, conversion, 1e-12);
  question.changes[0].share = 0;
  EXPECT_GT(WhatIf(graph, question, {})->conversion.after.value, conversion);
}

}  // namespace
}  // namespace throughline
