// Metric definitions.
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/metrics/metric_resources.h"
#include "throughline/v1/metric.pb.h"

namespace throughline::api {
namespace {

absl::Status PrepareDefinition(const Preparation&, const v1::MetricDefinition* before,
                               v1::MetricDefinition& definition) {
  return PrepareMetricDefinition(before, definition);
}

}  // namespace

void AddMetricDefinitionMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareDefinition));
  AddStandardMethods(service, *type, "MetricDefinitions");
}

}  // namespace throughline::api
