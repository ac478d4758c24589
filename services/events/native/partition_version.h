// The events of a partition at one moment: those of a base, and those that came since. They are merged when someone
// first reads them, by whoever does: an append leaves a view nothing to do for what it never looks at, and the threads
// of a question share the work. Never changes to the eye; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/statusor.h"
#include "services/events/native/partition.h"

namespace throughline {

// What merging needs besides the events. Lives as long as the projection.
struct MergeSources {
  const StringDictionary* texts = nullptr;  // of the column of sources
  Partition::ReadId read_id;
  std::shared_ptr<const ColumnCache> cache = nullptr;  // of partitions of people; null: there are none
};

class PartitionVersion {
 public:
  explicit PartitionVersion(std::shared_ptr<const Partition> whole);
  // `customer_count` customers from `first_customer`: the events of `before` (may be null) and of `tail`, which come
  // later in the log.
  PartitionVersion(uint32_t first_customer, uint32_t customer_count, const PartitionVersion* before, Tail tail,
                   std::shared_ptr<const MergeSources> sources);
  // The same events; what is merged of them is in `base` instead of `old`. Null if it is not in `old`.
  std::shared_ptr<const PartitionVersion> Over(const Partition& old, std::shared_ptr<const Partition> base) const;

  uint32_t first_customer() const { return first_customer_; }
  uint32_t customer_count() const { return customer_count_; }
  int64_t size() const { return size_; }         // events
  uint32_t row_max() const { return row_max_; }  // sequence - 1 of the last one in the log
  size_t unmerged() const;                       // events that nobody has merged yet

  // As Partition::ReadId, after which the next call tries again.
  absl::StatusOr<std::shared_ptr<const Partition>> Get() const;

 private:
  PartitionVersion(const PartitionVersion& same, std::shared_ptr<const Partition> base, Tail tail);

  const uint32_t first_customer_;
  const uint32_t customer_count_;
  int64_t size_ = 0;
  uint32_t row_max_ = 0;
  const std::shared_ptr<const MergeSources> sources_;

  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Partition> base_;  // null: there are no events but the tail's
  mutable Tail tail_;                              // empty: the base is all
};

}  // namespace throughline
