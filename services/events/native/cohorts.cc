// Who came back in which period after the first.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kPeriodCountMax = 120;
// Periods between the first cohort and the last event: three centuries of days.
constexpr int kPeriodsMax = 100'000;

constexpr uint8_t kEntry = 0;
constexpr uint64_t kEntryBit = 1;
constexpr uint64_t kActivityBit = 2;

// Counts of one group: customers and active ones, by cohort and then by period. Only from the first cohort that occurs
// on: there may be many groups of few customers each.
struct Counter {
  std::vector<std::vector<int64_t>> cohorts;  // the number of customers first
  int first_cohort = 0;
  void Merge(const Counter& other) {
    for (size_t i = 0; i < other.cohorts.size(); ++i) {
      const std::vector<int64_t>& from = other.cohorts[i];
      if (from.empty()) continue;
      std::vector<int64_t>& row = Of(other.first_cohort + static_cast<int>(i), static_cast<int>(from.size()) - 1);
      for (size_t k = 0; k < from.size(); ++k) row[k] += from[k];
    }
  }
  std::vector<int64_t>& Of(int cohort, int period_count) {
    if (cohorts.empty()) first_cohort = cohort;
    if (cohort < first_cohort) {
      // At least as many more as there are, so that few insertions are needed.
      const int more = std::min(first_cohort, std::max(first_cohort - cohort, static_cast<int>(cohorts.size())));
      cohorts.insert(cohorts.begin(), static_cast<size_t>(more), {});
      first_cohort -= more;
    }
    const auto place = static_cast<size_t>(cohort - first_cohort);
    if (place >= cohorts.size()) cohorts.resize(place + 1);
    if (cohorts[place].empty()) cohorts[place].resize(static_cast<size_t>(period_count) + 1);
    return cohorts[place];
  }
};

struct Rules {
  const CohortQuery* query = nullptr;
  Periods periods;
  int64_t start_micros = 0;
  int64_t end_micros = 0;
  // One selector stands for entry and activity: every event that is anything is both.
  bool same = false;
};

template <typename Number>
bool IsEntry(Number number) {
  if constexpr (std::is_same_v<Number, uint64_t>) {
    return (number & kEntryBit) != 0;
  } else {
    return number == kEntry;
  }
}

template <typename Number>
bool IsActivity(Number number) {
  if constexpr (std::is_same_v<Number, uint64_t>) {
    return (number & kActivityBit) != 0;
  } else {
    return number == kEntry;
  }
}

// Bits: a bit for each period.
template <typename Number, typename Bits>
void AddPartition(const RunSource& source, const Breakdown& breakdown, const Rules& rules, const Partition& partition,
                  Groups<Counter>& totals) {
  constexpr unsigned kLastBit = sizeof(Bits) * 8 - 1;
  Breakdown::Reader groups(breakdown, partition);
  const int period_count = rules.query->period_count;
  const auto add = [&](const auto& block, const auto& periods) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      uint32_t entry = block.begin(run);
      const uint32_t end = block.end(run);
      while (entry < end && !IsEntry(block.numbers[entry])) ++entry;
      if (entry == end) continue;
      const int64_t micros = block.micros(block.times[entry]);
      if (micros < rules.start_micros || (micros >= rules.end_micros && rules.end_micros != kEndOfTime)) continue;
      const int cohort = periods.Of(block.times[entry]);
      if (cohort < 0 || cohort >= rules.periods.count()) continue;
      const int32_t group = groups.At(block.place(entry));
      if (group < 0) continue;
      Bits active = 0;
      // What comes before the entry may lie in its period as well.
      uint32_t i = rules.same ? entry : block.begin(run);
      // Without a branch: the last bit takes what lies outside.
      for (; i < end; ++i) {
        const unsigned period = static_cast<unsigned>(periods.Of(block.times[i]) - cohort);
        active |= Bits{IsActivity(block.numbers[i])} << std::min(period, kLastBit);
      }
      active &= (Bits{1} << period_count) - 1;
      std::vector<int64_t>& row = totals[group].Of(cohort, period_count);
      ++row[0];
      for (size_t k = 1; active != 0; ++k, active >>= 1) row[k] += static_cast<int64_t>(active & 1);
    }
  };
  const TimeColumn& times = partition.times();
  if (partition.size() == 0) return;
  if (const std::optional<EqualPeriods> periods = EqualPeriods::Find(rules.periods, times); periods.has_value()) {
    RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) {
      // Only seconds have them.
      if constexpr (std::is_same_v<std::decay_t<decltype(block.times[0])>, uint32_t>) add(block, *periods);
    });
  } else if (times.in_seconds) {
    const PeriodTable<uint32_t> periods(rules.periods, times);
    RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) { add(block, periods); });
  } else {
    const PeriodTable<int64_t> periods(rules.periods, times);
    RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) { add(block, periods); });
  }
}

bool SelectsAll(const EventSelector& selector) {
  return selector.event_names.empty() && selector.filter.empty() && selector.unless.empty();
}

}  // namespace

absl::StatusOr<Grouped<CohortMatrix>> ComputeCohorts(Projection& projection, const Snapshot& snapshot,
                                                     const CohortQuery& query) {
  if (query.period_count < 1 || query.period_count > kPeriodCountMax) {
    return InvalidField("period_count", absl::StrCat("1 to ", kPeriodCountMax));
  }
  Rules rules;
  rules.query = &query;
  rules.same = SelectsAll(query.entry) && SelectsAll(query.activity);
  rules.periods = Periods(query.unit, query.zone, snapshot.first_time_micros, snapshot.last_time_micros, kPeriodsMax);
  if (!rules.periods.complete()) return LimitExceeded("the periods of all events", kPeriodsMax, "periods");
  rules.start_micros = CeilMicros(query.cohorts.start);
  rules.end_micros = CeilMicros(query.cohorts.end);
  std::vector<EventSelector> selected = {query.entry};
  if (!rules.same) selected.push_back(query.activity);
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(selected, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  RunSource source;
  source.selectors = &selectors;
  source.customers = breakdown.scope().customers.get();
  const auto make = [&] { return Groups<Counter>(breakdown, Counter()); };
  const auto pass = [&](Groups<Counter>& totals, const Partition& partition) {
    if (!rules.same) {
      AddPartition<uint64_t, unsigned __int128>(source, breakdown, rules, partition, totals);
    } else if (query.period_count > 63) {
      AddPartition<uint8_t, unsigned __int128>(source, breakdown, rules, partition, totals);
    } else {
      AddPartition<uint8_t, uint64_t>(source, breakdown, rules, partition, totals);
    }
  };
  ASSIGN_OR_RETURN(Groups<Counter> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  return totals.Finished([&](Counter& counter) {
    CohortMatrix matrix;
    for (size_t i = 0; i < counter.cohorts.size(); ++i) {
      const std::vector<int64_t>& row = counter.cohorts[i];
      if (row.empty()) continue;
      CohortMatrix::Cohort& cohort = matrix.cohorts[rules.periods.day(counter.first_cohort + static_cast<int>(i))];
      cohort.customers = row[0];
      cohort.active.assign(row.begin() + 1, row.end());
    }
    return matrix;
  });
}

}  // namespace throughline
