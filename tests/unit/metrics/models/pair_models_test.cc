// Conversion, drop-off, time between and volume.
#include <algorithm>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "throughline/models/conversion.h"
#include "throughline/models/duration.h"
#include "throughline/models/volume.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr int64_t kSecond = 1'000'000;

PairAggregate Counts(int64_t entered, int64_t converted, int64_t immature = 0, int64_t negative = 0) {
  PairAggregate pairs;
  pairs.entered = entered;
  pairs.converted = converted;
  pairs.immature = immature;
  pairs.negative = negative;
  return pairs;
}

TEST(ConversionEstimateTest, NoEntry_IsUndefined) {
  PairAggregate pairs;
  pairs.target_only = 3;
  for (const Estimate& estimate : {ConversionEstimate(pairs, {}), DropOffEstimate(pairs, {})}) {
    EXPECT_EQ(estimate.state, Estimate::State::kUndefined);
    EXPECT_THAT(estimate.undefined_reason, HasSubstr("No run reached"));
    EXPECT_THAT(estimate.excluded, ElementsAre(Pair("target_without_entry", 3)));
  }
}

TEST(ConversionEstimateTest, ImmatureRuns_AreCountedApart) {
  const PairAggregate pairs = Counts(100, 30, 40, 5);
  const Estimate conversion = ConversionEstimate(pairs, {});
  EXPECT_EQ(conversion.n, 60);
  EXPECT_EQ(conversion.value, 0.5);
  EXPECT_THAT(conversion.excluded, ElementsAre(Pair("immature", 40), Pair("negative_interval", 5)));
  EXPECT_EQ(conversion.details.at("entered"), 100);
  EXPECT_EQ(conversion.details.at("converted"), 30);
}

TEST(ConversionEstimateTest, OnlyImmatureRuns_AreUndefinedForAnotherReason) {
  const Estimate estimate = ConversionEstimate(Counts(7, 0, 7), {});
  EXPECT_EQ(estimate.state, Estimate::State::kUndefined);
  EXPECT_THAT(estimate.undefined_reason, HasSubstr("time left"));
}

TEST(DropOffEstimateTest, AnyCounts_MirrorConversion) {
  for (int64_t converted = 0; converted <= 50; ++converted) {
    const PairAggregate pairs = Counts(50, converted);
    const Estimate conversion = ConversionEstimate(pairs, {});
    const Estimate drop_off = DropOffEstimate(pairs, {});
    EXPECT_NEAR(drop_off.value, 1 - conversion.value, 1e-12);
    EXPECT_NEAR(drop_off.interval->low, 1 - conversion.interval->high, 1e-12);
    EXPECT_NEAR(drop_off.interval->high, 1 - conversion.interval->low, 1e-12);
    EXPECT_EQ(drop_off.details.at("lost"), 50 - converted);
    EXPECT_EQ(drop_off.n, conversion.n);
  }
}

TEST(ConversionEstimateTest, MinN_CountsMatureRunsOnly) {
  const PairAggregate pairs = Counts(100, 10, 80);
  EXPECT_EQ(ConversionEstimate(pairs, {.min_n = 21}).state, Estimate::State::kInsufficientData);
  EXPECT_EQ(ConversionEstimate(pairs, {.min_n = 20}).state, Estimate::State::kOk);
}

PairAggregate PairsOf(const std::vector<int64_t>& micros) {
  PairAggregate pairs;
  for (const int64_t value : micros) pairs.durations.Add(value);
  pairs.converted = static_cast<int64_t>(micros.size());
  pairs.entered = pairs.converted;
  return pairs;
}

TEST(TimeBetweenEstimateTest, Quantiles_AreValuesAtTheStatedRank) {
  for (int n = 1; n <= 120; ++n) {
    std::vector<int64_t> micros;
    for (int i = 0; i < n; ++i) micros.push_back((i * i + 1) * kSecond);
    const Estimate estimate = TimeBetweenEstimate(PairsOf(micros), {});
    EXPECT_EQ(estimate.value, static_cast<double>(micros[(n + 1) / 2 - 1]) / kSecond) << n;
    EXPECT_EQ(estimate.details.at("p90"), static_cast<double>(micros[(9 * n + 9) / 10 - 1]) / kSecond) << n;
    EXPECT_EQ(estimate.interval.has_value(), n >= 6) << n;
  }
}

TEST(TimeBetweenEstimateTest, Interval_IsBetweenOrderStatistics) {
  std::vector<int64_t> micros;
  for (int i = 0; i < 100; ++i) micros.push_back(i * kSecond);
  const Estimate estimate = TimeBetweenEstimate(PairsOf(micros), {});
  ASSERT_TRUE(estimate.interval.has_value());
  EXPECT_EQ(estimate.interval->low, 39);
  EXPECT_EQ(estimate.interval->high, 60);
  EXPECT_EQ(estimate.method, "median order-statistics 95%");
}

TEST(TimeBetweenEstimateTest, AnyOrderAndSplit_GiveTheSame) {
  std::mt19937_64 random(99);
  std::vector<int64_t> micros(3000);
  for (int64_t& value : micros) value = static_cast<int64_t>(random() % (90 * 86400 * kSecond));
  const Estimate expected = TimeBetweenEstimate(PairsOf(micros), {});
  for (int round = 0; round < 5; ++round) {
    std::shuffle(micros.begin(), micros.end(), random);
    const auto cut = micros.begin() + static_cast<int64_t>(random() % micros.size());
    PairAggregate merged = PairsOf({micros.begin(), cut});
    merged.Merge(PairsOf({cut, micros.end()}));
    const Estimate actual = TimeBetweenEstimate(merged, {});
    EXPECT_EQ(actual.value, expected.value);
    EXPECT_EQ(actual.details, expected.details);
    EXPECT_EQ(actual.interval->low, expected.interval->low);
    EXPECT_EQ(actual.interval->high, expected.interval->high);
  }
}

TEST(TimeBetweenEstimateTest, BeyondTheExactSketch_StaysWithinItsErrorAndHasNoInterval) {
  std::vector<int64_t> micros;
  for (int64_t i = 1; i <= 100'000; ++i) micros.push_back(i * kSecond);
  const Estimate estimate = TimeBetweenEstimate(PairsOf(micros), {});
  EXPECT_NEAR(estimate.value, 50'000, 50'000 * DurationSketch::kRelativeErrorMax);
  EXPECT_NEAR(estimate.details.at("p90"), 90'000, 90'000 * DurationSketch::kRelativeErrorMax);
  EXPECT_FALSE(estimate.interval.has_value());
  EXPECT_THAT(estimate.method, HasSubstr("within 0.2%"));
}

TEST(TimeBetweenEstimateTest, RunsWithoutDuration_AreCountedByReason) {
  PairAggregate pairs = PairsOf({kSecond, 2 * kSecond});
  pairs.entered = 10;
  pairs.negative = 3;
  pairs.target_only = 4;
  const Estimate estimate = TimeBetweenEstimate(pairs, {});
  EXPECT_EQ(estimate.n, 2);
  EXPECT_THAT(estimate.excluded, ElementsAre(Pair("negative_interval", 3), Pair("target_not_reached", 5),
                                             Pair("target_without_entry", 4)));
}

TEST(TimeBetweenEstimateTest, NoDuration_IsUndefinedWithTheRightReason) {
  EXPECT_THAT(TimeBetweenEstimate({}, {}).undefined_reason, HasSubstr("No run reached"));
  PairAggregate pairs;
  pairs.entered = 4;
  const Estimate estimate = TimeBetweenEstimate(pairs, {});
  EXPECT_EQ(estimate.state, Estimate::State::kUndefined);
  EXPECT_THAT(estimate.undefined_reason, HasSubstr("gone on"));
}

TEST(VolumeEstimateTest, Nothing_IsACountOfZero) {
  const Estimate estimate = VolumeEstimate({});
  EXPECT_EQ(estimate.state, Estimate::State::kOk);
  EXPECT_EQ(estimate.value, 0);
  EXPECT_EQ(estimate.n, 0);
}

TEST(VolumeEstimateTest, Merged_IsTheSum) {
  VolumeAggregate volume = {.events = 10, .customers = 4};
  volume.Merge({.events = 5, .customers = 2});
  const Estimate estimate = VolumeEstimate(volume);
  EXPECT_EQ(estimate.value, 15);
  EXPECT_EQ(estimate.n, 15);
  EXPECT_EQ(estimate.details.at("customers"), 6);
  EXPECT_FALSE(estimate.interval.has_value());
}

}  // namespace
}  // namespace throughline
