// Survey models: NPS, CSAT and CES from a histogram of scores. Pure functions; any thread.
//
// In all of them a score outside the scale, or not whole, is counted in excluded["invalid_score"], an event without a
// score in excluded["missing_score"]; n is the number of valid answers. Without any the estimate is undefined.
#pragma once

#include <cstdint>

#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

// Answers to "would you recommend us", by class.
struct NpsCounts {
  int64_t detractors = 0;  // 0 … 6
  int64_t passives = 0;    // 7, 8
  int64_t promoters = 0;   // 9, 10
};

// NPS as a share in [−1, 1], with its moments and intervals.
//
// With p₊, p₋ the shares of promoters and detractors: NPS = p₊ − p₋; variance of one answer s² = p₊ + p₋ − (p₊ − p₋)²
// (divisor n); standard error √(s²/n). Wald: NPS ± z·SE. Adjusted Wald (B. Rocks, "Interval Estimation for the Net
// Promoter Score", The American Statistician 70, 2016): the same on the counts after adding ¾, 1½, ¾ to detractors,
// passives and promoters; its centre is not the raw NPS. Intervals are not cut off at ±1.
struct NpsMoments {
  double nps = 0;
  double variance = 0;
  double standard_error = 0;
  Interval wald;
  double adjusted_center = 0;
  double adjusted_standard_error = 0;
  Interval adjusted_wald;
};
// The sum of the counts must be positive.
NpsMoments ComputeNpsMoments(const NpsCounts& counts, double confidence);

// Net Promoter Score on answers 0 … 10 (F. Reichheld, "The One Number You Need to Grow", HBR 2003), in points: −100 to
// 100. Value: the raw score; interval: adjusted Wald, in points, not cut off at ±100.
// Details: promoters, passives, detractors (counts), mean, standard_error (points).
Estimate NpsEstimate(const ScoreHistogram& scores, const EstimateOptions& options);

// Customer satisfaction on a scale 1 … scale_points, which is 5, 7 or 10: the share of the two top boxes, with a Wilson
// interval. Unit: share, 0 to 1. Details: mean (in points of the scale) with mean_low and mean_high (Student's t),
// top_box (count); for 10 points also index = (mean − 1)/9·100, as the American Customer Satisfaction Index scales it
// (Fornell et al., Journal of Marketing 60, 1996).
Estimate CsatEstimate(const ScoreHistogram& scores, int scale_points, const EstimateOptions& options);

// Customer effort score (Dixon, Freeman & Toman, "Stop Trying to Delight Your Customers", HBR 2010). Version 1: "how
// much effort", 1 … 5, lower is better. Version 2: "made it easy", 1 … 7, higher is better. Value: the mean, in points
// of the scale, in both; interval: Student's t. Details of version 2: share_5_7 with share_5_7_low and share_5_7_high
// (Wilson): the share of those who agree.
Estimate CesEstimate(const ScoreHistogram& scores, int ces_version, const EstimateOptions& options);

}  // namespace throughline
