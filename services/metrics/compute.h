// One metric value from one state of the events: which questions are asked, and what is made of the answers.
// Free functions without state; any thread.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "throughline/events.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {

struct CompiledMap;

// The value of `attachment` under `definition`, on the published map, as of the view's watermark. `now` ends rolling
// windows and decides which runs are too young to judge; `zone` is the workspace's, in which calendar months begin.
// Depends on nothing else: the same arguments give the same value, bit for bit. compute_time is `now`.
//
// What makes the number impossible (the subject is not in the published map, is bound to no event, a filter that
// does not suit its fields) is an UNDEFINED value with a reason; the status carries only failures of the view.
absl::StatusOr<v1::MetricValue> ComputeMetricValue(const v1::MetricAttachment& attachment,
                                                   const v1::MetricDefinition& definition, const CompiledMap& map,
                                                   const EventView& view, absl::Time now, absl::TimeZone zone);

// A value without a number, for attachments that cannot be computed at all. `definition` may be null.
v1::MetricValue UndefinedMetricValue(const v1::MetricAttachment& attachment, const v1::MetricDefinition* definition,
                                     absl::string_view reason, absl::Time now);

// Whether the two values say the same: equal in every field but compute_time and data_watermark.
bool SameMetricValue(const v1::MetricValue& left, const v1::MetricValue& right);

// The names of the events that the value can depend on; absent: any name.
std::optional<std::set<std::string>> EventNamesOf(const v1::MetricAttachment& attachment,
                                                  const v1::MetricDefinition& definition, const CompiledMap& map);

}  // namespace throughline
