// Names of events as people read them. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace throughline {

// A title for an event name: "order_placed", "order.placed" and "orderPlaced" are "Order placed"; "A_PARTLYSUBMITTED"
// is "A partlysubmitted"; short words in capitals within other words stay as they are: "NPS_answered" is "NPS
// answered". Never empty; at most kDisplayNameLengthMax characters.
std::string EventTitle(absl::string_view event_name);

// The text, cut to kDisplayNameLengthMax characters.
std::string ClipDisplayName(absl::string_view text);

}  // namespace throughline
