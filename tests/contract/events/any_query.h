// The port's functions and their references under one name each, for tests that hold for all of them. Pure functions;
// any thread.
#pragma once

#include <map>
#include <vector>

#include "tests/contract/events/reference_aggregates.h"
#include "throughline/events.h"

namespace throughline::testing {

inline auto Ask(const EventView& view, const VolumeQuery& query) { return view.Volume(query); }
inline auto Ask(const EventView& view, const ScoreQuery& query) { return view.Scores(query); }
inline auto Ask(const EventView& view, const StepQuery& query) { return view.Steps(query); }
inline auto Ask(const EventView& view, const GraphQuery& query) { return view.Graph(query); }
inline auto Ask(const EventView& view, const VariantQuery& query) { return view.Variants(query); }
inline auto Ask(const EventView& view, const CohortQuery& query) { return view.Cohorts(query); }
inline auto Ask(const EventView& view, const StageQuery& query) { return view.Stages(query); }
inline auto Ask(const EventView& view, const RevenueQuery& query) { return view.Revenue(query); }
inline auto Ask(const EventView& view, const PurchaseQuery& query) { return view.Purchases(query); }
inline auto Ask(const EventView& view, const FeatureQuery& query) { return view.Features(query); }

inline auto Refer(const Recorded& events, const VolumeQuery& query) { return ReferenceVolume(events, query); }
inline auto Refer(const Recorded& events, const ScoreQuery& query) { return ReferenceScores(events, query); }
inline auto Refer(const Recorded& events, const StepQuery& query) { return ReferenceSteps(events, query); }
inline auto Refer(const Recorded& events, const GraphQuery& query) { return ReferenceGraph(events, query); }
inline auto Refer(const Recorded& events, const VariantQuery& query) { return ReferenceVariants(events, query); }
inline auto Refer(const Recorded& events, const CohortQuery& query) { return ReferenceCohorts(events, query); }
inline auto Refer(const Recorded& events, const StageQuery& query) { return ReferenceStages(events, query); }
inline auto Refer(const Recorded& events, const RevenueQuery& query) { return ReferenceRevenue(events, query); }
inline auto Refer(const Recorded& events, const PurchaseQuery& query) { return ReferencePurchases(events, query); }
inline auto Refer(const Recorded& events, const FeatureQuery& query) { return ReferenceFeatures(events, query); }

// The answer for the first window, of questions that have several.
template <typename Aggregate>
const Grouped<Aggregate>& FirstWindow(const std::vector<Grouped<Aggregate>>& windows) {
  return windows.front();
}
template <typename Aggregate>
const Grouped<Aggregate>& FirstWindow(const Grouped<Aggregate>& answer) {
  return answer;
}

}  // namespace throughline::testing
