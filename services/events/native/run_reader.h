// The runs of a partition as they are scanned: for each event the number of the selector that it matches, and its time.
// Belongs to one thread.
//
// A run is a customer's events, or those of them that agree in a correlation property. Readers hand out blocks of runs;
// a block lies in a core's cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"
#include "throughline/customer_set.h"

namespace throughline {

// What is read of the runs.
struct RunSource {
  const Selectors* selectors = nullptr;
  const PropertyColumn* correlation = nullptr;  // null: runs are whole customers
  const CustomerSet* customers = nullptr;       // null: all
  // Events at other times match nothing.
  int64_t start_micros = std::numeric_limits<int64_t>::min();
  int64_t end_micros = kEndOfTime;
};

// Run r has the positions [begin(r), end(r)). Time is uint32_t for seconds, int64_t for microseconds, since some moment
// that the partition's events share.
template <typename Number, typename Time>
struct RunBlock {
  static constexpr int64_t kMicrosPerTime = sizeof(Time) == sizeof(uint32_t) ? TimeColumn::kMicrosPerSecond : 1;

  uint32_t begin(uint32_t run) const { return offsets[run] - offsets[0]; }
  uint32_t end(uint32_t run) const { return offsets[run + 1] - offsets[0]; }
  // In the partition's columns.
  uint32_t place(uint32_t position) const { return places == nullptr ? first_place + position : places[position]; }
  int64_t micros(Time time) const { return base_micros + static_cast<int64_t>(time) * kMicrosPerTime; }
  bool InScope(uint32_t position) const { return in_scope == nullptr || in_scope[position] != 0; }

  const Number* numbers = nullptr;  // by position; kNoSelector: nothing
  const Time* times = nullptr;      // by position
  const uint32_t* offsets = nullptr;
  uint32_t runs = 0;
  uint32_t first_place = 0;
  uint32_t first_customer = 0;  // of the block, counted from the partition's
  const uint32_t* places = nullptr;
  int64_t base_micros = 0;
  const uint8_t* in_scope = nullptr;  // by position; null: everything is
};

// The selectors' numbers of single events in blocks; what All is for Selectors::Reader.
class RunReader {
 public:
  RunReader(const RunSource& source, const Partition& partition)
      : source_(source),
        partition_(partition),
        reader_(*source.selectors, partition),
        correlation_(source.correlation == nullptr ? nullptr : partition.property(*source.correlation)) {}

  // Calls f(block) until all runs have been read. Number: uint8_t or uint16_t for the first selector that matches,
  // uint64_t for a bit for each that does (nothing: 0).
  template <typename Number, typename F>
  void ForEachBlock(F&& f) {
    if (partition_.times().in_seconds) {
      ForEach<Number>(partition_.times().seconds.data(), partition_.times().base_seconds * TimeColumn::kMicrosPerSecond,
                      f);
    } else {
      ForEach<Number>(partition_.times().micros.data(), 0, f);
    }
  }

 private:
  // Events per block: numbers, masks and times of a block stay in the first two caches.
  static constexpr uint32_t kBlockEvents = 8192;

  template <typename Number>
  static constexpr Number kNothing = std::is_same_v<Number, uint64_t> ? Number{0} : kNoSelector<Number>;

  template <typename Number, typename Time, typename F>
  void ForEach(const Time* times, int64_t base_micros, F& f) {
    const uint32_t customers = partition_.customer_count();
    const uint32_t* offsets = partition_.offsets();
    const std::vector<uint8_t> chosen = Chosen();
    std::vector<Number> numbers;
    for (uint32_t from = NextChosen(chosen, 0, customers); from < customers;) {
      uint32_t to = from + 1;
      while (to < customers && offsets[to + 1] - offsets[from] <= kBlockEvents) ++to;
      while (!chosen.empty() && chosen[to - 1] == 0) --to;
      RunBlock<Number, Time> block;
      block.offsets = offsets + from;
      block.runs = to - from;
      block.first_place = offsets[from];
      block.first_customer = from;
      block.times = times + offsets[from];
      block.base_micros = base_micros;
      const uint32_t count = offsets[to] - offsets[from];
      if (numbers.size() < count) numbers.resize(count);
      block.numbers = Numbers(offsets[from], offsets[to], numbers.data());
      block.in_scope = reader_.in_scope();
      if (HasOtherTimes()) ForgetOtherTimes(block, count, numbers.data());
      if (!chosen.empty()) ForgetOthers(chosen.data() + from, block, count, numbers.data());
      if (source_.correlation == nullptr) {
        f(block);
      } else {
        CorrelatedBlock<Number, Time> correlated;
        f(Correlate(block, correlated));
      }
      from = NextChosen(chosen, to, customers);
    }
  }

  static uint32_t NextChosen(const std::vector<uint8_t>& chosen, uint32_t from, uint32_t end) {
    while (!chosen.empty() && from < end && chosen[from] == 0) ++from;
    return from;
  }

  template <typename Number>
  const Number* Numbers(uint32_t begin, uint32_t end, Number* out) {
    if constexpr (std::is_same_v<Number, uint64_t>) {
      reader_.All(begin, end, out);
      return out;
    } else {
      return reader_.template First<Number>(begin, end, out);
    }
  }

  bool HasOtherTimes() const {
    return partition_.times().first_micros < source_.start_micros ||
           (partition_.times().last_micros >= source_.end_micros && source_.end_micros != kEndOfTime);
  }

  template <typename Number, typename Time>
  void ForgetOtherTimes(RunBlock<Number, Time>& block, uint32_t count, Number* numbers) const {
    if (block.numbers != numbers) std::copy_n(block.numbers, count, numbers);
    block.numbers = numbers;
    for (uint32_t i = 0; i < count; ++i) {
      const int64_t micros = block.micros(block.times[i]);
      const bool inside =
          micros >= source_.start_micros && (micros < source_.end_micros || source_.end_micros == kEndOfTime);
      if (!inside) numbers[i] = kNothing<Number>;
    }
  }

  // Per customer, whether it is in the set; empty: all are.
  std::vector<uint8_t> Chosen() const {
    if (source_.customers == nullptr) return {};
    const uint32_t first = partition_.first_customer(), count = partition_.customer_count();
    std::vector<uint8_t> chosen(count, 0);
    source_.customers->ForEach(first, first + count, [&](uint32_t ordinal) { chosen[ordinal - first] = 1; });
    return chosen;
  }

  template <typename Number, typename Time>
  void ForgetOthers(const uint8_t* chosen, RunBlock<Number, Time>& block, uint32_t count, Number* numbers) {
    if (block.numbers != numbers) std::copy_n(block.numbers, count, numbers);
    block.numbers = numbers;
    if (scope_.size() < count) scope_.resize(count);
    if (block.in_scope == nullptr) {
      std::fill_n(scope_.begin(), count, 1);
    } else {
      std::copy_n(block.in_scope, count, scope_.begin());
    }
    for (uint32_t run = 0; run < block.runs; ++run) {
      if (chosen[run] != 0) continue;
      std::fill(numbers + block.begin(run), numbers + block.end(run), kNothing<Number>);
      std::fill(scope_.begin() + block.begin(run), scope_.begin() + block.end(run), 0);
    }
    block.in_scope = scope_.data();
  }

  template <typename Number, typename Time>
  struct CorrelatedBlock {
    std::vector<Number> numbers;
    std::vector<Time> times;
    std::vector<uint8_t> scope;
  };

  // The same events, those of each value of the property together.
  template <typename Number, typename Time>
  RunBlock<Number, Time> Correlate(const RunBlock<Number, Time>& block, CorrelatedBlock<Number, Time>& out) {
    const PackedColumn& codes = *correlation_;
    places_.clear();
    run_offsets_.assign(1, 0);
    for (uint32_t customer = 0; customer < block.runs; ++customer) {
      coded_.clear();
      for (uint32_t i = block.begin(customer); i < block.end(customer); ++i) {
        const auto code = static_cast<uint32_t>(codes[block.first_place + i]);
        if (code != kMissingCode) coded_.emplace_back(code, i);
      }
      // By value; within a value the positions, and so the order of the events, stay ascending.
      if (!std::is_sorted(coded_.begin(), coded_.end())) std::sort(coded_.begin(), coded_.end());
      for (size_t i = 0; i < coded_.size(); ++i) {
        if (i > 0 && coded_[i].first != coded_[i - 1].first)
          run_offsets_.push_back(static_cast<uint32_t>(places_.size()));
        const uint32_t position = coded_[i].second;
        out.numbers.push_back(block.numbers[position]);
        out.times.push_back(block.times[position]);
        if (block.in_scope != nullptr) out.scope.push_back(block.in_scope[position]);
        places_.push_back(block.first_place + position);
      }
      if (!coded_.empty()) run_offsets_.push_back(static_cast<uint32_t>(places_.size()));
    }
    RunBlock<Number, Time> correlated = block;
    correlated.numbers = out.numbers.data();
    correlated.times = out.times.data();
    correlated.offsets = run_offsets_.data();
    correlated.runs = static_cast<uint32_t>(run_offsets_.size() - 1);
    correlated.places = places_.data();
    if (block.in_scope != nullptr) correlated.in_scope = out.scope.data();
    return correlated;
  }

  const RunSource& source_;
  const Partition& partition_;
  Selectors::Reader reader_;
  const std::shared_ptr<const PackedColumn> correlation_;  // null: runs are whole customers
  std::vector<uint8_t> scope_;
  std::vector<std::pair<uint32_t, uint32_t>> coded_;  // code, position
  std::vector<uint32_t> places_;
  std::vector<uint32_t> run_offsets_;
};

}  // namespace throughline
