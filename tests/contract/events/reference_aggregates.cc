#include "tests/contract/events/reference_aggregates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "services/events/event_match.h"

namespace throughline::testing {
namespace {

using Events = std::vector<v1::CustomerEvent>;
using Sorted = std::vector<const v1::CustomerEvent*>;

absl::Time TimeOf(const v1::CustomerEvent& event) {
  return absl::FromUnixSeconds(event.event_time().seconds()) + absl::Microseconds(event.event_time().nanos() / 1000);
}

bool In(const TimeRange& window, absl::Time time) { return time >= window.start && time < window.end; }

bool AnyMatches(const std::vector<EventSelector>& selectors, const v1::CustomerEvent& event) {
  return std::any_of(selectors.begin(), selectors.end(),
                     [&](const EventSelector& selector) { return MatchesSelector(selector, event); });
}

// The value of a property as text that tells kinds apart; absent if there is none.
std::optional<std::string> PropertyOf(const v1::CustomerEvent& event, const std::string& key) {
  const auto found = event.properties().find(key);
  if (found == event.properties().end() || found->second.has_null_value()) return std::nullopt;
  return found->second.ShortDebugString();
}

// Runs by (customer, correlation value), each in the order of the port.
std::map<std::pair<std::string, std::string>, Sorted> RunsOf(const Events& events, const RunRule& rule) {
  std::map<std::pair<std::string, std::string>, Sorted> out;
  for (const v1::CustomerEvent& event : events) {
    std::string value;
    if (!rule.correlation_property.empty()) {
      const std::optional<std::string> property = PropertyOf(event, rule.correlation_property);
      if (!property.has_value()) continue;
      value = *property;
    }
    out[{event.customer_id(), value}].push_back(&event);
  }
  for (auto& [key, run] : out) {
    std::sort(run.begin(), run.end(), [](const v1::CustomerEvent* a, const v1::CustomerEvent* b) {
      return std::make_tuple(TimeOf(*a), a->sequence(), a->source(), a->id()) <
             std::make_tuple(TimeOf(*b), b->sequence(), b->source(), b->id());
    });
  }
  return out;
}

int64_t Micros(absl::Duration duration) { return absl::ToInt64Microseconds(duration); }

// Steps that the best attempt beginning at `start` takes when steps 0 … step − 1 are taken, the last of them at `last`.
int BestFrom(const Sorted& run, const StepQuery& query, std::vector<bool>& used, int step, absl::Time start,
             absl::Time last) {
  if (step == static_cast<int>(query.steps.size())) return step;
  int best = step;
  for (size_t i = 0; i < run.size(); ++i) {
    const absl::Time time = TimeOf(*run[i]);
    if (used[i] || time < last || time - start > query.window || !MatchesSelector(query.steps[step].selector, *run[i]))
      continue;
    used[i] = true;
    best = std::max(best, BestFrom(run, query, used, step + 1, start, time));
    used[i] = false;
    if (best == static_cast<int>(query.steps.size())) break;
  }
  return best;
}

bool Immature(absl::Time entry, absl::Duration window, absl::Time now) {
  return window != absl::InfiniteDuration() && now != absl::InfiniteFuture() && now - entry <= window;
}

}  // namespace

std::vector<VolumeAggregate> ReferenceVolume(const Events& events, const VolumeQuery& query) {
  std::vector<VolumeAggregate> out;
  for (const TimeRange& window : query.windows) {
    VolumeAggregate& aggregate = out.emplace_back();
    std::set<std::string> customers;
    for (const v1::CustomerEvent& event : events) {
      if (!In(window, TimeOf(event)) || !AnyMatches(query.any_of, event)) continue;
      ++aggregate.events;
      customers.insert(event.customer_id());
    }
    aggregate.customers = static_cast<int64_t>(customers.size());
  }
  return out;
}

std::vector<ScoreHistogram> ReferenceScores(const Events& events, const ScoreQuery& query) {
  std::vector<ScoreHistogram> out;
  for (const TimeRange& window : query.windows) {
    ScoreHistogram& histogram = out.emplace_back();
    for (const auto& [key, run] : RunsOf(events, RunRule())) {
      std::vector<double> scores;
      for (const v1::CustomerEvent* event : run) {
        if (!In(window, TimeOf(*event)) || !AnyMatches(query.any_of, *event)) continue;
        if (event->survey_response().has_score()) {
          scores.push_back(event->survey_response().score());
        } else {
          ++histogram.missing;
        }
      }
      if (query.policy == RespondentPolicy::kFirst && !scores.empty()) scores = {scores.front()};
      if (query.policy == RespondentPolicy::kLatest && !scores.empty()) scores = {scores.back()};
      for (const double score : scores) {
        const bool whole = score == std::trunc(score) && score >= 0 && score <= 100;
        ++(whole ? histogram.counts[static_cast<size_t>(score)] : histogram.other);
      }
    }
  }
  return out;
}

std::vector<StepReach> ReferenceSteps(const Events& events, const StepQuery& query) {
  std::vector<StepReach> out;
  for (const TimeRange& window : query.windows) {
    StepReach& reach = out.emplace_back();
    reach.reached.assign(query.steps.size(), 0);
    for (const auto& [key, run] : RunsOf(events, query.run)) {
      ++reach.runs;
      int best = 0;
      std::optional<absl::Time> entry, latest;
      std::vector<bool> used(run.size());
      for (size_t i = 0; i < run.size(); ++i) {
        if (!MatchesSelector(query.steps[0].selector, *run[i])) continue;
        const absl::Time start = TimeOf(*run[i]);
        if (!entry.has_value()) entry = start;
        latest = start;
        used[i] = true;
        best = std::max(best, BestFrom(run, query, used, 1, start, start));
        used[i] = false;
      }
      if (!entry.has_value() || !In(window, *entry)) continue;
      for (int step = 0; step < best; ++step) ++reach.reached[step];
      const bool complete = best == static_cast<int>(query.steps.size());
      reach.immature += !complete && Immature(*latest, query.window, query.now);
    }
  }
  return out;
}

std::vector<PairAggregate> ReferencePairs(const Events& events, const PairQuery& query) {
  std::vector<PairAggregate> out;
  for (const TimeRange& window : query.windows) {
    PairAggregate& aggregate = out.emplace_back();
    for (const auto& [key, run] : RunsOf(events, query.run)) {
      Sorted from, to;
      for (const v1::CustomerEvent* event : run) {
        if (MatchesSelector(query.from, *event)) from.push_back(event);
        if (MatchesSelector(query.to, *event)) to.push_back(event);
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

TransitionGraph ReferenceGraph(const Events& events, const GraphQuery& query) {
  TransitionGraph graph;
  for (const auto& [key, all] : RunsOf(events, query.run)) {
    Sorted run;
    for (const v1::CustomerEvent* event : all) {
      if (MatchesSelector(query.selector, *event) && In(query.window, TimeOf(*event))) run.push_back(event);
    }
    if (run.empty()) continue;
    ++graph.runs;
    std::set<std::string> names;
    for (size_t i = 0; i < run.size(); ++i) {
      ++graph.events;
      names.insert(run[i]->event_name());
      TransitionGraph::Node& node = graph.nodes[run[i]->event_name()];
      ++node.events;
      if (run.size() > 1) node.place_millionths += static_cast<int64_t>(i * 1'000'000 / (run.size() - 1));
      if (!run[i]->channel().empty()) ++node.channels[run[i]->channel()];
      if (!run[i]->department().empty()) ++node.departments[run[i]->department()];
      if (i == 0) continue;
      TransitionGraph::Edge& edge = graph.edges[{run[i - 1]->event_name(), run[i]->event_name()}];
      ++edge.count;
      edge.duration_micros += Micros(TimeOf(*run[i]) - TimeOf(*run[i - 1]));
      edge.durations.Add(Micros(TimeOf(*run[i]) - TimeOf(*run[i - 1])));
    }
    for (const std::string& name : names) ++graph.nodes[name].runs;
    ++graph.nodes[run.front()->event_name()].starts;
    ++graph.nodes[run.back()->event_name()].ends;
  }
  return graph;
}

RunPositions ReferencePositions(const Events& events, const PositionQuery& query) {
  RunPositions out;
  out.touchpoints.resize(query.touchpoints.size());
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    std::vector<std::pair<int, absl::Time>> visits;
    bool completed = false;
    for (const v1::CustomerEvent* event : run) {
      for (size_t t = 0; t < query.touchpoints.size(); ++t) {
        if (!MatchesSelector(query.touchpoints[t].selector, *event)) continue;
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
