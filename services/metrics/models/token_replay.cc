#include "services/metrics/models/token_replay.h"

#include <algorithm>

namespace throughline {
namespace {

// Tokens lie behind touchpoints, or at the beginning (state 0); all other places are passed at once.
class Replay {
 public:
  explicit Replay(const MapAutomaton& automaton)
      : automaton_(automaton), tokens_(static_cast<size_t>(automaton.states())) {
    Put(0);
  }

  void Visit(int32_t state) {
    const int32_t from = Nearest(state);
    if (from < 0) {
      ++counts_.missing;
    } else {
      Take(from);
      Count(automaton_.SilentSteps(from, state));
    }
    Count(1);
    Put(state);
  }

  ReplayTokens Finish() {
    int32_t fewest = MapAutomaton::kFar;
    int64_t remaining = 0;
    for (const int32_t state : marked_) {
      fewest = std::min(fewest, automaton_.SilentStepsToEnd(state));
      remaining += tokens_[static_cast<size_t>(state)];
    }
    const bool arrived = fewest < MapAutomaton::kFar;
    if (arrived) Count(fewest);
    ReplayTokens counts = counts_;
    ++counts.produced;  // the token at the beginning
    ++counts.consumed;  // the one at the end
    counts.missing += arrived ? 0 : 1;
    counts.remaining = remaining - (arrived ? 1 : 0);
    return counts;
  }

 private:
  void Count(int32_t steps) {
    counts_.consumed += steps;
    counts_.produced += steps;
  }
  void Put(int32_t state) {
    if (tokens_[static_cast<size_t>(state)]++ == 0) marked_.push_back(state);
  }
  void Take(int32_t state) {
    if (--tokens_[static_cast<size_t>(state)] == 0) marked_.erase(std::find(marked_.begin(), marked_.end(), state));
  }
  // Of the places with tokens the one with the fewest silent steps; -1: none leads there.
  int32_t Nearest(int32_t to) const {
    // States stand in the order of names; the beginning comes after all of them.
    const auto rank = [&](int32_t state) { return state == 0 ? automaton_.states() : state; };
    int32_t best = -1;
    int32_t fewest = MapAutomaton::kFar;
    for (const int32_t from : marked_) {
      const int32_t steps = automaton_.SilentSteps(from, to);
      if (steps < fewest || (steps == fewest && best >= 0 && rank(from) < rank(best))) {
        fewest = steps;
        best = from;
      }
    }
    return best;
  }

  const MapAutomaton& automaton_;
  ReplayTokens counts_;
  std::vector<int64_t> tokens_;
  std::vector<int32_t> marked_;  // states with tokens
};

}  // namespace

double ReplayTokens::Fitness() const {
  if (consumed <= 0 || produced <= 0) return 1;  // nothing was replayed
  return (1 - static_cast<double>(missing) / static_cast<double>(consumed)) / 2 +
         (1 - static_cast<double>(remaining) / static_cast<double>(produced)) / 2;
}

void ReplayTokens::Add(const ReplayTokens& other, int64_t times) {
  produced += times * other.produced;
  consumed += times * other.consumed;
  missing += times * other.missing;
  remaining += times * other.remaining;
}

ReplayTokens ReplayVariant(const MapAutomaton& automaton, const std::vector<int32_t>& way) {
  Replay replay(automaton);
  for (const int32_t state : way) {
    if (state >= 0) replay.Visit(state);
  }
  return replay.Finish();
}

}  // namespace throughline
