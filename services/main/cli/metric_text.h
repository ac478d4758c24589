// Metric values in words, for tables and drawn maps. Pure functions; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/main/cli/terminal.h"
#include "throughline/client.h"
#include "throughline/v1/metric.pb.h"

namespace throughline::cli {

// One number on a map: what it means, what it is about, and what it is.
struct AttachedMetric {
  v1::MetricAttachment attachment;
  v1::MetricDefinition definition;
  v1::MetricValue value;  // state PENDING where there is none yet
};

// All attachments of a map with their definitions and values, in the order of their names.
absl::StatusOr<std::vector<AttachedMetric>> ListAttachedMetrics(Client& client, const std::string& map_name);

// `CSAT`, `Time between`.
std::string KindName(v1::MetricDefinition::Kind kind);
// `55.17 %`, or `undefined`, `pending`.
std::string ValueText(const v1::MetricValue& value);
// `54.09 – 56.25 %`; empty where there is none.
std::string IntervalText(const v1::MetricValue& value);
// `ok`, `too few answers`, `undefined: no responses`, `not computed yet`.
std::string StateText(const v1::MetricValue& value);
// `77 negative_interval, 3 invalid_score`; empty where nothing was left out.
std::string ExcludedText(const v1::MetricValue& value);
// `mean 3.272`, `median 10 h 20 min, p90 2 d`; empty where there are none.
std::string DetailsText(const v1::MetricValue& value);
Color StateColor(const v1::MetricValue& value);
// One line for a drawn map: `CSAT 55.17 % (54.09 – 56.25 %)  n 8,225  mean 3.272`.
std::string ChipText(const AttachedMetric& metric, const Paint& paint);

}  // namespace throughline::cli
