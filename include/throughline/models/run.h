// RunLog: runs with their visits, as the models read them that need more than counts. Plain values; not thread-safe.
//
// Names stand once, in tables, and visits refer to them by index, so that a hundred thousand runs are compared by
// numbers. The order of the tables and of the runs never changes what a model says.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "throughline/aggregates.h"

namespace throughline {

struct RunLog {
  static constexpr int32_t kNone = -1;  // no channel, no department
  static constexpr int64_t kRunsMax = 5'000'000;
  static constexpr int64_t kVisitsMax = 20'000'000;  // of all runs together

  static constexpr int64_t kTimeMicrosMax = 253'402'300'800'000'000;  // the year 10000; as far before 1970 too

  struct Visit {
    int32_t touchpoint = 0;  // index into touchpoints
    int32_t channel = kNone;
    int32_t department = kNone;
    int64_t time_micros = 0;  // since the epoch; visits of a run stand in the order of their time
  };
  struct Run {
    std::vector<Visit> visits;
    std::optional<bool> converted;  // absent: nobody said what the goal is
  };

  std::vector<std::string> touchpoints;  // each name once
  std::vector<std::string> channels;
  std::vector<std::string> departments;
  std::vector<Run> runs;
};

// OK, or INVALID_ARGUMENT (INVALID_FIELD) with the path of the first thing that is wrong: a name that stands twice, an
// index outside its table, visits that go back in time or lie beyond kTimeMicrosMax, more runs or visits than the
// limits above.
absl::Status ValidateRunLog(const RunLog& log);

// Of all runs with visits, how many took which way. Every variant is listed; bucket_runs stays empty.
VariantCounts VariantsOf(const RunLog& log);

}  // namespace throughline
