// Standards and signals. Pure functions; any thread.
//
// Two different alarms: a *breach* is a promise not kept (an answer within 24 hours), whatever is usual; a *signal* is
// a process that does something unusual, whether or not a promise is kept. Each result says which it is by its type.
//
// Charts go over points in the order of time: here, alone among the models, the order matters. Their parameters
// (centre, spread) are those given, or come from a baseline: the first `baseline` points, which then cannot honestly
// signal.
//
// INVALID_FIELD: numbers that are not finite, negative counts, more failures than trials, parameters out of range, too
// many points.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kStandardValuesMax = 5000000;
constexpr size_t kChartPointsMax = 100000;
constexpr size_t kHypothesesMax = 1000000;

// ---- Breaches -------------------------------------------------------------------------------------------------------

// Share of the judged that broke the promise, with Wilson's interval. Details: breached. `open`: not finished, and
// still within the promise; they can go either way and are excluded["open"]. Unit: share, 0 to 1.
struct PromiseCounts {
  int64_t kept = 0;
  int64_t breached = 0;
  int64_t open = 0;
};
absl::StatusOr<Estimate> BreachShare(const PromiseCounts& counts, const EstimateOptions& options);

// The same from values: a value keeps the promise if low <= value <= high; an end that is absent promises nothing.
// Values that are absent are excluded["missing"].
struct Promise {
  std::optional<double> low, high;
};
absl::StatusOr<Estimate> BreachShareOfValues(const std::vector<std::optional<double>>& values, const Promise& promise,
                                             const EstimateOptions& options);

// ---- Charts ---------------------------------------------------------------------------------------------------------

struct ChartPoint {
  double statistic = 0;
  double low = 0, high = 0;  // control limits; inside, or on them, is no signal
  int signal = 0;            // 1: above, −1: below
};

struct Chart {
  // kOk: `points` holds one for each input. kUndefined, with the reason: no chart (no spread, too short a baseline).
  Estimate::State state = Estimate::State::kUndefined;
  std::string undefined_reason;
  std::string method;
  double center = 0;
  double spread = 0;  // standard deviation of one value; of the p-chart: √(p(1 − p))
  std::vector<ChartPoint> points;
  std::vector<int64_t> signals;  // positions, from 0, of the points that signal
  // CUSUM: for each signal, where the run began that led to it: the best guess at when the change happened.
  std::vector<int64_t> onsets;
};

// p-chart (Shewhart 1931): shares of failures; limits p̄ ± width·√(p̄(1 − p̄)/nᵢ), cut off at 0 and 1. A point without
// trials sits on the centre and cannot signal. p̄ is `center`, or Σ failures/Σ trials of the baseline.
struct TrialCount {
  int64_t failures = 0;
  int64_t n = 0;
};
struct PChartOptions {
  std::optional<double> center;  // 0 … 1
  size_t baseline = 0;           // without a centre: points 0 … baseline − 1; 0: all
  double width = 3;              // standard deviations
};
absl::StatusOr<Chart> PChart(const std::vector<TrialCount>& counts, const PChartOptions& options);

// What the two charts below take for usual.
struct UsualOptions {
  // Both, or neither: then mean and standard deviation (divisor n − 1) of the baseline, at least 2 points.
  std::optional<double> mean, standard_deviation;
  size_t baseline = 0;  // 0: all
};

// EWMA (S. W. Roberts, Technometrics 1, 1959; Lucas & Saccucci, Technometrics 32, 1990): zᵢ = λxᵢ + (1 − λ)zᵢ₋₁, z₀ =
// mean; limits mean ± L·σ·√(λ/(2 − λ)·(1 − (1 − λ)^2i)). λ .1 and L 2.814: a false alarm each 500 points or so, a shift
// by one standard deviation seen after 10. For slow drifts.
struct EwmaOptions : UsualOptions {
  double lambda = 0.1;  // (0, 1]
  double width = 2.814;
};
absl::StatusOr<Chart> EwmaChart(const std::vector<double>& values, const EwmaOptions& options);

// Two-sided CUSUM (E. S. Page, Biometrika 41, 1954): with y = (x − mean)/σ, C⁺ᵢ = max(0, C⁺ᵢ₋₁ + yᵢ − k),
// C⁻ᵢ = max(0, C⁻ᵢ₋₁ − yᵢ − k); a signal where one is above h. k .5, h 5: a false alarm each 465 points, a shift by one
// standard deviation seen after 10. The statistic is the larger, negative if it is C⁻; limits ±h. After a signal it
// goes on, so that a lasting shift signals again and again, unless `restart`.
struct CusumOptions : UsualOptions {
  double slack = 0.5;   // k, in standard deviations
  double decision = 5;  // h, in standard deviations
  bool restart = false;
};
absl::StatusOr<Chart> CusumChart(const std::vector<double>& values, const CusumOptions& options);

// ---- Many at once ---------------------------------------------------------------------------------------------------

// Benjamini & Hochberg (JRSS B 57, 1995): p-values adjusted so that those of at most `rate` together contain at most
// that share of false alarms on average (tests that are independent or positively dependent). Of the i-th smallest of
// m: min over j >= i of m·p₍ⱼ₎/j, at most 1. In the order of the input; equal p-values get equal answers.
struct Hypotheses {
  std::vector<double> adjusted;
  std::vector<bool> rejected;  // adjusted <= rate
};
absl::StatusOr<Hypotheses> BenjaminiHochberg(const std::vector<double>& p_values, double rate);

}  // namespace throughline
