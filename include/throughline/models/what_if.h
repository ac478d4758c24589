// What-if: the measured map as an absorbing Markov chain, as it is and with a transition's share or time changed. Pure
// function; any thread.
//
// A run begins at a touchpoint by the measured shares of beginnings, goes on from each touchpoint by the shares of its
// transitions and of runs that end there, whatever it did before (order 1), and is over when it reaches the goal or
// ends. Every expectation x solves (I − Q)x = r exactly, Q the shares between touchpoints that are not the goal (Kemeny
// & Snell, Finite Markov Chains, 1960, ch. 3). What such a change does to people who would not have gone that way by
// themselves no log can say: the answer is what the chain says if they then go on like those who did.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"
#include "throughline/models/run.h"

namespace throughline {

struct WhatIfChange {
  std::string from;
  std::string to;  // "": the run ends at `from`
  // The new share of runs at `from` that go on to `to`, 0 to 1. The other ways on keep their proportions to each other.
  std::optional<double> share;
  // The new mean time in seconds, at least 0. Needed of a transition that nobody took yet; not for `to` "".
  std::optional<double> mean_seconds;
};

struct WhatIfQuestion {
  static constexpr size_t kChangesMax = 100;

  std::string goal;                   // a touchpoint of the graph
  std::vector<WhatIfChange> changes;  // at most one for each (from, to), and one with a share for each from
  // What one visit brings, in minor units, by touchpoint; the goal's is earned when it is reached. Costs are negative.
  std::map<std::string, double> revenue_per_visit;
};

// Before, after, and after − before. Intervals by the delta method: each touchpoint's ways on are a multinomial sample
// with the counts of the graph, and so are the beginnings; the influence of every observation on the answer follows
// from the solution of the chain, and the variance is the sum of their squares. Before and after share that sample, and
// the interval of the difference counts on it. Those of a conversion are made on the logit scale, so that they stay
// within 0 and 1. The new share itself is taken as certain. n: runs.
struct WhatIfNumber {
  Estimate before;
  Estimate after;
  Estimate difference;
};

struct WhatIfReport {
  WhatIfNumber conversion;       // share of runs that reach the goal
  WhatIfNumber seconds;          // mean time until the run is over, at the goal or not
  WhatIfNumber seconds_to_goal;  // mean time until the goal, of the runs that reach it
  WhatIfNumber revenue;          // mean sum of revenue_per_visit, in minor units
};

// The graph of runs of which each is over at its first visit of the goal. What comes after it has no part in the
// question, and would be mixed into the shares of touchpoints that are also visited before: with this graph the
// conversion, the mean time and the revenue before the change are exactly the measured ones. With durations of the
// transitions, without places, channels and departments. INVALID_ARGUMENT as ValidateRunLog.
absl::StatusOr<TransitionGraph> GraphUntilGoal(const RunLog& log, const std::string& goal);

// For times the intervals also count the spread of the durations, where the graph has them for every transition of
// which the time matters; where it has not, times have no interval. A changed time is taken as certain.
//
// INVALID_ARGUMENT (INVALID_FIELD): a goal or change that names a touchpoint which is not in the graph; two changes of
// the same thing; a share outside 0 … 1 or a time below 0, or not finite; a new transition without a time; a share
// below 1 of a way that everybody takes, as there is no other to keep in proportion; a changed goal, which nothing
// leaves; negative counts; more than kWhatIfNodesMax touchpoints. Takes O(touchpoints³).
inline constexpr size_t kWhatIfNodesMax = 1'000;
absl::StatusOr<WhatIfReport> WhatIf(const TransitionGraph& graph, const WhatIfQuestion& question,
                                    const EstimateOptions& options);

}  // namespace throughline
