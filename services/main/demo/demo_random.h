// The simulator's dice: a small generator whose numbers are the same on every machine and with every compiler. Whole
// numbers only; no distributions of the standard library, whose output is theirs to choose.
// Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace throughline::demo {

class DemoRandom {
 public:
  // SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  explicit DemoRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  // 0 to bound - 1. The bias of the remainder is below 2^-32 for every bound used here.
  int64_t Below(int64_t bound) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(bound)); }
  // low to high, both included.
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }
  // True `permille` times in a thousand.
  bool Chance(int64_t permille) { return Below(1000) < permille; }
  // A waiting time around `mean`: many short ones, few up to three times as long.
  int64_t Waiting(int64_t mean) {
    const int64_t u = Below(1 << 16);
    return (3 * mean * u >> 16) * u >> 16;
  }
  // Around 0, within ±spread, the middle the likeliest.
  int64_t Noise(int64_t spread) { return Between(-spread, spread) / 2 + Between(-spread, spread) / 2; }

  // One of the values, each as likely as its weight among all weights.
  template <typename T, size_t N>
  const T& Pick(const T (&values)[N], const int (&weights)[N]) {
    int64_t total = 0;
    for (int weight : weights) total += weight;
    int64_t left = Below(total);
    for (size_t i = 0; i + 1 < N; ++i) {
      if (left < weights[i]) return values[i];
      left -= weights[i];
    }
    return values[N - 1];
  }
  template <typename T, size_t N>
  const T& Pick(const T (&values)[N]) {
    return values[Below(N)];
  }

 private:
  uint64_t state_;
};

}  // namespace throughline::demo
