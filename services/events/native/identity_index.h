// Which recorded event may have an identity: hash of (source, id) → sequence. Proves absence; presence is checked
// against the log. Not thread-safe: the store's writer owns it.
//
// Two identities with the same hash are chained: the second stands under hash + 1, and so on. Nothing is removed from
// the middle of a chain.
#pragma once

#include <array>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace throughline {

class IdentityIndex {
 public:
  static uint64_t HashOf(absl::string_view source, absl::string_view id) {
    return absl::Hash<std::pair<absl::string_view, absl::string_view>>()({source, id});
  }

  // 0 if there is none.
  int64_t Find(uint64_t hash) const {
    const Shard& shard = shards_[hash >> kShardShift];
    const auto found = shard.find(hash);
    return found == shard.end() ? 0 : found->second;
  }
  void Insert(uint64_t hash, int64_t sequence) { shards_[hash >> kShardShift].emplace(hash, sequence); }
  // Undoes the last Insert of a chain.
  void Remove(uint64_t hash) { shards_[hash >> kShardShift].erase(hash); }

 private:
  using Shard = absl::flat_hash_map<uint64_t, int64_t>;
  // Sharded so that no single growth stops the writer for long: at 100 M events a shard rehashes 1.5 M entries.
  static constexpr int kShardShift = 58;
  std::array<Shard, 64> shards_;
};

}  // namespace throughline
