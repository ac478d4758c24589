// Which calendar period each event lies in, without asking the calendar for each. Immutable; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "services/events/native/partition.h"
#include "throughline/calendar.h"

namespace throughline {

// The periods that cover an interval of time, numbered from 0.
class Periods {
 public:
  Periods() = default;
  // Of [first, last], at most `count_max`; `complete` says whether that is all.
  Periods(CalendarUnit unit, absl::TimeZone zone, int64_t first_micros, int64_t last_micros, int count_max);

  bool complete() const { return complete_; }
  int count() const { return static_cast<int>(days_.size()); }
  absl::CivilDay day(int period) const { return days_[static_cast<size_t>(period)]; }
  // The first instant of each period and, one more, of what follows.
  const std::vector<int64_t>& starts() const { return starts_; }

 private:
  bool complete_ = true;
  std::vector<absl::CivilDay> days_;
  std::vector<int64_t> starts_;
};

// Finds the period of a partition's times: a table says which one a slot of time begins in; the few periods that begin
// inside of a slot are walked.
template <typename Time>
class PeriodTable {
 public:
  // −1 before the first period, count() after the last.
  int Of(Time time) const {
    const auto slot = static_cast<size_t>(static_cast<uint64_t>(static_cast<int64_t>(time) - origin_) >> kSlotBits);
    int period = slots_[slot];
    while (static_cast<int64_t>(time) >= ends_[static_cast<size_t>(period + 1)]) ++period;
    return period;
  }

  PeriodTable(const Periods& periods, const TimeColumn& times) {
    constexpr int64_t kUnit = sizeof(Time) == sizeof(uint32_t) ? TimeColumn::kMicrosPerSecond : 1;
    const int64_t base = sizeof(Time) == sizeof(uint32_t) ? times.base_seconds * kUnit : 0;
    for (const int64_t start : periods.starts()) {
      // The first time at or after it.
      const int64_t difference = start - base;
      ends_.push_back(difference / kUnit + (difference % kUnit > 0 ? 1 : 0));
    }
    ends_.push_back(std::numeric_limits<int64_t>::max());
    origin_ = (times.first_micros - base) / kUnit;
    const int64_t last = (times.last_micros - base) / kUnit;
    const auto slots = static_cast<size_t>(static_cast<uint64_t>(last - origin_) >> kSlotBits) + 1;
    int period = -1;
    for (size_t slot = 0; slot < slots; ++slot) {
      const int64_t begin = origin_ + static_cast<int64_t>(slot << kSlotBits);
      while (begin >= ends_[static_cast<size_t>(period + 1)]) ++period;
      slots_.push_back(period);
    }
  }

 private:
  // 18 hours of seconds, 19 of microseconds: hardly a slot has more than two periods.
  static constexpr int kSlotBits = sizeof(Time) == sizeof(uint32_t) ? 16 : 36;

  int64_t origin_ = 0;
  std::vector<int64_t> ends_;  // of period p at p + 1; of what is before the first at 0
  std::vector<int> slots_;     // period at the beginning of each slot
};

}  // namespace throughline
