// VariantAligner: optimal alignments of variants with a map. Not thread-safe.
//
// For each visit it holds the cost of the cheapest way to be in each state of the map after it. Variants that are asked
// in the order of their visits share the rows of their common beginnings.
#pragma once

#include <cstdint>
#include <vector>

#include "services/metrics/models/map_automaton.h"
#include "throughline/models/conformance.h"

namespace throughline {

class VariantAligner {
 public:
  // The automaton must outlive the aligner and have a way to an end.
  explicit VariantAligner(const MapAutomaton& automaton);

  // Forgets all visits but the first `visits`.
  void Truncate(size_t visits);
  // `state`: the one that the visit enters; -1: it is not on the map. O(states).
  void Append(int32_t state);

  int32_t Cost() const;
  // The canonical optimal alignment (conformance.h). The cost of its moves is Cost().
  std::vector<AlignmentMove> Moves() const;

 private:
  struct Entry {
    int32_t state;  // that the visit enters; -1: none
    int32_t cost;   // of entering it synchronously; kFar: cannot
  };

  size_t Size() const { return static_cast<size_t>(automaton_.states()); }
  int32_t CostAt(size_t visits, int32_t state) const { return rows_[visits * Size() + static_cast<size_t>(state)]; }
  // The way of the map from one state to another, last move first.
  void AppendWayReversed(int32_t from, int32_t to, std::vector<AlignmentMove>& moves) const;

  const MapAutomaton& automaton_;
  std::vector<int32_t> rows_;   // a row for each number of visits from 0, closed under moves of the map alone
  std::vector<Entry> entries_;  // by visit
};

}  // namespace throughline
