// One pass over the partitions of a snapshot, on as many threads as the store was given, which can be called off. Any
// thread.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/base/status_macros.h"
#include "services/events/native/snapshot.h"
#include "throughline/event_queries.h"

namespace throughline {

// Below this many events for each, another thread costs more than it saves.
inline constexpr int64_t kThreadEventsMin = 100'000;

// Calls run(0) to run(count - 1), each on a thread of its own; the first on the caller's.
template <typename Run>
void RunOnThreads(size_t count, const Run& run) {
  std::vector<std::thread> others;
  for (size_t i = 1; i < count; ++i) others.emplace_back([&run, i] { run(i); });
  run(0);
  for (std::thread& other : others) other.join();
}

// Calls pass(accumulator, partition) for every partition. `make` makes an accumulator, one for each thread; they are
// merged by a.Merge(std::move(b)) at the end: customers are disjoint, so that it is the same. Between two partitions,
// which one thread reads in a few milliseconds, the scope's deadline and cancellation are looked at. As Snapshot::At.
template <typename Make, typename Pass>
auto PassOverPartitions(const Snapshot& snapshot, const Scope& scope, const Make& make, const Pass& pass)
    -> absl::StatusOr<decltype(make())> {
  std::atomic<size_t> next = 0;
  std::atomic<bool> stop = false;
  std::mutex failure_mutex;
  absl::Status failure;
  const auto still_wanted = [&] { return StillWanted(scope); };
  const auto read = [&](auto& accumulator, size_t i) -> absl::Status {
    // Nothing is merged or read of a partition without a customer that is meant.
    const uint32_t first = snapshot.partitions[i]->first_customer();
    const uint32_t end = first + snapshot.partitions[i]->customer_count();
    if (scope.customers != nullptr && !scope.customers->ContainsAny(first, end)) return absl::OkStatus();
    RETURN_IF_ERROR(snapshot.Prepare(i, still_wanted));
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition, snapshot.At(i));
    pass(accumulator, *partition);
    return absl::OkStatus();
  };
  const auto run = [&](auto& accumulator) {
    while (!stop.load(std::memory_order_relaxed)) {
      absl::Status status = still_wanted();
      const size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (status.ok() && i >= snapshot.partitions.size()) return;
      if (status.ok()) status = read(accumulator, i);
      if (status.ok()) continue;
      const std::lock_guard lock(failure_mutex);
      failure = std::move(status);
      stop = true;
    }
  };
  const int allowed = scope.threads > 0 ? std::min(scope.threads, snapshot.query_threads) : snapshot.query_threads;
  const auto most = std::min<int64_t>(allowed, static_cast<int64_t>(snapshot.partitions.size()));
  const auto threads =
      static_cast<size_t>(std::clamp<int64_t>(snapshot.watermark / kThreadEventsMin, 1, std::max<int64_t>(most, 1)));
  std::vector<decltype(make())> accumulators;
  for (size_t i = 0; i < threads; ++i) accumulators.push_back(make());
  RunOnThreads(threads, [&](size_t i) { run(accumulators[i]); });
  if (!failure.ok()) return failure;
  for (size_t i = 1; i < threads; ++i) accumulators[0].Merge(std::move(accumulators[i]));
  return std::move(accumulators[0]);
}

}  // namespace throughline
