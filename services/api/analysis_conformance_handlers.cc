// How well runs keep to the published map.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_question.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/journey/observed_map.h"
#include "throughline/errors.h"
#include "throughline/models/conformance.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr int kLimitDefault = 100;
constexpr int kLimitMax = 1'000;
constexpr size_t kChannelField = 0;

// The touchpoints that a run is meant to reach; empty: the map does not say.
absl::StatusOr<std::set<std::string>> FindGoals(const CompiledMap& map, const std::string& goal) {
  std::set<std::string> goals;
  if (goal.empty()) {
    for (const CompiledTouchpoint& touchpoint : map.touchpoints) {
      if (touchpoint.completes && touchpoint.has_binding) goals.insert(touchpoint.id);
    }
    return goals;
  }
  const CompiledTouchpoint* const touchpoint = map.Find(goal);
  if (touchpoint == nullptr) {
    return InvalidField("goal_touchpoint",
                        absl::StrCat(map.version_name, " has no touchpoint \"",
                                     absl::string_view(goal).substr(0, limits::kMessageExcerptBytesMax), "\""));
  }
  if (!touchpoint->has_binding) {
    return InvalidField("goal_touchpoint", "has no event binding, so nobody is seen to reach it");
  }
  goals.insert(goal);
  return goals;
}

RunsQuery MakeRunsQuery(const CompiledMap& map, const Question& question) {
  RunsQuery query;
  query.run = map.run;
  query.alphabet = ObservedSymbols(map);
  query.fields = {"channel"};
  query.visits_max = RunsQuery::kVisitsMax;
  query.window = question.interval;
  query.scope = question.scope;
  return query;
}

void MarkConverted(const std::set<std::string>& goals, RunLog& log) {
  if (goals.empty()) return;
  for (RunLog::Run& run : log.runs) {
    run.converted = std::any_of(run.visits.begin(), run.visits.end(), [&](const RunLog::Visit& visit) {
      return goals.count(log.touchpoints[static_cast<size_t>(visit.touchpoint)]) > 0;
    });
  }
}

v1::DeviationSummary::Type TypeOf(DeviationType type) {
  switch (type) {
    case DeviationType::kMissing:
      return v1::DeviationSummary::MISSING;
    case DeviationType::kAdHoc:
      return v1::DeviationSummary::AD_HOC;
    case DeviationType::kWrongOrder:
      return v1::DeviationSummary::WRONG_ORDER;
    case DeviationType::kLoop:
      return v1::DeviationSummary::LOOP;
    case DeviationType::kLate:
      return v1::DeviationSummary::LATE;
    case DeviationType::kWrongChannel:
      return v1::DeviationSummary::WRONG_CHANNEL;
  }
  return v1::DeviationSummary::TYPE_UNSPECIFIED;
}

void Fill(const DeviationImpact& impact, v1::DeviationImpact& out) {
  out.set_occurrence_count(impact.occurrences);
  *out.mutable_share() = ToProto(impact.share);
  *out.mutable_conversion_difference() = ToProto(impact.conversion_difference);
  *out.mutable_median_seconds_difference() = ToProto(impact.median_seconds_difference);
}

void FillDeviations(const ConformanceReport& report, size_t limit, v1::QueryConformanceResponse& response) {
  for (size_t i = 0; i < std::min(limit, report.deviations.size()); ++i) {
    const DeviationSummary& summary = report.deviations[i];
    v1::DeviationSummary& deviation = *response.add_deviations();
    deviation.set_type(TypeOf(summary.type));
    deviation.set_touchpoint(summary.touchpoint);
    deviation.set_from_touchpoint(summary.from);
    deviation.set_to_touchpoint(summary.to);
    Fill(summary.impact, *deviation.mutable_impact());
  }
  for (size_t i = 0; i < std::min(limit, report.off_map.size()); ++i) {
    v1::OffMapWay& way = *response.add_off_map_ways();
    way.set_from_touchpoint(report.off_map[i].from);
    way.set_to_touchpoint(report.off_map[i].to);
    Fill(report.off_map[i].impact, *way.mutable_impact());
  }
}

absl::Status FillVariants(const ConformanceReport& report, size_t limit, v1::QueryConformanceResponse& response) {
  // No fitness is defined where no way leads through the map.
  const bool aligned = report.alignment_fitness.state != Estimate::State::kUndefined;
  size_t bytes = 0;
  for (size_t i = 0; i < std::min(limit, report.variants.size()); ++i) {
    const VariantConformance& counted = report.variants[i];
    v1::VariantFitness& variant = *response.add_variants();
    for (const std::string& touchpoint : counted.touchpoints) variant.add_touchpoints(touchpoint);
    variant.set_run_count(counted.runs);
    if (aligned) {
      variant.set_fitness(counted.fitness);
      variant.set_cost(counted.cost);
    }
    // Asked on the way: a thousand variants of ten thousand touchpoints would be gigabytes.
    bytes += variant.ByteSizeLong();
    if (bytes > limits::kAnswerBytesMax) return CheckAnswerSize(response);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::QueryConformanceResponse> QueryConformance(RequestContext& context,
                                                              const v1::QueryConformanceRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  if (request.journey_map().empty()) return MissingField("journey_map");
  ASSIGN_OR_RETURN(const auto map, FindPublishedMap(context, question, request.journey_map(), "journey_map"));
  ASSIGN_OR_RETURN(const std::set<std::string> goals, FindGoals(*map, request.goal_touchpoint()));
  ASSIGN_OR_RETURN(const int limit, ToCount(request.limit(), kLimitDefault, kLimitMax, "limit"));
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(MakeRunsQuery(*map, question)));
  RunLog log = ToRunLog(sample, kChannelField, std::nullopt);
  MarkConverted(goals, log);
  RETURN_IF_ERROR(context.CheckAlive());
  ConformanceOptions options;
  options.summaries_max = static_cast<size_t>(limit);
  ASSIGN_OR_RETURN(const ConformanceReport report, CheckConformance(ObservedGraph(*map), log, options));
  RETURN_IF_ERROR(context.CheckAlive());

  v1::QueryConformanceResponse response;
  *response.mutable_alignment_fitness() = ToProto(report.alignment_fitness);
  *response.mutable_token_fitness() = ToProto(report.token_fitness);
  *response.mutable_conforming() = ToProto(report.conforming);
  FillDeviations(report, static_cast<size_t>(limit), response);
  RETURN_IF_ERROR(FillVariants(report, static_cast<size_t>(limit), response));
  for (const std::string& touchpoint : report.dead_touchpoints) response.add_dead_touchpoints(touchpoint);
  *response.mutable_read() = ToRunsRead(sample, question);
  response.set_journey_map_version(map->version_name);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisConformanceMethods(RpcService& service) { service.AddUnary("QueryConformance", &QueryConformance); }

}  // namespace throughline::api
