// The aggregates of the events port, each computed in one pass over the columns of a snapshot. Stateless; any thread.
//
// All return as SelectorSet::Compile and Projection::Properties.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "services/events/native/projection.h"
#include "services/events/native/snapshot.h"
#include "throughline/events.h"

namespace throughline {

absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> ComputeVolume(Projection& projection, const Snapshot& snapshot,
                                                                    const VolumeQuery& query);
absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> ComputeScores(Projection& projection, const Snapshot& snapshot,
                                                                   const ScoreQuery& query);
absl::StatusOr<std::vector<Grouped<StepReach>>> ComputeSteps(Projection& projection, const Snapshot& snapshot,
                                                             const StepQuery& query);
absl::StatusOr<std::vector<PairAggregate>> ComputePairs(Projection& projection, const Snapshot& snapshot,
                                                        const PairQuery& query);
absl::StatusOr<Grouped<TransitionGraph>> ComputeGraph(Projection& projection, const Snapshot& snapshot,
                                                      const GraphQuery& query);
absl::StatusOr<RunPositions> ComputePositions(Projection& projection, const Snapshot& snapshot,
                                              const PositionQuery& query);

// The column that a run rule correlates by; null if runs are whole customers.
absl::StatusOr<const PropertyColumn*> CorrelationColumn(Projection& projection, const RunRule& rule);

// A list of aggregates, one per window, as one accumulator.
template <typename Aggregate>
struct PerWindow {
  std::vector<Aggregate> windows;
  void Merge(const PerWindow& other) {
    for (size_t i = 0; i < windows.size(); ++i) windows[i].Merge(other.windows[i]);
  }
};

// An answer without breakdown.
template <typename Aggregate>
Grouped<Aggregate> Whole(Aggregate aggregate) {
  Grouped<Aggregate> out;
  out.groups.emplace(GroupKey(), std::move(aggregate));
  return out;
}
template <typename Aggregate>
std::vector<Grouped<Aggregate>> Wholes(std::vector<Aggregate> windows) {
  std::vector<Grouped<Aggregate>> out;
  for (Aggregate& aggregate : windows) out.push_back(Whole(std::move(aggregate)));
  return out;
}

}  // namespace throughline
