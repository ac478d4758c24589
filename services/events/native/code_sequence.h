// Codes one after the other, in chunks of which each is as narrow as its codes allow. As StableVector: one thread at a
// time adds; any number read what was there when they were told of it under a lock, with Reading held.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
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
    Put(held_.back().bytes.get(), width_, at, code);
    ++size_;
  }

  // The memory of chunks does not go away while this is held. Nobody waits for it to be given.
  class Reader;
  Reader Reading() const;

  // Chunks whose bytes live as long as `keeper`.
  struct KeptChunks {
    std::shared_ptr<const void> keeper;
    std::vector<Chunk> chunks;
  };
  // All that a new sequence has.
  void Start(KeptChunks kept) {
    for (const Chunk& chunk : kept.chunks) {
      width_ = chunk.width;
      held_.push_back({std::make_unique<Chunk>(chunk), nullptr});
      chunks_.push_back(Slot(held_.back().chunk.get()));
      size_ += kChunkCodes;
    }
    keeper_ = std::move(kept.keeper);
  }

  // What chunks lay in.
  class Memory;
  // Puts chunks with the same codes in the place of the first ones, which lie elsewhere then. What they lay in must not
  // go away before AwaitReaders has returned. By the one who adds.
  Memory Replace(KeptChunks kept);
  // Waits for those who may read what was replaced, and not for those who come later. One thread at a time.
  void AwaitReaders() const;

  size_t owned_bytes() const {
    size_t bytes = 0;
    for (const Held& held : held_) {
      if (held.bytes != nullptr) bytes += kChunkCodes * static_cast<size_t>(held.chunk->width);
    }
    return bytes;
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

  struct Held {
    std::unique_ptr<const Chunk> chunk;
    std::unique_ptr<uint8_t[]> bytes;  // null: the keeper's
  };

  const Chunk* Own(int width) {
    width_ = width;
    auto bytes = std::make_unique<uint8_t[]>(kChunkCodes * static_cast<size_t>(width));
    held_.push_back({std::make_unique<Chunk>(Chunk{width, bytes.get()}), nullptr});
    held_.back().bytes = std::move(bytes);
    return held_.back().chunk.get();
  }

  // The narrower one stays for those who read it: there are two such in a sequence's life.
  void Widen(int width, size_t count) {
    const size_t last = size_ / kChunkCodes;
    narrow_.push_back(std::move(held_.back()));
    held_.pop_back();
    const Chunk& narrow = *narrow_.back().chunk;
    const Chunk* const wide = Own(width);
    for (size_t i = 0; i < count; ++i) Put(held_.back().bytes.get(), width, i, narrow[i]);
    chunks_[last].chunk.store(wide, std::memory_order_release);
  }

  StableVector<Slot> chunks_;
  std::vector<Held> held_;    // by chunk
  std::vector<Held> narrow_;  // the narrower ones
  std::shared_ptr<const void> keeper_;
  // Readers are counted in one place or the other by whether the generation is even.
  mutable std::atomic<uint32_t> generation_ = 0;
  mutable std::array<std::atomic<int>, 2> readers_ = {};
  size_t size_ = 0;
  int width_ = 1;  // of the last chunk
};

class CodeSequence::Reader {
 public:
  explicit Reader(const CodeSequence& of) : of_(of) {
    // Whoever waits for a generation must find all who read in it.
    for (;;) {
      generation_ = of.generation_;
      ++of.readers_[generation_ % 2];
      if (of.generation_ == generation_) return;
      --of.readers_[generation_ % 2];
    }
  }
  ~Reader() { --of_.readers_[generation_ % 2]; }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  const CodeSequence& of_;
  uint32_t generation_ = 0;
};

inline CodeSequence::Reader CodeSequence::Reading() const { return Reader(*this); }

inline void CodeSequence::AwaitReaders() const {
  const uint32_t generation = generation_++;
  while (readers_[generation % 2] > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

class CodeSequence::Memory {
 private:
  friend class CodeSequence;
  std::vector<Held> held_;
  std::shared_ptr<const void> keeper_;
};

inline CodeSequence::Memory CodeSequence::Replace(KeptChunks kept) {
  Memory out;
  for (size_t i = 0; i < kept.chunks.size(); ++i) {
    out.held_.push_back(std::move(held_[i]));
    held_[i] = {std::make_unique<Chunk>(kept.chunks[i]), nullptr};
    chunks_[i].chunk.store(held_[i].chunk.get(), std::memory_order_release);
  }
  out.keeper_ = std::exchange(keeper_, std::move(kept.keeper));
  return out;
}

}  // namespace throughline
