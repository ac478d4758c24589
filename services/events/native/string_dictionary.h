// Strings and the small numbers that stand for them in columns, in order of first appearance from 0.
//
// Encode and size belong to one thread at a time. Find is for any thread. `[]` is for any thread, for codes that were
// handed to it under a lock: strings never move.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "services/events/native/stable_vector.h"

namespace throughline {

class StringDictionary {
 public:
  // The code of the string; it gets one if it has none.
  uint32_t Encode(absl::string_view text) {
    // Neighbours in the log often agree: one compare instead of a hash.
    if (last_ < strings_.size() && strings_[last_] == text) return last_;
    if (const auto found = codes_.find(text); found != codes_.end()) return last_ = found->second;
    const std::unique_lock lock(mutex_);
    last_ = static_cast<uint32_t>(strings_.size());
    codes_.emplace(strings_.push_back(std::string(text)), last_);
    return last_;
  }

  std::optional<uint32_t> Find(absl::string_view text) const {
    const std::shared_lock lock(mutex_);
    const auto found = codes_.find(text);
    if (found == codes_.end()) return std::nullopt;
    return found->second;
  }

  const std::string& operator[](uint32_t code) const { return strings_[code]; }
  uint32_t size() const { return static_cast<uint32_t>(strings_.size()); }

 private:
  StableVector<std::string> strings_;
  // Held exclusively only where codes_ changes; the one thread that changes it may read it without.
  mutable std::shared_mutex mutex_;
  absl::flat_hash_map<absl::string_view, uint32_t> codes_;
  uint32_t last_ = 0;
};

}  // namespace throughline
