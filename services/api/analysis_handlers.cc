// Questions over everything that was recorded: funnels and the transition graph.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/journey/published_maps.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/models/intervals.h"
#include "throughline/resource_names.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr double kConfidence = 0.95;
constexpr double kMicrosPerSecond = 1e6;

absl::StatusOr<StepQuery> MakeStepQuery(const v1::QueryFunnelRequest& request, absl::Time now) {
  FieldViolations violations;
  if (request.steps_size() > limits::kFunnelStepCountMax) {
    return InvalidField("steps",
                        absl::StrCat("has ", request.steps_size(), " steps; at most ", limits::kFunnelStepCountMax));
  }
  StepQuery query;
  for (int i = 0; i < request.steps_size(); ++i) {
    const v1::EventBinding& step = request.steps(i);
    const std::string path = FieldPath("steps", static_cast<size_t>(i));
    if (step.event_names().empty() && step.filter().empty()) {
      violations.Add(path, "needs event names or a filter; without them it matches nothing");
      continue;
    }
    CheckBinding(path, step, violations);
    if (!violations.empty()) continue;
    ASSIGN_OR_RETURN(EventSelector selector, CompileBinding(step));
    query.steps.push_back({std::move(selector)});
  }
  violations.AddStatus("", CheckCorrelationProperty(request.correlation_property()));
  RETURN_IF_ERROR(violations.ToStatus());
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(const TimeRange interval, ToTimeRange(request.interval(), "interval"));
  query.windows = {interval};
  if (request.has_window()) {
    ASSIGN_OR_RETURN(query.window, ToPositiveDuration(request.window(), "window"));
  }
  query.now = now;
  return query;
}

void FillFunnel(const StepReach& reach, v1::QueryFunnelResponse& response) {
  for (size_t i = 0; i < reach.reached.size(); ++i) {
    v1::FunnelStep& step = *response.add_steps();
    const int64_t count = reach.reached[i];
    step.set_count(count);
    if (reach.reached[0] > 0) {
      step.set_overall_conversion(static_cast<double>(count) / static_cast<double>(reach.reached[0]));
    }
    if (i == 0 || reach.reached[i - 1] == 0) continue;
    const int64_t before = reach.reached[i - 1];
    const Interval interval = WilsonInterval(count, before, kConfidence);
    step.set_conversion(static_cast<double>(count) / static_cast<double>(before));
    step.set_conversion_low(interval.low);
    step.set_conversion_high(interval.high);
  }
  response.set_instance_count(reach.runs);
  response.set_immature_count(reach.immature);
}

absl::StatusOr<v1::QueryFunnelResponse> QueryFunnel(RequestContext& context, const v1::QueryFunnelRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(const StepQuery query, MakeStepQuery(request, context.now()));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), request.parent(), /*for_writing=*/false));
  ASSIGN_OR_RETURN(const auto view, context.backend().events.View(workspace.workspace));
  ASSIGN_OR_RETURN(const std::vector<Grouped<StepReach>> reach, view->Steps(query));
  v1::QueryFunnelResponse response;
  FillFunnel(reach.front().whole(), response);
  response.set_data_watermark(view->watermark().value);
  return response;
}

void FillGraph(const TransitionGraph& graph, v1::QueryTransitionGraphResponse& response) {
  for (const auto& [event_name, node] : graph.nodes) {
    v1::TransitionGraphNode& added = *response.add_nodes();
    added.set_event_name(event_name);
    added.set_event_count(node.events);
    added.set_start_count(node.starts);
    added.set_end_count(node.ends);
  }
  for (const auto& [pair, edge] : graph.edges) {
    v1::TransitionGraphEdge& added = *response.add_edges();
    added.set_from_event_name(pair.first);
    added.set_to_event_name(pair.second);
    added.set_count(edge.count);
    if (edge.durations.count() > 0) {
      added.set_median_seconds(static_cast<double>(edge.durations.Quantile(0.5)) / kMicrosPerSecond);
    }
  }
  // Most frequent first; the maps' order by name decides ties.
  std::stable_sort(response.mutable_nodes()->begin(), response.mutable_nodes()->end(),
                   [](const auto& left, const auto& right) { return left.event_count() > right.event_count(); });
  std::stable_sort(response.mutable_edges()->begin(), response.mutable_edges()->end(),
                   [](const auto& left, const auto& right) { return left.count() > right.count(); });
  response.set_event_count(graph.events);
  response.set_instance_count(graph.runs);
}

absl::StatusOr<v1::QueryTransitionGraphResponse> QueryTransitionGraph(RequestContext& context,
                                                                      const v1::QueryTransitionGraphRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  GraphQuery query;
  ASSIGN_OR_RETURN(query.scope.filter, Filter::ParseAndCheck(request.filter(), EventFilterFields()));
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(query.window, ToTimeRange(request.interval(), "interval"));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), request.parent(), /*for_writing=*/false));
  ASSIGN_OR_RETURN(const auto view, context.backend().events.View(workspace.workspace));
  ASSIGN_OR_RETURN(const Grouped<TransitionGraph> answer, view->Graph(query));
  const TransitionGraph& graph = answer.whole();
  if (graph.edges.size() > static_cast<size_t>(limits::kTransitionGraphEdgeCountMax)) {
    return LimitExceeded("the transition graph", limits::kTransitionGraphEdgeCountMax, "edges; ask with a filter");
  }
  v1::QueryTransitionGraphResponse response;
  FillGraph(graph, response);
  response.set_data_watermark(view->watermark().value);
  return response;
}

}  // namespace

void AddAnalysisMethods(RpcService& service) {
  service.AddUnary("QueryFunnel", &QueryFunnel);
  service.AddUnary("QueryTransitionGraph", &QueryTransitionGraph);
}

}  // namespace throughline::api
