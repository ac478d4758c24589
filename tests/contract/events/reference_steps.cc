#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_runs.h"
#include "tests/support/reference_funnel.h"

namespace throughline::testing {
namespace {

std::vector<RunEvent> RunEventsOf(const Sorted& run, const StepQuery& query) {
  std::vector<RunEvent> out;
  for (const v1::CustomerEvent* event : run) {
    RunEvent& added = out.emplace_back();
    added.time = absl::ToUnixMicros(TimeOf(*event));
    for (size_t step = 0; step < query.steps.size(); ++step) {
      added.steps |= uint32_t{MatchesSelector(query.steps[step].selector, *event)} << step;
    }
    added.exclusion = AnyMatches(query.exclusions, *event);
  }
  return out;
}

}  // namespace

std::vector<StepReach> ReferenceSteps(const Events& events, const StepQuery& query) {
  StepReach empty;
  empty.reached.resize(query.steps.size());
  empty.durations.resize(query.steps.size());
  std::vector<StepReach> out(query.windows.size(), empty);
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    const ReferenceFunnel funnel(query, RunEventsOf(run, query));
    const ReferenceOutcome& outcome = funnel.outcome();
    for (size_t w = 0; w < out.size(); ++w) {
      ++out[w].runs;
      if (!outcome.entry.has_value() || !In(query.windows[w], absl::FromUnixMicros(*outcome.entry))) continue;
      for (size_t step = 0; step < query.steps.size(); ++step) out[w].reached[step] += outcome.reached[step];
      for (const auto& [step, duration] : outcome.durations) {
        if (step > 0) out[w].durations[step].Add(duration);
      }
      out[w].immature += !outcome.through && outcome.latest_start.has_value() &&
                         Immature(absl::FromUnixMicros(*outcome.latest_start), query.window, query.now);
    }
  }
  return out;
}

}  // namespace throughline::testing
