// A vector whose elements never move, so that readers need no lock for what was there when they were told of it.
// One thread at a time appends; any number read elements below a size that was handed to them under a lock.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace throughline {

template <typename T>
class StableVector {
 public:
  size_t size() const { return size_; }

  const T& operator[](size_t i) const {
    const Place place = PlaceOf(i);
    return chunks_[place.chunk][place.offset];
  }

  T& operator[](size_t i) {
    const Place place = PlaceOf(i);
    return chunks_[place.chunk][place.offset];
  }

  T& push_back(T value) {
    const Place place = PlaceOf(size_);
    // Chunk k holds kFirst << k elements: 40 chunks are more than memory can hold, and a chunk never grows.
    if (place.offset == 0) chunks_[place.chunk] = std::make_unique<T[]>(kFirst << place.chunk);
    T& slot = chunks_[place.chunk][place.offset];
    slot = std::move(value);
    ++size_;
    return slot;
  }

 private:
  static constexpr size_t kFirst = 64;
  struct Place {
    int chunk;
    size_t offset;
  };
  static Place PlaceOf(size_t i) {
    const size_t block = i / kFirst + 1;
    const int chunk = std::bit_width(block) - 1;
    return {chunk, i - ((size_t{1} << chunk) - 1) * kFirst};
  }

  std::array<std::unique_ptr<T[]>, 40> chunks_;
  size_t size_ = 0;
};

}  // namespace throughline
