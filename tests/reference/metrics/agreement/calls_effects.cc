#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/effects.h"
#include "throughline/models/staggered.h"

namespace throughline::agreement {
namespace {

template <typename T>
std::optional<T> Maybe(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

SampleMoments Moments(const Json& values) {
  return MomentsOfValues(values.get<std::vector<double>>()).value_or(SampleMoments());
}

Json EffectJson(const absl::StatusOr<Effect>& effect) {
  if (!effect.ok()) return {{"error", effect.status().message()}};
  Json out = EstimateJson(effect->estimate);
  out["no_control"] = effect->no_control;
  return out;
}

Json Cuped(const Json& input) {
  CupedQuestion question;
  for (const Json& unit : input.at("units")) {
    question.units.push_back(
        {.treated = unit.at(0).get<int>() != 0, .outcome = unit.at(1), .covariate = Maybe<double>(unit.at(2))});
  }
  return EffectJson(CupedDifference(question, {}));
}

std::vector<UnitChange> PanelOf(const Json& input) {
  std::vector<UnitChange> units;
  for (const Json& unit : input.at("units")) {
    units.push_back({.treated = unit.at(0).get<int>() != 0,
                     .before = Maybe<double>(unit.at(1)),
                     .after = Maybe<double>(unit.at(2))});
  }
  return units;
}

Json Staggered(const Json& input) {
  StaggeredQuestion question;
  question.periods = input.at("periods").get<std::vector<int64_t>>();
  if (input.at("not_yet").get<bool>()) question.controls = StaggeredControls::kNotYetTreated;
  for (const Json& row : input.at("units")) {
    StaggeredUnit unit{.first_treated = Maybe<int64_t>(row.at(0)), .outcomes = {}};
    for (const Json& outcome : row.at(1)) unit.outcomes.push_back(Maybe<double>(outcome));
    question.units.push_back(std::move(unit));
  }
  const auto effects = CallawaySantAnna(question, {});
  if (!effects.ok()) return {{"error", effects.status().message()}};
  Json out = {{"simple", EstimateJson(effects->simple)},
              {"overall_dynamic", EstimateJson(effects->overall_dynamic)},
              {"overall_group", EstimateJson(effects->overall_group)},
              {"cells", Json::array()}};
  for (const GroupTimeEffect& cell : effects->cells) {
    out["cells"].push_back({cell.group, cell.period, EstimateJson(cell.effect)});
  }
  for (const auto& [distance, estimate] : effects->dynamic) {
    out["dynamic"][std::to_string(distance)] = EstimateJson(estimate);
  }
  for (const auto& [group, estimate] : effects->group) out["group"][std::to_string(group)] = EstimateJson(estimate);
  return out;
}

SequenceOptions SequenceOf(const Json& input) {
  SequenceOptions options;
  options.tuned_n = input.at("tuned_n");
  if (input.contains("bounds")) {
    options.bounds = Interval{.low = input.at("bounds").at(0), .high = input.at("bounds").at(1)};
  }
  return options;
}

}  // namespace

void AddEffectCalls(ModelCalls& calls) {
  calls["mean_difference"] = [](const Json& input) {
    return EffectJson(MeanDifference(Moments(input.at("treated")), Moments(input.at("control")), {}));
  };
  calls["before_after"] = [](const Json& input) {
    return EffectJson(BeforeAfter(Moments(input.at("before")), Moments(input.at("after")), {}));
  };
  calls["share_difference"] = [](const Json& input) {
    return EffectJson(ShareDifference({input.at("treated").at(0), input.at("treated").at(1)},
                                      {input.at("control").at(0), input.at("control").at(1)}, {}));
  };
  calls["difference_in_differences"] = [](const Json& input) {
    return EffectJson(DifferenceInDifferences({.treated_before = Moments(input.at("cells").at(0)),
                                               .treated_after = Moments(input.at("cells").at(1)),
                                               .control_before = Moments(input.at("cells").at(2)),
                                               .control_after = Moments(input.at("cells").at(3))},
                                              {}));
  };
  calls["panel_difference"] = [](const Json& input) {
    return EffectJson(PanelDifferenceInDifferences(PanelOf(input), {}));
  };
  calls["panel_before_after"] = [](const Json& input) { return EffectJson(PanelBeforeAfter(PanelOf(input), {})); };
  calls["cuped"] = Cuped;
  calls["staggered"] = Staggered;
  calls["mean_sequence"] = [](const Json& input) {
    const auto estimate = MeanSequence(Moments(input.at("values")), SequenceOf(input));
    return estimate.ok() ? EstimateJson(*estimate) : Json{{"error", estimate.status().message()}};
  };
  calls["difference_sequence"] = [](const Json& input) {
    return EffectJson(
        DifferenceSequence(Moments(input.at("treated")), Moments(input.at("control")), SequenceOf(input)));
  };
}

}  // namespace throughline::agreement
