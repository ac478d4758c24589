// Counts how often intervals hold the truth. Not thread-safe.
#pragma once

#include <cstdint>

#include "gtest/gtest.h"
#include "throughline/models/estimate.h"

namespace throughline::testing {

class CoverageCount {
 public:
  // An estimate without an interval counts as a miss: an interval that is only there when it is easy would be no help.
  void Add(const Estimate& estimate, double truth) {
    ++all_;
    held_ += estimate.interval.has_value() && estimate.interval->low <= truth && truth <= estimate.interval->high;
  }
  double share() const { return static_cast<double>(held_) / static_cast<double>(all_); }
  int64_t all() const { return all_; }

  // Of nominal 95 % intervals: 93 to 97 %.
  void ExpectNominal(const char* what) const {
    EXPECT_GE(all_, 1000) << what;
    EXPECT_GE(share(), 0.93) << what;
    EXPECT_LE(share(), 0.97) << what;
    ::testing::Test::RecordProperty(what, std::to_string(share()));
  }

 private:
  int64_t held_ = 0;
  int64_t all_ = 0;
};

}  // namespace throughline::testing
