#include <algorithm>

#include "services/metrics/models/deviation_impact.h"
#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/conformance.h"
#include "throughline/models/paths.h"
#include "throughline/models/what_if.h"

namespace throughline::agreement {
namespace {

int32_t IndexOf(const Json& name, std::vector<std::string>& names) {
  if (name.is_null()) return RunLog::kNone;
  const auto found = std::find(names.begin(), names.end(), name.get<std::string>());
  if (found != names.end()) return static_cast<int32_t>(found - names.begin());
  names.push_back(name);
  return static_cast<int32_t>(names.size()) - 1;
}

// [[visit, …], …]; a visit is a name, or [name, micros, department].
RunLog RunsOf(const Json& runs) {
  RunLog log;
  for (const Json& run : runs) {
    RunLog::Run& added = log.runs.emplace_back();
    for (const Json& visit : run) {
      if (visit.is_string()) {
        added.visits.push_back({.touchpoint = IndexOf(visit, log.touchpoints)});
      } else {
        added.visits.push_back({.touchpoint = IndexOf(visit.at(0), log.touchpoints),
                                .department = IndexOf(visit.at(2), log.departments),
                                .time_micros = visit.at(1)});
      }
    }
  }
  return log;
}

MapGraph MapOf(const Json& map) {
  MapGraph graph;
  for (const Json& node : map.at("nodes")) {
    graph.nodes.push_back({.name = node.at("name"),
                           .start = node.at("start"),
                           .end = node.at("end"),
                           .optional = node.at("optional"),
                           .channels = {}});
  }
  for (const Json& edge : map.at("edges")) {
    graph.edges.push_back({.from = edge.at(0), .to = edge.at(1), .promise_micros = {}});
  }
  return graph;
}

Json TokensJson(const ReplayTokens& tokens) {
  return {{"produced", tokens.produced},
          {"consumed", tokens.consumed},
          {"missing", tokens.missing},
          {"remaining", tokens.remaining},
          {"fitness", tokens.Fitness()}};
}

Json MovesJson(const VariantConformance& variant) {
  Json moves = Json::array();
  for (const AlignmentMove& move : variant.alignment) moves.push_back({move.kind, move.node, move.visit});
  return moves;
}

Json ConformanceJson(const Json& input) {
  const absl::StatusOr<ConformanceReport> report =
      CheckConformance(MapOf(input.at("map")), RunsOf(input.at("runs")), {});
  if (!report.ok()) return {{"error", std::string(report.status().message())}};
  Json runs = Json::array();
  for (const int32_t number : report->variant_of_run) {
    if (number < 0) {
      runs.push_back(nullptr);
      continue;
    }
    const VariantConformance& variant = report->variants[static_cast<size_t>(number)];
    Json deviations = Json::array();
    for (const Deviation& each : variant.deviations) {
      deviations.push_back({DeviationTypeText(each.type), each.touchpoint, each.from, each.to});
    }
    runs.push_back({{"cost", variant.cost},
                    {"fitness", variant.fitness},
                    {"tokens", TokensJson(variant.tokens)},
                    {"moves", MovesJson(variant)},
                    {"off_map", variant.off_map},
                    {"deviations", deviations}});
  }
  return {{"runs", runs},
          {"alignment", EstimateJson(report->alignment_fitness)},
          {"token", EstimateJson(report->token_fitness)},
          {"conforming", EstimateJson(report->conforming)}};
}

// {"starts": {name: n}, "ends": {name: n}, "edges": [[from, to, [micros, …]], …]}
TransitionGraph GraphOf(const Json& input) {
  TransitionGraph graph;
  for (const auto& [name, starts] : input.at("starts").items()) graph.nodes[name].starts = starts;
  for (const auto& [name, ends] : input.at("ends").items()) graph.nodes[name].ends = ends;
  for (const Json& edge : input.at("edges")) {
    TransitionGraph::Edge& added = graph.edges[{edge.at(0), edge.at(1)}];
    for (const Json& micros : edge.at(2)) {
      ++added.count;
      added.duration_micros += micros.get<int64_t>();
      added.durations.Add(micros);
    }
  }
  return graph;
}

Json NumberJson(const WhatIfNumber& number) {
  return {{"before", EstimateJson(number.before)},
          {"after", EstimateJson(number.after)},
          {"difference", EstimateJson(number.difference)}};
}

Json WhatIfJson(const Json& input) {
  WhatIfQuestion question = {.goal = input.at("goal"), .changes = {}, .revenue_per_visit = input.at("revenue")};
  for (const Json& change : input.at("changes")) {
    WhatIfChange& added = question.changes.emplace_back();
    added.from = change.at("from");
    added.to = change.at("to");
    if (change.contains("share")) added.share = change.at("share");
    if (change.contains("seconds")) added.mean_seconds = change.at("seconds");
  }
  const absl::StatusOr<WhatIfReport> report = WhatIf(GraphOf(input), question, {});
  if (!report.ok()) return {{"error", std::string(report.status().message())}};
  return {{"conversion", NumberJson(report->conversion)},
          {"seconds", NumberJson(report->seconds)},
          {"seconds_to_goal", NumberJson(report->seconds_to_goal)},
          {"revenue", NumberJson(report->revenue)}};
}

}  // namespace

void AddPathsCalls(ModelCalls& calls) {
  calls["conformance"] = ConformanceJson;
  calls["what_if"] = WhatIfJson;
  calls["newcombe"] = [](const Json& input) {
    return IntervalJson(NewcombeInterval(input.at("k1"), input.at("n1"), input.at("k2"), input.at("n2"), 0.95));
  };
  calls["median_variance"] = [](const Json& input) { return Json(MedianVariance(input.at("sorted"))); };
  calls["rework"] = [](const Json& input) {
    const ReworkReport report = *ReworkOf(VariantsOf(RunsOf(input.at("runs"))), {});
    Json touchpoints = Json::object();
    for (const auto& [name, rework] : report.touchpoints) touchpoints[name] = EstimateJson(rework.share);
    return Json{{"any", EstimateJson(report.any)}, {"touchpoints", touchpoints}};
  };
  calls["handoffs"] = [](const Json& input) {
    const HandoffReport report = *HandoffsOf(RunsOf(input.at("runs")), {});
    Json pairs = Json::array();
    for (const Handoff& each : report.pairs) {
      pairs.push_back({each.from, each.to, each.count, EstimateJson(each.runs), EstimateJson(each.waiting_seconds)});
    }
    Json ping_pongs = Json::array();
    for (const PingPong& each : report.ping_pongs) {
      ping_pongs.push_back({each.there, each.back, each.count, EstimateJson(each.runs)});
    }
    return Json{{"share", EstimateJson(report.share)},
                {"per_run", EstimateJson(report.per_run)},
                {"pairs", pairs},
                {"ping_pongs", ping_pongs}};
  };
}

}  // namespace throughline::agreement
