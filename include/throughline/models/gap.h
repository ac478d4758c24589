// Expectation against performance, attribute by attribute. Pure function; any thread.
//
// Gap = P − E on one scale (Parasuraman, Zeithaml & Berry, Journal of Retailing 64, 1988): below 0, customers got less
// than they expected. Only answers with both count; the others are excluded["incomplete_pair"], answers outside the
// scale excluded["invalid_score"]. Interval: paired t on the differences.
//
// Importance is stated for all attributes, or derived for all: the correlation of the performance with the overall
// satisfaction, over the answers that have both. Quadrants as Martilla & James (Journal of Marketing 41, 1977), with
// the grand means as cross-hair: an attribute is of high importance (performance) if its importance (mean performance)
// is at least the plain mean over the attributes that have both.
//
// Rank: by priority = −gap × importance × traffic × revenue, the largest first; a derived importance below 0 counts as
// 0. So what falls short most, where it matters most, comes first, and what exceeds expectations comes last.
//
// INVALID_FIELD: importance stated for some attributes only, an empty scale, negative or infinite weights, too many
// attributes or answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kGapAttributesMax = 1000;
constexpr size_t kGapAnswersMax = 5000000;  // over all attributes

// What one customer says of one attribute.
struct GapAnswer {
  std::optional<double> expectation, performance;
  std::optional<double> overall;  // overall satisfaction, on any scale
};

struct GapAttribute {
  std::string name;
  std::vector<GapAnswer> answers;  // their order does not matter
  std::optional<double> stated_importance;
  double traffic = 1;  // visits, customers or a share: anything that compares attributes
  double revenue = 1;  // what a visit is worth, in one currency
};

struct GapQuestion {
  double scale_low = 1;
  double scale_high = 10;
  std::vector<GapAttribute> attributes;
};

enum class GapQuadrant {
  kNone,             // without a mean performance or an importance
  kConcentrateHere,  // important, performs low
  kKeepUp,           // important, performs high
  kLowPriority,      // neither
  kOverkill,         // unimportant, performs high
};

struct AttributeGap {
  std::string name;
  // P − E in points of the scale. Details: expectation, performance (means over the pairs), standard_error, t, p_value.
  Estimate gap;
  // Derived: interval by Fisher's z (Biometrika 10, 1915), and n the answers that it rests on. Stated: no interval.
  Estimate importance;
  Estimate performance;  // mean over the answers with a valid performance; Student's t
  GapQuadrant quadrant = GapQuadrant::kNone;
  std::optional<double> priority;  // absent if gap or importance is undefined
  int rank = 0;                    // from 1; 0 without priority. Equal priorities: by name
};

struct GapReport {
  std::vector<AttributeGap> attributes;  // in the order of the question
  // The cross-hair; absent if no attribute has both.
  std::optional<double> performance_mean, importance_mean;
  std::string cross_hair_rule;  // in words
};
absl::StatusOr<GapReport> ExpectationGap(const GapQuestion& question, const EstimateOptions& options);

}  // namespace throughline
