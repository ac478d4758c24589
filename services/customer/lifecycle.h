// The lifecycle of a workspace, and where a customer stands on it.
// A Lifecycle is immutable; a LifecycleTracker is used by one thread.
//
// A customer's stage at a moment is the stage with the highest position whose entry rule matched one of the customer's
// events up to and including that moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/events/event_match.h"
#include "throughline/catalog.h"
#include "throughline/events.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

struct CompiledStage {
  std::string name;  // workspaces/{workspace}/lifecycleStages/{lifecycle_stage}
  std::string id;    // its last segment
  int position = 0;
  EventSelector selector;  // of the entry rule; matches nothing where there is none
};

struct Lifecycle {
  std::vector<CompiledStage> stages;  // ascending position, ties by name

  // The selectors of all stages, in their order, for EventView::FirstMatches.
  std::vector<EventSelector> Selectors() const;

  // The stage at `moment`, given the time of the first match of each stage in their order (infinite future: none).
  // Null: none entered yet.
  const CompiledStage* StageAt(absl::Span<const absl::Time> first_matches, absl::Time moment) const;
};

// The living stages of `workspaces/{workspace}`.
absl::StatusOr<Lifecycle> ReadLifecycle(CatalogReader& reader, absl::string_view workspace_name);

// Follows one customer through the lifecycle, event by event in the customer's order.
class LifecycleTracker {
 public:
  struct Step {
    const CompiledStage* stage = nullptr;  // after the event; null: none entered yet
    bool enters = false;                   // whether the event made the customer enter it
  };

  // Both must outlive this.
  LifecycleTracker(const Lifecycle& lifecycle, const CustomerFacts& customer)
      : lifecycle_(lifecycle), customer_(customer) {}
  Step Add(const v1::CustomerEvent& event);

 private:
  const Lifecycle& lifecycle_;
  const CustomerFacts& customer_;
  int current_ = -1;  // index of the stage; −1: none
};

}  // namespace throughline
