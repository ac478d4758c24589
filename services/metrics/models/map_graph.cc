// Is a map one that runs can be held against?
#include <set>

#include "absl/strings/str_cat.h"
#include "throughline/errors.h"
#include "throughline/models/conformance.h"

namespace throughline {
namespace {

void CheckNodes(const MapGraph& map, std::set<std::string>& names, FieldViolations& violations) {
  bool start = false;
  bool end = false;
  for (size_t i = 0; i < map.nodes.size(); ++i) {
    const MapGraph::Node& node = map.nodes[i];
    if (node.name.empty()) violations.Add(FieldPath("nodes", i), "has no name");
    if (!names.insert(node.name).second) {
      violations.Add(FieldPath("nodes", i), absl::StrCat("the touchpoint ", node.name, " stands twice"));
    }
    start = start || node.start;
    end = end || node.end;
  }
  if (map.nodes.empty()) violations.Add("nodes", "the map has no touchpoint");
  if (!map.nodes.empty() && !start) violations.Add("nodes", "no touchpoint is a start, so no run can begin");
  if (!map.nodes.empty() && !end) violations.Add("nodes", "no touchpoint is an end, so no run can be complete");
}

void CheckEdges(const MapGraph& map, const std::set<std::string>& names, FieldViolations& violations) {
  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < map.edges.size(); ++i) {
    const MapGraph::Edge& edge = map.edges[i];
    for (const std::string& name : {edge.from, edge.to}) {
      if (!names.contains(name)) {
        violations.Add(FieldPath("edges", i), absl::StrCat("there is no touchpoint ", name, " on the map"));
      }
    }
    if (!seen.insert({edge.from, edge.to}).second) {
      violations.Add(FieldPath("edges", i),
                     absl::StrCat("the transition from ", edge.from, " to ", edge.to, " stands twice"));
    }
    if (edge.promise_micros.value_or(0) < 0) violations.Add(FieldPath("edges", i), "promises a negative time");
  }
}

}  // namespace

absl::Status ValidateMapGraph(const MapGraph& map) {
  FieldViolations violations;
  if (map.nodes.size() > MapGraph::kNodesMax) {
    return InvalidField("nodes", absl::StrCat("are ", map.nodes.size(), "; at most ", MapGraph::kNodesMax));
  }
  if (map.edges.size() > MapGraph::kEdgesMax) {
    return InvalidField("edges", absl::StrCat("are ", map.edges.size(), "; at most ", MapGraph::kEdgesMax));
  }
  std::set<std::string> names;
  CheckNodes(map, names, violations);
  CheckEdges(map, names, violations);
  return violations.ToStatus();
}

}  // namespace throughline
