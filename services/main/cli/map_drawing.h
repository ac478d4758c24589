// A journey map as text. Pure function; any thread.
#pragma once

#include <ostream>
#include <vector>

#include "services/main/cli/metric_text.h"
#include "services/main/cli/terminal.h"
#include "throughline/v1/customer_service.pb.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline::cli {

// Draws phases, their touchpoints with owner, channel, emotion and numbers, and the ways between them. `positions` may
// be null: not published.
void DrawMap(const v1::JourneyMap& map, const std::vector<AttachedMetric>& metrics,
             const v1::JourneyMapPositions* positions, const Paint& paint, std::ostream& out);

}  // namespace throughline::cli
