// The benchmark's questions put to the events port, through recorded events, names and selectors like any caller's.
// Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "tests/bench/journeys/journey_answers.h"
#include "tests/bench/journeys/journey_data.h"
#include "throughline/events.h"

namespace throughline::bench {

// Records the events, in the order in which they happened, in batches of 500; returns events per second.
// `internal`: as those of the company's own test accounts, which every question leaves out.
double RecordEvents(EventStore& store, const JourneyEvents& events, bool internal);

// With selectors for touchpoints and stages, as the bindings of a map, and a filter on a property.
Answer AskEngine(Question question, const EventView& view, int threads);

// Time in stage from sketches alone, in one pass; a sum of the quantiles, so that nothing is left out.
int64_t SketchTimeInStage(const EventView& view, int threads);

// The slowest of the questions, until nobody waits for it any more. `property`: which the filter reads.
absl::Status AskForStages(const EventView& view, int threads, const std::string& property, const Patience& patience);

}  // namespace throughline::bench
