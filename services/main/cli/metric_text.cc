#include "services/main/cli/metric_text.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/base/status_macros.h"
#include "services/main/cli/session.h"
#include "throughline/resource_names.h"

namespace throughline::cli {

absl::StatusOr<std::vector<AttachedMetric>> ListAttachedMetrics(Client& client, const std::string& map_name) {
  std::vector<AttachedMetric> metrics;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token) -> absl::StatusOr<std::string> {
    v1::ListMetricAttachmentsRequest request;
    request.set_parent(map_name);
    request.set_page_size(1000);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(v1::ListMetricAttachmentsResponse page,
                     client.Call(&v1::MetricService::Stub::ListMetricAttachments, request));
    for (v1::MetricAttachment& attachment : *page.mutable_metric_attachments()) {
      metrics.emplace_back().attachment = std::move(attachment);
      metrics.back().value.set_state(v1::MetricValue::PENDING);
    }
    return page.next_page_token();
  }));
  if (metrics.empty()) return metrics;

  std::map<std::string, v1::MetricValue> values;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token) -> absl::StatusOr<std::string> {
    v1::ListMetricValuesRequest request;
    request.set_parent(map_name);
    request.set_page_size(1000);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(const v1::ListMetricValuesResponse page,
                     client.Call(&v1::MetricService::Stub::ListMetricValues, request));
    for (const v1::MetricValue& value : page.metric_values()) values[value.name()] = value;
    return page.next_page_token();
  }));
  std::map<std::string, v1::MetricDefinition> definitions;
  for (AttachedMetric& metric : metrics) {
    const std::string& name = metric.attachment.metric_definition();
    if (definitions.count(name) == 0) {
      v1::GetMetricDefinitionRequest request;
      request.set_name(name);
      ASSIGN_OR_RETURN(definitions[name], client.Call(&v1::MetricService::Stub::GetMetricDefinition, request));
    }
    metric.definition = definitions[name];
    const auto value = values.find(absl::StrCat(metric.attachment.name(), "/value"));
    if (value != values.end()) metric.value = value->second;
  }
  return metrics;
}

std::string KindName(v1::MetricDefinition::Kind kind) {
  switch (kind) {
    case v1::MetricDefinition::NPS:
      return "NPS";
    case v1::MetricDefinition::CSAT:
      return "CSAT";
    case v1::MetricDefinition::CES:
      return "CES";
    case v1::MetricDefinition::VOLUME:
      return "Volume";
    case v1::MetricDefinition::CONVERSION:
      return "Conversion";
    case v1::MetricDefinition::DROP_OFF:
      return "Drop-off";
    case v1::MetricDefinition::TIME_BETWEEN:
      return "Time between";
    default:
      return "Metric";
  }
}

std::string ValueText(const v1::MetricValue& value) {
  if (value.has_value()) return FormatMetricValue(value.value(), value.unit());
  return value.state() == v1::MetricValue::UNDEFINED ? "undefined" : "pending";
}

std::string IntervalText(const v1::MetricValue& value) {
  if (!value.has_interval_low() || !value.has_interval_high()) return "";
  if (value.unit() == "share") {
    return absl::StrFormat("%.2f – %.2f %%", value.interval_low() * 100, value.interval_high() * 100);
  }
  return absl::StrCat(FormatMetricValue(value.interval_low(), value.unit()), " – ",
                      FormatMetricValue(value.interval_high(), value.unit()));
}

std::string StateText(const v1::MetricValue& value) {
  switch (value.state()) {
    case v1::MetricValue::OK:
      return "ok";
    case v1::MetricValue::INSUFFICIENT_DATA:
      return "too few to rely on";
    case v1::MetricValue::UNDEFINED:
      return absl::StrCat("undefined: ", value.undefined_reason());
    default:
      return "not computed yet";
  }
}

std::string ExcludedText(const v1::MetricValue& value) {
  const std::map<std::string, int64_t> sorted(value.excluded().begin(), value.excluded().end());
  std::vector<std::string> parts;
  for (const auto& [reason, count] : sorted) {
    if (count != 0) parts.push_back(absl::StrCat(FormatCount(count), " ", reason));
  }
  return absl::StrJoin(parts, ", ");
}

std::string DetailsText(const v1::MetricValue& value) {
  std::vector<std::string> parts;
  for (const char* key : {"mean", "median", "p90"}) {
    const auto found = value.details().find(key);
    if (found == value.details().end()) continue;
    parts.push_back(absl::StrCat(key, " ",
                                 value.unit() == "seconds" ? DurationText(absl::Seconds(found->second))
                                                           : absl::StrFormat("%.3f", found->second)));
  }
  return absl::StrJoin(parts, ", ");
}

Color StateColor(const v1::MetricValue& value) {
  switch (value.state()) {
    case v1::MetricValue::OK:
      return Color::kGreen;
    case v1::MetricValue::INSUFFICIENT_DATA:
      return Color::kYellow;
    default:
      return Color::kDim;
  }
}

std::string ChipText(const AttachedMetric& metric, const Paint& paint) {
  const v1::MetricValue& value = metric.value;
  std::string name = metric.definition.display_name();
  const std::string& target = metric.attachment.target_touchpoint();
  if (!target.empty()) absl::StrAppend(&name, " → ", target);
  std::string text = absl::StrCat(name, " ", paint(StateColor(value), ValueText(value)));
  const std::string interval = IntervalText(value);
  if (!interval.empty()) absl::StrAppend(&text, " (", interval, ")");
  if (value.has_value() && value.unit() != "visits") absl::StrAppend(&text, ", n ", FormatCount(value.n()));
  const std::string details = DetailsText(value);
  if (!details.empty()) absl::StrAppend(&text, ", ", details);
  if (value.state() == v1::MetricValue::INSUFFICIENT_DATA || value.state() == v1::MetricValue::UNDEFINED) {
    absl::StrAppend(&text, ", ",
                    value.state() == v1::MetricValue::UNDEFINED ? value.undefined_reason() : StateText(value));
  }
  const std::string excluded = ExcludedText(value);
  if (!excluded.empty()) absl::StrAppend(&text, ", ", paint(Color::kYellow, absl::StrCat("left out: ", excluded)));
  return text;
}

}  // namespace throughline::cli
