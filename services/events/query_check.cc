#include "services/events/query_check.h"

#include "absl/strings/str_cat.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

void CheckStep(const StepQuery& query, size_t i, FieldViolations& out) {
  const StepQuery::Step& step = query.steps[i];
  const std::string path = FieldPath("steps", i);
  const bool unordered = query.order == StepOrder::kUnordered;
  const bool limited = step.within != absl::InfiniteDuration();
  if (i == 0 && step.optional) out.Add(FieldPath(path, "optional"), "the first step cannot be optional");
  if (i > 0 && step.optional && unordered) {
    out.Add(FieldPath(path, "optional"), "unordered steps cannot be optional: any of them may be left out anyway");
  }
  if (i == 0 && limited) {
    out.Add(FieldPath(path, "within"), "the first step follows no other; limit the time of the steps after it");
  } else if (unordered && limited) {
    out.Add(FieldPath(path, "within"), "unordered steps have no step before them; limit the time of all with `window`");
  } else if (step.within < absl::ZeroDuration()) {
    out.Add(FieldPath(path, "within"), "must not be negative");
  }
}

}  // namespace

absl::Status CheckStepQuery(const StepQuery& query) {
  FieldViolations out;
  const size_t step_count = query.steps.size();
  if (step_count == 0 || step_count > kStepCountMax) {
    out.Add("steps", absl::StrCat("must be 1 to ", kStepCountMax, " steps, not ", step_count));
  }
  int optional = 0;
  for (size_t i = 0; i < step_count && i < kStepCountMax; ++i) {
    CheckStep(query, i, out);
    optional += query.steps[i].optional;
  }
  if (optional > kOptionalStepCountMax) {
    out.Add("steps", absl::StrCat("at most ", kOptionalStepCountMax, " steps can be optional, not ", optional));
  }
  if (query.exclusions.size() > kExclusionCountMax) {
    out.Add("exclusions", absl::StrCat("at most ", kExclusionCountMax, " exclusions, not ", query.exclusions.size()));
  }
  if (query.order == StepOrder::kUnordered && !query.exclusions.empty()) {
    out.Add("exclusions", "unordered steps have no attempts that an event could end");
  }
  if (query.window < absl::ZeroDuration()) out.Add("window", "must not be negative");
  return out.ToStatus();
}

}  // namespace throughline
