#include "throughline/models/effects.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/lambert_w.hpp>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/quiet_math.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr char kTooFew[] = "Each group needs at least two values.";

double TwoSidedT(double t, double degrees) {
  return 2 * boost::math::cdf(boost::math::students_t_distribution<double, QuietMath>(degrees), -std::abs(t));
}
double TwoSidedZ(double z) {
  return 2 * boost::math::cdf(boost::math::normal_distribution<double, QuietMath>(), -std::abs(z));
}

absl::Status CheckMoments(absl::string_view field, const SampleMoments& moments) {
  if (moments.n < 0) return InvalidField(FieldPath(field, "n"), "must not be negative");
  if (absl::Status status = CheckFinite(FieldPath(field, "mean"), moments.mean); !status.ok()) return status;
  if (!(moments.variance >= 0)) return InvalidField(FieldPath(field, "variance"), "must not be negative");
  return CheckFinite(FieldPath(field, "variance"), moments.variance);
}

// Fills in a difference whose variance is the sum of those of independent means.
void SetWelch(double difference, const std::vector<SampleMoments>& means, const EstimateOptions& options,
              Estimate& estimate) {
  int64_t n = 0;
  double largest = 0;
  for (const SampleMoments& each : means) {
    n += each.n;
    largest = std::max(largest, each.variance);
  }
  estimate.n = n;
  if (std::any_of(means.begin(), means.end(), [](const SampleMoments& each) { return each.n < 2; })) {
    return SetUndefined(kTooFew, estimate);
  }
  SetFiniteValue(difference, n, options, estimate);
  if (!(largest > 0)) return;
  // In units of the largest variance, so that its square cannot overflow or vanish.
  double variance = 0;
  double denominator = 0;
  for (const SampleMoments& each : means) {
    const double part = each.variance / largest / static_cast<double>(each.n);
    variance += part;
    denominator += part * part / static_cast<double>(each.n - 1);
  }
  const double degrees = variance * variance / denominator;
  const double error = std::sqrt(variance) * std::sqrt(largest);
  if (!(error > 0)) return;
  const double half = StudentTQuantile(0.5 + options.confidence_level / 2, degrees) * error;
  SetInterval(difference - half, difference + half, estimate);
  SetDetail("standard_error", error, estimate);
  SetDetail("degrees_of_freedom", degrees, estimate);
  SetDetail("t", difference / error, estimate);
  SetDetail("p_value", TwoSidedT(difference / error, degrees), estimate);
}

void SetArms(const char* first, const SampleMoments& a, const char* second, const SampleMoments& b,
             Estimate& estimate) {
  SetDetail(absl::StrCat(first, "_mean"), a.mean, estimate);
  SetDetail(absl::StrCat(first, "_n"), static_cast<double>(a.n), estimate);
  SetDetail(absl::StrCat(second, "_mean"), b.mean, estimate);
  SetDetail(absl::StrCat(second, "_n"), static_cast<double>(b.n), estimate);
  if (b.mean != 0) SetDetail("relative", (a.mean - b.mean) / std::abs(b.mean), estimate);
}

absl::Status CheckTwo(const char* first, const SampleMoments& a, const char* second, const SampleMoments& b,
                      const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckMoments(first, a); !status.ok()) return status;
  return CheckMoments(second, b);
}

// Of values that are finite.
SampleMoments SortedMoments(std::vector<double>& values) {
  SampleMoments moments;
  moments.n = static_cast<int64_t>(values.size());
  if (values.empty()) return moments;
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  // Divided first: the sum of huge values may not be finite where their mean is.
  double mean = 0;
  for (const double value : values) mean += value / n;
  if (values.front() == values.back()) mean = values.front();
  double correction = 0;
  for (const double value : values) correction += (value - mean) / n;
  mean += correction;
  moments.mean = mean;
  if (values.size() < 2) return moments;
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  moments.variance = sum / (n - 1);
  return moments;
}

}  // namespace

absl::StatusOr<SampleMoments> MomentsOfValues(std::vector<double> values) {
  if (absl::Status status = CheckCount("values", values.size(), kEffectValuesMax); !status.ok()) return status;
  for (size_t i = 0; i < values.size(); ++i) {
    if (absl::Status status = CheckFinite(FieldPath("values", i), values[i]); !status.ok()) return status;
  }
  const SampleMoments moments = SortedMoments(values);
  if (!std::isfinite(moments.variance) || !std::isfinite(moments.mean)) {
    return InvalidField("values", "are too large to compute a variance");
  }
  return moments;
}

absl::StatusOr<Effect> MeanDifference(const SampleMoments& treated, const SampleMoments& control,
                                      const EstimateOptions& options) {
  if (absl::Status status = CheckTwo("treated", treated, "control", control, options); !status.ok()) return status;
  Effect effect;
  effect.estimate.method = MethodText("difference of means", "welch", options.confidence_level);
  SetWelch(treated.mean - control.mean, {treated, control}, options, effect.estimate);
  SetArms("treated", treated, "control", control, effect.estimate);
  return effect;
}

absl::StatusOr<Effect> ShareDifference(const ShareCounts& treated, const ShareCounts& control,
                                       const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  for (const auto& [name, arm] : {std::pair("treated", treated), std::pair("control", control)}) {
    if (arm.successes < 0 || arm.n < arm.successes) {
      return InvalidField(FieldPath(name, "successes"), "must lie between 0 and n");
    }
  }
  Effect effect;
  Estimate& estimate = effect.estimate;
  estimate.method = MethodText("difference of shares", "newcombe", options.confidence_level);
  estimate.n = treated.n + control.n;
  if (treated.n == 0 || control.n == 0) {
    SetUndefined("Each group needs at least one trial.", estimate);
    return effect;
  }
  const auto n1 = static_cast<double>(treated.n);
  const auto n0 = static_cast<double>(control.n);
  const double p1 = static_cast<double>(treated.successes) / n1;
  const double p0 = static_cast<double>(control.successes) / n0;
  const Interval w1 = WilsonInterval(treated.successes, treated.n, options.confidence_level);
  const Interval w0 = WilsonInterval(control.successes, control.n, options.confidence_level);
  SetFiniteValue(p1 - p0, estimate.n, options, estimate);
  SetInterval(std::max(p1 - p0 - std::hypot(p1 - w1.low, w0.high - p0), -1.0),
              std::min(p1 - p0 + std::hypot(w1.high - p1, p0 - w0.low), 1.0), estimate);
  SetDetail("treated_share", p1, estimate);
  SetDetail("control_share", p0, estimate);
  SetDetail("treated_n", n1, estimate);
  SetDetail("control_n", n0, estimate);
  SetDetail("standard_error", std::sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0), estimate);
  const double pooled = static_cast<double>(treated.successes + control.successes) / (n1 + n0);
  const double z = (p1 - p0) / std::sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0));
  if (std::isfinite(z)) {
    SetDetail("z", z, estimate);
    SetDetail("p_value", TwoSidedZ(z), estimate);
  }
  return effect;
}

absl::StatusOr<Effect> BeforeAfter(const SampleMoments& before, const SampleMoments& after,
                                   const EstimateOptions& options) {
  if (absl::Status status = CheckTwo("before", before, "after", after, options); !status.ok()) return status;
  Effect effect;
  effect.no_control = true;
  effect.estimate.method = MethodText("after minus before, NO_CONTROL", "welch", options.confidence_level);
  SetWelch(after.mean - before.mean, {after, before}, options, effect.estimate);
  SetArms("after", after, "before", before, effect.estimate);
  return effect;
}

absl::StatusOr<Effect> DifferenceInDifferences(const DifferenceCells& cells, const EstimateOptions& options) {
  const SampleMoments &ta = cells.treated_after, &tb = cells.treated_before;
  const SampleMoments &ca = cells.control_after, &cb = cells.control_before;
  if (absl::Status status = CheckTwo("treated_before", tb, "treated_after", ta, options); !status.ok()) return status;
  if (absl::Status status = CheckTwo("control_before", cb, "control_after", ca, options); !status.ok()) return status;
  Effect effect;
  effect.estimate.method = MethodText("difference in differences", "welch", options.confidence_level);
  SetWelch((ta.mean - tb.mean) - (ca.mean - cb.mean), {ta, tb, ca, cb}, options, effect.estimate);
  SetDetail("treated_change", ta.mean - tb.mean, effect.estimate);
  SetDetail("control_change", ca.mean - cb.mean, effect.estimate);
  return effect;
}

namespace {

// The changes of the units that have both values, by arm.
struct Changes {
  std::vector<double> of_control, of_treated;
};
absl::StatusOr<Changes> ChangesOf(const std::vector<UnitChange>& units, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckCount("units", units.size(), kEffectValuesMax); !status.ok()) return status;
  Changes changes;
  for (size_t i = 0; i < units.size(); ++i) {
    const UnitChange& unit = units[i];
    const double change = unit.after.value_or(0) - unit.before.value_or(0);
    if (absl::Status status = CheckFinite(FieldPath("units", i), change); !status.ok()) return status;
    if (!unit.before.has_value() || !unit.after.has_value()) continue;
    (unit.treated ? changes.of_treated : changes.of_control).push_back(change);
  }
  return changes;
}

}  // namespace

absl::StatusOr<Effect> PanelDifferenceInDifferences(const std::vector<UnitChange>& units,
                                                    const EstimateOptions& options) {
  absl::StatusOr<Changes> changes = ChangesOf(units, options);
  if (!changes.ok()) return changes.status();
  const SampleMoments control = SortedMoments(changes->of_control);
  const SampleMoments treated = SortedMoments(changes->of_treated);
  Effect effect;
  Estimate& estimate = effect.estimate;
  estimate.method = MethodText("difference in differences of a panel", "welch", options.confidence_level);
  Exclude("unbalanced", static_cast<int64_t>(units.size()) - treated.n - control.n, estimate);
  SetWelch(treated.mean - control.mean, {treated, control}, options, estimate);
  SetDetail("treated_change", treated.mean, estimate);
  SetDetail("control_change", control.mean, estimate);
  SetDetail("treated_n", static_cast<double>(treated.n), estimate);
  SetDetail("control_n", static_cast<double>(control.n), estimate);
  return effect;
}

absl::StatusOr<Effect> PanelBeforeAfter(const std::vector<UnitChange>& units, const EstimateOptions& options) {
  absl::StatusOr<Changes> changes = ChangesOf(units, options);
  if (!changes.ok()) return changes.status();
  std::vector<double>& all = changes->of_treated;
  all.insert(all.end(), changes->of_control.begin(), changes->of_control.end());
  const SampleMoments change = SortedMoments(all);
  Effect effect;
  effect.no_control = true;
  effect.estimate.method =
      MethodText("after minus before of a panel, NO_CONTROL", "student-t", options.confidence_level);
  Exclude("unbalanced", static_cast<int64_t>(units.size()) - change.n, effect.estimate);
  // Of one mean Welch's interval is Student's.
  SetWelch(change.mean, {change}, options, effect.estimate);
  return effect;
}

namespace {

using CupedPair = std::pair<double, double>;  // covariate, outcome

// An arm, and the sums about its own means.
struct CupedArm {
  std::vector<CupedPair> pairs;
  SampleMoments covariate, outcome;
  double products = 0, covariate_squares = 0, outcome_squares = 0;

  void Sum() {
    std::sort(pairs.begin(), pairs.end());
    covariate = Moments([](const CupedPair& pair) { return pair.first; });
    outcome = Moments([](const CupedPair& pair) { return pair.second; });
    for (const auto& [x, y] : pairs) {
      products += (x - covariate.mean) * (y - outcome.mean);
      covariate_squares += (x - covariate.mean) * (x - covariate.mean);
      outcome_squares += (y - outcome.mean) * (y - outcome.mean);
    }
  }
  template <typename Function>
  SampleMoments Moments(const Function& value_of) const {
    std::vector<double> values;
    values.reserve(pairs.size());
    for (const CupedPair& pair : pairs) values.push_back(value_of(pair));
    return SortedMoments(values);
  }
};

absl::Status FillArms(const CupedQuestion& question, CupedArm& treated, CupedArm& control) {
  if (absl::Status status = CheckCount("units", question.units.size(), kEffectValuesMax); !status.ok()) return status;
  for (size_t i = 0; i < question.units.size(); ++i) {
    const CupedUnit& unit = question.units[i];
    if (!std::isfinite(unit.outcome) || !std::isfinite(unit.covariate.value_or(0))) {
      return InvalidField(FieldPath("units", i), "must hold finite numbers");
    }
    if (unit.covariate.has_value())
      (unit.treated ? treated : control).pairs.emplace_back(*unit.covariate, unit.outcome);
  }
  treated.Sum();
  control.Sum();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Effect> CupedDifference(const CupedQuestion& question, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  CupedArm treated, control;
  if (absl::Status status = FillArms(question, treated, control); !status.ok()) return status;
  Effect effect;
  Estimate& estimate = effect.estimate;
  estimate.method = MethodText("difference of means, cuped", "welch", options.confidence_level);
  estimate.n = treated.covariate.n + control.covariate.n;
  Exclude("no_covariate", static_cast<int64_t>(question.units.size()) - estimate.n, estimate);
  if (question.covariate_end_micros > question.outcome_start_micros) {
    SetUndefined("The covariate must end before the outcome begins.", estimate);
    return effect;
  }
  const double squares = treated.covariate_squares + control.covariate_squares;
  const double products = treated.products + control.products;
  const double theta = squares > 0 ? products / squares : 0;
  const auto n = static_cast<double>(std::max<int64_t>(estimate.n, 1));
  const double center = treated.covariate.mean * (static_cast<double>(treated.covariate.n) / n) +
                        control.covariate.mean * (static_cast<double>(control.covariate.n) / n);
  const auto adjusted = [&](const CupedPair& pair) { return pair.second - theta * (pair.first - center); };
  const SampleMoments a = treated.Moments(adjusted);
  const SampleMoments b = control.Moments(adjusted);
  if (!std::isfinite(a.variance + b.variance + theta + a.mean + b.mean)) {
    SetUndefined("The inputs are too large to compute with.", estimate);
    return effect;
  }
  SetWelch(a.mean - b.mean, {a, b}, options, estimate);
  SetArms("treated", a, "control", b, estimate);
  SetDetail("theta", theta, estimate);
  SetDetail("unadjusted", treated.outcome.mean - control.outcome.mean, estimate);
  const double correlation =
      products / std::sqrt(squares) / std::sqrt(treated.outcome_squares + control.outcome_squares);
  if (std::isfinite(correlation)) {
    SetDetail("correlation", std::clamp(correlation, -1.0, 1.0), estimate);
    SetDetail("variance_kept", std::max(1 - correlation * correlation, 0.0), estimate);
  }
  return effect;
}

namespace {

absl::Status CheckSequence(const SequenceOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (options.tuned_n < 1) return InvalidField("tuned_n", "must be at least 1");
  if (!options.bounds.has_value()) return absl::OkStatus();
  const double width = options.bounds->high - options.bounds->low;
  if (std::isfinite(width) && width > 0) return absl::OkStatus();
  return InvalidField("bounds", "must be finite, with low below high");
}

// The distance that the mean of n values with standard deviation σ never leaves, with probability 1 − α for all n.
double SequenceRadius(int64_t n, double sigma, double alpha, int64_t tuned_n) {
  // With v = nσ²: the bound at v is smallest for ρ = v/(−W₋₁(−α²/e) − 1) (Howard et al., section 3.5). In units of σ².
  const double lambert = boost::math::lambert_wm1(-alpha * alpha / std::numbers::e, QuietMath());
  const double rho = static_cast<double>(tuned_n) / (-lambert - 1);
  const auto count = static_cast<double>(n);
  return sigma * std::sqrt((count + rho) * (std::log1p(count / rho) - 2 * std::log(alpha))) / count;
}

// σ by the bounds, or the sample's; undefined, with the reason, where there is none.
std::optional<double> SigmaOf(const SampleMoments& values, const SequenceOptions& options, std::string& reason) {
  if (values.n == 0) {
    reason = "There are no values.";
    return std::nullopt;
  }
  if (options.bounds.has_value()) {
    if (values.mean < options.bounds->low || values.mean > options.bounds->high) {
      reason = "The mean lies outside the stated bounds.";
      return std::nullopt;
    }
    return (options.bounds->high - options.bounds->low) / 2;
  }
  if (values.n < kSequenceMinN) {
    reason = absl::StrCat("Without bounds of the values, a sequence begins at ", kSequenceMinN, " values.");
    return std::nullopt;
  }
  return std::sqrt(values.variance);
}

const char* SequenceMethod(const SequenceOptions& options) {
  return options.bounds.has_value() ? "normal-mixture sequence" : "asymptotic normal-mixture sequence";
}

}  // namespace

absl::StatusOr<Estimate> MeanSequence(const SampleMoments& values, const SequenceOptions& options) {
  if (absl::Status status = CheckSequence(options); !status.ok()) return status;
  if (absl::Status status = CheckMoments("values", values); !status.ok()) return status;
  Estimate estimate;
  estimate.method = MethodText("mean", SequenceMethod(options), options.confidence_level);
  estimate.n = values.n;
  std::string reason;
  const std::optional<double> sigma = SigmaOf(values, options, reason);
  if (!sigma.has_value()) {
    SetUndefined(reason, estimate);
    return estimate;
  }
  SetFiniteValue(values.mean, values.n, options, estimate);
  if (!(*sigma > 0)) return estimate;
  const double radius = SequenceRadius(values.n, *sigma, 1 - options.confidence_level, options.tuned_n);
  double low = values.mean - radius;
  double high = values.mean + radius;
  if (options.bounds.has_value()) {
    low = std::max(low, options.bounds->low);
    high = std::min(high, options.bounds->high);
  }
  SetInterval(low, high, estimate);
  SetDetail("radius", radius, estimate);
  return estimate;
}

absl::StatusOr<Effect> DifferenceSequence(const SampleMoments& treated, const SampleMoments& control,
                                          const SequenceOptions& options) {
  if (absl::Status status = CheckSequence(options); !status.ok()) return status;
  if (absl::Status status = CheckTwo("treated", treated, "control", control, options); !status.ok()) return status;
  Effect effect;
  Estimate& estimate = effect.estimate;
  estimate.method = MethodText("difference of means", SequenceMethod(options), options.confidence_level);
  estimate.n = treated.n + control.n;
  std::string reason;
  const std::optional<double> sigma1 = SigmaOf(treated, options, reason);
  const std::optional<double> sigma0 = SigmaOf(control, options, reason);
  if (!sigma1.has_value() || !sigma0.has_value()) {
    SetUndefined(reason, estimate);
    return effect;
  }
  const double difference = treated.mean - control.mean;
  SetFiniteValue(difference, estimate.n, options, estimate);
  SetArms("treated", treated, "control", control, estimate);
  if (!(*sigma1 > 0) && !(*sigma0 > 0)) return effect;
  const double alpha = (1 - options.confidence_level) / 2;
  const double radius = SequenceRadius(treated.n, *sigma1, alpha, options.tuned_n) +
                        SequenceRadius(control.n, *sigma0, alpha, options.tuned_n);
  double low = difference - radius;
  double high = difference + radius;
  if (options.bounds.has_value()) {
    const double width = options.bounds->high - options.bounds->low;
    low = std::max(low, -width);
    high = std::min(high, width);
  }
  SetInterval(low, high, estimate);
  SetDetail("radius", radius, estimate);
  return effect;
}

}  // namespace throughline
