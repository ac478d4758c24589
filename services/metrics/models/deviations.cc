#include "services/metrics/models/deviations.h"

#include <algorithm>
#include <map>
#include <set>

namespace throughline {
namespace {

using Kind = AlignmentMove::Kind;

// What a map's touchpoint has in an alignment.
struct Places {
  std::vector<size_t> log;    // moves
  std::vector<size_t> model;  // moves
  bool synchronous = false;
};

std::string NameBefore(const std::vector<std::string>& names, int32_t visit) {
  return visit > 0 ? names[static_cast<size_t>(visit - 1)] : "";
}

}  // namespace

std::vector<Deviation> WayDeviations(const MapGraph& map, const std::vector<AlignmentMove>& alignment,
                                     const std::vector<std::string>& names) {
  std::map<int32_t, Places> nodes;
  for (size_t i = 0; i < alignment.size(); ++i) {
    Places& places = nodes[alignment[i].node];
    if (alignment[i].kind == Kind::kLog) places.log.push_back(i);
    if (alignment[i].kind == Kind::kModel) places.model.push_back(i);
    if (alignment[i].kind == Kind::kSynchronous) places.synchronous = true;
  }
  // The first log move of a touchpoint goes with its first model move, and so on.
  std::set<size_t> log_paired;
  std::set<size_t> model_paired;
  for (const auto& [node, places] : nodes) {
    if (node < 0) continue;
    const size_t pairs = std::min(places.log.size(), places.model.size());
    log_paired.insert(places.log.begin(), places.log.begin() + static_cast<int64_t>(pairs));
    model_paired.insert(places.model.begin(), places.model.begin() + static_cast<int64_t>(pairs));
  }
  std::vector<Deviation> deviations;
  int32_t visit = 0;  // the next one
  for (size_t i = 0; i < alignment.size(); ++i) {
    const AlignmentMove& move = alignment[i];
    if (move.visit >= 0) visit = move.visit + 1;
    if (move.kind == Kind::kModel && !model_paired.contains(i)) {
      deviations.push_back({.type = DeviationType::kMissing,
                            .touchpoint = map.nodes[static_cast<size_t>(move.node)].name,
                            .from = NameBefore(names, visit),
                            .to = static_cast<size_t>(visit) < names.size() ? names[static_cast<size_t>(visit)] : ""});
    }
    if (move.kind != Kind::kLog) continue;
    const bool again = move.node >= 0 && nodes[move.node].synchronous;
    const DeviationType unpaired = again ? DeviationType::kLoop : DeviationType::kAdHoc;
    const std::string& name = names[static_cast<size_t>(move.visit)];
    deviations.push_back({.type = log_paired.contains(i) ? DeviationType::kWrongOrder : unpaired,
                          .touchpoint = name,
                          .from = NameBefore(names, move.visit),
                          .to = name,
                          .visit = move.visit});
  }
  return deviations;
}

std::vector<TransitionTaken> PromisedTransitions(const MapAutomaton& automaton,
                                                 const std::vector<AlignmentMove>& alignment, int64_t& not_judged) {
  std::vector<int32_t> state_of(static_cast<size_t>(automaton.states()));  // by node
  for (int32_t state = 1; state < automaton.states(); ++state) {
    state_of[static_cast<size_t>(automaton.NodeOf(state))] = state;
  }
  std::vector<TransitionTaken> taken;
  int32_t state = 0;
  int32_t visit_there = -1;  // the visit that entered the state; -1: none did
  for (const AlignmentMove& move : alignment) {
    if (move.kind == Kind::kLog) continue;  // time goes on, the map stands still
    const int32_t next = state_of[static_cast<size_t>(move.node)];
    const int64_t promise = automaton.Promise(state, next);
    if (promise >= 0 && move.kind == Kind::kSynchronous) {
      if (visit_there >= 0) {
        taken.push_back({.from_visit = visit_there, .to_visit = move.visit, .promise_micros = promise});
      } else {
        ++not_judged;
      }
    }
    state = next;
    visit_there = move.visit;
  }
  return taken;
}

std::vector<std::pair<std::string, std::string>> OffMapPairs(const MapAutomaton& automaton,
                                                             const std::vector<std::string>& names) {
  std::set<std::pair<std::string, std::string>> pairs;
  int32_t from = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const int32_t to = automaton.StateOf(names[i]);
    if (from < 0 || to < 0 || automaton.SilentSteps(from, to) == MapAutomaton::kFar) {
      pairs.insert({i == 0 ? "" : names[i - 1], names[i]});
    }
    from = to;
  }
  if (!names.empty() && (from < 0 || automaton.SilentStepsToEnd(from) == MapAutomaton::kFar)) {
    pairs.insert({names.back(), ""});
  }
  return {pairs.begin(), pairs.end()};
}

}  // namespace throughline
