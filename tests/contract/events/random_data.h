// Random events and questions about them, from a seed. Small alphabets, so that ties, repeats and conflicts of every
// kind happen. Pure functions; any thread.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "throughline/events.h"

namespace throughline::testing {

using Random = std::mt19937_64;

// Distinct identities, in no order. Times are whole seconds of [0, 60) after BaseTime().
std::vector<v1::CustomerEvent> RandomEvents(Random& random, int count);

EventSelector RandomSelector(Random& random, int depth = 1);
// Up to four steps, with everything that may be asked of them.
StepQuery RandomSteps(Random& random);

struct Questions {
  std::vector<VolumeQuery> volumes;
  std::vector<ScoreQuery> scores;
  std::vector<StepQuery> steps;
  std::vector<PairQuery> pairs;
  std::vector<GraphQuery> graphs;
  std::vector<PositionQuery> positions;
  std::vector<EventSelector> first_matches;
};
Questions RandomQuestions(Random& random);

// The seeds of a property test: a fixed handful, or $THROUGHLINE_TEST_SEED alone.
std::vector<uint64_t> Seeds(int count);

}  // namespace throughline::testing
