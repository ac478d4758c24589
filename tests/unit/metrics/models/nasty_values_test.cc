// Whatever goes in, no NaN and no infinity comes out: models of effects, drivers, risk, gaps, standards and health on
// the values that break arithmetic.
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "throughline/models/drivers.h"
#include "throughline/models/effects.h"
#include "throughline/models/gap.h"
#include "throughline/models/health.h"
#include "throughline/models/logistic.h"
#include "throughline/models/risk.h"
#include "throughline/models/staggered.h"
#include "throughline/models/standards.h"

namespace throughline {
namespace {

constexpr int kRounds = 400;

// Draws from few values, so that ties, constants and collinear columns are frequent.
class Nasty {
 public:
  explicit Nasty(uint32_t seed) : random_(seed) {}
  double Value() {
    static constexpr double kPool[] = {0,      -0.0,   1,       -1,    2,      3,    1 + 2.3e-16, 1e308, -1e308,
                                       5e-324, 1e-300, -1e-300, 1e154, 1e-154, 1e16, -1e16,       0.1,   0.3};
    // Each round keeps to a few of them.
    return kPool[(offset_ + random_() % width_) % std::size(kPool)];
  }
  std::optional<double> Maybe() { return random_() % 12 == 0 ? std::nullopt : std::optional(Value()); }
  bool Coin() { return random_() % 2 == 0; }
  size_t Below(size_t n) { return random_() % n; }
  void NextRound() {
    offset_ = random_() % 18;
    width_ = 1 + random_() % 18;
  }
  std::vector<double> Values(size_t n) {
    std::vector<double> values;
    for (size_t i = 0; i < n; ++i) values.push_back(Value());
    return values;
  }

 private:
  std::mt19937 random_;
  size_t offset_ = 0, width_ = 18;
};

void ExpectFinite(const Estimate& estimate, const char* what) {
  EXPECT_TRUE(std::isfinite(estimate.value)) << what;
  if (estimate.interval.has_value()) {
    EXPECT_TRUE(std::isfinite(estimate.interval->low) && std::isfinite(estimate.interval->high)) << what;
    EXPECT_LE(estimate.interval->low, estimate.interval->high) << what;
  }
  for (const auto& [name, value] : estimate.details) EXPECT_TRUE(std::isfinite(value)) << what << " " << name;
  EXPECT_EQ(estimate.undefined_reason.empty(), estimate.state != Estimate::State::kUndefined) << what;
}
void ExpectFinite(const absl::StatusOr<Effect>& effect, const char* what) {
  if (effect.ok()) ExpectFinite(effect->estimate, what);
}

void ExpectFinite(const absl::StatusOr<Chart>& chart, const char* what) {
  if (!chart.ok()) return;
  EXPECT_TRUE(std::isfinite(chart->center) && std::isfinite(chart->spread)) << what;
  EXPECT_EQ(chart->onsets.empty() || chart->onsets.size() == chart->signals.size(), true) << what;
  for (const ChartPoint& point : chart->points) {
    EXPECT_TRUE(std::isfinite(point.statistic) && std::isfinite(point.low) && std::isfinite(point.high)) << what;
  }
}

void ExpectFinite(const LogisticFit& fit) {
  EXPECT_TRUE(std::isfinite(fit.intercept) && std::isfinite(fit.centered_intercept));
  EXPECT_TRUE(std::isfinite(fit.log_likelihood));
  EXPECT_EQ(fit.reason.empty(), fit.state == LogisticState::kOk);
  for (const LogisticCoefficient& each : fit.coefficients) {
    ExpectFinite(each.standardized, "logistic");
    EXPECT_TRUE(std::isfinite(each.raw) && std::isfinite(each.mean) && std::isfinite(each.standard_deviation));
  }
}

TEST(NastyValuesTest, Effects) {
  Nasty nasty(1);
  for (int round = 0; round < kRounds; ++round) {
    nasty.NextRound();
    const SampleMoments raw = {
        .n = static_cast<int64_t>(nasty.Below(100)), .mean = nasty.Value(), .variance = std::abs(nasty.Value())};
    const SampleMoments a = MomentsOfValues(nasty.Values(nasty.Below(6))).value_or(raw), b = raw;
    ExpectFinite(MeanDifference(a, b, {}), "means");
    ExpectFinite(BeforeAfter(a, b, {}), "before after");
    ExpectFinite(DifferenceInDifferences({a, b, b, a}, {}), "difference in differences");
    SequenceOptions options;
    if (nasty.Coin()) options.bounds = Interval{.low = -1e308, .high = 0.5e308};
    ExpectFinite(DifferenceSequence(a, b, options), "sequence");
    const auto mean = MeanSequence(b, options);
    if (mean.ok()) ExpectFinite(*mean, "sequence");
    std::vector<UnitChange> units;
    CupedQuestion cuped;
    StaggeredQuestion staggered;
    staggered.periods = {1, 2, 3};
    for (size_t i = nasty.Below(14); i > 0; --i) {
      units.push_back({.treated = nasty.Coin(), .before = nasty.Maybe(), .after = nasty.Maybe()});
      cuped.units.push_back({.treated = nasty.Coin(), .outcome = nasty.Value(), .covariate = nasty.Maybe()});
      StaggeredUnit unit{.first_treated = {}, .outcomes = {nasty.Value(), nasty.Value(), nasty.Value()}};
      if (nasty.Coin()) unit.first_treated = 1 + static_cast<int64_t>(nasty.Below(3));
      staggered.units.push_back(unit);
    }
    ExpectFinite(PanelDifferenceInDifferences(units, {}), "panel");
    ExpectFinite(PanelBeforeAfter(units, {}), "panel before after");
    ExpectFinite(CupedDifference(cuped, {}), "cuped");
    const auto effects = CallawaySantAnna(staggered, {});
    ASSERT_TRUE(effects.ok());
    for (const GroupTimeEffect& cell : effects->cells) ExpectFinite(cell.effect, "cell");
    for (const auto& [distance, estimate] : effects->dynamic) ExpectFinite(estimate, "dynamic");
    for (const auto& [group, estimate] : effects->group) ExpectFinite(estimate, "group");
    ExpectFinite(effects->simple, "simple");
    ExpectFinite(effects->overall_dynamic, "overall dynamic");
    ExpectFinite(effects->overall_group, "overall group");
  }
}

TEST(NastyValuesTest, DriversAndRisk) {
  Nasty nasty(2);
  for (int round = 0; round < kRounds; ++round) {
    nasty.NextRound();
    DriverData drivers{.names = {"a", "b", "c"}, .rows = {}};
    LogisticData logistic{.names = {"a", "b", "c"}, .rows = {}};
    RiskData risk{.names = {"a", "b", "c"}, .rows = {}};
    for (size_t i = nasty.Below(40); i > 0; --i) {
      const std::vector<std::optional<double>> features = {nasty.Value(), nasty.Value(), nasty.Maybe()};
      const bool label = nasty.Coin();
      drivers.rows.push_back({.outcome = nasty.Maybe(), .drivers = features});
      logistic.rows.push_back({.label = label, .features = features});
      risk.rows.push_back({.id = std::to_string(i), .label = label, .features = features});
    }
    DriverOptions options;
    options.bootstrap_samples = round % 10 == 0 ? 100 : 0;
    const auto report = DriverShares(drivers, options);
    ASSERT_TRUE(report.ok());
    ExpectFinite(report->r_squared, "r squared");
    for (const Driver& driver : report->drivers) {
      ExpectFinite(driver.lmg, "lmg");
      ExpectFinite(driver.relative_weight, "relative weight");
      EXPECT_TRUE(std::isfinite(driver.correlation));
    }
    for (const double penalty : {0.0, 1e-9, 1.0, 1e300}) {
      LogisticOptions with;
      with.penalty = penalty;
      ExpectFinite(FitLogistic(logistic, with).value());
    }
    const RiskReport churn = ChurnRisk(risk, {}).value();
    ExpectFinite(churn.model);
    ExpectFinite(churn.auc, "auc");
    ExpectFinite(churn.brier, "brier");
    ExpectFinite(churn.calibration_slope, "slope");
    for (const RiskScore& score : churn.scores) {
      EXPECT_TRUE(score.probability >= 0 && score.probability <= 1);
    }
  }
}

TEST(NastyValuesTest, GapStandardsAndHealth) {
  Nasty nasty(3);
  for (int round = 0; round < kRounds; ++round) {
    nasty.NextRound();
    GapQuestion question;
    question.scale_low = -0.5e308;
    question.scale_high = 1e308;
    for (int attribute = 0; attribute < 3; ++attribute) {
      GapAttribute& each = question.attributes.emplace_back();
      for (size_t i = nasty.Below(9); i > 0; --i) {
        each.answers.push_back({.expectation = nasty.Maybe(), .performance = nasty.Maybe(), .overall = nasty.Maybe()});
      }
      if (round % 2 == 0) each.stated_importance = std::abs(nasty.Value());
      each.traffic = std::abs(nasty.Value());
      each.revenue = std::abs(nasty.Value());
    }
    const GapReport report = ExpectationGap(question, {}).value();
    for (const AttributeGap& each : report.attributes) {
      ExpectFinite(each.gap, "gap");
      ExpectFinite(each.importance, "importance");
      ExpectFinite(each.performance, "performance");
      EXPECT_TRUE(std::isfinite(each.priority.value_or(0)));
    }
    EXPECT_TRUE(std::isfinite(report.performance_mean.value_or(0)));
    EXPECT_TRUE(std::isfinite(report.importance_mean.value_or(0)));
    const std::vector<double> values = nasty.Values(nasty.Below(30));
    EwmaOptions ewma;
    CusumOptions cusum;
    if (nasty.Coin()) {
      ewma.mean = cusum.mean = nasty.Value();
      ewma.standard_deviation = cusum.standard_deviation = std::abs(nasty.Value());
    }
    ExpectFinite(EwmaChart(values, ewma), "ewma");
    ExpectFinite(CusumChart(values, cusum), "cusum");
    std::vector<HealthComponent> components;
    for (int i = 0; i < 4; ++i) {
      const auto score = nasty.Maybe();
      components.push_back({.name = std::to_string(i),
                            .weight = std::abs(nasty.Value()),
                            .score = score.has_value() ? std::optional(std::fmod(std::abs(*score), 100)) : std::nullopt,
                            .standard_error = nasty.Coin() ? std::optional(std::abs(nasty.Value())) : std::nullopt});
    }
    const auto health = HealthScore(components, {});
    if (!health.ok()) continue;
    ExpectFinite(health->score, "health");
    EXPECT_TRUE(health->coverage >= 0 && health->coverage <= 1);
    const auto change = HealthMovement(components, components, {});
    if (change.ok()) ExpectFinite(change->change, "change");
  }
}

}  // namespace
}  // namespace throughline
