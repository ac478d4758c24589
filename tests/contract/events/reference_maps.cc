#include <optional>
#include <set>

#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_runs.h"

namespace throughline::testing {

std::vector<PairAggregate> ReferencePairs(const Events& events, const PairQuery& query) {
  const KnownCustomers customers(events);
  std::vector<PairAggregate> out;
  for (const TimeRange& window : query.windows) {
    PairAggregate& aggregate = out.emplace_back();
    for (const auto& [key, run] : RunsOf(events, query.run)) {
      Sorted from, to;
      for (const v1::CustomerEvent* event : run) {
        if (customers.Matches(query.from, *event)) from.push_back(event);
        if (customers.Matches(query.to, *event)) to.push_back(event);
      }
      if (from.empty()) {
        aggregate.target_only += !to.empty() && In(window, TimeOf(*to.front()));
        continue;
      }
      const absl::Time entry = TimeOf(*from.front());
      if (!In(window, entry)) continue;
      ++aggregate.entered;
      // The pair of two events, the first at the time of entry, with the earliest second.
      std::optional<absl::Time> reached;
      bool all_before = !to.empty();
      for (const v1::CustomerEvent* second : to) {
        all_before = all_before && TimeOf(*second) < entry;
        for (const v1::CustomerEvent* first : from) {
          if (first == second || TimeOf(*first) != entry || TimeOf(*second) < entry) continue;
          if (!reached.has_value() || TimeOf(*second) < *reached) reached = TimeOf(*second);
        }
      }
      if (reached.has_value() && *reached - entry <= query.conversion_window) {
        ++aggregate.converted;
        aggregate.durations.Add(Micros(*reached - entry));
      } else {
        aggregate.negative += all_before;
        aggregate.immature += Immature(entry, query.conversion_window, query.now);
      }
    }
  }
  return out;
}

RunPositions ReferencePositions(const Events& events, const PositionQuery& query) {
  const KnownCustomers customers(events);
  RunPositions out;
  out.touchpoints.resize(query.touchpoints.size());
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    std::vector<std::pair<int, absl::Time>> visits;
    bool completed = false;
    for (const v1::CustomerEvent* event : run) {
      for (size_t t = 0; t < query.touchpoints.size(); ++t) {
        if (!customers.Matches(query.touchpoints[t].selector, *event)) continue;
        visits.emplace_back(static_cast<int>(t), TimeOf(*event));
        completed = completed || query.touchpoints[t].completes;
        break;
      }
    }
    if (visits.empty()) continue;
    ++out.runs;
    std::set<int> visited;
    std::set<std::pair<int, int>> taken;
    for (size_t i = 0; i < visits.size(); ++i) {
      ++out.touchpoints[visits[i].first].visits;
      visited.insert(visits[i].first);
      if (i == 0) continue;
      const std::pair<int, int> ends(visits[i - 1].first, visits[i].first);
      RunPositions::Transition& edge = out.transitions[ends];
      ++edge.count;
      if (taken.insert(ends).second) ++edge.runs;
      edge.durations.Add(Micros(visits[i].second - visits[i - 1].second));
    }
    for (const int touchpoint : visited) ++out.touchpoints[touchpoint].runs;
    RunPositions::Counts& counts = out.touchpoints[visits.back().first].positions;
    const absl::Duration waited = query.now - visits.back().second;
    if (completed) {
      ++counts.completed;
    } else if (waited > query.abandon_after) {
      ++counts.abandoned;
    } else if (waited > query.touchpoints[visits.back().first].stalled_after) {
      ++counts.stalled;
    } else {
      ++counts.active;
    }
  }
  return out;
}

}  // namespace throughline::testing
