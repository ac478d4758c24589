#include "throughline/calendar.h"

namespace throughline {
namespace {

constexpr int kMonthsPerQuarter = 3;
constexpr int kDaysPerWeek = 7;

}  // namespace

absl::CivilDay PeriodOf(absl::CivilDay day, CalendarUnit unit) {
  switch (unit) {
    case CalendarUnit::kDay:
      return day;
    case CalendarUnit::kWeek:
      return absl::PrevWeekday(day + 1, absl::Weekday::monday);
    case CalendarUnit::kMonth:
      return absl::CivilDay(absl::CivilMonth(day));
    case CalendarUnit::kQuarter:
      return absl::CivilDay(day.year(), (day.month() - 1) / kMonthsPerQuarter * kMonthsPerQuarter + 1, 1);
    case CalendarUnit::kYear:
      return absl::CivilDay(absl::CivilYear(day));
  }
  return day;
}

absl::CivilDay PeriodOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone) {
  const absl::CivilDay day = absl::ToCivilDay(time, zone);
  // Set back over midnight, the clock shows the day before again.
  return PeriodOf(PeriodStart(day + 1, zone) <= time ? day + 1 : day, unit);
}

absl::CivilDay AddPeriods(absl::CivilDay period, CalendarUnit unit, int64_t count) {
  switch (unit) {
    case CalendarUnit::kDay:
      return period + count;
    case CalendarUnit::kWeek:
      return period + kDaysPerWeek * count;
    case CalendarUnit::kMonth:
      return absl::CivilDay(absl::CivilMonth(period) + count);
    case CalendarUnit::kQuarter:
      return absl::CivilDay(absl::CivilMonth(period) + kMonthsPerQuarter * count);
    case CalendarUnit::kYear:
      return absl::CivilDay(absl::CivilYear(period) + count);
  }
  return period;
}

int64_t PeriodsBetween(absl::CivilDay from, absl::CivilDay to, CalendarUnit unit) {
  switch (unit) {
    case CalendarUnit::kDay:
      return to - from;
    case CalendarUnit::kWeek:
      return (to - from) / kDaysPerWeek;
    case CalendarUnit::kMonth:
      return absl::CivilMonth(to) - absl::CivilMonth(from);
    case CalendarUnit::kQuarter:
      return (absl::CivilMonth(to) - absl::CivilMonth(from)) / kMonthsPerQuarter;
    case CalendarUnit::kYear:
      return absl::CivilYear(to) - absl::CivilYear(from);
  }
  return 0;
}

absl::Time PeriodStart(absl::CivilDay period, absl::TimeZone zone) { return absl::FromCivil(period, zone); }

}  // namespace throughline
