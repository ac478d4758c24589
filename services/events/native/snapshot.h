// One consistent state of one workspace's columns. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/events/native/partition_version.h"
#include "services/events/native/people.h"

namespace throughline {

struct Snapshot {
  uint32_t name_codes() const { return code_counts[kNameColumn]; }

  // The events of a partition's people up to the watermark. Where the partition has later ones it is made for this
  // call. As PartitionVersion::Get.
  absl::StatusOr<std::shared_ptr<const Partition>> At(size_t i) const;
  // What At may take long for is done here, with looks in between at whether anyone still wants it: the status of the
  // first that says no.
  absl::Status Prepare(size_t i, const std::function<absl::Status()>& still_wanted) const;
  // The same of customers as they were recorded.
  absl::StatusOr<std::shared_ptr<const Partition>> RecordedAt(size_t i) const;

  // The customer that has the events of this one.
  uint32_t HomeOf(uint32_t customer) const;
  // What the person whose home this is is called.
  const std::string& NameOf(uint32_t home, const Dictionaries& dictionaries) const;

  int64_t watermark = 0;                                     // sequence of the last event
  int64_t events = 0;                                        // up to it
  int64_t customers = 0;                                     // that have events; people, where links join several
  uint32_t customer_codes = 0;                               // codes below this may occur
  PartitionVersions partitions;                              // as recorded; may have more than the watermark
  std::vector<std::shared_ptr<const PeopleVersion>> people;  // null, or not there: as recorded
  uint64_t people_epoch = 0;                                 // how often the projection has made its people anew
  std::shared_ptr<const std::vector<KeptUnlink>> kept_unlinks = std::make_shared<const std::vector<KeptUnlink>>();
  std::shared_ptr<const People> past_people;             // not null: not the projection's
  std::vector<int64_t> name_counts;                      // events per code of a name
  std::array<uint32_t, kCodeColumnCount> code_counts{};  // codes below these may occur
  int64_t first_time_micros = std::numeric_limits<int64_t>::max();
  int64_t last_time_micros = std::numeric_limits<int64_t>::min();
  int query_threads = 1;
};

// Those that have events.
int64_t CountCustomers(const Partition& partition);

// What was known when the last event was `watermark`, which is not above the snapshot's own: sequences, codes and
// customers are numbered in order of recording, so that it is the beginning of everything. As PartitionVersion::Get.
absl::StatusOr<Snapshot> KnownAt(const Snapshot& snapshot, int64_t watermark, const Dictionaries& dictionaries,
                                 const std::shared_ptr<const MergeSources>& sources);

}  // namespace throughline
