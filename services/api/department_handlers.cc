// Departments.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::api {
namespace {

bool IsColor(absl::string_view color) {
  return color.size() == 7 && color[0] == '#' &&
         std::all_of(color.begin() + 1, color.end(), [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

absl::Status PrepareDepartment(const Preparation&, const v1::Department*, v1::Department& department) {
  FieldViolations violations;
  CheckDisplayName(department.display_name(), violations);
  CheckDescription(department.description(), violations);
  if (!department.color().empty() && !IsColor(department.color())) {
    violations.Add("color", "is no colour of the form #rrggbb");
  }
  return violations.ToStatus();
}

}  // namespace

void AddDepartmentMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareDepartment));
  AddStandardMethods(service, *type, "Departments");
}

}  // namespace throughline::api
