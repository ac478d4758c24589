// Whether one event matches a selector or filter. Pure functions; any thread.
//
// Agrees with the engines' own evaluation of the same selectors (tests/contract/events): one meaning, wherever it is
// computed.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "google/protobuf/struct.pb.h"
#include "throughline/events.h"
#include "throughline/filter.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

// What filters may ask of the customer of an event: as of the view, whatever the event's own time.
struct CustomerFacts {
  std::string customer_id;
  int64_t event_count = 0;
  absl::Time first_event_time = absl::InfiniteFuture();
  absl::Time last_event_time = absl::InfinitePast();
  std::map<std::string, google::protobuf::Value> traits;  // that are known; none is null

  // What the next event says, in the customer's order.
  void AddTraits(const v1::CustomerEvent& event);
};

// Whether the customer's traits matter.
bool NamesTraits(const Filter& filter);
bool NamesTraits(const EventSelector& selector);

// The filter's fields are those of EventFilterFields(). An empty string, and a score or amount that the event's payload
// does not have, are missing values.
bool MatchesFilter(const Filter& filter, const v1::CustomerEvent& event, const CustomerFacts& customer);

bool MatchesSelector(const EventSelector& selector, const v1::CustomerEvent& event, const CustomerFacts& customer);

}  // namespace throughline
