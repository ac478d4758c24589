#include "services/customer/instances.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/base/status_macros.h"
#include "services/customer/customer_events.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp.seconds()))));
}

// In whole microseconds, the resolution of events, as the engines compare.
bool IsLonger(absl::Duration since, absl::Duration limit) {
  return absl::Ceil(since, absl::Microseconds(1)) > absl::Floor(limit, absl::Microseconds(1));
}

// What tells runs apart. Values of different kinds are different values: 5 is not "5".
struct Correlation {
  std::string key;
  std::string text;  // as it is shown
};

// Absent: the event belongs to no run.
std::optional<Correlation> CorrelationOf(const v1::CustomerEvent& event, const std::string& property) {
  if (property.empty()) return Correlation{};
  const auto found = event.properties().find(property);
  if (found == event.properties().end()) return std::nullopt;
  const google::protobuf::Value& value = found->second;
  Correlation correlation;
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      correlation.text = value.string_value();
      break;
    case google::protobuf::Value::kNumberValue: {
      char buffer[32];
      const double number = value.number_value() == 0 ? 0 : value.number_value();  // 0 and −0 are one value
      const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
      correlation.text.assign(buffer, end);
      break;
    }
    case google::protobuf::Value::kBoolValue:
      correlation.text = value.bool_value() ? "true" : "false";
      break;
    default:
      return std::nullopt;
  }
  correlation.key = absl::StrCat(static_cast<int>(value.kind_case()), ":", correlation.text);
  return correlation;
}

// The transition that is likeliest next, among those that lead on: SEQUENCE and BRANCH. Shares that are not stated
// split what the stated ones leave over; ties go to the first in the map. Null: none.
const v1::Transition* LikeliestNext(const v1::JourneyMap& map, const std::string& touchpoint_id) {
  double stated = 0;
  int unstated = 0;
  std::vector<const v1::Transition*> candidates;
  for (const v1::Transition& transition : map.transitions()) {
    if (transition.from_touchpoint() != touchpoint_id) continue;
    stated += transition.expected_share();
    unstated += transition.has_expected_share() ? 0 : 1;
    const bool leads_on = transition.kind() == v1::Transition::KIND_UNSPECIFIED ||
                          transition.kind() == v1::Transition::SEQUENCE || transition.kind() == v1::Transition::BRANCH;
    if (leads_on) candidates.push_back(&transition);
  }
  const double left_over = unstated == 0 ? 0 : std::max(0.0, 1 - stated) / unstated;
  const v1::Transition* likeliest = nullptr;
  double best = -1;
  for (const v1::Transition* candidate : candidates) {
    const double share = candidate->has_expected_share() ? candidate->expected_share() : left_over;
    if (share > best) {
      best = share;
      likeliest = candidate;
    }
  }
  return likeliest;
}

}  // namespace

InstanceBuilder::InstanceBuilder(const CompiledMap& map, absl::string_view customer_name, const CustomerFacts& customer)
    : map_(map), customer_name_(customer_name), customer_(customer) {}

void InstanceBuilder::Add(const v1::CustomerEvent& event) {
  const int touchpoint = FindVisitedTouchpoint(map_, event, customer_);
  if (touchpoint < 0) return;
  std::optional<Correlation> correlation = CorrelationOf(event, map_.run.correlation_property);
  if (!correlation.has_value()) return;
  const auto [entry, is_new] = run_by_key_.emplace(std::move(correlation->key), runs_.size());
  if (is_new) {
    v1::JourneyInstance& instance = runs_.emplace_back().instance;
    instance.set_journey_map(map_.map_name);
    instance.set_version(map_.version_name);
    instance.set_customer(customer_name_);
    instance.set_correlation_value(correlation->text);
  }
  Run& run = runs_[entry->second];
  const CompiledTouchpoint& visited = map_.touchpoints[static_cast<size_t>(touchpoint)];
  run.position = touchpoint;
  run.last_visit_time = EventTime(event);
  run.completed = run.completed || visited.completes;
  v1::Visit& visit = *run.instance.add_visits();
  visit.set_touchpoint(visited.id);
  SetTimestamp(run.last_visit_time, *visit.mutable_visit_time());
  visit.set_event_source(event.source());
  visit.set_event_id(event.id());
}

v1::JourneyInstance::Status InstanceBuilder::StatusOf(const Run& run, absl::Time now) const {
  if (run.completed) return v1::JourneyInstance::COMPLETED;
  const absl::Duration since = now - run.last_visit_time;
  if (IsLonger(since, map_.abandon_after)) return v1::JourneyInstance::ABANDONED;
  if (IsLonger(since, map_.touchpoints[static_cast<size_t>(run.position)].stalled_after)) {
    return v1::JourneyInstance::STALLED;
  }
  return v1::JourneyInstance::ACTIVE;
}

void InstanceBuilder::Expect(const Run& run, v1::JourneyInstance& instance) const {
  const v1::Transition* next = LikeliestNext(map_.map, map_.touchpoints[static_cast<size_t>(run.position)].id);
  if (next == nullptr) return;
  instance.set_next_touchpoint(next->to_touchpoint());
  if (!next->has_expected_duration()) return;
  const absl::Duration duration =
      absl::Seconds(next->expected_duration().seconds()) + absl::Nanoseconds(next->expected_duration().nanos());
  const absl::Time expected = run.last_visit_time + duration;
  // Durations may be ten thousand years; a time that no calendar of ours holds is no expectation.
  if (expected >= absl::FromUnixSeconds(253'402'300'800)) return;  // 10000-01-01
  SetTimestamp(expected, *instance.mutable_next_expected_time());
}

std::vector<v1::JourneyInstance> InstanceBuilder::Finish(absl::Time now) && {
  std::vector<v1::JourneyInstance> instances;
  instances.reserve(runs_.size());
  for (Run& run : runs_) {
    v1::JourneyInstance& instance = instances.emplace_back(std::move(run.instance));
    instance.set_status(StatusOf(run, now));
    instance.set_position(map_.touchpoints[static_cast<size_t>(run.position)].id);
    const bool goes_on =
        instance.status() == v1::JourneyInstance::ACTIVE || instance.status() == v1::JourneyInstance::STALLED;
    if (goes_on) Expect(run, instance);
  }
  return instances;
}

absl::StatusOr<InstancePage> ListJourneyInstances(const EventView& view,
                                                  const std::vector<std::shared_ptr<const CompiledMap>>& maps,
                                                  absl::string_view workspace_name, absl::string_view customer_id,
                                                  int64_t offset, int page_size, absl::Time now) {
  const bool with_traits = std::any_of(maps.begin(), maps.end(), [](const auto& map) { return NamesTraits(*map); });
  ASSIGN_OR_RETURN(const CustomerFacts customer, ReadCustomerFacts(view, workspace_name, customer_id, with_traits));
  const std::string customer_name = MakeCustomerName(LastSegment(workspace_name), customer.customer_id);
  std::vector<InstanceBuilder> builders;
  builders.reserve(maps.size());
  for (const std::shared_ptr<const CompiledMap>& map : maps) builders.emplace_back(*map, customer_name, customer);
  RETURN_IF_ERROR(VisitCustomerEvents(view, workspace_name, customer_id, [&](const StoredEvent& event) {
    for (InstanceBuilder& builder : builders) builder.Add(event.event);
    return true;
  }));
  InstancePage page;
  int64_t place = 0;
  for (InstanceBuilder& builder : builders) {
    for (v1::JourneyInstance& instance : std::move(builder).Finish(now)) {
      if (place++ < offset) continue;
      if (page.instances.size() == static_cast<size_t>(page_size)) {
        page.next_offset = place - 1;
        return page;
      }
      page.instances.push_back(std::move(instance));
    }
  }
  return page;
}

}  // namespace throughline
