// A transition graph computed from runs in the plainest way. For tests; any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "throughline/aggregates.h"

namespace throughline::testing {

struct RunEvent {
  std::string event_name;
  int64_t time_us = 0;
  std::string channel;
  std::string department;
};

inline void AddRun(const std::vector<RunEvent>& run, TransitionGraph& graph) {
  ++graph.runs;
  graph.events += static_cast<int64_t>(run.size());
  std::set<std::string> names;
  for (size_t i = 0; i < run.size(); ++i) {
    TransitionGraph::Node& node = graph.nodes[run[i].event_name];
    ++node.events;
    if (names.insert(run[i].event_name).second) ++node.runs;
    if (i == 0) ++node.starts;
    if (i + 1 == run.size()) ++node.ends;
    if (run.size() > 1) node.place_millionths += static_cast<int64_t>(i * 1'000'000 / (run.size() - 1));
    if (!run[i].channel.empty()) ++node.channels[run[i].channel];
    if (!run[i].department.empty()) ++node.departments[run[i].department];
    if (i == 0) continue;
    TransitionGraph::Edge& edge = graph.edges[{run[i - 1].event_name, run[i].event_name}];
    ++edge.count;
    edge.durations.Add(run[i].time_us - run[i - 1].time_us);
  }
}

// Runs of the given names, a second apart.
inline TransitionGraph GraphOf(const std::vector<std::vector<std::string>>& runs) {
  TransitionGraph graph;
  for (const std::vector<std::string>& names : runs) {
    std::vector<RunEvent> run;
    for (const std::string& name : names) run.push_back({name, static_cast<int64_t>(run.size()) * 1'000'000, "", ""});
    AddRun(run, graph);
  }
  return graph;
}

}  // namespace throughline::testing
