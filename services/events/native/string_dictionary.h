// Strings and the small numbers that stand for them in columns, in order of first appearance from 0. A string that is
// forgotten, as it was an erased customer's alone, gets another number when it appears again.
//
// Encode and size belong to one thread at a time. Find is for any thread. `[]` is for any thread, for codes that were
// handed to it under a lock: strings never move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/events/native/stable_vector.h"

namespace throughline {

class StringDictionary {
 public:
  StringDictionary() : codes_(0, Hash{&strings_}, Equal{&strings_}) {}

  // The code of the string; it gets one if it has none.
  uint32_t Encode(absl::string_view text) {
    // Neighbours in the log often agree: one compare instead of a hash.
    if (last_ < strings_.size() && strings_[last_] == text) return last_;
    if (const auto found = codes_.find(text); found != codes_.end()) return last_ = *found;
    const std::unique_lock lock(mutex_);
    last_ = static_cast<uint32_t>(strings_.size());
    strings_.push_back(std::string(text));
    codes_.insert(last_);
    return last_;
  }

  // Makes room for so many: a table that grows later looks at every string again, in no order.
  void Reserve(size_t count) {
    const std::unique_lock lock(mutex_);
    codes_.reserve(count);
  }

  // For many strings that are known to be new, or forgotten: these are empty. False if one was not, after which this is
  // no dictionary any more.
  bool Append(absl::Span<const absl::string_view> texts) {
    const std::unique_lock lock(mutex_);
    codes_.reserve(strings_.size() + texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i + kPrefetchAhead < texts.size()) codes_.prefetch(texts[i + kPrefetchAhead]);
      const auto code = static_cast<uint32_t>(strings_.size());
      strings_.push_back(std::string(texts[i]));
      if (texts[i].empty()) {
        forgotten_.insert(code);
      } else if (!codes_.insert(code).second) {
        return false;
      }
    }
    return true;
  }

  std::optional<uint32_t> Find(absl::string_view text) const {
    const std::shared_lock lock(mutex_);
    const auto found = codes_.find(text);
    if (found == codes_.end()) return std::nullopt;
    return *found;
  }

  // Nobody is given this code any more. Where it lies the string stays, for those who have the code. As Encode.
  void Forget(uint32_t code) {
    const std::unique_lock lock(mutex_);
    if (!forgotten_.insert(code).second) return;
    codes_.erase(code);
    if (last_ == code) last_ = kNoCode;
  }
  // What a file may have of it: nothing of a string that was forgotten. Any thread.
  absl::string_view Kept(uint32_t code) const {
    const std::shared_lock lock(mutex_);
    return forgotten_.contains(code) ? absl::string_view() : strings_[code];
  }
  bool IsForgotten(uint32_t code) const {
    const std::shared_lock lock(mutex_);
    return forgotten_.contains(code);
  }

  const std::string& operator[](uint32_t code) const { return strings_[code]; }
  uint32_t size() const { return static_cast<uint32_t>(strings_.size()); }

 private:
  static constexpr size_t kPrefetchAhead = 8;  // cache misses that go on at a time
  static constexpr uint32_t kNoCode = 0xffffffff;

  // The table holds codes only, and looks at the strings that they stand for: a fifth of what it takes with them.
  struct Hash {
    using is_transparent = void;
    const StableVector<std::string>* strings;
    size_t operator()(uint32_t code) const { return (*this)((*strings)[code]); }
    size_t operator()(absl::string_view text) const { return absl::Hash<absl::string_view>()(text); }
  };
  struct Equal {
    using is_transparent = void;
    const StableVector<std::string>* strings;
    bool operator()(uint32_t a, uint32_t b) const { return (*strings)[a] == (*strings)[b]; }
    bool operator()(uint32_t a, absl::string_view b) const { return (*strings)[a] == b; }
  };

  StableVector<std::string> strings_;
  // Held exclusively only where what follows changes; the one thread that changes it may read it without.
  mutable std::shared_mutex mutex_;
  absl::flat_hash_set<uint32_t, Hash, Equal> codes_;  // of those that are not forgotten
  absl::flat_hash_set<uint32_t> forgotten_;
  uint32_t last_ = 0;
};

}  // namespace throughline
