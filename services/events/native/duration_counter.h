// Counts durations as fast as they are found; ends as the sketch that the same durations make one by one. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "throughline/aggregates.h"

namespace throughline {

class DurationCounter {
 public:
  void Add(int64_t micros) {
    if (bins_.empty()) bins_.resize(DurationSketch::kBinCount);
    ++bins_[static_cast<size_t>(DurationSketch::BinOf(micros))];
    if (count_++ < DurationSketch::kExactMax) values_.push_back(micros);
  }
  int64_t count() const { return count_; }
  DurationSketch Finish() const {
    DurationSketch sketch;
    if (count_ <= DurationSketch::kExactMax) {
      for (const int64_t micros : values_) sketch.Add(micros);
      return sketch;
    }
    for (size_t bin = 0; bin < bins_.size(); ++bin) {
      if (bins_[bin] > 0) sketch.AddBin(static_cast<int32_t>(bin), bins_[bin]);
    }
    return sketch;
  }
  void Merge(const DurationCounter& other) {
    if (other.count_ == 0) return;
    if (bins_.empty()) bins_.resize(DurationSketch::kBinCount);
    for (size_t i = 0; i < bins_.size(); ++i) bins_[i] += other.bins_[i];
    count_ += other.count_;
    if (count_ <= DurationSketch::kExactMax) {
      values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    } else {
      values_ = {};
    }
  }

 private:
  int64_t count_ = 0;
  std::vector<uint32_t> bins_;
  std::vector<int64_t> values_;  // while exact
};

}  // namespace throughline
