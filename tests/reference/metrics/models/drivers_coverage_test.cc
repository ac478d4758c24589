// Intervals of drivers, logistic coefficients and churn risk hold the truth as often as they say. Seeded: the same
// numbers in every run.
#include <cmath>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/reference/metrics/models/coverage_count.h"
#include "throughline/models/drivers.h"
#include "throughline/models/logistic.h"
#include "throughline/models/risk.h"

namespace throughline {
namespace {

using ::throughline::testing::CoverageCount;

// y = x1 + x2/2 + noise, the drivers correlated by a common part.
DriverRow RowOf(double z0, double z1, double z2, double z3) {
  const double x1 = z1 + 0.7 * z0, x2 = z2 + 0.7 * z0;
  return {.outcome = x1 + 0.5 * x2 + 1.2 * z3, .drivers = {x1, x2}};
}

// The percentile bootstrap holds at some hundred rows; 300 here.
TEST(DriversCoverageTest, Bootstrap) {
  DriverData population{.names = {"a", "b"}, .rows = {}};
  // The corners of a cube have exactly the covariances of independent variables of variance 1.
  for (int corner = 0; corner < 16; ++corner) {
    const auto sign = [&](int bit) { return (corner >> bit) % 2 == 0 ? -1.0 : 1.0; };
    population.rows.push_back(RowOf(sign(0), sign(1), sign(2), sign(3)));
  }
  const DriverReport truth = DriverShares(population, {}).value();
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  DriverOptions options;
  options.bootstrap_samples = 300;
  CoverageCount r_squared, lmg, weight;
  for (int round = 0; round < 1000; ++round) {
    DriverData data{.names = population.names, .rows = {}};
    for (int i = 0; i < 300; ++i) {
      const double z0 = normal(random), z1 = normal(random), z2 = normal(random);
      data.rows.push_back(RowOf(z0, z1, z2, normal(random)));
    }
    const DriverReport report = DriverShares(data, options).value();
    r_squared.Add(report.r_squared, truth.r_squared.value);
    for (int j = 0; j < 2; ++j) {
      lmg.Add(report.drivers[j].lmg, truth.drivers[j].lmg.value);
      weight.Add(report.drivers[j].relative_weight, truth.drivers[j].relative_weight.value);
    }
  }
  r_squared.ExpectNominal("r_squared");
  lmg.ExpectNominal("lmg");
  weight.ExpectNominal("relative_weight");
}

// Features of known mean and deviation, so that the standardized coefficient of the truth is known to sampling of the
// deviation; the feature is scaled to have exactly deviation 1 in each sample.
LogisticData Sample(std::mt19937& random, int n, double beta1, double beta2) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  std::vector<double> columns[2];
  for (auto& column : columns) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) column.push_back(normal(random));
    for (const double x : column) sum += x / n;
    for (const double x : column) squares += (x - sum) * (x - sum) / n;
    for (double& x : column) x = (x - sum) / std::sqrt(squares);
  }
  LogisticData data{.names = {"a", "b"}, .rows = {}};
  for (int i = 0; i < n; ++i) {
    const double x = -0.5 + beta1 * columns[0][i] + beta2 * columns[1][i];
    data.rows.push_back(
        {.label = uniform(random) < 1 / (1 + std::exp(-x)), .features = {columns[0][i], columns[1][i]}});
  }
  return data;
}

TEST(LogisticCoverageTest, Wald_WithoutPenalty) {
  std::mt19937 random(2);
  CoverageCount coverage;
  for (int round = 0; round < 2000; ++round) {
    const LogisticFit fit = FitLogistic(Sample(random, 200, 0.8, -0.3), {}).value();
    ASSERT_EQ(fit.state, LogisticState::kOk) << fit.reason;
    coverage.Add(fit.coefficients[0].standardized, 0.8);
    coverage.Add(fit.coefficients[1].standardized, -0.3);
  }
  coverage.ExpectNominal("logistic");
}

// With a penalty the interval is of the posterior under a normal prior with variance 1/λ, and holds on average over
// coefficients that come from it.
TEST(LogisticCoverageTest, Wald_WithPenaltyOverItsPrior) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  LogisticOptions options;
  options.penalty = 2;
  CoverageCount coverage;
  for (int round = 0; round < 2000; ++round) {
    const double beta1 = normal(random) / std::sqrt(options.penalty);
    const double beta2 = normal(random) / std::sqrt(options.penalty);
    const LogisticFit fit = FitLogistic(Sample(random, 60, beta1, beta2), options).value();
    if (fit.state != LogisticState::kOk) continue;  // one class
    coverage.Add(fit.coefficients[0].standardized, beta1);
    coverage.Add(fit.coefficients[1].standardized, beta2);
  }
  coverage.ExpectNominal("logistic_penalised");
}

TEST(RiskCoverageTest, AreaUnderCurve) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  CoverageCount middling, high;
  for (int round = 0; round < 3000; ++round) {
    for (const double distance : {0.8, 2.0}) {
      std::vector<ScoredCase> cases;
      for (int i = 0; i < 90; ++i) {
        const bool label = i % 3 == 0;
        cases.push_back({.label = label, .score = normal(random) + (label ? distance : 0)});
      }
      // P(yes > no) of two normals of variance 1.
      const double truth = std::erfc(-distance / 2) / 2;
      (distance < 1 ? middling : high).Add(*AreaUnderCurve(cases, {}), truth);
    }
  }
  middling.ExpectNominal("auc");
  high.ExpectNominal("auc_high");
}

// Out of sample at 1000 customers and two features, where what is lost by estimating the model is small beside the width
// of the intervals: the truth is that of the true chances. (The slope out of sample is near 1 in each sample, as the
// folds share their customers; what its interval holds is the slope among new customers, which moves with the model.)
TEST(RiskCoverageTest, OutOfSample) {
  std::mt19937 random(5);
  double brier = 0, weighted = 0, pairs = 0;
  {
    // The truth by brute force: over pairs of customers, the chance that a yes has the higher chance.
    std::normal_distribution<double> normal;
    const auto chance = [&] { return 1 / (1 + std::exp(0.5 - std::hypot(1.0, 0.7) * normal(random))); };
    constexpr int kPairs = 2000000;
    for (int i = 0; i < kPairs; ++i) {
      const double p = chance(), q = chance();
      brier += p * (1 - p) / kPairs;
      pairs += p * (1 - q);
      weighted += p > q ? p * (1 - q) : 0;
    }
  }
  CoverageCount auc_coverage, brier_coverage, slope_coverage;
  for (int round = 0; round < 1000; ++round) {
    const LogisticData plain = Sample(random, 1000, 1, -0.7);
    RiskData data{.names = plain.names, .rows = {}};
    for (size_t i = 0; i < plain.rows.size(); ++i) {
      data.rows.push_back({.id = std::to_string(i), .label = plain.rows[i].label, .features = plain.rows[i].features});
    }
    const RiskReport report = ChurnRisk(data, {}).value();
    auc_coverage.Add(report.auc, weighted / pairs);
    brier_coverage.Add(report.brier, brier);
    // The slope that the model of this sample has among new customers: the regression of the true log odds on the
    // model's. Features are independent with variance 1.
    const double a = report.model.coefficients[0].raw, b = report.model.coefficients[1].raw;
    slope_coverage.Add(report.calibration_slope, (a * 1 + b * -0.7) / (a * a + b * b));
  }
  auc_coverage.ExpectNominal("risk_auc");
  brier_coverage.ExpectNominal("risk_brier");
  slope_coverage.ExpectNominal("risk_slope");
}

}  // namespace
}  // namespace throughline
