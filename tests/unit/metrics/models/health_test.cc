#include "throughline/models/health.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;

HealthComponent Component(std::string name, double weight, std::optional<double> score) {
  return {.name = std::move(name), .weight = weight, .score = score, .standard_error = std::nullopt};
}

TEST(HealthScoreTest, HandWorkedScore) {
  const Health health =
      HealthScore({Component("usage", 2, 80), Component("nps", 1, 50), Component("tickets", 1, std::nullopt)}, {})
          .value();
  EXPECT_NEAR(health.score.value, 70, 1e-13);
  EXPECT_EQ(health.coverage, 0.75);
  EXPECT_EQ(health.score.n, 2);
  EXPECT_EQ(health.score.excluded.at("no_data"), 1);
  ASSERT_EQ(health.contributions.size(), 3u);
  EXPECT_EQ(health.contributions[0].name, "nps");
  EXPECT_FALSE(health.contributions[1].has_data);
  EXPECT_EQ(health.contributions[1].contribution, 0);
  EXPECT_THAT(health.score.method, HasSubstr("no interval"));
}

TEST(HealthScoreTest, Contributions_AddUpToTheLastBit) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0, 100);
  for (int round = 0; round < 500; ++round) {
    std::vector<HealthComponent> components;
    const int count = 1 + static_cast<int>(random() % 30);
    for (int i = 0; i < count; ++i) {
      const bool has_data = random() % 5 != 0;
      components.push_back(Component("c" + std::to_string(i), uniform(random),
                                     has_data ? std::optional(uniform(random)) : std::nullopt));
    }
    HealthOptions options;
    options.min_coverage = 0;
    const Health health = HealthScore(components, options).value();
    if (health.score.state == Estimate::State::kUndefined) continue;
    double sum = 0;
    for (const HealthContribution& each : health.contributions) sum += each.contribution;
    EXPECT_EQ(sum, health.score.value);
    std::shuffle(components.begin(), components.end(), random);
    EXPECT_EQ(HealthScore(components, options).value().score.value, health.score.value);
  }
}

TEST(HealthScoreTest, LowCoverage_IsUndefinedAndSaysSo) {
  const std::vector<HealthComponent> components = {Component("a", 1, 90), Component("b", 3, std::nullopt)};
  const Health health = HealthScore(components, {}).value();
  EXPECT_EQ(health.score.state, Estimate::State::kUndefined);
  EXPECT_THAT(health.score.undefined_reason, HasSubstr("25% of the weight; 50% are needed"));
  EXPECT_EQ(health.coverage, 0.25);
  HealthOptions options;
  options.min_coverage = 0.25;
  EXPECT_EQ(HealthScore(components, options).value().score.value, 90);
}

TEST(HealthScoreTest, OnlyWeightlessData_IsUndefined) {
  HealthOptions options;
  options.min_coverage = 0;
  const Health health = HealthScore({Component("a", 0, 90), Component("b", 3, std::nullopt)}, options).value();
  EXPECT_EQ(health.score.state, Estimate::State::kUndefined);
  for (const HealthContribution& each : health.contributions) EXPECT_EQ(each.contribution, 0);
}

TEST(HealthScoreTest, StandardErrors_GiveAnInterval) {
  std::vector<HealthComponent> components = {Component("a", 1, 60), Component("b", 1, 40)};
  components[0].standard_error = 3;
  EXPECT_FALSE(HealthScore(components, {}).value().score.interval.has_value());
  components[1].standard_error = 4;
  const Health health = HealthScore(components, {}).value();
  EXPECT_NEAR(health.score.interval->high, 50 + 1.959963984540054 * 2.5, 1e-12);
}

TEST(HealthMovementTest, HandWorkedChange) {
  const HealthChange out =
      HealthMovement({Component("a", 1, 60), Component("b", 1, 40)}, {Component("a", 1, 80), Component("b", 1, 40)}, {})
          .value();
  EXPECT_NEAR(out.change.value, 10, 1e-13);
  EXPECT_NEAR(out.moves[0].by_score, 10, 1e-13);
  EXPECT_EQ(out.moves[1].by_score, 0);
  EXPECT_EQ(out.moves[0].by_weight, 0);
}

TEST(HealthMovementTest, ALostComponent_MovesByWeight) {
  const HealthChange out = HealthMovement({Component("a", 1, 60), Component("b", 1, 40)},
                                          {Component("a", 1, 60), Component("b", 1, std::nullopt)}, {})
                               .value();
  EXPECT_NEAR(out.change.value, 10, 1e-13);
  EXPECT_EQ(out.change.details.at("by_score"), 0);
  // Both push up: one above the mean counts for more, one below it no longer counts.
  EXPECT_NEAR(out.moves[0].by_weight, 2.5, 1e-13);
  EXPECT_NEAR(out.moves[1].by_weight, 7.5, 1e-13);
  EXPECT_EQ(out.change.details.at("coverage_change"), -0.5);
}

TEST(HealthMovementTest, AnyTwoScores_AddUp) {
  std::mt19937 random(9);
  std::uniform_real_distribution<double> uniform(0, 100);
  HealthOptions options;
  options.min_coverage = 0;
  const auto some = [&] {
    std::vector<HealthComponent> components = {Component("always", 1, uniform(random))};
    for (int i = 0; i < 12; ++i) {
      if (random() % 4 == 0) continue;
      components.push_back(Component("c" + std::to_string(i), uniform(random),
                                     random() % 4 != 0 ? std::optional(uniform(random)) : std::nullopt));
    }
    return components;
  };
  for (int round = 0; round < 500; ++round) {
    const auto before = some(), after = some();
    const HealthChange out = HealthMovement(before, after, options).value();
    double sum = 0;
    for (const HealthMove& move : out.moves) sum += move.by_score + move.by_weight;
    const double expected =
        HealthScore(after, options).value().score.value - HealthScore(before, options).value().score.value;
    EXPECT_NEAR(sum, expected, 1e-10);
    EXPECT_NEAR(out.change.value, expected, 1e-10);
  }
}

TEST(HealthMovementTest, UndefinedEnd_IsUndefined) {
  const HealthChange out = HealthMovement({Component("a", 1, std::nullopt)}, {Component("a", 1, 60)}, {}).value();
  EXPECT_EQ(out.change.state, Estimate::State::kUndefined);
  EXPECT_THAT(out.change.undefined_reason, HasSubstr("earlier score"));
}

TEST(HealthScoreTest, BadInput_IsInvalid) {
  const auto code_of = [](const std::vector<HealthComponent>& components) {
    return HealthScore(components, {}).status().code();
  };
  EXPECT_EQ(code_of({}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", 0, 5)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", -1, 5), Component("b", 2, 5)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", 1, 5), Component("a", 2, 5)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("", 1, 5)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", 1, 101)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", 1, NAN)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of({Component("a", 1e308, 5), Component("b", 1e308, 5)}), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace throughline
