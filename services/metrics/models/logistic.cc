#include "throughline/models/logistic.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>

#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/newton_logistic.h"
#include "services/metrics/models/quiet_math.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

absl::Status CheckData(const LogisticData& data, const LogisticOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (!(options.penalty >= 0) || std::isinf(options.penalty)) return InvalidField("penalty", "must be at least 0");
  if (absl::Status status = CheckCount("names", data.names.size(), kFeaturesMax); !status.ok()) return status;
  if (absl::Status status = CheckCount("rows", data.rows.size(), kLogisticRowsMax); !status.ok()) return status;
  const auto parameters = static_cast<int64_t>(data.names.size() + 1);
  if (static_cast<int64_t>(data.rows.size()) * parameters * parameters > kLogisticWorkMax) {
    return InvalidField("rows", absl::StrFormat("times features squared must be at most %d", kLogisticWorkMax));
  }
  for (size_t i = 0; i < data.rows.size(); ++i) {
    const auto& features = data.rows[i].features;
    const std::string path = FieldPath("rows", i);
    if (features.size() != data.names.size()) {
      return InvalidField(FieldPath(path, "features"), "must have one entry for each name");
    }
    const bool finite = std::all_of(features.begin(), features.end(), [](const std::optional<double>& value) {
      return std::isfinite(value.value_or(0));
    });
    if (!finite) return InvalidField(FieldPath(path, "features"), "must hold finite numbers");
  }
  return absl::OkStatus();
}

struct Cases {
  FeatureRows features;
  Eigen::VectorXd labels;
};

// Complete rows, in an order that depends on their values alone.
Cases CompleteCases(const LogisticData& data) {
  std::vector<std::vector<double>> complete;
  for (const LogisticRow& row : data.rows) {
    if (!row.label.has_value()) continue;
    std::vector<double> values = {*row.label ? 1.0 : 0.0};
    for (const auto& feature : row.features) {
      if (feature.has_value()) values.push_back(*feature);
    }
    if (values.size() == row.features.size() + 1) complete.push_back(std::move(values));
  }
  std::sort(complete.begin(), complete.end());
  const auto n = static_cast<Eigen::Index>(complete.size());
  Cases cases{.features = FeatureRows(n, static_cast<Eigen::Index>(data.names.size())), .labels = Eigen::VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::vector<double>& values = complete[static_cast<size_t>(i)];
    cases.labels[i] = values[0];
    std::copy(values.begin() + 1, values.end(), cases.features.data() + i * cases.features.cols());
  }
  return cases;
}

FeatureRows Columns(const FeatureRows& rows, const std::vector<int>& columns) {
  FeatureRows out(rows.rows(), static_cast<Eigen::Index>(columns.size()));
  for (size_t j = 0; j < columns.size(); ++j) out.col(static_cast<Eigen::Index>(j)) = rows.col(columns[j]);
  return out;
}

void Fail(LogisticState state, std::string reason, LogisticFit& fit) {
  fit.state = state;
  fit.reason = std::move(reason);
}

// Puts the parameters of the varying features into the fit. False if a number in the features' own units is not finite.
bool FillParameters(const NewtonFit& newton, const ColumnScale& scale, const std::vector<int>& varying,
                    const LogisticData& data, const LogisticOptions& options, LogisticFit& fit) {
  const double z = NormalQuantile(0.5 + options.confidence_level / 2);
  fit.log_likelihood = newton.log_likelihood;
  fit.intercept = fit.centered_intercept = newton.parameters[0];
  for (size_t j = 0; j < data.names.size(); ++j) {
    LogisticCoefficient& out = fit.coefficients.emplace_back();
    const auto column = static_cast<Eigen::Index>(j);
    out.name = data.names[j];
    out.mean = scale.mean[column];
    out.standard_deviation = scale.standard_deviation[column];
    out.standardized.method = MethodText("log odds for one standard deviation", "wald", options.confidence_level);
    const auto found = std::find(varying.begin(), varying.end(), static_cast<int>(j));
    out.constant = found == varying.end();
    if (out.constant) {
      SetUndefined("All values of the feature are equal.", out.standardized);
      continue;
    }
    const Eigen::Index at = found - varying.begin() + 1;
    const double value = newton.parameters[at];
    const double error = std::sqrt(newton.covariance(at, at));
    SetFiniteValue(value, fit.n, options, out.standardized);
    SetInterval(value - z * error, value + z * error, out.standardized);
    SetDetail("standard_error", error, out.standardized);
    SetDetail("z", value / error, out.standardized);
    SetDetail("odds_ratio", std::exp(value), out.standardized);
    const boost::math::normal_distribution<double, QuietMath> normal;
    SetDetail("p_value", 2 * boost::math::cdf(normal, -std::abs(value / error)), out.standardized);
    out.raw = value / out.standard_deviation;
    fit.intercept -= out.mean / out.standard_deviation * value;
    if (!std::isfinite(out.raw)) return false;
  }
  return std::isfinite(fit.intercept);
}

// Why there is no fit before any is tried; true if there is a reason.
bool FailsBefore(const Cases& cases, const std::vector<int>& varying, const std::vector<int>& independent,
                 const LogisticData& data, const LogisticOptions& options, LogisticFit& fit) {
  if (fit.n == 0) {
    Fail(LogisticState::kTooFewRows, "There are no complete rows.", fit);
  } else if (cases.labels.minCoeff() == cases.labels.maxCoeff()) {
    Fail(LogisticState::kOneClass, "All labels are equal: there is nothing to tell apart.", fit);
  } else if (options.penalty == 0 && fit.n <= static_cast<int64_t>(varying.size()) + 1) {
    Fail(LogisticState::kTooFewRows, "There must be more complete rows than features and intercept.", fit);
  } else if (options.penalty == 0 && independent.size() < varying.size()) {
    size_t first = 0;
    while (first < independent.size() && independent[first] == static_cast<int>(first)) ++first;
    Fail(LogisticState::kCollinear,
         absl::StrFormat("The feature %s is a linear combination of those before it: leave one of them out.",
                         data.names[static_cast<size_t>(varying[first])]),
         fit);
  } else {
    return false;
  }
  return true;
}

}  // namespace

double LogisticFit::Probability(const std::vector<double>& features) const {
  double x = centered_intercept;
  for (size_t j = 0; j < std::min(features.size(), coefficients.size()); ++j) {
    const LogisticCoefficient& each = coefficients[j];
    if (!each.constant) x += each.standardized.value * ((features[j] - each.mean) / each.standard_deviation);
  }
  return Logistic(x);
}

absl::StatusOr<LogisticFit> FitLogistic(const LogisticData& data, const LogisticOptions& options) {
  if (absl::Status status = CheckData(data, options); !status.ok()) return status;
  const Cases cases = CompleteCases(data);
  LogisticFit fit;
  fit.n = cases.labels.size();
  fit.excluded_incomplete = static_cast<int64_t>(data.rows.size()) - fit.n;
  fit.positives = std::llround(cases.labels.sum());
  const ColumnScale scale = ScaleOf(cases.features);
  std::vector<int> varying;
  for (Eigen::Index j = 0; j < cases.features.cols(); ++j) {
    if (std::isfinite(scale.standard_deviation[j]) && scale.standard_deviation[j] > 0) {
      varying.push_back(static_cast<int>(j));
    }
  }
  const FeatureRows standardized = Columns(Standardized(cases.features, scale), varying);
  const int count = static_cast<int>(varying.size());
  std::vector<int> independent;
  if (fit.n > 0) {
    const Eigen::MatrixXd correlations = standardized.transpose() * standardized / static_cast<double>(fit.n);
    independent = IndependentColumns(correlations, count);
  }
  if (FailsBefore(cases, varying, independent, data, options, fit)) return fit;
  const NewtonFit newton = FitNewton(standardized, cases.labels, options.penalty);
  fit.iterations = newton.iterations;
  fit.separated = newton.state == LogisticState::kSeparated;
  if (fit.separated) {
    Fail(LogisticState::kSeparated,
         "A combination of the features divides the labels: the likelihood has no maximum. A penalty gives an answer.",
         fit);
    return fit;
  }
  if (newton.state != LogisticState::kOk || !FillParameters(newton, scale, varying, data, options, fit)) {
    fit.coefficients.clear();
    fit.intercept = fit.centered_intercept = fit.log_likelihood = 0;
    Fail(LogisticState::kNotConverged, "Newton's iteration did not converge to finite numbers.", fit);
    return fit;
  }
  fit.state = LogisticState::kOk;
  if (options.penalty > 0) {
    const NewtonFit plain = FitNewton(Columns(standardized, independent), cases.labels, 0);
    fit.separated = plain.state == LogisticState::kSeparated;
  }
  return fit;
}

}  // namespace throughline
