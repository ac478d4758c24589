#include "throughline/models/risk.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;

RiskData Customers(int n, double signal, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  RiskData data;
  data.names = {"tenure", "charges"};
  for (int i = 0; i < n; ++i) {
    const double a = normal(random), b = normal(random);
    data.rows.push_back({.id = absl::StrCat("customer-", i),
                         .label = signal * (a - b) + normal(random) > 0.5,
                         .features = {a * 10 + 30, b * 20 + 65}});
  }
  return data;
}

TEST(AreaUnderCurveTest, HandWorkedCases) {
  // Yes 3, 2; no 2, 1: pairs won 1, ½, 1, 1 of four.
  const Estimate estimate = AreaUnderCurve({{true, 3}, {true, 2}, {false, 2}, {false, 1}}, {}).value();
  EXPECT_EQ(estimate.value, 3.5 / 4);
  // Of the yeses 1 and ¾, of the noes ¾ and 1: variances 1/32 each, by 2.
  EXPECT_NEAR(estimate.details.at("standard_error"), std::sqrt(1 / 32.0), 1e-15);
  ASSERT_TRUE(estimate.interval.has_value());
  EXPECT_LT(estimate.interval->high, 1);
  const Estimate perfect = AreaUnderCurve({{true, 3}, {true, 4}, {false, 2}, {false, 1}}, {}).value();
  EXPECT_EQ(perfect.value, 1);
  EXPECT_FALSE(perfect.interval.has_value());
  const Estimate ties = AreaUnderCurve({{true, 1}, {true, 1}, {false, 1}}, {}).value();
  EXPECT_EQ(ties.value, 0.5);
  EXPECT_FALSE(ties.interval.has_value());
}

TEST(AreaUnderCurveTest, OneClass_IsUndefined) {
  EXPECT_EQ(AreaUnderCurve({{true, 3}}, {}).value().state, Estimate::State::kUndefined);
  EXPECT_EQ(AreaUnderCurve({}, {}).value().state, Estimate::State::kUndefined);
  EXPECT_EQ(AreaUnderCurve({{true, NAN}}, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ChurnRiskTest, Noise_HasNoSkillOutOfSample) {
  RiskData data = Customers(600, 0, 3);
  const RiskReport report = ChurnRisk(data, {}).value();
  ASSERT_EQ(report.auc.state, Estimate::State::kOk);
  EXPECT_LT(report.auc.interval->low, 0.5);
  EXPECT_LT(report.auc.value, 0.58);
  EXPECT_LT(report.brier.details.at("skill"), 0.02);
}

TEST(ChurnRiskTest, ASignal_IsFoundAndCalibrated) {
  const RiskReport report = ChurnRisk(Customers(800, 1, 4), {}).value();
  EXPECT_GT(report.auc.interval->low, 0.7);
  EXPECT_GT(report.calibration_slope.interval->high, 1);
  EXPECT_LT(report.calibration_slope.interval->low, 1);
  EXPECT_GT(report.brier.details.at("skill"), 0.2);
  EXPECT_EQ(report.model.coefficients[1].standardized.value < 0, true);
  EXPECT_EQ(report.scores.size(), 800u);
}

TEST(ChurnRiskTest, FoldsAndOrder_DependOnTheIdsAlone) {
  RiskData data = Customers(300, 1, 5);
  data.rows.push_back({.id = data.rows[0].id, .label = true, .features = {1.0, 2.0}});
  data.rows.push_back({.id = "new", .label = std::nullopt, .features = {1.0, 2.0}});
  data.rows.push_back({.id = "gap", .label = true, .features = {std::nullopt, 2.0}});
  const RiskReport first = ChurnRisk(data, {}).value();
  EXPECT_EQ(first.auc.excluded.at("incomplete"), 2);
  std::reverse(data.rows.begin(), data.rows.end());
  const RiskReport second = ChurnRisk(data, {}).value();
  EXPECT_EQ(first.auc.value, second.auc.value);
  EXPECT_EQ(first.brier.value, second.brier.value);
  EXPECT_EQ(first.calibration_slope.value, second.calibration_slope.value);
  std::map<std::string, int> fold_of;
  for (const RiskScore& score : first.scores) {
    const auto [found, is_new] = fold_of.emplace(score.id, score.fold);
    EXPECT_EQ(found->second, score.fold) << score.id;
  }
}

TEST(ChurnRiskTest, ACustomerIsJudgedByAModelThatHasNotSeenThem) {
  // A feature that is 1 for one customer alone: a model that has seen the customer would know the label.
  RiskData data = Customers(200, 1, 6);
  data.names.push_back("marker");
  for (RiskRow& row : data.rows) row.features.push_back(0.0);
  RiskOptions options;
  options.penalty = 1e-3;
  data.rows[7].label = true;
  data.rows[7].features[2] = 1.0;
  const RiskReport with = ChurnRisk(data, options).value();
  data.rows[7].features[2] = 0.0;
  const RiskReport without = ChurnRisk(data, options).value();
  for (size_t i = 0; i < with.scores.size(); ++i) {
    if (with.scores[i].id != "customer-7") continue;
    EXPECT_EQ(with.scores[i].probability, without.scores[i].probability);
  }
  EXPECT_GT(with.model.coefficients[2].raw, 1);
}

TEST(ChurnRiskTest, WithoutTwoClasses_IsUndefined) {
  RiskData data = Customers(50, 1, 7);
  for (RiskRow& row : data.rows) row.label = false;
  const RiskReport one = ChurnRisk(data, {}).value();
  EXPECT_EQ(one.model.state, LogisticState::kOneClass);
  EXPECT_EQ(one.auc.state, Estimate::State::kUndefined);
  EXPECT_THAT(one.auc.undefined_reason, HasSubstr("labels are equal"));
  EXPECT_EQ(one.brier.state, Estimate::State::kUndefined);
  data.rows[0].label = true;  // the fold without it has none
  const RiskReport rare = ChurnRisk(data, {}).value();
  EXPECT_EQ(rare.model.state, LogisticState::kOk);
  EXPECT_EQ(rare.auc.state, Estimate::State::kUndefined);
  EXPECT_THAT(rare.auc.undefined_reason, HasSubstr("only one class"));
  EXPECT_EQ(ChurnRisk({.names = {"a"}, .rows = {}}, {}).value().auc.state, Estimate::State::kUndefined);
}

TEST(ChurnRiskTest, BadInput_IsInvalid) {
  RiskOptions options;
  options.folds = 1;
  EXPECT_EQ(ChurnRisk(Customers(10, 1, 1), options).status().code(), absl::StatusCode::kInvalidArgument);
  options = {};
  options.penalty = 0;
  EXPECT_EQ(ChurnRisk(Customers(10, 1, 1), options).status().code(), absl::StatusCode::kInvalidArgument);
  RiskData data = Customers(10, 1, 1);
  data.rows[0].id.clear();
  EXPECT_EQ(ChurnRisk(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
