#include "throughline/models/paths.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr double kMicros = 1e6;

// Above this a sum of counts might not fit; far above anything that is counted.
constexpr int64_t kCountMax = int64_t{1} << 40;

Estimate ShareOf(const char* number, int64_t count, int64_t n, const char* reason, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText(number, "wilson", options.confidence_level);
  if (n <= 0) {
    estimate.undefined_reason = reason;
    return estimate;
  }
  SetValue(static_cast<double>(count) / static_cast<double>(n), n, options, estimate);
  estimate.interval = WilsonInterval(count, n, options.confidence_level);
  return estimate;
}

absl::Status CheckCount(absl::string_view field, int64_t count) {
  if (count >= 0 && count <= kCountMax) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("the count ", count, " is not from 0 to ", kCountMax));
}

Estimate MeanSeconds(const TransitionGraph::Edge& edge, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = "mean time";
  if (edge.count == 0) {
    estimate.undefined_reason = "Nobody went this way.";
    return estimate;
  }
  SetValue(static_cast<double>(edge.duration_micros) / kMicros / static_cast<double>(edge.count), edge.count, options,
           estimate);
  if (edge.durations.count() > 0) {
    estimate.details["median"] = static_cast<double>(edge.durations.Quantile(0.5)) / kMicros;
  }
  return estimate;
}

absl::Status CheckGraph(const TransitionGraph& graph) {
  for (const auto& [name, node] : graph.nodes) {
    if (absl::Status status = CheckCount(absl::StrCat("nodes[", name, "].ends"), node.ends); !status.ok())
      return status;
  }
  for (const auto& [ends, edge] : graph.edges) {
    const std::string field = absl::StrCat("edges[", ends.first, " ", ends.second, "]");
    if (absl::Status status = CheckCount(field + ".count", edge.count); !status.ok()) return status;
    if (edge.duration_micros < 0) return InvalidField(field + ".duration_micros", "is negative");
    if (!graph.nodes.contains(ends.first) || !graph.nodes.contains(ends.second)) {
      return InvalidField(field, "joins touchpoints of which one is not in the graph");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVariants(const VariantCounts& counts) {
  int64_t listed = 0;
  for (const auto& [variant, runs] : counts.variants) {
    if (absl::Status status = CheckCount("variants", runs); !status.ok()) return status;
    listed += runs;
    if (listed > counts.runs) {
      return InvalidField("variants", absl::StrCat("hold more runs than the ", counts.runs, " that there are"));
    }
  }
  return CheckCount("runs", counts.runs);
}

}  // namespace

absl::StatusOr<std::vector<TransitionShare>> TransitionShares(const TransitionGraph& graph,
                                                              const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckGraph(graph); !status.ok()) return status;
  std::map<std::string, int64_t> leavings;
  for (const auto& [name, node] : graph.nodes) leavings[name] += node.ends;
  for (const auto& [ends, edge] : graph.edges) leavings[ends.first] += edge.count;
  const auto share = [&](const std::string& from, int64_t count) {
    Estimate estimate = ShareOf("transition share", count, leavings[from], "Nobody left the touchpoint.", options);
    estimate.details["count"] = static_cast<double>(count);
    return estimate;
  };
  std::vector<TransitionShare> shares;
  for (const auto& [name, node] : graph.nodes) {
    if (node.ends > 0) {
      Estimate time;
      time.method = "mean time";
      time.undefined_reason = "The run ends here.";
      shares.push_back({.from = name, .to = "", .share = share(name, node.ends), .mean_seconds = std::move(time)});
    }
    for (auto edge = graph.edges.lower_bound({name, ""}); edge != graph.edges.end() && edge->first.first == name;
         ++edge) {
      shares.push_back({.from = name,
                        .to = edge->first.second,
                        .share = share(name, edge->second.count),
                        .mean_seconds = MeanSeconds(edge->second, options)});
    }
  }
  return shares;
}

absl::StatusOr<std::vector<VariantShare>> VariantShares(const VariantCounts& counts, size_t limit,
                                                        const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckVariants(counts); !status.ok()) return status;
  std::vector<std::pair<int64_t, const VariantCounts::Variant*>> ranked;
  for (const auto& [variant, runs] : counts.variants) {
    if (runs > 0) ranked.emplace_back(runs, &variant);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  ranked.resize(std::min(limit, ranked.size()));
  std::vector<VariantShare> shares;
  int64_t sum = 0;
  for (const auto& [runs, variant] : ranked) {
    sum += runs;
    shares.push_back({.touchpoints = *variant,
                      .runs = runs,
                      .share = ShareOf("variant share", runs, counts.runs, "There is no run.", options),
                      .cumulative_share = static_cast<double>(sum) / static_cast<double>(counts.runs)});
  }
  return shares;
}

absl::StatusOr<ReworkReport> ReworkOf(const VariantCounts& counts, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckVariants(counts); !status.ok()) return status;
  struct Counts {
    int64_t runs = 0;
    int64_t visitors = 0;
    int64_t repeats = 0;
  };
  std::map<std::string, Counts> touchpoints;
  Counts all;
  int64_t visits = 0;
  for (const auto& [variant, runs] : counts.variants) {
    std::map<std::string, int64_t> times;
    for (const std::string& touchpoint : variant) ++times[touchpoint];
    for (const auto& [name, visited] : times) {
      Counts& of_name = touchpoints[name];
      of_name.visitors += runs;
      of_name.runs += visited > 1 ? runs : 0;
      of_name.repeats += (visited - 1) * runs;
    }
    all.visitors += runs;
    all.runs += times.size() < variant.size() ? runs : 0;
    all.repeats += static_cast<int64_t>(variant.size() - times.size()) * runs;
    visits += static_cast<int64_t>(variant.size()) * runs;
  }
  const auto share = [&](int64_t count, int64_t n) {
    Estimate estimate = ShareOf("rework share", count, n, "No run was counted.", options);
    Exclude("variant_not_listed", counts.runs - all.visitors, estimate);
    estimate.details["runs"] = static_cast<double>(count);
    return estimate;
  };
  ReworkReport report;
  for (const auto& [name, of_name] : touchpoints) {
    Rework rework = {.share = share(of_name.runs, all.visitors),
                     .share_of_visitors = share(of_name.runs, of_name.visitors)};
    for (Estimate* estimate : {&rework.share, &rework.share_of_visitors}) {
      estimate->details["visitors"] = static_cast<double>(of_name.visitors);
      estimate->details["repeats"] = static_cast<double>(of_name.repeats);
    }
    report.touchpoints.emplace(name, std::move(rework));
  }
  report.any = share(all.runs, all.visitors);
  report.any.details["repeats"] = static_cast<double>(all.repeats);
  report.any.details["visits"] = static_cast<double>(visits);
  return report;
}

}  // namespace throughline
