// What goes with an answer, and whether a change helped.
#include "services/api/handlers.h"

namespace throughline::api {

void AddAnalysisDriverMethods(RpcService& /*service*/) {}

}  // namespace throughline::api
