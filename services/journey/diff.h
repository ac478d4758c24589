// The differences between two revisions of a journey map, element by element. Pure function; any thread.
#pragma once

#include <vector>

#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/journey_map_service.pb.h"

namespace throughline {

// Elements are matched by id. The map's own changes come first, then phases, touchpoints and transitions: each in the
// order of the later revision, then what was removed, in the order of the earlier one.
//
// The fewest elements that explain a new order are MOVED (the others form a longest increasing subsequence): moving one
// element past ten others is one change. A touchpoint that changes its phase is MOVED once, whatever its place.
// `before` and `after` of MOVED are `{"index":2}`, for touchpoints `{"phase":"buy","index":2}`, index from 0.
std::vector<v1::JourneyMapChange> DiffJourneyMaps(const v1::JourneyMap& before, const v1::JourneyMap& after);

}  // namespace throughline
