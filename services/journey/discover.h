// Drafts a journey map from the transition graph of recorded events. Pure function; any thread.
//
// Deterministic: the same graph gives the same map, byte for byte, whatever order its events arrived in.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "throughline/aggregates.h"
#include "throughline/catalog.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline {

struct DiscoverOptions {
  std::string workspace_name;                       // workspaces/{workspace}
  std::string display_name = "Discovered journey";  // of the draft
  std::string correlation_property;                 // what the graph's runs were formed by
  std::string filter;                       // what the graph's events were filtered by; becomes part of each binding
  int touchpoint_count_max = 40;            // at least 1
  double transition_share_min = 0.05;       // of those who leave a touchpoint, 0 to 1
  std::vector<std::string> department_ids;  // departments that exist; others are left out
};

// The ids of the workspace's living departments.
absl::StatusOr<std::vector<std::string>> ReadDepartmentIds(CatalogReader& reader, absl::string_view workspace_name);

// Touchpoints are the most frequent event names, in the order in which runs pass them; phases are cut where that order
// leaves gaps (docs/decisions/discovery.md); transitions are the ways that at least transition_share_min of those who
// leave a touchpoint take. The draft passes ValidateJourneyMap, and PublishJourneyMap unless the graph is empty: an
// empty graph gives a map without touchpoints.
v1::JourneyMap DiscoverJourneyMap(const TransitionGraph& graph, const DiscoverOptions& options);

}  // namespace throughline
