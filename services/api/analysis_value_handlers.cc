// How long until something happens, what customers are worth, and which channels conversions are credited to.
#include "services/api/handlers.h"

namespace throughline::api {

void AddAnalysisValueMethods(RpcService& /*service*/) {}

}  // namespace throughline::api
