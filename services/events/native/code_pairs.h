// Small consecutive numbers for the pairs of codes that occur, found without hashing while the codes are few.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace throughline {

class CodePairs {
 public:
  // There are `count` like this one: they share the room for tables.
  CodePairs(uint32_t first_codes, uint32_t second_codes, int count = 1) : second_codes_(second_codes) {
    const uint64_t product = static_cast<uint64_t>(first_codes) * second_codes;
    if (product <= kTableMax / static_cast<uint64_t>(count)) table_.assign(product, kNone);
  }

  // The number of the pair, from 0 in order of first appearance.
  uint32_t Number(uint32_t first, uint32_t second) {
    const uint64_t key = static_cast<uint64_t>(first) * second_codes_ + second;
    uint32_t& number = table_.empty() ? numbers_.try_emplace(key, kNone).first->second : table_[key];
    if (number == kNone) {
      number = static_cast<uint32_t>(pairs_.size());
      pairs_.emplace_back(first, second);
    }
    return number;
  }

  const std::vector<std::pair<uint32_t, uint32_t>>& pairs() const { return pairs_; }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  static constexpr uint64_t kTableMax = 1 << 20;  // 4 MB per thread and query

  const uint64_t second_codes_;
  std::vector<uint32_t> table_;
  absl::flat_hash_map<uint64_t, uint32_t> numbers_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
};

}  // namespace throughline
