#include "throughline/models/survival.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <utility>

#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/quiet_math.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr double kMicrosPerSecond = 1e6;
// S is a product of rounded factors: one that is ½ on paper may come out a little above.
constexpr double kHalf = 0.5 * (1 + 1e-12);

absl::Status CheckRows(absl::Span<const SurvivalRow> rows) {
  if (rows.size() > kSurvivalRowsMax) return LimitExceeded("the rows of a survival curve", kSurvivalRowsMax, "rows");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!std::isfinite(rows[i].duration) || rows[i].duration < 0) {
      return InvalidField(FieldPath(FieldPath("rows", i), "duration"), "Must be finite and not negative.");
    }
    if (rows[i].count < 0) return InvalidField(FieldPath(FieldPath("rows", i), "count"), "Must not be negative.");
    if (rows[i].count > kSurvivalCountMax) {
      return LimitExceeded("the count of a row", kSurvivalCountMax, "subjects");
    }
  }
  return absl::OkStatus();
}

// What happened at each different duration, by time; at_risk filled in.
std::vector<SurvivalStep> CountSteps(absl::Span<const SurvivalRow> rows) {
  std::vector<SurvivalRow> sorted;
  for (const SurvivalRow& row : rows) {
    if (row.count > 0) sorted.push_back(row);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const SurvivalRow& a, const SurvivalRow& b) { return a.duration < b.duration; });
  std::vector<SurvivalStep> steps;
  int64_t n = 0;
  for (const SurvivalRow& row : sorted) {
    // 0 and −0 are one time.
    if (steps.empty() || row.duration != steps.back().time) steps.push_back({.time = row.duration + 0.0});
    (row.observed ? steps.back().events : steps.back().censored) += row.count;
    n += row.count;
  }
  for (SurvivalStep& step : steps) {
    step.at_risk = n;
    n -= step.events + step.censored;
  }
  return steps;
}

// Σ d/(n(n − d)) grows by this at a step; 0 where nobody is left, when S is 0 and its variance says nothing.
double GreenwoodTerm(const SurvivalStep& step) {
  if (step.events == 0 || step.events == step.at_risk) return 0;
  const auto at_risk = static_cast<double>(step.at_risk);
  const auto events = static_cast<double>(step.events);
  return events / at_risk / (at_risk - events);
}

void FillSurvival(double confidence, std::vector<SurvivalStep>& steps) {
  const double z = NormalQuantile(0.5 + confidence / 2);
  double sum = 0;
  // Between two censorings the product telescopes to a quotient of counts, which is exact.
  double base = 1;
  double base_at_risk = steps.empty() ? 1 : static_cast<double>(steps.front().at_risk);
  for (SurvivalStep& step : steps) {
    const auto left = static_cast<double>(step.at_risk - step.events);
    step.survival = base * (left / base_at_risk);
    if (step.censored > 0) {
      base = step.survival;
      base_at_risk = left - static_cast<double>(step.censored);
      if (base_at_risk == 0) base_at_risk = 1;  // the last step
    }
    sum += GreenwoodTerm(step);
    step.variance = step.survival * step.survival * sum;
    if (step.survival < 1 && step.survival > 0) {
      const double log_survival = std::log(step.survival);
      const double shift = z * std::sqrt(sum) / std::abs(log_survival);
      // exp(shift) may overflow for a hair below 1; the limit is then 0, which is right.
      step.interval =
          Interval{.low = std::exp(log_survival * std::exp(shift)), .high = std::exp(log_survival * std::exp(-shift))};
    }
  }
}

void FillMedian(const EstimateOptions& options, SurvivalCurve& curve) {
  Estimate& median = curve.median;
  median.method = MethodText("kaplan-meier median", "log-log", options.confidence_level);
  median.n = curve.n;
  median.details = {{"events", static_cast<double>(curve.events)}, {"censored", static_cast<double>(curve.censored)}};
  const auto first = [&](auto&& reached) -> std::optional<double> {
    const auto at = std::find_if(curve.steps.begin(), curve.steps.end(), reached);
    if (at == curve.steps.end()) return std::nullopt;
    return at->time;
  };
  // A curve that falls to 0 at once has no interval on the way; its lower limit is there at the latest.
  const auto low = first([](const SurvivalStep& step) {
    return step.interval.has_value() ? step.interval->low <= kHalf : step.survival <= kHalf;
  });
  const auto high =
      first([](const SurvivalStep& step) { return step.interval.has_value() && step.interval->high <= kHalf; });
  if (low.has_value()) median.details["low"] = *low;
  const auto value = first([](const SurvivalStep& step) { return step.survival <= kHalf; });
  if (!value.has_value()) {
    median.undefined_reason = curve.n == 0 ? "There is nobody whose time could be measured."
                                           : "The median is not reached: for more than half it has not happened.";
    return;
  }
  SetValue(*value, curve.n, options, median);
  if (low.has_value() && high.has_value()) median.interval = Interval{.low = *low, .high = *high};
}

}  // namespace

double SurvivalCurve::At(double time) const {
  const auto after = std::upper_bound(steps.begin(), steps.end(), time,
                                      [](double value, const SurvivalStep& step) { return value < step.time; });
  return after == steps.begin() ? 1 : std::prev(after)->survival;
}

absl::StatusOr<SurvivalCurve> KaplanMeier(absl::Span<const SurvivalRow> rows, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckRows(rows); !status.ok()) return status;
  SurvivalCurve curve;
  curve.steps = CountSteps(rows);
  for (const SurvivalStep& step : curve.steps) {
    curve.events += step.events;
    curve.censored += step.censored;
  }
  curve.n = curve.events + curve.censored;
  FillSurvival(options.confidence_level, curve.steps);
  FillMedian(options, curve);
  return curve;
}

Estimate RestrictedMeanEstimate(const SurvivalCurve& curve, double until, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("restricted mean survival", "greenwood", options.confidence_level);
  estimate.n = curve.n;
  if (!CheckOptions(options).ok()) {
    estimate.undefined_reason = "The level of confidence must be above 0 and below 1.";
  } else if (!std::isfinite(until) || until <= 0) {
    estimate.undefined_reason = "The time up to which the mean is taken must be positive.";
  } else if (curve.steps.empty()) {
    estimate.undefined_reason = "There is nobody whose time could be measured.";
  } else if (until > curve.steps.back().time && curve.steps.back().survival > 0) {
    estimate.undefined_reason = "Nobody was observed for so long: what the curve is there is not known.";
  }
  if (!estimate.undefined_reason.empty()) return estimate;

  // In units of `until`, whose square may overflow; from the right, so that the area from each step on is at hand.
  double area = 0;
  double variance = 0;
  double end = 1;
  const auto after = std::upper_bound(curve.steps.begin(), curve.steps.end(), until,
                                      [](double value, const SurvivalStep& step) { return value < step.time; });
  for (auto step = after; step != curve.steps.begin();) {
    --step;
    const double begin = step->time / until;
    area += step->survival * (end - begin);
    variance += area * area * GreenwoodTerm(*step);
    end = begin;
  }
  area = (area + end) * until;
  const double error = std::sqrt(variance) * until;
  SetFiniteValue(area, curve.n, options, estimate);
  SetDetail("until", until, estimate);
  SetDetail("standard_error", error, estimate);
  if (variance > 0) {
    const double half = NormalQuantile(0.5 + options.confidence_level / 2) * error;
    SetInterval(area - half, area + half, estimate);
  }
  return estimate;
}

namespace {

// O − E and its covariance, over all groups.
struct LogRankSums {
  Eigen::VectorXd difference;
  Eigen::MatrixXd covariance;
};

// An event or a censoring of a group; events of equal times come together, whatever their group.
struct GroupRow {
  double time = 0;
  size_t group = 0;
  int64_t events = 0;
  int64_t total = 0;
};

std::vector<GroupRow> SortedRows(absl::Span<const std::vector<SurvivalRow>> groups, std::vector<LogRankGroup>& out) {
  std::vector<GroupRow> rows;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const SurvivalStep& step : CountSteps(groups[g])) {
      rows.push_back({step.time, g, step.events, step.events + step.censored});
      out[g].n += step.events + step.censored;
      out[g].observed += step.events;
    }
  }
  std::sort(rows.begin(), rows.end(), [](const GroupRow& a, const GroupRow& b) {
    return std::pair(a.time, a.group) < std::pair(b.time, b.group);
  });
  return rows;
}

LogRankSums SumOverTimes(const std::vector<GroupRow>& rows, std::vector<LogRankGroup>& groups) {
  const auto k = static_cast<Eigen::Index>(groups.size());
  Eigen::VectorXd at_risk(k);
  double n = 0;
  for (Eigen::Index g = 0; g < k; ++g) n += at_risk(g) = static_cast<double>(groups[static_cast<size_t>(g)].n);
  Eigen::VectorXd expected = Eigen::VectorXd::Zero(k);
  LogRankSums sums{Eigen::VectorXd::Zero(k), Eigen::MatrixXd::Zero(k, k)};
  for (size_t i = 0; i < rows.size();) {
    size_t end = i;
    double events = 0;
    for (; end < rows.size() && rows[end].time == rows[i].time; ++end) events += static_cast<double>(rows[end].events);
    if (events > 0) {
      const Eigen::VectorXd shares = at_risk / n;
      expected += events * shares;
      if (n > 1 && n > events) {
        const double factor = events * ((n - events) / (n - 1));
        sums.covariance.diagonal() += factor * shares;
        sums.covariance.noalias() -= factor * shares * shares.transpose();
      }
    }
    for (; i < end; ++i) {
      at_risk(static_cast<Eigen::Index>(rows[i].group)) -= static_cast<double>(rows[i].total);
      n -= static_cast<double>(rows[i].total);
    }
  }
  for (Eigen::Index g = 0; g < k; ++g) {
    LogRankGroup& group = groups[static_cast<size_t>(g)];
    group.expected = expected(g);
    sums.difference(g) = static_cast<double>(group.observed) - expected(g);
  }
  return sums;
}

}  // namespace

absl::StatusOr<LogRankTest> LogRank(absl::Span<const std::vector<SurvivalRow>> groups, const EstimateOptions& options) {
  if (groups.size() > kSurvivalGroupsMax)
    return LimitExceeded("the groups of a log-rank test", kSurvivalGroupsMax, "groups");
  size_t row_count = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (absl::Status status = CheckRows(groups[g]); !status.ok()) {
      return WithFieldPrefix(FieldPath("groups", g), status);
    }
    row_count += groups[g].size();
  }
  if (row_count > kSurvivalRowsMax) return LimitExceeded("the rows of a log-rank test", kSurvivalRowsMax, "rows");
  LogRankTest test;
  test.groups.resize(groups.size());
  Estimate& chi_square = test.chi_square;
  chi_square.method = "log-rank chi-square";
  const LogRankSums sums = SumOverTimes(SortedRows(groups, test.groups), test.groups);
  int64_t events = 0;
  std::vector<Eigen::Index> telling;  // groups at risk at an event
  for (size_t g = 0; g < test.groups.size(); ++g) {
    events += test.groups[g].observed;
    chi_square.n += test.groups[g].n;
    if (test.groups[g].expected > 0) telling.push_back(static_cast<Eigen::Index>(g));
  }
  if (events == 0) {
    chi_square.undefined_reason = "No event happened in any group.";
  } else if (telling.size() < 2) {
    chi_square.undefined_reason = "Fewer than two groups had someone at risk when an event happened.";
  }
  if (!chi_square.undefined_reason.empty()) return test;
  // Each row of the covariance sums up to 0: one group says nothing that the others do not.
  telling.pop_back();
  const Eigen::MatrixXd covariance = sums.covariance(telling, telling);
  const Eigen::VectorXd difference = sums.difference(telling);
  const Eigen::LDLT<Eigen::MatrixXd> solver(covariance);
  const double value = difference.dot(solver.solve(difference));
  if (!(covariance.diagonal().minCoeff() > 0) || !(solver.vectorD().minCoeff() > 0) || !std::isfinite(value)) {
    chi_square.undefined_reason = "All had the event at once: there is nothing by which the groups could differ.";
    return test;
  }
  SetValue(std::max(value, 0.0), chi_square.n, options, chi_square);
  const auto degrees = static_cast<double>(telling.size());
  chi_square.details = {{"degrees_of_freedom", degrees},
                        {"p_value", boost::math::gamma_q(degrees / 2, chi_square.value / 2, QuietMath())}};
  return test;
}

absl::StatusOr<SurvivalCurve> StageSurvival(const StageTimes::Stage& stage, const EstimateOptions& options) {
  if (stage.inside_count < 0) return InvalidField("inside_count", "Must not be negative.");
  if (stage.inside_count != stage.inside.count()) {
    SurvivalCurve curve;
    curve.median.method = MethodText("kaplan-meier median", "log-log", options.confidence_level);
    curve.median.undefined_reason = "Some are still in the stage, and for how long was not measured.";
    return curve;
  }
  std::vector<SurvivalRow> rows;
  const auto add = [&rows](const DurationSketch& sketch, bool observed) {
    if (sketch.exact()) {
      for (const int64_t micros : sketch.values()) {
        rows.push_back({static_cast<double>(micros) / kMicrosPerSecond, observed, 1});
      }
      return;
    }
    int64_t rank = 0;
    for (const auto& [bin, count] : sketch.bins()) {
      // Half a rank below the end of the step, so that rounding of q·n cannot reach the next bin.
      const double q = (static_cast<double>(rank) + 0.5) / static_cast<double>(sketch.count());
      rows.push_back({static_cast<double>(sketch.Quantile(q)) / kMicrosPerSecond, observed, count});
      rank += count;
    }
  };
  add(stage.ended, true);
  add(stage.inside, false);
  return KaplanMeier(rows, options);
}

}  // namespace throughline
