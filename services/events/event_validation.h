// Validation of customer events, by the rules that throughline/v1/event.proto states. Pure functions; any thread.
//
// On the hot path of recording: an event that is fine costs no allocation.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

// OK, or INVALID_ARGUMENT (INVALID_FIELD) with one field violation per mistake: required fields, lengths in bytes,
// valid UTF-8, no control characters in ids and names, times from 1970-01-01 to a day after `now`, finite numbers,
// kinds and number of properties. Field paths are relative to the event: `survey_response.score`, `properties["plan"]`.
absl::Status ValidateEvent(const v1::CustomerEvent& event, absl::Time now);

}  // namespace throughline
