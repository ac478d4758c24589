#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"
#include "throughline/models/paths.h"

namespace throughline {
namespace {

constexpr double kMicros = 1e6;
using Pair = std::pair<int32_t, int32_t>;

struct Seen {
  int64_t count = 0;
  int64_t runs = 0;
  std::vector<int64_t> micros;
};

struct Tally {
  std::map<Pair, Seen> handoffs;
  std::map<Pair, Seen> ping_pongs;
  int64_t runs = 0;  // with a department
  int64_t runs_without = 0;
  int64_t visits_without = 0;
  int64_t pairs = 0;
  int64_t handoff_count = 0;
  int64_t handoff_squares = 0;  // Σ over runs of the square of their number
  int64_t handoff_runs = 0;
  int64_t ping_pong_count = 0;
  int64_t ping_pong_runs = 0;
};

void CountRun(const RunLog::Run& run, Tally& tally) {
  std::set<Pair> handoffs;
  std::set<Pair> ping_pongs;
  const RunLog::Visit* last = nullptr;  // with a department
  int32_t before = RunLog::kNone;       // the department that the last hand-off came from
  int64_t count = 0;
  for (const RunLog::Visit& visit : run.visits) {
    if (visit.department == RunLog::kNone) {
      ++tally.visits_without;
      continue;
    }
    tally.pairs += last != nullptr ? 1 : 0;
    if (last != nullptr && last->department != visit.department) {
      const Pair pair = {last->department, visit.department};
      Seen& seen = tally.handoffs[pair];
      ++seen.count;
      seen.micros.push_back(visit.time_micros - last->time_micros);
      seen.runs += handoffs.insert(pair).second ? 1 : 0;
      ++count;
      if (before == visit.department) {
        const Pair there_and_back = {visit.department, last->department};
        Seen& returned = tally.ping_pongs[there_and_back];
        ++returned.count;
        ++tally.ping_pong_count;
        returned.runs += ping_pongs.insert(there_and_back).second ? 1 : 0;
      }
      before = last->department;
    }
    last = &visit;
  }
  tally.runs += last != nullptr ? 1 : 0;
  tally.runs_without += last == nullptr ? 1 : 0;
  tally.handoff_count += count;
  tally.handoff_squares += count * count;
  tally.handoff_runs += count > 0 ? 1 : 0;
  tally.ping_pong_runs += ping_pongs.empty() ? 0 : 1;
}

Estimate Begin(std::string method, const Tally& tally) {
  Estimate estimate;
  estimate.method = std::move(method);
  Exclude("missing_department", tally.visits_without, estimate);
  Exclude("no_department", tally.runs_without, estimate);
  return estimate;
}

Estimate ShareEstimate(const char* number, int64_t count, int64_t n, const Tally& tally,
                       const EstimateOptions& options) {
  Estimate estimate = Begin(MethodText(number, "wilson", options.confidence_level), tally);
  if (n == 0) {
    estimate.undefined_reason = tally.runs == 0 ? "No visit has a department." : "No two visits have a department.";
    return estimate;
  }
  SetValue(static_cast<double>(count) / static_cast<double>(n), n, options, estimate);
  estimate.interval = WilsonInterval(count, n, options.confidence_level);
  return estimate;
}

Estimate PerRunEstimate(const Tally& tally, const EstimateOptions& options) {
  Estimate estimate = Begin(MethodText("hand-offs per run", "student-t", options.confidence_level), tally);
  if (tally.runs == 0) {
    estimate.undefined_reason = "No visit has a department.";
    return estimate;
  }
  const auto runs = static_cast<double>(tally.runs);
  const double mean = static_cast<double>(tally.handoff_count) / runs;
  SetValue(mean, tally.runs, options, estimate);
  if (tally.runs > 1) {
    const double squares = static_cast<double>(tally.handoff_squares) - mean * static_cast<double>(tally.handoff_count);
    estimate.interval =
        StudentTInterval(mean, std::max(squares, 0.0) / (runs - 1), tally.runs, options.confidence_level);
  }
  return estimate;
}

Estimate WaitingEstimate(std::vector<int64_t> micros, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("median waiting time", "order-statistics", options.confidence_level);
  if (micros.empty()) {
    estimate.undefined_reason = "There is no hand-off.";
    return estimate;
  }
  std::sort(micros.begin(), micros.end());
  const auto n = static_cast<int64_t>(micros.size());
  const auto at = [&](int64_t rank) { return static_cast<double>(micros[static_cast<size_t>(rank)]) / kMicros; };
  SetValue(at((n + 1) / 2 - 1), n, options, estimate);
  if (const std::optional<RankInterval> ranks = MedianRankInterval(n, options.confidence_level); ranks.has_value()) {
    estimate.interval = Interval{.low = at(ranks->low), .high = at(ranks->high)};
  }
  double sum = 0;  // sorted, so that the order of the runs does not matter
  for (const int64_t value : micros) sum += static_cast<double>(value);
  estimate.details = {{"mean", sum / kMicros / static_cast<double>(n)}, {"p90", at((9 * n + 9) / 10 - 1)}};
  return estimate;
}

// The most frequent pairs, ties by their departments' names. Estimates are made of these only: where everybody hands
// off to somebody else, there are as many pairs as visits.
std::vector<const std::pair<const Pair, Seen>*> Ranked(const std::map<Pair, Seen>& seen, const RunLog& log,
                                                       size_t pairs_max) {
  std::vector<const std::pair<const Pair, Seen>*> ranked;
  ranked.reserve(seen.size());
  for (const auto& each : seen) ranked.push_back(&each);
  const auto name = [&](int32_t department) -> const std::string& {
    return log.departments[static_cast<size_t>(department)];
  };
  const auto shown = ranked.begin() + static_cast<int64_t>(std::min(pairs_max, ranked.size()));
  std::partial_sort(ranked.begin(), shown, ranked.end(), [&](const auto* a, const auto* b) {
    if (a->second.count != b->second.count) return a->second.count > b->second.count;
    return std::tie(name(a->first.first), name(a->first.second)) <
           std::tie(name(b->first.first), name(b->first.second));
  });
  ranked.erase(shown, ranked.end());
  return ranked;
}

}  // namespace

absl::StatusOr<HandoffReport> HandoffsOf(const RunLog& log, const EstimateOptions& options, size_t pairs_max) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = ValidateRunLog(log); !status.ok()) return status;
  Tally tally;
  for (const RunLog::Run& run : log.runs) CountRun(run, tally);

  HandoffReport report;
  report.share = ShareEstimate("hand-off share", tally.handoff_count, tally.pairs, tally, options);
  report.share.details = {{"handoffs", static_cast<double>(tally.handoff_count)},
                          {"pairs", static_cast<double>(tally.pairs)}};
  report.runs = ShareEstimate("runs with hand-off", tally.handoff_runs, tally.runs, tally, options);
  report.per_run = PerRunEstimate(tally, options);
  report.ping_pong_runs = ShareEstimate("runs with ping-pong", tally.ping_pong_runs, tally.runs, tally, options);
  report.ping_pong_runs.details["count"] = static_cast<double>(tally.ping_pong_count);
  const auto name = [&](int32_t department) { return log.departments[static_cast<size_t>(department)]; };
  for (const auto* pair : Ranked(tally.handoffs, log, pairs_max)) {
    const Seen& seen = pair->second;
    report.pairs.push_back({.from = name(pair->first.first),
                            .to = name(pair->first.second),
                            .count = seen.count,
                            .runs = ShareEstimate("runs with hand-off", seen.runs, tally.runs, tally, options),
                            .waiting_seconds = WaitingEstimate(seen.micros, options)});
  }
  for (const auto* pair : Ranked(tally.ping_pongs, log, pairs_max)) {
    report.ping_pongs.push_back(
        {.there = name(pair->first.first),
         .back = name(pair->first.second),
         .count = pair->second.count,
         .runs = ShareEstimate("runs with ping-pong", pair->second.runs, tally.runs, tally, options)});
  }
  std::vector<int64_t> all;
  for (const auto& [pair, seen] : tally.handoffs) all.insert(all.end(), seen.micros.begin(), seen.micros.end());
  report.waiting_seconds = WaitingEstimate(std::move(all), options);
  return report;
}

}  // namespace throughline
