#include "throughline/models/survey.h"

#include <cmath>

#include "services/metrics/models/method.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr char kNoAnswers[] = "No valid answers in the window.";

// The valid answers of one scale, in integers: sums of whole scores are exact.
struct ScaleSums {
  int64_t n = 0;
  int64_t sum = 0;
  int64_t sum_of_squares = 0;

  double Mean() const { return static_cast<double>(sum) / static_cast<double>(n); }
  // With divisor n − 1; n must be at least 2. The numerator n·Σx² − (Σx)² is exact while below 2⁶³, which takes
  // 30 million answers; above, long double keeps it to 64 bits.
  double SampleVariance() const {
    const long double count = n;
    const long double numerator = count * sum_of_squares - static_cast<long double>(sum) * sum;
    return static_cast<double>(numerator / (count * (count - 1)));
  }
};

// Sums the answers within [low, high] and counts the others as excluded.
ScaleSums SumScale(const ScoreHistogram& scores, int low, int high, Estimate& estimate) {
  ScaleSums sums;
  int64_t invalid = scores.other;
  for (int score = 0; score <= ScoreHistogram::kScoreMax; ++score) {
    const int64_t count = scores.counts[score];
    if (score < low || score > high) {
      invalid += count;
      continue;
    }
    sums.n += count;
    sums.sum += count * score;
    sums.sum_of_squares += count * score * score;
  }
  Exclude("invalid_score", invalid, estimate);
  Exclude("missing_score", scores.missing, estimate);
  if (sums.n == 0) estimate.undefined_reason = kNoAnswers;
  return sums;
}

int64_t CountBetween(const ScoreHistogram& scores, int low, int high) {
  int64_t count = 0;
  for (int score = low; score <= high; ++score) count += scores.counts[score];
  return count;
}

std::optional<Interval> MeanInterval(const ScaleSums& sums, double confidence) {
  if (sums.n < 2) return std::nullopt;
  return StudentTInterval(sums.Mean(), sums.SampleVariance(), sums.n, confidence);
}

void AddDetail(const char* name, const std::optional<Interval>& interval, Estimate& estimate) {
  if (!interval.has_value()) return;
  estimate.details[std::string(name) + "_low"] = interval->low;
  estimate.details[std::string(name) + "_high"] = interval->high;
}

// Score and variance of one answer for counts that need not be whole.
struct ShareMoments {
  double nps = 0;
  double variance = 0;
  double standard_error = 0;
};
ShareMoments MomentsOf(double detractors, double passives, double promoters) {
  const double n = detractors + passives + promoters;
  const double up = promoters / n;
  const double down = detractors / n;
  const double variance = up + down - (up - down) * (up - down);
  return {.nps = (promoters - detractors) / n, .variance = variance, .standard_error = std::sqrt(variance / n)};
}

}  // namespace

NpsMoments ComputeNpsMoments(const NpsCounts& counts, double confidence) {
  const double z = NormalQuantile(0.5 + confidence / 2);
  const auto detractors = static_cast<double>(counts.detractors);
  const auto passives = static_cast<double>(counts.passives);
  const auto promoters = static_cast<double>(counts.promoters);
  const ShareMoments raw = MomentsOf(detractors, passives, promoters);
  const ShareMoments adjusted = MomentsOf(detractors + 0.75, passives + 1.5, promoters + 0.75);
  NpsMoments moments;
  moments.nps = raw.nps;
  moments.variance = raw.variance;
  moments.standard_error = raw.standard_error;
  moments.wald = {.low = raw.nps - z * raw.standard_error, .high = raw.nps + z * raw.standard_error};
  moments.adjusted_center = adjusted.nps;
  moments.adjusted_standard_error = adjusted.standard_error;
  moments.adjusted_wald = {.low = adjusted.nps - z * adjusted.standard_error,
                           .high = adjusted.nps + z * adjusted.standard_error};
  return moments;
}

Estimate NpsEstimate(const ScoreHistogram& scores, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("nps", "adjusted-wald", options.confidence_level);
  const ScaleSums sums = SumScale(scores, 0, 10, estimate);
  if (sums.n == 0) return estimate;
  const NpsCounts counts = {.detractors = CountBetween(scores, 0, 6),
                            .passives = CountBetween(scores, 7, 8),
                            .promoters = CountBetween(scores, 9, 10)};
  const NpsMoments moments = ComputeNpsMoments(counts, options.confidence_level);
  SetValue(moments.nps * 100, sums.n, options, estimate);
  estimate.interval = Interval{.low = moments.adjusted_wald.low * 100, .high = moments.adjusted_wald.high * 100};
  estimate.details = {{"promoters", static_cast<double>(counts.promoters)},
                      {"passives", static_cast<double>(counts.passives)},
                      {"detractors", static_cast<double>(counts.detractors)},
                      {"mean", sums.Mean()},
                      {"standard_error", moments.standard_error * 100}};
  return estimate;
}

Estimate CsatEstimate(const ScoreHistogram& scores, int scale_points, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("csat top-2-box", "wilson", options.confidence_level);
  const ScaleSums sums = SumScale(scores, 1, scale_points, estimate);
  if (sums.n == 0) return estimate;
  const int64_t top_box = CountBetween(scores, scale_points - 1, scale_points);
  SetValue(static_cast<double>(top_box) / static_cast<double>(sums.n), sums.n, options, estimate);
  estimate.interval = WilsonInterval(top_box, sums.n, options.confidence_level);
  estimate.details = {{"mean", sums.Mean()}, {"top_box", static_cast<double>(top_box)}};
  AddDetail("mean", MeanInterval(sums, options.confidence_level), estimate);
  if (scale_points == 10) estimate.details["index"] = (sums.Mean() - 1) / 9 * 100;
  return estimate;
}

Estimate CesEstimate(const ScoreHistogram& scores, int ces_version, const EstimateOptions& options) {
  Estimate estimate;
  const bool second = ces_version == 2;
  estimate.method = MethodText(second ? "ces-2 mean" : "ces-1 mean", "student-t", options.confidence_level);
  const ScaleSums sums = SumScale(scores, 1, second ? 7 : 5, estimate);
  if (sums.n == 0) return estimate;
  SetValue(sums.Mean(), sums.n, options, estimate);
  estimate.interval = MeanInterval(sums, options.confidence_level);
  if (second) {
    const int64_t agree = CountBetween(scores, 5, 7);
    estimate.details["share_5_7"] = static_cast<double>(agree) / static_cast<double>(sums.n);
    AddDetail("share_5_7", WilsonInterval(agree, sums.n, options.confidence_level), estimate);
  }
  return estimate;
}

}  // namespace throughline
