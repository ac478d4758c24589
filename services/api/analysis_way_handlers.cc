// How work moves, and what would follow from a change.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_question.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/models/paths.h"
#include "throughline/models/what_if.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr int kLimitDefault = 100;
constexpr int kLimitMax = 1'000;
// Of the alphabet for rework, which has two estimates for each: far above what anybody looks at, and some megabytes.
constexpr size_t kReworkSymbolCountMax = 10'000;

// ---- Hand-offs and rework -------------------------------------------------------------------------------------------

absl::StatusOr<RunsQuery> MakeRunsQuery(RequestContext& context, const v1::QueryHandoffsRequest& request,
                                        const Question& question) {
  RunsQuery query;
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(query.alphabet, ToAlphabet(context, question, request.alphabet()));
  query.fields = {request.field().empty() ? "department" : request.field()};
  RETURN_IF_ERROR(CheckEventField(query.fields.front(), "field"));
  query.visits_max = RunsQuery::kVisitsMax;
  query.window = question.interval;
  query.scope = question.scope;
  return query;
}

void FillHandoffs(const HandoffReport& report, v1::QueryHandoffsResponse& response) {
  *response.mutable_handoff_share() = ToProto(report.share);
  *response.mutable_run_share() = ToProto(report.runs);
  *response.mutable_per_run() = ToProto(report.per_run);
  *response.mutable_waiting_seconds() = ToProto(report.waiting_seconds);
  *response.mutable_ping_pong_run_share() = ToProto(report.ping_pong_runs);
  for (const Handoff& pair : report.pairs) {
    v1::Handoff& handoff = *response.add_handoffs();
    handoff.set_from(pair.from);
    handoff.set_to(pair.to);
    handoff.set_count(pair.count);
    *handoff.mutable_run_share() = ToProto(pair.runs);
    *handoff.mutable_waiting_seconds() = ToProto(pair.waiting_seconds);
  }
  for (const PingPong& pair : report.ping_pongs) {
    v1::PingPong& ping_pong = *response.add_ping_pongs();
    ping_pong.set_there(pair.there);
    ping_pong.set_back(pair.back);
    ping_pong.set_count(pair.count);
    *ping_pong.mutable_run_share() = ToProto(pair.runs);
  }
}

void FillRework(const ReworkReport& report, size_t limit, v1::QueryHandoffsResponse& response) {
  std::vector<const std::pair<const std::string, Rework>*> again;
  for (const auto& each : report.touchpoints) {
    if (each.second.share.value > 0) again.push_back(&each);
  }
  // Shares are of the same runs; the map's order by name decides ties.
  std::stable_sort(again.begin(), again.end(), [](const auto* left, const auto* right) {
    return left->second.share.value > right->second.share.value;
  });
  for (size_t i = 0; i < std::min(limit, again.size()); ++i) {
    v1::Rework& rework = *response.add_rework();
    rework.set_symbol(again[i]->first);
    *rework.mutable_run_share() = ToProto(again[i]->second.share);
    *rework.mutable_visitor_share() = ToProto(again[i]->second.share_of_visitors);
  }
}

absl::StatusOr<v1::QueryHandoffsResponse> QueryHandoffs(RequestContext& context,
                                                        const v1::QueryHandoffsRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const RunsQuery query, MakeRunsQuery(context, request, question));
  ASSIGN_OR_RETURN(const int limit, ToCount(request.limit(), kLimitDefault, kLimitMax, "limit"));
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(query));
  if (sample.symbols.size() > kReworkSymbolCountMax) {
    return LimitExceeded("the alphabet", kReworkSymbolCountMax, "symbols; ask with a filter or another alphabet");
  }
  RETURN_IF_ERROR(context.CheckAlive());
  const RunLog log = ToRunLog(sample, std::nullopt, 0);
  ASSIGN_OR_RETURN(const HandoffReport handoffs, HandoffsOf(log, {}, static_cast<size_t>(limit)));
  RETURN_IF_ERROR(context.CheckAlive());
  ASSIGN_OR_RETURN(const ReworkReport rework, ReworkOf(VariantsOf(log), {}));
  v1::QueryHandoffsResponse response;
  FillHandoffs(handoffs, response);
  FillRework(rework, static_cast<size_t>(limit), response);
  *response.mutable_read() = ToRunsRead(sample, question);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

// ---- What if --------------------------------------------------------------------------------------------------------

absl::StatusOr<RunsQuery> MakeRunsQuery(RequestContext& context, const v1::QueryWhatIfRequest& request,
                                        const Question& question) {
  RunsQuery query;
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  query.run.correlation_property = request.correlation_property();
  ASSIGN_OR_RETURN(query.alphabet, ToAlphabet(context, question, request.alphabet()));
  query.visits_max = RunsQuery::kVisitsMax;
  query.window = question.interval;
  query.scope = question.scope;
  return query;
}

absl::StatusOr<WhatIfQuestion> ToWhatIfQuestion(const v1::QueryWhatIfRequest& request) {
  if (request.goal().empty()) return MissingField("goal");
  // Before the events are read, not after.
  if (static_cast<size_t>(request.changes_size()) > WhatIfQuestion::kChangesMax) {
    return InvalidField(
        "changes", absl::StrCat("has ", request.changes_size(), " entries; at most ", WhatIfQuestion::kChangesMax));
  }
  WhatIfQuestion question;
  question.goal = request.goal();
  for (const v1::WhatIfChange& change : request.changes()) {
    WhatIfChange& added = question.changes.emplace_back();
    added.from = change.from();
    added.to = change.to();
    if (change.has_share()) added.share = change.share();
    if (change.has_mean_seconds()) added.mean_seconds = change.mean_seconds();
  }
  question.revenue_per_visit = {request.revenue_per_visit_minor().begin(), request.revenue_per_visit_minor().end()};
  return question;
}

// No wrong names: a touchpoint of the map that nobody visited yet may be the goal, and brings nothing, no more than
// what is visited only after the goal.
void AddUnvisited(const RunsQuery& query, const RunSample& sample, TransitionGraph& graph, WhatIfQuestion& question) {
  std::vector<std::string> known = sample.symbols;
  if (const auto* map = std::get_if<EventSymbols>(&query.alphabet)) {
    for (const Symbol& symbol : map->symbols) known.push_back(symbol.name);
  }
  for (const std::string& name : known) {
    if (graph.nodes.count(name) > 0) continue;
    if (name == question.goal) {
      graph.nodes[name];
    } else {
      question.revenue_per_visit.erase(name);
    }
  }
}

// What the model refuses, by the request's names.
absl::Status InWordsOfRequest(const absl::Status& status) {
  FieldViolations violations;
  for (const FieldViolation& violation : GetFieldViolations(status)) {
    absl::string_view rest = violation.field;
    const bool of_revenue = absl::ConsumePrefix(&rest, "revenue_per_visit[");
    violations.Add(of_revenue ? absl::StrCat("revenue_per_visit_minor[", rest) : violation.field,
                   violation.description);
  }
  const absl::Status renamed = violations.ToStatus();
  return renamed.ok() ? status : renamed;
}

void Fill(const WhatIfNumber& number, v1::WhatIfNumber& out) {
  *out.mutable_before() = ToProto(number.before);
  *out.mutable_after() = ToProto(number.after);
  *out.mutable_difference() = ToProto(number.difference);
}

absl::StatusOr<v1::QueryWhatIfResponse> QueryWhatIf(RequestContext& context, const v1::QueryWhatIfRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(WhatIfQuestion what_if, ToWhatIfQuestion(request));
  ASSIGN_OR_RETURN(const RunsQuery query, MakeRunsQuery(context, request, question));
  ASSIGN_OR_RETURN(const RunSample sample, question.view->Runs(query));
  if (sample.symbols.size() > kWhatIfNodesMax) {
    return LimitExceeded("the alphabet", kWhatIfNodesMax, "symbols; ask with a filter or another alphabet");
  }
  RETURN_IF_ERROR(context.CheckAlive());
  ASSIGN_OR_RETURN(TransitionGraph graph, GraphUntilGoal(ToRunLog(sample, std::nullopt, std::nullopt), what_if.goal));
  AddUnvisited(query, sample, graph, what_if);
  RETURN_IF_ERROR(context.CheckAlive());
  const absl::StatusOr<WhatIfReport> report = WhatIf(graph, what_if, {});
  if (!report.ok()) return InWordsOfRequest(report.status());
  v1::QueryWhatIfResponse response;
  Fill(report->conversion, *response.mutable_conversion());
  Fill(report->seconds, *response.mutable_seconds());
  Fill(report->seconds_to_goal, *response.mutable_seconds_to_goal());
  Fill(report->revenue, *response.mutable_revenue_minor());
  response.set_instance_count(graph.runs);
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisWayMethods(RpcService& service) {
  service.AddUnary("QueryHandoffs", &QueryHandoffs);
  service.AddUnary("QueryWhatIf", &QueryWhatIf);
}

}  // namespace throughline::api
