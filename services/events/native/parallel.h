// One pass over the partitions of a snapshot, on two threads where it is worth one. Any thread.
#pragma once

#include <algorithm>
#include <future>
#include <utility>

#include "services/events/native/snapshot.h"

namespace throughline {

// Below this many events a second thread costs more than it saves.
inline constexpr int64_t kParallelEventsMin = 200'000;

// Calls pass(accumulator, partition) for every partition. `make` makes an accumulator; there may be two, each for
// partitions of its own, merged by a.Merge(b) at the end: customers are disjoint, so that it is the same.
template <typename Make, typename Pass>
auto PassOverPartitions(const Snapshot& snapshot, const Make& make, const Pass& pass) {
  const auto run = [&](size_t from, size_t to) {
    auto accumulator = make();
    for (size_t i = from; i < to; ++i) pass(accumulator, *snapshot.partitions[i]);
    return accumulator;
  };
  const size_t count = snapshot.partitions.size();
  if (snapshot.watermark < kParallelEventsMin || count < 2) return run(0, count);
  size_t half = 0;
  for (int64_t events = 0; half < count - 1 && events < snapshot.watermark / 2; ++half) {
    events += snapshot.partitions[half]->size();
  }
  half = std::max<size_t>(half, 1);
  auto other = std::async(std::launch::async, run, half, count);
  auto accumulator = run(0, half);
  accumulator.Merge(other.get());
  return accumulator;
}

}  // namespace throughline
