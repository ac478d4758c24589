#include "throughline/models/duration.h"

#include "absl/strings/str_format.h"
#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr double kMicrosPerSecond = 1e6;

double SecondsAtRank(const DurationSketch& durations, int64_t rank) {
  // Half a rank below the end of the step, so that rounding of q·n cannot reach the next one.
  const double q = (static_cast<double>(rank) + 0.5) / static_cast<double>(durations.count());
  return static_cast<double>(durations.Quantile(q)) / kMicrosPerSecond;
}

// ⌈n·tenths/10⌉ − 1, in whole numbers.
int64_t RankOfTenths(int64_t n, int64_t tenths) { return (n * tenths + 9) / 10 - 1; }

}  // namespace

Estimate TimeBetweenEstimate(const PairAggregate& pairs, const EstimateOptions& options) {
  Estimate estimate;
  const DurationSketch& durations = pairs.durations;
  estimate.details = {{"entered", static_cast<double>(pairs.entered)}};
  Exclude("negative_interval", pairs.negative, estimate);
  Exclude("target_not_reached", pairs.entered - pairs.converted - pairs.negative, estimate);
  Exclude("target_without_entry", pairs.target_only, estimate);
  if (durations.exact()) {
    estimate.method = MethodText("median", "order-statistics", options.confidence_level);
  } else {
    estimate.method = absl::StrFormat("median of a sketch within %g%%", DurationSketch::kRelativeErrorMax * 100);
  }
  if (durations.count() == 0) {
    estimate.undefined_reason = pairs.entered == 0
                                    ? "No run reached the first touchpoint in the window."
                                    : "No run that reached the first touchpoint has gone on to the target.";
    return estimate;
  }
  const double median = SecondsAtRank(durations, RankOfTenths(durations.count(), 5));
  SetValue(median, durations.count(), options, estimate);
  estimate.details["median"] = median;
  estimate.details["p90"] = SecondsAtRank(durations, RankOfTenths(durations.count(), 9));
  if (durations.exact()) {
    if (const auto ranks = MedianRankInterval(durations.count(), options.confidence_level)) {
      estimate.interval =
          Interval{.low = SecondsAtRank(durations, ranks->low), .high = SecondsAtRank(durations, ranks->high)};
    }
  }
  return estimate;
}

}  // namespace throughline
