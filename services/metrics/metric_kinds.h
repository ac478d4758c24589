// What the kinds of metrics have in common and where they differ. Pure functions; any thread.
#pragma once

#include <string>

#include "throughline/v1/metric.pb.h"

namespace throughline {

// NPS, CSAT and CES: made of answers to a survey.
inline bool IsSurvey(v1::MetricDefinition::Kind kind) {
  return kind == v1::MetricDefinition::NPS || kind == v1::MetricDefinition::CSAT || kind == v1::MetricDefinition::CES;
}

// CONVERSION, DROP_OFF and TIME_BETWEEN: made of runs from one touchpoint to another.
inline bool IsPair(v1::MetricDefinition::Kind kind) {
  return kind == v1::MetricDefinition::CONVERSION || kind == v1::MetricDefinition::DROP_OFF ||
         kind == v1::MetricDefinition::TIME_BETWEEN;
}

// `points`, `share`, `mean`, `visits` or `seconds`; see MetricDefinition.unit.
inline std::string UnitOf(v1::MetricDefinition::Kind kind) {
  switch (kind) {
    case v1::MetricDefinition::NPS:
      return "points";
    case v1::MetricDefinition::CES:
      return "mean";
    case v1::MetricDefinition::VOLUME:
      return "visits";
    case v1::MetricDefinition::CSAT:
    case v1::MetricDefinition::CONVERSION:
    case v1::MetricDefinition::DROP_OFF:
      return "share";
    case v1::MetricDefinition::TIME_BETWEEN:
      return "seconds";
    default:
      return "";
  }
}

// The range that a value of the definition can have; infinite where it is not bounded.
struct ValueRange {
  double low = 0;
  double high = 0;
};
ValueRange RangeOf(const v1::MetricDefinition& definition);

}  // namespace throughline
