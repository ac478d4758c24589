#include "tests/contract/events/reference_scope.h"

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace throughline::testing {
namespace {

// Whole numbers below 1e15 in digits alone, every other one in the fewest digits that read as the same number.
std::string NumberText(double number) {
  if (number == std::trunc(number) && std::abs(number) < 1e15) return absl::StrCat(static_cast<int64_t>(number));
  std::string text;
  for (int digits = 1; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, number);
    if (std::strtod(text.c_str(), nullptr) == number) break;
  }
  return text;
}

std::optional<std::string> Present(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

// A value of a property or trait as text.
template <typename Values>
std::optional<std::string> ValueText(const Values& values, const std::string& key) {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  switch (found->second.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return found->second.string_value();
    case google::protobuf::Value::kNumberValue:
      return NumberText(found->second.number_value());
    case google::protobuf::Value::kBoolValue:
      return found->second.bool_value() ? "true" : "false";
    default:
      return std::nullopt;
  }
}

std::optional<GroupValue> ValueOf(const EventField& dimension, const v1::CustomerEvent& event,
                                  const KnownCustomers& customers) {
  const std::optional<std::string> text = FieldText(event, dimension.path, customers);
  if (!text.has_value()) return GroupValue{GroupValue::Kind::kMissing, ""};
  const auto& named = dimension.values;
  if (named.empty() || std::find(named.begin(), named.end(), *text) != named.end()) {
    return GroupValue{GroupValue::Kind::kValue, *text};
  }
  return GroupValue{GroupValue::Kind::kOther, ""};
}

std::optional<GroupValue> ValueOf(const EventSymbols& dimension, const v1::CustomerEvent& event,
                                  const KnownCustomers& customers) {
  const std::optional<std::string> symbol = SymbolOf(dimension, event, customers);
  if (!symbol.has_value()) return std::nullopt;
  return GroupValue{GroupValue::Kind::kValue, *symbol};
}

std::optional<GroupValue> ValueOf(const EventCalendar& dimension, const v1::CustomerEvent& event,
                                  const KnownCustomers&) {
  const absl::CivilDay day = PeriodDayOf(TimeOf(event), dimension.unit, dimension.zone);
  return GroupValue{GroupValue::Kind::kValue, absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day())};
}

// Ordinals are an engine's: whoever compares gives a symbol for the customer instead.
std::optional<GroupValue> ValueOf(const EventCustomer&, const v1::CustomerEvent&, const KnownCustomers&) {
  std::abort();
}

}  // namespace

Events InScope(const Events& events, const Scope& scope, const KnownCustomers& customers) {
  Events out;
  for (const v1::CustomerEvent& event : events) {
    if (MatchesFilter(scope.filter, event, customers.Of(event))) out.push_back(event);
  }
  return out;
}

std::optional<std::string> FieldText(const v1::CustomerEvent& event, const std::string& path,
                                     const KnownCustomers& customers) {
  if (path == "event_name") return event.event_name();
  if (path == "source") return event.source();
  if (path == "channel") return Present(event.channel());
  if (path == "department") return Present(event.department());
  if (path == "survey") return Present(event.survey_response().survey());
  const std::string map = path.substr(0, path.find('.')), key = path.substr(path.find('.') + 1);
  return map == "traits" ? ValueText(customers.Of(event).traits, key) : ValueText(event.properties(), key);
}

std::optional<std::string> SymbolOf(const Alphabet& alphabet, const v1::CustomerEvent& event,
                                    const KnownCustomers& customers) {
  if (const auto* symbols = std::get_if<EventSymbols>(&alphabet)) {
    for (const Symbol& symbol : symbols->symbols) {
      if (customers.Matches(symbol.selector, event)) return symbol.name;
    }
    return std::nullopt;
  }
  const EventField& field = std::get<EventField>(alphabet);
  const std::optional<std::string> text = FieldText(event, field.path, customers);
  const bool named = field.values.empty() || (text.has_value() && std::find(field.values.begin(), field.values.end(),
                                                                            *text) != field.values.end());
  return named ? text : std::nullopt;
}

absl::CivilDay DayOf(absl::Time time, absl::TimeZone zone) {
  const absl::CivilDay day = absl::ToCivilDay(time, zone);
  return absl::FromCivil(day + 1, zone) <= time ? day + 1 : day;
}

absl::CivilDay PeriodDayOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone) {
  const absl::CivilDay day = DayOf(time, zone);
  switch (unit) {
    case CalendarUnit::kDay:
      return day;
    case CalendarUnit::kWeek:
      return day - static_cast<int>(absl::GetWeekday(day));  // Monday is 0
    case CalendarUnit::kMonth:
      return absl::CivilDay(day.year(), day.month());
    case CalendarUnit::kQuarter:
      return absl::CivilDay(day.year(), day.month() - (day.month() - 1) % 3);
    case CalendarUnit::kYear:
      return absl::CivilDay(day.year());
  }
  return day;
}

int64_t PeriodNumberOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone) {
  const absl::CivilDay day = PeriodDayOf(time, unit, zone);
  const absl::CivilDay monday(1000, 1, 6);
  switch (unit) {
    case CalendarUnit::kDay:
      return day - monday;
    case CalendarUnit::kWeek:
      return (day - monday) / 7;
    case CalendarUnit::kMonth:
      return day.year() * 12 + day.month();
    case CalendarUnit::kQuarter:
      return day.year() * 4 + day.month() / 3;
    case CalendarUnit::kYear:
      return day.year();
  }
  return 0;
}

std::optional<GroupKey> GroupOf(const Scope& scope, const v1::CustomerEvent& event, const KnownCustomers& customers) {
  GroupKey key;
  for (const Dimension& dimension : scope.breakdown) {
    const auto value = std::visit([&](const auto& kind) { return ValueOf(kind, event, customers); }, dimension);
    if (!value.has_value()) return std::nullopt;
    key.push_back(*value);
  }
  return key;
}

}  // namespace throughline::testing
