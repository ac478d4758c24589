#include "services/metrics/models/journey_chain.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr double kMicros = 1e6;
constexpr int64_t kCountMax = int64_t{1} << 40;  // above, a sum of counts might not fit

// Variance of the durations in seconds²; absent unless every passage has one.
std::optional<double> VarianceOf(const TransitionGraph::Edge& edge) {
  const DurationSketch& durations = edge.durations;
  if (edge.count == 0 || durations.count() != edge.count) return std::nullopt;
  const auto n = static_cast<double>(edge.count);
  const double mean = static_cast<double>(edge.duration_micros) / n;
  double squares = 0;
  if (durations.exact()) {
    for (const int64_t micros : durations.values()) {
      squares += (static_cast<double>(micros) - mean) * (static_cast<double>(micros) - mean);
    }
  } else {
    int64_t before = 0;
    for (const auto& [bin, count] : durations.bins()) {
      const double micros = static_cast<double>(durations.Quantile((static_cast<double>(before) + 0.5) / n));
      squares += static_cast<double>(count) * (micros - mean) * (micros - mean);
      before += count;
    }
  }
  return squares / n / (kMicros * kMicros);
}

absl::Status CheckCount(const std::string& field, int64_t count) {
  if (count >= 0 && count <= kCountMax) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("the count ", count, " is not from 0 to ", kCountMax));
}

absl::Status CheckQuestion(const TransitionGraph& graph, const WhatIfQuestion& question) {
  if (graph.nodes.size() > kWhatIfNodesMax) {
    return InvalidField("graph", absl::StrCat("has ", graph.nodes.size(), " touchpoints; at most ", kWhatIfNodesMax));
  }
  if (question.changes.size() > WhatIfQuestion::kChangesMax) {
    return InvalidField("changes",
                        absl::StrCat("are ", question.changes.size(), "; at most ", WhatIfQuestion::kChangesMax));
  }
  if (!graph.nodes.contains(question.goal)) {
    return InvalidField("goal", absl::StrCat("nobody visited a touchpoint ", question.goal));
  }
  for (const auto& [name, revenue] : question.revenue_per_visit) {
    const std::string field = absl::StrCat("revenue_per_visit[", name, "]");
    if (!graph.nodes.contains(name)) return InvalidField(field, "nobody visited a touchpoint of this name");
    if (!std::isfinite(revenue)) return InvalidField(field, "is no number");
  }
  return absl::OkStatus();
}

absl::Status AddWays(const TransitionGraph& graph, JourneyChain& chain) {
  for (const auto& [ends, edge] : graph.edges) {
    const std::string field = absl::StrCat("edges[", ends.first, " ", ends.second, "]");
    if (absl::Status status = CheckCount(field + ".count", edge.count); !status.ok()) return status;
    if (edge.duration_micros < 0) return InvalidField(field + ".duration_micros", "is negative");
    const int from = chain.IndexOf(ends.first);
    const int to = chain.IndexOf(ends.second);
    if (from < 0 || to < 0) return InvalidField(field, "joins touchpoints of which one is not in the graph");
    if (edge.count == 0) continue;
    const double mean = static_cast<double>(edge.duration_micros) / kMicros / static_cast<double>(edge.count);
    chain.nodes[static_cast<size_t>(from)].ways.push_back(
        {.to = to, .count = edge.count, .mean_seconds = mean, .variance = VarianceOf(edge)});
  }
  return absl::OkStatus();
}

// Every touchpoint that runs come to must also be left, or be the goal.
absl::Status CheckLeavings(const JourneyChain& chain) {
  std::vector<bool> entered(chain.nodes.size());
  for (const ChainNode& node : chain.nodes) {
    for (const ChainWay& way : node.ways) {
      if (way.to >= 0) entered[static_cast<size_t>(way.to)] = true;
    }
  }
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    const ChainNode& node = chain.nodes[i];
    if (node.leavings > 0 || static_cast<int>(i) == chain.goal || (node.starts == 0 && !entered[i])) continue;
    return InvalidField(absl::StrCat("nodes[", node.name, "]"), "runs come here, but none goes on or ends here");
  }
  return absl::OkStatus();
}

absl::Status ApplyShare(const WhatIfChange& change, const std::string& field, ChainNode& node, size_t at) {
  const double share = *change.share;
  if (!(share >= 0 && share <= 1)) return InvalidField(field + ".share", "is not from 0 to 1");
  int64_t others = 0;
  for (size_t i = 0; i < node.ways.size(); ++i) others += i == at ? 0 : node.ways[i].count;
  if (others == 0 && share < 1) {
    return InvalidField(field + ".share", absl::StrCat("everybody at ", change.from,
                                                       " goes this way; there is no other "
                                                       "way whose share could grow"));
  }
  node.set_way = static_cast<int>(at);
  node.kept_scale = others == 0 ? 0 : (1 - share) * static_cast<double>(node.leavings) / static_cast<double>(others);
  for (size_t i = 0; i < node.ways.size(); ++i) node.ways[i].share *= i == at ? 1 : node.kept_scale;
  node.ways[at].share = share;
  return absl::OkStatus();
}

absl::Status ApplyTime(const WhatIfChange& change, const std::string& field, ChainWay& way) {
  if (way.to == ChainWay::kOver) return InvalidField(field + ".mean_seconds", "a run's end takes no time");
  if (!(*change.mean_seconds >= 0) || !std::isfinite(*change.mean_seconds)) {
    return InvalidField(field + ".mean_seconds", "is not a time of 0 or more");
  }
  way.mean_seconds = *change.mean_seconds;
  way.variance = 0;
  way.time_is_set = true;
  return absl::OkStatus();
}

}  // namespace

int JourneyChain::IndexOf(const std::string& name) const {
  const auto found =
      std::lower_bound(nodes.begin(), nodes.end(), name,
                       [](const ChainNode& node, const std::string& wanted) { return node.name < wanted; });
  return found == nodes.end() || found->name != name ? -1 : static_cast<int>(found - nodes.begin());
}

absl::StatusOr<JourneyChain> JourneyChain::Measured(const TransitionGraph& graph, const WhatIfQuestion& question) {
  if (absl::Status status = CheckQuestion(graph, question); !status.ok()) return status;
  JourneyChain chain;
  for (const auto& [name, node] : graph.nodes) {
    const std::string field = absl::StrCat("nodes[", name, "]");
    if (absl::Status status = CheckCount(field + ".starts", node.starts); !status.ok()) return status;
    if (absl::Status status = CheckCount(field + ".ends", node.ends); !status.ok()) return status;
    const auto revenue = question.revenue_per_visit.find(name);
    ChainNode& added = chain.nodes.emplace_back();
    added.name = name;
    added.starts = node.starts;
    added.revenue = revenue == question.revenue_per_visit.end() ? 0 : revenue->second;
    if (node.ends > 0) added.ways.push_back({.to = ChainWay::kOver, .count = node.ends});
    chain.runs += node.starts;
  }
  if (absl::Status status = AddWays(graph, chain); !status.ok()) return status;
  chain.goal = chain.IndexOf(question.goal);
  for (ChainNode& node : chain.nodes) {
    for (const ChainWay& way : node.ways) node.leavings += way.count;
    for (ChainWay& way : node.ways) way.share = static_cast<double>(way.count) / static_cast<double>(node.leavings);
  }
  if (absl::Status status = CheckLeavings(chain); !status.ok()) return status;
  return chain;
}

absl::StatusOr<JourneyChain> JourneyChain::Changed(const WhatIfQuestion& question) const {
  JourneyChain chain = *this;
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < question.changes.size(); ++i) {
    const WhatIfChange& change = question.changes[i];
    const std::string field = FieldPath("changes", i);
    const int from = IndexOf(change.from);
    const int to = change.to.empty() ? ChainWay::kOver : IndexOf(change.to);
    if (from < 0) return InvalidField(field + ".from", "nobody visited a touchpoint of this name");
    if (from == goal) return InvalidField(field + ".from", "is the goal, where a run is over");
    if (to < 0 && !change.to.empty()) return InvalidField(field + ".to", "nobody visited a touchpoint of this name");
    if (!seen.insert({change.from, change.to}).second) return InvalidField(field, "changes what another change does");
    if (!change.share.has_value() && !change.mean_seconds.has_value()) {
      return InvalidField(field, "changes neither a share nor a time");
    }
    ChainNode& node = chain.nodes[static_cast<size_t>(from)];
    auto way = std::find_if(node.ways.begin(), node.ways.end(), [&](const ChainWay& each) { return each.to == to; });
    if (way == node.ways.end()) {
      const bool timed = to == ChainWay::kOver || change.mean_seconds.has_value();
      if (!change.share.has_value()) return InvalidField(field + ".share", "nobody goes this way: say how many would");
      if (!timed) return InvalidField(field + ".mean_seconds", "nobody goes this way: say how long it would take");
      node.ways.push_back({.to = to});
      way = node.ways.end() - 1;
    }
    if (change.mean_seconds.has_value()) {
      if (absl::Status status = ApplyTime(change, field, *way); !status.ok()) return status;
    }
    if (!change.share.has_value()) continue;
    if (node.set_way >= 0) return InvalidField(field + ".share", "another change sets a share of the same touchpoint");
    if (absl::Status status = ApplyShare(change, field, node, static_cast<size_t>(way - node.ways.begin()));
        !status.ok()) {
      return status;
    }
  }
  return chain;
}

}  // namespace throughline
