// Event selectors compiled against the dictionary codes of one snapshot: a comparison with a dictionary column is
// decided once per distinct value, and what the event's name decides alone is decided once per name.
// A SelectorSet is immutable; any thread. A Matcher belongs to one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/events/native/projection.h"
#include "services/events/native/snapshot.h"
#include "throughline/events.h"

namespace throughline {

class SelectorSet {
 public:
  class Matcher;

  // INVALID_ARGUMENT (INVALID_FILTER) for a comparison with a value of another type; as Projection::Properties for the
  // properties that the filters name.
  static absl::StatusOr<SelectorSet> Compile(absl::Span<const EventSelector> selectors, Projection& projection,
                                             const Snapshot& snapshot);

  int size() const { return selector_count_; }

 private:
  friend class Matcher;
  class Compiler;

  // Columns of dictionary codes; properties_[i] is kColumnCount + i.
  enum Column { kName, kSource, kChannel, kDepartment, kSurvey, kColumnCount };

  struct Node {
    enum class Kind { kFalse, kTrue, kTable, kScore, kAmount, kTime, kAnd, kOr, kNot };
    Kind kind = Kind::kFalse;
    int column = 0;                             // kTable
    std::vector<uint8_t> table;                 // kTable: per code, 0 or 1
    std::shared_ptr<const FilterNode> compare;  // kScore, kAmount
    bool when_missing = false;                  // kScore, kAmount
    int64_t from_micros = 0, to_micros = 0;     // kTime: holds in [from, to) …
    bool outside = false;                       // … or only outside of it
    std::vector<int> children;                  // kAnd, kOr, kNot
  };
  static constexpr int kAlways = -1;
  struct Candidate {
    int selector = 0;
    int node = kAlways;  // what still has to be asked of the event
  };

  std::vector<Node> nodes_;
  int selector_count_ = 0;
  std::vector<const PropertyColumn*> properties_;
  // By code of the name: candidates_[begins_[name]] to candidates_[begins_[name + 1]], by selector.
  std::vector<uint32_t> begins_;
  std::vector<Candidate> candidates_;
};

// The events of one partition against a set.
class SelectorSet::Matcher {
 public:
  Matcher(const SelectorSet& set, const Partition& partition);

  // Whether any selector matches event `i`.
  bool Any(uint32_t i) const { return First(i) >= 0; }

  // The first selector that matches, -1 if none does.
  int First(uint32_t i) const {
    const uint32_t name = names_[i];
    for (uint32_t c = begins_[name]; c < begins_[name + 1]; ++c) {
      if (Holds(candidates_[c], i)) return candidates_[c].selector;
    }
    return -1;
  }

  // Calls f(selector) for each that matches, in their order.
  template <typename F>
  void ForEach(uint32_t i, F&& f) const {
    const uint32_t name = names_[i];
    for (uint32_t c = begins_[name]; c < begins_[name + 1]; ++c) {
      if (Holds(candidates_[c], i)) f(candidates_[c].selector);
    }
  }

  // Whether the name alone rules event `i` out.
  bool Hopeless(uint32_t i) const { return begins_[names_[i]] == begins_[names_[i] + 1]; }

 private:
  bool Holds(const Candidate& candidate, uint32_t i) const {
    return candidate.node == kAlways || Evaluate(candidate.node, i);
  }
  bool Evaluate(int node, uint32_t i) const;

  const SelectorSet& set_;
  const uint32_t* const names_;
  const uint32_t* const begins_;
  const Candidate* const candidates_;
  std::vector<const uint32_t*> columns_;
  const ValueKind* const value_kinds_;
  const double* const values_;
  const int64_t* const times_;
};

}  // namespace throughline
