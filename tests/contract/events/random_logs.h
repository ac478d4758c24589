// Small random logs about which calendars and clocks have something to say, from a seed. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/contract/events/random_data.h"

namespace throughline::testing {

// Ties, nothing at all, one event, all at one moment, before 1970, month ends, days on which clocks change; whole
// seconds or microseconds; amounts in two currencies, scores that are odd.
struct RandomLog {
  std::vector<v1::CustomerEvent> events;  // distinct identities, in the order in which they are to be recorded
  std::vector<absl::Time> moments;        // when something happens, or nearly so; at least one
  absl::Duration span;                    // of the events, about
  absl::TimeZone zone;                    // whose clocks change near them
};
// At most about ten events a customer: reference funnels try every attempt. Ids of customers begin with `prefix`.
RandomLog MakeRandomLog(Random& random, const std::string& prefix = "c");

}  // namespace throughline::testing
