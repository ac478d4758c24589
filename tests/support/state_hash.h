// A hash of everything that a snapshot says, by customers' ids and texts: the same for the same events in whatever
// order they were recorded, and however they came into memory. Pure functions; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "services/events/native/dictionaries.h"
#include "services/events/native/snapshot.h"
#include "services/events/native/stable_hash.h"

namespace throughline::testing {

class StateHash {
 public:
  void Add(int64_t value) { state_ = StableHash(&value, sizeof(value), state_); }
  void Add(const std::string& text) { state_ = StableHash(text.data(), text.size(), state_ + 1); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0;
};

// Of one customer's events, in their order.
inline uint64_t CustomerHash(const Snapshot& snapshot, const Partition& partition, uint32_t i,
                             const Dictionaries& dictionaries) {
  // Whose events are elsewhere leaves nothing behind.
  if (partition.offset(i) == partition.offset(i + 1)) return 0;
  StateHash hash;
  hash.Add(snapshot.NameOf(partition.first_customer() + i, dictionaries));
  for (uint32_t k = partition.offset(i); k < partition.offset(i + 1); ++k) {
    hash.Add(partition.times()[k]);
    hash.Add(partition.columns().source_sequences[k]);
    for (int column = 0; column < kCodeColumnCount; ++column) {
      const auto code = static_cast<uint32_t>(partition.codes(static_cast<CodeColumn>(column))[k]);
      hash.Add(dictionaries.codes[column][code]);
    }
    const uint8_t score = partition.scores() == nullptr ? kNoScore : partition.scores()[k];
    hash.Add(score);
    if (score == kOddScore) hash.Add(std::bit_cast<int64_t>(*partition.odd_scores().Find(k)));
    const int64_t* const amount = partition.amounts().Find(k);
    hash.Add(int64_t{amount != nullptr});
    if (amount != nullptr) hash.Add(*amount);
  }
  return hash.value();
}

inline uint64_t HashState(const Snapshot& snapshot, const Dictionaries& dictionaries) {
  StateHash hash;
  hash.Add(snapshot.watermark);
  hash.Add(snapshot.events);
  hash.Add(snapshot.customers);
  hash.Add(snapshot.first_time_micros);
  hash.Add(snapshot.last_time_micros);
  uint64_t names = 0;
  for (uint32_t code = 0; code < snapshot.name_counts.size(); ++code) {
    StateHash name;
    name.Add(dictionaries.names()[code]);
    name.Add(snapshot.name_counts[code]);
    if (snapshot.name_counts[code] != 0) names += name.value();
  }
  hash.Add(static_cast<int64_t>(names));
  uint64_t customers = 0, rows = 0;
  for (size_t p = 0; p < snapshot.partitions.size(); ++p) {
    const std::shared_ptr<const Partition> whole = *snapshot.At(p);
    const Partition& partition = *whole;
    for (uint32_t i = 0; i < partition.customer_count(); ++i) {
      customers += CustomerHash(snapshot, partition, i, dictionaries);
    }
    // Every place in the log once.
    for (uint32_t k = 0; k < partition.size(); ++k) {
      const int64_t row = partition.rows()[k];
      rows += StableHash(&row, sizeof(row), 0);
    }
  }
  hash.Add(static_cast<int64_t>(customers));
  hash.Add(static_cast<int64_t>(rows));
  return hash.value();
}

}  // namespace throughline::testing
