#include "throughline/models/lifetime_value.h"

#include <algorithm>
#include <boost/math/quadrature/exp_sinh.hpp>
#include <boost/math/quadrature/tanh_sinh.hpp>
#include <boost/math/special_functions/digamma.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/likelihood.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/quiet_math.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

// Double precision suffices: the data have a few digits, and extended precision takes several times as long.
using FastMath = boost::math::policies::normalise<QuietMath, boost::math::policies::promote_double<false>>::type;

double LogGamma(double x) { return boost::math::lgamma(x, FastMath()); }
double Digamma(double x) { return boost::math::digamma(x, FastMath()); }

absl::Status CheckHistory(const PurchaseHistory& row) {
  if (row.frequency < 0 || row.frequency > kPurchaseFrequencyMax) {
    return InvalidField("frequency", absl::StrFormat("Must be from 0 to %d.", kPurchaseFrequencyMax));
  }
  if (row.count < 0 || row.count > kPurchaseCountMax) {
    return InvalidField("count", absl::StrFormat("Must be from 0 to %d.", kPurchaseCountMax));
  }
  if (!std::isfinite(row.age_days) || !std::isfinite(row.recency_days) || row.recency_days < 0) {
    return InvalidField("recency_days", "Times must be finite and not negative.");
  }
  if (row.recency_days > row.age_days) return InvalidField("recency_days", "Must not be above age_days.");
  if (row.frequency == 0 && row.recency_days > 0) {
    return InvalidField("recency_days", "Must be 0 where there was one purchase.");
  }
  if (!std::isfinite(row.mean_value)) return InvalidField("mean_value", "Must be finite.");
  return absl::OkStatus();
}

absl::Status CheckHistories(absl::Span<const PurchaseHistory> rows) {
  if (rows.size() > kPurchaseRowsMax) return LimitExceeded("the rows of purchases", kPurchaseRowsMax, "rows");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (absl::Status status = CheckHistory(rows[i]); !status.ok()) return WithFieldPrefix(FieldPath("rows", i), status);
  }
  return absl::OkStatus();
}

absl::Status CheckUnit(double time_unit_days) {
  if (std::isfinite(time_unit_days) && time_unit_days > 0) return absl::OkStatus();
  return InvalidField("time_unit_days", "Must be a positive number of days.");
}

// ---- BG/NBD: the likelihood -----------------------------------------------------------------------------------------

struct BgNbdData {
  struct Row {
    double frequency, recency, age, count;
  };
  struct Frequency {
    double frequency, count;
  };
  std::vector<Row> rows;               // different ones, sorted
  std::vector<Frequency> frequencies;  // above 0
  double scale = 1;                    // what the times were divided by
  double log_likelihood_of_scale = 0;  // to add
};

BgNbdData Collapse(absl::Span<const PurchaseHistory> rows, double time_unit_days) {
  std::vector<PurchaseHistory> sorted;
  for (const PurchaseHistory& row : rows) {
    if (row.count > 0) sorted.push_back(row);
  }
  const auto key = [](const PurchaseHistory& row) { return std::tuple(row.frequency, row.recency_days, row.age_days); };
  std::sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  BgNbdData data;
  double age = 0;
  double customers = 0;
  double purchases = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto frequency = static_cast<double>(sorted[i].frequency);
    const auto count = static_cast<double>(sorted[i].count);
    if (i > 0 && key(sorted[i]) == key(sorted[i - 1])) {
      data.rows.back().count += count;
    } else {
      data.rows.push_back({frequency, sorted[i].recency_days, sorted[i].age_days, count});
    }
    if (frequency > 0) {
      if (data.frequencies.empty() || data.frequencies.back().frequency != frequency) {
        data.frequencies.push_back({frequency, 0});
      }
      data.frequencies.back().count += count;
    }
    age = std::max(age, sorted[i].age_days);
    customers += count;
    purchases += frequency * count;
  }
  data.scale = age > 0 ? age : 1;
  for (auto& row : data.rows) {
    row.recency /= data.scale;
    row.age /= data.scale;
  }
  data.log_likelihood_of_scale = -purchases * std::log(data.scale / time_unit_days);
  return data;
}

// Γ terms, which depend on the frequency alone.
double AddGammaTerms(const BgNbdData& data, double r, double a, double b, Eigen::VectorXd& gradient) {
  const double log_r = LogGamma(r), log_b = LogGamma(b), log_ab = LogGamma(a + b);
  const double psi_r = Digamma(r), psi_b = Digamma(b), psi_ab = Digamma(a + b);
  double sum = 0;
  for (const auto& [x, count] : data.frequencies) {
    sum += count * (LogGamma(r + x) - log_r + log_ab - LogGamma(a + b + x) + LogGamma(b + x) - log_b);
    const double psi_abx = psi_ab - Digamma(a + b + x);
    gradient(0) += count * (Digamma(r + x) - psi_r);
    gradient(2) += count * psi_abx;
    gradient(3) += count * (psi_abx + Digamma(b + x) - psi_b);
  }
  return sum;
}

double BgNbdLogLikelihood(const BgNbdData& data, const Eigen::VectorXd& log_parameters, Eigen::VectorXd& gradient) {
  const Eigen::Vector4d parameters = log_parameters.array().exp();
  const double r = parameters(0), alpha = parameters(1), a = parameters(2), b = parameters(3);
  double sum = AddGammaTerms(data, r, a, b, gradient);
  for (const auto& [x, recency, age, count] : data.rows) {
    // log1p keeps r·log(α/(α+T)) exact where α is large.
    const double log_age = std::log1p(age / alpha);
    if (x == 0) {
      sum -= count * r * log_age;
      gradient(0) -= count * log_age;
      gradient(1) += count * r * age / (alpha * (alpha + age));
      continue;
    }
    const double log_recency = std::log1p(recency / alpha);
    const double alive = -(r + x) * log_age;
    const double gone = log_parameters(2) - std::log(b + x - 1) - (r + x) * log_recency;
    // Weights of the two ways to have this history: still a customer, or gone after the last purchase.
    const double larger = std::max(alive, gone);
    const double smaller = std::exp(std::min(alive, gone) - larger);
    const double weight_of_smaller = smaller / (1 + smaller);
    const double weight_gone = gone < alive ? weight_of_smaller : 1 - weight_of_smaller;
    const double weight_alive = 1 - weight_gone;
    sum += count * (larger + std::log1p(smaller) - x * log_parameters(1));
    gradient(0) -= count * (weight_alive * log_age + weight_gone * log_recency);
    gradient(1) += count * (r / alpha - (r + x) * (weight_alive / (alpha + age) + weight_gone / (alpha + recency)));
    gradient(2) += count * weight_gone / a;
    gradient(3) -= count * weight_gone / (b + x - 1);
  }
  gradient = gradient.cwiseProduct(parameters);
  return sum;
}

template <size_t kCount>
LogCovariance<kCount> ToArray(const Eigen::MatrixXd& matrix) {
  LogCovariance<kCount> out;
  for (size_t i = 0; i < kCount; ++i) {
    for (size_t j = 0; j < kCount; ++j) out[i][j] = matrix(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
  }
  return out;
}

// ---- Numbers that depend on fitted parameters -----------------------------------------------------------------------

// E[f(p)/p] over p ~ Beta(a, b), for an f that grows from 0 like slope·p and is level above p = 1/reach: the two sides
// of the density's middle m, with p = m·e^(−u) and 1 − p = (1−m)·e^(−u). Both integrands have their mass near u = 0,
// however narrow, or fall like e^(−au) and e^(−bu).
template <typename Function>
double MeanOverLeaving(double a, double b, double reach, double slope, const Function& f) {
  const double log_beta = LogGamma(a) + LogGamma(b) - LogGamma(a + b);
  const double middle = a / (a + b);
  const double log_left = -std::log1p(b / a);   // log m
  const double log_right = -std::log1p(a / b);  // log(1 − m)
  const auto left = [&](double u) {
    const double p = middle * std::exp(-u);
    // p may have become 0.
    const double per_p = p * reach > 1e-290 ? f(p) / p : slope;
    return std::exp(a * (log_left - u) + (b - 1) * std::log1p(-p) - log_beta) * per_p;
  };
  const auto right = [&](double u) {
    const double q = std::exp(log_right - u);
    return std::exp((a - 1) * std::log1p(-q) + b * (log_right - u) - log_beta) * f(1 - q) / (1 - q);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kLevelMin = 3;
  // The quadrature ends when halving its step changes less than this share.
  constexpr double kTolerance = 1e-9;
  // Their member functions are not const.
  thread_local boost::math::quadrature::exp_sinh<double, FastMath> integrator;
  thread_local boost::math::quadrature::tanh_sinh<double, FastMath> level_integrator;
  try {
    // Where the reach is long, the left side is level up to p = 1/reach and falls only then: the fall is an end of its
    // own.
    double level = std::log(middle * reach);
    double sum = integrator.integrate(right, 0.0, kInfinity, kTolerance);
    if (level > kLevelMin) {
      sum += level_integrator.integrate(left, 0.0, level, kTolerance);
    } else {
      level = 0;
    }
    return sum + integrator.integrate(left, level, kInfinity, kTolerance);
  } catch (const std::exception&) {
    return std::numeric_limits<double>::quiet_NaN();  // the caller looks
  }
}

// 1 − (α/(α+pt))^r: p times the expected purchases in t of who leaves with probability p.
double Purchases(double r, double p, double reach) { return -std::expm1(-r * std::log1p(p * reach)); }

double ExpectedPurchasesIntegral(double r, double alpha, double a, double b, double t) {
  if (t == 0) return 0;
  const double reach = t / alpha;
  return MeanOverLeaving(a, b, reach, r * reach, [&](double p) { return Purchases(r, p, reach); });
}

double LogOddsGone(const BgNbdParameters& at, const PurchaseHistory& history) {
  const auto x = static_cast<double>(history.frequency);
  const double age = history.age_days / at.time_unit_days;
  const double recency = history.recency_days / at.time_unit_days;
  return std::log(at.a) - std::log(at.b + x - 1) + (at.r + x) * std::log1p((age - recency) / (at.alpha + recency));
}

double AliveOf(const BgNbdParameters& at, const PurchaseHistory& history) {
  return history.frequency == 0 ? 1 : 1 / (1 + std::exp(LogOddsGone(at, history)));
}

// E[Y(days)] of who is still a customer; does not depend on when the last purchase was.
double FuturePurchasesIfAlive(const BgNbdParameters& at, const PurchaseHistory& history, double days) {
  const auto x = static_cast<double>(history.frequency);
  return ExpectedPurchasesIntegral(at.r + x, at.alpha + history.age_days / at.time_unit_days, at.a, at.b + x,
                                   days / at.time_unit_days);
}

double FuturePurchasesOf(const BgNbdParameters& at, const PurchaseHistory& history, double days) {
  return AliveOf(at, history) * FuturePurchasesIfAlive(at, history, days);
}

// Σₖ (E[Y(k·period)] − E[Y((k−1)·period)])/(1 + discount)^k of who is still a customer, in one integral.
double DiscountedPurchasesIfAlive(const BgNbdParameters& at, const PurchaseHistory& history, const ClvOptions& clv) {
  const auto x = static_cast<double>(history.frequency);
  const double r = at.r + x;
  const double reach = clv.period_days / at.time_unit_days / (at.alpha + history.age_days / at.time_unit_days);
  std::vector<double> discounts;
  double slope = 0;
  for (int k = 1; k <= clv.periods; ++k) {
    discounts.push_back(std::pow(1 + clv.discount_rate, -k));
    slope += discounts.back() * r * reach;
  }
  const auto discounted = [&](double p) {
    double sum = 0;
    double until = 0;
    for (int k = 1; k <= clv.periods; ++k) {
      const double next = Purchases(r, p, k * reach);
      sum += discounts[static_cast<size_t>(k - 1)] * (next - until);
      until = next;
    }
    return sum;
  };
  return MeanOverLeaving(at.a, at.b + x, clv.periods * reach, slope, discounted);
}

BgNbdParameters Moved(BgNbdParameters at, size_t index, double factor) {
  double* const fields[] = {&at.r, &at.alpha, &at.a, &at.b};
  *fields[index] *= factor;
  return at;
}
GammaGammaParameters Moved(GammaGammaParameters at, size_t index, double factor) {
  double* const fields[] = {&at.p, &at.q, &at.v};
  *fields[index] *= factor;
  return at;
}

// Standard error of f(parameters) by the delta method, with central differences in the log parameters.
template <typename Parameters, size_t kCount, typename Function>
double DeltaStandardError(const Parameters& at, const LogCovariance<kCount>& covariance, const Function& f) {
  constexpr double kStep = 1e-4;
  std::array<double, kCount> slopes;
  for (size_t i = 0; i < kCount; ++i) {
    slopes[i] = (f(Moved(at, i, std::exp(kStep))) - f(Moved(at, i, std::exp(-kStep)))) / (2 * kStep);
  }
  double variance = 0;
  for (size_t i = 0; i < kCount; ++i) {
    for (size_t j = 0; j < kCount; ++j) variance += slopes[i] * covariance[i][j] * slopes[j];
  }
  return std::sqrt(std::max(variance, 0.0));
}

// Fills value and, on the scale of the logarithm, the interval of a positive number f(parameters).
template <typename Fit, typename Function>
void FillPositive(const Fit& fit, const EstimateOptions& options, const Function& f, Estimate& estimate) {
  const double value = f(fit.parameters);
  if (!std::isfinite(value) || value < 0) {
    estimate.undefined_reason = "The number is too large to be computed.";
    return;
  }
  SetValue(value, fit.n, options, estimate);
  if (!fit.log_covariance.has_value() || value == 0) return;
  const auto log_f = [&](const auto& parameters) { return std::log(f(parameters)); };
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) *
                      DeltaStandardError(fit.parameters, *fit.log_covariance, log_f);
  const Interval interval{.low = value * std::exp(-half), .high = value * std::exp(half)};
  if (std::isfinite(interval.low) && std::isfinite(interval.high)) estimate.interval = interval;
}

// Why there is no number; empty if there may be one.
template <typename Fit>
std::string Obstacle(const Fit& fit, const EstimateOptions& options, const PurchaseHistory* history, double days) {
  if (!CheckOptions(options).ok()) return "The level of confidence must be above 0 and below 1.";
  if (!fit.converged) return fit.problem.empty() ? "The model was not fitted." : fit.problem;
  if (history != nullptr && !CheckHistory(*history).ok()) return "The customer's history contradicts itself.";
  if (!std::isfinite(days) || days < 0) return "The time ahead must be finite and not negative.";
  return "";
}

template <typename Fit>
void SetSearchResult(const LikelihoodMaximum& maximum, Fit& fit) {
  fit.converged = maximum.converged;
  fit.problem = maximum.problem;
  fit.evaluations = maximum.evaluations;
}

}  // namespace

std::vector<PurchaseHistory> PurchaseHistories(const PurchaseSummary& summary, double minor_per_unit) {
  std::vector<PurchaseHistory> rows;
  for (const auto& entry : summary.rows.entries()) {
    const PurchaseRow& row = entry.row;
    PurchaseHistory& out = rows.emplace_back();
    out.frequency = row.frequency;
    out.recency_days = static_cast<double>(row.recency_days);
    out.age_days = static_cast<double>(row.age_days);
    if (row.frequency > 0) {
      out.mean_value = static_cast<double>(row.value_minor) / static_cast<double>(row.frequency) / minor_per_unit;
    }
  }
  return rows;
}

absl::StatusOr<BgNbdFit> FitBgNbd(absl::Span<const PurchaseHistory> rows, double time_unit_days) {
  if (absl::Status status = CheckUnit(time_unit_days); !status.ok()) return status;
  if (absl::Status status = CheckHistories(rows); !status.ok()) return status;
  BgNbdFit fit;
  fit.method = absl::StrFormat("bg/nbd maximum likelihood, time unit %g d", time_unit_days);
  fit.parameters.time_unit_days = time_unit_days;
  for (const PurchaseHistory& row : rows) {
    fit.n += row.count;
    if (row.frequency > 0) fit.repeat += row.count;
  }
  if (fit.repeat == 0) {
    fit.problem = fit.n == 0 ? "There are no customers." : "Nobody bought a second time: nothing tells how often.";
    return fit;
  }
  const BgNbdData data = Collapse(rows, time_unit_days);
  const LikelihoodMaximum maximum = MaximizeLikelihood(
      [&data](const Eigen::VectorXd& at, Eigen::VectorXd& gradient) { return BgNbdLogLikelihood(data, at, gradient); },
      Eigen::Vector4d(std::log(0.5), std::log(0.25), 0, std::log(2.0)));
  SetSearchResult(maximum, fit);
  const Eigen::Vector4d found = maximum.log_parameters.array().exp();
  fit.parameters = {.r = found(0),
                    .alpha = found(1) * (data.scale / time_unit_days),
                    .a = found(2),
                    .b = found(3),
                    .time_unit_days = time_unit_days};
  fit.log_likelihood = maximum.value + data.log_likelihood_of_scale;
  if (fit.converged) {
    fit.log_covariance = ToArray<4>(maximum.covariance);
    const auto error = [&](size_t i) { return std::sqrt((*fit.log_covariance)[i][i]); };
    fit.standard_errors = BgNbdParameters{.r = fit.parameters.r * error(0),
                                          .alpha = fit.parameters.alpha * error(1),
                                          .a = fit.parameters.a * error(2),
                                          .b = fit.parameters.b * error(3),
                                          .time_unit_days = time_unit_days};
  }
  return fit;
}

Estimate ExpectedPurchases(const BgNbdFit& fit, double days, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("bg/nbd expected purchases", "delta", options.confidence_level);
  estimate.n = fit.n;
  estimate.undefined_reason = Obstacle(fit, options, nullptr, days);
  if (!estimate.undefined_reason.empty()) return estimate;
  const auto f = [days](const BgNbdParameters& at) {
    return ExpectedPurchasesIntegral(at.r, at.alpha, at.a, at.b, days / at.time_unit_days);
  };
  FillPositive(fit, options, f, estimate);
  return estimate;
}

Estimate ProbabilityAlive(const BgNbdFit& fit, const PurchaseHistory& history, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("bg/nbd probability alive", "delta", options.confidence_level);
  estimate.n = fit.n;
  estimate.undefined_reason = Obstacle(fit, options, &history, 0);
  if (!estimate.undefined_reason.empty()) return estimate;
  SetValue(AliveOf(fit.parameters, history), fit.n, options, estimate);
  if (history.frequency == 0 || !fit.log_covariance.has_value()) return estimate;
  const auto log_odds = [&](const BgNbdParameters& at) { return LogOddsGone(at, history); };
  const double center = log_odds(fit.parameters);
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) *
                      DeltaStandardError(fit.parameters, *fit.log_covariance, log_odds);
  if (std::isfinite(half) && std::isfinite(center)) {
    estimate.interval = Interval{.low = 1 / (1 + std::exp(center + half)), .high = 1 / (1 + std::exp(center - half))};
  }
  return estimate;
}

Estimate ExpectedFuturePurchases(const BgNbdFit& fit, const PurchaseHistory& history, double days,
                                 const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("bg/nbd expected future purchases", "delta", options.confidence_level);
  estimate.n = fit.n;
  estimate.undefined_reason = Obstacle(fit, options, &history, days);
  if (!estimate.undefined_reason.empty()) return estimate;
  FillPositive(
      fit, options, [&](const BgNbdParameters& at) { return FuturePurchasesOf(at, history, days); }, estimate);
  return estimate;
}

// ---- Gamma-Gamma ----------------------------------------------------------------------------------------------------

namespace {

struct GammaGammaRow {
  double frequency, value, count;
};

double GammaGammaLogLikelihood(const std::vector<GammaGammaRow>& rows, const Eigen::VectorXd& log_parameters,
                               Eigen::VectorXd& gradient) {
  const Eigen::Vector3d parameters = log_parameters.array().exp();
  const double p = parameters(0), q = parameters(1), v = parameters(2);
  const double log_q = LogGamma(q);
  const double psi_q = Digamma(q);
  double sum = 0;
  double gammas = 0, psi_pxq = 0, psi_px = 0;
  double last_frequency = 0;
  for (const auto& [x, m, count] : rows) {
    if (x != last_frequency) {
      last_frequency = x;
      gammas = LogGamma(p * x + q) - LogGamma(p * x) - log_q;
      psi_pxq = Digamma(p * x + q);
      psi_px = Digamma(p * x);
    }
    const double total = x * m;
    const double log_v_share = -std::log1p(total / v);      // log(v/(v + mx))
    const double log_total_share = -std::log1p(v / total);  // log(mx/(v + mx))
    sum += count * (gammas + q * log_v_share + p * x * log_total_share - std::log(m));
    gradient(0) += count * x * (psi_pxq - psi_px + log_total_share);
    gradient(1) += count * (psi_pxq - psi_q + log_v_share);
    gradient(2) += count * (q / v - (p * x + q) / (total + v));
  }
  gradient = gradient.cwiseProduct(parameters);
  return sum;
}

double PurchaseValueOf(const GammaGammaParameters& at, const PurchaseHistory& history) {
  const auto x = static_cast<double>(history.frequency);
  const double total = history.frequency > 0 ? history.mean_value * x : 0;
  return at.p * (at.v + total) / (at.p * x + at.q - 1);
}

}  // namespace

absl::StatusOr<GammaGammaFit> FitGammaGamma(absl::Span<const PurchaseHistory> rows) {
  if (absl::Status status = CheckHistories(rows); !status.ok()) return status;
  GammaGammaFit fit;
  fit.method = "gamma-gamma maximum likelihood";
  std::vector<GammaGammaRow> used;
  double scale = 0;
  for (const PurchaseHistory& row : rows) {
    if (row.frequency == 0 || row.count == 0) continue;
    if (row.mean_value <= 0) {
      fit.without_value += row.count;
      continue;
    }
    used.push_back({static_cast<double>(row.frequency), row.mean_value, static_cast<double>(row.count)});
    fit.n += row.count;
    scale = std::max(scale, row.mean_value);
  }
  if (used.empty()) {
    fit.problem = "Nobody bought a second time for a value above 0.";
    return fit;
  }
  std::sort(used.begin(), used.end(), [](const GammaGammaRow& a, const GammaGammaRow& b) {
    return std::tuple(a.frequency, a.value, a.count) < std::tuple(b.frequency, b.value, b.count);
  });
  // The geometric mean, which one huge value does not move.
  double log_scale = 0;
  for (const GammaGammaRow& row : used) log_scale += row.count / static_cast<double>(fit.n) * std::log(row.value);
  scale = std::exp(log_scale);
  for (GammaGammaRow& row : used) row.value /= scale;
  const LikelihoodMaximum maximum =
      MaximizeLikelihood([&used](const Eigen::VectorXd& at,
                                 Eigen::VectorXd& gradient) { return GammaGammaLogLikelihood(used, at, gradient); },
                         Eigen::Vector3d(std::log(2.0), std::log(3.0), 0));
  SetSearchResult(maximum, fit);
  const Eigen::Vector3d found = maximum.log_parameters.array().exp();
  fit.parameters = {.p = found(0), .q = found(1), .v = found(2) * scale};
  fit.log_likelihood = maximum.value - static_cast<double>(fit.n) * log_scale;
  if (fit.converged) {
    fit.log_covariance = ToArray<3>(maximum.covariance);
    const auto error = [&](size_t i) { return std::sqrt((*fit.log_covariance)[i][i]); };
    fit.standard_errors = GammaGammaParameters{
        .p = fit.parameters.p * error(0), .q = fit.parameters.q * error(1), .v = fit.parameters.v * error(2)};
  }
  return fit;
}

Estimate ExpectedPurchaseValue(const GammaGammaFit& fit, const PurchaseHistory& history,
                               const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("gamma-gamma expected value", "delta", options.confidence_level);
  estimate.n = fit.n;
  estimate.undefined_reason = Obstacle(fit, options, &history, 0);
  if (estimate.undefined_reason.empty() && history.frequency > 0 && history.mean_value < 0) {
    estimate.undefined_reason = "The model has no purchases of negative value.";
  }
  if (!estimate.undefined_reason.empty()) return estimate;
  if (fit.parameters.p * static_cast<double>(history.frequency) + fit.parameters.q <= 1) {
    estimate.undefined_reason = "The fitted values have so heavy a tail that they have no mean.";
    return estimate;
  }
  FillPositive(
      fit, options, [&](const GammaGammaParameters& at) { return PurchaseValueOf(at, history); }, estimate);
  return estimate;
}

namespace {

constexpr absl::string_view kBadClv = "Periods, discount and margin must be finite, periods positive and bounded.";

bool IsSensible(const ClvOptions& clv) {
  return clv.periods >= 1 && clv.periods <= kClvPeriodsMax && std::isfinite(clv.discount_rate) &&
         clv.discount_rate > -1 && std::isfinite(clv.margin) && clv.period_days > 0;
}

std::string ClvMethod(const ClvOptions& clv) {
  return absl::StrFormat("clv bg/nbd gamma-gamma, %d periods of %g d, discount %g%% each", clv.periods, clv.period_days,
                         clv.discount_rate * 100);
}

}  // namespace

Estimate CustomerLifetimeValue(const BgNbdFit& purchases, const GammaGammaFit& values, const PurchaseHistory& history,
                               const ClvOptions& clv, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = ClvMethod(clv);
  estimate.n = purchases.n;
  estimate.undefined_reason =
      IsSensible(clv) ? Obstacle(purchases, options, &history, clv.period_days) : std::string(kBadClv);
  if (!estimate.undefined_reason.empty()) return estimate;
  const Estimate value = ExpectedPurchaseValue(values, history, options);
  if (value.state == Estimate::State::kUndefined) {
    estimate.undefined_reason = value.undefined_reason;
    return estimate;
  }
  const double until = FuturePurchasesOf(purchases.parameters, history, clv.periods * clv.period_days);
  const double sum =
      AliveOf(purchases.parameters, history) * DiscountedPurchasesIfAlive(purchases.parameters, history, clv);
  const double total = clv.margin * value.value * sum;
  if (!std::isfinite(total) || !std::isfinite(until)) {
    estimate.undefined_reason = "The number is too large to be computed.";
    return estimate;
  }
  SetValue(total, purchases.n, options, estimate);
  estimate.details = {{"expected_purchases", until},
                      {"expected_purchase_value", value.value},
                      {"probability_alive", AliveOf(purchases.parameters, history)}};
  return estimate;
}

Estimate TotalLifetimeValue(const BgNbdFit& purchases, const GammaGammaFit& values,
                            absl::Span<const PurchaseHistory> rows, const ClvOptions& clv,
                            const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = ClvMethod(clv);
  estimate.undefined_reason =
      IsSensible(clv) ? Obstacle(purchases, options, nullptr, clv.period_days) : std::string(kBadClv);
  if (estimate.undefined_reason.empty()) estimate.undefined_reason = Obstacle(values, options, nullptr, 0);
  if (estimate.undefined_reason.empty() && !CheckHistories(rows).ok()) {
    estimate.undefined_reason = "A customer's history contradicts itself.";
  }
  if (!estimate.undefined_reason.empty()) return estimate;
  const BgNbdParameters& at = purchases.parameters;
  // What the costly integrals depend on is few numbers: how often, and for how long somebody has been a customer.
  struct Sums {
    double alive = 0;
    double value = 0;  // of one purchase, times alive
  };
  std::map<std::pair<int64_t, double>, Sums> groups;
  for (const PurchaseHistory& row : rows) {
    if (row.frequency > 0 && row.mean_value < 0) {
      Exclude("negative_value", row.count, estimate);
      continue;
    }
    if (row.count == 0) continue;
    if (values.parameters.p * static_cast<double>(row.frequency) + values.parameters.q <= 1) {
      estimate.undefined_reason = "The fitted values have so heavy a tail that they have no mean.";
      return estimate;
    }
    const double alive = static_cast<double>(row.count) * AliveOf(at, row);
    Sums& sums = groups[{row.frequency, row.age_days}];
    sums.alive += alive;
    sums.value += alive * PurchaseValueOf(values.parameters, row);
    estimate.n += row.count;
  }
  double total = 0;
  double until = 0;
  for (const auto& [key, sums] : groups) {
    const PurchaseHistory history{.frequency = key.first, .age_days = key.second};
    total += sums.value * DiscountedPurchasesIfAlive(at, history, clv);
    until += sums.alive * FuturePurchasesIfAlive(at, history, clv.periods * clv.period_days);
  }
  total *= clv.margin;
  if (!std::isfinite(total) || !std::isfinite(until)) {
    estimate.undefined_reason = "The number is too large to be computed.";
    return estimate;
  }
  SetValue(total, estimate.n, options, estimate);
  estimate.details = {{"expected_purchases", until}};
  return estimate;
}

}  // namespace throughline
