#include "throughline/models/effects.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "throughline/models/staggered.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUndefined = Estimate::State::kUndefined;

SampleMoments Of(const std::vector<double>& values) { return MomentsOfValues(values).value(); }

TEST(MomentsTest, HandWorkedAndEdges) {
  const SampleMoments moments = Of({4, 1, 7});
  EXPECT_EQ(moments.mean, 4);
  EXPECT_EQ(moments.variance, 9);
  EXPECT_EQ(Of({}).n, 0);
  EXPECT_EQ(Of({0.1, 0.1, 0.1}).variance, 0);
  EXPECT_EQ(Of({1e100, 1e100}).mean, 1e100);
  EXPECT_NEAR(Of({1e9, 1e9 + 1, 1e9 + 2}).variance, 1, 1e-12);
  EXPECT_EQ(MomentsOfValues({NAN}).status().code(), kInvalid);
  EXPECT_EQ(MomentsOfValues({1e300, -1e300}).status().code(), kInvalid);
}

TEST(MeanDifferenceTest, HandWorkedWelch) {
  // Variances 1 and 4, n 3 and 3: SE² = 5/3, degrees (5/3)²/((1/3)²/2 + (4/3)²/2) = 50/17.
  const Effect effect = MeanDifference(Of({4, 5, 6}), Of({0, 2, 4}), {}).value();
  EXPECT_EQ(effect.estimate.value, 3);
  EXPECT_NEAR(effect.estimate.details.at("standard_error"), std::sqrt(5 / 3.0), 1e-14);
  EXPECT_NEAR(effect.estimate.details.at("degrees_of_freedom"), 50 / 17.0, 1e-13);
  EXPECT_EQ(effect.estimate.details.at("relative"), 1.5);
  EXPECT_FALSE(effect.no_control);
}

TEST(MeanDifferenceTest, Edges) {
  EXPECT_EQ(MeanDifference(Of({1}), Of({1, 2}), {}).value().estimate.state, kUndefined);
  EXPECT_EQ(MeanDifference({}, {}, {}).value().estimate.state, kUndefined);
  const Effect equal = MeanDifference(Of({1, 1}), Of({0, 0}), {}).value();
  EXPECT_EQ(equal.estimate.value, 1);
  EXPECT_FALSE(equal.estimate.interval.has_value());
  const Effect tiny = MeanDifference(Of({1e-200, 2e-200}), Of({0, 1e-200}), {}).value();
  EXPECT_FALSE(tiny.estimate.interval.has_value() && !std::isfinite(tiny.estimate.interval->high));
  SampleMoments bad = Of({1, 2});
  bad.variance = -1;
  EXPECT_EQ(MeanDifference(bad, bad, {}).status().code(), kInvalid);
  bad.variance = std::numeric_limits<double>::infinity();
  EXPECT_EQ(MeanDifference(bad, bad, {}).status().code(), kInvalid);
}

TEST(ShareDifferenceTest, NewcombesExamples) {
  // Table II of Newcombe 1998, method 10: 56/70 − 48/80 and 9/10 − 3/10, 0/10 − 0/20, 10/10 − 0/10.
  const auto check = [](int64_t a, int64_t m, int64_t b, int64_t n, double low, double high) {
    const Estimate estimate = ShareDifference({a, m}, {b, n}, {}).value().estimate;
    EXPECT_NEAR(estimate.interval->low, low, 5e-5) << a << "/" << m;
    EXPECT_NEAR(estimate.interval->high, high, 5e-5) << a << "/" << m;
  };
  check(56, 70, 48, 80, 0.0524, 0.3339);
  check(9, 10, 3, 10, 0.1705, 0.8090);
  check(0, 10, 0, 20, -0.1611, 0.2775);
  check(10, 10, 0, 10, 0.6075, 1.0000);
}

TEST(ShareDifferenceTest, Edges) {
  EXPECT_EQ(ShareDifference({0, 0}, {1, 2}, {}).value().estimate.state, kUndefined);
  EXPECT_EQ(ShareDifference({0, 5}, {0, 5}, {}).value().estimate.details.count("z"), 0u);
  EXPECT_EQ(ShareDifference({6, 5}, {0, 5}, {}).status().code(), kInvalid);
  EXPECT_EQ(ShareDifference({-1, 5}, {0, 5}, {}).status().code(), kInvalid);
}

TEST(BeforeAfterTest, IsAlwaysFlagged) {
  const Effect effect = BeforeAfter(Of({1, 2, 3}), Of({4, 5, 6}), {}).value();
  EXPECT_TRUE(effect.no_control);
  EXPECT_EQ(effect.estimate.value, 3);
  EXPECT_THAT(effect.estimate.method, HasSubstr("NO_CONTROL"));
  EXPECT_TRUE(BeforeAfter({}, {}, {}).value().no_control);
}

TEST(DifferenceInDifferencesTest, HandWorkedCells) {
  const Effect effect = DifferenceInDifferences({.treated_before = Of({1, 2, 3}),
                                                 .treated_after = Of({5, 6, 7}),
                                                 .control_before = Of({1, 2, 3}),
                                                 .control_after = Of({2, 3, 4})},
                                                {})
                            .value();
  EXPECT_EQ(effect.estimate.value, 3);
  EXPECT_NEAR(effect.estimate.details.at("standard_error"), std::sqrt(4 / 3.0), 1e-14);
  EXPECT_EQ(effect.estimate.details.at("treated_change"), 4);
}

TEST(DifferenceInDifferencesTest, Panel_UsesTheUnitsOwnChanges) {
  const std::vector<UnitChange> units = {
      {true, 10, 13}, {true, 20, 22}, {true, 30, std::nullopt}, {false, 11, 11}, {false, 19, 20}};
  const Effect effect = PanelDifferenceInDifferences(units, {}).value();
  EXPECT_EQ(effect.estimate.value, 2);
  EXPECT_EQ(effect.estimate.excluded.at("unbalanced"), 1);
  EXPECT_NEAR(effect.estimate.details.at("standard_error"), std::sqrt(0.5), 1e-15);
  EXPECT_EQ(PanelDifferenceInDifferences({{true, 1, 2}}, {}).value().estimate.state, kUndefined);
  EXPECT_EQ(PanelDifferenceInDifferences({{true, 1, NAN}}, {}).status().code(), kInvalid);
}

TEST(BeforeAfterTest, Panel_UsesTheUnitsOwnChanges) {
  // Changes 3, 2, 0, 1: mean 1.5, variance 5/3, t(3) at 97.5 % is 3.182446.
  const std::vector<UnitChange> units = {
      {true, 10, 13}, {true, 20, 22}, {true, 30, std::nullopt}, {false, 11, 11}, {false, 19, 20}};
  const Effect effect = PanelBeforeAfter(units, {}).value();
  EXPECT_TRUE(effect.no_control);
  EXPECT_EQ(effect.estimate.value, 1.5);
  EXPECT_EQ(effect.estimate.n, 4);
  EXPECT_EQ(effect.estimate.excluded.at("unbalanced"), 1);
  const double error = std::sqrt(5.0 / 3 / 4);
  EXPECT_NEAR(effect.estimate.details.at("standard_error"), error, 1e-15);
  EXPECT_NEAR(effect.estimate.details.at("degrees_of_freedom"), 3, 1e-12);
  EXPECT_NEAR(effect.estimate.interval->low, 1.5 - 3.18244630528371 * error, 1e-9);
  EXPECT_NEAR(effect.estimate.interval->high, 1.5 + 3.18244630528371 * error, 1e-9);
  EXPECT_THAT(effect.estimate.method, HasSubstr("NO_CONTROL"));
  EXPECT_EQ(PanelBeforeAfter({{true, 1, 2}}, {}).value().estimate.state, kUndefined);
  EXPECT_EQ(PanelBeforeAfter({{true, 1, NAN}}, {}).status().code(), kInvalid);
}

CupedQuestion Experiment(int n, double effect, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  CupedQuestion question;
  for (int i = 0; i < n; ++i) {
    const double before = 10 * normal(random);
    const bool treated = random() % 2 == 0;
    question.units.push_back(
        {.treated = treated, .outcome = before + normal(random) + (treated ? effect : 0), .covariate = before});
  }
  return question;
}

TEST(CupedTest, Covariate_TakesItsVarianceAway) {
  CupedQuestion question = Experiment(400, 1, 2);
  const Effect effect = CupedDifference(question, {}).value();
  EXPECT_LT(effect.estimate.details.at("variance_kept"), 0.02);
  EXPECT_NEAR(effect.estimate.value, 1, 0.4);
  EXPECT_LT(effect.estimate.details.at("standard_error"), 0.12);
  std::reverse(question.units.begin(), question.units.end());
  EXPECT_EQ(CupedDifference(question, {}).value().estimate.value, effect.estimate.value);
}

TEST(CupedTest, LaterCovariate_IsRefused) {
  CupedQuestion question = Experiment(40, 1, 2);
  question.covariate_end_micros = 2;
  question.outcome_start_micros = 1;
  EXPECT_THAT(CupedDifference(question, {}).value().estimate.undefined_reason, HasSubstr("must end before"));
}

TEST(CupedTest, Edges) {
  CupedQuestion question = Experiment(40, 1, 2);
  for (CupedUnit& unit : question.units) unit.covariate = 7;
  const Effect constant = CupedDifference(question, {}).value();
  EXPECT_EQ(constant.estimate.details.at("theta"), 0);
  EXPECT_NEAR(constant.estimate.value, constant.estimate.details.at("unadjusted"), 1e-12);
  question.units[0].covariate.reset();
  EXPECT_EQ(CupedDifference(question, {}).value().estimate.excluded.at("no_covariate"), 1);
  EXPECT_EQ(CupedDifference({}, {}).value().estimate.state, kUndefined);
  for (CupedUnit& unit : question.units) unit.treated = true;
  EXPECT_EQ(CupedDifference(question, {}).value().estimate.state, kUndefined);
  question.units[3].outcome = 1e300;
  question.units[4].outcome = -1e300;
  EXPECT_EQ(CupedDifference(question, {}).value().estimate.state, kUndefined);
  question.units[3].outcome = NAN;
  EXPECT_EQ(CupedDifference(question, {}).status().code(), kInvalid);
}

TEST(SequenceTest, IsWiderThanAnIntervalAndNarrowsWithN) {
  SequenceOptions options;
  options.bounds = Interval{.low = 0, .high = 1};
  double previous = 1;
  for (const int64_t n : {50, 500, 5000, 50000}) {
    const Estimate estimate = MeanSequence({.n = n, .mean = 0.5, .variance = 0.25}, options).value();
    const double radius = estimate.details.at("radius");
    EXPECT_LT(radius, previous);
    EXPECT_GT(radius, 1.96 * 0.5 / std::sqrt(static_cast<double>(n)));
    previous = radius;
  }
}

TEST(SequenceTest, TunedN_IsWhereItIsTightest) {
  const SampleMoments values = {.n = 2000, .mean = 0, .variance = 1};
  const auto radius_for = [&](int64_t tuned_n) {
    SequenceOptions options;
    options.tuned_n = tuned_n;
    return MeanSequence(values, options).value().details.at("radius");
  };
  EXPECT_LT(radius_for(2000), radius_for(1500));
  EXPECT_LT(radius_for(2000), radius_for(2600));
}

TEST(SequenceTest, Edges) {
  EXPECT_EQ(MeanSequence({}, {}).value().state, kUndefined);
  EXPECT_EQ(MeanSequence({.n = 29, .mean = 0, .variance = 1}, {}).value().state, kUndefined);
  EXPECT_FALSE(MeanSequence({.n = 30, .mean = 0, .variance = 0}, {}).value().interval.has_value());
  SequenceOptions options;
  options.bounds = Interval{.low = 0, .high = 1};
  EXPECT_EQ(MeanSequence({.n = 3, .mean = 2, .variance = 1}, options).value().state, kUndefined);
  const Estimate one = MeanSequence({.n = 1, .mean = 1, .variance = 0}, options).value();
  EXPECT_EQ(one.interval->low, 0);  // says nothing yet, and says so
  EXPECT_EQ(one.interval->high, 1);
  options.bounds = Interval{.low = 1, .high = 1};
  EXPECT_EQ(MeanSequence({.n = 3, .mean = 1, .variance = 1}, options).status().code(), kInvalid);
  options = {};
  options.tuned_n = 0;
  EXPECT_EQ(DifferenceSequence({}, {}, options).status().code(), kInvalid);
  EXPECT_EQ(DifferenceSequence({}, {}, {}).value().estimate.state, kUndefined);
}

// Two groups and never-treated units: effects 1 and 2 on flat lines with unit-level noise that cancels.
StaggeredQuestion Staggered() {
  StaggeredQuestion question;
  question.periods = {1, 2, 3, 4};
  for (const double noise : {-1.0, 1.0}) {
    question.units.push_back({.first_treated = 2, .outcomes = {noise, 1 - noise, 1.0, 1.0}});
    question.units.push_back({.first_treated = 3, .outcomes = {noise, noise, 2.0, 2 + noise}});
    question.units.push_back({.first_treated = std::nullopt, .outcomes = {noise, 0.0, noise, 0.0}});
  }
  return question;
}

TEST(CallawaySantAnnaTest, HandWorkedCells) {
  StaggeredQuestion question = Staggered();
  question.units.push_back({.first_treated = 1, .outcomes = {9.0, 9.0, 9.0, 9.0}});
  question.units.push_back({.first_treated = 2, .outcomes = {9.0, std::nullopt, 9.0, 9.0}});
  const StaggeredEffects effects = CallawaySantAnna(question, {}).value();
  ASSERT_EQ(effects.cells.size(), 6u);
  EXPECT_EQ(effects.cells[0].group, 2);
  EXPECT_EQ(effects.cells[0].period, 2);
  EXPECT_EQ(effects.cells[0].effect.value, 1);
  EXPECT_EQ(effects.cells[3].effect.value, 0);  // the placebo of group 3 in period 2
  EXPECT_EQ(effects.cells[4].effect.value, 2);
  EXPECT_NEAR(effects.simple.value, 7 / 5.0, 1e-15);
  EXPECT_NEAR(effects.overall_group.value, 1.5, 1e-15);
  EXPECT_EQ(effects.dynamic.at(-1).value, 0);
  EXPECT_NEAR(effects.dynamic.at(0).value, 1.5, 1e-15);
  EXPECT_EQ(effects.simple.excluded.at("treated_from_start"), 1);
  EXPECT_EQ(effects.simple.excluded.at("unbalanced"), 1);
  // Changes −1 + 2·1 = 3, −1 of the treated and 1, −1 of the controls: variances 4 and 1 (divisor n), by 2.
  EXPECT_NEAR(effects.cells[0].effect.details.at("standard_error"), std::sqrt(4 / 2.0 + 1 / 2.0), 1e-14);
}

TEST(CallawaySantAnnaTest, OrderOfUnits_DoesNotMatter) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  StaggeredQuestion question;
  question.periods = {2001, 2002, 2005};
  for (int i = 0; i < 90; ++i) {
    StaggeredUnit unit{.first_treated = std::nullopt, .outcomes = {normal(random), normal(random), normal(random)}};
    if (i % 3 != 0) unit.first_treated = i % 3 == 1 ? 2002 : 2005;
    question.units.push_back(unit);
  }
  for (const auto controls : {StaggeredControls::kNeverTreated, StaggeredControls::kNotYetTreated}) {
    question.controls = controls;
    const StaggeredEffects first = CallawaySantAnna(question, {}).value();
    std::shuffle(question.units.begin(), question.units.end(), random);
    const StaggeredEffects second = CallawaySantAnna(question, {}).value();
    EXPECT_EQ(first.simple.value, second.simple.value);
    EXPECT_EQ(first.simple.details.at("standard_error"), second.simple.details.at("standard_error"));
    EXPECT_EQ(first.dynamic.begin()->first, -3);
  }
}

TEST(CallawaySantAnnaTest, NothingToCompare_IsUndefined) {
  StaggeredQuestion question = Staggered();
  for (StaggeredUnit& unit : question.units) unit.first_treated.reset();
  EXPECT_THAT(CallawaySantAnna(question, {}).value().simple.undefined_reason, HasSubstr("No unit begins"));
  for (StaggeredUnit& unit : question.units) unit.first_treated = 3;
  const StaggeredEffects none = CallawaySantAnna(question, {}).value();
  EXPECT_EQ(none.simple.state, kUndefined);
  EXPECT_EQ(none.cells[0].effect.state, kUndefined);
  EXPECT_EQ(none.overall_group.state, kUndefined);
  question.units.clear();
  EXPECT_EQ(CallawaySantAnna(question, {}).value().simple.state, kUndefined);
}

TEST(CallawaySantAnnaTest, AfterTheLastPeriod_IsNeverTreated) {
  StaggeredQuestion question = Staggered();
  const double before = CallawaySantAnna(question, {}).value().simple.value;
  for (StaggeredUnit& unit : question.units) {
    if (!unit.first_treated.has_value()) unit.first_treated = 99;
  }
  EXPECT_EQ(CallawaySantAnna(question, {}).value().simple.value, before);
}

TEST(CallawaySantAnnaTest, BadInput_IsInvalid) {
  StaggeredQuestion question = Staggered();
  question.periods = {1, 2, 2, 4};
  EXPECT_EQ(CallawaySantAnna(question, {}).status().code(), kInvalid);
  question = Staggered();
  question.units[0].outcomes.pop_back();
  EXPECT_EQ(CallawaySantAnna(question, {}).status().code(), kInvalid);
  question = Staggered();
  question.units[0].outcomes[0] = NAN;
  EXPECT_EQ(CallawaySantAnna(question, {}).status().code(), kInvalid);
  question = Staggered();
  question.periods = {1, 2, 4, 5};
  EXPECT_EQ(CallawaySantAnna(question, {}).status().code(), kInvalid);
  EXPECT_EQ(CallawaySantAnna({}, {}).status().code(), kInvalid);
}

}  // namespace
}  // namespace throughline
