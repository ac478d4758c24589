// The benchmark's questions put to the events port, through recorded events, names and selectors like any caller's.
// Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/bench/journeys/journey_answers.h"
#include "tests/bench/journeys/journey_data.h"
#include "throughline/events.h"

namespace throughline::bench {

// Records the events, in the order in which they happened, in batches of 500; returns events per second.
double RecordEvents(EventStore& store, const JourneyEvents& events);

// Absent for a question that the port does not have.
std::optional<Answer> AskEngine(Question question, const EventView& view);

}  // namespace throughline::bench
