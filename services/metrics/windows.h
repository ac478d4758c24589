// Which intervals of time a metric value is measured over. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "throughline/events.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {

struct MetricWindows {
  TimeRange window;              // of the value
  std::vector<TimeRange> trend;  // consecutive, oldest first, none empty
};

// A rolling window ends at `now` rounded up to WindowStep of its length. Trend: 12 equal parts; of a window that lacks
// an end, the calendar months of `zone` up to the latest event, at most 12 and none before the first event, cut to the
// window (docs/decisions/metric-trend.md).
MetricWindows WindowsOf(const v1::MetricAttachment& attachment, absl::Time first_event_time, absl::Time last_event_time,
                        absl::Time now, absl::TimeZone zone);

// The step by which an interval of this length moves with time: 1/720 of it in whole minutes, one minute to one hour.
absl::Duration WindowStep(absl::Duration length);

// Runs that began before this moment have had all of `conversion_window`: `now` rounded down to WindowStep, less the
// window.
absl::Time MaturityCutoff(absl::Duration conversion_window, absl::Time now);

// What of `now` a value depends on: two moments with equal keys give the same value from the same events. Empty if time
// alone never changes it.
std::string TimeKey(const v1::MetricAttachment& attachment, absl::Time now);

// The interval as the API shows it: an infinite end is absent.
v1::TimeInterval ToInterval(const TimeRange& range);

}  // namespace throughline
