// Which calendar period each event lies in, without asking the calendar for each. Immutable; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
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
  // What each of them lasts; 0 if they differ, or there are none.
  int64_t length_micros() const { return length_micros_; }

 private:
  bool complete_ = true;
  int64_t length_micros_ = 0;
  std::vector<absl::CivilDay> days_;
  std::vector<int64_t> starts_;
};

// Finds the period of a partition's times: a table of slots of time says which period a slot begins in, and where in it
// the next one begins.
template <typename Time>
class PeriodTable {
 public:
  // −1 before the first period, count() after the last.
  int Of(Time time) const {
    const Slot& slot =
        slots_[static_cast<size_t>(static_cast<uint64_t>(static_cast<int64_t>(time) - origin_) >> bits_)];
    return time < slot.boundary ? slot.before : slot.after;
  }

  PeriodTable(const Periods& periods, const TimeColumn& times) {
    constexpr int64_t kUnit = sizeof(Time) == sizeof(uint32_t) ? TimeColumn::kMicrosPerSecond : 1;
    const int64_t base = sizeof(Time) == sizeof(uint32_t) ? times.base_seconds * kUnit : 0;
    std::vector<int64_t> ends;  // of period p at p + 1, of what is before the first at 0
    for (const int64_t start : periods.starts()) {
      // The first time at or after it.
      const int64_t difference = start - base;
      ends.push_back(difference / kUnit + (difference % kUnit > 0 ? 1 : 0));
    }
    ends.push_back(std::numeric_limits<int64_t>::max());
    origin_ = (times.first_micros - base) / kUnit;
    const int64_t last = (times.last_micros - base) / kUnit;
    while (!Fill(ends, last)) --bits_;
  }

 private:
  struct Slot {
    Time boundary = 0;  // times before it are in `before`, others in `after`
    int before = 0;
    int after = 0;
    int unused = 0;  // a power of two
  };
  // 18 hours of seconds, 19 of microseconds: less than a calendar day ever had.
  static constexpr int kSlotBits = sizeof(Time) == sizeof(uint32_t) ? 16 : 36;

  // False if a slot has two boundaries.
  bool Fill(const std::vector<int64_t>& ends, int64_t last) {
    slots_.clear();
    const auto count = static_cast<size_t>(static_cast<uint64_t>(last - origin_) >> bits_) + 1;
    size_t period = 0;  // one more than its number
    for (size_t i = 0; i < count; ++i) {
      const int64_t begin = origin_ + static_cast<int64_t>(i << bits_);
      const int64_t end = begin + (int64_t{1} << bits_);
      while (begin >= ends[period]) ++period;
      Slot& slot = slots_.emplace_back();
      slot.before = slot.after = static_cast<int>(period) - 1;
      slot.boundary = std::numeric_limits<Time>::max();
      const int64_t boundary = ends[period];
      if (boundary >= end || boundary > last) continue;
      slot.boundary = static_cast<Time>(boundary);
      while (boundary >= ends[period]) ++period;  // periods of no length
      slot.after = static_cast<int>(period) - 1;
      if (ends[period] < end) return false;
    }
    return true;
  }

  int bits_ = kSlotBits;
  int64_t origin_ = 0;
  std::vector<Slot> slots_;
};

// The same for periods that are all as long, as days and weeks are in a zone whose clocks stay: by multiplying. Of a
// partition's times only, which are whole seconds and lie in the periods.
class EqualPeriods {
 public:
  // None if they are not.
  static std::optional<EqualPeriods> Find(const Periods& periods, const TimeColumn& times);

  int Of(uint32_t time) const {
    // Exact for what has 32 bits (Lemire, Kaser, Kurz: Faster remainder by direct computation, 2019).
    return static_cast<int>((static_cast<unsigned __int128>(inverse_) * (time + uint64_t{offset_})) >> 64);
  }

 private:
  uint32_t offset_ = 0;   // seconds from the first period to the partition's base
  uint64_t inverse_ = 0;  // 2^64 / seconds of a period, rounded up
};

}  // namespace throughline
