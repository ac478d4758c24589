// Survival: how long until something happens, where for some it has not happened yet. Kaplan–Meier, log-rank test,
// restricted mean, time in stage. Pure functions; any thread.
//
// Who has not had the event when the observation ends is censored: still at risk until then, not dropped, because
// dropping the patient ones would make everything look faster than it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

inline constexpr size_t kSurvivalRowsMax = 10'000'000;
inline constexpr int64_t kSurvivalCountMax = 100'000'000'000;  // of one row: the sum of all rows fits 64 bits
inline constexpr size_t kSurvivalGroupsMax = 100;

// `count` subjects of equal duration: from the beginning to the event, or to the end of the observation.
struct SurvivalRow {
  double duration = 0;   // >= 0, in any one unit
  bool observed = true;  // the event happened; false: censored
  int64_t count = 1;
};

// S after `time`, and what happened at it.
struct SurvivalStep {
  double time = 0;
  int64_t at_risk = 0;  // just before `time`
  int64_t events = 0;
  int64_t censored = 0;
  double survival = 1;
  // Greenwood's variance of S: S²·Σ d/(n(n − d)); 0 before the first event. Where S is 0 it is 0, and says nothing.
  double variance = 0;
  // Absent where S is 1 or 0, where the log–log transformation has no value.
  std::optional<Interval> interval = std::nullopt;
};

struct SurvivalCurve {
  std::vector<SurvivalStep> steps;  // by time: one for each different duration
  int64_t n = 0;
  int64_t events = 0;
  int64_t censored = 0;
  // min{t : S(t) <= ½}, undefined if S stays above. Its interval is of the t at which the interval of S holds ½
  // (Brookmeyer & Crowley, Biometrics 38, 1982): absent where the curve's upper limit never comes down to ½;
  // details["low"] then still has the lower end if there is one. Excluded: none; details: events, censored.
  Estimate median;

  // The step function S, 1 before the first step.
  double At(double time) const;
};

// Kaplan & Meier, JASA 53, 1958: S(t) = Π (1 − dᵢ/nᵢ) over times tᵢ <= t; who is censored at tᵢ is at risk at tᵢ.
// Interval: log–log, S^exp(±z·σ/log S) with σ² = Σ d/(n(n − d)) (Kalbfleisch & Prentice 1980), always within (0, 1);
// pointwise. Where nobody is censored, S is exactly the share that is left.
//
// No rows give a curve without steps, whose median is undefined. INVALID_FIELD: durations that are negative or not
// finite, negative counts, a level outside (0, 1). LIMIT_EXCEEDED.
absl::StatusOr<SurvivalCurve> KaplanMeier(absl::Span<const SurvivalRow> rows, const EstimateOptions& options = {});

// Mean time lived until `until`: the area below S from 0 to `until`, in the unit of the durations. Variance
// Σ A(tᵢ)²·dᵢ/(nᵢ(nᵢ − dᵢ)) over tᵢ <= until with A(t) the area from t to `until` (Irwin 1949; Kaplan & Meier 1958);
// interval: value ± z·√variance. The curve is known up to the longest duration, and beyond it if it has come down to 0;
// undefined for a later `until`, one that is not positive, and without rows. Absent interval: variance 0.
Estimate RestrictedMeanEstimate(const SurvivalCurve& curve, double until, const EstimateOptions& options = {});

struct LogRankGroup {
  int64_t n = 0;
  int64_t observed = 0;  // events
  double expected = 0;   // if all groups had one curve
};
struct LogRankTest {
  // Value: χ² = (O − E)ᵀ·V⁻·(O − E) of k − 1 degrees of freedom. Details: degrees_of_freedom, p_value.
  Estimate chi_square;
  std::vector<LogRankGroup> groups;  // as given
};

// Do the groups have one survival curve? Log-rank test (Mantel 1966; Peto & Peto 1972) with the hypergeometric
// covariance V = Σ d(n − d)/(n − 1)·(diag(p) − p·pᵀ), p the shares of the groups among those at risk. A group that was
// never at risk when an event happened tells nothing and takes away a degree of freedom. Undefined: fewer than two
// groups that tell something, no event, or none whose place between the groups was left to chance (all have it at
// once). INVALID_FIELD, LIMIT_EXCEEDED as above.
absl::StatusOr<LogRankTest> LogRank(absl::Span<const std::vector<SurvivalRow>> groups,
                                    const EstimateOptions& options = {});

// Time in a stage, in seconds: stays that ended are events, those that go on are censored at their length so far.
// From the sketches: exact up to DurationSketch::kExactMax stays each, above within its kRelativeErrorMax. If stays go
// on but were not measured (a question without `now`), the median is undefined, and there are no steps.
absl::StatusOr<SurvivalCurve> StageSurvival(const StageTimes::Stage& stage, const EstimateOptions& options = {});

}  // namespace throughline
