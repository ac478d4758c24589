// Token replay of a variant on a map's net (conformance.h says how). Pure function; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "services/metrics/models/map_automaton.h"
#include "throughline/models/conformance.h"

namespace throughline {

// `way`: the state that each visit enters, -1: not on the map. O(visits · places with tokens).
ReplayTokens ReplayVariant(const MapAutomaton& automaton, const std::vector<int32_t>& way);

}  // namespace throughline
