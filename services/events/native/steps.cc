// Funnels: how many runs reached each step.
#include <algorithm>
#include <bit>

#include "services/base/status_macros.h"
#include "services/events/native/funnel.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/runs.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"
#include "services/events/query_check.h"

namespace throughline {
namespace {

// Feeds runs to a funnel. The selectors are those of the steps, then those of the exclusions.
class RunReader {
 public:
  explicit RunReader(const FunnelShape& shape)
      : funnel_(shape), all_steps_((uint64_t{1} << shape.steps.size()) - 1), step_count_(shape.steps.size()) {}

  const FunnelOutcome& Read(const Run& run, const SelectorSet::Matcher& matcher, const int64_t* times) {
    funnel_.Begin();
    for (uint32_t k = 0; k < run.size(); ++k) {
      const uint32_t i = run[k];
      uint64_t steps = 0;
      if (!matcher.Hopeless(i)) {
        matcher.ForEach(i, [&](int selector) { steps |= uint64_t{1} << std::min<size_t>(selector, step_count_); });
      }
      if (steps == 0 && !funnel_.needs_every_event()) continue;
      funnel_.Add(times[i], static_cast<uint32_t>(steps & all_steps_), steps > all_steps_);
    }
    return funnel_.End();
  }

  const Funnel& funnel() const { return funnel_; }

 private:
  Funnel funnel_;
  const uint64_t all_steps_;
  const size_t step_count_;
};

void Count(const FunnelOutcome& outcome, bool immature, StepReach& reach) {
  for (uint32_t i = outcome.reached; i != 0; i &= i - 1) ++reach.reached[std::countr_zero(i)];
  for (uint32_t i = outcome.taken & ~uint32_t{1}; i != 0; i &= i - 1) {
    reach.durations[std::countr_zero(i)].Add(outcome.durations[std::countr_zero(i)]);
  }
  reach.immature += immature;
}

}  // namespace

absl::StatusOr<std::vector<Grouped<StepReach>>> ComputeSteps(Projection& projection, const Snapshot& snapshot,
                                                             const StepQuery& query) {
  RETURN_IF_ERROR(CheckStepQuery(query));
  std::vector<EventSelector> steps;
  for (const StepQuery::Step& step : query.steps) steps.push_back(step.selector);
  steps.insert(steps.end(), query.exclusions.begin(), query.exclusions.end());
  ASSIGN_OR_RETURN(const SelectorSet selectors, SelectorSet::Compile(steps, projection, snapshot));
  ASSIGN_OR_RETURN(const PropertyColumn* const correlation, CorrelationColumn(projection, query.run));
  const Windows windows(query.windows);
  const FunnelShape shape = FunnelShapeOf(query);
  const int64_t now = CeilMicros(query.now);
  using Totals = PerWindow<StepReach>;

  const auto pass = [&](Totals& totals, const Partition& partition) {
    const SelectorSet::Matcher matcher(selectors, partition);
    RunReader reader(shape);
    int64_t runs = 0;
    ForEachRun(partition, correlation == nullptr ? nullptr : partition.property(*correlation), [&](const Run& run) {
      ++runs;
      const FunnelOutcome& outcome = reader.Read(run, matcher, partition.times());
      if (outcome.entry == FunnelOutcome::kNone) return;
      const bool immature = reader.funnel().IsImmature(now);
      windows.ForEach(outcome.entry, [&](size_t window) { Count(outcome, immature, totals.windows[window]); });
    });
    for (StepReach& reach : totals.windows) reach.runs += runs;
  };
  const auto make = [&] {
    StepReach empty;
    empty.reached.assign(query.steps.size(), 0);
    empty.durations.resize(query.steps.size());
    return Totals{std::vector<StepReach>(windows.size(), empty)};
  };
  return Wholes(PassOverPartitions(snapshot, make, pass).windows);
}

}  // namespace throughline
