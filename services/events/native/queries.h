// The aggregates of the events port, each computed in one pass over the columns of a snapshot. Stateless; any thread.
//
// All return as Selectors::Compile, Breakdown::Compile, Projection::Properties and PassOverPartitions.
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
absl::StatusOr<Grouped<VariantCounts>> ComputeVariants(Projection& projection, const Snapshot& snapshot,
                                                       const VariantQuery& query);
absl::StatusOr<Grouped<CohortMatrix>> ComputeCohorts(Projection& projection, const Snapshot& snapshot,
                                                     const CohortQuery& query);
absl::StatusOr<Grouped<StageTimes>> ComputeStages(Projection& projection, const Snapshot& snapshot,
                                                  const StageQuery& query);
absl::StatusOr<Grouped<RevenueMovements>> ComputeRevenue(Projection& projection, const Snapshot& snapshot,
                                                         const RevenueQuery& query);
absl::StatusOr<Grouped<PurchaseSummary>> ComputePurchases(Projection& projection, const Snapshot& snapshot,
                                                          const PurchaseQuery& query);
absl::StatusOr<Grouped<CustomerFeatures>> ComputeFeatures(Projection& projection, const Snapshot& snapshot,
                                                          const FeatureQuery& query);
absl::StatusOr<RunSample> ComputeRuns(Projection& projection, const Snapshot& snapshot, const RunsQuery& query);
absl::StatusOr<ValueCounts> ComputeValues(Projection& projection, const Snapshot& snapshot, const ValueQuery& query);
absl::StatusOr<RunPositions> ComputePositions(Projection& projection, const Snapshot& snapshot,
                                              const PositionQuery& query);

// The column that a run rule correlates by; null if runs are whole customers.
absl::StatusOr<const PropertyColumn*> CorrelationColumn(Projection& projection, const RunRule& rule,
                                                        const Scope& scope);

// A list of aggregates, one per window, as one accumulator.
template <typename Aggregate>
struct PerWindow {
  std::vector<Aggregate> windows;
  void Merge(const PerWindow& other) {
    for (size_t i = 0; i < windows.size(); ++i) windows[i].Merge(other.windows[i]);
  }
};

}  // namespace throughline
