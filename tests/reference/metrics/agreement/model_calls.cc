#include "tests/reference/metrics/agreement/model_calls.h"

#include <iostream>

namespace throughline::agreement {

Json IntervalJson(const Interval& interval) { return Json::array({interval.low, interval.high}); }

Json EstimateJson(const Estimate& estimate) {
  using State = Estimate::State;
  Json out = {{"n", estimate.n}, {"details", estimate.details}, {"excluded", estimate.excluded}};
  if (estimate.state == State::kUndefined) {
    out["state"] = "undefined";
    out["reason"] = estimate.undefined_reason;
    return out;
  }
  out["state"] = estimate.state == State::kOk ? "ok" : "insufficient_data";
  out["value"] = estimate.value;
  if (estimate.interval.has_value()) {
    out["low"] = estimate.interval->low;
    out["high"] = estimate.interval->high;
  }
  return out;
}

}  // namespace throughline::agreement

// One call a line on standard input: {"model": NAME, "input": {...}}; one answer a line on standard output.
int main() {
  using namespace throughline::agreement;
  ModelCalls calls;
  AddAttributionCalls(calls);
  AddDriverCalls(calls);
  AddEffectCalls(calls);
  AddGapCalls(calls);
  AddIntervalCalls(calls);
  AddLifetimeValueCalls(calls);
  AddPathsCalls(calls);
  AddRevenueCalls(calls);
  AddStandardCalls(calls);
  AddSurvivalCalls(calls);
  for (std::string line; std::getline(std::cin, line);) {
    const Json call = Json::parse(line);
    const auto found = calls.find(call.at("model").get<std::string>());
    if (found == calls.end()) {
      std::cerr << "there is no model " << call.at("model") << "\n";
      return 1;
    }
    std::cout << found->second(call.at("input")).dump() << "\n";
  }
}
