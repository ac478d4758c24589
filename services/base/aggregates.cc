#include "throughline/aggregates.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <iterator>

#include "xxhash.h"

namespace throughline {
namespace {

template <typename Key, typename Value>
void MergeInto(std::map<Key, Value>& into, const std::map<Key, Value>& from) {
  for (const auto& [key, value] : from) {
    if constexpr (std::is_integral_v<Value>) {
      into[key] += value;
    } else {
      into[key].Merge(value);
    }
  }
}

// Element by element; the shorter one continues with zeros.
template <typename T>
void AddTo(std::vector<T>& into, const std::vector<T>& from) {
  if (into.size() < from.size()) into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) into[i] += from[i];
}

}  // namespace

uint64_t StableHash(absl::string_view text) { return XXH64(text.data(), text.size(), 0); }

// ---- DurationSketch -------------------------------------------------------------------------------------------------

// Integer arithmetic only, so that every machine and every order of merging gives the same bins.
int64_t DurationSketch::BinValue(int32_t bin) {
  const int32_t steps = 1 << kStepBits;
  if (bin < 2 * steps) return bin;
  const int shift = bin / steps - 1;
  const int64_t low = static_cast<int64_t>(bin - shift * steps) << shift;
  return low + (int64_t{1} << (shift - 1));
}

void DurationSketch::Add(int64_t micros) {
  assert(micros >= 0);
  micros = std::max<int64_t>(micros, 0);
  ++count_;
  sorted_ = sorted_ && (values_.empty() || values_.back() <= micros);
  values_.push_back(micros);
  if (!exact() && values_.size() >= static_cast<size_t>(kExactMax)) Collapse();
}

void DurationSketch::AddBin(int32_t bin, int64_t count) {
  count_ += count;
  Collapse();
  if (!bins_.empty() && bins_.back().first >= bin) return AddBins({{bin, count}});
  bins_.emplace_back(bin, count);
}

const std::vector<int64_t>& DurationSketch::values() const {
  assert(exact());
  if (!sorted_) {
    std::sort(values_.begin(), values_.end());
    sorted_ = true;
  }
  return values_;
}

const std::vector<std::pair<int32_t, int64_t>>& DurationSketch::bins() const {
  assert(!exact());
  Collapse();
  return bins_;
}

void DurationSketch::Merge(const DurationSketch& other) {
  if (&other == this) {
    Merge(DurationSketch(other));
    return;
  }
  count_ += other.count_;
  values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  sorted_ = sorted_ && other.values_.empty();
  if (exact()) return;
  Collapse();
  AddBins(other.bins_);
}

// Puts the values into bins.
void DurationSketch::Collapse() const {
  if (values_.empty()) return;
  if (!sorted_) std::sort(values_.begin(), values_.end());
  std::vector<std::pair<int32_t, int64_t>> bins;
  for (const int64_t value : values_) {
    const int32_t bin = BinOf(value);
    if (bins.empty() || bins.back().first != bin) bins.emplace_back(bin, 0);
    ++bins.back().second;
  }
  values_ = {};
  sorted_ = true;
  AddBins(bins);
}

void DurationSketch::AddBins(const std::vector<std::pair<int32_t, int64_t>>& bins) const {
  if (bins.empty()) return;
  std::vector<std::pair<int32_t, int64_t>> merged;
  merged.reserve(bins_.size() + bins.size());
  auto left = bins_.begin();
  for (const auto& [bin, count] : bins) {
    while (left != bins_.end() && left->first < bin) merged.push_back(*left++);
    const bool same = left != bins_.end() && left->first == bin;
    merged.emplace_back(bin, count + (same ? left->second : 0));
    left += same;
  }
  merged.insert(merged.end(), left, bins_.end());
  bins_ = std::move(merged);
}

int64_t DurationSketch::RankOf(double q) const {
  // The factor keeps 0.55 · 100 = 55.00000000000001 at rank 54, where arithmetic without rounding has it.
  const double last_rank = static_cast<double>(count_ - 1);
  const double rank = std::ceil(q * static_cast<double>(count_) * (1 - 1e-12)) - 1;
  return static_cast<int64_t>(std::clamp(rank, 0.0, last_rank));
}

int64_t DurationSketch::Quantile(double q) const {
  assert(count_ > 0);
  int64_t left = RankOf(q);
  if (exact()) return values()[static_cast<size_t>(left)];
  for (const auto& [bin, count] : bins()) {
    if (left < count) return BinValue(bin);
    left -= count;
  }
  return BinValue(bins_.back().first);
}

// ---- The others: sums -----------------------------------------------------------------------------------------------

void VolumeAggregate::Merge(const VolumeAggregate& other) {
  events += other.events;
  customers += other.customers;
}

void ScoreHistogram::Merge(const ScoreHistogram& other_histogram) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other_histogram.counts[i];
  other += other_histogram.other;
  missing += other_histogram.missing;
}

void StepReach::Merge(const StepReach& other) {
  AddTo(reached, other.reached);
  durations.resize(std::max(durations.size(), other.durations.size()));
  for (size_t i = 0; i < other.durations.size(); ++i) durations[i].Merge(other.durations[i]);
  runs += other.runs;
  immature += other.immature;
}

void PairAggregate::Merge(const PairAggregate& other) {
  entered += other.entered;
  converted += other.converted;
  immature += other.immature;
  negative += other.negative;
  target_only += other.target_only;
  durations.Merge(other.durations);
}

void TransitionGraph::Node::Merge(const Node& other) {
  events += other.events;
  runs += other.runs;
  starts += other.starts;
  ends += other.ends;
  place_millionths += other.place_millionths;
  MergeInto(channels, other.channels);
  MergeInto(departments, other.departments);
}

void TransitionGraph::Edge::Merge(const Edge& other) {
  count += other.count;
  duration_micros += other.duration_micros;
  durations.Merge(other.durations);
}

void TransitionGraph::Merge(const TransitionGraph& other) {
  MergeInto(nodes, other.nodes);
  MergeInto(edges, other.edges);
  events += other.events;
  runs += other.runs;
}

uint32_t VariantCounts::BucketOf(const Variant& variant) {
  uint64_t hash = 0, power = 1;
  for (const std::string& symbol : variant) hash += StableHash(symbol) * (power *= kPower);
  return BucketOfHash(hash);
}

void VariantCounts::Merge(const VariantCounts& other) {
  AddTo(bucket_runs, other.bucket_runs);
  MergeInto(variants, other.variants);
  runs += other.runs;
}

void CohortMatrix::Cohort::Merge(const Cohort& other) {
  customers += other.customers;
  AddTo(active, other.active);
}

void CohortMatrix::Merge(const CohortMatrix& other) { MergeInto(cohorts, other.cohorts); }

void StageTimes::Stage::Merge(const Stage& other) {
  entered += other.entered;
  ended.Merge(other.ended);
  inside.Merge(other.inside);
  inside_count += other.inside_count;
  const auto middle = static_cast<std::ptrdiff_t>(collected.size());
  collected.insert(collected.end(), other.collected.begin(), other.collected.end());
  std::inplace_merge(collected.begin(), collected.begin() + middle, collected.end());
}

void StageTimes::Merge(const StageTimes& other) {
  stages.resize(std::max(stages.size(), other.stages.size()));
  for (size_t i = 0; i < other.stages.size(); ++i) stages[i].Merge(other.stages[i]);
  runs += other.runs;
}

void RevenueMovements::Month::Merge(const Month& other) {
  start += other.start;
  fresh += other.fresh;
  reactivation += other.reactivation;
  expansion += other.expansion;
  contraction += other.contraction;
  churn += other.churn;
  end += other.end;
  retained += other.retained;
  start_customers += other.start_customers;
  fresh_customers += other.fresh_customers;
  reactivated_customers += other.reactivated_customers;
  expanded_customers += other.expanded_customers;
  contracted_customers += other.contracted_customers;
  churned_customers += other.churned_customers;
  end_customers += other.end_customers;
}

void RevenueMovements::Merge(const RevenueMovements& other) {
  months.resize(std::max(months.size(), other.months.size()));
  for (size_t i = 0; i < other.months.size(); ++i) months[i].Merge(other.months[i]);
  other_currency_events += other.other_currency_events;
}

size_t RunSample::Visits::operator()(const CustomerRuns& row) const {
  size_t visits = 0;
  for (const Run& run : row.runs) visits += run.visits.size();
  return visits;
}

namespace {

// The sorted union; `ours` and `theirs`: the new number of each of the old.
std::vector<std::string> United(const std::vector<std::string>& a, const std::vector<std::string>& b,
                                std::vector<int32_t>& ours, std::vector<int32_t>& theirs) {
  std::vector<std::string> out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  const auto number = [&](const std::string& text) {
    return static_cast<int32_t>(std::lower_bound(out.begin(), out.end(), text) - out.begin());
  };
  for (const std::string& text : a) ours.push_back(number(text));
  for (const std::string& text : b) theirs.push_back(number(text));
  return out;
}

struct Renumbering {
  std::vector<int32_t> symbols;
  std::vector<std::vector<int32_t>> texts;
};

CustomerRows<RunSample::CustomerRuns, RunSample::Visits> Renumbered(
    const CustomerRows<RunSample::CustomerRuns, RunSample::Visits>& rows, const Renumbering& numbers) {
  auto entries = rows.entries();
  for (auto& entry : entries) {
    for (RunSample::Run& run : entry.row.runs) {
      for (RunSample::Visit& visit : run.visits) visit.symbol = numbers.symbols[static_cast<size_t>(visit.symbol)];
      for (size_t i = 0; i < run.values.size(); ++i) {
        const auto& texts = numbers.texts[i % numbers.texts.size()];
        if (run.values[i] != RunSample::kMissing) run.values[i] = texts[static_cast<size_t>(run.values[i])];
      }
    }
  }
  return rows.With(std::move(entries));
}

}  // namespace

void RunSample::Merge(const RunSample& other) {
  Renumbering ours, theirs;
  symbols = United(symbols, other.symbols, ours.symbols, theirs.symbols);
  texts.resize(std::max(texts.size(), other.texts.size()));
  ours.texts.resize(texts.size());
  theirs.texts.resize(texts.size());
  for (size_t f = 0; f < texts.size(); ++f) {
    const std::vector<std::string> none;
    texts[f] = United(texts[f], f < other.texts.size() ? other.texts[f] : none, ours.texts[f], theirs.texts[f]);
  }
  rows = Renumbered(rows, ours);
  rows.Merge(Renumbered(other.rows, theirs));
}

void RunPositions::Counts::Merge(const Counts& other) {
  active += other.active;
  completed += other.completed;
  abandoned += other.abandoned;
  stalled += other.stalled;
}

void RunPositions::Touchpoint::Merge(const Touchpoint& other) {
  visits += other.visits;
  runs += other.runs;
  positions.Merge(other.positions);
}

void RunPositions::Transition::Merge(const Transition& other) {
  count += other.count;
  runs += other.runs;
  durations.Merge(other.durations);
}

void RunPositions::Merge(const RunPositions& other) {
  touchpoints.resize(std::max(touchpoints.size(), other.touchpoints.size()));
  for (size_t i = 0; i < other.touchpoints.size(); ++i) touchpoints[i].Merge(other.touchpoints[i]);
  MergeInto(transitions, other.transitions);
  runs += other.runs;
}

}  // namespace throughline
