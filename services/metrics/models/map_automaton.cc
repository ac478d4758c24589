#include "services/metrics/models/map_automaton.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <queue>
#include <utility>

namespace throughline {

MapAutomaton::MapAutomaton(const MapGraph& map)
    : map_(&map), states_(static_cast<int32_t>(map.nodes.size()) + 1), nodes_(Index(states_), -1) {
  for (int32_t i = 0; i + 1 < states_; ++i) nodes_[Index(i + 1)] = i;
  std::sort(nodes_.begin() + 1, nodes_.end(),
            [&](int32_t a, int32_t b) { return map.nodes[Index(a)].name < map.nodes[Index(b)].name; });
  before_.resize(Index(states_));
  after_.resize(Index(states_));
  for (int32_t state = 1; state < states_; ++state) {
    state_of_[node(state).name] = state;
    if (node(state).end) ends_.push_back(state);
    if (node(state).start) {
      before_[Index(state)].push_back(0);
      after_[0].push_back(state);
    }
  }
  for (const MapGraph::Edge& edge : map.edges) {
    const int32_t from = StateOf(edge.from);
    const int32_t to = StateOf(edge.to);
    before_[Index(to)].push_back(from);
    after_[Index(from)].push_back(to);
    if (edge.promise_micros.has_value()) promises_[At(from, to)] = *edge.promise_micros;
  }
  for (std::vector<int32_t>& states : before_) std::sort(states.begin(), states.end());
  for (std::vector<int32_t>& states : after_) std::sort(states.begin(), states.end());

  const size_t pairs = Index(states_) * Index(states_);
  distance_.assign(pairs, kFar);
  last_step_.assign(pairs, -1);
  silent_.assign(pairs, kFar);
  silent_end_.assign(Index(states_), kFar);
  for (int32_t state = 0; state < states_; ++state) {
    FindWays(state);
    FindSilentSteps(state);
  }
  for (const int32_t end : ends_) cheapest_ = std::min(cheapest_, Distance(0, end));
}

int32_t MapAutomaton::StateOf(const std::string& touchpoint) const {
  const auto found = state_of_.find(touchpoint);
  return found == state_of_.end() ? -1 : found->second;
}

int64_t MapAutomaton::Promise(int32_t from, int32_t to) const {
  const auto found = promises_.find(At(from, to));
  return found == promises_.end() ? -1 : found->second;
}

// Dijkstra's algorithm on (cost, touchpoints), packed into one number.
void MapAutomaton::FindWays(int32_t from) {
  constexpr int64_t kCost = 1 << 20;  // above any number of touchpoints on a way
  static_assert(MapGraph::kNodesMax < kCost);
  std::vector<int64_t> best(Index(states_), std::numeric_limits<int64_t>::max());
  using Entry = std::pair<int64_t, int32_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  best[Index(from)] = 0;
  queue.push({0, from});
  while (!queue.empty()) {
    const auto [length, state] = queue.top();
    queue.pop();
    if (length > best[Index(state)]) continue;
    for (const int32_t next : after_[Index(state)]) {
      const int64_t longer = length + (node(next).optional ? 1 : kCost + 1);
      int64_t& known = best[Index(next)];
      int32_t& step = last_step_[At(from, next)];
      if (longer < known) {
        known = longer;
        step = state;
        queue.push({longer, next});
      } else if (longer == known && next != from) {
        step = std::min(step, state);
      }
    }
  }
  for (int32_t to = 0; to < states_; ++to) {
    const int64_t length = best[Index(to)];
    if (length != std::numeric_limits<int64_t>::max()) distance_[At(from, to)] = static_cast<int32_t>(length / kCost);
  }
}

std::vector<int32_t> MapAutomaton::Way(int32_t from, int32_t to) const {
  std::vector<int32_t> way;
  for (int32_t state = to; state != from; state = last_step_[At(from, state)]) way.push_back(state);
  std::reverse(way.begin(), way.end());
  return way;
}

void MapAutomaton::FindSilentSteps(int32_t from) {
  std::deque<std::pair<int32_t, int32_t>> queue = {{from, 0}};  // behind which state, after how many steps
  while (!queue.empty()) {
    const auto [state, steps] = queue.front();
    queue.pop_front();
    if (IsEnd(state)) silent_end_[Index(from)] = std::min(silent_end_[Index(from)], steps + 1);
    for (const int32_t next : after_[Index(state)]) {
      int32_t& known = silent_[At(from, next)];
      if (known != kFar) continue;  // reached in fewer steps, or as many
      known = steps + 1;
      if (node(next).optional) queue.push_back({next, steps + 2});
    }
  }
}

std::vector<std::string> MapAutomaton::DeadTouchpoints() const {
  std::vector<std::string> dead;
  for (int32_t state = 1; state < states_; ++state) {
    const bool ends = std::any_of(ends_.begin(), ends_.end(), [&](int32_t end) { return Distance(state, end) < kFar; });
    if (!ends || Distance(0, state) == kFar) dead.push_back(node(state).name);
  }
  return dead;
}

}  // namespace throughline
