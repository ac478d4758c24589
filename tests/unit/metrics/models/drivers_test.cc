#include "throughline/models/drivers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;

DriverData Data(const std::vector<std::vector<double>>& rows) {
  DriverData data;
  for (size_t j = 0; j + 1 < rows.front().size(); ++j) data.names.push_back(std::string(1, static_cast<char>('a' + j)));
  for (const auto& row : rows) {
    data.rows.push_back({.outcome = row.back(), .drivers = {row.begin(), row.end() - 1}});
  }
  return data;
}

// y = a + 2b on the corners of a square: uncorrelated drivers, so that each carries its squared correlation.
std::vector<std::vector<double>> Square() {
  return {{-1, -1, -3}, {-1, 1, 1}, {1, -1, -1}, {1, 1, 3}, {-1, -1, -3}, {1, 1, 3}, {-1, 1, 1}, {1, -1, -1}};
}

TEST(DriversTest, UncorrelatedDrivers_CarryTheirSquaredCorrelation) {
  const DriverReport report = DriverShares(Data(Square()), {}).value();
  EXPECT_NEAR(report.r_squared.value, 1, 1e-14);
  EXPECT_EQ(report.r_squared.n, 8);
  EXPECT_NEAR(report.drivers[0].lmg.value, 0.2, 1e-14);
  EXPECT_NEAR(report.drivers[1].lmg.value, 0.8, 1e-14);
  EXPECT_NEAR(report.drivers[0].relative_weight.value, 0.2, 1e-14);
  EXPECT_NEAR(report.drivers[1].correlation, std::sqrt(0.8), 1e-14);
  EXPECT_FALSE(report.drivers[0].lmg.interval.has_value());
  EXPECT_THAT(report.drivers[0].lmg.method, HasSubstr("no interval"));
}

TEST(DriversTest, NegativeDriver_HasItsSignAndAPositiveShare) {
  auto rows = Square();
  for (auto& row : rows) row[1] = -row[1];
  const DriverReport report = DriverShares(Data(rows), {}).value();
  EXPECT_EQ(report.drivers[1].sign, -1);
  EXPECT_NEAR(report.drivers[1].lmg.value, 0.8, 1e-14);
}

TEST(DriversTest, DriverWithoutCorrelation_HasNoSign) {
  auto rows = Square();
  for (auto& row : rows) row[2] = row[0];
  const DriverReport report = DriverShares(Data(rows), {}).value();
  EXPECT_EQ(report.drivers[1].sign, 0);
  EXPECT_NEAR(report.drivers[1].lmg.value, 0, 1e-14);
}

TEST(DriversTest, IncompleteRows_AreExcluded) {
  DriverData data = Data(Square());
  data.rows.push_back({.outcome = std::nullopt, .drivers = {1, 1}});
  data.rows.push_back({.outcome = 5, .drivers = {std::nullopt, 1}});
  const DriverReport report = DriverShares(data, {}).value();
  EXPECT_EQ(report.r_squared.n, 8);
  EXPECT_EQ(report.r_squared.excluded.at("incomplete"), 2);
  EXPECT_NEAR(report.drivers[0].lmg.value, 0.2, 1e-14);
}

TEST(DriversTest, CollinearDrivers_AreUndefinedAndNamed) {
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 20; ++i) {
    const double a = i % 5, b = i % 7;
    rows.push_back({a, b, 2 * a - 3 * b + 1, a + b * b});
  }
  const DriverReport report = DriverShares(Data(rows), {}).value();
  EXPECT_EQ(report.r_squared.state, Estimate::State::kUndefined);
  EXPECT_THAT(report.r_squared.undefined_reason, HasSubstr("driver c is an exact linear combination"));
  EXPECT_TRUE(report.drivers.empty());
}

TEST(DriversTest, NothingVaries_IsUndefined) {
  const auto reason_of = [](const std::vector<std::vector<double>>& rows) {
    return DriverShares(Data(rows), {}).value().r_squared.undefined_reason;
  };
  EXPECT_THAT(reason_of({{1, 5}, {2, 5}, {3, 5}, {4, 5}}), HasSubstr("All outcomes are equal"));
  EXPECT_THAT(reason_of({{0.1, 5}, {0.1, 6}, {0.1, 7}, {0.1, 8}}), HasSubstr("driver a are equal"));
  EXPECT_THAT(reason_of({{1, 5}, {2, 6}}), HasSubstr("at least 3 complete rows"));
  EXPECT_THAT(DriverShares({.names = {"a"}, .rows = {}}, {}).value().r_squared.undefined_reason,
              HasSubstr("at least 3"));
}

TEST(DriversTest, HugeAndTinyValues_GiveTheSameShares) {
  auto rows = Square();
  for (auto& row : rows) {
    row[0] *= 1e200;
    row[1] *= 1e-200;
    row[2] *= 1e150;
  }
  const DriverReport report = DriverShares(Data(rows), {}).value();
  EXPECT_NEAR(report.drivers[0].lmg.value, 0.2, 1e-13);
  EXPECT_NEAR(report.drivers[1].relative_weight.value, 0.8, 1e-13);
}

TEST(DriversTest, FifteenDrivers_AddUpToRSquared) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 60; ++i) {
    std::vector<double> row;
    double sum = normal(random);
    const double common = normal(random);
    for (int j = 0; j < 15; ++j) {
      row.push_back(normal(random) + common);
      sum += row.back() * (j % 3);
    }
    row.push_back(sum);
    rows.push_back(row);
  }
  const DriverReport report = DriverShares(Data(rows), {}).value();
  double lmg = 0, weights = 0;
  for (const Driver& driver : report.drivers) {
    EXPECT_GE(driver.lmg.value, -1e-12);
    lmg += driver.lmg.value;
    weights += driver.relative_weight.value;
  }
  EXPECT_NEAR(lmg, report.r_squared.value, 1e-11);
  EXPECT_NEAR(weights, report.r_squared.value, 1e-11);

  std::shuffle(rows.begin(), rows.end(), random);
  const DriverReport again = DriverShares(Data(rows), {}).value();
  for (size_t j = 0; j < 15; ++j) EXPECT_EQ(again.drivers[j].lmg.value, report.drivers[j].lmg.value);
}

TEST(DriversTest, Bootstrap_IsTheSameForTheSameSeedWhateverTheOrder) {
  std::mt19937 random(6);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 100; ++i) {
    const double a = normal(random), b = normal(random);
    rows.push_back({a, b, a + b / 2 + normal(random)});
  }
  DriverOptions options;
  options.bootstrap_samples = 200;
  const DriverReport first = DriverShares(Data(rows), options).value();
  std::reverse(rows.begin(), rows.end());
  const DriverReport second = DriverShares(Data(rows), options).value();
  options.seed = 2;
  const DriverReport third = DriverShares(Data(rows), options).value();
  ASSERT_TRUE(first.drivers[0].lmg.interval.has_value());
  EXPECT_EQ(first.drivers[0].lmg.interval->low, second.drivers[0].lmg.interval->low);
  EXPECT_NE(first.drivers[0].lmg.interval->low, third.drivers[0].lmg.interval->low);
  EXPECT_LT(first.drivers[0].lmg.interval->low, first.drivers[0].lmg.value);
  EXPECT_GT(first.drivers[0].lmg.interval->high, first.drivers[0].lmg.value);
}

TEST(DriversTest, BadInput_IsInvalid) {
  EXPECT_EQ(DriverShares({}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  DriverData many;
  many.names.resize(16, "x");
  EXPECT_EQ(DriverShares(many, {}).status().code(), absl::StatusCode::kInvalidArgument);
  DriverData data = Data(Square());
  data.rows[3].drivers.pop_back();
  EXPECT_EQ(DriverShares(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
  data = Data(Square());
  data.rows[3].outcome = std::numeric_limits<double>::infinity();
  EXPECT_EQ(DriverShares(data, {}).status().code(), absl::StatusCode::kInvalidArgument);
  DriverOptions options;
  options.bootstrap_samples = 7;
  EXPECT_EQ(DriverShares(Data(Square()), options).status().code(), absl::StatusCode::kInvalidArgument);
  options = {};
  options.confidence_level = 1;
  EXPECT_EQ(DriverShares(Data(Square()), options).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
