// The aggregates of the events port computed in the plainest way, one event after the other, as the definitions say:
// what engines are compared with. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "throughline/events.h"

namespace throughline::testing {

// All of them take the events of one workspace, each once, in any order. Of a scope they read filter and breakdown: the
// events are those of its customers (reference_scope.h). Queries are within their bounds.
using Recorded = std::vector<v1::CustomerEvent>;

// reference_events.cc
std::vector<Grouped<VolumeAggregate>> ReferenceVolume(const Recorded& events, const VolumeQuery& query);
std::vector<Grouped<ScoreHistogram>> ReferenceScores(const Recorded& events, const ScoreQuery& query);
ValueCounts ReferenceValues(const Recorded& events, const ValueQuery& query);

// reference_steps.cc. Tries every attempt (tests/support/reference_funnel.h): for short runs only.
std::vector<Grouped<StepReach>> ReferenceSteps(const Recorded& events, const StepQuery& query);

// reference_paths.cc
Grouped<TransitionGraph> ReferenceGraph(const Recorded& events, const GraphQuery& query);
Grouped<VariantCounts> ReferenceVariants(const Recorded& events, const VariantQuery& query);
// The way of every run that has one, in no order.
std::vector<VariantCounts::Variant> ReferenceWays(const Recorded& events, const VariantQuery& query);
RunSample ReferenceRuns(const Recorded& events, const RunsQuery& query);
Grouped<StageTimes> ReferenceStages(const Recorded& events, const StageQuery& query);

// reference_customers.cc
Grouped<CohortMatrix> ReferenceCohorts(const Recorded& events, const CohortQuery& query);
Grouped<RevenueMovements> ReferenceRevenue(const Recorded& events, const RevenueQuery& query);
Grouped<PurchaseSummary> ReferencePurchases(const Recorded& events, const PurchaseQuery& query);
Grouped<CustomerFeatures> ReferenceFeatures(const Recorded& events, const FeatureQuery& query);

// reference_maps.cc
std::vector<PairAggregate> ReferencePairs(const Recorded& events, const PairQuery& query);
RunPositions ReferencePositions(const Recorded& events, const PositionQuery& query);

}  // namespace throughline::testing
