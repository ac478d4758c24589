#include "tests/bench/journeys/memory_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

// Off unless something is measured, so that the times of questions do not pay for it.
std::atomic<bool> counting{false};
std::atomic<int64_t> held_bytes{0};
std::atomic<int64_t> peak_bytes{0};

void* Counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  if (counting.load(std::memory_order_relaxed)) {
    const auto size = static_cast<int64_t>(malloc_usable_size(memory));
    const int64_t held = held_bytes.fetch_add(size, std::memory_order_relaxed) + size;
    int64_t peak = peak_bytes.load(std::memory_order_relaxed);
    while (peak < held && !peak_bytes.compare_exchange_weak(peak, held, std::memory_order_relaxed)) {
    }
  }
  return memory;
}

void Free(void* memory) {
  if (counting.load(std::memory_order_relaxed)) {
    held_bytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  }
  std::free(memory);
}

// aligned_alloc takes whole multiples of the alignment only.
void* AllocateAligned(size_t size, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  return std::aligned_alloc(unit, (size + unit - 1) / unit * unit);
}

}  // namespace

// The other forms of new and delete call these.
void* operator new(size_t size) { return Counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new(size_t size, std::align_val_t alignment) { return Counted(AllocateAligned(size, alignment)); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete(void* memory, size_t) noexcept { Free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { Free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { Free(memory); }

namespace throughline::bench {

int64_t PeakBytes(const std::function<void()>& work) {
  held_bytes = peak_bytes = 0;
  counting = true;
  work();
  counting = false;
  return peak_bytes;
}

}  // namespace throughline::bench
