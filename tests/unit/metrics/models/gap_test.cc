#include "throughline/models/gap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

GapAttribute Attribute(std::string name, std::vector<GapAnswer> answers) {
  GapAttribute attribute;
  attribute.name = std::move(name);
  attribute.answers = std::move(answers);
  return attribute;
}

GapAnswer Answer(double expectation, double performance, double overall) {
  return {.expectation = expectation, .performance = performance, .overall = overall};
}

// Performance follows the overall satisfaction in the first and runs against it in the second.
GapQuestion Question() {
  GapQuestion question;
  question.attributes = {Attribute("delivery", {Answer(9, 5, 4), Answer(8, 6, 6), Answer(9, 7, 8), Answer(8, 4, 2)}),
                         Attribute("packaging", {Answer(3, 8, 8), Answer(4, 9, 6), Answer(5, 8, 4), Answer(4, 9, 2)})};
  return question;
}

TEST(ExpectationGapTest, HandWorkedPairs) {
  const GapReport report = ExpectationGap(Question(), {}).value();
  const Estimate& gap = report.attributes[0].gap;
  // Differences -4, -2, -2, -4: mean -3, variance 4/3, SE 1/√3, t(3) at .975 is 3.18244630528371.
  EXPECT_EQ(gap.value, -3);
  EXPECT_EQ(gap.n, 4);
  EXPECT_NEAR(gap.interval->low, -3 - 3.18244630528371 / std::sqrt(3.0), 1e-12);
  EXPECT_NEAR(gap.details.at("standard_error"), 1 / std::sqrt(3.0), 1e-15);
  EXPECT_EQ(gap.details.at("expectation"), 8.5);
  EXPECT_EQ(gap.details.at("performance"), 5.5);
  // Performances 5 6 7 4 against 4 6 8 2.
  EXPECT_NEAR(report.attributes[0].importance.value, 1, 1e-15);
  EXPECT_FALSE(report.attributes[0].importance.interval.has_value());
}

TEST(ExpectationGapTest, Quadrants_AtLeastTheMeanIsHigh) {
  GapQuestion question;
  const auto add = [&](const char* name, double performance, double importance) {
    GapAttribute attribute = Attribute(name, {Answer(5, performance, 5), Answer(6, performance, 7)});
    attribute.stated_importance = importance;
    question.attributes.push_back(attribute);
  };
  add("a", 4, 9);
  add("b", 6, 9);
  add("c", 4, 1);
  add("d", 6, 1);
  add("mean", 5, 5);
  const GapReport report = ExpectationGap(question, {}).value();
  EXPECT_EQ(report.performance_mean, 5);
  EXPECT_EQ(report.importance_mean, 5);
  EXPECT_EQ(report.attributes[0].quadrant, GapQuadrant::kConcentrateHere);
  EXPECT_EQ(report.attributes[1].quadrant, GapQuadrant::kKeepUp);
  EXPECT_EQ(report.attributes[2].quadrant, GapQuadrant::kLowPriority);
  EXPECT_EQ(report.attributes[3].quadrant, GapQuadrant::kOverkill);
  EXPECT_EQ(report.attributes[4].quadrant, GapQuadrant::kKeepUp);
  EXPECT_FALSE(report.cross_hair_rule.empty());
}

TEST(ExpectationGapTest, EqualAttributes_AreAllHigh) {
  GapQuestion question;
  for (int i = 0; i < 7; ++i) {
    GapAttribute attribute = Attribute("x", {Answer(5, 3.1, 5), Answer(6, 3.3, 7)});
    attribute.stated_importance = 0.1;
    question.attributes.push_back(attribute);
  }
  const GapReport report = ExpectationGap(question, {}).value();
  for (const AttributeGap& each : report.attributes) {
    EXPECT_EQ(each.quadrant, GapQuadrant::kKeepUp);
  }
}

TEST(ExpectationGapTest, Rank_IsByGapImportanceTrafficAndRevenue) {
  GapQuestion question = Question();
  for (GapAttribute& attribute : question.attributes) attribute.stated_importance = 1;
  question.attributes[0].traffic = 10;
  question.attributes.push_back(question.attributes[0]);
  question.attributes.back().name = "billing";
  question.attributes.back().revenue = 2;
  question.attributes.push_back(question.attributes[0]);
  question.attributes.back().name = "advice";
  const GapReport report = ExpectationGap(question, {}).value();
  EXPECT_EQ(report.attributes[0].priority, 30);
  EXPECT_EQ(report.attributes[2].priority, 60);
  EXPECT_EQ(report.attributes[2].rank, 1);
  EXPECT_EQ(report.attributes[3].rank, 2);  // equal to delivery, and before it by name
  EXPECT_EQ(report.attributes[0].rank, 3);
  EXPECT_EQ(report.attributes[1].rank, 4);
  EXPECT_LT(*report.attributes[1].priority, 0);
}

TEST(ExpectationGapTest, NegativeDerivedImportance_CountsAsZero) {
  const GapReport report = ExpectationGap(Question(), {}).value();
  EXPECT_LT(report.attributes[1].importance.value, 0);
  EXPECT_EQ(*report.attributes[1].priority, 0);
  EXPECT_FALSE(std::signbit(*report.attributes[1].priority));
}

TEST(ExpectationGapTest, IncompleteAndInvalidAnswers_AreExcluded) {
  GapQuestion question = Question();
  auto& answers = question.attributes[0].answers;
  answers.push_back({.expectation = 5, .performance = std::nullopt, .overall = 5});
  answers.push_back({.expectation = 11, .performance = 5, .overall = std::nullopt});
  answers.push_back(
      {.expectation = 5, .performance = std::numeric_limits<double>::quiet_NaN(), .overall = std::nullopt});
  const GapReport report = ExpectationGap(question, {}).value();
  EXPECT_EQ(report.attributes[0].gap.value, -3);
  EXPECT_EQ(report.attributes[0].gap.excluded.at("incomplete_pair"), 1);
  EXPECT_EQ(report.attributes[0].gap.excluded.at("invalid_score"), 2);
  EXPECT_EQ(report.attributes[0].performance.n, 5);
}

TEST(ExpectationGapTest, NothingToGoBy_IsUndefined) {
  GapQuestion question;
  question.attributes = {Attribute("empty", {}), Attribute("one", {Answer(5, 5, 5)}),
                         Attribute("equal", {Answer(5, 5, 5), Answer(5, 5, 6), Answer(5, 5, 7)})};
  const GapReport report = ExpectationGap(question, {}).value();
  EXPECT_EQ(report.attributes[0].gap.state, Estimate::State::kUndefined);
  EXPECT_EQ(report.attributes[1].gap.value, 0);
  EXPECT_FALSE(report.attributes[1].gap.interval.has_value());
  EXPECT_EQ(report.attributes[2].importance.state, Estimate::State::kUndefined);
  EXPECT_FALSE(report.attributes[2].priority.has_value());
  EXPECT_EQ(report.attributes[2].rank, 0);
  EXPECT_EQ(report.attributes[2].quadrant, GapQuadrant::kNone);
  EXPECT_FALSE(report.performance_mean.has_value());
  EXPECT_TRUE(ExpectationGap({}, {}).value().attributes.empty());
}

TEST(ExpectationGapTest, Order_DoesNotMatter) {
  GapQuestion question;
  std::vector<GapAnswer> answers;
  for (int i = 0; i < 40; ++i) answers.push_back(Answer(1 + i % 10 * 0.9, 1 + i % 7 * 1.3, 0.1 * (i % 6) + i % 7));
  question.attributes = {Attribute("x", answers)};
  const GapReport first = ExpectationGap(question, {}).value();
  std::reverse(question.attributes[0].answers.begin(), question.attributes[0].answers.end());
  const GapReport second = ExpectationGap(question, {}).value();
  EXPECT_EQ(first.attributes[0].gap.value, second.attributes[0].gap.value);
  EXPECT_EQ(first.attributes[0].importance.value, second.attributes[0].importance.value);
  ASSERT_TRUE(first.attributes[0].importance.interval.has_value());
}

TEST(ExpectationGapTest, BadInput_IsInvalid) {
  GapQuestion question = Question();
  question.attributes[0].stated_importance = 1;
  EXPECT_EQ(ExpectationGap(question, {}).status().code(), absl::StatusCode::kInvalidArgument);
  question = Question();
  question.scale_high = 1;
  EXPECT_EQ(ExpectationGap(question, {}).status().code(), absl::StatusCode::kInvalidArgument);
  question = Question();
  question.attributes[1].traffic = -1;
  EXPECT_EQ(ExpectationGap(question, {}).status().code(), absl::StatusCode::kInvalidArgument);
  question = Question();
  question.attributes[1].revenue = std::numeric_limits<double>::infinity();
  EXPECT_EQ(ExpectationGap(question, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
