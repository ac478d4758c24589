#include "throughline/models/standards.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(BreachShareTest, CountsAndExclusions) {
  const Estimate estimate = BreachShare({.kept = 2, .breached = 8, .open = 3}, {}).value();
  EXPECT_EQ(estimate.value, 0.8);
  EXPECT_EQ(estimate.n, 10);
  EXPECT_NEAR(estimate.interval->low, 0.490162471536642, 1e-12);
  EXPECT_EQ(estimate.excluded.at("open"), 3);
  EXPECT_EQ(BreachShare({.kept = 0, .breached = 0, .open = 3}, {}).value().state, Estimate::State::kUndefined);
  EXPECT_EQ(BreachShare({.kept = -1, .breached = 0, .open = 0}, {}).status().code(), kInvalid);
}

TEST(BreachShareTest, Values_OnTheEndsKeepThePromise) {
  const Estimate estimate =
      BreachShareOfValues({1, 2, 3, 4, std::nullopt}, {.low = 2, .high = 3}, {.min_n = 10}).value();
  EXPECT_EQ(estimate.value, 0.5);
  EXPECT_EQ(estimate.state, Estimate::State::kInsufficientData);
  EXPECT_EQ(estimate.excluded.at("missing"), 1);
  EXPECT_EQ(BreachShareOfValues({1}, {}, {}).status().code(), kInvalid);
  EXPECT_EQ(BreachShareOfValues({1}, {.low = 3, .high = 2}, {}).status().code(), kInvalid);
  EXPECT_EQ(BreachShareOfValues({NAN}, {.low = 3, .high = std::nullopt}, {}).status().code(), kInvalid);
}

TEST(PChartTest, HandWorkedLimits) {
  // p̄ = .1: limits .1 ± 3·.3/√n.
  const Chart chart =
      PChart({{10, 100}, {20, 100}, {19, 100}, {0, 0}, {0, 400}}, {.center = 0.1, .baseline = 0, .width = 3}).value();
  ASSERT_EQ(chart.state, Estimate::State::kOk);
  EXPECT_NEAR(chart.points[0].high, 0.19, 1e-15);
  EXPECT_NEAR(chart.points[0].low, 0.01, 1e-15);
  EXPECT_THAT(chart.signals, ElementsAre(1, 4));
  EXPECT_EQ(chart.points[4].signal, -1);
  EXPECT_EQ(chart.points[3].statistic, 0.1);
}

TEST(PChartTest, Baseline_SetsTheCentre) {
  const Chart chart = PChart({{10, 100}, {30, 300}, {90, 100}}, {.center = {}, .baseline = 2, .width = 3}).value();
  EXPECT_EQ(chart.center, 0.1);
  EXPECT_THAT(chart.signals, ElementsAre(2));
  EXPECT_THAT(PChart({{0, 0}}, {}).value().undefined_reason, HasSubstr("no trials"));
  EXPECT_EQ(PChart({}, {}).value().state, Estimate::State::kUndefined);
}

TEST(PChartTest, CentreAtTheEnd_SignalsAnyFailure) {
  const Chart chart = PChart({{0, 50}, {1, 50}}, {.center = 0.0, .baseline = 0, .width = 3}).value();
  EXPECT_THAT(chart.signals, ElementsAre(1));
}

TEST(EwmaTest, HandWorkedStatistics) {
  EwmaOptions options;
  options.mean = 10;
  options.standard_deviation = 1;
  options.width = 2.7;
  // Montgomery's example of the exact limits: λ .1, L 2.7: 10 ± 0.27 at the first, ± 0.3633 at the second.
  const Chart chart = EwmaChart({9.45, 7.99, 30}, options).value();
  EXPECT_NEAR(chart.points[0].statistic, 9.945, 1e-12);
  EXPECT_NEAR(chart.points[1].statistic, 9.7495, 1e-12);
  EXPECT_NEAR(chart.points[0].high, 10.27, 1e-12);
  EXPECT_NEAR(chart.points[1].low, 10 - 0.36325, 1e-5);
  EXPECT_THAT(chart.signals, ElementsAre(2));
}

TEST(EwmaTest, LambdaOne_IsAShewhartChart) {
  EwmaOptions options;
  options.mean = 0;
  options.standard_deviation = 1;
  options.lambda = 1;
  options.width = 3;
  EXPECT_THAT(EwmaChart({2.9, -3.1, 0, 3}, options).value().signals, ElementsAre(1));
}

TEST(CusumTest, HandWorkedSums) {
  CusumOptions options;
  options.mean = 10;
  options.standard_deviation = 2;
  // y = 0, 2, 2, 2, 2 and k = .5: 0, 1.5, 3, 4.5, 6.
  const Chart chart = CusumChart({10, 14, 14, 14, 14, 14}, options).value();
  EXPECT_NEAR(chart.points[3].statistic, 4.5, 1e-15);
  EXPECT_THAT(chart.signals, ElementsAre(4, 5));
  EXPECT_THAT(chart.onsets, ElementsAre(1, 1));
  options.restart = true;
  EXPECT_THAT(CusumChart({10, 14, 14, 14, 14, 14}, options).value().signals, ElementsAre(4));
  const Chart down = CusumChart({10, 6, 6, 6, 6}, options).value();
  EXPECT_EQ(down.points[4].signal, -1);
  EXPECT_NEAR(down.points[4].statistic, -6, 1e-15);
}

TEST(ChartsTest, Baseline_GivesMeanAndDeviation) {
  CusumOptions options;
  options.baseline = 3;
  const Chart chart = CusumChart({1, 2, 3, 50}, options).value();
  EXPECT_EQ(chart.center, 2);
  EXPECT_EQ(chart.spread, 1);
  EXPECT_THAT(chart.signals, ElementsAre(3));
}

TEST(ChartsTest, WithoutSpread_ThereIsNoChart) {
  EXPECT_THAT(EwmaChart({0.1, 0.1, 0.1}, {}).value().undefined_reason, HasSubstr("all equal"));
  EXPECT_EQ(CusumChart({}, {}).value().state, Estimate::State::kUndefined);
  EXPECT_EQ(CusumChart({1}, {}).value().state, Estimate::State::kUndefined);
  EXPECT_EQ(EwmaChart({1e308, -1e308, 1e308}, {}).value().state, Estimate::State::kUndefined);
  CusumOptions options;
  options.mean = 0;
  options.standard_deviation = 1e-300;
  EXPECT_EQ(CusumChart({1e300}, options).value().state, Estimate::State::kUndefined);
}

TEST(ChartsTest, BadInput_IsInvalid) {
  EXPECT_EQ(PChart({{2, 1}}, {}).status().code(), kInvalid);
  EXPECT_EQ(PChart({{0, 1}}, {.center = 1.5, .baseline = 0, .width = 3}).status().code(), kInvalid);
  EXPECT_EQ(PChart({{0, 1}}, {.center = {}, .baseline = 2, .width = 3}).status().code(), kInvalid);
  EXPECT_EQ(EwmaChart({NAN}, {}).status().code(), kInvalid);
  EwmaOptions ewma;
  ewma.lambda = 0;
  EXPECT_EQ(EwmaChart({1, 2}, ewma).status().code(), kInvalid);
  CusumOptions cusum;
  cusum.mean = 1;
  EXPECT_EQ(CusumChart({1, 2}, cusum).status().code(), kInvalid);
  cusum.standard_deviation = -1;
  EXPECT_EQ(CusumChart({1, 2}, cusum).status().code(), kInvalid);
}

TEST(BenjaminiHochbergTest, HandWorkedValues) {
  // Sorted .01 .02 .03 .5: times 4/rank .04 .04 .04 .5.
  const Hypotheses out = BenjaminiHochberg({0.02, 0.5, 0.01, 0.03}, 0.05).value();
  EXPECT_THAT(out.adjusted, ElementsAre(0.04, 0.5, 0.04, 0.04));
  EXPECT_THAT(out.rejected, ElementsAre(true, false, true, true));
  EXPECT_TRUE(BenjaminiHochberg({}, 0.05).value().adjusted.empty());
  EXPECT_THAT(BenjaminiHochberg({1, 0}, 0.05).value().adjusted, ElementsAre(1, 0));
  EXPECT_EQ(BenjaminiHochberg({1.1}, 0.05).status().code(), kInvalid);
  EXPECT_EQ(BenjaminiHochberg({NAN}, 0.05).status().code(), kInvalid);
  EXPECT_EQ(BenjaminiHochberg({0.1}, 0).status().code(), kInvalid);
}

}  // namespace
}  // namespace throughline
