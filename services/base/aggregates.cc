#include "throughline/aggregates.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace throughline {
namespace {

// Linear steps per power of two: half a step is at most 1/512 of the value, below kRelativeErrorMax.
constexpr int kStepBits = 8;

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

}  // namespace

// ---- DurationSketch -------------------------------------------------------------------------------------------------

// Integer arithmetic only, so that every machine and every order of merging gives the same bins.
int32_t DurationSketch::Bin(int64_t micros) {
  const auto value = static_cast<uint64_t>(micros);
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - (kStepBits + 1));
  return static_cast<int32_t>((shift << kStepBits) + static_cast<int64_t>(value >> shift));
}

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
  if (!exact()) {
    Collapse();
    ++bins_[Bin(micros)];
    return;
  }
  sorted_ = sorted_ && (values_.empty() || values_.back() <= micros);
  values_.push_back(micros);
}

void DurationSketch::Merge(const DurationSketch& other) {
  if (&other == this) {
    Merge(DurationSketch(other));
    return;
  }
  if (other.count_ == 0) return;
  count_ += other.count_;
  if (exact()) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    sorted_ = false;
    return;
  }
  Collapse();
  for (const int64_t value : other.values_) ++bins_[Bin(value)];
  MergeInto(bins_, other.bins_);
}

void DurationSketch::Collapse() {
  for (const int64_t value : values_) ++bins_[Bin(value)];
  values_ = {};
  sorted_ = true;
}

int64_t DurationSketch::Quantile(double q) const {
  assert(count_ > 0);
  // The factor keeps 0.55 · 100 = 55.00000000000001 at rank 54, where arithmetic without rounding has it.
  const double last_rank = static_cast<double>(count_ - 1);
  const double rank = std::ceil(q * static_cast<double>(count_) * (1 - 1e-12)) - 1;
  auto left = static_cast<int64_t>(std::clamp(rank, 0.0, last_rank));
  if (exact()) {
    if (!sorted_) {
      std::sort(values_.begin(), values_.end());
      sorted_ = true;
    }
    return values_[static_cast<size_t>(left)];
  }
  for (const auto& [bin, count] : bins_) {
    if (left < count) return BinValue(bin);
    left -= count;
  }
  return BinValue(bins_.rbegin()->first);
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
  reached.resize(std::max(reached.size(), other.reached.size()));
  for (size_t i = 0; i < other.reached.size(); ++i) reached[i] += other.reached[i];
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
  durations.Merge(other.durations);
}

void TransitionGraph::Merge(const TransitionGraph& other) {
  MergeInto(nodes, other.nodes);
  MergeInto(edges, other.edges);
  events += other.events;
  runs += other.runs;
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
