#include "throughline/models/logistic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;

LogisticData Data(const std::vector<std::pair<bool, std::vector<double>>>& rows) {
  LogisticData data;
  for (size_t j = 0; j < rows.front().second.size(); ++j) {
    data.names.push_back(std::string(1, static_cast<char>('a' + j)));
  }
  for (const auto& [label, features] : rows) {
    data.rows.push_back({.label = label, .features = {features.begin(), features.end()}});
  }
  return data;
}

// A 2×2 table has a closed form: odds 1/3 without the feature, 3 with it.
std::vector<std::pair<bool, std::vector<double>>> Table() {
  return {{false, {0}}, {false, {0}}, {false, {0}}, {true, {0}}, {true, {1}}, {true, {1}}, {true, {1}}, {false, {1}}};
}

TEST(LogisticTest, TwoByTwoTable_HasTheLogOddsRatio) {
  const LogisticFit fit = FitLogistic(Data(Table()), {}).value();
  ASSERT_EQ(fit.state, LogisticState::kOk);
  EXPECT_EQ(fit.n, 8);
  EXPECT_EQ(fit.positives, 4);
  EXPECT_NEAR(fit.coefficients[0].raw, std::log(9.0), 1e-12);
  EXPECT_NEAR(fit.intercept, -std::log(3.0), 1e-12);
  // Standard error of a log odds ratio: √(1/1 + 1/3 + 1/3 + 1/1), for one unit; the feature's deviation is ½.
  EXPECT_NEAR(fit.coefficients[0].standardized.details.at("standard_error"), std::sqrt(8 / 3.0) / 2, 1e-12);
  EXPECT_NEAR(fit.Probability({1}), 0.75, 1e-12);
  EXPECT_NEAR(fit.Probability({0}), 0.25, 1e-12);
}

TEST(LogisticTest, Separation_IsAState) {
  const LogisticFit complete = FitLogistic(Data({{false, {1}}, {false, {2}}, {true, {3}}, {true, {4}}}), {}).value();
  EXPECT_EQ(complete.state, LogisticState::kSeparated);
  EXPECT_TRUE(complete.separated);
  EXPECT_TRUE(complete.coefficients.empty());
  // Quasi: both labels at 2.
  const LogisticFit quasi =
      FitLogistic(Data({{false, {1}}, {false, {2}}, {true, {2}}, {true, {3}}, {true, {4}}}), {}).value();
  EXPECT_EQ(quasi.state, LogisticState::kSeparated);
  // By a combination of two features only.
  const LogisticFit both = FitLogistic(Data({{false, {0, 1}},
                                             {false, {1, 2}},
                                             {false, {2, 3}},
                                             {true, {1, 0}},
                                             {true, {2, 1}},
                                             {true, {3, 2}},
                                             {true, {0.5, 0}}}),
                                       {})
                               .value();
  EXPECT_EQ(both.state, LogisticState::kSeparated);
  EXPECT_THAT(both.reason, HasSubstr("divides the labels"));
}

TEST(LogisticTest, SeparationUnderAPenalty_IsFlaggedBesideTheAnswer) {
  LogisticOptions options;
  options.penalty = 1;
  const LogisticFit fit = FitLogistic(Data({{false, {1}}, {false, {2}}, {true, {3}}, {true, {4}}}), options).value();
  ASSERT_EQ(fit.state, LogisticState::kOk);
  EXPECT_TRUE(fit.separated);
  EXPECT_GT(fit.coefficients[0].raw, 0);
  EXPECT_FALSE(FitLogistic(Data(Table()), options).value().separated);
}

TEST(LogisticTest, OneLabelOffASeparation_Converges) {
  std::vector<std::pair<bool, std::vector<double>>> rows;
  for (int i = 0; i < 200; ++i) rows.push_back({i >= 100, {static_cast<double>(i)}});
  rows[99].first = true;
  rows[100].first = false;
  const LogisticFit fit = FitLogistic(Data(rows), {}).value();
  ASSERT_EQ(fit.state, LogisticState::kOk);
  EXPECT_GT(fit.coefficients[0].standardized.value, 10);
}

TEST(LogisticTest, Collinear_IsAStateWithoutPenaltyAndFineWithOne) {
  std::vector<std::pair<bool, std::vector<double>>> rows;
  for (int i = 0; i < 30; ++i) rows.push_back({i % 3 == 0, {i * 1.0, i % 4 * 1.0, i + 2.0 * (i % 4)}});
  const LogisticFit plain = FitLogistic(Data(rows), {}).value();
  EXPECT_EQ(plain.state, LogisticState::kCollinear);
  EXPECT_THAT(plain.reason, HasSubstr("feature c"));
  LogisticOptions options;
  options.penalty = 1;
  EXPECT_EQ(FitLogistic(Data(rows), options).value().state, LogisticState::kOk);
}

TEST(LogisticTest, DegenerateData_AreStates) {
  EXPECT_EQ(FitLogistic({.names = {"a"}, .rows = {}}, {}).value().state, LogisticState::kTooFewRows);
  EXPECT_EQ(FitLogistic(Data({{true, {1}}, {true, {2}}, {true, {3}}}), {}).value().state, LogisticState::kOneClass);
  EXPECT_EQ(FitLogistic(Data({{true, {1}}, {false, {2}}}), {}).value().state, LogisticState::kTooFewRows);
  LogisticData data = Data(Table());
  for (LogisticRow& row : data.rows) row.label.reset();
  const LogisticFit none = FitLogistic(data, {}).value();
  EXPECT_EQ(none.state, LogisticState::kTooFewRows);
  EXPECT_EQ(none.excluded_incomplete, 8);
}

TEST(LogisticTest, ConstantFeature_HasNoCoefficient) {
  auto rows = Table();
  for (auto& row : rows) row.second.push_back(0.1);
  const LogisticFit fit = FitLogistic(Data(rows), {}).value();
  ASSERT_EQ(fit.state, LogisticState::kOk);
  EXPECT_TRUE(fit.coefficients[1].constant);
  EXPECT_EQ(fit.coefficients[1].raw, 0);
  EXPECT_EQ(fit.coefficients[1].standardized.state, Estimate::State::kUndefined);
  EXPECT_NEAR(fit.coefficients[0].raw, std::log(9.0), 1e-12);
}

TEST(LogisticTest, OrderAndScale_DoNotMatter) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<std::pair<bool, std::vector<double>>> rows;
  for (int i = 0; i < 300; ++i) {
    const double a = normal(random), b = normal(random);
    rows.push_back({a - b + 2 * normal(random) > 0, {a * 1e150, b * 1e-150}});
  }
  const LogisticFit fit = FitLogistic(Data(rows), {}).value();
  ASSERT_EQ(fit.state, LogisticState::kOk);
  std::shuffle(rows.begin(), rows.end(), random);
  const LogisticFit again = FitLogistic(Data(rows), {}).value();
  EXPECT_EQ(fit.coefficients[0].raw, again.coefficients[0].raw);
  EXPECT_EQ(fit.intercept, again.intercept);
  for (auto& row : rows) row.second = {row.second[0] / 1e150, row.second[1] / 1e-150};
  const LogisticFit plain = FitLogistic(Data(rows), {}).value();
  EXPECT_NEAR(plain.coefficients[0].standardized.value, fit.coefficients[0].standardized.value, 1e-10);
  EXPECT_NEAR(plain.coefficients[1].raw * 1e150 / fit.coefficients[1].raw, 1, 1e-10);
}

TEST(LogisticTest, BadInput_IsInvalid) {
  LogisticOptions options;
  options.penalty = -1;
  EXPECT_EQ(FitLogistic(Data(Table()), options).status().code(), absl::StatusCode::kInvalidArgument);
  LogisticData data = Data(Table());
  data.rows[0].features[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(FitLogistic(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
  data.rows[0].features.clear();
  EXPECT_EQ(FitLogistic(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
  data = {};
  data.names.resize(kFeaturesMax + 1);
  EXPECT_EQ(FitLogistic(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
