// Cohort retention: who came back. Pure function; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "throughline/aggregates.h"
#include "throughline/calendar.h"
#include "throughline/models/estimate.h"

namespace throughline {

inline constexpr size_t kRetentionCohortsMax = 10'000;
inline constexpr size_t kRetentionPeriodsMax = 1'000;

struct RetentionCell {
  // False: its period had not ended when the data did, so that the cell is not observable yet: `share` is undefined,
  // and not 0.
  bool observable = false;
  absl::CivilDay period;  // first day
  int64_t active = 0;     // so far
  Estimate share;         // active / size, Wilson interval; n is the cohort's size
};
struct RetentionCohort {
  absl::CivilDay period;  // first day of the period in which its customers came
  int64_t customers = 0;
  std::vector<RetentionCell> cells;  // by periods since, from 0
};

// Cell (c, k): distinct customers of cohort c with an activity in period c + k, divided by the customers of c.
// `observed_until` is the first day about which not everything is known: a period is observable if its last day lies
// before it. The cell k = 0 of a cohort whose own period is unfinished is not observable either: its customers are
// still coming.
//
// INVALID_FIELD: a cohort that is no first day of a period, negative counts, more active than customers, a level
// outside (0, 1). LIMIT_EXCEEDED.
absl::StatusOr<std::vector<RetentionCohort>> CohortRetention(const CohortMatrix& matrix, CalendarUnit unit,
                                                             absl::CivilDay observed_until,
                                                             const EstimateOptions& options = {});

}  // namespace throughline
