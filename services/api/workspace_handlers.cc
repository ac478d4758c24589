// Workspaces.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/base/limits.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::api {
namespace {

// An IANA name. The library would also read files by absolute or relative path, which is none of a client's business.
bool IsTimeZone(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  absl::TimeZone zone;
  return plain && name.size() <= limits::kTimeZoneLengthMax && !absl::StartsWith(name, "/") && name != "localtime" &&
         absl::LoadTimeZone(name, &zone);
}

absl::Status PrepareWorkspace(const Preparation&, const v1::Workspace*, v1::Workspace& workspace) {
  if (workspace.time_zone().empty()) workspace.set_time_zone("UTC");
  FieldViolations violations;
  CheckDisplayName(workspace.display_name(), violations);
  CheckDescription(workspace.description(), violations);
  if (!IsTimeZone(workspace.time_zone())) violations.Add("time_zone", "is no IANA time zone, such as Europe/Berlin");
  return violations.ToStatus();
}

}  // namespace

void AddWorkspaceMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareWorkspace));
  AddStandardMethods(service, *type, "Workspaces");
}

}  // namespace throughline::api
