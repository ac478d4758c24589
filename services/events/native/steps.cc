// Funnels: how many runs reached each step.
#include "services/base/status_macros.h"
#include "services/events/native/funnel.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/runs.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"

namespace throughline {
namespace {

constexpr int64_t kNoEntry = std::numeric_limits<int64_t>::min();

// Feeds runs to a funnel, moment by moment.
class RunReader {
 public:
  RunReader(int step_count, int64_t window_micros) : funnel_(step_count, window_micros) {}

  // Time of the run's first event of the first step; kNoEntry if it has none.
  int64_t Read(const Run& run, const SelectorSet::Matcher& matcher, const int64_t* times) {
    int64_t entry = kNoEntry;
    int64_t moment = 0;
    funnel_.Reset();
    StartMoment();
    for (uint32_t k = 0; k < run.size(); ++k) {
      const uint32_t i = run[k];
      if (matcher.Hopeless(i)) continue;
      if (begins_.size() > 1 && times[i] != moment) {
        EndMoment(moment);
        StartMoment();
      }
      matcher.ForEach(i, [&](int step) {
        if (step == 0 && entry == kNoEntry) entry = times[i];
        steps_.push_back(step);
      });
      if (steps_.size() > begins_.back()) {
        begins_.push_back(static_cast<uint32_t>(steps_.size()));
        moment = times[i];
      }
    }
    if (begins_.size() > 1) EndMoment(moment);
    return entry;
  }

  const Funnel& funnel() const { return funnel_; }

 private:
  void StartMoment() {
    begins_.assign(1, 0);
    steps_.clear();
  }
  void EndMoment(int64_t moment) {
    funnel_.AddMoment(moment, static_cast<int>(begins_.size()) - 1, begins_.data(), steps_.data());
  }

  Funnel funnel_;
  std::vector<uint32_t> begins_;
  std::vector<int> steps_;
};

}  // namespace

absl::StatusOr<std::vector<Grouped<StepReach>>> ComputeSteps(Projection& projection, const Snapshot& snapshot,
                                                             const StepQuery& query) {
  std::vector<EventSelector> steps;
  for (const StepQuery::Step& step : query.steps) steps.push_back(step.selector);
  ASSIGN_OR_RETURN(const SelectorSet selectors, SelectorSet::Compile(steps, projection, snapshot));
  ASSIGN_OR_RETURN(const PropertyColumn* const correlation, CorrelationColumn(projection, query.run));
  const Windows windows(query.windows);
  const int step_count = selectors.size();
  const int64_t window_micros = FloorMicros(query.window);
  const int64_t now = CeilMicros(query.now);
  using Totals = PerWindow<StepReach>;

  const auto pass = [&](Totals& totals, const Partition& partition) {
    const SelectorSet::Matcher matcher(selectors, partition);
    RunReader reader(step_count, window_micros);
    int64_t runs = 0;
    ForEachRun(partition, correlation == nullptr ? nullptr : partition.property(*correlation), [&](const Run& run) {
      ++runs;
      const int64_t entry = reader.Read(run, matcher, partition.times());
      if (entry == kNoEntry) return;
      const int reached = reader.funnel().Reached();
      const bool immature = reached < step_count && IsImmature(reader.funnel().LatestStart(), window_micros, now);
      windows.ForEach(entry, [&](size_t window) {
        StepReach& reach = totals.windows[window];
        for (int step = 0; step < reached; ++step) ++reach.reached[step];
        reach.immature += immature;
      });
    });
    for (StepReach& reach : totals.windows) reach.runs += runs;
  };
  const auto make = [&] {
    StepReach empty;
    empty.reached.assign(step_count, 0);
    return Totals{std::vector<StepReach>(windows.size(), empty)};
  };
  return Wholes(PassOverPartitions(snapshot, make, pass).windows);
}

}  // namespace throughline
