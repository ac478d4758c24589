#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/retention.h"
#include "throughline/models/survival.h"

namespace throughline::agreement {
namespace {

// [[duration, observed, count], …]
std::vector<SurvivalRow> RowsOf(const Json& input) {
  std::vector<SurvivalRow> rows;
  for (const Json& row : input) rows.push_back({row.at(0), row.at(1), row.at(2)});
  return rows;
}

Json CurveJson(const SurvivalCurve& curve) {
  Json steps = Json::array();
  for (const SurvivalStep& step : curve.steps) {
    Json row = {step.time, step.at_risk, step.events, step.survival, step.variance};
    row.push_back(step.interval.has_value() ? IntervalJson(*step.interval) : Json());
    steps.push_back(row);
  }
  return {{"steps", steps}, {"median", EstimateJson(curve.median)}};
}

}  // namespace

void AddSurvivalCalls(ModelCalls& calls) {
  calls["kaplan_meier"] = [](const Json& input) {
    const SurvivalCurve curve =
        KaplanMeier(RowsOf(input.at("rows")), {.confidence_level = input.value("confidence", 0.95)}).value();
    Json out = CurveJson(curve);
    if (input.contains("until"))
      out["restricted_mean"] = EstimateJson(RestrictedMeanEstimate(curve, input.at("until")));
    return out;
  };
  calls["log_rank"] = [](const Json& input) {
    std::vector<std::vector<SurvivalRow>> groups;
    for (const Json& group : input.at("groups")) groups.push_back(RowsOf(group));
    const LogRankTest test = LogRank(groups).value();
    Json expected = Json::array();
    for (const LogRankGroup& group : test.groups) expected.push_back(group.expected);
    return Json{{"chi_square", EstimateJson(test.chi_square)}, {"expected", expected}};
  };
  calls["stage_survival"] = [](const Json& input) {
    StageTimes::Stage stage;
    for (const int64_t micros : input.at("ended")) stage.ended.Add(micros);
    for (const int64_t micros : input.at("inside")) stage.inside.Add(micros);
    stage.inside_count = stage.inside.count();
    return CurveJson(StageSurvival(stage).value());
  };
  calls["retention"] = [](const Json& input) {
    CohortMatrix matrix;
    const absl::CivilDay month(input.at("year"), input.at("month"), 1);
    matrix.cohorts[month] = {.customers = input.at("customers"), .active = input.at("active")};
    const absl::CivilDay until(input.at("until_year"), input.at("until_month"), input.at("until_day"));
    Json out = Json::array();
    const auto table = CohortRetention(matrix, CalendarUnit::kMonth, until).value();
    for (const RetentionCell& cell : table.front().cells) {
      out.push_back({{"observable", cell.observable}, {"share", EstimateJson(cell.share)}});
    }
    return out;
  };
}

}  // namespace throughline::agreement
