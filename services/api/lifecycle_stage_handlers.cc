// Lifecycle stages.
#include "absl/strings/str_cat.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/resource_names.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::api {
namespace {

// Two stages at one place of the ladder would leave a customer's stage to chance.
absl::Status CheckPositionIsFree(const Preparation& preparation, int position, FieldViolations& violations) {
  const std::string prefix = absl::StrCat(LifecycleStageCollection(ParentName(preparation.name)), "/");
  ASSIGN_OR_RETURN(const std::vector<Document> documents,
                   preparation.transaction.ListByType(v1::LifecycleStage::descriptor()->full_name(), prefix));
  for (const Document& document : documents) {
    if (document.name == preparation.name) continue;
    ASSIGN_OR_RETURN(const auto other, document.Parse<v1::LifecycleStage>());
    if (other.position() == position) {
      violations.Add("position", absl::StrCat(position, " is the place of ", document.name));
    }
  }
  return absl::OkStatus();
}

absl::Status PrepareLifecycleStage(const Preparation& preparation, const v1::LifecycleStage*,
                                   v1::LifecycleStage& stage) {
  FieldViolations violations;
  CheckDisplayName(stage.display_name(), violations);
  CheckDescription(stage.description(), violations);
  if (stage.position() < 1 || stage.position() > limits::kLifecyclePositionMax) {
    violations.Add("position", absl::StrCat("must be 1 to ", limits::kLifecyclePositionMax));
  }
  CheckBinding("entry_rule", stage.entry_rule(), violations);
  if (!stage.department().empty()) {
    violations.AddStatus("", ParseDepartmentName(stage.department(), "department").status());
  }
  if (violations.empty()) RETURN_IF_ERROR(CheckPositionIsFree(preparation, stage.position(), violations));
  RETURN_IF_ERROR(violations.ToStatus());
  return CheckReference(preparation, "department", stage.department());
}

}  // namespace

void AddLifecycleStageMethods(RpcService& service) {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareLifecycleStage));
  AddStandardMethods(service, *type, "LifecycleStages");
}

}  // namespace throughline::api
