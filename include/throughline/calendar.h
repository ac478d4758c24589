// Calendar periods in a time zone: days, weeks that begin on Monday (ISO 8601), months, quarters and years. A period is
// named by its first day. Pure functions; any thread.
#pragma once

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace throughline {

enum class CalendarUnit { kDay, kWeek, kMonth, kQuarter, kYear };

// The first day of the period that a day lies in, or that began last at or before a time: clocks may be set back.
absl::CivilDay PeriodOf(absl::CivilDay day, CalendarUnit unit);
absl::CivilDay PeriodOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone);
// The period `count` periods later; `period` is a first day.
absl::CivilDay AddPeriods(absl::CivilDay period, CalendarUnit unit, int64_t count);
// How many periods from one to the other; both are first days.
int64_t PeriodsBetween(absl::CivilDay from, absl::CivilDay to, CalendarUnit unit);
// The period's first instant: midnight, or what comes first where a change of the clock leaves midnight out.
absl::Time PeriodStart(absl::CivilDay period, absl::TimeZone zone);

}  // namespace throughline
