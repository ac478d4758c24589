// Who comes back, and how long customers stay: cohorts and stage times.
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/events/two_pass.h"
#include "throughline/calendar.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr double kConfidence = 0.95;

// Up to when a period can be told.
struct Horizon {
  absl::Time last_event_time;
  absl::Time now;
};

bool IsObservable(const CohortQuery& query, absl::CivilDay period, const Horizon& horizon) {
  return PeriodStart(period, query.zone) <= horizon.last_event_time &&
         PeriodStart(AddPeriods(period, query.unit, 1), query.zone) <= horizon.now;
}

void FillCohorts(const CohortMatrix& matrix, const CohortQuery& query, const Horizon& horizon,
                 google::protobuf::RepeatedPtrField<v1::Cohort>& cohorts) {
  for (const auto& [day, counted] : matrix.cohorts) {
    v1::Cohort& cohort = *cohorts.Add();
    cohort.set_start_day(absl::StrFormat("%04d-%02d-%02d", day.year(), day.month(), day.day()));
    cohort.set_customer_count(counted.customers);
    for (size_t i = 0; i < counted.active.size(); ++i) {
      v1::CohortCell& cell = *cohort.add_cells();
      cell.set_customer_count(counted.active[i]);
      if (IsObservable(query, AddPeriods(day, query.unit, static_cast<int64_t>(i)), horizon)) {
        cell.set_retention(static_cast<double>(counted.active[i]) / static_cast<double>(counted.customers));
        const Interval interval = WilsonInterval(counted.active[i], counted.customers, kConfidence);
        cell.set_retention_low(interval.low);
        cell.set_retention_high(interval.high);
      }
    }
  }
}

}  // namespace

absl::StatusOr<CohortQuery> MakeQuery(RequestContext&, const v1::QueryCohortsRequest& request,
                                      const Question& question) {
  CohortQuery query;
  ASSIGN_OR_RETURN(query.entry, ToSelector(request.entry(), "entry"));
  query.activity = query.entry;
  if (request.has_activity()) {
    ASSIGN_OR_RETURN(query.activity, ToSelector(request.activity(), "activity"));
  }
  ASSIGN_OR_RETURN(const EventCalendar calendar, ToCalendar(request.period(), question, "period"));
  query.unit = calendar.unit;
  query.zone = calendar.zone;
  ASSIGN_OR_RETURN(query.period_count, ToCount(request.period_count(), limits::kCohortPeriodCountDefault,
                                               limits::kCohortPeriodCountMax, "period_count"));
  query.cohorts = question.interval;
  query.scope = question.scope;
  return query;
}

EventSelector GroupEvents(const CohortQuery& query) { return query.entry; }

absl::StatusOr<StageQuery> MakeQuery(RequestContext&, const v1::QueryStageTimesRequest& request,
                                     const Question& question) {
  StageQuery query;
  if (request.stages().empty()) return MissingField("stages");
  ASSIGN_OR_RETURN(query.stages, ToSelectors(request.stages(), limits::kStageCountMax, "stages"));
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  query.window = question.interval;
  query.now = question.now;
  query.scope = question.scope;
  return query;
}

namespace {

absl::StatusOr<v1::QueryCohortsResponse> QueryCohorts(RequestContext& context, const v1::QueryCohortsRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(CohortQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const BreakdownPlan plan, PlanBreakdown(context, question, request.breakdown(), GroupEvents(query)));
  const Horizon horizon = {question.view->Statistics().last_event_time, context.now()};
  v1::QueryCohortsResponse response;
  response.set_data_watermark(question.view->watermark().value);
  ASSIGN_OR_RETURN(const auto whole, question.view->Cohorts(query));
  FillCohorts(whole.whole(), query, horizon, *response.mutable_cohorts());
  if (!plan.dimensions.empty()) {
    query.scope.breakdown = plan.dimensions;
    ASSIGN_OR_RETURN(const auto grouped, question.view->Cohorts(query));
    for (const auto& [key, matrix] : grouped.groups) {
      v1::CohortGroup& group = *response.add_groups();
      FillGroupValues(key, plan, *group.mutable_values());
      FillCohorts(matrix, query, horizon, *group.mutable_cohorts());
    }
  }
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

absl::StatusOr<v1::QueryStageTimesResponse> QueryStageTimes(RequestContext& context,
                                                            const v1::QueryStageTimesRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const StageQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const StageQuantiles answer, FindStageQuantiles(*question.view, query, {0.5, 0.9}));
  v1::QueryStageTimesResponse response;
  for (size_t i = 0; i < answer.times.stages.size(); ++i) {
    const StageTimes::Stage& stage = answer.times.stages[i];
    v1::StageTime& time = *response.add_stages();
    time.set_entered_count(stage.entered);
    time.set_ended_count(stage.ended.count());
    time.set_inside_count(stage.inside_count);
    if (!answer.micros[i].empty()) {
      time.set_median_seconds(ToSeconds(answer.micros[i][0]));
      time.set_p90_seconds(ToSeconds(answer.micros[i][1]));
    }
    if (stage.inside.count() > 0) time.set_inside_median_seconds(ToSeconds(stage.inside.Quantile(0.5)));
  }
  response.set_instance_count(answer.times.runs);
  response.set_data_watermark(question.view->watermark().value);
  return response;
}

}  // namespace

void AddAnalysisTimeMethods(RpcService& service) {
  service.AddUnary("QueryCohorts", &QueryCohorts);
  service.AddUnary("QueryStageTimes", &QueryStageTimes);
}

}  // namespace throughline::api
