// What every engine refuses to answer, before it looks at any event. Pure functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "throughline/event_queries.h"

namespace throughline {

// INVALID_ARGUMENT (INVALID_FIELD) with all that is wrong, by field: `steps`, `steps[2].within`, `exclusions`,
// `window`. Whether selectors can be understood is not looked at.
absl::Status CheckStepQuery(const StepQuery& query);

}  // namespace throughline
