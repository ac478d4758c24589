// How many: events, customers, survey scores, and the values of a field.
#include <utility>
#include <vector>

#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

// What the events of a question are; `otherwise`, where it names none.
absl::StatusOr<std::vector<EventSelector>> ToAnyOf(const google::protobuf::RepeatedPtrField<v1::EventBinding>& events,
                                                   EventSelector otherwise) {
  if (events.empty()) return std::vector<EventSelector>{std::move(otherwise)};
  return ToSelectors(events, limits::kQuestionBindingCountMax, "events");
}

absl::StatusOr<RespondentPolicy> ToPolicy(v1::QueryScoresRequest::RespondentPolicy policy) {
  switch (policy) {
    case v1::QueryScoresRequest::RESPONDENT_POLICY_UNSPECIFIED:
    case v1::QueryScoresRequest::ALL:
      return RespondentPolicy::kAll;
    case v1::QueryScoresRequest::FIRST:
      return RespondentPolicy::kFirst;
    case v1::QueryScoresRequest::LATEST:
      return RespondentPolicy::kLatest;
    default:
      return InvalidField("respondent_policy", "must be ALL, FIRST or LATEST");
  }
}

}  // namespace

absl::StatusOr<VolumeQuery> MakeQuery(RequestContext&, const v1::QueryVolumeRequest& request,
                                      const Question& question) {
  VolumeQuery query;
  ASSIGN_OR_RETURN(query.any_of, ToAnyOf(request.events(), EventSelector()));
  query.windows = {question.interval};
  query.scope = question.scope;
  return query;
}

absl::StatusOr<ScoreQuery> MakeQuery(RequestContext&, const v1::QueryScoresRequest& request, const Question& question) {
  ScoreQuery query;
  EventSelector with_score;
  ASSIGN_OR_RETURN(with_score.filter, Filter::ParseAndCheck("score:*", EventFilterFields()));
  ASSIGN_OR_RETURN(query.any_of, ToAnyOf(request.events(), with_score));
  ASSIGN_OR_RETURN(query.policy, ToPolicy(request.respondent_policy()));
  query.windows = {question.interval};
  query.scope = question.scope;
  return query;
}

EventSelector GroupEvents(const VolumeQuery& query) { return AnyOf(query.any_of); }
EventSelector GroupEvents(const ScoreQuery& query) { return AnyOf(query.any_of); }

namespace {

absl::StatusOr<v1::QueryVolumeResponse> QueryVolume(RequestContext& context, const v1::QueryVolumeRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(VolumeQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const BreakdownPlan plan, PlanBreakdown(context, question, request.breakdown(), GroupEvents(query)));
  v1::QueryVolumeResponse response;
  response.set_data_watermark(question.view->watermark().value);
  ASSIGN_OR_RETURN(const auto whole, question.view->Volume(query));
  response.set_event_count(whole.front().whole().events);
  response.set_customer_count(whole.front().whole().customers);
  if (plan.dimensions.empty()) return response;

  query.scope.breakdown = plan.dimensions;
  ASSIGN_OR_RETURN(const auto grouped, question.view->Volume(query));
  for (const auto& [key, volume] : grouped.front().groups) {
    v1::VolumeGroup& group = *response.add_groups();
    FillGroupValues(key, plan, *group.mutable_values());
    group.set_event_count(volume.events);
    group.set_customer_count(volume.customers);
  }
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

void FillHistogram(const ScoreHistogram& counted, v1::ScoreHistogram& histogram) {
  int64_t given = counted.other;
  for (size_t score = 0; score < counted.counts.size(); ++score) {
    if (counted.counts[score] == 0) continue;
    v1::ScoreCount& added = *histogram.add_scores();
    added.set_score(static_cast<int32_t>(score));
    added.set_count(counted.counts[score]);
    given += counted.counts[score];
  }
  histogram.set_other_count(counted.other);
  histogram.set_missing_count(counted.missing);
  histogram.set_score_count(given);
}

absl::StatusOr<v1::QueryScoresResponse> QueryScores(RequestContext& context, const v1::QueryScoresRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(ScoreQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const BreakdownPlan plan, PlanBreakdown(context, question, request.breakdown(), GroupEvents(query)));
  v1::QueryScoresResponse response;
  response.set_data_watermark(question.view->watermark().value);
  ASSIGN_OR_RETURN(const auto whole, question.view->Scores(query));
  FillHistogram(whole.front().whole(), *response.mutable_histogram());
  if (plan.dimensions.empty()) return response;

  query.scope.breakdown = plan.dimensions;
  ASSIGN_OR_RETURN(const auto grouped, question.view->Scores(query));
  for (const auto& [key, counted] : grouped.front().groups) {
    v1::ScoreGroup& group = *response.add_groups();
    FillGroupValues(key, plan, *group.mutable_values());
    FillHistogram(counted, *group.mutable_histogram());
  }
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

absl::StatusOr<v1::QueryValuesResponse> QueryValues(RequestContext& context, const v1::QueryValuesRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ValueQuery query;
  RETURN_IF_ERROR(CheckEventField(request.field(), "field"));
  query.path = request.field();
  if (request.has_events()) {
    ASSIGN_OR_RETURN(query.selector, ToSelector(request.events(), "events"));
  }
  ASSIGN_OR_RETURN(query.limit,
                   ToCount(request.limit(), limits::kFieldValueLimitDefault, limits::kFieldValueLimitMax, "limit"));
  query.window = question.interval;
  query.scope = question.scope;
  ASSIGN_OR_RETURN(const ValueCounts counts, question.view->Values(query));
  v1::QueryValuesResponse response;
  for (const ValueCounts::Value& counted : counts.values) {
    v1::FieldValue& value = *response.add_values();
    value.set_value(counted.text);
    value.set_event_count(counted.events);
  }
  response.set_value_count(counts.value_count);
  response.set_missing_count(counts.missing);
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisCountMethods(RpcService& service) {
  service.AddUnary("QueryVolume", &QueryVolume);
  service.AddUnary("QueryScores", &QueryScores);
  service.AddUnary("QueryValues", &QueryValues);
}

}  // namespace throughline::api
