// How long customers stay in each stage.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/duration_counter.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr size_t kStagesMax = 64;

struct Counter {
  struct Stage {
    int64_t inside_count = 0;
    DurationCounter ended;
    DurationCounter inside;
    std::vector<int64_t> collected;
  };
  std::vector<Stage> stages;
  int64_t runs = 0;
  int64_t last_run = -1;  // that was counted; the stays of a run may lie in several groups
  void Merge(const Counter& other) {
    for (size_t i = 0; i < stages.size(); ++i) {
      stages[i].inside_count += other.stages[i].inside_count;
      stages[i].ended.Merge(other.stages[i].ended);
      stages[i].inside.Merge(other.stages[i].inside);
      stages[i].collected.insert(stages[i].collected.end(), other.stages[i].collected.begin(),
                                 other.stages[i].collected.end());
    }
    runs += other.runs;
  }
};

struct Rules {
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  int64_t now = kEndOfTime;
  bool collects = false;
  std::vector<std::vector<uint8_t>> is_collected;  // by stage and bin

  bool Has(int64_t entry) const { return entry >= start_micros && (entry < end_micros || end_micros == kEndOfTime); }
};

// The stays of one partition's runs.
template <typename Block>
class StayReader {
 public:
  // `only`: where every stay counts; null where that depends on the stay.
  StayReader(const Rules& rules, uint32_t first_customer, Breakdown::Reader& groups, Groups<Counter>& totals,
             Counter* only)
      : rules_(rules),
        first_run_(static_cast<int64_t>(first_customer) << 32),
        groups_(groups),
        totals_(totals),
        only_(only) {}

  void AddRun(const Block& block, uint32_t begin, uint32_t end) {
    while (begin < end && IsNothing(block.numbers[begin])) ++begin;
    if (begin == end) return;
    run_ = first_run_ + block.place(begin);
    if (only_ != nullptr) ++only_->runs;
    uint32_t stage = block.numbers[begin];
    uint32_t entry = begin;
    for (uint32_t i = begin + 1; i < end; ++i) {
      const uint32_t next = block.numbers[i];
      if (next == stage || IsNothing(next)) continue;
      AddEnded(block, stage, entry, i);
      stage = next;
      entry = i;
    }
    AddInside(block, stage, entry);
  }

 private:
  static bool IsNothing(uint32_t number) { return number == kNoSelector<uint8_t>; }

  // Null: the stay does not count.
  Counter* CounterOf(const Block& block, uint32_t entry) {
    if (only_ != nullptr) return only_;
    if (!rules_.Has(block.micros(block.times[entry]))) return nullptr;
    const int32_t group = groups_.At(block.place(entry));
    if (group < 0) return nullptr;
    Counter& counter = totals_[group];
    counter.runs += counter.last_run != run_;
    counter.last_run = run_;
    return &counter;
  }

  void AddEnded(const Block& block, uint32_t stage, uint32_t entry, uint32_t exit) {
    Counter* const counter = CounterOf(block, entry);
    if (counter == nullptr) return;
    const auto duration = block.times[exit] - block.times[entry];
    Counter::Stage& counts = counter->stages[stage];
    if (!rules_.collects) return counts.ended.Add(duration);
    const int64_t micros = static_cast<int64_t>(duration) * Block::kMicrosPerTime;
    if (rules_.is_collected[stage][static_cast<size_t>(DurationSketch::BinOf(micros))] != 0) {
      counts.collected.push_back(micros);
    }
  }

  void AddInside(const Block& block, uint32_t stage, uint32_t entry) {
    if (rules_.collects) return;
    Counter* const counter = CounterOf(block, entry);
    if (counter == nullptr) return;
    Counter::Stage& counts = counter->stages[stage];
    ++counts.inside_count;
    if (rules_.now == kEndOfTime) return;
    const int64_t micros = block.micros(block.times[entry]);
    counts.inside.Add(micros < rules_.now ? rules_.now - micros : 0);
  }

  const Rules& rules_;
  const int64_t first_run_;  // runs are numbered by partition and place
  Breakdown::Reader& groups_;
  Groups<Counter>& totals_;
  Counter* const only_;
  int64_t run_ = 0;
};

}  // namespace

absl::StatusOr<Grouped<StageTimes>> ComputeStages(Projection& projection, const Snapshot& snapshot,
                                                  const StageQuery& query) {
  if (query.stages.empty() || query.stages.size() > kStagesMax) {
    return InvalidField("stages", absl::StrCat("1 to ", kStagesMax, " stages"));
  }
  Rules rules{CeilMicros(query.window.start), CeilMicros(query.window.end), CeilMicros(query.now), false, {}};
  rules.collects = !query.collect.empty();
  if (query.collect.size() > query.stages.size()) return InvalidField("collect", "more lists of bins than stages");
  rules.is_collected.assign(query.stages.size(), std::vector<uint8_t>(DurationSketch::kBinCount));
  for (size_t stage = 0; stage < query.collect.size(); ++stage) {
    for (const int32_t bin : query.collect[stage]) {
      if (bin < 0 || bin >= DurationSketch::kBinCount) return InvalidField("collect", absl::StrCat(bin, " is no bin"));
      rules.is_collected[stage][static_cast<size_t>(bin)] = 1;
    }
  }
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(query.stages, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  source.customers = breakdown.scope().customers.get();
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, query.scope));
  const auto make = [&] {
    Counter empty;
    empty.stages.resize(query.stages.size());
    return Groups<Counter>(breakdown, std::move(empty));
  };
  const auto pass = [&](Groups<Counter>& totals, const Partition& partition) {
    Breakdown::Reader groups(breakdown, partition);
    const bool all =
        breakdown.empty() && rules.Has(partition.times().first_micros) && rules.Has(partition.times().last_micros);
    Counter* const only = all ? &totals[0] : nullptr;
    RunReader(source, partition).ForEachBlock<uint8_t>([&](const auto& block) {
      StayReader<std::decay_t<decltype(block)>> reader(rules, partition.first_customer(), groups, totals, only);
      for (uint32_t run = 0; run < block.runs; ++run) reader.AddRun(block, block.begin(run), block.end(run));
    });
  };
  ASSIGN_OR_RETURN(Groups<Counter> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  return totals.Finished([&](Counter& counter) {
    StageTimes out;
    if (!rules.collects) out.runs = counter.runs;
    for (Counter::Stage& counts : counter.stages) {
      StageTimes::Stage& stage = out.stages.emplace_back();
      stage.ended = counts.ended.Finish();
      stage.inside = counts.inside.Finish();
      stage.inside_count = counts.inside_count;
      stage.entered = stage.ended.count() + stage.inside_count;
      std::sort(counts.collected.begin(), counts.collected.end());
      stage.collected = std::move(counts.collected);
    }
    return out;
  });
}

}  // namespace throughline
