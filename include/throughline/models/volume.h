// Number of visits, from a volume aggregate. Pure function; any thread.
#pragma once

#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

// How many events matched. A count is complete at any n: it has no interval, 0 is a value, and no minimum applies.
// Unit: visits. Details: customers, who made them.
Estimate VolumeEstimate(const VolumeAggregate& volume);

}  // namespace throughline
