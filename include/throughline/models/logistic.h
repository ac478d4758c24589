// Logistic regression: how the chance of a yes (converted, churned) moves with other measures. Pure function; any
// thread.
//
// Minimises Σᵢ −log P(yᵢ | xᵢ) + (λ/2)·‖β‖², P(1 | x) = 1/(1 + e^−(α + xβ)), by Newton's iteration with step halving
// (IRLS; Cox 1958; le Cessie & van Houwelingen, Applied Statistics 41, 1992). The intercept is not penalised; the
// features are standardized first (mean 0, standard deviation 1, divisor n), so that λ weighs them alike. C of
// scikit-learn is 1/λ. Standard errors are from the inverse of the penalised information: for λ = 0 the usual ones; for
// λ > 0 those of the posterior under a normal prior, too small if read as of an unbiased estimate.
//
// Only complete rows count; others are excluded["incomplete"]. Features that are constant among them get coefficient 0,
// no standard error, and `constant`. States: kOk; kOneClass: all labels equal; kCollinear: λ = 0 and a feature is a
// linear combination of others; kSeparated: λ = 0 and some combination of the features divides the labels, so that
// there is no finite answer (Albert & Anderson, Biometrika 71, 1984); kNotConverged; kTooFewRows: none, or for λ = 0
// not more rows than parameters. Parameters are filled in with kOk only.
//
// INVALID_FIELD: rows of another length, numbers that are not finite, λ negative, too many rows or features.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kFeaturesMax = 200;
constexpr size_t kLogisticRowsMax = 1000000;
constexpr int64_t kLogisticWorkMax = 2000000000;  // rows × features²: of one iteration, some seconds

struct LogisticRow {
  std::optional<bool> label;
  std::vector<std::optional<double>> features;
};

struct LogisticData {
  std::vector<std::string> names;
  std::vector<LogisticRow> rows;  // their order does not matter
};

struct LogisticOptions : EstimateOptions {
  double penalty = 0;  // λ
};

enum class LogisticState { kOk, kTooFewRows, kOneClass, kCollinear, kSeparated, kNotConverged };

struct LogisticCoefficient {
  std::string name;
  // Log odds for one standard deviation of the feature: comparable with each other. Wald interval. Details:
  // standard_error, z, p_value, odds_ratio.
  Estimate standardized;
  double raw = 0;  // log odds for one unit of the feature
  double mean = 0, standard_deviation = 0;
  bool constant = false;
};

struct LogisticFit {
  LogisticState state = LogisticState::kNotConverged;
  std::string reason;  // in words, unless kOk
  int64_t n = 0, positives = 0;
  int64_t excluded_incomplete = 0;
  // λ > 0 hides separation behind finite numbers; this says that without the penalty there would be none.
  bool separated = false;
  int iterations = 0;
  double intercept = 0;           // for features in their own units
  double centered_intercept = 0;  // at the means of the features
  double log_likelihood = 0;      // without the penalty
  std::vector<LogisticCoefficient> coefficients;

  // P(1 | features), one for each coefficient; only with kOk.
  double Probability(const std::vector<double>& features) const;
};
absl::StatusOr<LogisticFit> FitLogistic(const LogisticData& data, const LogisticOptions& options);

}  // namespace throughline
