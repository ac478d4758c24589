#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/intervals.h"

namespace throughline::agreement {

void AddIntervalCalls(ModelCalls& calls) {
  calls["wilson"] = [](const Json& input) {
    return IntervalJson(WilsonInterval(input.at("successes"), input.at("n"), input.at("confidence")));
  };
  calls["normal_quantile"] = [](const Json& input) { return Json(NormalQuantile(input.at("p"))); };
  calls["student_t_quantile"] = [](const Json& input) {
    return Json(StudentTQuantile(input.at("p"), input.at("degrees")));
  };
  calls["incomplete_beta"] = [](const Json& input) {
    return Json(RegularizedIncompleteBeta(input.at("x"), input.at("a"), input.at("b")));
  };
}

}  // namespace throughline::agreement
