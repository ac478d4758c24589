#include "throughline/models/health.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr double kScoreMax = 100;

bool FiniteAndNotNegative(double value) { return value >= 0 && std::isfinite(value); }

absl::Status CheckComponents(const std::vector<HealthComponent>& sorted, const HealthOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (!(options.min_coverage >= 0 && options.min_coverage <= 1)) {
    return InvalidField("min_coverage", "must lie between 0 and 1");
  }
  if (absl::Status status = CheckCount("components", sorted.size(), kHealthComponentsMax); !status.ok()) return status;
  double total = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const HealthComponent& component = sorted[i];
    const std::string path = FieldPath("components", component.name);
    if (component.name.empty()) return MissingField("components.name");
    if (i > 0 && component.name == sorted[i - 1].name) return InvalidField(path, "comes twice");
    if (!FiniteAndNotNegative(component.weight)) return InvalidField(path, "must have a weight of at least 0");
    if (!FiniteAndNotNegative(component.standard_error.value_or(0))) {
      return InvalidField(path, "must have a standard error of at least 0");
    }
    if (!(component.score.value_or(0) >= 0 && component.score.value_or(0) <= kScoreMax)) {
      return InvalidField(path, "must have a score between 0 and 100");
    }
    total += component.weight;
  }
  if (!(total > 0) || !std::isfinite(total))
    return InvalidField("components", "need a positive, finite sum of weights");
  return absl::OkStatus();
}

std::vector<HealthComponent> ByName(std::vector<HealthComponent> components) {
  std::sort(components.begin(), components.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return components;
}

// Half the width of the interval; absent if a component with data does not say how sure it is.
std::optional<double> HalfWidth(const std::vector<HealthComponent>& sorted, const Health& health, double confidence) {
  double variance = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (!health.contributions[i].has_data) continue;
    if (!sorted[i].standard_error.has_value()) return std::nullopt;
    variance += std::pow(health.contributions[i].share * *sorted[i].standard_error, 2);
  }
  if (!(variance > 0)) return std::nullopt;
  return NormalQuantile(0.5 + confidence / 2) * std::sqrt(variance);
}

}  // namespace

absl::StatusOr<Health> HealthScore(const std::vector<HealthComponent>& components, const HealthOptions& options) {
  const std::vector<HealthComponent> sorted = ByName(components);
  if (absl::Status status = CheckComponents(sorted, options); !status.ok()) return status;
  Health health;
  double total = 0, with_data = 0;
  int64_t n = 0;
  for (const HealthComponent& component : sorted) {
    total += component.weight;
    if (!component.score.has_value()) continue;
    with_data += component.weight;
    ++n;
  }
  health.coverage = with_data / total;
  health.score.n = n;
  health.score.method = "weighted mean of components, no interval";
  Exclude("no_data", static_cast<int64_t>(sorted.size()) - n, health.score);
  double score = 0;
  for (const HealthComponent& component : sorted) {
    HealthContribution& out = health.contributions.emplace_back();
    out.name = component.name;
    if (!component.score.has_value() || !(with_data > 0)) continue;
    out.has_data = true;
    out.share = component.weight / with_data;
    out.contribution = out.share * *component.score;
    score += out.contribution;
  }
  if (!(with_data > 0)) {
    SetUndefined("No component with a weight has data.", health.score);
    return health;
  }
  if (health.coverage < options.min_coverage) {
    SetUndefined(absl::StrFormat("Components with data carry %.0f%% of the weight; %.0f%% are needed.",
                                 std::floor(health.coverage * 100), options.min_coverage * 100),
                 health.score);
    return health;
  }
  SetFiniteValue(score, n, options, health.score);
  SetDetail("coverage", health.coverage, health.score);
  SetDetail("components", static_cast<double>(sorted.size()), health.score);
  if (const auto half = HalfWidth(sorted, health, options.confidence_level)) {
    health.score.method = MethodText("weighted mean of independent components", "wald", options.confidence_level);
    SetInterval(std::max(score - *half, 0.0), std::min(score + *half, kScoreMax), health.score);
  }
  return health;
}

absl::StatusOr<HealthChange> HealthMovement(const std::vector<HealthComponent>& before,
                                            const std::vector<HealthComponent>& after, const HealthOptions& options) {
  const absl::StatusOr<Health> from = HealthScore(before, options);
  if (!from.ok()) return WithFieldPrefix("before", from.status());
  const absl::StatusOr<Health> to = HealthScore(after, options);
  if (!to.ok()) return WithFieldPrefix("after", to.status());
  HealthChange out;
  out.change.method = "change of a weighted mean, no interval";
  for (const auto& [time, health] : {std::pair("earlier", &*from), std::pair("later", &*to)}) {
    if (health->score.state != Estimate::State::kUndefined) continue;
    SetUndefined(absl::StrFormat("The %s score is undefined: %s", time, health->score.undefined_reason), out.change);
    return out;
  }
  struct Ends {
    std::optional<double> score[2];
    double share[2] = {0, 0};
  };
  std::map<std::string, Ends> components;
  for (int time = 0; time < 2; ++time) {
    for (const HealthComponent& component : time == 0 ? before : after) {
      components[component.name].score[time] = component.score;
    }
    for (const HealthContribution& each : (time == 0 ? *from : *to).contributions) {
      components[each.name].share[time] = each.share;
    }
  }
  const double reference = (from->score.value + to->score.value) / 2;
  double by_score = 0, by_weight = 0;
  for (const auto& [name, ends] : components) {
    HealthMove& move = out.moves.emplace_back();
    move.name = name;
    const double first = ends.score[0].value_or(ends.score[1].value_or(reference));
    const double last = ends.score[1].value_or(first);
    move.by_score = (ends.share[0] + ends.share[1]) / 2 * (last - first);
    move.by_weight = ((first + last) / 2 - reference) * (ends.share[1] - ends.share[0]);
    by_score += move.by_score;
    by_weight += move.by_weight;
  }
  SetFiniteValue(by_score + by_weight, std::min(from->score.n, to->score.n), options, out.change);
  SetDetail("by_score", by_score, out.change);
  SetDetail("by_weight", by_weight, out.change);
  SetDetail("coverage_change", to->coverage - from->coverage, out.change);
  return out;
}

}  // namespace throughline
