#include "throughline/models/gap.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/quiet_math.h"
#include "throughline/errors.h"
#include "throughline/models/effects.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

absl::Status CheckAttribute(const std::string& path, const GapAttribute& attribute, bool stated) {
  if (attribute.stated_importance.has_value() != stated) {
    return InvalidField(FieldPath(path, "stated_importance"), "must be given for all attributes, or for none");
  }
  const std::pair<const char*, double> weights[] = {{"stated_importance", attribute.stated_importance.value_or(0)},
                                                    {"traffic", attribute.traffic},
                                                    {"revenue", attribute.revenue}};
  for (const auto& [name, value] : weights) {
    if (!(value >= 0) || std::isinf(value)) {
      return InvalidField(FieldPath(path, name), "must be finite and not negative");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckQuestion(const GapQuestion& question, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (!std::isfinite(question.scale_high - question.scale_low) || question.scale_low >= question.scale_high) {
    return InvalidField("scale_high", "must be above scale_low");
  }
  const auto& attributes = question.attributes;
  if (absl::Status status = CheckCount("attributes", attributes.size(), kGapAttributesMax); !status.ok()) return status;
  size_t answers = 0;
  for (size_t i = 0; i < attributes.size(); ++i) {
    answers += attributes[i].answers.size();
    const bool stated = attributes.front().stated_importance.has_value();
    const std::string path = FieldPath("attributes", i);
    if (absl::Status status = CheckAttribute(path, attributes[i], stated); !status.ok()) return status;
  }
  return CheckCount("answers", answers, kGapAnswersMax);
}

// The valid score, or nothing. Comparisons with NaN are false.
std::optional<double> Valid(const std::optional<double>& score, const GapQuestion& question) {
  if (!score.has_value() || !(*score >= question.scale_low && *score <= question.scale_high)) return std::nullopt;
  return score;
}

// Scores of a bounded scale: the moments always exist.
SampleMoments MomentsOf(std::vector<double> values) {
  return MomentsOfValues(std::move(values)).value_or(SampleMoments());
}

void SetMean(const SampleMoments& moments, const char* reason, const EstimateOptions& options, Estimate& estimate) {
  estimate.n = moments.n;
  if (moments.n == 0) return SetUndefined(reason, estimate);
  SetFiniteValue(moments.mean, moments.n, options, estimate);
  const auto interval = StudentTInterval(moments.mean, moments.variance, moments.n, options.confidence_level);
  if (interval.has_value()) SetInterval(interval->low, interval->high, estimate);
}

void FillGap(const GapAttribute& attribute, const GapQuestion& question, const EstimateOptions& options,
             AttributeGap& out) {
  std::vector<double> differences, expectations, performances, all_performances;
  int64_t invalid = 0;
  int64_t incomplete = 0;
  for (const GapAnswer& answer : attribute.answers) {
    const auto expectation = Valid(answer.expectation, question);
    const auto performance = Valid(answer.performance, question);
    if (performance.has_value()) all_performances.push_back(*performance);
    if (answer.expectation.has_value() != expectation.has_value() ||
        answer.performance.has_value() != performance.has_value()) {
      ++invalid;
    } else if (!expectation.has_value() || !performance.has_value()) {
      ++incomplete;
    } else {
      differences.push_back(*performance - *expectation);
      expectations.push_back(*expectation);
      performances.push_back(*performance);
    }
  }
  out.gap.method = MethodText("performance minus expectation", "paired-t", options.confidence_level);
  out.performance.method = MethodText("mean", "student-t", options.confidence_level);
  Exclude("invalid_score", invalid, out.gap);
  Exclude("incomplete_pair", incomplete, out.gap);
  SetMean(MomentsOf(std::move(all_performances)), "No valid answers on performance.", options, out.performance);
  const SampleMoments moments = MomentsOf(std::move(differences));
  SetMean(moments, "No answers with both expectation and performance.", options, out.gap);
  if (moments.n == 0) return;
  SetDetail("expectation", MomentsOf(std::move(expectations)).mean, out.gap);
  SetDetail("performance", MomentsOf(std::move(performances)).mean, out.gap);
  if (!(moments.variance > 0)) return;
  const double error = std::sqrt(moments.variance / static_cast<double>(moments.n));
  const boost::math::students_t_distribution<double, QuietMath> distribution(static_cast<double>(moments.n - 1));
  SetDetail("standard_error", error, out.gap);
  SetDetail("t", moments.mean / error, out.gap);
  SetDetail("p_value", 2 * boost::math::cdf(distribution, -std::abs(moments.mean / error)), out.gap);
}

// Pearson's correlation of performance and overall satisfaction.
void DeriveImportance(const GapAttribute& attribute, const GapQuestion& question, const EstimateOptions& options,
                      Estimate& estimate) {
  std::vector<std::pair<double, double>> pairs;
  for (const GapAnswer& answer : attribute.answers) {
    const auto performance = Valid(answer.performance, question);
    if (performance.has_value() && std::isfinite(answer.overall.value_or(NAN))) {
      pairs.emplace_back(*performance, *answer.overall);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  estimate.method = MethodText("correlation with overall satisfaction", "fisher-z", options.confidence_level);
  estimate.n = static_cast<int64_t>(pairs.size());
  Exclude("incomplete_pair", static_cast<int64_t>(attribute.answers.size()) - estimate.n, estimate);
  if (pairs.size() < 3) return SetUndefined("A correlation needs at least three answers.", estimate);
  double mean_x = 0, mean_y = 0;
  const auto n = static_cast<double>(pairs.size());
  for (const auto& [x, y] : pairs) {
    mean_x += x / n;
    mean_y += y / n;
  }
  double xx = 0, yy = 0, xy = 0;
  for (const auto& [x, y] : pairs) {
    xx += (x - mean_x) * (x - mean_x);
    yy += (y - mean_y) * (y - mean_y);
    xy += (x - mean_x) * (y - mean_y);
  }
  const bool equal_y =
      std::all_of(pairs.begin(), pairs.end(), [&](const auto& p) { return p.second == pairs[0].second; });
  if (pairs.front().first == pairs.back().first || equal_y || !(xx > 0) || !(yy > 0)) {
    return SetUndefined("All answers are equal: there is no correlation.", estimate);
  }
  const double r = std::clamp(xy / std::sqrt(xx) / std::sqrt(yy), -1.0, 1.0);
  SetFiniteValue(r, estimate.n, options, estimate);
  if (pairs.size() < 4 || std::abs(r) >= 1) return;
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) / std::sqrt(n - 3);
  SetInterval(std::tanh(std::atanh(r) - half), std::tanh(std::atanh(r) + half), estimate);
}

bool Defined(const Estimate& estimate) { return estimate.state != Estimate::State::kUndefined; }

// Sorted first, so that the order of the attributes does not matter; divided first, as a sum may overflow.
double MeanOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  return mean;
}

void PlaceInQuadrants(GapReport& report) {
  std::vector<double> performances, importances;
  for (const AttributeGap& each : report.attributes) {
    if (!Defined(each.performance) || !Defined(each.importance)) continue;
    performances.push_back(each.performance.value);
    importances.push_back(each.importance.value);
  }
  report.cross_hair_rule = "grand means of performance and importance over the attributes; at least the mean is high";
  if (performances.empty()) return;
  const double performance_mean = MeanOf(performances);
  const double importance_mean = MeanOf(importances);
  report.performance_mean = performance_mean;
  report.importance_mean = importance_mean;
  // Equal values have a mean that rounding may put above them: they are high by the rule.
  const auto high = [](double value, double mean) { return value >= mean - 1e-12 * std::abs(mean); };
  for (AttributeGap& each : report.attributes) {
    if (!Defined(each.performance) || !Defined(each.importance)) continue;
    const bool performs = high(each.performance.value, performance_mean);
    const bool matters = high(each.importance.value, importance_mean);
    each.quadrant = matters ? (performs ? GapQuadrant::kKeepUp : GapQuadrant::kConcentrateHere)
                            : (performs ? GapQuadrant::kOverkill : GapQuadrant::kLowPriority);
  }
}

void Rank(const GapQuestion& question, GapReport& report) {
  std::vector<AttributeGap*> ranked;
  for (size_t i = 0; i < report.attributes.size(); ++i) {
    AttributeGap& each = report.attributes[i];
    if (!Defined(each.gap) || !Defined(each.importance)) continue;
    const GapAttribute& attribute = question.attributes[i];
    const double priority =
        -each.gap.value * std::max(each.importance.value, 0.0) * attribute.traffic * attribute.revenue;
    if (!std::isfinite(priority)) continue;
    each.priority = priority == 0 ? 0 : priority;  // not −0
    ranked.push_back(&each);
  }
  std::sort(ranked.begin(), ranked.end(), [](const AttributeGap* a, const AttributeGap* b) {
    return *a->priority != *b->priority ? *a->priority > *b->priority : a->name < b->name;
  });
  for (size_t i = 0; i < ranked.size(); ++i) ranked[i]->rank = static_cast<int>(i) + 1;
}

}  // namespace

absl::StatusOr<GapReport> ExpectationGap(const GapQuestion& question, const EstimateOptions& options) {
  if (absl::Status status = CheckQuestion(question, options); !status.ok()) return status;
  GapReport report;
  for (const GapAttribute& attribute : question.attributes) {
    AttributeGap& out = report.attributes.emplace_back();
    out.name = attribute.name;
    FillGap(attribute, question, options, out);
    if (attribute.stated_importance.has_value()) {
      out.importance.method = "stated importance, no interval";
      SetFiniteValue(*attribute.stated_importance, static_cast<int64_t>(attribute.answers.size()), options,
                     out.importance);
    } else {
      DeriveImportance(attribute, question, options, out.importance);
    }
  }
  PlaceInQuadrants(report);
  Rank(question, report);
  return report;
}

}  // namespace throughline
