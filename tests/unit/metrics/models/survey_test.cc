#include "throughline/models/survey.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

ScoreHistogram Histogram(const std::vector<int64_t>& counts, int from) {
  ScoreHistogram histogram;
  for (size_t i = 0; i < counts.size(); ++i) histogram.counts[from + i] = counts[i];
  return histogram;
}

void ExpectSame(const Estimate& left, const Estimate& right) {
  EXPECT_EQ(left.state, right.state);
  EXPECT_EQ(left.value, right.value);
  EXPECT_EQ(left.n, right.n);
  EXPECT_EQ(left.method, right.method);
  EXPECT_EQ(left.details, right.details);
  EXPECT_EQ(left.excluded, right.excluded);
  ASSERT_EQ(left.interval.has_value(), right.interval.has_value());
  if (left.interval.has_value()) {
    EXPECT_EQ(left.interval->low, right.interval->low);
    EXPECT_EQ(left.interval->high, right.interval->high);
  }
}

// All models of this file, so that what holds for every one is tested for every one.
std::vector<Estimate> EveryEstimate(const ScoreHistogram& scores, const EstimateOptions& options) {
  return {NpsEstimate(scores, options),      CsatEstimate(scores, 5, options), CsatEstimate(scores, 7, options),
          CsatEstimate(scores, 10, options), CesEstimate(scores, 1, options),  CesEstimate(scores, 2, options)};
}

TEST(SurveyTest, NoAnswers_IsUndefinedWithAReason) {
  for (const Estimate& estimate : EveryEstimate({}, {})) {
    EXPECT_EQ(estimate.state, Estimate::State::kUndefined) << estimate.method;
    EXPECT_THAT(estimate.undefined_reason, HasSubstr("No valid answers")) << estimate.method;
    EXPECT_EQ(estimate.n, 0);
    EXPECT_FALSE(estimate.interval.has_value());
    EXPECT_THAT(estimate.details, IsEmpty());
    EXPECT_THAT(estimate.excluded, IsEmpty());
  }
}

TEST(SurveyTest, OnlyInvalidAnswers_AreCountedAndLeaveItUndefined) {
  ScoreHistogram scores;
  scores.counts[42] = 3;
  scores.other = 2;
  scores.missing = 4;
  for (const Estimate& estimate : EveryEstimate(scores, {})) {
    EXPECT_EQ(estimate.state, Estimate::State::kUndefined) << estimate.method;
    EXPECT_THAT(estimate.excluded, ElementsAre(Pair("invalid_score", 5), Pair("missing_score", 4))) << estimate.method;
  }
}

TEST(SurveyTest, ScoresOutsideTheScale_AreExcludedByScale) {
  const ScoreHistogram scores = Histogram({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 0);  // 0 … 11
  EXPECT_EQ(NpsEstimate(scores, {}).n, 11);
  EXPECT_EQ(NpsEstimate(scores, {}).excluded.at("invalid_score"), 1);
  EXPECT_EQ(CsatEstimate(scores, 5, {}).n, 5);
  EXPECT_EQ(CsatEstimate(scores, 5, {}).excluded.at("invalid_score"), 7);
  EXPECT_EQ(CsatEstimate(scores, 7, {}).n, 7);
  EXPECT_EQ(CsatEstimate(scores, 10, {}).n, 10);
  EXPECT_EQ(CesEstimate(scores, 1, {}).n, 5);
  EXPECT_EQ(CesEstimate(scores, 2, {}).n, 7);
}

TEST(SurveyTest, BelowMinN_GivesTheValueMarkedInsufficient) {
  const ScoreHistogram scores = Histogram({1, 2, 3, 4, 5}, 1);  // n 15
  for (const Estimate& estimate : EveryEstimate(scores, {.confidence_level = 0.95, .min_n = 16})) {
    EXPECT_EQ(estimate.state, Estimate::State::kInsufficientData) << estimate.method;
    EXPECT_EQ(estimate.n, 15);
  }
  for (const Estimate& estimate : EveryEstimate(scores, {.confidence_level = 0.95, .min_n = 15})) {
    EXPECT_EQ(estimate.state, Estimate::State::kOk) << estimate.method;
  }
}

TEST(SurveyTest, MergedHistograms_GiveTheEstimateOfTheUnionInAnyOrder) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 50; ++round) {
    std::vector<int> answers(1 + random() % 400);
    for (int& answer : answers) answer = static_cast<int>(random() % 13);  // some beyond every scale
    ScoreHistogram whole;
    for (const int answer : answers) ++whole.counts[answer];
    std::shuffle(answers.begin(), answers.end(), random);
    std::vector<ScoreHistogram> parts(1 + random() % 5);
    for (size_t i = 0; i < answers.size(); ++i) ++parts[i % parts.size()].counts[answers[i]];
    parts[0].missing = 2;
    whole.missing = 2;
    std::shuffle(parts.begin(), parts.end(), random);
    ScoreHistogram merged;
    for (const ScoreHistogram& part : parts) merged.Merge(part);
    const auto expected = EveryEstimate(whole, {});
    const auto actual = EveryEstimate(merged, {});
    for (size_t i = 0; i < expected.size(); ++i) ExpectSame(actual[i], expected[i]);
  }
}

TEST(SurveyTest, AnyHistogram_GivesFiniteNumbers) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    ScoreHistogram scores;
    for (int score = 0; score <= 10; ++score) {
      if (random() % 3 == 0)
        scores.counts[score] = static_cast<int64_t>(random() % 1000) * (random() % 2 ? 1 : 1000000);
    }
    for (const Estimate& estimate : EveryEstimate(scores, {})) {
      EXPECT_TRUE(std::isfinite(estimate.value)) << estimate.method;
      if (estimate.interval.has_value()) {
        EXPECT_TRUE(std::isfinite(estimate.interval->low) && std::isfinite(estimate.interval->high));
        EXPECT_LE(estimate.interval->low, estimate.interval->high);
      }
      for (const auto& [name, detail] : estimate.details) EXPECT_TRUE(std::isfinite(detail)) << name;
    }
  }
}

TEST(SurveyTest, HigherConfidence_WidensTheIntervalAndIsNamed) {
  const ScoreHistogram scores = Histogram({5, 8, 20, 40, 30, 9, 9, 9, 9, 9}, 1);
  const auto narrow = EveryEstimate(scores, {.confidence_level = 0.8});
  const auto wide = EveryEstimate(scores, {.confidence_level = 0.999});
  for (size_t i = 0; i < narrow.size(); ++i) {
    ASSERT_TRUE(narrow[i].interval.has_value() && wide[i].interval.has_value());
    EXPECT_LT(wide[i].interval->low, narrow[i].interval->low);
    EXPECT_GT(wide[i].interval->high, narrow[i].interval->high);
    EXPECT_THAT(wide[i].method, HasSubstr(" 99.9%"));
    EXPECT_THAT(narrow[i].method, HasSubstr(" 80%"));
  }
}

TEST(NpsEstimateTest, ScoreBoundaries_DecideTheClass) {
  for (int score = 0; score <= 10; ++score) {
    ScoreHistogram scores;
    scores.counts[score] = 1;
    EXPECT_EQ(NpsEstimate(scores, {}).value, score <= 6 ? -100 : score <= 8 ? 0 : 100) << score;
  }
}

TEST(NpsEstimateTest, AllPromoters_HasAnIntervalWithWidth) {
  ScoreHistogram scores;
  scores.counts[10] = 40;
  const Estimate estimate = NpsEstimate(scores, {});
  EXPECT_EQ(estimate.value, 100);
  ASSERT_TRUE(estimate.interval.has_value());
  EXPECT_LT(estimate.interval->low, 95);
  EXPECT_GT(estimate.interval->high, estimate.interval->low);
}

TEST(NpsEstimateTest, Details_CountTheClasses) {
  const Estimate estimate = NpsEstimate(Histogram({1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 1}, 0), {});
  EXPECT_EQ(estimate.details.at("detractors"), 1);
  EXPECT_EQ(estimate.details.at("passives"), 2);
  EXPECT_EQ(estimate.details.at("promoters"), 3);
  EXPECT_NEAR(estimate.details.at("mean"), (0 + 7 + 8 + 9 + 9 + 10) / 6.0, 1e-12);
  EXPECT_EQ(estimate.method, "nps adjusted-wald 95%");
}

TEST(CsatEstimateTest, TopTwoBoxes_DependOnTheScale) {
  EXPECT_EQ(CsatEstimate(Histogram({1, 1, 1, 1, 1}, 1), 5, {}).value, 0.4);
  EXPECT_EQ(CsatEstimate(Histogram({0, 0, 0, 1, 1, 1, 1}, 1), 7, {}).value, 0.5);
  EXPECT_EQ(CsatEstimate(Histogram({0, 0, 0, 0, 0, 0, 0, 1, 1, 2}, 1), 10, {}).value, 0.75);
}

TEST(CsatEstimateTest, TenPoints_HaveTheIndexAndOthersDoNot) {
  const Estimate ten = CsatEstimate(Histogram({0, 0, 0, 0, 0, 0, 0, 1, 0, 1}, 1), 10, {});
  EXPECT_NEAR(ten.details.at("mean"), 9, 1e-12);
  EXPECT_NEAR(ten.details.at("index"), 800.0 / 9, 1e-12);
  EXPECT_EQ(CsatEstimate(Histogram({1, 1}, 1), 5, {}).details.count("index"), 0);
}

TEST(CesEstimateTest, Version1_IsAMeanWithoutShare) {
  const Estimate estimate = CesEstimate(Histogram({10, 20, 30, 20, 10}, 1), 1, {});
  EXPECT_NEAR(estimate.value, 3, 1e-12);
  EXPECT_EQ(estimate.details.count("share_5_7"), 0);
  EXPECT_EQ(estimate.method, "ces-1 mean student-t 95%");
}

TEST(CesEstimateTest, EqualAnswers_HaveNoInterval) {
  const Estimate estimate = CesEstimate(Histogram({0, 0, 0, 0, 0, 50}, 1), 2, {});
  EXPECT_EQ(estimate.value, 6);
  EXPECT_FALSE(estimate.interval.has_value());
  EXPECT_EQ(estimate.details.at("share_5_7"), 1);
}

}  // namespace
}  // namespace throughline
