#include "throughline/models/risk.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/newton_logistic.h"
#include "throughline/aggregates.h"
#include "throughline/errors.h"
#include "throughline/models/effects.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value / static_cast<double>(values.size());
  return sum;
}

// Divisor n − 1; 0 for fewer than two.
double VarianceOf(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = MeanOf(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size() - 1);
}

// A complete row of the data.
struct Case {
  std::string id;
  double label = 0;
  std::vector<double> features;
  int fold = 0;
};

// Sorted by id, then values, so that the order of the rows does not matter.
std::vector<Case> CompleteCases(const RiskData& data, int folds) {
  std::vector<Case> cases;
  for (const RiskRow& row : data.rows) {
    if (!row.label.has_value()) continue;
    Case one{.id = row.id, .label = *row.label ? 1.0 : 0.0, .features = {}, .fold = 0};
    for (const auto& feature : row.features) {
      if (feature.has_value()) one.features.push_back(*feature);
    }
    if (one.features.size() < row.features.size()) continue;
    one.fold = static_cast<int>(StableHash(row.id) % static_cast<uint64_t>(folds));
    cases.push_back(std::move(one));
  }
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
    return std::tie(a.id, a.label, a.features) < std::tie(b.id, b.label, b.features);
  });
  return cases;
}

// The log odds that a model of the other folds gives to the cases of `fold`; false, with the reason, if there is none.
bool JudgeFold(const std::vector<Case>& cases, int fold, double penalty, std::vector<double>& log_odds,
               std::string& reason) {
  std::vector<size_t> seen, unseen;
  for (size_t i = 0; i < cases.size(); ++i) (cases[i].fold == fold ? unseen : seen).push_back(i);
  if (unseen.empty()) return true;
  const auto columns = static_cast<Eigen::Index>(cases.front().features.size());
  const auto rows_of = [&](const std::vector<size_t>& chosen) {
    FeatureRows rows(static_cast<Eigen::Index>(chosen.size()), columns);
    for (size_t i = 0; i < chosen.size(); ++i) {
      const std::vector<double>& features = cases[chosen[i]].features;
      std::copy(features.begin(), features.end(), rows.data() + static_cast<Eigen::Index>(i) * columns);
    }
    return rows;
  };
  Eigen::VectorXd labels(static_cast<Eigen::Index>(seen.size()));
  for (size_t i = 0; i < seen.size(); ++i) labels[static_cast<Eigen::Index>(i)] = cases[seen[i]].label;
  if (seen.empty() || labels.minCoeff() == labels.maxCoeff()) {
    reason = "Without one of the folds only one class is left: there are too few of the other.";
    return false;
  }
  const FeatureRows training = rows_of(seen);
  const ColumnScale scale = ScaleOf(training);
  const NewtonFit fit = FitNewton(Standardized(training, scale), labels, penalty);
  if (fit.state != LogisticState::kOk) {
    reason = "The model of one of the folds did not converge.";
    return false;
  }
  const FeatureRows judged = Standardized(rows_of(unseen), scale);
  for (size_t i = 0; i < unseen.size(); ++i) {
    double x = fit.parameters[0];
    for (Eigen::Index j = 0; j < columns; ++j) x += judged(static_cast<Eigen::Index>(i), j) * fit.parameters[j + 1];
    if (!std::isfinite(x)) {
      reason = "The features are too large to compute with.";
      return false;
    }
    log_odds[unseen[i]] = x;
  }
  return true;
}

void FillBrier(const RiskReport& report, const RiskOptions& options, Estimate& brier) {
  std::vector<double> errors;
  double share = 0;
  for (const RiskScore& score : report.scores) {
    const double error = score.probability - (score.label ? 1 : 0);
    errors.push_back(error * error);
    share += (score.label ? 1.0 : 0.0) / static_cast<double>(report.scores.size());
  }
  const double mean = MeanOf(errors);
  SetFiniteValue(mean, brier.n, options, brier);
  const auto interval = StudentTInterval(mean, VarianceOf(errors), brier.n, options.confidence_level);
  if (interval.has_value()) SetInterval(std::max(interval->low, 0.0), std::min(interval->high, 1.0), brier);
  SetDetail("reference", share * (1 - share), brier);
  SetDetail("skill", 1 - mean / (share * (1 - share)), brier);
}

void FillCalibration(const std::vector<Case>& cases, const std::vector<double>& log_odds, const RiskOptions& options,
                     Estimate& slope) {
  LogisticData data{.names = {"log odds"}, .rows = {}};
  for (size_t i = 0; i < cases.size(); ++i) {
    data.rows.push_back({.label = cases[i].label > 0, .features = {log_odds[i]}});
  }
  const absl::StatusOr<LogisticFit> fit = FitLogistic(data, {});
  if (!fit.ok() || fit->state != LogisticState::kOk || fit->coefficients[0].constant) {
    return SetUndefined(fit.ok() && !fit->reason.empty()
                            ? fit->reason
                            : "The model says the same of every customer: there is no slope.",
                        slope);
  }
  const LogisticCoefficient& coefficient = fit->coefficients[0];
  const double error = coefficient.standardized.details.at("standard_error") / coefficient.standard_deviation;
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) * error;
  SetFiniteValue(coefficient.raw, slope.n, options, slope);
  SetInterval(coefficient.raw - half, coefficient.raw + half, slope);
  SetDetail("standard_error", error, slope);
  SetDetail("intercept", fit->intercept, slope);
}

// Average ranks, from 1, of the values at the positions of `order`, which sorts them.
std::vector<double> MidRanks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
    begin = end;
  }
  return ranks;
}

}  // namespace

absl::StatusOr<Estimate> AreaUnderCurve(const std::vector<ScoredCase>& cases, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckCount("cases", cases.size(), kLogisticRowsMax); !status.ok()) return status;
  std::vector<double> all, yes, no;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (absl::Status status = CheckFinite(FieldPath("cases", i), cases[i].score); !status.ok()) return status;
    (cases[i].label ? yes : no).push_back(cases[i].score);
  }
  Estimate estimate;
  estimate.method = MethodText("area under the roc curve", "delong-logit", options.confidence_level);
  estimate.n = static_cast<int64_t>(cases.size());
  if (yes.empty() || no.empty()) {
    SetUndefined("There is only one class: there is nothing to tell apart.", estimate);
    return estimate;
  }
  std::sort(yes.begin(), yes.end());
  std::sort(no.begin(), no.end());
  all = yes;
  all.insert(all.end(), no.begin(), no.end());
  // By ranks (Sun & Xu 2014): of each yes the share of the noes below it, of each no the share of the yeses above it.
  const std::vector<double> ranks = MidRanks(all), yes_ranks = MidRanks(yes), no_ranks = MidRanks(no);
  const auto m = static_cast<double>(yes.size());
  const auto n = static_cast<double>(no.size());
  std::vector<double> above(yes.size()), below(no.size());
  double twice = 0;  // whole, so exact
  for (size_t i = 0; i < yes.size(); ++i) {
    above[i] = (ranks[i] - yes_ranks[i]) / n;
    twice += 2 * (ranks[i] - yes_ranks[i]);
  }
  for (size_t i = 0; i < no.size(); ++i) below[i] = 1 - (ranks[yes.size() + i] - no_ranks[i]) / m;
  const double auc = twice / 2 / m / n;
  SetFiniteValue(auc, estimate.n, options, estimate);
  SetDetail("positives", m, estimate);
  SetDetail("negatives", n, estimate);
  const double error = std::sqrt(VarianceOf(above) / m + VarianceOf(below) / n);
  if (!(error > 0) || auc <= 0 || auc >= 1 || yes.size() < 2 || no.size() < 2) return estimate;
  SetDetail("standard_error", error, estimate);
  const double center = std::log(auc / (1 - auc));
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) * error / (auc * (1 - auc));
  SetInterval(Logistic(center - half), Logistic(center + half), estimate);
  return estimate;
}

absl::StatusOr<RiskReport> ChurnRisk(const RiskData& data, const RiskOptions& options) {
  if (options.folds < 2 || options.folds > kRiskFoldsMax) {
    return InvalidField("folds", absl::StrFormat("must lie between 2 and %d", kRiskFoldsMax));
  }
  if (!(options.penalty > 0)) return InvalidField("penalty", "must be above 0");
  LogisticData plain{.names = data.names, .rows = {}};
  plain.rows.reserve(data.rows.size());
  for (size_t i = 0; i < data.rows.size(); ++i) {
    if (data.rows[i].id.empty()) return MissingField(FieldPath(FieldPath("rows", i), "id"));
    plain.rows.push_back({.label = data.rows[i].label, .features = data.rows[i].features});
  }
  LogisticOptions logistic;
  static_cast<EstimateOptions&>(logistic) = options;
  logistic.penalty = options.penalty;
  absl::StatusOr<LogisticFit> model = FitLogistic(plain, logistic);
  if (!model.ok()) return model.status();
  RiskReport report;
  report.model = *std::move(model);
  report.auc.method = MethodText("out-of-sample area under the roc curve", "delong-logit", options.confidence_level);
  report.brier.method = MethodText("out-of-sample brier score", "student-t", options.confidence_level);
  report.calibration_slope.method = MethodText("out-of-sample calibration slope", "wald", options.confidence_level);
  Estimate* const all[] = {&report.auc, &report.brier, &report.calibration_slope};
  for (Estimate* estimate : all) {
    estimate->n = report.model.n;
    Exclude("incomplete", report.model.excluded_incomplete, *estimate);
  }
  std::string reason = report.model.reason;
  const std::vector<Case> cases = CompleteCases(data, options.folds);
  std::vector<double> log_odds(cases.size());
  for (int fold = 0; fold < options.folds && reason.empty(); ++fold) {
    JudgeFold(cases, fold, options.penalty, log_odds, reason);
  }
  if (!reason.empty()) {
    for (Estimate* estimate : all) SetUndefined(reason, *estimate);
    return report;
  }
  std::vector<ScoredCase> scored;
  for (size_t i = 0; i < cases.size(); ++i) {
    const bool label = cases[i].label > 0;
    scored.push_back({.label = label, .score = log_odds[i]});
    report.scores.push_back(
        {.id = cases[i].id, .label = label, .probability = Logistic(log_odds[i]), .fold = cases[i].fold});
  }
  absl::StatusOr<Estimate> auc = AreaUnderCurve(scored, options);
  if (!auc.ok()) return auc.status();
  auc->method = report.auc.method;
  auc->excluded = report.auc.excluded;
  report.auc = *std::move(auc);
  FillBrier(report, options, report.brier);
  FillCalibration(cases, log_odds, options, report.calibration_slope);
  return report;
}

}  // namespace throughline
