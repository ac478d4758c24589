// Workspaces.
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::api {
namespace {

absl::Status PrepareWorkspace(const Preparation&, const v1::Workspace*, v1::Workspace& workspace) {
  if (workspace.time_zone().empty()) workspace.set_time_zone("UTC");
  FieldViolations violations;
  CheckDisplayName(workspace.display_name(), violations);
  CheckDescription(workspace.description(), violations);
  violations.AddStatus("", ToTimeZone(workspace.time_zone(), "time_zone").status());
  return violations.ToStatus();
}

}  // namespace

void AddWorkspaceMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareWorkspace));
  AddStandardMethods(service, *type, "Workspaces");
}

}  // namespace throughline::api
