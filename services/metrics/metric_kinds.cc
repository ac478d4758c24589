#include "services/metrics/metric_kinds.h"

#include <limits>

namespace throughline {

ValueRange RangeOf(const v1::MetricDefinition& definition) {
  switch (definition.kind()) {
    case v1::MetricDefinition::NPS:
      return {.low = -100, .high = 100};
    case v1::MetricDefinition::CES:
      return {.low = 1, .high = definition.ces_version() == 1 ? 5.0 : 7.0};
    case v1::MetricDefinition::CSAT:
    case v1::MetricDefinition::CONVERSION:
    case v1::MetricDefinition::DROP_OFF:
      return {.low = 0, .high = 1};
    default:
      return {.low = 0, .high = std::numeric_limits<double>::infinity()};
  }
}

}  // namespace throughline
