// Walking over the events of one customer. Stateless; any thread.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/events/event_match.h"
#include "services/journey/published_maps.h"
#include "throughline/events.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

// The summary of a customer of `workspaces/{workspace}`. NOT_FOUND if the customer has no event.
absl::StatusOr<CustomerSummary> FindCustomerSummary(const EventView& view, absl::string_view workspace_name,
                                                    absl::string_view customer_id);

// Calls `visit` with each event of the customer, in their order, until it returns false. NOT_FOUND if the customer has
// no event; RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) above kCustomerEventsMax events.
absl::Status VisitCustomerEvents(const EventView& view, absl::string_view workspace_name, absl::string_view customer_id,
                                 const std::function<bool(const StoredEvent&)>& visit);

// What filters may ask of the customer in this view. Traits only where `with_traits`: all events of the customer are
// read for them. As VisitCustomerEvents.
absl::StatusOr<CustomerFacts> ReadCustomerFacts(const EventView& view, absl::string_view workspace_name,
                                                absl::string_view customer_id, bool with_traits);

// Whether the traits of customers decide what is a visit of the map.
bool NamesTraits(const CompiledMap& map);

// Index of the touchpoint that the event is a visit of: the first in the map's order that it matches. −1: none.
int FindVisitedTouchpoint(const CompiledMap& map, const v1::CustomerEvent& event, const CustomerFacts& customer);

// The moment of an event, to the microsecond, as events are kept.
absl::Time EventTime(const v1::CustomerEvent& event);

}  // namespace throughline
