// Where the runs through a map stand.
#include "services/base/status_macros.h"
#include "services/events/native/code_pairs.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"

namespace throughline {
namespace {

// The rules of the query in microseconds.
struct Rules {
  struct Touchpoint {
    bool completes = false;
    int64_t stalled_after = kEndOfTime;
  };
  std::vector<Touchpoint> touchpoints;
  int64_t abandon_after = kEndOfTime;
  int64_t now = 0;
};

class PositionCounter {
 public:
  explicit PositionCounter(size_t touchpoint_count)
      : edges_(static_cast<uint32_t>(touchpoint_count), static_cast<uint32_t>(touchpoint_count)),
        last_run_(touchpoint_count, 0) {
    positions_.touchpoints.resize(touchpoint_count);
  }

  template <typename Block>
  void AddRun(const Block& block, uint32_t run, const Rules& rules) {
    int position = -1;
    int64_t last_visit = 0;
    bool completed = false;
    for (uint32_t i = block.begin(run); i < block.end(run); ++i) {
      if (block.numbers[i] == kNoSelector<uint16_t>) continue;
      const int touchpoint = block.numbers[i];
      const int64_t micros = block.micros(block.times[i]);
      if (position < 0) {
        ++positions_.runs;
      } else {
        AddEdge(position, touchpoint, micros - last_visit);
      }
      RunPositions::Touchpoint& visited = positions_.touchpoints[touchpoint];
      ++visited.visits;
      if (last_run_[touchpoint] != positions_.runs) {
        last_run_[touchpoint] = positions_.runs;
        ++visited.runs;
      }
      completed = completed || rules.touchpoints[touchpoint].completes;
      position = touchpoint;
      last_visit = micros;
    }
    if (position < 0) return;
    RunPositions::Counts& counts = positions_.touchpoints[position].positions;
    const int64_t waited = rules.now == kEndOfTime ? kEndOfTime : rules.now - last_visit;
    if (completed) {
      ++counts.completed;
    } else if (waited > rules.abandon_after) {
      ++counts.abandoned;
    } else if (waited > rules.touchpoints[position].stalled_after) {
      ++counts.stalled;
    } else {
      ++counts.active;
    }
  }

  RunPositions Finish() {
    for (size_t i = 0; i < edge_values_.size(); ++i) {
      const auto [from, to] = edges_.pairs()[i];
      positions_.transitions[{static_cast<int>(from), static_cast<int>(to)}].Merge(edge_values_[i]);
    }
    edge_values_.clear();
    return std::move(positions_);
  }

 private:
  void AddEdge(int from, int to, int64_t micros) {
    const uint32_t number = edges_.Number(static_cast<uint32_t>(from), static_cast<uint32_t>(to));
    if (number == edge_values_.size()) {
      edge_values_.emplace_back();
      edge_last_run_.push_back(0);
    }
    ++edge_values_[number].count;
    edge_values_[number].durations.Add(micros);
    if (edge_last_run_[number] != positions_.runs) {
      edge_last_run_[number] = positions_.runs;
      ++edge_values_[number].runs;
    }
  }

  RunPositions positions_;
  CodePairs edges_;
  std::vector<RunPositions::Transition> edge_values_;
  // Number of the run that was counted last, per touchpoint and per edge.
  std::vector<int64_t> last_run_;
  std::vector<int64_t> edge_last_run_;
};

// One thread's counter, finished before it meets another's.
struct Totals {
  std::unique_ptr<PositionCounter> counter;
  RunPositions merged;
  RunPositions Finish() {
    if (counter != nullptr) merged = counter->Finish();
    counter = nullptr;
    return std::move(merged);
  }
  void Merge(Totals other) {
    merged = Finish();
    merged.Merge(other.Finish());
  }
};

}  // namespace

absl::StatusOr<RunPositions> ComputePositions(Projection& projection, const Snapshot& snapshot,
                                              const PositionQuery& query) {
  std::vector<EventSelector> touchpoints;
  Rules rules;
  for (const PositionQuery::Touchpoint& touchpoint : query.touchpoints) {
    touchpoints.push_back(touchpoint.selector);
    rules.touchpoints.push_back({touchpoint.completes, FloorMicros(touchpoint.stalled_after)});
  }
  rules.abandon_after = FloorMicros(query.abandon_after);
  rules.now = CeilMicros(query.now);
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(touchpoints, Scope(), projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, Scope()));
  const auto pass = [&](Totals& totals, const Partition& partition) {
    RunReader(source, partition).ForEachBlock<uint16_t>([&](const auto& block) {
      for (uint32_t run = 0; run < block.runs; ++run) totals.counter->AddRun(block, run, rules);
    });
  };
  const auto make = [&] { return Totals{std::make_unique<PositionCounter>(touchpoints.size()), RunPositions()}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, Scope(), make, pass));
  return totals.Finish();
}

}  // namespace throughline
