// Calls of models by name, with inputs and answers as JSON: the way in for tests that are written in another language,
// which hold the models against independent implementations. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "nlohmann/json.hpp"
#include "throughline/models/estimate.h"

namespace throughline::agreement {

using Json = nlohmann::json;
using ModelCalls = std::map<std::string, std::function<Json(const Json& input)>>;

// One function for each family of models, in a file of its own: calls_<family>.cc.
void AddAttributionCalls(ModelCalls& calls);
void AddDriverCalls(ModelCalls& calls);
void AddEffectCalls(ModelCalls& calls);
void AddGapCalls(ModelCalls& calls);
void AddIntervalCalls(ModelCalls& calls);
void AddLifetimeValueCalls(ModelCalls& calls);
void AddPathsCalls(ModelCalls& calls);
void AddRevenueCalls(ModelCalls& calls);
void AddStandardCalls(ModelCalls& calls);
void AddSurvivalCalls(ModelCalls& calls);

// {"state": "ok"|"insufficient_data"|"undefined", "value", "low", "high", "n", "details", "excluded", "reason"}.
Json EstimateJson(const Estimate& estimate);
Json IntervalJson(const Interval& interval);

}  // namespace throughline::agreement
