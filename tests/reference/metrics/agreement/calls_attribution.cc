#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/attribution.h"

namespace throughline::agreement {

void AddAttributionCalls(ModelCalls& calls) {
  calls["attribution"] = [](const Json& input) {
    std::vector<AttributionPath> paths;
    for (const Json& row : input.at("paths")) {
      AttributionPath& path = paths.emplace_back();
      path.channels = row.at("channels").get<std::vector<std::string>>();
      path.conversions = row.at("conversions");
      path.value = row.at("value");
      path.nulls = row.at("nulls");
      path.days_before = row.at("days_before").get<std::vector<double>>();
    }
    const auto rule = static_cast<AttributionRule>(input.at("rule").get<int>());
    const Attribution attribution =
        Attribute(paths, rule, {.half_life_days = input.value("half_life_days", 7.0)}).value();
    Json channels = Json::object();
    for (const ChannelCredit& credit : attribution.channels) {
      channels[credit.channel] = {{"conversions", credit.conversions},
                                  {"value", credit.value},
                                  {"removal_effect", credit.removal_effect.value_or(0)}};
    }
    return Json{{"channels", channels}, {"undefined_reason", attribution.undefined_reason}};
  };
}

}  // namespace throughline::agreement
