#include "throughline/models/intervals.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

// |actual − expected| <= tolerance·|expected|.
void ExpectRelative(double actual, double expected, double tolerance, const char* what) {
  EXPECT_LE(std::abs(actual - expected), tolerance * std::abs(expected))
      << what << ": " << actual << " != " << expected;
}

// The expected values of this file were computed with 40 digits from the definitions.
TEST(NormalQuantileTest, KnownProbabilities_MatchToTwelveDigits) {
  const std::pair<double, double> rows[] = {
      {1e-300, -37.047096299361199}, {1e-10, -6.3613409024040562}, {0.001, -3.0902323061678135},
      {0.025, -1.9599639845400542},  {0.2, -0.84162123357291421},  {0.25, -0.67448975019608174},
      {0.3, -0.52440051270804078},   {0.45, -0.12566134685507403}, {0.499, -0.002506630899571764},
      {0.75, 0.67448975019608174},   {0.975, 1.9599639845400542},  {0.9995, 3.2905267314918948}};
  for (const auto& [p, x] : rows) ExpectRelative(NormalQuantile(p), x, 1e-12, "normal quantile");
  EXPECT_EQ(NormalQuantile(0.5), 0);
}

TEST(NormalQuantileTest, AnyProbability_InvertsTheDistribution) {
  for (int i = 1; i < 2000; ++i) {
    const double p = i / 2000.0;
    const double x = NormalQuantile(p);
    EXPECT_NEAR(std::erfc(-x / std::sqrt(2.0)) / 2, p, 1e-14) << p;
    EXPECT_EQ(NormalQuantile(1 - p), -NormalQuantile(1 - (1 - p))) << p;
  }
}

TEST(StudentTQuantileTest, KnownValues_MatchToNineDigits) {
  struct Row {
    double p, degrees, t;
  };
  const Row rows[] = {
      {0.6, 1, 0.32491969623290633},      {0.975, 1, 12.706204736174705},      {0.9995, 1, 636.61924876871962},
      {0.975, 2, 4.3026527297494639},     {0.9995, 3, 12.923978636687483},     {0.6, 10, 0.26018482949208024},
      {0.975, 10, 2.2281388519862747},    {0.975, 29, 2.0452296421327043},     {0.9995, 29, 3.6594050194663329},
      {0.975, 100, 1.9839715185235523},   {0.975, 1000, 1.9623390808264085},   {0.9995, 9999, 3.2915000633009319},
      {0.6, 9999, 0.25335384411983594},   {0.9995, 10000, 3.2914999659416047}, {0.975, 10000, 1.9602012398906263},
      {0.975, 1000000, 1.959966356814107}};
  for (const Row& row : rows) {
    ExpectRelative(StudentTQuantile(row.p, row.degrees), row.t, 1e-9, "t quantile");
    ExpectRelative(StudentTQuantile(1 - row.p, row.degrees), -row.t, 1e-9, "t quantile, lower tail");
  }
}

TEST(StudentTQuantileTest, ManyDegrees_TendToTheNormalFromAbove) {
  double previous = StudentTQuantile(0.975, 1);
  for (double degrees = 2; degrees < 1e7; degrees *= 1.7) {
    const double t = StudentTQuantile(0.975, degrees);
    EXPECT_LT(t, previous) << degrees;
    EXPECT_GT(t, NormalQuantile(0.975)) << degrees;
    previous = t;
  }
}

TEST(RegularizedIncompleteBetaTest, ClosedForms_AreMet) {
  for (double x = 0; x <= 1; x += 0.125) {
    EXPECT_NEAR(RegularizedIncompleteBeta(x, 1, 1), x, 1e-15);
    EXPECT_NEAR(RegularizedIncompleteBeta(x, 3, 1), x * x * x, 1e-14);
    EXPECT_NEAR(RegularizedIncompleteBeta(x, 2, 2), x * x * (3 - 2 * x), 1e-14);
    EXPECT_NEAR(RegularizedIncompleteBeta(x, 0.5, 0.5), 2 / M_PI * std::asin(std::sqrt(x)), 1e-14);
  }
}

TEST(WilsonIntervalTest, PublishedRows_Match) {
  const auto expect = [](int64_t successes, int64_t n, double low, double high) {
    const Interval interval = WilsonInterval(successes, n, 0.95);
    EXPECT_NEAR(interval.low, low, 1e-9);
    EXPECT_NEAR(interval.high, high, 1e-9);
  };
  expect(8, 10, 0.490162471536642, 0.943317848545625);
  expect(0, 10, 0, 0.277532799862889);
  expect(550, 1000, 0.519032708225741, 0.580584615925703);
}

TEST(WilsonIntervalTest, AnyShare_ContainsTheShareStaysInRangeAndMirrors) {
  for (const double confidence : {0.5, 0.9, 0.95, 0.999}) {
    for (int64_t n = 1; n <= 60; ++n) {
      for (int64_t k = 0; k <= n; ++k) {
        const Interval interval = WilsonInterval(k, n, confidence);
        const double share = static_cast<double>(k) / static_cast<double>(n);
        EXPECT_GE(interval.low, 0);
        EXPECT_LE(interval.high, 1);
        EXPECT_LE(interval.low, share);
        EXPECT_GE(interval.high, share);
        const Interval mirror = WilsonInterval(n - k, n, confidence);
        EXPECT_NEAR(mirror.low, 1 - interval.high, 1e-12);
        EXPECT_NEAR(mirror.high, 1 - interval.low, 1e-12);
      }
    }
  }
}

TEST(StudentTIntervalTest, WithoutSpreadOrSecondAnswer_IsAbsent) {
  EXPECT_FALSE(StudentTInterval(3, 0, 100, 0.95).has_value());
  EXPECT_FALSE(StudentTInterval(3, 1, 1, 0.95).has_value());
  ASSERT_TRUE(StudentTInterval(3, 1, 2, 0.95).has_value());
  EXPECT_NEAR(StudentTInterval(3, 1, 11, 0.95)->high, 3 + 2.2281388519862747 / std::sqrt(11.0), 1e-9);
}

TEST(MedianRankIntervalTest, KnownSizes_GiveTheRanksOfTheSignTest) {
  struct Row {
    int64_t n;
    double confidence;
    int64_t low;
  };
  // The largest l with P(Binomial(n, 1/2) <= l) <= (1 − confidence)/2, in exact integers.
  const Row rows[] = {{6, 0.95, 0},    {10, 0.95, 1},   {10, 0.99, 0},     {25, 0.95, 7},    {25, 0.99, 5},
                      {100, 0.95, 39}, {100, 0.99, 36}, {1001, 0.95, 469}, {1001, 0.99, 459}};
  for (const Row& row : rows) {
    const auto ranks = MedianRankInterval(row.n, row.confidence);
    ASSERT_TRUE(ranks.has_value()) << row.n;
    EXPECT_EQ(ranks->low, row.low) << row.n << " at " << row.confidence;
    EXPECT_EQ(ranks->high, row.n - 1 - row.low) << row.n << " at " << row.confidence;
  }
}

TEST(MedianRankIntervalTest, TooFewValues_HaveNone) {
  for (int64_t n = 0; n < 6; ++n) EXPECT_FALSE(MedianRankInterval(n, 0.95).has_value()) << n;
  EXPECT_FALSE(MedianRankInterval(6, 0.99).has_value());
}

}  // namespace
}  // namespace throughline
