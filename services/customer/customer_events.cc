#include "services/customer/customer_events.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

// Events that are copied out of the view at a time; nearly all customers have fewer.
constexpr int kChunk = 512;

}  // namespace

absl::StatusOr<CustomerSummary> FindCustomerSummary(const EventView& view, absl::string_view workspace_name,
                                                    absl::string_view customer_id) {
  ASSIGN_OR_RETURN(std::optional<CustomerSummary> summary, view.FindCustomer(customer_id));
  if (!summary.has_value()) return ResourceNotFound(MakeCustomerName(LastSegment(workspace_name), customer_id));
  return *std::move(summary);
}

absl::Status VisitCustomerEvents(const EventView& view, absl::string_view workspace_name, absl::string_view customer_id,
                                 const std::function<bool(const StoredEvent&)>& visit) {
  ASSIGN_OR_RETURN(const CustomerSummary summary, FindCustomerSummary(view, workspace_name, customer_id));
  if (summary.event_count > limits::kCustomerEventsMax) {
    return LimitExceeded(MakeCustomerName(LastSegment(workspace_name), customer_id), limits::kCustomerEventsMax,
                         "events per customer");
  }
  for (int64_t offset = 0;; offset += kChunk) {
    ASSIGN_OR_RETURN(const std::vector<StoredEvent> events, view.CustomerEvents(customer_id, offset, kChunk));
    for (const StoredEvent& event : events) {
      if (!visit(event)) return absl::OkStatus();
    }
    if (events.size() < static_cast<size_t>(kChunk)) return absl::OkStatus();
  }
}

absl::StatusOr<CustomerFacts> ReadCustomerFacts(const EventView& view, absl::string_view workspace_name,
                                                absl::string_view customer_id, bool with_traits) {
  ASSIGN_OR_RETURN(CustomerSummary summary, FindCustomerSummary(view, workspace_name, customer_id));
  CustomerFacts facts;
  facts.customer_id = std::move(summary.customer_id);
  facts.event_count = summary.event_count;
  facts.first_event_time = summary.first_event_time;
  facts.last_event_time = summary.last_event_time;
  if (!with_traits) return facts;
  RETURN_IF_ERROR(VisitCustomerEvents(view, workspace_name, customer_id, [&](const StoredEvent& event) {
    facts.AddTraits(event.event);
    return true;
  }));
  return facts;
}

bool NamesTraits(const CompiledMap& map) {
  return std::any_of(map.touchpoints.begin(), map.touchpoints.end(),
                     [](const CompiledTouchpoint& touchpoint) { return NamesTraits(touchpoint.selector); });
}

int FindVisitedTouchpoint(const CompiledMap& map, const v1::CustomerEvent& event, const CustomerFacts& customer) {
  for (size_t i = 0; i < map.touchpoints.size(); ++i) {
    if (map.touchpoints[i].has_binding && MatchesSelector(map.touchpoints[i].selector, event, customer)) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

absl::Time EventTime(const v1::CustomerEvent& event) {
  return absl::FromUnixMicros(event.event_time().seconds() * 1'000'000 + event.event_time().nanos() / 1000);
}

}  // namespace throughline
