#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/drivers.h"
#include "throughline/models/logistic.h"
#include "throughline/models/risk.h"

namespace throughline::agreement {
namespace {

std::optional<double> Number(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

std::vector<std::optional<double>> Numbers(const Json& values) {
  std::vector<std::optional<double>> out;
  for (const Json& value : values) out.push_back(Number(value));
  return out;
}

std::optional<bool> Label(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<bool>(value.get<int>() != 0);
}

Json Drivers(const Json& input) {
  DriverData data{.names = input.at("names"), .rows = {}};
  for (const Json& row : input.at("rows")) {
    data.rows.push_back({.outcome = Number(row.at(0)), .drivers = Numbers(row.at(1))});
  }
  DriverOptions options;
  options.bootstrap_samples = input.value("bootstrap_samples", 0);
  const auto report = DriverShares(data, options);
  if (!report.ok()) return {{"error", report.status().message()}};
  Json out = {{"r_squared", EstimateJson(report->r_squared)}, {"drivers", Json::array()}};
  for (const Driver& driver : report->drivers) {
    out["drivers"].push_back({{"lmg", EstimateJson(driver.lmg)},
                              {"relative_weight", EstimateJson(driver.relative_weight)},
                              {"correlation", driver.correlation},
                              {"sign", driver.sign}});
  }
  return out;
}

const char* StateText(LogisticState state) {
  switch (state) {
    case LogisticState::kOk:
      return "ok";
    case LogisticState::kTooFewRows:
      return "too_few_rows";
    case LogisticState::kOneClass:
      return "one_class";
    case LogisticState::kCollinear:
      return "collinear";
    case LogisticState::kSeparated:
      return "separated";
    case LogisticState::kNotConverged:
      return "not_converged";
  }
  return "";
}

Json FitJson(const LogisticFit& fit) {
  Json out = {{"state", StateText(fit.state)}, {"separated", fit.separated},
              {"intercept", fit.intercept},    {"n", fit.n},
              {"iterations", fit.iterations},  {"log_likelihood", fit.log_likelihood},
              {"coefficients", Json::array()}};
  for (const LogisticCoefficient& each : fit.coefficients) {
    out["coefficients"].push_back(
        {{"raw", each.raw}, {"constant", each.constant}, {"standardized", EstimateJson(each.standardized)}});
  }
  return out;
}

Json Logistic(const Json& input) {
  LogisticData data{.names = input.at("names"), .rows = {}};
  for (const Json& row : input.at("rows")) {
    data.rows.push_back({.label = Label(row.at(0)), .features = Numbers(row.at(1))});
  }
  LogisticOptions options;
  options.penalty = input.value("penalty", 0.0);
  const auto fit = FitLogistic(data, options);
  if (!fit.ok()) return {{"error", fit.status().message()}};
  return FitJson(*fit);
}

Json Risk(const Json& input) {
  RiskData data{.names = input.at("names"), .rows = {}};
  for (const Json& row : input.at("rows")) {
    data.rows.push_back({.id = row.at(2), .label = Label(row.at(0)), .features = Numbers(row.at(1))});
  }
  RiskOptions options;
  options.penalty = input.value("penalty", 1.0);
  options.folds = input.value("folds", 5);
  const auto report = ChurnRisk(data, options);
  if (!report.ok()) return {{"error", report.status().message()}};
  Json scores = Json::array();
  for (const RiskScore& score : report->scores)
    scores.push_back({score.id, score.label, score.probability, score.fold});
  return {{"model", FitJson(report->model)},
          {"auc", EstimateJson(report->auc)},
          {"brier", EstimateJson(report->brier)},
          {"calibration_slope", EstimateJson(report->calibration_slope)},
          {"scores", scores}};
}

Json Auc(const Json& input) {
  std::vector<ScoredCase> cases;
  for (const Json& row : input.at("cases")) cases.push_back({.label = row.at(0).get<int>() != 0, .score = row.at(1)});
  const auto estimate = AreaUnderCurve(cases, {});
  return estimate.ok() ? EstimateJson(*estimate) : Json{{"error", estimate.status().message()}};
}

}  // namespace

void AddDriverCalls(ModelCalls& calls) {
  calls["drivers"] = Drivers;
  calls["logistic"] = Logistic;
  calls["risk"] = Risk;
  calls["auc"] = Auc;
}

}  // namespace throughline::agreement
