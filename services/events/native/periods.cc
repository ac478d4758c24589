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
  length_micros_ = starts_[1] - starts_[0];
  for (size_t i = 1; i < starts_.size(); ++i) {
    if (starts_[i] - starts_[i - 1] != length_micros_) length_micros_ = 0;
  }
}

std::optional<EqualPeriods> EqualPeriods::Find(const Periods& periods, const TimeColumn& times) {
  constexpr int64_t kMicros = TimeColumn::kMicrosPerSecond;
  if (!times.in_seconds || periods.length_micros() == 0 || periods.length_micros() % kMicros != 0) return std::nullopt;
  const int64_t first = periods.starts().front();
  // The base is the first time, which lies in one of the periods.
  if (times.base_seconds * kMicros < first || first % kMicros != 0) return std::nullopt;
  const int64_t offset = times.base_seconds - first / kMicros;
  const int64_t last = times.last_micros / kMicros - first / kMicros;
  if (last > std::numeric_limits<uint32_t>::max() || times.last_micros >= periods.starts().back()) return std::nullopt;
  EqualPeriods out;
  out.offset_ = static_cast<uint32_t>(offset);
  const auto seconds = static_cast<uint64_t>(periods.length_micros() / kMicros);
  out.inverse_ = std::numeric_limits<uint64_t>::max() / seconds + 1;
  return out;
}

}  // namespace throughline
