// Ways through the events: the transition graph and the variants.
#include <algorithm>
#include <utility>

#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/events/two_pass.h"
#include "throughline/errors.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

void FillGraph(const TransitionGraph& graph, v1::QueryTransitionGraphResponse& response) {
  for (const auto& [event_name, node] : graph.nodes) {
    v1::TransitionGraphNode& added = *response.add_nodes();
    added.set_event_name(event_name);
    added.set_event_count(node.events);
    added.set_start_count(node.starts);
    added.set_end_count(node.ends);
    added.set_instance_count(node.runs);
  }
  for (const auto& [pair, edge] : graph.edges) {
    v1::TransitionGraphEdge& added = *response.add_edges();
    added.set_from_event_name(pair.first);
    added.set_to_event_name(pair.second);
    added.set_count(edge.count);
    if (edge.count > 0) added.set_mean_seconds(ToSeconds(edge.duration_micros) / static_cast<double>(edge.count));
    if (edge.durations.count() > 0) {
      added.set_median_seconds(ToSeconds(edge.durations.Quantile(0.5)));
      added.set_p90_seconds(ToSeconds(edge.durations.Quantile(0.9)));
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

}  // namespace

absl::StatusOr<GraphQuery> MakeQuery(RequestContext& context, const v1::QueryTransitionGraphRequest& request,
                                     const Question& question) {
  GraphQuery query;
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(query.alphabet, ToAlphabet(context, question, request.alphabet()));
  query.window = question.interval;
  query.scope = question.scope;
  return query;
}

absl::StatusOr<VariantQuery> MakeQuery(RequestContext& context, const v1::QueryVariantsRequest& request,
                                       const Question& question) {
  VariantQuery query;
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(query.alphabet, ToAlphabet(context, question, request.alphabet()));
  ASSIGN_OR_RETURN(query.length_max,
                   ToCount(request.length(), limits::kVariantLengthDefault, limits::kVariantLengthMax, "length"));
  query.window = question.interval;
  query.scope = question.scope;
  return query;
}

namespace {

absl::StatusOr<v1::QueryTransitionGraphResponse> QueryTransitionGraph(RequestContext& context,
                                                                      const v1::QueryTransitionGraphRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const GraphQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const Grouped<TransitionGraph> answer, question.view->Graph(query));
  const TransitionGraph& graph = answer.whole();
  if (graph.edges.size() > static_cast<size_t>(limits::kTransitionGraphEdgeCountMax)) {
    return LimitExceeded("the transition graph", limits::kTransitionGraphEdgeCountMax, "edges; ask with a filter");
  }
  v1::QueryTransitionGraphResponse response;
  FillGraph(graph, response);
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

absl::StatusOr<v1::QueryVariantsResponse> QueryVariants(RequestContext& context,
                                                        const v1::QueryVariantsRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const VariantQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const int limit,
                   ToCount(request.limit(), limits::kVariantLimitDefault, limits::kVariantLimitMax, "limit"));
  ASSIGN_OR_RETURN(const TopVariants top, FindTopVariants(*question.view, query, limit));
  v1::QueryVariantsResponse response;
  size_t bytes = 0;
  for (const VariantCount& counted : top.variants) {
    v1::RunVariant& variant = *response.add_variants();
    for (const std::string& symbol : counted.variant) variant.add_symbols(symbol);
    variant.set_instance_count(counted.runs);
    variant.set_share(static_cast<double>(counted.runs) / static_cast<double>(top.runs));
    // Asked on the way: ten thousand variants of a thousand symbols would be gigabytes.
    bytes += variant.ByteSizeLong();
    if (bytes > limits::kAnswerBytesMax) RETURN_IF_ERROR(CheckAnswerSize(response));
  }
  response.set_instance_count(top.runs);
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisPathMethods(RpcService& service) {
  service.AddUnary("QueryTransitionGraph", &QueryTransitionGraph);
  service.AddUnary("QueryVariants", &QueryVariants);
}

}  // namespace throughline::api
