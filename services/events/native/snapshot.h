// One consistent state of one workspace's columns. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "services/events/native/partition.h"

namespace throughline {

struct Snapshot {
  uint32_t name_codes() const { return code_counts[kNameColumn]; }

  // The events of a partition up to the watermark. Where the partition has later ones it is made for this call.
  std::shared_ptr<const Partition> At(size_t i) const {
    if (partitions[i]->size() == 0 || partitions[i]->row_max() < watermark) return partitions[i];
    return Partition::Before(*partitions[i], static_cast<uint32_t>(watermark));
  }

  int64_t watermark = 0;  // sequence of the last event; also the number of events
  uint32_t customer_count = 0;
  std::vector<std::shared_ptr<const Partition>> partitions;  // may have more than the watermark
  std::vector<int64_t> name_counts;                          // events per code of a name
  std::array<uint32_t, kCodeColumnCount> code_counts{};      // codes below these may occur
  int64_t first_time_micros = std::numeric_limits<int64_t>::max();
  int64_t last_time_micros = std::numeric_limits<int64_t>::min();
  int query_threads = 1;
};

// What was known when the last event was `watermark`, which is not above the snapshot's own: sequences, codes and
// customers are numbered in order of recording, so that it is the beginning of everything.
Snapshot KnownAt(const Snapshot& snapshot, int64_t watermark);

}  // namespace throughline
