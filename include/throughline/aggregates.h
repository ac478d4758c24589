// Aggregates: small mergeable summaries of events. An engine computes them in one pass; a model (throughline/models)
// turns them into numbers. No statistics here. Plain values; not thread-safe.
//
// For aggregates A and B of the same question over disjoint sets of customers, `A.Merge(B)` is the aggregate of the
// union: shards, threads and increments rely on it (tests/unit/base/aggregates_test.cc).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace throughline {

// Durations in microseconds, for quantiles. Exact up to kExactMax values; above, each value is kept to a relative
// error of at most kRelativeErrorMax. Which of the two holds depends on the number of values alone, so the order of
// Add and Merge never changes the result, bit for bit.
class DurationSketch {
 public:
  static constexpr int64_t kExactMax = 65536;
  static constexpr double kRelativeErrorMax = 0.002;

  // Negative durations are not durations: callers count them apart.
  void Add(int64_t micros);
  void Merge(const DurationSketch& other);

  int64_t count() const { return count_; }
  bool exact() const { return count_ <= kExactMax; }
  // The value at zero-based rank ⌈q·n⌉ − 1 of the sorted values (at least rank 0); q in [0, 1]. Microseconds.
  // Must not be called on an empty sketch.
  int64_t Quantile(double q) const;

 private:
  void Collapse();
  static int32_t Bin(int64_t micros);
  static int64_t BinValue(int32_t bin);

  int64_t count_ = 0;
  mutable std::vector<int64_t> values_;  // while exact; sorted on demand
  mutable bool sorted_ = true;
  std::map<int32_t, int64_t> bins_;  // afterwards
};

// How many events, and of how many customers.
struct VolumeAggregate {
  int64_t events = 0;
  int64_t customers = 0;
  void Merge(const VolumeAggregate& other);
};

// Survey scores. Whole scores 0 … 100 are counted one by one, all others together.
struct ScoreHistogram {
  static constexpr int kScoreMax = 100;
  std::array<int64_t, kScoreMax + 1> counts{};
  int64_t other = 0;    // not whole, or outside 0 … 100
  int64_t missing = 0;  // matching events without a score
  void Merge(const ScoreHistogram& other_histogram);
};

// Funnel: how many runs reached each step (metrics.md section 4).
struct StepReach {
  std::vector<int64_t> reached;  // per step: runs whose best attempt took it
  int64_t runs = 0;              // all runs that were read, whatever the window
  int64_t immature = 0;  // entered, not through, and the window of the latest attempt is still open (if it has an end)
  void Merge(const StepReach& other);
};

// Runs that visit one touchpoint and then another.
struct PairAggregate {
  int64_t entered = 0;       // runs whose first `from` event lies in the window
  int64_t converted = 0;     // of these, with a `to` event at or after it, within the conversion window
  int64_t immature = 0;      // not converted, and the conversion window has not elapsed yet (never so without end)
  int64_t negative = 0;      // not converted, and every `to` event lies before the first `from`: a negative interval
  int64_t target_only = 0;   // runs without any `from` whose first `to` lies in the window; beside `entered`
  DurationSketch durations;  // first `from` to the first `to` at or after it
  void Merge(const PairAggregate& other);
};

// Directly-follows graph over symbols (event names, or touchpoints of a map).
struct TransitionGraph {
  struct Node {
    int64_t events = 0;
    int64_t runs = 0;    // runs with at least one
    int64_t starts = 0;  // runs that begin with it
    int64_t ends = 0;    // runs that end with it
    // Σ over its events of the event's place in its run, 0 (first) to 1 000 000 (last); 0 in runs of one event.
    int64_t place_millionths = 0;
    std::map<std::string, int64_t> channels;     // events per channel, empty channel left out
    std::map<std::string, int64_t> departments;  // events per department, empty left out
    void Merge(const Node& other);
  };
  struct Edge {
    int64_t count = 0;
    DurationSketch durations;
    void Merge(const Edge& other);
  };
  std::map<std::string, Node> nodes;
  std::map<std::pair<std::string, std::string>, Edge> edges;
  int64_t events = 0;
  int64_t runs = 0;
  void Merge(const TransitionGraph& other);
};

// Where the runs through a map stand.
struct RunPositions {
  struct Counts {
    int64_t active = 0;
    int64_t completed = 0;
    int64_t abandoned = 0;
    int64_t stalled = 0;
    void Merge(const Counts& other);
  };
  struct Touchpoint {
    int64_t visits = 0;
    int64_t runs = 0;
    Counts positions;
    void Merge(const Touchpoint& other);
  };
  // Adjacent visits from one touchpoint to another.
  struct Transition {
    int64_t count = 0;
    int64_t runs = 0;  // runs with at least one
    DurationSketch durations;
    void Merge(const Transition& other);
  };
  std::vector<Touchpoint> touchpoints;                    // in the order of the query
  std::map<std::pair<int, int>, Transition> transitions;  // by touchpoint index
  int64_t runs = 0;
  void Merge(const RunPositions& other);
};

}  // namespace throughline
