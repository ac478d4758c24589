// Times and windows in microseconds, as columns have them. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"
#include "throughline/events.h"

namespace throughline {

inline constexpr int64_t kEndOfTime = std::numeric_limits<int64_t>::max();

// The first microsecond at or after the time.
inline int64_t CeilMicros(absl::Time time) {
  if (time == absl::InfiniteFuture()) return kEndOfTime;
  if (time == absl::InfinitePast()) return std::numeric_limits<int64_t>::min();
  const int64_t floor = absl::ToUnixMicros(time);
  return absl::FromUnixMicros(floor) < time ? floor + 1 : floor;
}

// The whole microseconds of a duration; kEndOfTime if it is infinite.
inline int64_t FloorMicros(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return kEndOfTime;
  return absl::ToInt64Microseconds(absl::Floor(duration, absl::Microseconds(1)));
}

class Windows {
 public:
  explicit Windows(const std::vector<TimeRange>& ranges) {
    for (const TimeRange& range : ranges) ranges_.push_back({CeilMicros(range.start), CeilMicros(range.end)});
  }
  explicit Windows(const TimeRange& range) : Windows(std::vector<TimeRange>{range}) {}

  size_t size() const { return ranges_.size(); }
  bool Has(size_t window, int64_t micros) const {
    // An infinite end includes every time.
    return micros >= ranges_[window].start && (micros < ranges_[window].end || ranges_[window].end == kEndOfTime);
  }
  // Whether there is one window, and it has all of these times.
  bool IsOneAround(int64_t first_micros, int64_t last_micros) const {
    return size() == 1 && Has(0, first_micros) && Has(0, last_micros);
  }
  int64_t start(size_t window) const { return ranges_[window].start; }
  int64_t end(size_t window) const { return ranges_[window].end; }
  // Calls f(window) for each window with the time.
  template <typename F>
  void ForEach(int64_t micros, F&& f) const {
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (Has(i, micros)) f(i);
    }
  }

 private:
  struct Range {
    int64_t start;
    int64_t end;
  };
  std::vector<Range> ranges_;
};

// Whether someone who entered at `entry` can still convert at `now` (both in microseconds): the window, inclusive, has
// not elapsed. A window without end never elapses, so that nobody is worth waiting for: nobody is immature.
inline bool IsImmature(int64_t entry, int64_t window, int64_t now) {
  return window != kEndOfTime && now != kEndOfTime && now - entry <= window;
}

}  // namespace throughline
