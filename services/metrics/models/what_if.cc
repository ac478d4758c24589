#include "throughline/models/what_if.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "services/metrics/models/checks.h"
#include "services/metrics/models/journey_chain.h"
#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

enum class Scale { kPlain, kLogit };

constexpr double kRounding = 1e-9;

// Variance of after − before by the delta method; of one of them alone where the other is null. Absent where it rests
// on durations that the graph does not have.
std::optional<double> VarianceOf(const JourneyChain& measured, const ChainNumber* before, const ChainNumber* after) {
  const auto of = [](const ChainNumber* number, const std::vector<std::vector<double>> ChainNumber::*rows, size_t node,
                     size_t way) { return number == nullptr ? 0 : (number->*rows)[node][way]; };
  double variance = 0;
  for (size_t i = 0; i < measured.nodes.size(); ++i) {
    const ChainNode& node = measured.nodes[i];
    const auto leavings = static_cast<double>(node.leavings);
    for (size_t k = 0; k < node.ways.size(); ++k) {
      const double influence =
          of(after, &ChainNumber::share_influence, i, k) - of(before, &ChainNumber::share_influence, i, k);
      variance += node.ways[k].share * influence * influence / leavings;
      const double slope = of(after, &ChainNumber::time_slope, i, k) - of(before, &ChainNumber::time_slope, i, k);
      if (slope == 0) continue;
      if (!node.ways[k].variance.has_value()) return std::nullopt;
      variance += slope * slope * *node.ways[k].variance / static_cast<double>(node.ways[k].count);
    }
    const double start =
        (after == nullptr ? 0 : after->start_influence[i]) - (before == nullptr ? 0 : before->start_influence[i]);
    const auto runs = static_cast<double>(measured.runs);
    variance += static_cast<double>(node.starts) / runs * start * start / runs;
  }
  return variance;
}

// `size`: how large the numbers are that the value was made of, against which rounding is judged.
std::optional<Interval> IntervalOf(double value, double size, std::optional<double> variance, Scale scale,
                                   double confidence) {
  // A width of zero, but for rounding, would claim certainty that a sample does not give.
  if (!variance.has_value() || !std::isfinite(*variance)) return std::nullopt;
  if (!(std::sqrt(*variance) > kRounding * size)) return std::nullopt;
  const double half = NormalQuantile(0.5 + confidence / 2) * std::sqrt(*variance);
  if (scale == Scale::kPlain) return Interval{.low = value - half, .high = value + half};
  if (!(value > 0 && value < 1)) return std::nullopt;
  const double logit = std::log(value) - std::log1p(-value);
  const double logit_half = half / (value * (1 - value));
  return Interval{.low = 1 / (1 + std::exp(logit_half - logit)), .high = 1 / (1 + std::exp(-logit_half - logit))};
}

WhatIfNumber NumberOf(const char* name, const JourneyChain& measured, const ChainNumber& before,
                      const ChainNumber& after, Scale scale, const EstimateOptions& options) {
  WhatIfNumber number;
  const double size = scale == Scale::kLogit ? 1 : std::max(std::abs(before.value), std::abs(after.value));
  const auto fill = [&](const std::string& reason, double value, const ChainNumber* first, const ChainNumber* second,
                        Scale its_scale, Estimate& estimate) {
    estimate.method =
        MethodText(name, its_scale == Scale::kLogit ? "markov delta-logit" : "markov delta", options.confidence_level);
    estimate.n = measured.runs;
    estimate.undefined_reason = reason;
    if (!reason.empty()) return;
    SetFiniteValue(value, measured.runs, options, estimate);
    if (estimate.state == Estimate::State::kUndefined) return;
    const std::optional<double> variance = VarianceOf(measured, first, second);
    if (const auto interval = IntervalOf(value, size, variance, its_scale, options.confidence_level)) {
      SetInterval(interval->low, interval->high, estimate);
    }
  };
  fill(before.undefined_reason, before.value, nullptr, &before, scale, number.before);
  fill(after.undefined_reason, after.value, nullptr, &after, scale, number.after);
  const std::string& reason = before.undefined_reason.empty() ? after.undefined_reason : before.undefined_reason;
  fill(reason, after.value - before.value, &before, &after, Scale::kPlain, number.difference);
  return number;
}

}  // namespace

absl::StatusOr<TransitionGraph> GraphUntilGoal(const RunLog& log, const std::string& goal) {
  if (absl::Status status = ValidateRunLog(log); !status.ok()) return status;
  std::vector<TransitionGraph::Node> nodes(log.touchpoints.size());
  std::map<std::pair<int32_t, int32_t>, TransitionGraph::Edge> edges;
  TransitionGraph graph;
  for (const RunLog::Run& run : log.runs) {
    if (run.visits.empty()) continue;
    const RunLog::Visit* before = nullptr;
    for (const RunLog::Visit& visit : run.visits) {
      TransitionGraph::Node& node = nodes[static_cast<size_t>(visit.touchpoint)];
      ++node.events;
      ++graph.events;
      if (before == nullptr) {
        ++node.starts;
      } else {
        TransitionGraph::Edge& edge = edges[{before->touchpoint, visit.touchpoint}];
        const int64_t micros = visit.time_micros - before->time_micros;
        ++edge.count;
        edge.duration_micros += micros;
        edge.durations.Add(micros);
      }
      before = &visit;
      if (log.touchpoints[static_cast<size_t>(visit.touchpoint)] == goal) break;
    }
    ++nodes[static_cast<size_t>(before->touchpoint)].ends;
    ++graph.runs;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].events > 0) graph.nodes[log.touchpoints[i]] = std::move(nodes[i]);
  }
  for (auto& [ends, edge] : edges) {
    graph.edges[{log.touchpoints[static_cast<size_t>(ends.first)], log.touchpoints[static_cast<size_t>(ends.second)]}] =
        std::move(edge);
  }
  return graph;
}

absl::StatusOr<WhatIfReport> WhatIf(const TransitionGraph& graph, const WhatIfQuestion& question,
                                    const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const absl::StatusOr<JourneyChain> measured = JourneyChain::Measured(graph, question);
  if (!measured.ok()) return measured.status();
  const absl::StatusOr<JourneyChain> changed = measured->Changed(question);
  if (!changed.ok()) return changed.status();
  WhatIfReport report;
  const auto number = [&](const char* name, ChainNumber (*compute)(const JourneyChain&), Scale scale) {
    if (measured->runs > 0) {
      return NumberOf(name, *measured, compute(*measured), compute(*changed), scale, options);
    }
    ChainNumber none;
    none.undefined_reason = "There is no run.";
    return NumberOf(name, *measured, none, none, scale, options);
  };
  report.conversion = number("conversion", ChainConversion, Scale::kLogit);
  report.seconds = number("mean time", ChainSeconds, Scale::kPlain);
  report.seconds_to_goal = number("mean time to goal", ChainSecondsToGoal, Scale::kPlain);
  report.revenue = number("mean revenue", ChainRevenue, Scale::kPlain);
  return report;
}

}  // namespace throughline
