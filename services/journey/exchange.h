// Journey maps as text: JSON, and Mermaid `journey` diagrams. Pure functions; any thread.
//
// JSON holds the whole map. Mermaid holds the title, phases (sections), and touchpoints (tasks) with an emotion (score
// 1 to 5 is level −2 to +2) and the owner department (actor); what it cannot hold is left out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "throughline/catalog.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/journey_map_service.pb.h"

namespace throughline {

// A department as an actor of a diagram.
struct DepartmentActor {
  std::string name;          // workspaces/{workspace}/departments/{department}
  std::string display_name;  // what stands in the diagram
};

// The workspace's living departments.
absl::StatusOr<std::vector<DepartmentActor>> ReadDepartmentActors(CatalogReader& reader,
                                                                  absl::string_view workspace_name);

// INVALID_ARGUMENT if the format is not stated.
absl::StatusOr<std::string> ExportJourneyMap(const v1::JourneyMap& map, v1::JourneyMapFormat format,
                                             const std::vector<DepartmentActor>& departments);

// The map that the text describes, without a name. It is not validated; ValidateJourneyMap does that.
//
// In Mermaid, an actor who is a department's display name or id (ignoring case) becomes the touchpoint's department;
// other actors are kept in the description, as `Actors: Anna, Ben`, from where an export writes them back.
//
// INVALID_ARGUMENT: the format is not stated; UNKNOWN_FIELD or MALFORMED_REQUEST for JSON; INVALID_MERMAID
// with the number of the line, what stands there and what was expected. Texts above kImportTextBytesMax are refused.
absl::StatusOr<v1::JourneyMap> ImportJourneyMap(absl::string_view text, v1::JourneyMapFormat format,
                                                const std::vector<DepartmentActor>& departments);

}  // namespace throughline
