// One customer's line across all departments, with the lifecycle stage at each moment. Stateless; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/customer/lifecycle.h"
#include "services/journey/published_maps.h"
#include "throughline/events.h"
#include "throughline/filter.h"
#include "throughline/v1/customer.pb.h"

namespace throughline {

struct TimelineRequest {
  std::string customer_id;
  Filter filter;      // over the events, EventFilterFields()
  int page_size = 0;  // positive
  // `next_cursor` of the page before; empty: from the first event. Bytes, not text.
  std::string cursor;
};

struct TimelinePage {
  std::vector<v1::TimelineEntry> entries;  // oldest first
  std::string next_cursor;                 // empty on the last page
};

// The lifecycle stage takes all of the customer's events into account, also those that the filter leaves out. A cursor
// names the last event of its page, so that events which arrive late move no other event across pages.
//
// NOT_FOUND if the customer has no event; INVALID_ARGUMENT (INVALID_PAGE_TOKEN) if the cursor is none;
// RESOURCE_EXHAUSTED above kCustomerEventsMax events.
absl::StatusOr<TimelinePage> ListTimelineEntries(const EventView& view, const Lifecycle& lifecycle,
                                                 const std::vector<std::shared_ptr<const CompiledMap>>& maps,
                                                 absl::string_view workspace_name, const TimelineRequest& request);

}  // namespace throughline
