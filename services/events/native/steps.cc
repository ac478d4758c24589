// Funnels: how many runs reached each step.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/byte_scan.h"
#include "services/events/native/duration_counter.h"
#include "services/events/native/funnel.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "services/events/query_check.h"

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
      : shape(FunnelShapeOf(query)),
        steps(query.steps.size()),
        windows(query.windows),
        now(CeilMicros(query.now)),
        is_plain(query.order == StepOrder::kOrdered && !shape.has_exclusions && shape.optional_steps() == 0 &&
                 std::all_of(shape.steps.begin(), shape.steps.end(),
                             [](const FunnelStep& step) { return step.within_micros == kEndOfTime; })) {}
  const FunnelShape shape;
  const size_t steps;
  const Windows windows;
  const int64_t now;
  const bool is_plain;  // ordered steps in a window, and nothing else
};

// The runs of one partition.
class StepCounter {
 public:
  StepCounter(const Rules& rules, const Breakdown& breakdown, const Partition& partition, Totals& totals)
      : rules_(rules),
        one_window_(rules.windows.IsOneAround(partition.times().first_micros, partition.times().last_micros)),
        groups_(breakdown, partition),
        funnel_(rules.shape),
        totals_(totals) {}

  // Plain rules, and each event serves one step at most: its number.
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

  // An event may serve several steps and be an exclusion: a bit for each.
  template <typename Time>
  void AddAny(const RunBlock<uint64_t, Time>& block) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      CountRun(block, run);
      AddAnyRun(block, block.begin(run), block.end(run), [&](uint32_t i) { return std::pair(i, block.numbers[i]); });
    }
  }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min() / 2;

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
    const int64_t window_micros = rules_.shape.window_micros;
    const int64_t window = window_micros == kEndOfTime ? kEndOfTime : window_micros / kUnit;
    std::array<int64_t, kStepCountMax + 1> starts;
    std::array<int64_t, kStepCountMax + 1> first;  // how long the first attempt to take a step had been under way
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
    plain_.taken = 0;
    for (size_t step = 0; step < rules_.steps && starts[step + 1] != kNone; ++step) {
      plain_.taken |= uint32_t{1} << step;
      plain_.durations[step] = first[step + 1] * kUnit;
    }
    plain_.reached = plain_.taken;
    uint32_t entry = begin;
    while (block.numbers[positions_[entry]] != 0) ++entry;
    plain_.entry = block.micros(block.times[positions_[entry]]);
    const bool immature = plain_.taken >> (rules_.steps - 1) == 0 &&
                          IsImmature(block.base_micros + starts[1] * kUnit, window_micros, rules_.now);
    Count(plain_, block.place(positions_[entry]), immature);
  }

  template <typename Time>
  void AddTiedRun(const RunBlock<uint8_t, Time>& block, uint32_t begin, uint32_t end) {
    AddAnyRun(block, begin, end,
              [&](uint32_t k) { return std::pair(positions_[k], uint64_t{1} << block.numbers[positions_[k]]); });
  }

  // event_at(k) is the position and the bits of the k-th event.
  template <typename Block, typename EventAt>
  void AddAnyRun(const Block& block, uint32_t begin, uint32_t end, const EventAt& event_at) {
    const uint64_t all_steps = (uint64_t{1} << rules_.steps) - 1;
    funnel_.Begin();
    for (uint32_t k = begin; k < end; ++k) {
      const auto [i, bits] = event_at(k);
      if (bits == 0 && !(funnel_.needs_every_event() && block.InScope(i))) continue;
      funnel_.Add(block.micros(block.times[i]), static_cast<uint32_t>(bits & all_steps), bits > all_steps);
    }
    const FunnelOutcome& outcome = funnel_.End();
    if (outcome.entry == FunnelOutcome::kNone) return;
    // The entry's own event: the first that may be it at its time.
    const uint64_t entry_steps = rules_.shape.order == StepOrder::kUnordered ? all_steps : 1;
    uint32_t k = begin;
    while ((event_at(k).second & entry_steps) == 0) ++k;
    Count(outcome, block.place(event_at(k).first), funnel_.IsImmature(rules_.now));
  }

  void Count(const FunnelOutcome& outcome, uint32_t entry_place, bool immature) {
    const int32_t group = groups_.At(entry_place);
    if (group < 0) return;
    if (one_window_) return CountIn(totals_.windows[0][group], outcome, immature);
    rules_.windows.ForEach(outcome.entry,
                           [&](size_t window) { CountIn(totals_.windows[window][group], outcome, immature); });
  }

  static void CountIn(Counter& counter, const FunnelOutcome& outcome, bool immature) {
    ++counter.entered;
    for (uint32_t left = outcome.reached; left != 0; left &= left - 1) {
      ++counter.reached[static_cast<size_t>(std::countr_zero(left))];
    }
    for (uint32_t left = outcome.taken & ~uint32_t{1}; left != 0; left &= left - 1) {
      const auto step = static_cast<size_t>(std::countr_zero(left));
      counter.durations[step].Add(outcome.durations[step]);
    }
    counter.immature += immature;
  }

  const Rules& rules_;
  const bool one_window_;
  Breakdown::Reader groups_;
  Funnel funnel_;
  Totals& totals_;
  FunnelOutcome plain_;
  std::vector<uint32_t> positions_;
};

}  // namespace

absl::StatusOr<std::vector<Grouped<StepReach>>> ComputeSteps(Projection& projection, const Snapshot& snapshot,
                                                             const StepQuery& query) {
  RETURN_IF_ERROR(CheckStepQuery(query));
  std::vector<EventSelector> steps;
  for (const StepQuery::Step& step : query.steps) steps.push_back(step.selector);
  steps.insert(steps.end(), query.exclusions.begin(), query.exclusions.end());
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(steps, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  source.customers = breakdown.scope().customers.get();
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, query.scope));
  const Rules rules(query);
  const auto pass = [&](Totals& totals, const Partition& partition) {
    StepCounter counter(rules, breakdown, partition, totals);
    RunReader reader(source, partition);
    if (rules.is_plain && selectors.disjoint()) {
      reader.ForEachBlock<uint8_t>([&](const auto& block) { counter.AddDisjoint(block); });
    } else {
      reader.ForEachBlock<uint64_t>([&](const auto& block) { counter.AddAny(block); });
    }
  };
  const auto make = [&] { return Totals{GroupsPerWindow(rules.windows.size(), breakdown, Counter(rules.steps)), 0}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
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
