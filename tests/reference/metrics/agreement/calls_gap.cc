#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/gap.h"

namespace throughline::agreement {
namespace {

std::optional<double> Number(const Json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

const char* QuadrantText(GapQuadrant quadrant) {
  switch (quadrant) {
    case GapQuadrant::kNone:
      return "";
    case GapQuadrant::kConcentrateHere:
      return "CONCENTRATE_HERE";
    case GapQuadrant::kKeepUp:
      return "KEEP_UP";
    case GapQuadrant::kLowPriority:
      return "LOW_PRIORITY";
    case GapQuadrant::kOverkill:
      return "OVERKILL";
  }
  return "";
}

Json Gap(const Json& input) {
  GapQuestion question;
  for (const Json& each : input.at("attributes")) {
    GapAttribute attribute;
    attribute.name = each.at("name");
    attribute.stated_importance = Number(each.value("importance", Json()));
    attribute.traffic = each.value("traffic", 1.0);
    attribute.revenue = each.value("revenue", 1.0);
    for (const Json& answer : each.at("answers")) {
      attribute.answers.push_back(
          {.expectation = Number(answer.at(0)), .performance = Number(answer.at(1)), .overall = Number(answer.at(2))});
    }
    question.attributes.push_back(std::move(attribute));
  }
  const auto report = ExpectationGap(question, {});
  if (!report.ok()) return {{"error", report.status().message()}};
  Json out = Json::array();
  for (const AttributeGap& each : report->attributes) {
    out.push_back({{"gap", EstimateJson(each.gap)},
                   {"importance", EstimateJson(each.importance)},
                   {"performance", EstimateJson(each.performance)},
                   {"quadrant", QuadrantText(each.quadrant)},
                   {"priority", each.priority.has_value() ? Json(*each.priority) : Json()},
                   {"rank", each.rank}});
  }
  return out;
}

}  // namespace

void AddGapCalls(ModelCalls& calls) { calls["gap"] = Gap; }

}  // namespace throughline::agreement
