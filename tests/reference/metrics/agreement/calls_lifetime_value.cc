#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/lifetime_value.h"

namespace throughline::agreement {
namespace {

// [frequency, recency, age, mean value, count]; times in days.
PurchaseHistory HistoryOf(const Json& row) {
  return {.frequency = row.at(0),
          .recency_days = row.at(1),
          .age_days = row.at(2),
          .mean_value = row.at(3),
          .count = row.at(4)};
}
std::vector<PurchaseHistory> HistoriesOf(const Json& input) {
  std::vector<PurchaseHistory> rows;
  for (const Json& row : input) rows.push_back(HistoryOf(row));
  return rows;
}

BgNbdFit FitAt(const Json& parameters) {
  BgNbdFit fit;
  fit.converged = true;
  fit.n = 1;
  fit.parameters = {.r = parameters.at(0),
                    .alpha = parameters.at(1),
                    .a = parameters.at(2),
                    .b = parameters.at(3),
                    .time_unit_days = 1};
  return fit;
}

Json FitJson(const BgNbdFit& fit) {
  const auto json = [](const BgNbdParameters& at) { return Json{at.r, at.alpha, at.a, at.b}; };
  Json out = {{"converged", fit.converged}, {"problem", fit.problem}, {"log_likelihood", fit.log_likelihood}};
  out["parameters"] = json(fit.parameters);
  if (fit.standard_errors.has_value()) out["standard_errors"] = json(*fit.standard_errors);
  return out;
}
Json FitJson(const GammaGammaFit& fit) {
  const auto json = [](const GammaGammaParameters& at) { return Json{at.p, at.q, at.v}; };
  Json out = {{"converged", fit.converged}, {"problem", fit.problem}, {"log_likelihood", fit.log_likelihood}};
  out["parameters"] = json(fit.parameters);
  if (fit.standard_errors.has_value()) out["standard_errors"] = json(*fit.standard_errors);
  return out;
}

}  // namespace

void AddLifetimeValueCalls(ModelCalls& calls) {
  calls["bg_nbd_fit"] = [](const Json& input) {
    return FitJson(FitBgNbd(HistoriesOf(input.at("rows")), input.at("time_unit_days")).value());
  };
  calls["gamma_gamma_fit"] = [](const Json& input) {
    return FitJson(FitGammaGamma(HistoriesOf(input.at("rows"))).value());
  };
  calls["bg_nbd_expectations"] = [](const Json& input) {
    const BgNbdFit fit = FitAt(input.at("parameters"));
    const PurchaseHistory history = HistoryOf(input.at("history"));
    return Json{{"purchases", EstimateJson(ExpectedPurchases(fit, input.at("days")))},
                {"future", EstimateJson(ExpectedFuturePurchases(fit, history, input.at("days")))},
                {"alive", EstimateJson(ProbabilityAlive(fit, history))}};
  };
  calls["clv"] = [](const Json& input) {
    GammaGammaFit values;
    values.converged = true;
    values.n = 1;
    values.parameters = {.p = 6, .q = 4, .v = 15};
    const ClvOptions clv{.period_days = input.at("period_days"),
                         .periods = input.at("periods"),
                         .discount_rate = input.at("discount_rate"),
                         .margin = 1};
    return EstimateJson(
        CustomerLifetimeValue(FitAt(input.at("parameters")), values, HistoryOf(input.at("history")), clv));
  };
  calls["gamma_gamma_value"] = [](const Json& input) {
    GammaGammaFit fit;
    fit.converged = true;
    fit.n = 1;
    fit.parameters = {.p = input.at("p"), .q = input.at("q"), .v = input.at("v")};
    return EstimateJson(ExpectedPurchaseValue(fit, HistoryOf(input.at("history"))));
  };
}

}  // namespace throughline::agreement
