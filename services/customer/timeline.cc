#include "services/customer/timeline.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>

#include "google/protobuf/timestamp.pb.h"
#include "services/base/status_macros.h"
#include "services/customer/customer_events.h"
#include "services/events/event_match.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// The order of one customer's events.
using EventOrder = std::tuple<absl::Time, int64_t, const std::string&, const std::string&>;

EventOrder OrderOf(const v1::CustomerEvent& event) {
  return EventOrder(EventTime(event), event.sequence(), event.source(), event.id());
}

// A cursor is the part of an event that says where it stands.
std::string MakeCursor(const v1::CustomerEvent& event) {
  v1::CustomerEvent place;
  *place.mutable_event_time() = event.event_time();
  place.set_sequence(event.sequence());
  place.set_source(event.source());
  place.set_id(event.id());
  return place.SerializeAsString();
}

void FillTouchpoints(const std::vector<std::shared_ptr<const CompiledMap>>& maps, const v1::CustomerEvent& event,
                     const CustomerFacts& customer, v1::TimelineEntry& entry) {
  for (const std::shared_ptr<const CompiledMap>& map : maps) {
    const int visited = FindVisitedTouchpoint(*map, event, customer);
    if (visited < 0) continue;
    v1::TouchpointReference& reference = *entry.add_touchpoints();
    reference.set_journey_map(map->map_name);
    reference.set_touchpoint(map->touchpoints[static_cast<size_t>(visited)].id);
    reference.set_display_name(map->map.touchpoints(visited).display_name());
  }
}

v1::TimelineEntry MakeEntry(const StoredEvent& event, const LifecycleTracker::Step& step,
                            const std::vector<std::shared_ptr<const CompiledMap>>& maps,
                            const CustomerFacts& customer) {
  v1::TimelineEntry entry;
  *entry.mutable_event() = event.event;
  const int64_t record_time_us = absl::ToUnixMicros(event.record_time);
  entry.mutable_record_time()->set_seconds(record_time_us / 1'000'000);
  entry.mutable_record_time()->set_nanos(static_cast<int32_t>(record_time_us % 1'000'000 * 1000));
  if (step.stage != nullptr) entry.set_lifecycle_stage(step.stage->name);
  entry.set_enters_lifecycle_stage(step.enters);
  FillTouchpoints(maps, event.event, customer, entry);
  return entry;
}

bool NamesTraits(const Filter& filter, const Lifecycle& lifecycle,
                 const std::vector<std::shared_ptr<const CompiledMap>>& maps) {
  return throughline::NamesTraits(filter) ||
         std::any_of(lifecycle.stages.begin(), lifecycle.stages.end(),
                     [](const CompiledStage& stage) { return throughline::NamesTraits(stage.selector); }) ||
         std::any_of(maps.begin(), maps.end(), [](const auto& map) { return throughline::NamesTraits(*map); });
}

}  // namespace

absl::StatusOr<TimelinePage> ListTimelineEntries(const EventView& view, const Lifecycle& lifecycle,
                                                 const std::vector<std::shared_ptr<const CompiledMap>>& maps,
                                                 absl::string_view workspace_name, const TimelineRequest& request) {
  v1::CustomerEvent after;
  if (!request.cursor.empty() && (!after.ParseFromString(request.cursor) || after.id().empty())) {
    return InvalidPageToken();
  }
  TimelinePage page;
  const bool with_traits = NamesTraits(request.filter, lifecycle, maps);
  ASSIGN_OR_RETURN(const CustomerFacts customer,
                   ReadCustomerFacts(view, workspace_name, request.customer_id, with_traits));
  LifecycleTracker tracker(lifecycle, customer);
  RETURN_IF_ERROR(VisitCustomerEvents(view, workspace_name, request.customer_id, [&](const StoredEvent& event) {
    // Every event moves the customer, also one that is not shown.
    const LifecycleTracker::Step step = tracker.Add(event.event);
    if (!request.cursor.empty() && OrderOf(event.event) <= OrderOf(after)) return true;
    if (!MatchesFilter(request.filter, event.event, customer)) return true;
    if (page.entries.size() == static_cast<size_t>(request.page_size)) {
      page.next_cursor = MakeCursor(page.entries.back().event());
      return false;
    }
    page.entries.push_back(MakeEntry(event, step, maps, customer));
    return true;
  }));
  return page;
}

}  // namespace throughline
