#include "services/events/event_match.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace throughline {
namespace {

bool CompareText(const FilterNode& comparison, const std::string& actual) {
  return actual.empty() ? CompareMissing(comparison) : CompareString(comparison, actual);
}

bool CompareProperty(const FilterNode& comparison, const v1::CustomerEvent& event) {
  // A key with dots is written without quotes too: properties.address.city.
  std::string key;
  for (size_t i = 1; i < comparison.path.size(); ++i) {
    if (i > 1) key += '.';
    key += comparison.path[i];
  }
  const auto found = event.properties().find(key);
  if (found == event.properties().end()) return CompareMissing(comparison);
  const google::protobuf::Value& value = found->second;
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return CompareString(comparison, value.string_value());
    case google::protobuf::Value::kNumberValue:
      return CompareNumber(comparison, value.number_value());
    case google::protobuf::Value::kBoolValue:
      return CompareBool(comparison, value.bool_value());
    default:
      return CompareMissing(comparison);
  }
}

// To the microsecond, as events are kept.
absl::Time EventTime(const v1::CustomerEvent& event) {
  return absl::FromUnixMicros(event.event_time().seconds() * 1000000 + event.event_time().nanos() / 1000);
}

bool Compare(const FilterNode& comparison, const v1::CustomerEvent& event) {
  if (comparison.path.empty()) return false;
  const std::string& field = comparison.path[0];
  if (field == "properties") return CompareProperty(comparison, event);
  if (field == "event_name") return CompareText(comparison, event.event_name());
  if (field == "source") return CompareText(comparison, event.source());
  if (field == "channel") return CompareText(comparison, event.channel());
  if (field == "department") return CompareText(comparison, event.department());
  if (field == "survey") return CompareText(comparison, event.survey_response().survey());
  if (field == "event_time") return CompareTime(comparison, EventTime(event));
  if (field == "score") {
    return event.survey_response().has_score() ? CompareNumber(comparison, event.survey_response().score())
                                               : CompareMissing(comparison);
  }
  if (field == "amount_minor") {
    return event.has_money_movement()
               ? CompareNumber(comparison, static_cast<double>(event.money_movement().amount_minor()))
               : CompareMissing(comparison);
  }
  return false;
}

bool Holds(const FilterNode& node, const v1::CustomerEvent& event) {
  const auto child_holds = [&](const auto& child) { return Holds(*child, event); };
  switch (node.kind) {
    case FilterNode::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), child_holds);
    case FilterNode::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), child_holds);
    case FilterNode::Kind::kNot:
      return !Holds(*node.children[0], event);
    case FilterNode::Kind::kComparison:
      return Compare(node, event);
  }
  return false;
}

}  // namespace

bool MatchesFilter(const Filter& filter, const v1::CustomerEvent& event) {
  return filter.empty() || Holds(*filter.root(), event);
}

bool MatchesSelector(const EventSelector& selector, const v1::CustomerEvent& event) {
  const std::vector<std::string>& names = selector.event_names;
  if (!names.empty() && std::find(names.begin(), names.end(), event.event_name()) == names.end()) return false;
  if (!MatchesFilter(selector.filter, event)) return false;
  return std::none_of(selector.unless.begin(), selector.unless.end(),
                      [&](const EventSelector& other) { return MatchesSelector(other, event); });
}

}  // namespace throughline
