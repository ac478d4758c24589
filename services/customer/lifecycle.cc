#include "services/customer/lifecycle.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/base/status_macros.h"
#include "services/journey/published_maps.h"
#include "throughline/resource_names.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {

std::vector<EventSelector> Lifecycle::Selectors() const {
  std::vector<EventSelector> selectors;
  selectors.reserve(stages.size());
  for (const CompiledStage& stage : stages) selectors.push_back(stage.selector);
  return selectors;
}

const CompiledStage* Lifecycle::StageAt(absl::Span<const absl::Time> first_matches, absl::Time moment) const {
  for (size_t i = std::min(stages.size(), first_matches.size()); i-- > 0;) {
    if (first_matches[i] <= moment && first_matches[i] != absl::InfiniteFuture()) return &stages[i];
  }
  return nullptr;
}

absl::StatusOr<Lifecycle> ReadLifecycle(CatalogReader& reader, absl::string_view workspace_name) {
  ASSIGN_OR_RETURN(const auto documents,
                   reader.ListByType(v1::LifecycleStage::descriptor()->full_name(),
                                     absl::StrCat(LifecycleStageCollection(workspace_name), "/")));
  Lifecycle lifecycle;
  for (const Document& document : documents) {
    ASSIGN_OR_RETURN(const auto stage, document.Parse<v1::LifecycleStage>());
    CompiledStage& compiled = lifecycle.stages.emplace_back();
    compiled.name = document.name;
    compiled.id = std::string(LastSegment(document.name));
    compiled.position = stage.position();
    ASSIGN_OR_RETURN(compiled.selector, CompileBinding(stage.entry_rule()));
  }
  std::sort(lifecycle.stages.begin(), lifecycle.stages.end(),
            [](const CompiledStage& left, const CompiledStage& right) {
              return std::tie(left.position, left.name) < std::tie(right.position, right.name);
            });
  return lifecycle;
}

LifecycleTracker::Step LifecycleTracker::Add(const v1::CustomerEvent& event) {
  Step step;
  for (int i = static_cast<int>(lifecycle_.stages.size()) - 1; i > current_; --i) {
    if (MatchesSelector(lifecycle_.stages[static_cast<size_t>(i)].selector, event, customer_)) {
      current_ = i;
      step.enters = true;
    }
  }
  if (current_ >= 0) step.stage = &lifecycle_.stages[static_cast<size_t>(current_)];
  return step;
}

}  // namespace throughline
