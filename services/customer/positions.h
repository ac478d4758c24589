// Where all runs through a published map stand. Stateless; any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/journey/published_maps.h"
#include "throughline/events.h"
#include "throughline/v1/customer_service.pb.h"

namespace throughline {

// The question that tells where the runs through the map stand at `now`.
PositionQuery MakePositionQuery(const CompiledMap& map, absl::Time now);

// The answer as it is shown to clients.
v1::JourneyMapPositions MakeJourneyMapPositions(const CompiledMap& map, const RunPositions& positions,
                                                EventSequence watermark);

// Asks and answers. Also what the view returns.
absl::StatusOr<v1::JourneyMapPositions> GetJourneyMapPositions(const EventView& view, const CompiledMap& map,
                                                               absl::Time now);

}  // namespace throughline
