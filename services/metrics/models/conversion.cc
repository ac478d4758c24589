#include "throughline/models/conversion.h"

#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

// What both directions share: n, exclusions, details; the state stays undefined without any run to judge.
Estimate Begin(const char* number, const PairAggregate& pairs, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText(number, "wilson", options.confidence_level);
  estimate.n = pairs.entered - pairs.immature;
  estimate.details = {{"entered", static_cast<double>(pairs.entered)},
                      {"converted", static_cast<double>(pairs.converted)}};
  Exclude("immature", pairs.immature, estimate);
  Exclude("negative_interval", pairs.negative, estimate);
  Exclude("target_without_entry", pairs.target_only, estimate);
  if (estimate.n == 0) {
    estimate.undefined_reason = pairs.entered == 0 ? "No run reached the first touchpoint in the window."
                                                   : "Every run that reached the first touchpoint in the window "
                                                     "still has time left to convert.";
  }
  return estimate;
}

}  // namespace

Estimate ConversionEstimate(const PairAggregate& pairs, const EstimateOptions& options) {
  Estimate estimate = Begin("conversion", pairs, options);
  if (estimate.n == 0) return estimate;
  SetValue(static_cast<double>(pairs.converted) / static_cast<double>(estimate.n), estimate.n, options, estimate);
  estimate.interval = WilsonInterval(pairs.converted, estimate.n, options.confidence_level);
  return estimate;
}

Estimate DropOffEstimate(const PairAggregate& pairs, const EstimateOptions& options) {
  Estimate estimate = Begin("drop-off", pairs, options);
  if (estimate.n == 0) return estimate;
  const int64_t lost = estimate.n - pairs.converted;
  SetValue(static_cast<double>(lost) / static_cast<double>(estimate.n), estimate.n, options, estimate);
  estimate.interval = WilsonInterval(lost, estimate.n, options.confidence_level);
  estimate.details["lost"] = static_cast<double>(lost);
  return estimate;
}

}  // namespace throughline
