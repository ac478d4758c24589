#include "services/metrics/windows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "services/metrics/proto_time.h"

namespace throughline {
namespace {

constexpr int kTrendPointCount = 12;
constexpr int kStepsPerWindow = 720;

// The latest multiple of `step` since 1970 at or before `time`.
absl::Time RoundDown(absl::Time time, absl::Duration step) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), step);
}

absl::Time RoundUp(absl::Time time, absl::Duration step) {
  return absl::UnixEpoch() + absl::Ceil(time - absl::UnixEpoch(), step);
}

TimeRange WindowOf(const v1::MetricAttachment& attachment, absl::Time now) {
  TimeRange window;
  if (attachment.has_rolling_window()) {
    const absl::Duration length = ToDuration(attachment.rolling_window());
    window.end = RoundUp(now, WindowStep(length));
    window.start = window.end - length;
  } else if (attachment.has_fixed_window()) {
    const v1::TimeInterval& fixed = attachment.fixed_window();
    if (fixed.has_start_time()) window.start = ToTime(fixed.start_time());
    if (fixed.has_end_time()) window.end = ToTime(fixed.end_time());
  }
  return window;
}

std::vector<TimeRange> EqualParts(const TimeRange& window) {
  std::vector<TimeRange> parts;
  const absl::Duration length = window.end - window.start;
  absl::Time start = window.start;
  for (int i = 1; i <= kTrendPointCount; ++i) {
    // Event times are whole microseconds; so are the edges. Divided before multiplied, so that nothing saturates.
    const absl::Duration offset = length / kTrendPointCount * i;
    const absl::Time end =
        i == kTrendPointCount ? window.end : window.start + absl::Floor(offset, absl::Microseconds(1));
    if (start < end) parts.push_back({.start = start, .end = end});
    start = end;
  }
  return parts;
}

std::vector<TimeRange> CalendarMonths(const TimeRange& window, absl::Time first, absl::Time last, absl::TimeZone zone) {
  std::vector<TimeRange> parts;
  first = std::max(first, window.start);
  last = std::min(last, window.end - absl::Microseconds(1));
  if (first > last) return parts;  // no event in the window
  const absl::CivilMonth last_month = absl::ToCivilMonth(last, zone);
  for (absl::CivilMonth month = std::max(absl::ToCivilMonth(first, zone), last_month - (kTrendPointCount - 1));
       month <= last_month; ++month) {
    const TimeRange part = {.start = std::max(window.start, absl::FromCivil(month, zone)),
                            .end = std::min(window.end, absl::FromCivil(month + 1, zone))};
    if (part.start < part.end) parts.push_back(part);
  }
  return parts;
}

}  // namespace

absl::Duration WindowStep(absl::Duration length) {
  const absl::Duration part = absl::Floor(length / kStepsPerWindow, absl::Minutes(1));
  return std::clamp(part, absl::Minutes(1), absl::Hours(1));
}

absl::Time MaturityCutoff(absl::Duration conversion_window, absl::Time now) {
  return RoundDown(now, WindowStep(conversion_window)) - conversion_window;
}

MetricWindows WindowsOf(const v1::MetricAttachment& attachment, absl::Time first_event_time, absl::Time last_event_time,
                        absl::Time now, absl::TimeZone zone) {
  MetricWindows windows;
  windows.window = WindowOf(attachment, now);
  const bool open = windows.window.start == absl::InfinitePast() || windows.window.end == absl::InfiniteFuture();
  windows.trend =
      open ? CalendarMonths(windows.window, first_event_time, last_event_time, zone) : EqualParts(windows.window);
  return windows;
}

std::string TimeKey(const v1::MetricAttachment& attachment, absl::Time now) {
  std::string key;
  if (attachment.has_rolling_window()) absl::StrAppend(&key, "ends ", absl::FormatTime(WindowOf(attachment, now).end));
  if (attachment.has_conversion_window()) {
    absl::StrAppend(&key, " mature ",
                    absl::FormatTime(MaturityCutoff(ToDuration(attachment.conversion_window()), now)));
  }
  return key;
}

v1::TimeInterval ToInterval(const TimeRange& range) {
  v1::TimeInterval interval;
  if (range.start != absl::InfinitePast()) SetTimestamp(range.start, *interval.mutable_start_time());
  if (range.end != absl::InfiniteFuture()) SetTimestamp(range.end, *interval.mutable_end_time());
  return interval;
}

}  // namespace throughline
