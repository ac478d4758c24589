// MapAutomaton: a map as the finite automaton that conformance works on, with the ways through it worked out once.
// Immutable after construction; any thread.
//
// States: 0 is the beginning, 1 … S the touchpoints in order of their names.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "throughline/models/conformance.h"

namespace throughline {

class MapAutomaton {
 public:
  static constexpr int32_t kFar = std::numeric_limits<int32_t>::max() / 4;

  // The map must be valid.
  explicit MapAutomaton(const MapGraph& map);

  int32_t states() const { return states_; }
  int32_t StateOf(const std::string& touchpoint) const;                 // -1: not on the map
  int32_t NodeOf(int32_t state) const { return nodes_[Index(state)]; }  // index into MapGraph::nodes
  const MapGraph::Node& node(int32_t state) const { return map_->nodes[Index(NodeOf(state))]; }

  // States with a transition to this one, ascending.
  const std::vector<int32_t>& Before(int32_t state) const { return before_[Index(state)]; }
  bool IsEnd(int32_t state) const { return state > 0 && node(state).end; }
  const std::vector<int32_t>& ends() const { return ends_; }
  // The promise of a transition; -1: none, or no such transition.
  int64_t Promise(int32_t from, int32_t to) const;

  // Cost of the cheapest way without visits; 0 from a state to itself, kFar: there is none.
  int32_t Distance(int32_t from, int32_t to) const { return distance_[At(from, to)]; }
  // The touchpoints of that way after `from`, `to` last. Empty from a state to itself.
  std::vector<int32_t> Way(int32_t from, int32_t to) const;
  // Cost of the cheapest way from the beginning to an end; kFar: there is none.
  int32_t cheapest() const { return cheapest_; }

  // Silent steps of the net from behind `from` to before `to`: 1 for a transition, 2 more for each optional touchpoint
  // that is passed; kFar: there is no way past optional touchpoints only.
  int32_t SilentSteps(int32_t from, int32_t to) const { return silent_[At(from, to)]; }
  int32_t SilentStepsToEnd(int32_t from) const { return silent_end_[Index(from)]; }

  // On no way from the beginning to an end; names, sorted.
  std::vector<std::string> DeadTouchpoints() const;

 private:
  static size_t Index(int32_t state) { return static_cast<size_t>(state); }
  size_t At(int32_t from, int32_t to) const { return Index(from) * Index(states_) + Index(to); }
  void FindWays(int32_t from);
  void FindSilentSteps(int32_t from);

  const MapGraph* map_;
  int32_t states_ = 0;
  std::vector<int32_t> nodes_;  // by state; -1 for the beginning
  std::unordered_map<std::string, int32_t> state_of_;
  std::vector<std::vector<int32_t>> before_;
  std::vector<std::vector<int32_t>> after_;
  std::vector<int32_t> ends_;
  std::unordered_map<size_t, int64_t> promises_;  // by At()
  std::vector<int32_t> distance_;
  std::vector<int32_t> last_step_;  // by At(): the state before `to` on the way; -1: none
  std::vector<int32_t> silent_;
  std::vector<int32_t> silent_end_;
  int32_t cheapest_ = kFar;
};

}  // namespace throughline
