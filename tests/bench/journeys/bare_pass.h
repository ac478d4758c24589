// The limit: one hand-written pass over bare sorted columns for each question. No filters, no dictionaries, no schema,
// nothing but this data; what the machine allows.
// Stateless; any thread.
#pragma once

#include "tests/bench/journeys/journey_answers.h"
#include "tests/bench/journeys/journey_data.h"

namespace throughline::bench {

Answer BarePass(Question question, const JourneyEvents& events, int threads);

// Time in stage from a histogram with buckets of 1/256 of the duration alone; a sum over the quantiles.
int64_t BareSketchPass(const JourneyEvents& events, int threads);

}  // namespace throughline::bench
