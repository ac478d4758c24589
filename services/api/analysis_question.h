// What the questions of AnalysisService have in common: which events and customers are meant, the view that answers,
// how the answer is cut into groups, and the checks of their fields. Plain values and stateless functions; any thread.
//
// Codes: INVALID_ARGUMENT with the field's path (INVALID_FIELD, INVALID_FILTER, INVALID_RESOURCE_NAME); NOT_FOUND for a
// workspace, segment or map that is absent; FAILED_PRECONDITION (JOURNEY_MAP_NOT_PUBLISHED, RESOURCE_DELETED);
// OUT_OF_RANGE for a watermark of the future; and what the view returns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "services/api/request_context.h"
#include "services/journey/published_maps.h"
#include "throughline/events.h"
#include "throughline/v1/analysis.pb.h"
#include "throughline/v1/event.pb.h"

namespace throughline::api {

struct Question {
  std::string workspace_name;
  std::shared_ptr<const EventView> view;
  absl::Time now;       // what counts as the present
  absl::TimeZone zone;  // the workspace's
  TimeRange interval;   // everything, where the request has none
  Scope scope;          // all but the breakdown
};

// The fields that requests share.
struct QuestionFields {
  absl::string_view parent;
  absl::string_view filter;
  absl::string_view segment;
  int64_t known_at = 0;
  v1::TimeInterval interval;
  std::optional<absl::Time> now;  // absent: the clock's
};
absl::StatusOr<Question> OpenQuestion(RequestContext& context, const QuestionFields& fields);

template <typename Request>
absl::StatusOr<Question> OpenQuestion(RequestContext& context, const Request& request,
                                      std::optional<absl::Time> now = std::nullopt) {
  QuestionFields fields{request.parent(), request.filter(), request.segment(), request.known_at(), {}, now};
  if constexpr (requires { request.interval(); }) fields.interval = request.interval();
  return OpenQuestion(context, fields);
}

// ---- Groups ---------------------------------------------------------------------------------------------------------

struct BreakdownPlan {
  std::vector<Dimension> dimensions;
  std::vector<int64_t> other_value_counts;  // by dimension: values that have no group of their own
};
// Fields get groups for the values that most events of `read_from` in the question's interval have.
absl::StatusOr<BreakdownPlan> PlanBreakdown(RequestContext& context, const Question& question,
                                            const google::protobuf::RepeatedPtrField<v1::BreakdownDimension>& breakdown,
                                            const EventSelector& read_from);
// The dimensions that tell the group `key` from others: one for each value of the key, which has as many. The
// values of a field are counted only where OTHER is meant.
absl::StatusOr<std::vector<Dimension>> PlanGroup(
    RequestContext& context, const Question& question,
    const google::protobuf::RepeatedPtrField<v1::BreakdownDimension>& breakdown, const EventSelector& read_from,
    const GroupKey& key);
void FillGroupValues(const GroupKey& key, const BreakdownPlan& plan,
                     google::protobuf::RepeatedPtrField<v1::GroupValue>& values);

// What matches any of them; everything, where no selector says so.
EventSelector AnyOf(const std::vector<EventSelector>& selectors);

// ---- Fields of requests ---------------------------------------------------------------------------------------------

// The published version of a map of the question's workspace. `field`: where the name stands.
absl::StatusOr<std::shared_ptr<const CompiledMap>> FindPublishedMap(RequestContext& context, const Question& question,
                                                                    absl::string_view map_name,
                                                                    absl::string_view field);
absl::StatusOr<Alphabet> ToAlphabet(RequestContext& context, const Question& question,
                                    const v1::EventAlphabet& alphabet);
// Of a binding that must match something.
absl::StatusOr<EventSelector> ToSelector(const v1::EventBinding& binding, absl::string_view field);
// At most `count_max` of them, each as ToSelector; reports all that is wrong at once.
absl::StatusOr<std::vector<EventSelector>> ToSelectors(
    const google::protobuf::RepeatedPtrField<v1::EventBinding>& bindings, int count_max, absl::string_view field);
absl::StatusOr<EventCalendar> ToCalendar(const v1::CalendarPeriod& period, const Question& question,
                                         absl::string_view field);
// The workspace's zone for an empty name.
absl::StatusOr<absl::TimeZone> ToZone(const std::string& name, const Question& question, absl::string_view field);
// 0 means `otherwise`; 1 to `max`.
absl::StatusOr<int> ToCount(int32_t count, int otherwise, int max, absl::string_view field);
absl::Status CheckCurrencyCode(absl::string_view code, absl::string_view field);
// INVALID_ARGUMENT unless events have a field of that path.
absl::Status CheckEventField(absl::string_view path, absl::string_view field);

// ---- Answers --------------------------------------------------------------------------------------------------------

double ToSeconds(int64_t micros);
// RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) if the answer is larger than clients take by default.
absl::Status CheckAnswerSize(const google::protobuf::Message& answer);

}  // namespace throughline::api
