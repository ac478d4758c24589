#include "services/journey/discover.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/journey/element_ids.h"
#include "services/journey/event_titles.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

// As many columns as a wall holds; fewer than three are no journey.
constexpr size_t kPhaseCountMin = 3;
constexpr size_t kPhaseCountMax = 7;
// Phases are enough when the places within them vary by this much of what all places vary. Touchpoints that are spread
// evenly then give five phases (k phases leave 1/k²), and touchpoints in clear groups one phase for each group.
constexpr double kPhaseVarianceMax = 0.05;
// A channel, department or end is typical of a touchpoint when it is that of half of its events or runs.
constexpr double kTypicalShare = 0.5;

struct Step {
  std::string event_name;
  const TransitionGraph::Node* node = nullptr;
  double place = 0;     // mean place in the run, 0 to 1
  double level = 0;     // the same, made to ascend along the order of the touchpoints
  int64_t leaving = 0;  // ways out: followed by something, or the end of a run
  size_t phase = 0;
  v1::Touchpoint touchpoint;
};

bool MoreEvents(const Step& left, const Step& right) {
  if (left.node->events != right.node->events) return left.node->events > right.node->events;
  return left.event_name < right.event_name;
}

bool Earlier(const Step& left, const Step& right) {
  if (left.place != right.place) return left.place < right.place;
  if (left.node->starts != right.node->starts) return left.node->starts > right.node->starts;
  if (left.node->ends != right.node->ends) return left.node->ends < right.node->ends;
  return left.event_name < right.event_name;
}

// The most frequent event names, by their mean place.
std::vector<Step> MakeSteps(const TransitionGraph& graph, int count_max) {
  std::vector<Step> steps;
  std::map<std::string, int64_t> leaving;
  for (const auto& [ends, edge] : graph.edges) leaving[ends.first] += edge.count;
  for (const auto& [event_name, node] : graph.nodes) {
    if (node.events <= 0) continue;
    Step& step = steps.emplace_back();
    step.event_name = event_name;
    step.node = &node;
    step.place = static_cast<double>(node.place_millionths) / 1e6 / static_cast<double>(node.events);
    step.leaving = leaving[event_name] + node.ends;
  }
  const size_t kept = static_cast<size_t>(std::clamp(count_max, 1, limits::kTouchpointCountMax));
  std::sort(steps.begin(), steps.end(), MoreEvents);
  if (steps.size() > kept) steps.resize(kept);
  std::sort(steps.begin(), steps.end(), Earlier);
  return steps;
}

// Keeps the order by place, but lets a step come only when at least half of the ways that lead to it (the start of a
// run included, repetitions of the step itself left out) come from steps before it. Places alone mislead: what only
// long runs reach, and reach early, seems to come before what every run passes. Where loops leave no such step, the
// next by place comes.
void OrderByFlow(const TransitionGraph& graph, std::vector<Step>& steps) {
  std::map<std::string, size_t> index_by_name;
  for (size_t i = 0; i < steps.size(); ++i) index_by_name.emplace(steps[i].event_name, i);
  std::vector<int64_t> arriving(steps.size());
  std::vector<int64_t> arrived(steps.size());  // of these, from the start or steps that have come
  std::vector<std::vector<std::pair<size_t, int64_t>>> ways(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) arriving[i] = arrived[i] = steps[i].node->starts;
  for (const auto& [ends, edge] : graph.edges) {
    const auto from = index_by_name.find(ends.first);
    const auto to = index_by_name.find(ends.second);
    if (from == index_by_name.end() || to == index_by_name.end() || from == to) continue;
    arriving[to->second] += edge.count;
    ways[from->second].emplace_back(to->second, edge.count);
  }
  std::vector<bool> has_come(steps.size(), false);
  std::vector<Step> ordered;
  ordered.reserve(steps.size());
  while (ordered.size() < steps.size()) {
    std::optional<size_t> first;
    std::optional<size_t> ready;
    for (size_t i = 0; i < steps.size() && !ready.has_value(); ++i) {
      if (has_come[i]) continue;
      if (!first.has_value()) first = i;
      if (2 * arrived[i] >= arriving[i]) ready = i;
    }
    const size_t next = ready.value_or(*first);
    has_come[next] = true;
    for (const auto& [to, count] : ways[next]) arrived[to] += count;
    ordered.push_back(steps[next]);
  }
  steps = std::move(ordered);
}

// The levels closest to the places that never descend along the order (pooling of adjacent violators, by events).
void SetLevels(std::vector<Step>& steps) {
  struct Pool {
    double sum = 0;
    double weight = 0;
    size_t count = 0;
  };
  std::vector<Pool> pools;
  for (const Step& step : steps) {
    const double weight = static_cast<double>(step.node->events);
    pools.push_back({step.place * weight, weight, 1});
    while (pools.size() > 1) {
      const Pool last = pools.back();
      Pool& before = pools[pools.size() - 2];
      if (before.sum * last.weight < last.sum * before.weight) break;
      before = {before.sum + last.sum, before.weight + last.weight, before.count + last.count};
      pools.pop_back();
    }
  }
  size_t i = 0;
  for (const Pool& pool : pools) {
    for (size_t k = 0; k < pool.count; ++k) steps[i++].level = pool.sum / pool.weight;
  }
}

// Sums of squared deviations from the mean, for every range of consecutive places.
class Spread {
 public:
  explicit Spread(const std::vector<Step>& steps) : sums_(1, 0), squares_(1, 0) {
    for (const Step& step : steps) {
      sums_.push_back(sums_.back() + step.level);
      squares_.push_back(squares_.back() + step.level * step.level);
    }
  }
  double Of(size_t begin, size_t end) const {
    const double sum = sums_[end] - sums_[begin];
    const double spread = squares_[end] - squares_[begin] - sum * sum / static_cast<double>(end - begin);
    return std::max(0.0, spread);
  }

 private:
  std::vector<double> sums_;
  std::vector<double> squares_;
};

// Cuts the ordered steps into phases where their levels leave gaps: for each number of phases the cut with the smallest
// spread within phases (natural breaks, exact by dynamic programming), and the smallest number that is good enough.
// Steps of one level are never cut apart. Returns where each phase begins.
std::vector<size_t> CutPhases(const std::vector<Step>& steps) {
  const size_t n = steps.size();
  size_t distinct = n == 0 ? 0 : 1;
  for (size_t i = 1; i < n; ++i) distinct += steps[i].level != steps[i - 1].level ? 1 : 0;
  const size_t count_max = std::min(kPhaseCountMax, distinct);
  const Spread spread(steps);
  const double enough = n == 0 ? 0 : kPhaseVarianceMax * spread.Of(0, n);

  constexpr double kImpossible = std::numeric_limits<double>::infinity();
  // best[k][end]: the smallest spread of the first `end` steps in k phases; begin[k][end]: where the last one begins.
  std::vector<std::vector<double>> best(count_max + 1, std::vector<double>(n + 1, kImpossible));
  std::vector<std::vector<size_t>> begin(count_max + 1, std::vector<size_t>(n + 1, 0));
  best[0][0] = 0;
  size_t count = 0;
  while (count < count_max && (count < kPhaseCountMin || best[count][n] > enough)) {
    ++count;
    for (size_t end = count; end <= n; ++end) {
      for (size_t start = count - 1; start < end; ++start) {
        if (start > 0 && steps[start].level == steps[start - 1].level) continue;
        const double total = best[count - 1][start] + spread.Of(start, end);
        if (total < best[count][end]) {
          best[count][end] = total;
          begin[count][end] = start;
        }
      }
    }
  }
  std::vector<size_t> starts;
  for (size_t end = n; count > 0; --count) {
    end = begin[count][end];
    starts.push_back(end);
  }
  std::reverse(starts.begin(), starts.end());
  return starts;
}

// The key of at least half of the events; empty: there is none.
std::string Typical(const std::map<std::string, int64_t>& counts, int64_t events) {
  for (const auto& [key, count] : counts) {
    if (static_cast<double>(count) >= kTypicalShare * static_cast<double>(events) && 2 * count != events) return key;
  }
  // Exactly half may be two keys; the first by name, so that the draft does not depend on anything else.
  for (const auto& [key, count] : counts) {
    if (2 * count == events) return key;
  }
  return "";
}

void FillTouchpoints(const DiscoverOptions& options, std::vector<Step>& steps, ElementIds& ids) {
  const std::set<std::string> departments(options.department_ids.begin(), options.department_ids.end());
  for (Step& step : steps) {
    v1::Touchpoint& touchpoint = step.touchpoint;
    touchpoint.set_id(ids.Take(step.event_name, "touchpoint"));
    touchpoint.set_display_name(EventTitle(step.event_name));
    touchpoint.set_channel(Typical(step.node->channels, step.node->events));
    const std::string department = Typical(step.node->departments, step.node->events);
    if (departments.count(department) > 0) {
      touchpoint.set_department(absl::StrCat(options.workspace_name, "/departments/", department));
    }
    touchpoint.mutable_event_binding()->add_event_names(step.event_name);
    touchpoint.mutable_event_binding()->set_filter(options.filter);
  }
}

// Marks where runs typically end. Where many customers do nothing further after their first event that is a loss, not a
// completion: only the later half of the journey can complete it. If nothing is typical, the most frequent end is.
void MarkCompletion(std::vector<Step>& steps) {
  Step* most_frequent = nullptr;
  bool any = false;
  for (Step& step : steps) {
    if (most_frequent == nullptr || step.node->ends > most_frequent->node->ends) most_frequent = &step;
    const bool ends = static_cast<double>(step.node->ends) >= kTypicalShare * static_cast<double>(step.node->runs);
    if (step.node->ends == 0 || !ends || step.place < 0.5) continue;
    step.touchpoint.set_completes_journey(true);
    any = true;
  }
  if (!any && most_frequent != nullptr && most_frequent->node->ends > 0) {
    most_frequent->touchpoint.set_completes_journey(true);
  }
}

// The touchpoint that a reader will know the phase by: where most runs start in the first, end in the last, and pass in
// between.
const Step& Landmark(const std::vector<Step>& steps, size_t begin, size_t end, bool first, bool last) {
  size_t chosen = begin;
  const auto weight = [&](const Step& step) {
    const int64_t place = first ? step.node->starts : last ? step.node->ends : 0;
    return std::make_pair(place, step.node->runs);
  };
  for (size_t i = begin + 1; i < end; ++i) {
    if (weight(steps[i]) > weight(steps[chosen])) chosen = i;
  }
  return steps[chosen];
}

void AddPhases(std::vector<Step>& steps, ElementIds& ids, v1::JourneyMap& map) {
  const std::vector<size_t> starts = CutPhases(steps);
  for (size_t k = 0; k < starts.size(); ++k) {
    const size_t end = k + 1 < starts.size() ? starts[k + 1] : steps.size();
    const bool first = k == 0;
    const bool last = k + 1 == starts.size();
    const std::string& landmark = Landmark(steps, starts[k], end, first, last).touchpoint.display_name();
    const char* prefix = end - starts[k] == 1 ? "" : first ? "Beginning with " : last ? "Ending with " : "Around ";
    v1::Phase& phase = *map.add_phases();
    phase.set_id(ids.Take(absl::StrCat("phase-", k + 1), "phase"));
    phase.set_display_name(ClipDisplayName(absl::StrCat(prefix, landmark)));
    for (size_t i = starts[k]; i < end; ++i) {
      steps[i].phase = k;
      steps[i].touchpoint.set_phase(phase.id());
      *map.add_touchpoints() = steps[i].touchpoint;
    }
  }
}

struct Way {
  size_t from = 0;
  std::optional<size_t> to;  // absent: the end of the run
  int64_t count = 0;
  const TransitionGraph::Edge* edge = nullptr;
};

// The ways that enough of those who leave a touchpoint take, in the order in which they are drawn.
std::vector<Way> FindWays(const TransitionGraph& graph, const std::vector<Step>& steps, double share_min) {
  std::map<std::string, size_t> index_by_name;
  for (size_t i = 0; i < steps.size(); ++i) index_by_name.emplace(steps[i].event_name, i);
  std::vector<Way> ways;
  const auto add = [&](const Way& way) {
    const double leaving = static_cast<double>(steps[way.from].leaving);
    if (way.count > 0 && static_cast<double>(way.count) >= share_min * leaving) ways.push_back(way);
  };
  for (const auto& [ends, edge] : graph.edges) {
    const auto from = index_by_name.find(ends.first);
    const auto to = index_by_name.find(ends.second);
    if (from == index_by_name.end() || to == index_by_name.end()) continue;
    add({from->second, to->second, edge.count, &edge});
  }
  for (size_t i = 0; i < steps.size(); ++i) add({i, std::nullopt, steps[i].node->ends, nullptr});
  const auto place = [&](const Way& way) { return way.to.value_or(steps.size()); };
  // The rarest are left out when there are more than a map may have.
  std::sort(ways.begin(), ways.end(), [&](const Way& left, const Way& right) {
    return std::make_tuple(-left.count, left.from, place(left)) <
           std::make_tuple(-right.count, right.from, place(right));
  });
  if (ways.size() > static_cast<size_t>(limits::kTransitionCountMax)) ways.resize(limits::kTransitionCountMax);
  std::sort(ways.begin(), ways.end(), [&](const Way& left, const Way& right) {
    return std::make_tuple(left.from, !left.to.has_value(), -left.count, place(left)) <
           std::make_tuple(right.from, !right.to.has_value(), -right.count, place(right));
  });
  return ways;
}

void AddTransitions(const TransitionGraph& graph, const std::vector<Step>& steps, double share_min, ElementIds& ids,
                    v1::JourneyMap& map) {
  std::set<size_t> has_sequence;
  for (const Way& way : FindWays(graph, steps, share_min)) {
    const Step& from = steps[way.from];
    v1::Transition& transition = *map.add_transitions();
    transition.set_from_touchpoint(from.touchpoint.id());
    transition.set_expected_share(static_cast<double>(way.count) / static_cast<double>(from.leaving));
    if (!way.to.has_value()) {
      transition.set_id(ids.Take(absl::StrCat(from.touchpoint.id(), "-exit"), "exit"));
      transition.set_kind(v1::Transition::EXIT);
      continue;
    }
    const Step& to = steps[*way.to];
    transition.set_id(ids.Take(absl::StrCat(from.touchpoint.id(), "-to-", to.touchpoint.id()), "transition"));
    transition.set_to_touchpoint(to.touchpoint.id());
    if (*way.to <= way.from) {
      transition.set_kind(v1::Transition::LOOP);
    } else if (has_sequence.insert(way.from).second) {  // the most frequent way forward comes first
      transition.set_kind(v1::Transition::SEQUENCE);
    } else {
      transition.set_kind(to.phase > from.phase + 1 ? v1::Transition::SKIP : v1::Transition::BRANCH);
    }
    // Nothing is expected to take no time: events of one moment leave it unsaid.
    const int64_t median_us = way.edge->durations.count() > 0 ? way.edge->durations.Quantile(0.5) : 0;
    if (median_us > 0) {
      transition.mutable_expected_duration()->set_seconds(median_us / 1'000'000);
      transition.mutable_expected_duration()->set_nanos(static_cast<int32_t>(median_us % 1'000'000 * 1000));
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadDepartmentIds(CatalogReader& reader, absl::string_view workspace_name) {
  const std::string prefix = absl::StrCat(workspace_name, "/departments/");
  ASSIGN_OR_RETURN(const auto documents, reader.ListByType(v1::Department::descriptor()->full_name(), prefix));
  std::vector<std::string> ids;
  for (const Document& document : documents) ids.push_back(document.name.substr(prefix.size()));
  return ids;
}

v1::JourneyMap DiscoverJourneyMap(const TransitionGraph& graph, const DiscoverOptions& options) {
  v1::JourneyMap map;
  map.set_display_name(options.display_name);
  map.set_state(v1::JourneyMap::CURRENT);
  map.set_kind(v1::JourneyMap::MACRO);
  map.mutable_instance_rule()->set_correlation_property(options.correlation_property);

  std::vector<Step> steps = MakeSteps(graph, options.touchpoint_count_max);
  OrderByFlow(graph, steps);
  SetLevels(steps);
  ElementIds ids;
  FillTouchpoints(options, steps, ids);
  MarkCompletion(steps);
  AddPhases(steps, ids, map);
  AddTransitions(graph, steps, options.transition_share_min, ids, map);
  map.set_description(absl::StrCat("Drafted from ", graph.events, " events of ", graph.runs, " runs: ", steps.size(),
                                   " of ", graph.nodes.size(), " event names, ", map.transitions_size(), " ways."));
  return map;
}

}  // namespace throughline
