// Health score: one number from several measures, that can always say what it is made of. Pure functions; any thread.
//
// Health = Σ wₖ·sₖ / Σ wₖ over the components *with data*; each score sₖ is on the scale 0 … 100. coverage = Σ wₖ with
// data / Σ wₖ of all. Below `min_coverage` the score is undefined, and says so: a score of the components that happen
// to be there would compare unlike things.
//
// Interval: if every component with data brings the standard error of its score, ± z·√Σ(ωₖ·seₖ)² with ωₖ = wₖ/Σw,
// taking the components as independent; else none, and the method says so.
//
// INVALID_FIELD: names that are empty or come twice, weights or errors that are negative or not finite, no positive
// weight, scores outside 0 … 100, too many components.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kHealthComponentsMax = 100;

struct HealthComponent {
  std::string name;
  double weight = 0;
  std::optional<double> score;           // 0 … 100; absent without data
  std::optional<double> standard_error;  // of the score
};

struct HealthOptions : EstimateOptions {
  double min_coverage = 0.5;  // 0 … 1
};

struct HealthContribution {
  std::string name;
  double share = 0;         // ωₖ of the weight with data; 0 without data
  double contribution = 0;  // ωₖ·sₖ, in points of the score
  bool has_data = false;
};

struct Health {
  // Points, 0 … 100. n: components with data. Details: coverage, components. Excluded: no_data.
  Estimate score;
  double coverage = 0;
  // By name. Their contributions, added one after another in this order, are the score, to the last bit.
  std::vector<HealthContribution> contributions;
};
absl::StatusOr<Health> HealthScore(const std::vector<HealthComponent>& components, const HealthOptions& options);

// Why the score moved. For each component, by_score = mean ω·Δs (its own score moved) and by_weight = mean (s −
// reference)·Δω (it counts for more or less: weights, or data that came or went), where the reference is the mean of
// the two health scores: a component above it lifts the score when it counts for more. A component that has data at one
// time only is by_weight altogether. Σ by_score + Σ by_weight = change, which is the later score less the earlier to
// 1e-12 of the scale.
struct HealthMove {
  std::string name;
  double by_score = 0;
  double by_weight = 0;
};
struct HealthChange {
  Estimate change;                // points; undefined if either score is. Details: by_score, by_weight, coverage_change
  std::vector<HealthMove> moves;  // by name; all components of either time
};
absl::StatusOr<HealthChange> HealthMovement(const std::vector<HealthComponent>& before,
                                            const std::vector<HealthComponent>& after, const HealthOptions& options);

}  // namespace throughline
