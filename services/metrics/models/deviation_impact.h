// What goes with a deviation: the runs with it against the runs without (DeviationImpact). Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "throughline/models/conformance.h"

namespace throughline {

class ImpactCounter {
 public:
  // `judged`: by run, whether it takes part. Sorts the runs by their time once.
  ImpactCounter(const RunLog& log, const std::vector<bool>& judged, const EstimateOptions& options);

  // `runs`: those with the deviation, ascending, each once, all of them judged. O(runs of the log).
  DeviationImpact Impact(const std::vector<int32_t>& runs, int64_t occurrences);

 private:
  struct Half {
    int64_t runs = 0;
    int64_t known = 0;  // runs of which it is known whether they converted
    int64_t converted = 0;
    std::vector<int64_t> micros;  // sorted
  };
  Estimate ConversionDifference(const Half& with, const Half& without) const;
  Estimate TimeDifference(const Half& with, const Half& without) const;
  // Whether the two halves can be compared; if not, says why in the estimate.
  bool AreBoth(int64_t with, int64_t without, Estimate& estimate) const;

  struct Timed {
    int64_t micros;
    int32_t run;
  };
  const RunLog& log_;
  EstimateOptions options_;
  std::vector<int32_t> judged_;
  std::vector<Timed> timed_;     // runs whose time counts, sorted
  bool converted_only_ = false;  // timed_ has converted runs only
  std::vector<uint8_t> has_;        // by run
};

// Newcombe's hybrid score interval for p₁ − p₂ (conformance.h); n₁, n₂ > 0.
Interval NewcombeInterval(int64_t successes1, int64_t n1, int64_t successes2, int64_t n2, double confidence);

// Variance of the sample median (Price & Bonett 2002): ((y₍ₙ₋c₊₁₎ − y₍c₎)/2z)², c = (n + 1)/2 − √n rounded and at least
// 1, z = Φ⁻¹(1 − P(Binomial(n, ½) < c)). `sorted` has at least 2 values. Unit: that of the values, squared.
double MedianVariance(const std::vector<int64_t>& sorted);

}  // namespace throughline
