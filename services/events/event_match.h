// Whether one event matches a selector or filter. Pure functions; any thread.
//
// Agrees with the engines' own evaluation of the same selectors (tests/contract/events): one meaning, wherever it is
// computed.
#pragma once

#include "throughline/events.h"
#include "throughline/filter.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

// The filter's fields are those of EventFilterFields(). An empty string, and a score or amount that the event's payload
// does not have, are missing values.
bool MatchesFilter(const Filter& filter, const v1::CustomerEvent& event);

bool MatchesSelector(const EventSelector& selector, const v1::CustomerEvent& event);

}  // namespace throughline
