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
#include <random>
#include <shared_mutex>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/events/native/code_table.h"
#include "services/events/native/stable_hash.h"
#include "services/events/native/stable_vector.h"

namespace throughline {

class StringDictionary {
 public:
  // The code of the string; it gets one if it has none.
  uint32_t Encode(absl::string_view text) {
    // Neighbours in the log often agree: one compare instead of a hash.
    if (last_ < strings_.size() && strings_[last_] == text) return last_;
    const uint32_t hash = HashOf(text);
    if (const uint32_t found = FindCode(hash, text); found != CodeTable::kNone) return last_ = found;
    const std::unique_lock lock(mutex_);
    last_ = static_cast<uint32_t>(strings_.size());
    strings_.push_back(std::string(text));
    codes_.Insert(hash, last_);
    return last_;
  }

  // Encode in three steps, so that those of many strings can be under way together: by its thread.
  static uint32_t HashOf(absl::string_view text) {
    return static_cast<uint32_t>(StableHash(text.data(), text.size(), kSeed));
  }
  void PrefetchCode(uint32_t hash) const { codes_.Prefetch(hash); }
  void PrefetchString(uint32_t hash) const {
    if (const uint32_t code = codes_.Guess(hash); code != CodeTable::kNone) __builtin_prefetch(&strings_[code]);
  }

  // Makes room for so many: a table that grows later looks at every string again, in no order.
  void Reserve(size_t count) {
    const std::unique_lock lock(mutex_);
    codes_.Reserve(count);
  }

  // For many strings that are known to be new, or forgotten: these are empty. False if one was not, after which this is
  // no dictionary any more.
  bool Append(absl::Span<const absl::string_view> texts) {
    const std::unique_lock lock(mutex_);
    codes_.Reserve(strings_.size() + texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i + kPrefetchAhead < texts.size()) codes_.Prefetch(HashOf(texts[i + kPrefetchAhead]));
      const auto code = static_cast<uint32_t>(strings_.size());
      if (texts[i].empty()) {
        forgotten_.insert(code);
      } else {
        const uint32_t hash = HashOf(texts[i]);
        if (FindCode(hash, texts[i]) != CodeTable::kNone) return false;
        codes_.Insert(hash, code);
      }
      strings_.push_back(std::string(texts[i]));
    }
    return true;
  }

  std::optional<uint32_t> Find(absl::string_view text) const {
    const std::shared_lock lock(mutex_);
    const uint32_t code = FindCode(HashOf(text), text);
    if (code == CodeTable::kNone) return std::nullopt;
    return code;
  }

  // Nobody is given this code any more. Where it lies the string stays, for those who have the code. As Encode.
  void Forget(uint32_t code) {
    const std::unique_lock lock(mutex_);
    if (!forgotten_.insert(code).second) return;
    codes_.Erase(HashOf(strings_[code]), code);
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
  // Another one in every process, so that nobody can prepare strings that collide.
  static inline const uint64_t kSeed = uint64_t{std::random_device()()} << 32 | std::random_device()();
  static constexpr size_t kPrefetchAhead = 8;  // cache misses that go on at a time
  static constexpr uint32_t kNoCode = 0xffffffff;

  uint32_t FindCode(uint32_t hash, absl::string_view text) const {
    return codes_.Find(hash, [&](uint32_t code) { return strings_[code] == text; });
  }

  StableVector<std::string> strings_;
  // Held exclusively only where what follows changes; the one thread that changes it may read it without.
  mutable std::shared_mutex mutex_;
  CodeTable codes_;  // of those that are not forgotten
  absl::flat_hash_set<uint32_t> forgotten_;
  uint32_t last_ = 0;
};

}  // namespace throughline
