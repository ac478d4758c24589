// Counts durations as fast as they are found; ends as the sketch that the same durations make one by one. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "throughline/aggregates.h"

namespace throughline {

class DurationCounter {
 public:
  // `Time` is uint32_t for seconds, int64_t for microseconds.
  template <typename Time>
  void Add(Time duration) {
    constexpr bool kSeconds = sizeof(Time) == sizeof(uint32_t);
    if (++count_ > DurationSketch::kExactMax) {
      if (bins_.empty()) Collapse();
      AddToBin(static_cast<int64_t>(duration) * (kSeconds ? kMicrosPerSecond : 1));
    } else if constexpr (kSeconds) {
      seconds_.push_back(duration);
    } else {
      micros_.push_back(duration);
    }
  }
  int64_t count() const { return count_; }

  DurationSketch Finish() const {
    DurationSketch sketch;
    if (count_ <= DurationSketch::kExactMax) {
      for (const uint32_t seconds : seconds_) sketch.Add(seconds * kMicrosPerSecond);
      for (const int64_t micros : micros_) sketch.Add(micros);
      return sketch;
    }
    for (size_t bin = 0; bin < bins_.size(); ++bin) {
      if (bins_[bin] > 0) sketch.AddBin(static_cast<int32_t>(bin), bins_[bin]);
    }
    return sketch;
  }

  void Merge(const DurationCounter& other) {
    count_ += other.count_;
    seconds_.insert(seconds_.end(), other.seconds_.begin(), other.seconds_.end());
    micros_.insert(micros_.end(), other.micros_.begin(), other.micros_.end());
    if (count_ <= DurationSketch::kExactMax) return;
    Collapse();
    for (size_t i = 0; i < other.bins_.size(); ++i) bins_[i] += other.bins_[i];
  }

 private:
  static constexpr int64_t kMicrosPerSecond = 1'000'000;

  void AddToBin(int64_t micros) { ++bins_[static_cast<size_t>(DurationSketch::BinOf(micros))]; }
  // Durations one by one become counts of bins.
  void Collapse() {
    bins_.resize(DurationSketch::kBinCount);
    for (const uint32_t seconds : seconds_) AddToBin(seconds * kMicrosPerSecond);
    for (const int64_t micros : micros_) AddToBin(micros);
    seconds_ = {};
    micros_ = {};
  }

  int64_t count_ = 0;
  // Only when no longer exact: a counter of few durations is small, as there may be one for each group.
  std::vector<uint32_t> bins_;
  // While exact, one by one; seconds in half the room, where times are whole seconds.
  std::vector<uint32_t> seconds_;
  std::vector<int64_t> micros_;
};

}  // namespace throughline
