// Validation of journey maps, by the rules that throughline/v1/journey_map.proto states. Pure functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "throughline/catalog.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline {

// Everything about a map that can be said without reading other resources: limits, ids, references between its own
// elements, numbers, durations, filters, valid UTF-8, resource names of this workspace. OK, or INVALID_ARGUMENT
// (INVALID_FIELD) with one field violation per mistake, all of them up to a limit: `touchpoints[3].phase`.
absl::Status ValidateJourneyMapContent(const v1::JourneyMap& map, absl::string_view workspace_name);

// The same, and that every department, persona, lifecycle stage and map that it refers to exists.
// `workspace_name` is `workspaces/{workspace}`. Also what the reader returns.
absl::Status ValidateJourneyMap(const v1::JourneyMap& map, absl::string_view workspace_name, CatalogReader& reader);

}  // namespace throughline
