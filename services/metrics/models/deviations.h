// What an alignment says in words: typed deviations, and pairs of visits that the map does not have. Pure functions;
// any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "services/metrics/models/map_automaton.h"
#include "throughline/models/conformance.h"

namespace throughline {

// The deviations that the way of a run alone shows, in the order of the alignment. `names`: of the visits.
std::vector<Deviation> WayDeviations(const MapGraph& map, const std::vector<AlignmentMove>& alignment,
                                     const std::vector<std::string>& names);

// A visit that its alignment reaches over one transition of the map directly from another visit, both synchronous.
struct TransitionTaken {
  int32_t from_visit;
  int32_t to_visit;
  int64_t promise_micros;
};
// Those of an alignment whose transition has a promise. `not_judged`: visits that are reached over a transition with a
// promise, but past touchpoints that were not visited, so that nobody knows when its time began.
std::vector<TransitionTaken> PromisedTransitions(const MapAutomaton& automaton,
                                                 const std::vector<AlignmentMove>& alignment, int64_t& not_judged);

// Adjacent names without a transition between them, nor a way past optional touchpoints only; each pair once, sorted.
std::vector<std::pair<std::string, std::string>> OffMapPairs(const MapAutomaton& automaton,
                                                             const std::vector<std::string>& names);

}  // namespace throughline
