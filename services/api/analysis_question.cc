#include "services/api/analysis_question.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/api/field_checks.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/customer/customers.h"
#include "services/customer/lifecycle.h"
#include "services/journey/observed_map.h"
#include "services/journey/published_maps.h"
#include "throughline/catalog.h"
#include "throughline/customer_set.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"
#include "throughline/v1/segment.pb.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::api {
namespace {

constexpr double kMicrosPerSecond = 1e6;

// The customers of a segment, as of the question's view.
absl::StatusOr<std::shared_ptr<const CustomerSet>> FindMembers(RequestContext& context, const Question& question,
                                                               absl::string_view segment) {
  ASSIGN_OR_RETURN(const SegmentName name, ParseSegmentName(segment, "segment"));
  if (MakeWorkspaceName(name.workspace) != question.workspace_name) {
    return InvalidField("segment", absl::StrCat("must be a segment of ", question.workspace_name));
  }
  // There are few readers, and customers may be many: it is given back before they are looked at.
  ASSIGN_OR_RETURN(auto reader, context.backend().catalog.Read());
  ASSIGN_OR_RETURN(const std::optional<Document> document, reader->Find(segment));
  if (!document.has_value() || document->deleted()) return ResourceNotFound(segment);
  ASSIGN_OR_RETURN(const auto resource, document->Parse<v1::Segment>());
  ASSIGN_OR_RETURN(const Filter filter, Filter::ParseAndCheck(resource.filter(), CustomerFilterFields()));
  ASSIGN_OR_RETURN(const Lifecycle lifecycle, ReadLifecycle(*reader, question.workspace_name));
  reader.reset();
  ASSIGN_OR_RETURN(CustomerSet members,
                   FindCustomers(*question.view, lifecycle, filter, question.now, context.patience()));
  return std::make_shared<const CustomerSet>(std::move(members));
}

// The touchpoints of a published map.
absl::StatusOr<EventSymbols> ToSymbols(RequestContext& context, const Question& question, absl::string_view map_name,
                                       absl::string_view field) {
  ASSIGN_OR_RETURN(const auto map, FindPublishedMap(context, question, map_name, field));
  return ObservedSymbols(*map);
}

// The values of a field that get groups of their own; tells how many do not.
absl::StatusOr<EventField> ToField(const Question& question, const v1::BreakdownDimension& dimension,
                                   const EventSelector& read_from, absl::string_view field, int64_t& other_values) {
  RETURN_IF_ERROR(CheckEventField(dimension.field(), FieldPath(field, "field")));
  ValueQuery query;
  query.path = dimension.field();
  query.selector = read_from;
  query.window = question.interval;
  query.scope = question.scope;
  ASSIGN_OR_RETURN(query.limit, ToCount(dimension.value_limit(), limits::kBreakdownValueLimitDefault,
                                        limits::kBreakdownValueLimitMax, FieldPath(field, "value_limit")));
  ASSIGN_OR_RETURN(const ValueCounts counts, question.view->Values(query));
  EventField out;
  out.path = dimension.field();
  for (const ValueCounts::Value& value : counts.values) out.values.push_back(value.text);
  other_values = counts.value_count - static_cast<int64_t>(counts.values.size());
  return out;
}

// `path` is the dimension's own.
absl::StatusOr<Dimension> ToDimension(RequestContext& context, const Question& question,
                                      const v1::BreakdownDimension& dimension, const EventSelector& read_from,
                                      const std::string& path, int64_t& other_values) {
  switch (dimension.dimension_case()) {
    case v1::BreakdownDimension::kField:
      return ToField(question, dimension, read_from, path, other_values);
    case v1::BreakdownDimension::kJourneyMap:
      return ToSymbols(context, question, dimension.journey_map(), FieldPath(path, "journey_map"));
    case v1::BreakdownDimension::kCalendar:
      return ToCalendar(dimension.calendar(), question, FieldPath(path, "calendar"));
    case v1::BreakdownDimension::DIMENSION_NOT_SET:
      break;
  }
  return InvalidField(path, "needs a field, a journey map or a calendar");
}

}  // namespace

absl::StatusOr<Question> OpenQuestion(RequestContext& context, const QuestionFields& fields) {
  Question question;
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(fields.parent, "parent"));
  question.workspace_name = workspace.ToString();
  ASSIGN_OR_RETURN(question.scope.filter, Filter::ParseAndCheck(fields.filter, EventFilterFields()));
  ASSIGN_OR_RETURN(question.interval, ToTimeRange(fields.interval, "interval"));
  question.now = fields.now.value_or(context.now());
  if (fields.known_at < 0) return InvalidField("known_at", "must not be negative");
  static_cast<Patience&>(question.scope) = context.patience();

  ASSIGN_OR_RETURN(const std::optional<Document> document,
                   context.backend().catalog.FindLatest(question.workspace_name));
  if (!document.has_value()) return ResourceNotFound(question.workspace_name);
  ASSIGN_OR_RETURN(const auto resource, document->Parse<v1::Workspace>());
  ASSIGN_OR_RETURN(question.zone, ToTimeZone(resource.time_zone().empty() ? "UTC" : resource.time_zone(), "time_zone"));

  ASSIGN_OR_RETURN(question.view, context.backend().events.View(workspace.workspace));
  if (fields.known_at > 0) {
    ASSIGN_OR_RETURN(question.view, question.view->KnownAt(EventSequence{fields.known_at}));
  }
  if (!fields.segment.empty()) {
    ASSIGN_OR_RETURN(question.scope.customers, FindMembers(context, question, fields.segment));
  }
  return question;
}

absl::StatusOr<std::shared_ptr<const CompiledMap>> FindPublishedMap(RequestContext& context, const Question& question,
                                                                    absl::string_view map_name,
                                                                    absl::string_view field) {
  ASSIGN_OR_RETURN(const JourneyMapName name, ParseJourneyMapName(map_name, field));
  if (MakeWorkspaceName(name.workspace) != question.workspace_name) {
    return InvalidField(field, absl::StrCat("must be a map of ", question.workspace_name));
  }
  return context.backend().published_maps.Find(map_name);
}

absl::StatusOr<BreakdownPlan> PlanBreakdown(RequestContext& context, const Question& question,
                                            const google::protobuf::RepeatedPtrField<v1::BreakdownDimension>& breakdown,
                                            const EventSelector& read_from) {
  if (breakdown.size() > kBreakdownDimensionCountMax) {
    return InvalidField("breakdown",
                        absl::StrCat("has ", breakdown.size(), " dimensions; at most ", kBreakdownDimensionCountMax));
  }
  BreakdownPlan plan;
  for (int i = 0; i < breakdown.size(); ++i) {
    int64_t other_values = 0;
    ASSIGN_OR_RETURN(Dimension dimension, ToDimension(context, question, breakdown[i], read_from,
                                                      FieldPath("breakdown", static_cast<size_t>(i)), other_values));
    plan.dimensions.push_back(std::move(dimension));
    plan.other_value_counts.push_back(other_values);
  }
  return plan;
}

absl::StatusOr<std::vector<Dimension>> PlanGroup(
    RequestContext& context, const Question& question,
    const google::protobuf::RepeatedPtrField<v1::BreakdownDimension>& breakdown, const EventSelector& read_from,
    const GroupKey& key) {
  std::vector<Dimension> dimensions;
  for (int i = 0; i < breakdown.size(); ++i) {
    const std::string path = FieldPath("breakdown", static_cast<size_t>(i));
    if (breakdown[i].has_field() && key[static_cast<size_t>(i)].kind != GroupValue::Kind::kOther) {
      RETURN_IF_ERROR(CheckEventField(breakdown[i].field(), FieldPath(path, "field")));
      dimensions.push_back(EventField{.path = breakdown[i].field(), .values = {}});
      continue;
    }
    int64_t other_values = 0;
    ASSIGN_OR_RETURN(Dimension dimension, ToDimension(context, question, breakdown[i], read_from, path, other_values));
    dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

void FillGroupValues(const GroupKey& key, const BreakdownPlan& plan,
                     google::protobuf::RepeatedPtrField<v1::GroupValue>& values) {
  for (size_t i = 0; i < key.size(); ++i) {
    v1::GroupValue& value = *values.Add();
    switch (key[i].kind) {
      case GroupValue::Kind::kValue:
        value.set_kind(v1::GroupValue::VALUE);
        value.set_value(key[i].text);
        break;
      case GroupValue::Kind::kMissing:
        value.set_kind(v1::GroupValue::MISSING);
        break;
      case GroupValue::Kind::kOther:
        value.set_kind(v1::GroupValue::OTHER);
        value.set_other_value_count(plan.other_value_counts[i]);
        break;
    }
  }
}

EventSelector AnyOf(const std::vector<EventSelector>& selectors) {
  if (selectors.size() == 1) return selectors.front();
  EventSelector any;
  for (const EventSelector& selector : selectors) {
    if (!selector.filter.empty() || !selector.unless.empty() || selector.event_names.empty()) return {};
    any.event_names.insert(any.event_names.end(), selector.event_names.begin(), selector.event_names.end());
  }
  return any;
}

absl::StatusOr<Alphabet> ToAlphabet(RequestContext& context, const Question& question,
                                    const v1::EventAlphabet& alphabet) {
  switch (alphabet.alphabet_case()) {
    case v1::EventAlphabet::kField:
      RETURN_IF_ERROR(CheckEventField(alphabet.field(), "alphabet.field"));
      return Alphabet(EventField{.path = alphabet.field(), .values = {}});
    case v1::EventAlphabet::kJourneyMap: {
      ASSIGN_OR_RETURN(EventSymbols symbols,
                       ToSymbols(context, question, alphabet.journey_map(), "alphabet.journey_map"));
      return Alphabet(std::move(symbols));
    }
    case v1::EventAlphabet::ALPHABET_NOT_SET:
      break;
  }
  return Alphabet(EventField());
}

absl::StatusOr<EventSelector> ToSelector(const v1::EventBinding& binding, absl::string_view field) {
  if (binding.event_names().empty() && binding.filter().empty()) {
    return InvalidField(field, "needs event names or a filter; without them it matches nothing");
  }
  FieldViolations violations;
  CheckBinding(field, binding, violations);
  RETURN_IF_ERROR(violations.ToStatus());
  return CompileBinding(binding);
}

absl::StatusOr<std::vector<EventSelector>> ToSelectors(
    const google::protobuf::RepeatedPtrField<v1::EventBinding>& bindings, int count_max, absl::string_view field) {
  if (bindings.size() > count_max) {
    return InvalidField(field, absl::StrCat("has ", bindings.size(), " entries; at most ", count_max));
  }
  FieldViolations violations;
  std::vector<EventSelector> selectors;
  for (int i = 0; i < bindings.size(); ++i) {
    absl::StatusOr<EventSelector> selector = ToSelector(bindings[i], FieldPath(field, static_cast<size_t>(i)));
    violations.AddStatus("", selector.status());
    if (selector.ok()) selectors.push_back(*std::move(selector));
  }
  RETURN_IF_ERROR(violations.ToStatus());
  return selectors;
}

absl::StatusOr<EventCalendar> ToCalendar(const v1::CalendarPeriod& period, const Question& question,
                                         absl::string_view field) {
  EventCalendar calendar;
  ASSIGN_OR_RETURN(calendar.zone, ToZone(period.time_zone(), question, FieldPath(field, "time_zone")));
  switch (period.unit()) {
    case v1::CalendarPeriod::DAY:
      calendar.unit = CalendarUnit::kDay;
      return calendar;
    case v1::CalendarPeriod::WEEK:
      calendar.unit = CalendarUnit::kWeek;
      return calendar;
    case v1::CalendarPeriod::MONTH:
      calendar.unit = CalendarUnit::kMonth;
      return calendar;
    case v1::CalendarPeriod::QUARTER:
      calendar.unit = CalendarUnit::kQuarter;
      return calendar;
    case v1::CalendarPeriod::YEAR:
      calendar.unit = CalendarUnit::kYear;
      return calendar;
    default:
      return InvalidField(FieldPath(field, "unit"), "must be DAY, WEEK, MONTH, QUARTER or YEAR");
  }
}

absl::StatusOr<absl::TimeZone> ToZone(const std::string& name, const Question& question, absl::string_view field) {
  if (name.empty()) return question.zone;
  return ToTimeZone(name, field);
}

absl::StatusOr<int> ToCount(int32_t count, int otherwise, int max, absl::string_view field) {
  if (count == 0) return otherwise;
  if (count < 0 || count > max) return InvalidField(field, absl::StrCat("must be 1 to ", max, ", not ", count));
  return count;
}

absl::Status CheckCurrencyCode(absl::string_view code, absl::string_view field) {
  const bool good =
      code.size() == 3 && std::all_of(code.begin(), code.end(), [](unsigned char c) { return absl::ascii_isupper(c); });
  return good ? absl::OkStatus() : InvalidField(field, "must be an ISO 4217 code of three upper-case letters");
}

absl::Status CheckEventField(absl::string_view path, absl::string_view field) {
  for (const absl::string_view known : {"event_name", "source", "channel", "department", "survey"}) {
    if (path == known) return absl::OkStatus();
  }
  for (const absl::string_view map : {"properties.", "traits."}) {
    absl::string_view key = path;
    if (absl::ConsumePrefix(&key, map) && !key.empty() && key.size() <= limits::kEventPropertyKeyBytesMax) {
      return absl::OkStatus();
    }
  }
  return InvalidField(
      field, absl::StrCat("\"", path.substr(0, limits::kMessageExcerptBytesMax),
                          "\" is none of event_name, source, channel, department, survey, properties.<key> and "
                          "traits.<key>"));
}

double ToSeconds(int64_t micros) { return static_cast<double>(micros) / kMicrosPerSecond; }

absl::Status CheckAnswerSize(const google::protobuf::Message& answer) {
  if (answer.ByteSizeLong() <= limits::kAnswerBytesMax) return absl::OkStatus();
  return LimitExceeded("the answer", limits::kAnswerBytesMax, "bytes; ask for less at once");
}

}  // namespace throughline::api
