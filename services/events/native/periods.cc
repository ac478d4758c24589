#include "services/events/native/periods.h"

#include "services/events/native/windows.h"

namespace throughline {

Periods::Periods(CalendarUnit unit, absl::TimeZone zone, int64_t first_micros, int64_t last_micros, int count_max) {
  if (first_micros > last_micros) return;
  absl::CivilDay day = PeriodOf(absl::FromUnixMicros(first_micros), unit, zone);
  const absl::CivilDay last = PeriodOf(absl::FromUnixMicros(last_micros), unit, zone);
  for (; day <= last; day = AddPeriods(day, unit, 1)) {
    if (count() == count_max) {
      complete_ = false;
      break;
    }
    days_.push_back(day);
    starts_.push_back(CeilMicros(PeriodStart(day, zone)));
  }
  starts_.push_back(CeilMicros(PeriodStart(day, zone)));
}

}  // namespace throughline
