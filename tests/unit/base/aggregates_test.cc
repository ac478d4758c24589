#include "throughline/aggregates.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

constexpr double kQuantiles[] = {0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.55, 0.75, 0.9, 0.95, 0.99, 0.999, 1};

std::vector<int64_t> Durations(int count, uint64_t seed) {
  // From microseconds to years, as journeys have them.
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> lognormal(20, 6);
  std::vector<int64_t> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(static_cast<int64_t>(std::min(lognormal(random), 9e18)));
  }
  return out;
}

DurationSketch SketchOf(const std::vector<int64_t>& values, size_t begin, size_t end) {
  DurationSketch sketch;
  for (size_t i = begin; i < end; ++i) sketch.Add(values[i]);
  return sketch;
}

int64_t ExactQuantile(const std::vector<int64_t>& sorted, double q) {
  // 1000·q is whole for every q above, so integer arithmetic gives the rank without rounding.
  const auto thousandths = static_cast<int64_t>(std::lround(q * 1000));
  const auto n = static_cast<int64_t>(sorted.size());
  const int64_t rank = (thousandths * n + 999) / 1000 - 1;
  return sorted[static_cast<size_t>(std::max<int64_t>(rank, 0))];
}

TEST(DurationSketchTest, Few_AreExact_WithTheRankRule) {
  DurationSketch sketch;
  for (const int64_t value : {30, 10, 20, 40}) sketch.Add(value);
  EXPECT_TRUE(sketch.exact());
  EXPECT_EQ(sketch.Quantile(0), 10);
  EXPECT_EQ(sketch.Quantile(0.5), 20);  // ⌈0.5·4⌉ − 1 = 1
  EXPECT_EQ(sketch.Quantile(0.51), 30);
  EXPECT_EQ(sketch.Quantile(0.9), 40);
  EXPECT_EQ(sketch.Quantile(1), 40);
}

TEST(DurationSketchTest, Rank_IsThatOfArithmeticWithoutRounding) {
  DurationSketch sketch;
  for (int64_t i = 1; i <= 100; ++i) sketch.Add(i);
  EXPECT_EQ(sketch.Quantile(0.55), 55);  // 0.55 · 100 is 55.00000000000001 in doubles
  EXPECT_EQ(sketch.Quantile(0.07), 7);
  EXPECT_EQ(sketch.Quantile(0.9), 90);
}

TEST(DurationSketchTest, UpToTheLimit_IsExact_AndOneMoreIsNot) {
  const std::vector<int64_t> values = Durations(DurationSketch::kExactMax + 1, 7);
  DurationSketch sketch = SketchOf(values, 0, DurationSketch::kExactMax);
  std::vector<int64_t> sorted(values.begin(), values.end() - 1);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_TRUE(sketch.exact());
  for (const double q : kQuantiles) EXPECT_EQ(sketch.Quantile(q), ExactQuantile(sorted, q)) << q;
  sketch.Add(values.back());
  EXPECT_FALSE(sketch.exact());
}

TEST(DurationSketchTest, AMillionValues_StayWithinTheRelativeError) {
  std::vector<int64_t> values = Durations(1'000'000, 11);
  const DurationSketch sketch = SketchOf(values, 0, values.size());
  EXPECT_EQ(sketch.count(), 1'000'000);
  std::sort(values.begin(), values.end());
  for (const double q : kQuantiles) {
    const auto exact = static_cast<double>(ExactQuantile(values, q));
    EXPECT_LE(std::abs(static_cast<double>(sketch.Quantile(q)) - exact), DurationSketch::kRelativeErrorMax * exact)
        << q;
  }
}

TEST(DurationSketchTest, EveryMagnitude_StaysWithinTheRelativeError) {
  for (int bit = 0; bit < 63; ++bit) {
    for (const int64_t offset : {-1, 0, 1, 12345}) {
      const int64_t value = std::max<int64_t>(0, (int64_t{1} << bit) + (offset < (int64_t{1} << bit) ? offset : 0));
      DurationSketch sketch;
      for (int64_t i = 0; i <= DurationSketch::kExactMax; ++i) sketch.Add(value);
      const double error = std::abs(static_cast<double>(sketch.Quantile(0.5)) - static_cast<double>(value));
      EXPECT_LE(error, DurationSketch::kRelativeErrorMax * static_cast<double>(value)) << value;
    }
  }
}

TEST(DurationSketchTest, AnyOrderAndAnySplit_GivesTheSameAnswers) {
  std::mt19937_64 random(5);
  for (const int count : {1000, static_cast<int>(DurationSketch::kExactMax), 200'000}) {
    std::vector<int64_t> values = Durations(count, 3);
    const DurationSketch whole = SketchOf(values, 0, values.size());
    for (int round = 0; round < 5; ++round) {
      std::shuffle(values.begin(), values.end(), random);
      std::vector<DurationSketch> parts;
      for (size_t begin = 0; begin < values.size();) {
        const size_t end = std::min(values.size(), begin + 1 + random() % (values.size() / 2));
        parts.push_back(SketchOf(values, begin, end));
        begin = end;
      }
      std::shuffle(parts.begin(), parts.end(), random);
      DurationSketch merged;
      for (const DurationSketch& part : parts) merged.Merge(part);
      EXPECT_EQ(merged.count(), whole.count());
      EXPECT_EQ(merged.exact(), whole.exact());
      for (double q = 0; q <= 1; q += 0.01) ASSERT_EQ(merged.Quantile(q), whole.Quantile(q)) << q;
    }
  }
}

TEST(DurationSketchTest, MergingIntoItself_Doubles) {
  DurationSketch sketch;
  sketch.Add(1);
  sketch.Add(3);
  sketch.Merge(sketch);
  EXPECT_EQ(sketch.count(), 4);
  EXPECT_EQ(sketch.Quantile(0.5), 1);
}

TEST(AggregatesTest, Merge_AddsEveryCount) {
  ScoreHistogram scores;
  scores.counts[10] = 1;
  ScoreHistogram more;
  more.counts[10] = 2;
  more.other = 3;
  more.missing = 4;
  scores.Merge(more);
  EXPECT_EQ(scores.counts[10], 3);
  EXPECT_EQ(scores.other, 3);
  EXPECT_EQ(scores.missing, 4);

  StepReach steps{{5, 3}, {}, 9, 1};
  steps.Merge({{1, 1}, {}, 2, 1});
  EXPECT_THAT(steps.reached, ::testing::ElementsAre(6, 4));
  EXPECT_EQ(steps.runs, 11);
  EXPECT_EQ(steps.immature, 2);
  StepReach empty;
  empty.Merge(steps);
  EXPECT_THAT(empty.reached, ::testing::ElementsAre(6, 4));

  PairAggregate pair{10, 5, 1, 2, 3, {}};
  pair.durations.Add(7);
  PairAggregate pairs;
  pairs.Merge(pair);
  pairs.Merge(pair);
  EXPECT_EQ(pairs.entered, 20);
  EXPECT_EQ(pairs.converted, 10);
  EXPECT_EQ(pairs.immature, 2);
  EXPECT_EQ(pairs.negative, 4);
  EXPECT_EQ(pairs.target_only, 6);
  EXPECT_EQ(pairs.durations.count(), 2);

  VolumeAggregate volume{3, 2};
  volume.Merge({4, 1});
  EXPECT_EQ(volume.events, 7);
  EXPECT_EQ(volume.customers, 3);
}

TEST(AggregatesTest, MergedGraphs_HoldTheUnion) {
  TransitionGraph left;
  left.nodes["a"].events = 2;
  left.nodes["a"].channels["web"] = 2;
  left.edges[{"a", "b"}].count = 1;
  left.events = 2;
  left.runs = 1;
  TransitionGraph right;
  right.nodes["a"].events = 1;
  right.nodes["a"].channels["web"] = 1;
  right.nodes["c"].starts = 1;
  right.edges[{"a", "b"}].count = 4;
  right.edges[{"a", "b"}].durations.Add(9);
  right.events = 1;
  right.runs = 1;
  left.Merge(right);
  EXPECT_EQ(left.nodes["a"].events, 3);
  EXPECT_EQ(left.nodes["a"].channels["web"], 3);
  EXPECT_EQ(left.nodes["c"].starts, 1);
  EXPECT_EQ((left.edges[{"a", "b"}].count), 5);
  EXPECT_EQ((left.edges[{"a", "b"}].durations.count()), 1);
  EXPECT_EQ(left.events, 3);
  EXPECT_EQ(left.runs, 2);
}

TEST(AggregatesTest, MergedPositions_HoldTheUnion) {
  RunPositions one;
  one.touchpoints.resize(2);
  one.touchpoints[1].visits = 3;
  one.touchpoints[1].positions.stalled = 1;
  one.transitions[{0, 1}].count = 2;
  one.runs = 4;
  RunPositions sum;
  sum.Merge(one);
  sum.Merge(one);
  EXPECT_EQ(sum.touchpoints[1].visits, 6);
  EXPECT_EQ(sum.touchpoints[1].positions.stalled, 2);
  EXPECT_EQ((sum.transitions[{0, 1}].count), 4);
  EXPECT_EQ(sum.runs, 8);
}

}  // namespace
}  // namespace throughline
