// A published map as events can be held against it: what its touchpoints are called in runs, and which ways it allows.
// Pure functions; any thread. docs/metrics/conformance.md tells the reading to people.
#pragma once

#include "services/journey/published_maps.h"
#include "throughline/event_queries.h"
#include "throughline/models/conformance.h"

namespace throughline {

// The touchpoints with a binding, by id, in the map's order: an event is the first that it matches.
EventSymbols ObservedSymbols(const CompiledMap& map);

// The ways that the map allows, between touchpoints by id:
// - a run begins where no transition arrives but loops; if there is no such touchpoint, at the first.
// - a run may end at a touchpoint that completes the journey, that an EXIT leaves, or that no transition leaves but to
//   itself; if there is no such touchpoint, where nothing but loops leave, else at the last.
//   A loop is a transition of kind LOOP, or from a touchpoint to itself.
// - each transition with two ends is one way, whatever its kind. It promises its expected duration; of several between
//   the same two touchpoints the longest, and nothing if one of them states none.
// - the channel of a touchpoint is the only one it allows.
// - a touchpoint without a binding cannot be seen, and so may be passed without a visit. If no transition joins it to
//   another one, nothing can be said about it and it is left out.
// May be without touchpoints; else as ValidateMapGraph wants it.
MapGraph ObservedGraph(const CompiledMap& map);

}  // namespace throughline
