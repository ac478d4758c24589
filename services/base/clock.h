// Time, through an interface, so that tests decide what time it is.
// Thread-safe.
#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace throughline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The machine's clock; lives for ever.
const Clock& SystemClock();

}  // namespace throughline
