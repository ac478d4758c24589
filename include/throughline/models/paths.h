// Ways: which transitions and variants are taken how often, what is done again, and how work moves between departments.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"
#include "throughline/models/run.h"

namespace throughline {

// ---- Transitions ----------------------------------------------------------------------------------------------------

struct TransitionShare {
  std::string from;
  std::string to;  // "": the run ends at `from`
  // Of all visits of `from`, the share that goes on to `to`; n: visits of `from`; Wilson, as if visits were independent
  // of each other: runs that come by often make it too narrow. Details: count.
  Estimate share;
  // Seconds from the one to the other: the mean; details median where the graph has durations. No interval. Undefined
  // for ends.
  Estimate mean_seconds;
};

// Every transition and every end that occurs, by from, then to, ends first. INVALID_ARGUMENT: a negative count, or a
// transition of a node that is not in the graph. Visits of a node are those that leave it, Σ counts + ends.
absl::StatusOr<std::vector<TransitionShare>> TransitionShares(const TransitionGraph& graph,
                                                              const EstimateOptions& options);

// ---- Variants -------------------------------------------------------------------------------------------------------

struct VariantShare {
  VariantCounts::Variant touchpoints;
  int64_t runs = 0;
  Estimate share;               // of all runs; Wilson
  double cumulative_share = 0;  // of this variant and all before it
};

// The `limit` most frequent of the variants that are counted one by one, ties in order of their touchpoints. Shares are
// of VariantCounts::runs. INVALID_ARGUMENT: a negative count, or more runs in the variants than there are.
absl::StatusOr<std::vector<VariantShare>> VariantShares(const VariantCounts& counts, size_t limit,
                                                        const EstimateOptions& options);

// ---- Rework ---------------------------------------------------------------------------------------------------------

struct Rework {
  // Runs that visit the touchpoint twice or more, among all runs; Wilson. Details: runs (that do), visitors (runs that
  // visit it at all), repeats (visits beyond the first of each run). Excluded: variant_not_listed, runs whose way is
  // not among the variants.
  Estimate share;
  Estimate share_of_visitors;  // the same among the runs that visit it
};
struct ReworkReport {
  std::map<std::string, Rework> touchpoints;  // every one that occurs
  Estimate any;                               // runs that visit any touchpoint twice or more; details: repeats, visits
};
// INVALID_ARGUMENT as VariantShares.
absl::StatusOr<ReworkReport> ReworkOf(const VariantCounts& counts, const EstimateOptions& options);

// ---- Hand-offs ------------------------------------------------------------------------------------------------------

// Between a visit with a department and the next visit of the run with a department, if the two differ: visits without
// one are passed over, as if they were not there.
struct Handoff {
  std::string from;
  std::string to;
  int64_t count = 0;
  Estimate runs;  // runs with this hand-off, among runs with a department; Wilson
  // Seconds from the one visit to the other: the median, between order statistics. Details: mean, p90. Measured visit
  // to visit: what a customer waits includes the work before the hand-off where visits say when work began.
  Estimate waiting_seconds;
};
struct PingPong {
  std::string there;  // the department that the run left and came back to
  std::string back;   // the one that sent it back
  int64_t count = 0;
  Estimate runs;  // runs with it, among runs with a department; Wilson
};
struct HandoffReport {
  // Hand-offs among all adjacent pairs of visits with a department; Wilson, as if pairs were independent of each other.
  // Details: handoffs, pairs. Excluded: missing_department (visits), no_department (runs).
  Estimate share;
  Estimate runs;                     // runs with at least one, among runs with a department; Wilson
  Estimate per_run;                  // mean number, among runs with a department; Student's t
  Estimate waiting_seconds;          // over all hand-offs, as Handoff
  Estimate ping_pong_runs;           // runs with at least one A, B, A; Wilson. Details: count
  std::vector<Handoff> pairs;        // most first, then by names
  std::vector<PingPong> ping_pongs;  // A, B, A after repeats are collapsed; most first, then by names
};
// At most `pairs_max` pairs and as many ping-pongs are told. INVALID_ARGUMENT as ValidateRunLog.
absl::StatusOr<HandoffReport> HandoffsOf(const RunLog& log, const EstimateOptions& options,
                                         size_t pairs_max = std::numeric_limits<size_t>::max());

}  // namespace throughline
