// How many events match, and of how many customers.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"

namespace throughline {
namespace {

using Totals = PerWindow<Groups<VolumeAggregate>>;

// Counts the matching events of blocks of customers.
class VolumeCounter {
 public:
  VolumeCounter(const Windows& windows, const Breakdown& breakdown, const Partition& partition, Totals& totals)
      : windows_(windows),
        groups_(breakdown, partition),
        totals_(totals),
        last_run_(windows.size(), std::vector<int64_t>(static_cast<size_t>(breakdown.group_count()), -1)) {}

  template <typename Number, typename Time>
  void Add(const RunBlock<Number, Time>& block) {
    places_.resize(block.end(block.runs - 1));
    group_.resize(places_.size());
    for (uint32_t run = 0; run < block.runs; ++run, ++runs_read_) {
      size_t count = 0;
      for (uint32_t i = block.begin(run); i < block.end(run); ++i) {
        places_[count] = i;
        count += block.numbers[i] != kNoSelector<Number>;
      }
      if (count == 0) continue;
      for (size_t k = 0; k < count; ++k) places_[k] += block.first_place;
      groups_.Of(places_.data(), count, group_.data());
      for (size_t k = 0; k < count; ++k) Count(block.micros(block.times[places_[k] - block.first_place]), group_[k]);
    }
  }

 private:
  void Count(int64_t micros, int32_t group) {
    if (group < 0) return;
    windows_.ForEach(micros, [&](size_t window) {
      VolumeAggregate& volume = totals_.windows[window][group];
      ++volume.events;
      int64_t& last = last_run_[window][static_cast<size_t>(group)];
      volume.customers += last != runs_read_;
      last = runs_read_;
    });
  }

  const Windows& windows_;
  Breakdown::Reader groups_;
  Totals& totals_;
  int64_t runs_read_ = 0;
  std::vector<std::vector<int64_t>> last_run_;  // by window and group: the run that was counted last
  std::vector<uint32_t> places_;
  std::vector<int32_t> group_;
};

}  // namespace

absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> ComputeVolume(Projection& projection, const Snapshot& snapshot,
                                                                    const VolumeQuery& query) {
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(query.any_of, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  const Windows windows(query.windows);
  RunSource source;
  source.selectors = &selectors;
  source.customers = breakdown.scope().customers.get();
  const auto pass = [&](Totals& totals, const Partition& partition) {
    VolumeCounter counter(windows, breakdown, partition, totals);
    RunReader(source, partition).ForEachBlock<uint16_t>([&](const auto& block) { counter.Add(block); });
  };
  const auto make = [&] { return Totals{GroupsPerWindow(windows.size(), breakdown, VolumeAggregate())}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  std::vector<Grouped<VolumeAggregate>> out;
  for (Groups<VolumeAggregate>& groups : totals.windows) out.push_back(groups.Finished());
  return out;
}

}  // namespace throughline
