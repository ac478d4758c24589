// Aggregates: small mergeable summaries of events. An engine computes them in one pass; a model (throughline/models)
// turns them into numbers. No statistics here. Plain values; not thread-safe.
//
// For aggregates A and B of the same question over disjoint sets of customers, `A.Merge(B)` is the aggregate of the
// union: shards, threads and increments rely on it (tests/unit/base/aggregates_test.cc).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace throughline {

// The XXH64 hash (https://xxhash.com, seed 0) of a text: the same in every process, build and engine.
uint64_t StableHash(absl::string_view text);

// ---- Groups ---------------------------------------------------------------------------------------------------------

// The value of one dimension of a breakdown.
struct GroupValue {
  enum class Kind {
    kValue,
    kMissing,  // events without a value
    kOther,    // all values that have no group of their own
  };
  Kind kind = Kind::kValue;
  std::string text;  // kValue: of a calendar period its first day, YYYY-MM-DD; of a customer its id
  friend auto operator<=>(const GroupValue&, const GroupValue&) = default;
};

// One value for each dimension.
using GroupKey = std::vector<GroupValue>;

// The answer to a question with a breakdown: an aggregate for each combination of values that occurs. Without a
// breakdown there is one group, under the empty key.
template <typename Aggregate>
struct Grouped {
  std::map<GroupKey, Aggregate> groups;

  // The only group of an answer without breakdown.
  const Aggregate& whole() const { return groups.at({}); }
  void Merge(const Grouped& other) {
    for (const auto& [key, aggregate] : other.groups) {
      const auto [found, is_new] = groups.try_emplace(key, aggregate);
      if (!is_new) found->second.Merge(aggregate);
    }
  }
};

// ---- Durations ------------------------------------------------------------------------------------------------------

// Durations in microseconds, for quantiles. Exact up to kExactMax values; above, each value is kept to a relative
// error of at most kRelativeErrorMax. Which of the two holds depends on the number of values alone, so the order of
// Add and Merge never changes the result, bit for bit.
class DurationSketch {
 public:
  static constexpr int64_t kExactMax = 65536;
  static constexpr double kRelativeErrorMax = 0.002;

  // Negative durations are not durations: callers count them apart.
  void Add(int64_t micros);
  // `count` more durations of this bin, in ascending order of bins: of a sketch that holds more than kExactMax when it
  // is asked, as engines fill it from counters of their own. Such a sketch must not be asked before.
  void AddBin(int32_t bin, int64_t count);
  void Merge(const DurationSketch& other);

  // 256 linear steps for each power of two; each value below 512 has a bin of its own.
  static int32_t BinOf(int64_t micros) {
    const auto value = static_cast<uint64_t>(micros);
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - (kStepBits + 1));
    return static_cast<int32_t>((shift << kStepBits) + static_cast<int64_t>(value >> shift));
  }
  static constexpr int kBinCount = (63 - 8 + 1) << 8;
  // In order of bins: how many durations they hold. Only of a sketch that is not exact.
  const std::vector<std::pair<int32_t, int64_t>>& bins() const;
  // The sorted durations. Only of a sketch that is exact.
  const std::vector<int64_t>& values() const;

  // ⌈q·n⌉ − 1, at least 0: the zero-based rank of a quantile.
  int64_t RankOf(double q) const;

  int64_t count() const { return count_; }
  bool exact() const { return count_ <= kExactMax; }
  // The value at zero-based rank ⌈q·n⌉ − 1 of the sorted values (at least rank 0); q in [0, 1]. Microseconds.
  // Must not be called on an empty sketch.
  int64_t Quantile(double q) const;

 private:
  // Half a step is at most 1/512 of the value, below kRelativeErrorMax.
  static constexpr int kStepBits = 8;

  void Collapse() const;
  void AddBins(const std::vector<std::pair<int32_t, int64_t>>& bins) const;
  static int64_t BinValue(int32_t bin);

  int64_t count_ = 0;
  // While exact: all of them. Afterwards: those that are not yet in bins_. Sorted and put there on demand.
  mutable std::vector<int64_t> values_;
  mutable bool sorted_ = true;
  mutable std::vector<std::pair<int32_t, int64_t>> bins_;  // ascending
};

// ---- Events ---------------------------------------------------------------------------------------------------------

// How many events, and of how many customers.
struct VolumeAggregate {
  int64_t events = 0;
  int64_t customers = 0;
  void Merge(const VolumeAggregate& other);
};

// Survey scores. Whole scores 0 … 100 are counted one by one, all others together.
struct ScoreHistogram {
  static constexpr int kScoreMax = 100;
  std::array<int64_t, kScoreMax + 1> counts{};
  int64_t other = 0;    // not whole, or outside 0 … 100
  int64_t missing = 0;  // matching events without a score
  void Merge(const ScoreHistogram& other_histogram);
};

// ---- Runs -----------------------------------------------------------------------------------------------------------

// Funnel: how many runs reached each step (metrics.md section 4).
struct StepReach {
  // Per step: runs whose best attempt took it. The best attempt comes furthest; of those, it takes the most optional
  // steps; of those, the earlier ones. Unordered: per number of different steps, less one.
  std::vector<int64_t> reached;
  // Per step: from the beginning of the attempt to this step, for the attempt of the run that was the first to take it;
  // of several at once, the one that began last. Unordered: the shortest time in which so many steps were taken.
  // Empty sketches for the first.
  std::vector<DurationSketch> durations;
  int64_t runs = 0;  // all runs that were read, whatever the window; in an answer with breakdown: those that entered
  int64_t immature = 0;  // entered, not through, and the window of the latest attempt is still open (if it has an end)
  void Merge(const StepReach& other);
};

// Runs that visit one touchpoint and then another.
struct PairAggregate {
  int64_t entered = 0;       // runs whose first `from` event lies in the window
  int64_t converted = 0;     // of these, with a `to` event at or after it, within the conversion window
  int64_t immature = 0;      // not converted, and the conversion window has not elapsed yet (never so without end)
  int64_t negative = 0;      // not converted, and every `to` event lies before the first `from`: a negative interval
  int64_t target_only = 0;   // runs without any `from` whose first `to` lies in the window; beside `entered`
  DurationSketch durations;  // first `from` to the first `to` at or after it
  void Merge(const PairAggregate& other);
};

// Directly-follows graph over symbols (event names, or touchpoints of a map).
struct TransitionGraph {
  struct Node {
    int64_t events = 0;
    int64_t runs = 0;    // runs with at least one
    int64_t starts = 0;  // runs that begin with it
    int64_t ends = 0;    // runs that end with it
    // Σ over its events of the event's place in its run, 0 (first) to 1 000 000 (last); 0 in runs of one event.
    int64_t place_millionths = 0;
    std::map<std::string, int64_t> channels;     // events per channel, empty channel left out
    std::map<std::string, int64_t> departments;  // events per department, empty left out
    void Merge(const Node& other);
  };
  struct Edge {
    int64_t count = 0;
    int64_t duration_micros = 0;  // sum
    DurationSketch durations;     // empty unless asked for
    void Merge(const Edge& other);
  };
  std::map<std::string, Node> nodes;
  std::map<std::pair<std::string, std::string>, Edge> edges;
  int64_t events = 0;
  int64_t runs = 0;
  void Merge(const TransitionGraph& other);
};

// How often runs take which way. Every run is counted in the bucket of its variant; the variants of the buckets that
// were asked for are counted one by one. So the most frequent variants of any number of runs are found in two questions
// of bounded size, each of which can be merged: first which buckets are full, then what is in them (TopVariants).
struct VariantCounts {
  using Variant = std::vector<std::string>;
  static constexpr int kBucketBits = 18;
  static constexpr int kBucketCount = 1 << kBucketBits;

  std::vector<uint32_t> bucket_runs;    // by bucket; empty when nothing was counted, or nobody asked for it
  std::map<Variant, int64_t> variants;  // complete for the buckets of the question
  int64_t runs = 0;
  void Merge(const VariantCounts& other);

  // Σ StableHash(symbol i) · kPower^i modulo 2^64, i from 1; the bucket is the upper bits of kMix times it.
  static constexpr uint64_t kPower = 0x9e3779b97f4a7c15;
  static constexpr uint64_t kMix = 0xd6e8feb86659fd93;
  static uint32_t BucketOf(const Variant& variant);
  static uint32_t BucketOfHash(uint64_t hash) { return static_cast<uint32_t>((hash * kMix) >> (64 - kBucketBits)); }
};

// Who came back: by cohort (the first day of its period), its customers and those of them with an activity in each
// period from the cohort's own on. Which cells could be observed yet is for the reader to say.
struct CohortMatrix {
  struct Cohort {
    int64_t customers = 0;
    std::vector<int64_t> active;
    void Merge(const Cohort& other);
  };
  std::map<absl::CivilDay, Cohort> cohorts;
  void Merge(const CohortMatrix& other);
};

// How long customers stayed in each stage.
struct StageTimes {
  struct Stage {
    int64_t entered = 0;    // stays that began; ended, or inside
    DurationSketch ended;   // stays that ended, from entry to the first event of another stage
    DurationSketch inside;  // stays that had not ended, from entry to `now`; empty without one
    int64_t inside_count = 0;
    // Ended stays in the bins that were asked for, sorted, in microseconds.
    std::vector<int64_t> collected;
    void Merge(const Stage& other);
  };
  std::vector<Stage> stages;
  int64_t runs = 0;  // with at least one stay in the group
  void Merge(const StageTimes& other);
};

// ---- Money ----------------------------------------------------------------------------------------------------------

// Recurring revenue by month, in minor units (metrics.md section 2). In every month
// start + fresh + reactivation + expansion − contraction − churn = end.
struct RevenueMovements {
  struct Month {
    int64_t start = 0;
    int64_t fresh = 0;         // of customers that never paid before
    int64_t reactivation = 0;  // of customers that had paid before, but not at the start of the month
    int64_t expansion = 0;
    int64_t contraction = 0;
    int64_t churn = 0;
    int64_t end = 0;
    int64_t retained = 0;  // Σ over customers of the smaller of start and end
    int64_t start_customers = 0;
    int64_t fresh_customers = 0;
    int64_t reactivated_customers = 0;
    int64_t expanded_customers = 0;
    int64_t contracted_customers = 0;
    int64_t churned_customers = 0;
    int64_t end_customers = 0;
    void Merge(const Month& other);
  };
  std::vector<Month> months;          // from the first month of the question on
  int64_t other_currency_events = 0;  // matched, with an amount in another currency
  void Merge(const RevenueMovements& other);
};

// The values of a field.
struct ValueCounts {
  struct Value {
    std::string text;
    int64_t events = 0;
  };
  std::vector<Value> values;  // the most frequent, most frequent first, ties by text; at most as many as asked for
  int64_t value_count = 0;    // all that occur
  int64_t missing = 0;        // events without a value
};

// ---- Rows of customers ----------------------------------------------------------------------------------------------

// What a row takes of the room that there is for rows.
struct OneForEach {
  template <typename Row>
  size_t operator()(const Row& /*row*/) const {
    return 1;
  }
};

// A row for each customer, or, where the rows take more than `room`, for a sample: those whose StableHash is below
// 2^(64 − shift), with the smallest shift for which they do not. The sample depends on the customers and their rows
// alone, so that the order of Add and Merge never changes it. No row takes more than all the room.
template <typename Row, typename Takes = OneForEach>
class CustomerRows {
 public:
  struct Entry {
    std::string customer_id;
    Row row;
  };

  explicit CustomerRows(size_t room = 1 << 18) : room_(room) {}

  // Whether the row of this customer, which must be added in any case, may be empty, as it is not kept.
  bool IsLeftOut(absl::string_view customer_id) const { return !IsIn(StableHash(customer_id)); }

  // Each customer once.
  void Add(absl::string_view customer_id, Row row) {
    ++customers_;
    const uint64_t hash = StableHash(customer_id);
    if (IsIn(hash)) Insert(hash, {std::string(customer_id), std::move(row)});
  }
  void Merge(const CustomerRows& other) {
    customers_ += other.customers_;
    if (other.shift_ > shift_) Shrink(other.shift_);
    for (const auto& [key, entry] : other.rows_) {
      if (IsIn(key.first)) Insert(key.first, entry);
    }
  }

  // The same customers with these rows: entries() changed, each as large as before.
  CustomerRows With(std::vector<Entry> changed) const {
    CustomerRows out(room_);
    out.customers_ = customers_;
    out.shift_ = shift_;
    for (Entry& entry : changed) {
      const uint64_t hash = StableHash(entry.customer_id);
      out.Insert(hash, std::move(entry));
    }
    return out;
  }

  int64_t customers() const { return customers_; }  // all that were added
  int shift() const { return shift_; }              // 0: every customer has a row
  size_t size() const { return rows_.size(); }
  // Calls visit(customer_id, row) for each, by a hash of the id.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const auto& [key, entry] : rows_) visit(entry.customer_id, entry.row);
  }
  // By customer id.
  std::vector<Entry> entries() const {
    std::vector<Entry> out;
    for (const auto& [key, entry] : rows_) out.push_back(entry);
    std::sort(out.begin(), out.end(), [](const Entry& a, const Entry& b) { return a.customer_id < b.customer_id; });
    return out;
  }

 private:
  bool IsIn(uint64_t hash) const { return shift_ == 0 || hash >> (64 - shift_) == 0; }
  void Insert(uint64_t hash, Entry entry) {
    std::string id = entry.customer_id;
    taken_ += Takes()(entry.row);
    rows_.emplace(std::pair(hash, std::move(id)), std::move(entry));
    while (taken_ > room_) Shrink(shift_ + 1);
  }
  void Shrink(int shift) {
    shift_ = shift;
    const auto first = rows_.lower_bound({uint64_t{1} << (64 - shift), ""});
    for (auto row = first; row != rows_.end(); ++row) taken_ -= Takes()(row->second.row);
    rows_.erase(first, rows_.end());
  }

  size_t room_;
  size_t taken_ = 0;
  int64_t customers_ = 0;
  int shift_ = 0;
  std::map<std::pair<uint64_t, std::string>, Entry> rows_;  // by hash, then id
};

// What a customer bought, in whole days of the question's zone (metrics.md section 3).
struct PurchaseRow {
  int64_t frequency = 0;          // days with a purchase after the day of the first
  int64_t recency_days = 0;       // from the first such day to the last
  int64_t age_days = 0;           // from the first to the end of the observation
  int64_t value_minor = 0;        // of the `frequency` days after the first
  int64_t first_value_minor = 0;  // of the first day
  friend bool operator==(const PurchaseRow&, const PurchaseRow&) = default;
};
struct PurchaseSummary {
  CustomerRows<PurchaseRow> rows;
  void Merge(const PurchaseSummary& other) { rows.Merge(other.rows); }
};

// One number for each feature of the question. Without an event for it, counts, days and sums are 0, others absent.
struct CustomerFeatures {
  CustomerRows<std::vector<std::optional<double>>> rows;
  void Merge(const CustomerFeatures& other) { rows.Merge(other.rows); }
};

// Runs of customers event by event, for models that need more than counts. Names and texts stand once, in tables.
struct RunSample {
  static constexpr int32_t kMissing = -1;
  struct Visit {
    int32_t symbol = 0;  // in `symbols`
    int64_t time_micros = 0;
    std::optional<double> score;
    std::optional<int64_t> amount_minor;
    friend bool operator==(const Visit&, const Visit&) = default;
  };
  struct Run {
    std::vector<Visit> visits;    // in the order of events; at least one
    std::vector<int32_t> values;  // of each visit one for each field of the question, in `texts`; or kMissing
    friend bool operator==(const Run&, const Run&) = default;
  };
  // Of a customer no more are there: the first, run by run.
  static constexpr size_t kCustomerVisitsMax = 10'000;
  struct CustomerRuns {
    std::vector<Run> runs;  // in the order of their first events
    bool cut = false;       // there were more
    friend bool operator==(const CustomerRuns&, const CustomerRuns&) = default;
  };
  struct Visits {
    size_t operator()(const CustomerRuns& row) const;
  };

  std::vector<std::string> symbols;             // those that occur, sorted
  std::vector<std::vector<std::string>> texts;  // by field: those that occur, sorted
  CustomerRows<CustomerRuns, Visits> rows;      // of customers with a visit
  void Merge(const RunSample& other);
};

// ---- Maps -----------------------------------------------------------------------------------------------------------

// Where the runs through a map stand.
struct RunPositions {
  struct Counts {
    int64_t active = 0;
    int64_t completed = 0;
    int64_t abandoned = 0;
    int64_t stalled = 0;
    void Merge(const Counts& other);
  };
  struct Touchpoint {
    int64_t visits = 0;
    int64_t runs = 0;
    Counts positions;
    void Merge(const Touchpoint& other);
  };
  // Adjacent visits from one touchpoint to another.
  struct Transition {
    int64_t count = 0;
    int64_t runs = 0;  // runs with at least one
    DurationSketch durations;
    void Merge(const Transition& other);
  };
  std::vector<Touchpoint> touchpoints;                    // in the order of the query
  std::map<std::pair<int, int>, Transition> transitions;  // by touchpoint index
  int64_t runs = 0;
  void Merge(const RunPositions& other);
};

}  // namespace throughline
