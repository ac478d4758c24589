#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/health.h"
#include "throughline/models/standards.h"

namespace throughline::agreement {
namespace {

std::optional<double> Number(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

Json ChartJson(const absl::StatusOr<Chart>& chart) {
  if (!chart.ok()) return {{"error", chart.status().message()}};
  Json out = {{"state", chart->state == Estimate::State::kOk ? "ok" : "undefined"},
              {"center", chart->center},
              {"spread", chart->spread},
              {"signals", chart->signals},
              {"onsets", chart->onsets},
              {"points", Json::array()}};
  for (const ChartPoint& point : chart->points) {
    out["points"].push_back({point.statistic, point.low, point.high, point.signal});
  }
  return out;
}

template <typename Options>
Options UsualOf(const Json& input) {
  Options options;
  options.mean = Number(input.value("mean", Json()));
  options.standard_deviation = Number(input.value("standard_deviation", Json()));
  options.baseline = input.value("baseline", size_t{0});
  return options;
}

std::vector<HealthComponent> Components(const Json& input) {
  std::vector<HealthComponent> components;
  for (const Json& each : input) {
    components.push_back({.name = each.at(0), .weight = each.at(1), .score = Number(each.at(2)), .standard_error = {}});
  }
  return components;
}

Json HealthOf(const Json& input) {
  HealthOptions options;
  options.min_coverage = input.value("min_coverage", 0.5);
  const auto health = HealthScore(Components(input.at("components")), options);
  if (!health.ok()) return {{"error", health.status().message()}};
  Json out = {
      {"score", EstimateJson(health->score)}, {"coverage", health->coverage}, {"contributions", Json::object()}};
  for (const HealthContribution& each : health->contributions) out["contributions"][each.name] = each.contribution;
  return out;
}

}  // namespace

void AddStandardCalls(ModelCalls& calls) {
  calls["p_chart"] = [](const Json& input) {
    std::vector<TrialCount> counts;
    for (const Json& each : input.at("counts")) counts.push_back({.failures = each.at(0), .n = each.at(1)});
    PChartOptions options;
    options.center = Number(input.value("center", Json()));
    options.baseline = input.value("baseline", size_t{0});
    return ChartJson(PChart(counts, options));
  };
  calls["ewma"] = [](const Json& input) {
    auto options = UsualOf<EwmaOptions>(input);
    options.lambda = input.value("lambda", options.lambda);
    return ChartJson(EwmaChart(input.at("values"), options));
  };
  calls["cusum"] = [](const Json& input) {
    auto options = UsualOf<CusumOptions>(input);
    options.restart = input.value("restart", false);
    return ChartJson(CusumChart(input.at("values"), options));
  };
  calls["benjamini_hochberg"] = [](const Json& input) {
    const auto out = BenjaminiHochberg(input.at("p_values"), input.at("rate"));
    if (!out.ok()) return Json{{"error", out.status().message()}};
    return Json{{"adjusted", out->adjusted}, {"rejected", out->rejected}};
  };
  calls["breach_share"] = [](const Json& input) {
    const auto estimate = BreachShare({.kept = input.at("kept"), .breached = input.at("breached"), .open = 0}, {});
    return estimate.ok() ? EstimateJson(*estimate) : Json{{"error", estimate.status().message()}};
  };
  calls["health"] = HealthOf;
}

}  // namespace throughline::agreement
