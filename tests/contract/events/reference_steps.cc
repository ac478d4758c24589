#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_scope.h"
#include "tests/support/reference_funnel.h"

namespace throughline::testing {
namespace {

std::vector<RunEvent> RunEventsOf(const Sorted& run, const StepQuery& query, const KnownCustomers& customers) {
  std::vector<RunEvent> out;
  for (const v1::CustomerEvent* event : run) {
    RunEvent& added = out.emplace_back();
    added.time = absl::ToUnixMicros(TimeOf(*event));
    for (size_t step = 0; step < query.steps.size(); ++step) {
      added.steps |= uint32_t{customers.Matches(query.steps[step].selector, *event)} << step;
    }
    added.exclusion = customers.MatchesAny(query.exclusions, *event);
  }
  return out;
}

// The event that lets the run enter; it must be one that does.
const v1::CustomerEvent& EntryOf(const Sorted& run, const StepQuery& query, const KnownCustomers& customers) {
  const size_t entry_steps = query.order == StepOrder::kUnordered ? query.steps.size() : 1;
  for (const v1::CustomerEvent* event : run) {
    for (size_t step = 0; step < entry_steps; ++step) {
      if (customers.Matches(query.steps[step].selector, *event)) return *event;
    }
  }
  return *run.front();
}

}  // namespace

std::vector<Grouped<StepReach>> ReferenceSteps(const Recorded& recorded, const StepQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  StepReach empty;
  empty.reached.resize(query.steps.size());
  empty.durations.resize(query.steps.size());
  std::vector<ReferenceGroups<StepReach>> out(query.windows.size(),
                                              ReferenceGroups<StepReach>(query.scope, customers, empty));
  const bool whole = query.scope.breakdown.empty();
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    const ReferenceFunnel funnel(query, RunEventsOf(run, query, customers));
    const ReferenceOutcome& outcome = funnel.outcome();
    for (size_t w = 0; w < out.size(); ++w) {
      if (whole) ++out[w].Of(*run.front())->runs;
      if (!outcome.entry.has_value() || !In(query.windows[w], absl::FromUnixMicros(*outcome.entry))) continue;
      StepReach* const reach = out[w].Of(EntryOf(run, query, customers));
      if (reach == nullptr) continue;
      reach->runs += !whole;
      for (size_t step = 0; step < query.steps.size(); ++step) reach->reached[step] += outcome.reached[step];
      for (const auto& [step, duration] : outcome.durations) {
        if (step > 0) reach->durations[step].Add(duration);
      }
      reach->immature += !outcome.through && outcome.latest_start.has_value() &&
                         Immature(absl::FromUnixMicros(*outcome.latest_start), query.window, query.now);
    }
  }
  std::vector<Grouped<StepReach>> answers;
  for (ReferenceGroups<StepReach>& groups : out) answers.push_back(std::move(groups.out()));
  return answers;
}

}  // namespace throughline::testing
