// Publishing a journey map: freezing its content as the next version. Stateless; runs inside a write transaction.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "throughline/catalog.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline {

// Writes `{name}/versions/{n}` and sets the map's published_version and publish_time. Versions count from 1, and
// none is ever written twice. Returns the map as it is stored, with the fields that its document knows set.
//
// NOT_FOUND if the map is absent or deleted; ABORTED if `etag` is not empty and not the current one; INVALID_ARGUMENT
// as ValidateJourneyMap (a department may have been deleted since the map was drawn); FAILED_PRECONDITION
// (JOURNEY_MAP_NOT_PUBLISHABLE) with one violation per problem if no touchpoint can be measured; RESOURCE_EXHAUSTED
// (LIMIT_EXCEEDED) for the first publication of more than kPublishedMapsPerWorkspaceMax maps of a workspace.
absl::StatusOr<v1::JourneyMap> PublishJourneyMap(WriteTransaction& transaction, absl::string_view name,
                                                 absl::string_view etag);

}  // namespace throughline
