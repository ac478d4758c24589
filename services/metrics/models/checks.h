// What the models of several families check and fill in alike. Pure functions; any thread.
#pragma once

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "throughline/models/estimate.h"

namespace throughline {

// INVALID_FIELD unless the level of confidence lies in (0, 1) and min_n is not negative.
absl::Status CheckOptions(const EstimateOptions& options);

// INVALID_FIELD for NaN and infinities.
absl::Status CheckFinite(absl::string_view field, double value);

// INVALID_FIELD if `count` is above `max`: "at most 15 drivers, not 20".
absl::Status CheckCount(absl::string_view field, size_t count, size_t max);

// Makes the estimate undefined, dropping what was filled in but n, method and exclusions.
void SetUndefined(absl::string_view reason, Estimate& estimate);

// Value, n and state as SetValue, and the interval, which is left away unless both ends are finite. A value that is not
// finite makes the estimate undefined: sums of huge inputs overflow.
void SetFiniteValue(double value, int64_t n, const EstimateOptions& options, Estimate& estimate);
void SetInterval(double low, double high, Estimate& estimate);
// A detail that is not finite is left away.
void SetDetail(absl::string_view name, double value, Estimate& estimate);

}  // namespace throughline
