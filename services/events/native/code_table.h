// Codes by the hash of what they stand for: a table whose look-ups can be prepared some time ahead, so that the cache
// misses of many go on together. It never looks at the strings: growing costs no look at any of them. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace throughline {

class CodeTable {
 public:
  static constexpr uint32_t kNone = 0xffffffff;

  // The first code with this hash for which is_it(code); kNone if there is none.
  template <typename IsIt>
  uint32_t Find(uint32_t hash, const IsIt& is_it) const {
    if (slots_.empty()) return kNone;
    for (size_t i = hash & mask_; slots_[i].code != kNone; i = (i + 1) & mask_) {
      if (slots_[i].hash == hash && slots_[i].code != kGone && is_it(slots_[i].code)) return slots_[i].code;
    }
    return kNone;
  }
  // Brings what Find reads first into the processor's cache.
  void Prefetch(uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_]);
  }
  // The code that Find will mostly find.
  uint32_t Guess(uint32_t hash) const {
    return Find(hash, [](uint32_t) { return true; });
  }

  // One that is not there.
  void Insert(uint32_t hash, uint32_t code) {
    Reserve(used_ + 1);
    Put(hash, code);
  }
  void Erase(uint32_t hash, uint32_t code) {
    if (slots_.empty()) return;
    for (size_t i = hash & mask_; slots_[i].code != kNone; i = (i + 1) & mask_) {
      if (slots_[i].hash != hash || slots_[i].code != code) continue;
      slots_[i].code = kGone;  // what follows stays where it is looked for
      return;
    }
  }
  // Room for so many, those that were erased among them.
  void Reserve(size_t count) {
    size_t size = slots_.empty() ? kSlotsMin : slots_.size();
    while (size - size / 4 < count) size *= 2;
    if (size == slots_.size()) return;
    std::vector<Slot> old(size);
    old.swap(slots_);
    mask_ = size - 1;
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.code != kNone && slot.code != kGone) Put(slot.hash, slot.code);
    }
  }

 private:
  static constexpr uint32_t kGone = 0xfffffffe;
  static constexpr size_t kSlotsMin = 16;
  struct Slot {
    uint32_t hash = 0;
    uint32_t code = kNone;
  };

  void Put(uint32_t hash, uint32_t code) {
    size_t i = hash & mask_;
    while (slots_[i].code != kNone) i = (i + 1) & mask_;
    slots_[i] = {hash, code};
    ++used_;
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;  // with those that were erased
};

}  // namespace throughline
