// Conformance on the public event logs: the textbook check of docs/metrics/conformance.md on each of them, and BPI 2012
// against a discovered map, of which agreement_conformance.py and the bench know what pm4py says.
#include <chrono>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/map_of_variants.h"
#include "tests/support/xes_log.h"
#include "throughline/models/conformance.h"
#include "throughline/models/paths.h"

namespace throughline {
namespace {

using ::throughline::testing::DataPath;
using ::throughline::testing::MapOfVariants;
using ::throughline::testing::XesLog;

std::vector<std::vector<std::string>> TopVariants(const RunLog& log, size_t limit) {
  std::vector<std::vector<std::string>> variants;
  const std::vector<VariantShare> shares = *VariantShares(VariantsOf(log), limit, {});
  for (const VariantShare& variant : shares) variants.push_back(variant.touchpoints);
  return variants;
}

class ConformanceReferenceTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ConformanceReferenceTest, MapOfAllVariants_FitsEachRun) {
  const std::string path = DataPath(std::string("event_logs/") + GetParam());
  REQUIRE_DATA(path);
  const RunLog log = XesLog::Read(path);
  const ConformanceReport report = *CheckConformance(MapOfVariants(TopVariants(log, 1'000'000)), log, {});
  EXPECT_EQ(report.alignment_fitness.value, 1);
  EXPECT_EQ(report.token_fitness.value, 1);
  EXPECT_EQ(report.conforming.value, 1);
  EXPECT_EQ(report.conforming.n, static_cast<int64_t>(log.runs.size()));
  EXPECT_TRUE(report.deviations.empty());
  EXPECT_TRUE(report.off_map.empty());
  EXPECT_TRUE(report.dead_touchpoints.empty());
}

// Each transition in its turn is taken off the map; the runs that took it are named, and no others.
TEST_P(ConformanceReferenceTest, TransitionTakenAway_IsNamedWithItsRuns) {
  const std::string path = DataPath(std::string("event_logs/") + GetParam());
  REQUIRE_DATA(path);
  RunLog log = XesLog::Read(path);
  log.runs.resize(std::min<size_t>(log.runs.size(), 300));  // a Cartesian product with the transitions
  const MapGraph whole = MapOfVariants(TopVariants(log, 1'000'000));
  for (size_t i = 0; i < std::min<size_t>(whole.edges.size(), 40); ++i) {
    MapGraph map = whole;
    map.edges.erase(map.edges.begin() + static_cast<int64_t>(i));
    const auto& [from, to, promise] = whole.edges[i];
    int64_t runs = 0;
    for (const RunLog::Run& run : log.runs) {
      bool took = false;
      for (size_t k = 1; k < run.visits.size(); ++k) {
        took = took || (log.touchpoints[static_cast<size_t>(run.visits[k - 1].touchpoint)] == from &&
                        log.touchpoints[static_cast<size_t>(run.visits[k].touchpoint)] == to);
      }
      runs += took ? 1 : 0;
    }
    const ConformanceReport report = *CheckConformance(map, log, {});
    ASSERT_EQ(report.off_map.size(), 1) << from << " → " << to;
    EXPECT_EQ(report.off_map[0].from, from);
    EXPECT_EQ(report.off_map[0].to, to);
    EXPECT_EQ(report.off_map[0].impact.share.details.at("runs"), static_cast<double>(runs));
    // The alignments need not be defined: the only way to an end may be gone.
    if (report.conforming.state == Estimate::State::kUndefined) continue;
    EXPECT_EQ(report.conforming.details.at("runs"), static_cast<double>(report.conforming.n - runs));
    EXPECT_FALSE(report.deviations.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Logs, ConformanceReferenceTest,
                         ::testing::Values("running-example.xes", "receipt.xes.gz", "helpdesk.xes.gz",
                                           "bpi_challenge_2012.xes.gz"));

TEST(ConformanceBpi2012Test, EveryCase_IsAlignedInSeconds) {
  const std::string path = DataPath("event_logs/bpi_challenge_2012.xes.gz");
  REQUIRE_DATA(path);
  const RunLog log = XesLog::Read(path);
  ASSERT_EQ(log.runs.size(), 13'087);
  const MapGraph map = MapOfVariants(TopVariants(log, 20));
  const auto begin = std::chrono::steady_clock::now();
  const ConformanceReport report = *CheckConformance(map, log, {});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(seconds.count(), 10);  // also of a build with sanitizers
  EXPECT_EQ(report.variants.size(), 4366);
  EXPECT_EQ(report.conforming.n, 13'087);
  // Runs of the variants that the map was made of conform; there are others that it allows by chance.
  int64_t runs = 0;
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(report.variants[i].cost, 0);
    runs += report.variants[i].runs;
  }
  EXPECT_GE(report.conforming.details.at("runs"), static_cast<double>(runs));
  EXPECT_LT(report.alignment_fitness.value, 1);
}

}  // namespace
}  // namespace throughline
