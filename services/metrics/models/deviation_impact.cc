#include "services/metrics/models/deviation_impact.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

// Below this the order statistics that Price & Bonett's variance rests on are the smallest and the largest value.
constexpr size_t kMedianIntervalRunsMin = 10;
constexpr double kMicros = 1e6;

double Share(int64_t successes, int64_t n) { return static_cast<double>(successes) / static_cast<double>(n); }

// At zero-based rank ⌈n/2⌉ − 1, as every quantile of ours.
int64_t Median(const std::vector<int64_t>& sorted) { return sorted[(sorted.size() + 1) / 2 - 1]; }

}  // namespace

Interval NewcombeInterval(int64_t successes1, int64_t n1, int64_t successes2, int64_t n2, double confidence) {
  const double share1 = Share(successes1, n1);
  const double share2 = Share(successes2, n2);
  const Interval wilson1 = WilsonInterval(successes1, n1, confidence);
  const Interval wilson2 = WilsonInterval(successes2, n2, confidence);
  const double difference = share1 - share2;
  return {.low = difference - std::hypot(share1 - wilson1.low, wilson2.high - share2),
          .high = difference + std::hypot(wilson1.high - share1, share2 - wilson2.low)};
}

double MedianVariance(const std::vector<int64_t>& sorted) {
  const auto n = static_cast<double>(sorted.size());
  const double c = std::max(1.0, std::round((n + 1) / 2 - std::sqrt(n)));
  const double below = RegularizedIncompleteBeta(0.5, n - c + 1, c);  // P(Binomial(n, 1/2) <= c - 1)
  const double z = -NormalQuantile(below);
  const auto rank = static_cast<size_t>(c) - 1;
  const double spread = static_cast<double>(sorted[sorted.size() - 1 - rank]) - static_cast<double>(sorted[rank]);
  const double error = spread / (2 * z);
  return error * error;
}

ImpactCounter::ImpactCounter(const RunLog& log, const std::vector<bool>& judged, const EstimateOptions& options)
    : log_(log), options_(options), has_(log.runs.size()) {
  for (size_t i = 0; i < log.runs.size(); ++i) {
    if (!judged[i]) continue;
    judged_.push_back(static_cast<int32_t>(i));
    converted_only_ = converted_only_ || log.runs[i].converted.has_value();
  }
  for (const int32_t run : judged_) {
    const RunLog::Run& of_log = log.runs[static_cast<size_t>(run)];
    if (converted_only_ && !of_log.converted.value_or(false)) continue;
    timed_.push_back({.micros = of_log.visits.back().time_micros - of_log.visits.front().time_micros, .run = run});
  }
  std::sort(timed_.begin(), timed_.end(), [](const Timed& a, const Timed& b) { return a.micros < b.micros; });
}

bool ImpactCounter::AreBoth(int64_t with, int64_t without, Estimate& estimate) const {
  estimate.n = with + without;
  estimate.details["runs_with"] = static_cast<double>(with);
  estimate.details["runs_without"] = static_cast<double>(without);
  if (with > 0 && without > 0) return true;
  estimate.undefined_reason =
      with == 0 ? "No run with this deviation can be compared." : "No run without this deviation can be compared.";
  return false;
}

Estimate ImpactCounter::ConversionDifference(const Half& with, const Half& without) const {
  Estimate estimate;
  estimate.method = MethodText("conversion difference", "newcombe", options_.confidence_level);
  Exclude("conversion_unknown", with.runs - with.known + without.runs - without.known, estimate);
  if (!AreBoth(with.known, without.known, estimate)) return estimate;
  const double difference = Share(with.converted, with.known) - Share(without.converted, without.known);
  SetValue(difference, with.known + without.known, options_, estimate);
  estimate.details["conversion_with"] = Share(with.converted, with.known);
  estimate.details["conversion_without"] = Share(without.converted, without.known);
  estimate.interval =
      NewcombeInterval(with.converted, with.known, without.converted, without.known, options_.confidence_level);
  return estimate;
}

Estimate ImpactCounter::TimeDifference(const Half& with, const Half& without) const {
  Estimate estimate;
  estimate.method = MethodText(converted_only_ ? "median time difference of converted runs" : "median time difference",
                               "price-bonett", options_.confidence_level);
  const auto with_count = static_cast<int64_t>(with.micros.size());
  const auto without_count = static_cast<int64_t>(without.micros.size());
  Exclude("not_converted", with.runs + without.runs - with_count - without_count, estimate);
  if (!AreBoth(with_count, without_count, estimate)) return estimate;
  const auto with_median = static_cast<double>(Median(with.micros));
  const auto without_median = static_cast<double>(Median(without.micros));
  SetValue((with_median - without_median) / kMicros, with_count + without_count, options_, estimate);
  estimate.details["median_with"] = with_median / kMicros;
  estimate.details["median_without"] = without_median / kMicros;
  if (std::min(with.micros.size(), without.micros.size()) < kMedianIntervalRunsMin) return estimate;
  const double error = std::sqrt(MedianVariance(with.micros) + MedianVariance(without.micros)) / kMicros;
  if (!(error > 0)) return estimate;  // equal times: a width of zero would claim certainty
  const double half = NormalQuantile(0.5 + options_.confidence_level / 2) * error;
  estimate.interval = Interval{.low = estimate.value - half, .high = estimate.value + half};
  return estimate;
}

DeviationImpact ImpactCounter::Impact(const std::vector<int32_t>& runs, int64_t occurrences) {
  for (const int32_t run : runs) has_[static_cast<size_t>(run)] = 1;
  Half halves[2];
  for (const int32_t run : judged_) {
    Half& half = halves[has_[static_cast<size_t>(run)]];
    const std::optional<bool>& converted = log_.runs[static_cast<size_t>(run)].converted;
    ++half.runs;
    half.known += converted.has_value() ? 1 : 0;
    half.converted += converted.value_or(false) ? 1 : 0;
  }
  for (const Timed& timed : timed_) halves[has_[static_cast<size_t>(timed.run)]].micros.push_back(timed.micros);
  for (const int32_t run : runs) has_[static_cast<size_t>(run)] = 0;

  DeviationImpact impact;
  impact.occurrences = occurrences;
  impact.share.method = MethodText("deviation share", "wilson", options_.confidence_level);
  const auto all = static_cast<int64_t>(judged_.size());
  SetValue(Share(halves[1].runs, all), all, options_, impact.share);
  impact.share.interval = WilsonInterval(halves[1].runs, all, options_.confidence_level);
  impact.share.details["runs"] = static_cast<double>(halves[1].runs);
  impact.conversion_difference = ConversionDifference(halves[1], halves[0]);
  impact.median_seconds_difference = TimeDifference(halves[1], halves[0]);
  return impact;
}

}  // namespace throughline
