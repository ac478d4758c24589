// The aggregates of the events port computed in the plainest way, one event after the other, as the definitions say:
// what engines are compared with. Pure functions; any thread.
#pragma once

#include <vector>

#include "throughline/events.h"

namespace throughline::testing {

// All of them take the events of one workspace, each once, in any order.
std::vector<VolumeAggregate> ReferenceVolume(const std::vector<v1::CustomerEvent>& events, const VolumeQuery& query);
std::vector<ScoreHistogram> ReferenceScores(const std::vector<v1::CustomerEvent>& events, const ScoreQuery& query);
// Tries every attempt (tests/support/reference_funnel.h): for short runs only.
std::vector<StepReach> ReferenceSteps(const std::vector<v1::CustomerEvent>& events, const StepQuery& query);
std::vector<PairAggregate> ReferencePairs(const std::vector<v1::CustomerEvent>& events, const PairQuery& query);
TransitionGraph ReferenceGraph(const std::vector<v1::CustomerEvent>& events, const GraphQuery& query);
RunPositions ReferencePositions(const std::vector<v1::CustomerEvent>& events, const PositionQuery& query);

}  // namespace throughline::testing
