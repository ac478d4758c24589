// Funnels: how many runs reached each step.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/byte_scan.h"
#include "services/events/native/duration_counter.h"
#include "services/events/native/funnel.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"

namespace throughline {
namespace {

// Counts of one group and window.
struct Counter {
  explicit Counter(size_t steps) : reached(steps), durations(steps) {}
  std::vector<int64_t> reached;
  std::vector<DurationCounter> durations;
  int64_t entered = 0;
  int64_t immature = 0;
  void Merge(const Counter& other) {
    for (size_t i = 0; i < reached.size(); ++i) {
      reached[i] += other.reached[i];
      durations[i].Merge(other.durations[i]);
    }
    entered += other.entered;
    immature += other.immature;
  }
};

struct Totals {
  std::vector<Groups<Counter>> windows;
  int64_t runs = 0;
  void Merge(const Totals& other) {
    for (size_t i = 0; i < windows.size(); ++i) windows[i].Merge(other.windows[i]);
    runs += other.runs;
  }
};

struct Rules {
  explicit Rules(const StepQuery& query)
      : steps(query.steps.size()),
        windows(query.windows),
        window_micros(FloorMicros(query.window)),
        now(CeilMicros(query.now)) {}
  const size_t steps;
  const Windows windows;
  const int64_t window_micros;
  const int64_t now;
};

// What became of one run. Times in microseconds.
struct Outcome {
  uint32_t entry_place = 0;
  int64_t entry = 0;
  int64_t latest_start = 0;
  uint32_t taken = 0;              // bit per step
  std::vector<int64_t> durations;  // by step, where taken
};

// The runs of one partition.
class StepCounter {
 public:
  StepCounter(const Rules& rules, const Breakdown& breakdown, const Partition& partition, Totals& totals)
      : rules_(rules),
        one_window_(rules.windows.IsOneAround(partition.times().first_micros, partition.times().last_micros)),
        groups_(breakdown, partition),
        funnel_(static_cast<int>(rules.steps), rules.window_micros),
        totals_(totals) {
    outcome_.durations.resize(rules.steps);
  }

  // Each event serves one step at most: its number.
  template <typename Time>
  void AddDisjoint(const RunBlock<uint8_t, Time>& block) {
    const uint32_t count = block.end(block.runs - 1);
    if (positions_.size() < count + kPlacesSlack) positions_.resize(count + kPlacesSlack);
    const auto found = static_cast<uint32_t>(
        FindBytes(block.numbers, count, kNoSelector<uint8_t>, /*equal=*/false, 0, positions_.data()));
    uint32_t k = 0;
    for (uint32_t run = 0; run < block.runs; ++run) {
      const uint32_t begin = k;
      const uint32_t end = block.end(run);
      while (k < found && positions_[k] < end) ++k;
      CountRun(block, run);
      if (begin != k) AddDisjointRun(block, begin, k);
    }
  }

  // An event may serve several steps: a bit for each.
  template <typename Time>
  void AddAny(const RunBlock<uint64_t, Time>& block) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      CountRun(block, run);
      AddAnyRun(block, block.begin(run), block.end(run), [&](uint32_t i) { return std::pair(i, block.numbers[i]); });
    }
  }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min() / 2;
  static constexpr size_t kStepsMax = 32;

  // A run is what has an event in the scope.
  template <typename Number, typename Time>
  void CountRun(const RunBlock<Number, Time>& block, uint32_t run) {
    if (block.in_scope == nullptr) {
      totals_.runs += block.begin(run) != block.end(run);
      return;
    }
    bool any = false;
    for (uint32_t i = block.begin(run); i < block.end(run) && !any; ++i) any = block.in_scope[i] != 0;
    totals_.runs += any;
  }

  // For every step the latest beginning of an attempt that took it (funnel.h). starts[0] is the event itself, so that
  // every step is found in the same way, without a branch.
  template <typename Time>
  void AddDisjointRun(const RunBlock<uint8_t, Time>& block, uint32_t begin, uint32_t end) {
    constexpr int64_t kUnit = RunBlock<uint8_t, Time>::kMicrosPerTime;
    const int64_t window = rules_.window_micros == kEndOfTime ? kEndOfTime : rules_.window_micros / kUnit;
    std::array<int64_t, kStepsMax + 1> starts;
    std::array<int64_t, kStepsMax + 1> first;  // how long the first attempt to take a step had been under way
    starts[1] = kNone;
    std::fill_n(starts.begin(), rules_.steps + 1, kNone);
    int64_t before = kNone;
    for (uint32_t k = begin; k < end; ++k) {
      const uint32_t i = positions_[k];
      const int64_t time = block.times[i];
      if (time == before) return AddTiedRun(block, begin, end);
      before = time;
      const size_t step = block.numbers[i];
      starts[0] = time;
      const int64_t start = time - starts[step] <= window ? starts[step] : kNone;
      const int64_t had = starts[step + 1];
      starts[step + 1] = std::max(had, start);
      first[step + 1] = had == kNone ? time - start : first[step + 1];
    }
    if (starts[1] == kNone) return;
    outcome_.taken = 0;
    for (size_t step = 0; step < rules_.steps && starts[step + 1] != kNone; ++step) {
      outcome_.taken |= uint32_t{1} << step;
      outcome_.durations[step] = first[step + 1] * kUnit;
    }
    outcome_.latest_start = block.base_micros + starts[1] * kUnit;
    uint32_t entry = begin;
    while (block.numbers[positions_[entry]] != 0) ++entry;
    outcome_.entry_place = block.place(positions_[entry]);
    outcome_.entry = block.micros(block.times[positions_[entry]]);
    Count();
  }

  template <typename Time>
  void AddTiedRun(const RunBlock<uint8_t, Time>& block, uint32_t begin, uint32_t end) {
    AddAnyRun(block, begin, end,
              [&](uint32_t k) { return std::pair(positions_[k], uint64_t{1} << block.numbers[positions_[k]]); });
  }

  // event_at(k) is the position and the steps of the k-th event.
  template <typename Block, typename EventAt>
  void AddAnyRun(const Block& block, uint32_t begin, uint32_t end, const EventAt& event_at) {
    bool entered = false;
    funnel_.Reset();
    int64_t moment = 0;
    StartMoment();
    for (uint32_t k = begin; k < end; ++k) {
      const auto [i, steps] = event_at(k);
      if (steps == 0) continue;
      const int64_t micros = block.micros(block.times[i]);
      if (begins_.size() > 1 && micros != moment) {
        EndMoment(moment);
        StartMoment();
      }
      moment = micros;
      if ((steps & 1) != 0 && !entered) {
        entered = true;
        outcome_.entry = micros;
        outcome_.entry_place = block.place(i);
      }
      for (uint64_t left = steps; left != 0; left &= left - 1) steps_.push_back(std::countr_zero(left));
      begins_.push_back(static_cast<uint32_t>(steps_.size()));
    }
    if (begins_.size() > 1) EndMoment(moment);
    if (!entered) return;
    outcome_.taken = 0;
    for (int step = 0; step < funnel_.Reached(); ++step) outcome_.taken |= uint32_t{1} << step;
    outcome_.latest_start = funnel_.LatestStart();
    Count();
  }

  void StartMoment() {
    begins_.assign(1, 0);
    steps_.clear();
  }
  void EndMoment(int64_t moment) {
    funnel_.AddMoment(moment, static_cast<int>(begins_.size()) - 1, begins_.data(), steps_.data());
  }

  void Count() {
    const int32_t group = groups_.At(outcome_.entry_place);
    if (group < 0) return;
    if (one_window_) return CountIn(totals_.windows[0][group]);
    rules_.windows.ForEach(outcome_.entry, [&](size_t window) { CountIn(totals_.windows[window][group]); });
  }

  void CountIn(Counter& counter) const {
    ++counter.entered;
    for (size_t step = 0; step < rules_.steps; ++step) {
      if ((outcome_.taken >> step & 1) == 0) continue;
      ++counter.reached[step];
      if (step > 0) counter.durations[step].Add(outcome_.durations[step]);
    }
    const bool through = outcome_.taken >> (rules_.steps - 1) != 0;
    counter.immature += !through && IsImmature(outcome_.latest_start, rules_.window_micros, rules_.now);
  }

  const Rules& rules_;
  const bool one_window_;
  Breakdown::Reader groups_;
  Funnel funnel_;
  Totals& totals_;
  Outcome outcome_;
  std::vector<uint32_t> positions_;
  std::vector<uint32_t> begins_;
  std::vector<int> steps_;
};

}  // namespace

absl::StatusOr<std::vector<Grouped<StepReach>>> ComputeSteps(Projection& projection, const Snapshot& snapshot,
                                                             const StepQuery& query) {
  std::vector<EventSelector> steps;
  for (const StepQuery::Step& step : query.steps) steps.push_back(step.selector);
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(steps, query.scope.filter, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope.breakdown, projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  source.customers = query.scope.customers.get();
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run));
  const Rules rules(query);
  const auto pass = [&](Totals& totals, const Partition& partition) {
    StepCounter counter(rules, breakdown, partition, totals);
    RunReader reader(source, partition);
    if (selectors.disjoint()) {
      reader.ForEachBlock<uint8_t>([&](const auto& block) { counter.AddDisjoint(block); });
    } else {
      reader.ForEachBlock<uint64_t>([&](const auto& block) { counter.AddAny(block); });
    }
  };
  const auto make = [&] { return Totals{GroupsPerWindow(rules.windows.size(), breakdown, Counter(rules.steps)), 0}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, query.scope, make, pass));
  std::vector<Grouped<StepReach>> out;
  for (Groups<Counter>& groups : totals.windows) {
    out.push_back(groups.Finished([&](Counter& counter) {
      StepReach reach;
      reach.reached = std::move(counter.reached);
      for (const DurationCounter& durations : counter.durations) reach.durations.push_back(durations.Finish());
      reach.runs = breakdown.empty() ? totals.runs : counter.entered;
      reach.immature = counter.immature;
      return reach;
    }));
  }
  return out;
}

}  // namespace throughline
