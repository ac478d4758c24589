// The map that has exactly the touchpoints, transitions, beginnings and ends of some variants. For tests.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "throughline/models/conformance.h"

namespace throughline::testing {

inline MapGraph MapOfVariants(const std::vector<std::vector<std::string>>& variants) {
  std::map<std::string, MapGraph::Node> nodes;
  std::set<std::pair<std::string, std::string>> edges;
  for (const std::vector<std::string>& variant : variants) {
    for (size_t i = 0; i < variant.size(); ++i) {
      MapGraph::Node& node = nodes[variant[i]];
      node.name = variant[i];
      node.start = node.start || i == 0;
      node.end = node.end || i + 1 == variant.size();
      if (i > 0) edges.insert({variant[i - 1], variant[i]});
    }
  }
  MapGraph map;
  for (const auto& [name, node] : nodes) map.nodes.push_back(node);
  for (const auto& [from, to] : edges) map.edges.push_back({.from = from, .to = to, .promise_micros = {}});
  return map;
}

}  // namespace throughline::testing
