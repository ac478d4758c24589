#include "services/journey/observed_map.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace throughline {
namespace {

// What the transitions say about one touchpoint.
struct Links {
  bool joined = false;     // to another touchpoint
  bool arrives = false;    // other than by a loop
  bool leaves = false;     // to another touchpoint
  bool only_loops = true;  // of what leaves
  bool exits = false;
};

std::map<std::string, Links> LinksOf(const v1::JourneyMap& map) {
  std::map<std::string, Links> links;
  for (const v1::Transition& transition : map.transitions()) {
    const std::string& from = transition.from_touchpoint();
    const std::string& to = transition.to_touchpoint();
    if (transition.kind() == v1::Transition::EXIT) links[from].exits = true;
    if (to.empty() || to == from) continue;
    const bool loop = transition.kind() == v1::Transition::LOOP;
    links[from].joined = links[to].joined = true;
    links[from].leaves = true;
    if (loop) continue;
    links[from].only_loops = false;
    links[to].arrives = true;
  }
  return links;
}

std::optional<int64_t> PromiseOf(const v1::Transition& transition) {
  if (!transition.has_expected_duration()) return std::nullopt;
  const google::protobuf::Duration& duration = transition.expected_duration();
  return absl::ToInt64Microseconds(absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos()));
}

void AddNodes(const CompiledMap& map, const std::map<std::string, Links>& links, MapGraph& graph) {
  for (int i = 0; i < map.map.touchpoints_size(); ++i) {
    const v1::Touchpoint& touchpoint = map.map.touchpoints(i);
    const auto found = links.find(touchpoint.id());
    const Links its = found == links.end() ? Links() : found->second;
    const bool bound = map.touchpoints[static_cast<size_t>(i)].has_binding;
    if (!bound && !its.joined) continue;
    MapGraph::Node& node = graph.nodes.emplace_back();
    node.name = touchpoint.id();
    node.start = !its.arrives;
    node.end = touchpoint.completes_journey() || its.exits || !its.leaves;
    node.optional = !bound;
    if (!touchpoint.channel().empty()) node.channels.push_back(touchpoint.channel());
  }
}

// Where everything goes in circles.
void EnsureStartAndEnd(const std::map<std::string, Links>& links, MapGraph& graph) {
  if (graph.nodes.empty()) return;
  const auto none = [&](bool MapGraph::Node::*is) {
    return std::none_of(graph.nodes.begin(), graph.nodes.end(), [&](const MapGraph::Node& node) { return node.*is; });
  };
  if (none(&MapGraph::Node::start)) graph.nodes.front().start = true;
  if (!none(&MapGraph::Node::end)) return;
  for (MapGraph::Node& node : graph.nodes) node.end = links.at(node.name).only_loops;
  if (none(&MapGraph::Node::end)) graph.nodes.back().end = true;
}

void AddEdges(const v1::JourneyMap& map, const std::set<std::string>& names, MapGraph& graph) {
  std::map<std::pair<std::string, std::string>, std::optional<int64_t>> promises;
  for (const v1::Transition& transition : map.transitions()) {
    if (names.count(transition.from_touchpoint()) == 0 || names.count(transition.to_touchpoint()) == 0) continue;
    const std::optional<int64_t> promise = PromiseOf(transition);
    const auto [stored, is_new] =
        promises.try_emplace({transition.from_touchpoint(), transition.to_touchpoint()}, promise);
    if (is_new) continue;
    const bool both = stored->second.has_value() && promise.has_value();
    stored->second = both ? std::optional(std::max(*stored->second, *promise)) : std::nullopt;
  }
  for (const auto& [ends, promise] : promises) {
    graph.edges.push_back({.from = ends.first, .to = ends.second, .promise_micros = promise});
  }
}

}  // namespace

EventSymbols ObservedSymbols(const CompiledMap& map) {
  EventSymbols symbols;
  for (const CompiledTouchpoint& touchpoint : map.touchpoints) {
    if (!touchpoint.has_binding) continue;
    Symbol& symbol = symbols.symbols.emplace_back(Symbol{touchpoint.id, touchpoint.selector});
    // The engine takes the first symbol that matches, so it need not be told again.
    symbol.selector.unless.clear();
  }
  return symbols;
}

MapGraph ObservedGraph(const CompiledMap& map) {
  const std::map<std::string, Links> links = LinksOf(map.map);
  MapGraph graph;
  AddNodes(map, links, graph);
  EnsureStartAndEnd(links, graph);
  std::set<std::string> names;
  for (const MapGraph::Node& node : graph.nodes) names.insert(node.name);
  AddEdges(map.map, names, graph);
  return graph;
}

}  // namespace throughline
