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

// `values` is a map of properties or traits.
template <typename Values>
bool CompareValue(const FilterNode& comparison, const Values& values) {
  // A key with dots is written without quotes too: properties.address.city.
  std::string key;
  for (size_t i = 1; i < comparison.path.size(); ++i) {
    if (i > 1) key += '.';
    key += comparison.path[i];
  }
  const auto found = values.find(key);
  if (found == values.end()) return CompareMissing(comparison);
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

bool CompareCustomer(const FilterNode& comparison, const CustomerFacts& customer) {
  if (comparison.path.size() != 2) return false;
  const std::string& field = comparison.path[1];
  if (field == "event_count") return CompareNumber(comparison, static_cast<double>(customer.event_count));
  if (field == "first_event_time") return CompareTime(comparison, customer.first_event_time);
  if (field == "last_event_time") return CompareTime(comparison, customer.last_event_time);
  return false;
}

bool Compare(const FilterNode& comparison, const v1::CustomerEvent& event, const CustomerFacts& customer) {
  if (comparison.path.empty()) return false;
  const std::string& field = comparison.path[0];
  if (field == "properties") return CompareValue(comparison, event.properties());
  if (field == "traits") return CompareValue(comparison, customer.traits);
  if (field == "customer") return CompareCustomer(comparison, customer);
  if (field == "customer_id") return CompareText(comparison, customer.customer_id);
  if (field == "event_name") return CompareText(comparison, event.event_name());
  if (field == "source") return CompareText(comparison, event.source());
  if (field == "channel") return CompareText(comparison, event.channel());
  if (field == "department") return CompareText(comparison, event.department());
  if (field == "survey") return CompareText(comparison, event.survey_response().survey());
  if (field == "currency_code") return CompareText(comparison, event.money_movement().currency_code());
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

bool NamesTraits(const FilterNode& node) {
  if (node.kind == FilterNode::Kind::kComparison) return !node.path.empty() && node.path[0] == "traits";
  return std::any_of(node.children.begin(), node.children.end(), [](const auto& child) { return NamesTraits(*child); });
}

}  // namespace

void CustomerFacts::AddTraits(const v1::CustomerEvent& event) {
  for (const auto& [key, value] : event.traits()) {
    if (value.has_null_value()) {
      traits.erase(key);
    } else {
      traits[key] = value;
    }
  }
}

bool NamesTraits(const Filter& filter) { return !filter.empty() && NamesTraits(*filter.root()); }

bool NamesTraits(const EventSelector& selector) {
  return NamesTraits(selector.filter) || std::any_of(selector.unless.begin(), selector.unless.end(),
                                                     [](const EventSelector& other) { return NamesTraits(other); });
}

bool MatchesFilter(const Filter& filter, const v1::CustomerEvent& event, const CustomerFacts& customer) {
  return EvaluateFilter(filter.root().get(),
                        [&](const FilterNode& comparison) { return Compare(comparison, event, customer); });
}

bool MatchesSelector(const EventSelector& selector, const v1::CustomerEvent& event, const CustomerFacts& customer) {
  const std::vector<std::string>& names = selector.event_names;
  if (!names.empty() && std::find(names.begin(), names.end(), event.event_name()) == names.end()) return false;
  if (!MatchesFilter(selector.filter, event, customer)) return false;
  return std::none_of(selector.unless.begin(), selector.unless.end(),
                      [&](const EventSelector& other) { return MatchesSelector(other, event, customer); });
}

}  // namespace throughline
