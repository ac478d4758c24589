#include "services/customer/positions.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

void Fill(const RunPositions::Counts& counts, v1::InstanceStatusCounts& out) {
  out.set_active(counts.active);
  out.set_completed(counts.completed);
  out.set_abandoned(counts.abandoned);
  out.set_stalled(counts.stalled);
}

}  // namespace

PositionQuery MakePositionQuery(const CompiledMap& map, absl::Time now) {
  PositionQuery query;
  query.touchpoints.reserve(map.touchpoints.size());
  for (const CompiledTouchpoint& touchpoint : map.touchpoints) {
    PositionQuery::Touchpoint& asked = query.touchpoints.emplace_back();
    asked.selector = touchpoint.selector;
    // The engine gives an event to the first touchpoint that it matches, so it need not be told again; only what keeps
    // a touchpoint without a binding from matching anything stays.
    if (touchpoint.has_binding) asked.selector.unless.clear();
    asked.completes = touchpoint.completes;
    asked.stalled_after = touchpoint.stalled_after;
  }
  query.run = map.run;
  query.abandon_after = map.abandon_after;
  query.now = now;
  return query;
}

v1::JourneyMapPositions MakeJourneyMapPositions(const CompiledMap& map, const RunPositions& positions,
                                                EventSequence watermark) {
  v1::JourneyMapPositions out;
  out.set_name(MakeJourneyMapPositionsName(LastSegment(WorkspaceNameOf(map.map_name)), LastSegment(map.map_name)));
  out.set_version(map.version_name);
  out.set_data_watermark(watermark.value);
  RunPositions::Counts total;
  for (size_t i = 0; i < map.touchpoints.size() && i < positions.touchpoints.size(); ++i) {
    const RunPositions::Touchpoint& counted = positions.touchpoints[i];
    v1::TouchpointPosition& touchpoint = *out.add_touchpoints();
    touchpoint.set_touchpoint(map.touchpoints[i].id);
    touchpoint.set_visit_count(counted.visits);
    touchpoint.set_instance_count(counted.runs);
    Fill(counted.positions, *touchpoint.mutable_position_counts());
    total.Merge(counted.positions);
  }
  Fill(total, *out.mutable_status_counts());
  // Every run with a visit has one position.
  out.set_instance_count(total.active + total.completed + total.abandoned + total.stalled);

  using Entry = std::pair<std::pair<int, int>, const RunPositions::Transition*>;
  std::vector<Entry> ways;
  for (const auto& [ends, edge] : positions.transitions) ways.emplace_back(ends, &edge);
  std::sort(ways.begin(), ways.end(), [](const Entry& left, const Entry& right) {
    return std::make_tuple(-left.second->count, left.first) < std::make_tuple(-right.second->count, right.first);
  });
  if (ways.size() > static_cast<size_t>(limits::kObservedTransitionListCountMax)) {
    ways.resize(limits::kObservedTransitionListCountMax);
  }
  for (const auto& [ends, edge] : ways) {
    v1::ObservedTransition& transition = *out.add_transitions();
    transition.set_from_touchpoint(map.touchpoints[static_cast<size_t>(ends.first)].id);
    transition.set_to_touchpoint(map.touchpoints[static_cast<size_t>(ends.second)].id);
    transition.set_count(edge->count);
    transition.set_instance_count(edge->runs);
    if (edge->durations.count() > 0) {
      transition.set_median_seconds(static_cast<double>(edge->durations.Quantile(0.5)) / 1e6);
    }
  }
  return out;
}

absl::StatusOr<v1::JourneyMapPositions> GetJourneyMapPositions(const EventView& view, const CompiledMap& map,
                                                               absl::Time now) {
  ASSIGN_OR_RETURN(const RunPositions positions, view.Positions(MakePositionQuery(map, now)));
  return MakeJourneyMapPositions(map, positions, view.watermark());
}

}  // namespace throughline
