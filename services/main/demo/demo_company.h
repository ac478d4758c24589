// The demo company as resources: departments, lifecycle, segments, personas, maps, metrics. Names are below the given
// workspace. Pure functions; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/metric.pb.h"
#include "throughline/v1/persona.pb.h"
#include "throughline/v1/segment.pb.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::demo {

// A resource to be created, with the last segment of its name.
template <typename T>
struct Named {
  std::string id;
  T resource;
};

v1::Workspace DemoWorkspace();
std::vector<Named<v1::Department>> DemoDepartments();
std::vector<Named<v1::LifecycleStage>> DemoLifecycleStages(absl::string_view workspace_name);
std::vector<Named<v1::Segment>> DemoSegments();
std::vector<Named<v1::Persona>> DemoPersonas(absl::string_view workspace_name);

struct DemoAttachment {
  std::string map_id;
  std::string id;
  v1::MetricAttachment attachment;
};

// Ids of the maps. The first links to the second; the third is a draft.
inline constexpr char kMainMapId[] = "first-visit-to-advocate";
inline constexpr char kHelpMapId[] = "getting-help";
inline constexpr char kFutureMapId[] = "connected-in-a-day";

v1::JourneyMap DemoMainMap(absl::string_view workspace_name);
v1::JourneyMap DemoHelpMap(absl::string_view workspace_name);
v1::JourneyMap DemoFutureMap(absl::string_view workspace_name);

std::vector<Named<v1::MetricDefinition>> DemoMetricDefinitions();
std::vector<DemoAttachment> DemoAttachments(absl::string_view workspace_name);

}  // namespace throughline::demo
