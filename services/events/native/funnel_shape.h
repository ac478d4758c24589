// What a funnel asks of one run and what it answers, in plain numbers. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "throughline/event_queries.h"

namespace throughline {

struct FunnelStep {
  bool optional = false;
  int64_t within_micros = std::numeric_limits<int64_t>::max();  // that: no limit
};

struct FunnelShape {
  StepOrder order = StepOrder::kOrdered;
  std::vector<FunnelStep> steps;  // as CheckStepQuery accepts them
  int64_t window_micros = std::numeric_limits<int64_t>::max();
  bool has_exclusions = false;

  uint32_t optional_steps() const {
    uint32_t out = 0;
    for (size_t step = 0; step < steps.size(); ++step) out |= uint32_t{steps[step].optional} << step;
    return out;
  }
};

// The part of a checked query that does not depend on events.
FunnelShape FunnelShapeOf(const StepQuery& query);

// How one run went. Sets of steps are masks: bit 0 is the first step. Unordered: bit i means i + 1 different steps.
struct FunnelOutcome {
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  uint32_t reached = 0;   // what the best attempt took; 0: the run did not enter
  uint32_t taken = 0;     // what any attempt took
  int64_t entry = kNone;  // first event of the first step; unordered: of any
  // Of the attempts that have not ended, the beginning of the latest. Undefined if the run is through.
  int64_t latest_start = kNone;
  // For the steps of `taken`: from an attempt's beginning to the step (StepReach::durations).
  std::array<int64_t, kStepCountMax> durations;
};

}  // namespace throughline
