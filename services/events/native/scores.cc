// Survey scores of matching events, all of them or one per customer.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/byte_scan.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"

namespace throughline {
namespace {

using Totals = PerWindow<Groups<ScoreHistogram>>;

// Scores of one partition. Few events have one: those are found first, and all else is asked of them only.
class ScoreCounter {
 public:
  ScoreCounter(const ScoreQuery& query, const Windows& windows, const Selectors& selectors, const Breakdown& breakdown,
               const Partition& partition, Totals& totals)
      : query_(query),
        windows_(windows),
        partition_(partition),
        one_window_(windows.IsOneAround(partition.times().first_micros, partition.times().last_micros)),
        selectors_(selectors, partition),
        groups_(breakdown, partition),
        totals_(totals) {}

  // The events [begin, end).
  void Add(uint32_t begin, uint32_t end) {
    for (; begin < end; begin += kBlock) {
      const uint32_t block_end = std::min(end, begin + kBlock);
      AddBlock(begin, block_end, /*scored=*/true,
               [&](uint32_t place, size_t window, int32_t group) { Count(place, totals_.windows[window][group]); });
      AddMissing(begin, block_end);
    }
  }

  // One customer's events: the first or last score of each window and group.
  void AddCustomer(uint32_t begin, uint32_t end) {
    chosen_.clear();
    const bool latest = query_.policy == RespondentPolicy::kLatest;
    for (uint32_t from = begin; from < end; from += kBlock) {
      const uint32_t block_end = std::min(end, from + kBlock);
      AddBlock(from, block_end, /*scored=*/true, [&](uint32_t place, size_t window, int32_t group) {
        const auto [found, is_new] = chosen_.try_emplace({window, group}, place);
        if (latest) found->second = place;
      });
      AddMissing(from, block_end);
    }
    for (const auto& [key, place] : chosen_) Count(place, totals_.windows[key.first][key.second]);
  }

 private:
  static constexpr uint32_t kBlock = 8192;

  void AddMissing(uint32_t begin, uint32_t end) {
    if (!query_.count_missing) return;
    AddBlock(begin, end, /*scored=*/false,
             [&](uint32_t, size_t window, int32_t group) { ++totals_.windows[window][group].missing; });
  }

  // Calls f(place, window, group) for the matching events with a score, or for those without.
  template <typename F>
  void AddBlock(uint32_t begin, uint32_t end, bool scored, const F& f) {
    size_t count = 0;
    const uint8_t* scores = partition_.scores();
    if (scores == nullptr) {
      if (scored) return;
      for (uint32_t i = begin; i < end; ++i) places_[count++] = i;
    } else {
      count = FindBytes(scores + begin, end - begin, kNoScore, /*equal=*/!scored, begin, places_.data());
    }
    count = selectors_.Keep(places_.data(), count);
    groups_.Of(places_.data(), count, group_.data());
    for (size_t k = 0; k < count; ++k) {
      if (group_[k] < 0) continue;
      if (one_window_) {
        f(places_[k], 0, group_[k]);
      } else {
        windows_.ForEach(partition_.times()[places_[k]], [&](size_t window) { f(places_[k], window, group_[k]); });
      }
    }
  }

  void Count(uint32_t place, ScoreHistogram& histogram) const {
    const uint8_t score = partition_.scores()[place];
    if (score == kOddScore) {
      ++histogram.other;
    } else {
      ++histogram.counts[score];
    }
  }

  const ScoreQuery& query_;
  const Windows& windows_;
  const Partition& partition_;
  const bool one_window_;
  Selectors::Reader selectors_;
  Breakdown::Reader groups_;
  Totals& totals_;
  std::vector<uint32_t> places_ = std::vector<uint32_t>(kBlock + kPlacesSlack);
  std::vector<int32_t> group_ = std::vector<int32_t>(kBlock);
  std::map<std::pair<size_t, int32_t>, uint32_t> chosen_;  // place by window and group
};

}  // namespace

absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> ComputeScores(Projection& projection, const Snapshot& snapshot,
                                                                   const ScoreQuery& query) {
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile(query.any_of, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  const Windows windows(query.windows);
  const CustomerSet* const customers = breakdown.scope().customers.get();
  const auto pass = [&](Totals& totals, const Partition& partition) {
    ScoreCounter counter(query, windows, selectors, breakdown, partition, totals);
    const uint32_t count = partition.customer_count();
    const auto add = [&](uint32_t customer) {
      counter.AddCustomer(partition.offset(customer), partition.offset(customer + 1));
    };
    if (customers != nullptr) {
      customers->ForEach(partition.first_customer(), partition.first_customer() + count, [&](uint32_t ordinal) {
        const uint32_t customer = ordinal - partition.first_customer();
        if (query.policy != RespondentPolicy::kAll) return add(customer);
        counter.Add(partition.offset(customer), partition.offset(customer + 1));
      });
    } else if (query.policy == RespondentPolicy::kAll) {
      counter.Add(0, partition.size());
    } else {
      for (uint32_t customer = 0; customer < count; ++customer) add(customer);
    }
  };
  const auto make = [&] { return Totals{GroupsPerWindow(windows.size(), breakdown, ScoreHistogram())}; };
  ASSIGN_OR_RETURN(Totals totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  std::vector<Grouped<ScoreHistogram>> out;
  for (Groups<ScoreHistogram>& groups : totals.windows) out.push_back(groups.Finished());
  return out;
}

}  // namespace throughline
