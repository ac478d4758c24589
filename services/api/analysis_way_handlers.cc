// How well runs keep to the map, how work moves, and what would follow from a change.
#include "services/api/handlers.h"

namespace throughline::api {

void AddAnalysisWayMethods(RpcService& /*service*/) {}

}  // namespace throughline::api
