// Do the intervals of conformance, hand-offs and what-if cover the truth? Simulated from known distributions, seeded;
// nominal 95 % has to lie within 93 % to 97 %. Sizes are those at which an approximation for large samples is meant to
// hold: a few hundred runs.
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/chain_runs.h"
#include "tests/support/map_of_variants.h"
#include "throughline/models/conformance.h"
#include "throughline/models/paths.h"
#include "throughline/models/what_if.h"

namespace throughline {
namespace {

using ::throughline::testing::ChainRuns;
using ::throughline::testing::MapOfVariants;

constexpr int kRounds = 3'000;
constexpr int64_t kSecond = 1'000'000;

class Coverage {
 public:
  void Add(const std::string& name, const Estimate& estimate, double truth) {
    Count& count = counts_[name];
    ++count.rounds;
    if (!estimate.interval.has_value()) return;
    count.covered += estimate.interval->low <= truth && truth <= estimate.interval->high ? 1 : 0;
  }
  void Expect() const {
    for (const auto& [name, count] : counts_) {
      const double share = static_cast<double>(count.covered) / count.rounds;
      EXPECT_GE(share, 0.93) << name;
      EXPECT_LE(share, 0.97) << name;
      std::printf("%-34s %.4f of %d\n", name.c_str(), share, count.rounds);
    }
  }

 private:
  struct Count {
    int rounds = 0;
    int covered = 0;
  };
  std::map<std::string, Count> counts_;
};

// A run is as drawn (a, b, c), or passes over b with probability 0.3; those convert less and take longer.
RunLog DeviatingRuns(int runs, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::exponential_distribution<double> exponential(1);
  RunLog log;
  log.touchpoints = {"a", "b", "c"};
  for (int i = 0; i < runs; ++i) {
    const bool deviates = uniform(random) < 0.3;
    const double seconds = exponential(random) * (deviates ? 2'000 : 1'000);
    RunLog::Run& run = log.runs.emplace_back();
    run.converted = uniform(random) < (deviates ? 0.4 : 0.6);
    run.visits.push_back({.touchpoint = 0});
    if (!deviates) run.visits.push_back({.touchpoint = 1});
    run.visits.push_back({.touchpoint = 2, .time_micros = std::llround(seconds * 1e6)});
  }
  return log;
}

TEST(ConformanceCoverageTest, FourHundredRuns) {
  std::mt19937_64 random(20261122);
  const MapGraph map = MapOfVariants({{"a", "b", "c"}});
  Coverage coverage;
  for (int round = 0; round < kRounds; ++round) {
    const ConformanceReport report = *CheckConformance(map, DeviatingRuns(400, random), {});
    const DeviationImpact& impact = report.deviations.at(0).impact;
    coverage.Add("conforming share", report.conforming, 0.7);
    coverage.Add("alignment fitness", report.alignment_fitness, 0.7 + 0.3 * (1 - 1.0 / 5));
    coverage.Add("deviation share", impact.share, 0.3);
    coverage.Add("conversion difference", impact.conversion_difference, 0.4 - 0.6);
    coverage.Add("median time difference", impact.median_seconds_difference, std::log(2) * (2'000 - 1'000));
  }
  coverage.Expect();
}

// Each visit belongs to department A with probability 0.7, else to B, independently of the others.
TEST(HandoffsCoverageTest, ThreeHundredRuns) {
  std::mt19937_64 random(20261122);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::exponential_distribution<double> exponential(1e-2);
  Coverage coverage;
  for (int round = 0; round < kRounds; ++round) {
    RunLog log;
    log.touchpoints = {"t"};
    log.departments = {"A", "B"};
    for (int i = 0; i < 300; ++i) {
      RunLog::Run& run = log.runs.emplace_back();
      int64_t time = 0;
      for (int k = 0; k < 2; ++k) {
        run.visits.push_back({.department = uniform(random) < 0.7 ? 0 : 1, .time_micros = time});
        time += std::llround(exponential(random) * 1e6);
      }
    }
    const HandoffReport report = *HandoffsOf(log, {});
    coverage.Add("hand-off share", report.share, 0.42);
    coverage.Add("runs with hand-off", report.runs, 0.42);
    coverage.Add("hand-offs per run", report.per_run, 0.42);
    coverage.Add("median waiting time", report.waiting_seconds, 100 * std::log(2));
  }
  coverage.Expect();
}

TEST(ReworkCoverageTest, ThreeHundredRuns) {
  std::mt19937_64 random(20261122);
  std::uniform_real_distribution<double> uniform(0, 1);
  Coverage coverage;
  for (int round = 0; round < kRounds; ++round) {
    VariantCounts counts;
    counts.runs = 300;
    for (int i = 0; i < 300; ++i) {
      ++counts.variants[uniform(random) < 0.35 ? VariantCounts::Variant{"a", "b", "a"} : VariantCounts::Variant{"a"}];
    }
    coverage.Add("rework share", ReworkOf(counts, {})->any, 0.35);
    const std::vector<VariantShare> shares = *VariantShares(counts, 1, {});
    coverage.Add("variant share", shares[0].share, 0.65);
  }
  coverage.Expect();
}

TEST(WhatIfCoverageTest, FiveHundredRuns) {
  std::mt19937_64 random(20261122);
  ChainRuns chain;
  chain.shares = {{"a", {{"b", 0.5}, {"c", 0.2}, {"", 0.3}}},
                  {"b", {{"a", 0.3}, {"goal", 0.4}, {"", 0.3}}},
                  {"c", {{"c", 0.5}, {"b", 0.3}, {"", 0.2}}},
                  {"goal", {{"", 1}}}};
  // The truth: the chain with the probabilities themselves as counts.
  TransitionGraph exact;
  exact.nodes["a"].starts = 1'000;
  for (const auto& [from, ways] : chain.shares) {
    for (const auto& [to, share] : ways) {
      const int64_t count = std::llround(share * 1'000);
      if (to.empty()) {
        exact.nodes[from].ends = count;
      } else {
        TransitionGraph::Edge& edge = exact.edges[{from, to}];
        edge.count = count;
        edge.duration_micros = count * 10 * kSecond;
      }
    }
  }
  const WhatIfQuestion question = {.goal = "goal",
                                   .changes = {{.from = "b", .to = "goal", .share = 0.6, .mean_seconds = {}},
                                               {.from = "c", .to = "c", .share = {}, .mean_seconds = 5}},
                                   .revenue_per_visit = {{"goal", 100}, {"c", -5}}};
  const WhatIfReport truth = *WhatIf(exact, question, {});
  Coverage coverage;
  for (int round = 0; round < kRounds; ++round) {
    const WhatIfReport report = *WhatIf(chain.Graph(500, random), question, {});
    const auto add = [&](const std::string& name, const WhatIfNumber& ours, const WhatIfNumber& true_number) {
      coverage.Add(name + " before", ours.before, true_number.before.value);
      coverage.Add(name + " after", ours.after, true_number.after.value);
      coverage.Add(name + " difference", ours.difference, true_number.difference.value);
    };
    add("conversion", report.conversion, truth.conversion);
    add("seconds", report.seconds, truth.seconds);
    add("seconds to goal", report.seconds_to_goal, truth.seconds_to_goal);
    add("revenue", report.revenue, truth.revenue);
  }
  coverage.Expect();
}

}  // namespace
}  // namespace throughline
