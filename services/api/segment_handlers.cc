// Segments.
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/customer/customers.h"
#include "throughline/filter.h"
#include "throughline/v1/segment.pb.h"

namespace throughline::api {
namespace {

absl::Status PrepareSegment(const Preparation&, const v1::Segment*, v1::Segment& segment) {
  FieldViolations violations;
  CheckDisplayName(segment.display_name(), violations);
  CheckDescription(segment.description(), violations);
  if (segment.filter().empty()) {
    violations.AddStatus("", MissingField("filter"));
  } else {
    violations.AddStatus("", Filter::ParseAndCheck(segment.filter(), CustomerFilterFields()).status());
  }
  return violations.ToStatus();
}

}  // namespace

void AddSegmentMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareSegment));
  AddStandardMethods(service, *type, "Segments");
}

}  // namespace throughline::api
