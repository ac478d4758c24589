// Did it help? Effects of a change, with what each way of looking can and cannot claim. Pure functions; any thread.
//
// Values may come in any order. An arm or a cell with fewer than two values has no spread, so that its effect is
// undefined; where nothing varies at all there is an effect but no interval: a width of zero would claim certainty.
// Intervals of means are Welch's: ± t(df)·SE with the degrees of freedom of Welch (Biometrika 34, 1947) and
// Satterthwaite: (Σ vᵢ)²/Σ vᵢ²/(nᵢ − 1) for vᵢ = s²ᵢ/nᵢ.
//
// INVALID_FIELD: a number that is not finite, negative counts, more successes than trials, too many values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kEffectValuesMax = 5000000;  // values, pairs or units of one question

// n, mean and variance (divisor n − 1; 0 for n < 2) of values.
struct SampleMoments {
  int64_t n = 0;
  double mean = 0;
  double variance = 0;
};
// In the order of the sorted values, so that the same values give the same bits.
absl::StatusOr<SampleMoments> MomentsOfValues(std::vector<double> values);

// An effect, and what must be said beside it.
struct Effect {
  Estimate estimate;
  bool no_control = false;  // NO_CONTROL: whatever else happened in the time is in the number too
};

// mean(treated) − mean(control). Details: standard_error, degrees_of_freedom, t, p_value (two-sided), treated_mean,
// control_mean, treated_n, control_n, relative (difference/|control_mean|, if that is not 0). n: both arms.
absl::StatusOr<Effect> MeanDifference(const SampleMoments& treated, const SampleMoments& control,
                                      const EstimateOptions& options);

// Difference of two shares, treated − control, with Newcombe's hybrid score interval (method 10 of R. G. Newcombe,
// Statistics in Medicine 17, 1998), which is made of the two Wilson intervals and keeps its level with few successes,
// where Welch's does not. Details: treated_share, control_share, treated_n, control_n, standard_error (unpooled), z and
// p_value (pooled, two-sided). n: both arms.
struct ShareCounts {
  int64_t successes = 0;
  int64_t n = 0;
};
absl::StatusOr<Effect> ShareDifference(const ShareCounts& treated, const ShareCounts& control,
                                       const EstimateOptions& options);

// after − before without a control group: a description, not an effect. Always flagged no_control. Details as
// MeanDifference, with after_ and before_ for treated_ and control_.
absl::StatusOr<Effect> BeforeAfter(const SampleMoments& before, const SampleMoments& after,
                                   const EstimateOptions& options);

// Difference in differences of four independent cells (repeated cross-sections): (treated after − treated before) −
// (control after − control before), SE = √Σ s²/n over the cells. Assumes that without the change both groups would have
// moved alike. Details: standard_error, degrees_of_freedom, t, p_value, treated_change, control_change.
struct DifferenceCells {
  SampleMoments treated_before, treated_after, control_before, control_after;
};
absl::StatusOr<Effect> DifferenceInDifferences(const DifferenceCells& cells, const EstimateOptions& options);

// The same on units seen both before and after (balanced cells; Card & Krueger, American Economic Review 84, 1994,
// table 3, row 4): the difference of the mean changes. Units without one of the two are excluded["unbalanced"].
struct UnitChange {
  bool treated = false;
  std::optional<double> before, after;
};
absl::StatusOr<Effect> PanelDifferenceInDifferences(const std::vector<UnitChange>& units,
                                                    const EstimateOptions& options);

// The mean change of units seen both before and after, whatever their arm: the paired comparison, with Student's
// interval of the changes (Biometrika 6, 1908). Always flagged no_control. Details: standard_error, degrees_of_freedom,
// t, p_value. Units without one of the two are excluded["unbalanced"].
absl::StatusOr<Effect> PanelBeforeAfter(const std::vector<UnitChange>& units, const EstimateOptions& options);

// CUPED (Deng, Xu, Kohavi & Walker, WSDM 2013): the difference of the arms' means after taking off what a covariate of
// *before* the experiment explains: y − θ(x − x̄), θ = Σ cov within the arms / Σ var within the arms (pooled, so that
// the effect itself does not enter θ). Welch's interval on the adjusted values. Undefined unless the covariate ends at
// or before the beginning of the outcome: a later one may carry the effect away. A covariate without spread adjusts
// nothing. Details as MeanDifference, and theta, correlation (within arms), variance_kept (1 − correlation²),
// unadjusted (difference without it). Units without a covariate are excluded["no_covariate"].
struct CupedUnit {
  bool treated = false;
  double outcome = 0;
  std::optional<double> covariate;
};
struct CupedQuestion {
  std::vector<CupedUnit> units;
  int64_t covariate_end_micros = 0;  // exclusive
  int64_t outcome_start_micros = 0;
};
absl::StatusOr<Effect> CupedDifference(const CupedQuestion& question, const EstimateOptions& options);

// A confidence sequence: an interval that holds at *every* n at once, so that looking at it each day and stopping when
// it excludes 0 is allowed. Normal mixture (Howard, Ramdas, McAuliffe & Sekhon, Annals of Statistics 49, 2021,
// proposition 5 and eq. 14; Robbins 1970): the sum of n centred values stays within
// √((nσ² + ρ)·ln((nσ² + ρ)/(ρα²))) for all n with probability at least 1 − α. ρ is chosen so that the bound is tightest
// at `tuned_n`.
//   With `bounds`, values in [low, high] are sub-Gaussian with σ = (high − low)/2 (Hoeffding): it holds exactly.
//   Without, σ is the sample's, which holds asymptotically (Waudby-Smith et al., Annals of Statistics 52, 2024): not
//   before kSequenceMinN values, and the method says "asymptotic".
// Wider than a t-interval at any single n: the price for peeking. Details: standard_error is absent on purpose; radius.
struct SequenceOptions : EstimateOptions {
  std::optional<Interval> bounds;
  int64_t tuned_n = 1000;  // choose before looking
};
constexpr int64_t kSequenceMinN = 30;
absl::StatusOr<Estimate> MeanSequence(const SampleMoments& values, const SequenceOptions& options);

// treated − control at every pair of sample sizes: the difference of two sequences at level 1 − α/2 each (Bonferroni).
absl::StatusOr<Effect> DifferenceSequence(const SampleMoments& treated, const SampleMoments& control,
                                          const SequenceOptions& options);

}  // namespace throughline
