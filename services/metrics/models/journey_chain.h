// JourneyChain: a measured graph as an absorbing Markov chain, its expectations, and what each observation adds to
// them. Immutable after construction; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/what_if.h"

namespace throughline {

// A way on from a touchpoint. Times in seconds.
struct ChainWay {
  static constexpr int kOver = -1;

  int to = kOver;     // index of a touchpoint; kOver: the run ends
  int64_t count = 0;  // in the measured graph
  double share = 0;
  double mean_seconds = 0;
  std::optional<double> variance = 0;  // of the time; absent where the graph has no durations, 0 where it is set
  bool time_is_set = false;
};

struct ChainNode {
  std::string name;
  int64_t starts = 0;
  int64_t leavings = 0;  // Σ counts of its ways
  double revenue = 0;    // of a visit
  std::vector<ChainWay> ways;
  int set_way = -1;       // index of the way whose share is set by a change
  double kept_scale = 1;  // by which the shares of its other ways were multiplied
};

struct JourneyChain {
  std::vector<ChainNode> nodes;  // by name
  int goal = 0;
  int64_t runs = 0;  // Σ starts

  static absl::StatusOr<JourneyChain> Measured(const TransitionGraph& graph, const WhatIfQuestion& question);
  // With the changes; the ways of a node keep their order, new ones come last.
  absl::StatusOr<JourneyChain> Changed(const WhatIfQuestion& question) const;

  int IndexOf(const std::string& name) const;  // -1: not there
};

// An expectation of a run, and its derivatives along what was sampled.
struct ChainNumber {
  std::string undefined_reason;  // empty: there is a value
  double value = 0;
  // By touchpoint and way: by how much one leaving that takes the way moves the value, times the leavings of the
  // touchpoint; weighted by the measured shares their mean is 0.
  std::vector<std::vector<double>> share_influence;
  std::vector<std::vector<double>> time_slope;  // derivative along the mean time of the way
  std::vector<double> start_influence;          // of a run that begins there, times the runs; mean 0
};

ChainNumber ChainConversion(const JourneyChain& chain);
ChainNumber ChainSeconds(const JourneyChain& chain);
ChainNumber ChainSecondsToGoal(const JourneyChain& chain);
ChainNumber ChainRevenue(const JourneyChain& chain);

}  // namespace throughline
