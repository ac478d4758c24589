// Funnels.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/events/query_check.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr double kConfidence = 0.95;
static_assert(limits::kFunnelStepCountMax == kStepCountMax);

absl::StatusOr<StepOrder> ToOrder(v1::QueryFunnelRequest::Order order) {
  switch (order) {
    case v1::QueryFunnelRequest::ORDER_UNSPECIFIED:
    case v1::QueryFunnelRequest::ORDERED:
      return StepOrder::kOrdered;
    case v1::QueryFunnelRequest::STRICT:
      return StepOrder::kStrict;
    case v1::QueryFunnelRequest::UNORDERED:
      return StepOrder::kUnordered;
    default:
      return InvalidField("order", "must be ORDERED, STRICT or UNORDERED");
  }
}

absl::Status AddRules(const v1::QueryFunnelRequest& request, StepQuery& query) {
  if (request.step_rules_size() > request.steps_size()) {
    return InvalidField(
        "step_rules", absl::StrCat("has ", request.step_rules_size(), " entries for ", request.steps_size(), " steps"));
  }
  for (int i = 0; i < request.step_rules_size(); ++i) {
    const v1::FunnelStepRule& rule = request.step_rules(i);
    StepQuery::Step& step = query.steps[static_cast<size_t>(i)];
    step.optional = rule.optional();
    if (rule.has_within()) {
      const std::string path = FieldPath(FieldPath("step_rules", static_cast<size_t>(i)), "within");
      ASSIGN_OR_RETURN(step.within, ToPositiveDuration(rule.within(), path));
    }
  }
  return absl::OkStatus();
}

// What no engine answers, by the request's names: what a step has beside its binding stands in `step_rules` there.
absl::Status CheckQuery(const StepQuery& query) {
  FieldViolations violations;
  for (FieldViolation violation : GetFieldViolations(CheckStepQuery(query))) {
    const bool of_rule = violation.field.find("].") != std::string::npos;
    if (of_rule) violation.field = absl::StrReplaceAll(violation.field, {{"steps[", "step_rules["}});
    violations.Add(violation.field, violation.description);
  }
  return violations.ToStatus();
}

}  // namespace

absl::StatusOr<StepQuery> MakeQuery(RequestContext&, const v1::QueryFunnelRequest& request, const Question& question) {
  StepQuery query;
  ASSIGN_OR_RETURN(std::vector<EventSelector> steps,
                   ToSelectors(request.steps(), limits::kFunnelStepCountMax, "steps"));
  for (EventSelector& step : steps) query.steps.push_back({std::move(step)});
  ASSIGN_OR_RETURN(query.order, ToOrder(request.order()));
  RETURN_IF_ERROR(AddRules(request, query));
  ASSIGN_OR_RETURN(query.exclusions, ToSelectors(request.exclusions(), kExclusionCountMax, "exclusions"));
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  if (request.has_window()) {
    ASSIGN_OR_RETURN(query.window, ToPositiveDuration(request.window(), "window"));
  }
  RETURN_IF_ERROR(CheckQuery(query));
  query.now = question.now;
  query.windows = {question.interval};
  query.scope = question.scope;
  return query;
}

// The event that a run's group is read from.
EventSelector GroupEvents(const StepQuery& query) {
  std::vector<EventSelector> entries;
  for (const StepQuery::Step& step : query.steps) {
    entries.push_back(step.selector);
    if (query.order != StepOrder::kUnordered) break;
  }
  return AnyOf(entries);
}

namespace {

void FillSteps(const StepQuery& query, const StepReach& reach,
               google::protobuf::RepeatedPtrField<v1::FunnelStep>& steps) {
  // Runs at the last step before that could not be left out: whoever takes a step has taken that one.
  int64_t before = 0;
  for (size_t i = 0; i < reach.reached.size(); ++i) {
    v1::FunnelStep& step = *steps.Add();
    const int64_t count = reach.reached[i];
    step.set_count(count);
    if (reach.reached[0] > 0) {
      step.set_overall_conversion(static_cast<double>(count) / static_cast<double>(reach.reached[0]));
    }
    if (i > 0 && before > 0) {
      const Interval interval = WilsonInterval(count, before, kConfidence);
      step.set_conversion(static_cast<double>(count) / static_cast<double>(before));
      step.set_conversion_low(interval.low);
      step.set_conversion_high(interval.high);
    }
    if (i > 0 && reach.durations[i].count() > 0) {
      step.set_median_seconds(ToSeconds(reach.durations[i].Quantile(0.5)));
      step.set_p90_seconds(ToSeconds(reach.durations[i].Quantile(0.9)));
    }
    if (!query.steps[i].optional) before = count;
  }
}

absl::StatusOr<v1::QueryFunnelResponse> QueryFunnel(RequestContext& context, const v1::QueryFunnelRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(StepQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const BreakdownPlan plan, PlanBreakdown(context, question, request.breakdown(), GroupEvents(query)));
  v1::QueryFunnelResponse response;
  response.set_data_watermark(question.view->watermark().value);
  ASSIGN_OR_RETURN(const auto answers, question.view->Steps(query));
  const StepReach& whole = answers.front().whole();
  FillSteps(query, whole, *response.mutable_steps());
  response.set_instance_count(whole.runs);
  response.set_immature_count(whole.immature);
  if (plan.dimensions.empty()) return response;

  query.scope.breakdown = plan.dimensions;
  ASSIGN_OR_RETURN(const auto grouped, question.view->Steps(query));
  for (const auto& [key, reach] : grouped.front().groups) {
    v1::FunnelGroup& group = *response.add_groups();
    FillGroupValues(key, plan, *group.mutable_values());
    FillSteps(query, reach, *group.mutable_steps());
    group.set_instance_count(reach.runs);
    group.set_immature_count(reach.immature);
  }
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisFunnelMethods(RpcService& service) { service.AddUnary("QueryFunnel", &QueryFunnel); }

}  // namespace throughline::api
