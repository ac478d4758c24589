#include "services/metrics/models/checks.h"

#include "absl/strings/str_format.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"

namespace throughline {

absl::Status CheckOptions(const EstimateOptions& options) {
  if (!(options.confidence_level > 0 && options.confidence_level < 1)) {
    return InvalidField("confidence_level", absl::StrFormat("must lie in (0, 1), not %g", options.confidence_level));
  }
  if (options.min_n < 0) return InvalidField("min_n", "must not be negative");
  return absl::OkStatus();
}

absl::Status CheckFinite(absl::string_view field, double value) {
  if (std::isfinite(value)) return absl::OkStatus();
  return InvalidField(field, "must be a finite number");
}

absl::Status CheckCount(absl::string_view field, size_t count, size_t max) {
  if (count <= max) return absl::OkStatus();
  return InvalidField(field, absl::StrFormat("has %d entries; at most %d are allowed", count, max));
}

void SetUndefined(absl::string_view reason, Estimate& estimate) {
  estimate.state = Estimate::State::kUndefined;
  estimate.undefined_reason = std::string(reason);
  estimate.value = 0;
  estimate.interval.reset();
  estimate.details.clear();
}

void SetFiniteValue(double value, int64_t n, const EstimateOptions& options, Estimate& estimate) {
  SetValue(value, n, options, estimate);
  if (!std::isfinite(value)) SetUndefined("The inputs are too large to compute with.", estimate);
}

void SetInterval(double low, double high, Estimate& estimate) {
  if (estimate.state == Estimate::State::kUndefined || !std::isfinite(low) || !std::isfinite(high)) return;
  estimate.interval = Interval{.low = low, .high = high};
}

void SetDetail(absl::string_view name, double value, Estimate& estimate) {
  if (estimate.state == Estimate::State::kUndefined || !std::isfinite(value)) return;
  estimate.details[std::string(name)] = value;
}

}  // namespace throughline
