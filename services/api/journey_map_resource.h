// What the handlers of journey maps share. Stateless functions; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/api/resource_methods.h"
#include "throughline/catalog.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline::api {

const ResourceType& JourneyMapType();

// The map as that one of its own revisions left it. NOT_FOUND (REVISION_NOT_FOUND) if the map has no such revision.
absl::StatusOr<v1::JourneyMap> ReadJourneyMapRevision(Catalog& catalog, absl::string_view map_name, Revision revision);

}  // namespace throughline::api
