// Runs that visit one touchpoint and then another, and how long they take.
#include <array>

#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"

namespace throughline {
namespace {

constexpr int kFrom = 0;
constexpr int kTo = 1;
constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

// What a run has of both sides.
struct Pair {
  int64_t from = kNone;      // time of the first `from`
  int64_t first_to = kNone;  // time of the first `to` at all
  int64_t to = kNone;        // time of the first `to` at or after the first `from`, by another event
  int64_t last_to = kNone;   // time of the last `to` at all
};

template <typename Block>
Pair ReadPair(const Block& block, uint32_t run) {
  Pair pair;
  // At the moment of the first `from`: events that are `from`, `to` and both. The two sides need two events, in
  // whatever order they are stored.
  int from_count = 0, to_count = 0, both_count = 0;
  int64_t to_time_before = kNone;  // the last `to` so far, and how many stand at that moment
  int to_at_moment = 0;
  for (uint32_t i = block.begin(run); i < block.end(run); ++i) {
    const uint64_t sides = block.numbers[i];
    if (sides == 0) continue;
    const std::array<bool, 2> is = {(sides >> kFrom & 1) != 0, (sides >> kTo & 1) != 0};
    const int64_t time = block.micros(block.times[i]);
    if (is[kFrom] && pair.from == kNone) {
      pair.from = time;
      to_count = to_time_before == time ? to_at_moment : 0;
    }
    if (is[kTo]) {
      to_at_moment = to_time_before == time ? to_at_moment + 1 : 1;
      to_time_before = time;
      if (pair.first_to == kNone) pair.first_to = time;
      pair.last_to = time;
    }
    if (pair.from == kNone) continue;
    if (time == pair.from) {
      from_count += is[kFrom];
      to_count += is[kTo];
      both_count += is[kFrom] && is[kTo];
      const bool two_events = to_count > 0 && from_count > 0 && from_count + to_count - both_count >= 2;
      if (two_events) pair.to = time;
    } else if (is[kTo] && pair.to == kNone) {
      pair.to = time;
    }
  }
  return pair;
}

}  // namespace

absl::StatusOr<std::vector<PairAggregate>> ComputePairs(Projection& projection, const Snapshot& snapshot,
                                                        const PairQuery& query) {
  const std::array<EventSelector, 2> sides = {query.from, query.to};
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(sides, Scope(), projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, Scope()));
  const Windows windows(query.windows);
  const int64_t window_micros = FloorMicros(query.conversion_window);
  const int64_t now = CeilMicros(query.now);
  using Totals = PerWindow<PairAggregate>;

  const auto count = [&](Totals& totals, const Pair& pair) {
    if (pair.from == kNone) {
      if (pair.first_to == kNone) return;
      windows.ForEach(pair.first_to, [&](size_t window) { ++totals.windows[window].target_only; });
      return;
    }
    const bool converted = pair.to != kNone && pair.to - pair.from <= window_micros;
    windows.ForEach(pair.from, [&](size_t window) {
      PairAggregate& aggregate = totals.windows[window];
      ++aggregate.entered;
      if (converted) {
        ++aggregate.converted;
        aggregate.durations.Add(pair.to - pair.from);
        return;
      }
      aggregate.negative += pair.last_to != kNone && pair.last_to < pair.from;
      aggregate.immature += IsImmature(pair.from, window_micros, now);
    });
  };
  const auto pass = [&](Totals& totals, const Partition& partition) {
    RunReader(source, partition).ForEachBlock<uint64_t>([&](const auto& block) {
      for (uint32_t run = 0; run < block.runs; ++run) count(totals, ReadPair(block, run));
    });
  };
  const auto make = [&] { return Totals{std::vector<PairAggregate>(windows.size())}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, Scope(), make, pass));
  return std::move(totals.windows);
}

}  // namespace throughline
