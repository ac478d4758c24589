#include "throughline/models/standards.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/effects.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr char kTooLarge[] = "The inputs are too large to compute with.";
constexpr char kNoPoints[] = "There are no points.";

absl::Status CheckPositive(absl::string_view field, double value, double max) {
  if (value > 0 && value <= max && std::isfinite(value)) return absl::OkStatus();
  return InvalidField(field, "must be above 0, and not too large");
}

// Bounds that keep the chart's own arithmetic finite.
constexpr double kWidthMax = 1e6;

absl::Status CheckUsual(const std::vector<double>& values, const UsualOptions& options) {
  if (absl::Status status = CheckCount("values", values.size(), kChartPointsMax); !status.ok()) return status;
  for (size_t i = 0; i < values.size(); ++i) {
    if (absl::Status status = CheckFinite(FieldPath("values", i), values[i]); !status.ok()) return status;
  }
  if (options.mean.has_value() != options.standard_deviation.has_value()) {
    return InvalidField("standard_deviation", "must be given together with the mean, or neither");
  }
  if (options.baseline > values.size()) return InvalidField("baseline", "must not be longer than the series");
  if (absl::Status status = CheckFinite("mean", options.mean.value_or(0)); !status.ok()) return status;
  if (absl::Status status = CheckFinite("standard_deviation", options.standard_deviation.value_or(0)); !status.ok()) {
    return status;
  }
  if (options.standard_deviation.value_or(0) < 0) return InvalidField("standard_deviation", "must not be negative");
  return absl::OkStatus();
}

void SetNoChart(absl::string_view reason, Chart& chart) {
  chart.state = Estimate::State::kUndefined;
  chart.undefined_reason = std::string(reason);
  chart.points.clear();
  chart.signals.clear();
  chart.onsets.clear();
  chart.center = chart.spread = 0;
}

// Sets centre and spread; false, and says why, if there are none.
bool SetUsual(const std::vector<double>& values, const UsualOptions& options, Chart& chart) {
  if (values.empty()) {
    SetNoChart(kNoPoints, chart);
    return false;
  }
  if (options.mean.has_value()) {
    chart.center = *options.mean;
    chart.spread = *options.standard_deviation;
  } else {
    const size_t baseline = options.baseline == 0 ? values.size() : options.baseline;
    const auto end = values.begin() + static_cast<int64_t>(baseline);
    const auto moments = MomentsOfValues(std::vector<double>(values.begin(), end));
    if (!moments.ok() || baseline < 2) {
      SetNoChart(moments.ok() ? "The baseline needs at least two points." : kTooLarge, chart);
      return false;
    }
    chart.center = moments->mean;
    chart.spread = std::sqrt(moments->variance);
  }
  if (!(chart.spread > 0)) {
    SetNoChart("The values of the baseline are all equal: there is no usual spread.", chart);
    return false;
  }
  return true;
}

// Collects the signals, and gives up on a chart whose numbers overflowed.
void Finish(Chart& chart) {
  chart.state = Estimate::State::kOk;
  for (size_t i = 0; i < chart.points.size(); ++i) {
    const ChartPoint& point = chart.points[i];
    if (!std::isfinite(point.statistic) || !std::isfinite(point.low) || !std::isfinite(point.high)) {
      return SetNoChart(kTooLarge, chart);
    }
    if (point.signal != 0) chart.signals.push_back(static_cast<int64_t>(i));
  }
}

int SideOf(const ChartPoint& point) { return (point.statistic > point.high) - (point.statistic < point.low); }

}  // namespace

absl::StatusOr<Estimate> BreachShare(const PromiseCounts& counts, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (counts.kept < 0 || counts.breached < 0 || counts.open < 0) return InvalidField("counts", "must not be negative");
  Estimate estimate;
  estimate.method = MethodText("breach share", "wilson", options.confidence_level);
  Exclude("open", counts.open, estimate);
  const int64_t n = counts.kept + counts.breached;
  if (n == 0) {
    SetUndefined("Nothing has been judged against the promise in the window.", estimate);
    return estimate;
  }
  SetFiniteValue(static_cast<double>(counts.breached) / static_cast<double>(n), n, options, estimate);
  const Interval interval = WilsonInterval(counts.breached, n, options.confidence_level);
  SetInterval(interval.low, interval.high, estimate);
  SetDetail("breached", static_cast<double>(counts.breached), estimate);
  return estimate;
}

absl::StatusOr<Estimate> BreachShareOfValues(const std::vector<std::optional<double>>& values, const Promise& promise,
                                             const EstimateOptions& options) {
  if (absl::Status status = CheckCount("values", values.size(), kStandardValuesMax); !status.ok()) return status;
  if (!promise.low.has_value() && !promise.high.has_value()) return InvalidField("promise", "must have an end");
  if (std::isnan(promise.low.value_or(0)) || std::isnan(promise.high.value_or(0)) ||
      (promise.low.has_value() && promise.high.has_value() && *promise.low > *promise.high)) {
    return InvalidField("promise", "must have low at most high");
  }
  PromiseCounts counts;
  int64_t missing = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].has_value()) {
      ++missing;
      continue;
    }
    if (absl::Status status = CheckFinite(FieldPath("values", i), *values[i]); !status.ok()) return status;
    const bool kept = (!promise.low.has_value() || *values[i] >= *promise.low) &&
                      (!promise.high.has_value() || *values[i] <= *promise.high);
    ++(kept ? counts.kept : counts.breached);
  }
  absl::StatusOr<Estimate> estimate = BreachShare(counts, options);
  if (estimate.ok()) Exclude("missing", missing, *estimate);
  return estimate;
}

absl::StatusOr<Chart> PChart(const std::vector<TrialCount>& counts, const PChartOptions& options) {
  if (absl::Status status = CheckCount("counts", counts.size(), kChartPointsMax); !status.ok()) return status;
  if (absl::Status status = CheckPositive("width", options.width, kWidthMax); !status.ok()) return status;
  if (options.baseline > counts.size()) return InvalidField("baseline", "must not be longer than the series");
  if (options.center.has_value() && !(*options.center >= 0 && *options.center <= 1)) {
    return InvalidField("center", "must lie between 0 and 1");
  }
  const size_t baseline = options.baseline == 0 ? counts.size() : options.baseline;
  double failures = 0, trials = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].failures < 0 || counts[i].n < counts[i].failures) {
      return InvalidField(FieldPath("counts", i), "must have failures between 0 and n");
    }
    if (i >= baseline) continue;
    failures += static_cast<double>(counts[i].failures);
    trials += static_cast<double>(counts[i].n);
  }
  Chart chart;
  chart.method = absl::StrFormat("p-chart %g sigma", options.width);
  if (counts.empty() || (!options.center.has_value() && trials == 0)) {
    SetNoChart(counts.empty() ? kNoPoints : "The baseline has no trials.", chart);
    return chart;
  }
  chart.center = options.center.has_value() ? *options.center : failures / trials;
  chart.spread = std::sqrt(chart.center * (1 - chart.center));
  for (const TrialCount& count : counts) {
    ChartPoint point{.statistic = chart.center, .low = 0, .high = 1, .signal = 0};
    if (count.n > 0) {
      const auto n = static_cast<double>(count.n);
      const double half = options.width * chart.spread / std::sqrt(n);
      point.statistic = static_cast<double>(count.failures) / n;
      point.low = std::max(chart.center - half, 0.0);
      point.high = std::min(chart.center + half, 1.0);
      point.signal = SideOf(point);
    }
    chart.points.push_back(point);
  }
  Finish(chart);
  return chart;
}

absl::StatusOr<Chart> EwmaChart(const std::vector<double>& values, const EwmaOptions& options) {
  if (absl::Status status = CheckUsual(values, options); !status.ok()) return status;
  if (absl::Status status = CheckPositive("lambda", options.lambda, 1); !status.ok()) return status;
  if (absl::Status status = CheckPositive("width", options.width, kWidthMax); !status.ok()) return status;
  Chart chart;
  chart.method = absl::StrFormat("ewma lambda %g L %g", options.lambda, options.width);
  if (!SetUsual(values, options, chart)) return chart;
  const double lambda = options.lambda;
  double z = chart.center;
  for (size_t i = 0; i < values.size(); ++i) {
    z = lambda * values[i] + (1 - lambda) * z;
    // 1 − (1 − λ)^2i without losing the digits of a small λ.
    const double settled = lambda == 1 ? 1 : -std::expm1(2 * static_cast<double>(i + 1) * std::log1p(-lambda));
    const double half = options.width * chart.spread * std::sqrt(lambda / (2 - lambda) * settled);
    ChartPoint point{.statistic = z, .low = chart.center - half, .high = chart.center + half, .signal = 0};
    point.signal = SideOf(point);
    chart.points.push_back(point);
  }
  Finish(chart);
  return chart;
}

absl::StatusOr<Chart> CusumChart(const std::vector<double>& values, const CusumOptions& options) {
  if (absl::Status status = CheckUsual(values, options); !status.ok()) return status;
  if (!(options.slack >= 0 && options.slack <= kWidthMax)) return InvalidField("slack", "must be at least 0");
  if (absl::Status status = CheckPositive("decision", options.decision, kWidthMax); !status.ok()) return status;
  Chart chart;
  chart.method = absl::StrFormat("cusum k %g h %g", options.slack, options.decision);
  if (!SetUsual(values, options, chart)) return chart;
  struct Side {
    double sum = 0;
    int64_t begin = 0;  // of the run in which the sum has been above 0
  };
  Side up, down;
  const auto advance = [&](Side& side, double step, size_t i) {
    if (side.sum == 0) side.begin = static_cast<int64_t>(i);
    side.sum = std::max(0.0, side.sum + step - options.slack);
  };
  for (size_t i = 0; i < values.size(); ++i) {
    const double y = (values[i] - chart.center) / chart.spread;
    advance(up, y, i);
    advance(down, -y, i);
    ChartPoint point{.statistic = up.sum >= down.sum ? up.sum : -down.sum,
                     .low = -options.decision,
                     .high = options.decision,
                     .signal = 0};
    point.signal = SideOf(point);
    if (point.signal != 0) chart.onsets.push_back(point.signal > 0 ? up.begin : down.begin);
    if (point.signal != 0 && options.restart) up = down = Side();
    chart.points.push_back(point);
  }
  Finish(chart);
  return chart;
}

absl::StatusOr<Hypotheses> BenjaminiHochberg(const std::vector<double>& p_values, double rate) {
  if (absl::Status status = CheckCount("p_values", p_values.size(), kHypothesesMax); !status.ok()) return status;
  if (!(rate > 0 && rate < 1)) return InvalidField("rate", "must lie in (0, 1)");
  for (size_t i = 0; i < p_values.size(); ++i) {
    if (!(p_values[i] >= 0 && p_values[i] <= 1)) {
      return InvalidField(FieldPath("p_values", i), "must lie between 0 and 1");
    }
  }
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  Hypotheses out;
  out.adjusted.resize(p_values.size());
  out.rejected.resize(p_values.size());
  const auto m = static_cast<double>(p_values.size());
  double smallest = 1;
  for (size_t rank = p_values.size(); rank > 0; --rank) {
    const size_t i = order[rank - 1];
    smallest = std::min(smallest, p_values[i] * m / static_cast<double>(rank));
    out.adjusted[i] = smallest;
    out.rejected[i] = smallest <= rate;
  }
  return out;
}

}  // namespace throughline
