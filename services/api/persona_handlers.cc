// Personas.
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/base/status_macros.h"
#include "throughline/resource_names.h"
#include "throughline/v1/persona.pb.h"

namespace throughline::api {
namespace {

absl::Status PreparePersona(const Preparation& preparation, const v1::Persona*, v1::Persona& persona) {
  FieldViolations violations;
  CheckDisplayName(persona.display_name(), violations);
  CheckDescription(persona.description(), violations);
  CheckTexts("goals", persona.goals(), violations);
  CheckTexts("frustrations", persona.frustrations(), violations);
  if (!persona.segment().empty()) violations.AddStatus("", ParseSegmentName(persona.segment(), "segment").status());
  RETURN_IF_ERROR(violations.ToStatus());
  return CheckReference(preparation, "segment", persona.segment());
}

}  // namespace

void AddPersonaMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PreparePersona));
  AddStandardMethods(service, *type, "Personas");
}

}  // namespace throughline::api
