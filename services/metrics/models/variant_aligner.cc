#include "services/metrics/models/variant_aligner.h"

#include <algorithm>

namespace throughline {

VariantAligner::VariantAligner(const MapAutomaton& automaton) : automaton_(automaton) {
  for (int32_t state = 0; state < automaton.states(); ++state) rows_.push_back(automaton.Distance(0, state));
}

void VariantAligner::Truncate(size_t visits) {
  entries_.resize(visits);
  rows_.resize((visits + 1) * Size());
}

void VariantAligner::Append(int32_t state) {
  const size_t last = entries_.size() * Size();
  rows_.resize(rows_.size() + Size());
  const int32_t* before = &rows_[last];
  int32_t* after = &rows_[last + Size()];
  for (size_t i = 0; i < Size(); ++i) after[i] = std::min(before[i] + 1, MapAutomaton::kFar);
  Entry entry = {.state = state, .cost = MapAutomaton::kFar};
  if (state >= 0) {
    for (const int32_t from : automaton_.Before(state)) entry.cost = std::min(entry.cost, before[from]);
    // The row before is closed, and so is it with one more for each state: only ways from the state entered can be new.
    for (int32_t to = 0; entry.cost < MapAutomaton::kFar && to < automaton_.states(); ++to) {
      after[to] = std::min(after[to], entry.cost + automaton_.Distance(state, to));
    }
  }
  entries_.push_back(entry);
}

int32_t VariantAligner::Cost() const {
  int32_t cost = MapAutomaton::kFar;
  for (const int32_t end : automaton_.ends()) cost = std::min(cost, CostAt(entries_.size(), end));
  return cost;
}

void VariantAligner::AppendWayReversed(int32_t from, int32_t to, std::vector<AlignmentMove>& moves) const {
  const std::vector<int32_t> way = automaton_.Way(from, to);
  for (auto state = way.rbegin(); state != way.rend(); ++state) {
    const auto kind = automaton_.node(*state).optional ? AlignmentMove::Kind::kSkip : AlignmentMove::Kind::kModel;
    moves.push_back({.kind = kind, .node = automaton_.NodeOf(*state)});
  }
}

std::vector<AlignmentMove> VariantAligner::Moves() const {
  using Kind = AlignmentMove::Kind;
  std::vector<AlignmentMove> moves;
  const int32_t total = Cost();
  size_t visits = entries_.size();
  int32_t state = *std::find_if(automaton_.ends().begin(), automaton_.ends().end(),
                                [&](int32_t end) { return CostAt(visits, end) == total; });
  while (visits > 0) {
    const Entry& entry = entries_[visits - 1];
    const auto visit = static_cast<int32_t>(visits - 1);
    const int32_t cost = CostAt(visits, state);
    if (entry.state == state && entry.cost == cost) {
      moves.push_back({.kind = Kind::kSynchronous, .node = automaton_.NodeOf(state), .visit = visit});
      const std::vector<int32_t>& before = automaton_.Before(state);
      --visits;
      state = *std::find_if(before.begin(), before.end(), [&](int32_t from) { return CostAt(visits, from) == cost; });
    } else if (CostAt(visits - 1, state) + 1 == cost) {
      const int32_t node = entry.state < 0 ? -1 : automaton_.NodeOf(entry.state);
      moves.push_back({.kind = Kind::kLog, .node = node, .visit = visit});
      --visits;
    } else {
      AppendWayReversed(entry.state, state, moves);
      state = entry.state;
    }
  }
  AppendWayReversed(0, state, moves);
  std::reverse(moves.begin(), moves.end());
  return moves;
}

}  // namespace throughline
