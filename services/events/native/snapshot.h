// One consistent state of one workspace's columns. Immutable; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "services/events/native/partition.h"

namespace throughline {

struct Snapshot {
  uint32_t name_codes() const { return static_cast<uint32_t>(name_counts.size()); }

  int64_t watermark = 0;  // sequence of the last event; also the number of events
  uint32_t customer_count = 0;
  std::vector<std::shared_ptr<const Partition>> partitions;
  std::vector<int64_t> name_counts;  // events per code of a name
  // Codes below these may occur.
  uint32_t source_codes = 0;
  uint32_t channel_codes = 0;
  uint32_t department_codes = 0;
  uint32_t survey_codes = 0;
  int64_t first_time_micros = std::numeric_limits<int64_t>::max();
  int64_t last_time_micros = std::numeric_limits<int64_t>::min();
};

}  // namespace throughline
