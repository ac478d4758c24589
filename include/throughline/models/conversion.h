// Conversion and drop-off between two touchpoints, from a pair aggregate. Pure functions; any thread.
#pragma once

#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

// Share of the runs that reached the first touchpoint and then, in order of time and within the conversion window, the
// second: converted / n, n = entered − immature; Wilson interval. Unit: share, 0 to 1.
//
// Runs that are not converted and whose window has not elapsed count in excluded["immature"]. Those that converted
// early are still in the sum, so ask for the runs that are old enough (all of whose windows have elapsed) where the
// share must not lean towards the fast ones. A run whose target visits all lie before its first entry stays in n, as
// not converted, and its target visits are counted in excluded["negative_interval"]; runs with the target but no entry
// are counted in excluded["target_without_entry"]. Details: entered, converted.
Estimate ConversionEstimate(const PairAggregate& pairs, const EstimateOptions& options);

// 1 − conversion, with the mirrored interval. Details: entered, converted, lost.
Estimate DropOffEstimate(const PairAggregate& pairs, const EstimateOptions& options);

}  // namespace throughline
