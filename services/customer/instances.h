// The runs of one customer through published maps: visits, position, status and what is expected next.
// An InstanceBuilder is used by one thread; the functions are stateless.
//
// Agrees with EventView::Positions: over all customers, the runs by position and status add up to the same counts. A
// run is COMPLETED once a touchpoint that completes the journey was visited; else ABANDONED when the last visit is
// longer ago than the map's abandon_after; else STALLED when it is longer ago than every transition from the position
// is expected to take; else ACTIVE. "Longer" is strict.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/events/event_match.h"
#include "services/journey/published_maps.h"
#include "throughline/events.h"
#include "throughline/v1/customer.pb.h"

namespace throughline {

// Computes the runs of one customer through one map.
class InstanceBuilder {
 public:
  // Map and customer must outlive this.
  InstanceBuilder(const CompiledMap& map, absl::string_view customer_name, const CustomerFacts& customer);

  // The customer's events, in their order.
  void Add(const v1::CustomerEvent& event);

  // The runs as of `now`, in the order of their first visits.
  std::vector<v1::JourneyInstance> Finish(absl::Time now) &&;

 private:
  struct Run {
    v1::JourneyInstance instance;
    int position = 0;  // touchpoint index
    absl::Time last_visit_time;
    bool completed = false;
  };

  v1::JourneyInstance::Status StatusOf(const Run& run, absl::Time now) const;
  // Sets what the map expects after the run's position.
  void Expect(const Run& run, v1::JourneyInstance& instance) const;

  const CompiledMap& map_;
  std::string customer_name_;
  const CustomerFacts& customer_;
  std::vector<Run> runs_;                     // in the order of their first visits
  std::map<std::string, size_t> run_by_key_;  // correlation value with its kind → index of runs_
};

struct InstancePage {
  std::vector<v1::JourneyInstance> instances;
  std::optional<int64_t> next_offset;  // absent on the last page
};

// The runs of one customer through the maps, by map name, then in the order of their first visits; from place `offset`
// on, at most `page_size`. NOT_FOUND if the customer has no event; RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) above
// kCustomerEventsMax events.
absl::StatusOr<InstancePage> ListJourneyInstances(const EventView& view,
                                                  const std::vector<std::shared_ptr<const CompiledMap>>& maps,
                                                  absl::string_view workspace_name, absl::string_view customer_id,
                                                  int64_t offset, int page_size, absl::Time now);

}  // namespace throughline
