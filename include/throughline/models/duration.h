// Time between two touchpoints, from a pair aggregate. Pure function; any thread.
#pragma once

#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

// Median of the times from a run's first entry to its first target visit at or after it, in seconds. Quantiles are
// values of real runs, at zero-based rank ⌈q·n⌉ − 1, never interpolated; above DurationSketch::kExactMax durations
// each is within kRelativeErrorMax. Interval of the median: between order statistics (MedianRankInterval), while the
// durations are kept exactly. n: durations.
//
// Details: median, p90 (seconds), entered. Excluded: negative_interval (runs whose target visits all lie before the
// entry), target_not_reached (the other runs without a target visit yet), target_without_entry.
Estimate TimeBetweenEstimate(const PairAggregate& pairs, const EstimateOptions& options);

}  // namespace throughline
