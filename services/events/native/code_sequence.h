// Codes one after the other, in chunks of which each is as narrow as its codes allow. As StableVector: one thread at a
// time adds; any number read what was there when they were told of it under a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "services/events/native/stable_vector.h"

namespace throughline {

class CodeSequence {
 public:
  static constexpr size_t kChunkCodes = 4096;

  struct Chunk {
    int width = 1;  // bytes of a code: 1, 2 or 4
    const uint8_t* bytes = nullptr;

    uint32_t operator[](size_t i) const {
      switch (width) {
        case 1:
          return bytes[i];
        case 2:
          return reinterpret_cast<const uint16_t*>(bytes)[i];
        default:
          return reinterpret_cast<const uint32_t*>(bytes)[i];
      }
    }
  };

  size_t size() const { return size_; }
  uint32_t operator[](size_t i) const { return chunk(i / kChunkCodes)[i % kChunkCodes]; }
  // Complete if (i + 1) × kChunkCodes codes are there.
  const Chunk& chunk(size_t i) const { return *chunks_[i].chunk.load(std::memory_order_acquire); }

  void push_back(uint32_t code) {
    const size_t at = size_ % kChunkCodes;
    if (at == 0) {
      chunks_.push_back(Slot(Own(std::max(width_, WidthOf(code)))));
    } else if (WidthOf(code) > width_) {
      Widen(WidthOf(code), at);
    }
    Put(own_.back().second.get(), width_, at, code);
    ++size_;
  }

  // A whole chunk, where only whole ones are. Its bytes live as long as `keeper`.
  void AppendChunk(std::shared_ptr<const void> keeper, const Chunk& chunk) {
    if (keepers_.empty() || keepers_.back() != keeper) keepers_.push_back(std::move(keeper));
    width_ = chunk.width;
    own_.emplace_back(std::make_unique<Chunk>(chunk), nullptr);
    chunks_.push_back(Slot(own_.back().first.get()));
    size_ += kChunkCodes;
  }

 private:
  struct Slot {
    Slot() = default;
    explicit Slot(const Chunk* first) : chunk(first) {}
    Slot& operator=(Slot&& other) noexcept {
      chunk.store(other.chunk.load(std::memory_order_relaxed), std::memory_order_release);
      return *this;
    }
    std::atomic<const Chunk*> chunk = nullptr;
  };

  static int WidthOf(uint32_t code) { return code <= 0xff ? 1 : code <= 0xffff ? 2 : 4; }
  static void Put(uint8_t* bytes, int width, size_t at, uint32_t code) {
    // Little-endian: the low bytes come first.
    std::memcpy(bytes + at * static_cast<size_t>(width), &code, static_cast<size_t>(width));
  }

  const Chunk* Own(int width) {
    width_ = width;
    auto bytes = std::make_unique<uint8_t[]>(kChunkCodes * static_cast<size_t>(width));
    own_.emplace_back(std::make_unique<Chunk>(Chunk{width, bytes.get()}), nullptr);
    own_.back().second = std::move(bytes);
    return own_.back().first.get();
  }

  // The narrower one stays for those who read it: there are two such in a sequence's life.
  void Widen(int width, size_t count) {
    const size_t last = size_ / kChunkCodes;
    const Chunk& narrow = chunk(last);
    const Chunk* const wide = Own(width);
    for (size_t i = 0; i < count; ++i) Put(own_.back().second.get(), width, i, narrow[i]);
    chunks_[last].chunk.store(wide, std::memory_order_release);
  }

  StableVector<Slot> chunks_;
  std::vector<std::pair<std::unique_ptr<const Chunk>, std::unique_ptr<uint8_t[]>>> own_;  // bytes null: a keeper's
  std::vector<std::shared_ptr<const void>> keepers_;
  size_t size_ = 0;
  int width_ = 1;  // of the last chunk
};

}  // namespace throughline
