#include "throughline/models/attribution.h"

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// A path with channels as places in the sorted list of names.
struct Path {
  absl::Span<const uint16_t> channels;
  int64_t conversions = 0;
  double value = 0;
  int64_t nulls = 0;
  absl::Span<const double> days_before;
};

struct Paths {
  std::vector<std::string> names;  // sorted
  std::vector<uint16_t> touches;   // of all paths, one after the other
  std::vector<Path> paths;         // with at least one touch, in an order that does not depend on the input's
  int64_t conversions_without_touch = 0;
};

absl::Status CheckPath(const AttributionPath& path, size_t index) {
  const auto bad = [&](absl::string_view field, absl::string_view problem) {
    return InvalidField(FieldPath(FieldPath("paths", index), field), problem);
  };
  if (path.conversions < 0 || path.nulls < 0) return bad("conversions", "Counts must not be negative.");
  if (path.conversions > kAttributionCountMax || path.nulls > kAttributionCountMax) {
    return LimitExceeded("a count of a path", kAttributionCountMax, "customers");
  }
  if (!std::isfinite(path.value) || std::abs(path.value) > 1e300 / kAttributionPathsMax) {
    return bad("value", "Must be a finite number.");
  }
  if (path.conversions == 0 && path.value != 0) return bad("value", "Must be 0 where nobody converted.");
  if (!path.days_before.empty() && path.days_before.size() != path.channels.size()) {
    return bad("days_before", "Must be empty, or as long as channels.");
  }
  for (const double days : path.days_before) {
    if (!std::isfinite(days) || days < 0) return bad("days_before", "Must be finite and not negative.");
  }
  return absl::OkStatus();
}

bool Before(const Path& a, const Path& b) {
  const size_t common = std::min(a.channels.size(), b.channels.size());
  const auto [at_a, at_b] = std::mismatch(a.channels.begin(), a.channels.begin() + common, b.channels.begin());
  if (at_a != a.channels.begin() + common) return *at_a < *at_b;
  const auto key = [](const Path& path) {
    return std::tuple(path.channels.size(), path.conversions, path.nulls, path.value, path.days_before.size());
  };
  if (key(a) != key(b)) return key(a) < key(b);
  return std::lexicographical_compare(a.days_before.begin(), a.days_before.end(), b.days_before.begin(),
                                      b.days_before.end());
}

// Numbers the channels by name, not by first appearance.
absl::Status Intern(absl::Span<const AttributionPath> input, Paths& out) {
  absl::flat_hash_map<absl::string_view, uint16_t> ids;
  std::vector<absl::string_view> seen;
  for (const AttributionPath& path : input) {
    for (const std::string& channel : path.channels) {
      const auto [at, is_new] = ids.try_emplace(channel, static_cast<uint16_t>(seen.size()));
      if (is_new) seen.push_back(channel);
      if (seen.size() > kAttributionChannelsMax) {
        return LimitExceeded("the channels of an attribution", kAttributionChannelsMax, "channels");
      }
      out.touches.push_back(at->second);
    }
  }
  std::vector<uint16_t> order(seen.size());
  std::iota(order.begin(), order.end(), uint16_t{0});
  std::sort(order.begin(), order.end(), [&](uint16_t a, uint16_t b) { return seen[a] < seen[b]; });
  std::vector<uint16_t> places(seen.size());
  for (size_t i = 0; i < order.size(); ++i) {
    places[order[i]] = static_cast<uint16_t>(i);
    out.names.emplace_back(seen[order[i]]);
  }
  for (uint16_t& touch : out.touches) touch = places[touch];
  return absl::OkStatus();
}

absl::StatusOr<Paths> ReadPaths(absl::Span<const AttributionPath> input) {
  if (input.size() > kAttributionPathsMax) {
    return LimitExceeded("the paths of an attribution", kAttributionPathsMax, "paths");
  }
  Paths out;
  size_t touches = 0;
  for (size_t i = 0; i < input.size(); ++i) {
    if (absl::Status status = CheckPath(input[i], i); !status.ok()) return status;
    touches += input[i].channels.size();
  }
  if (touches > kAttributionTouchesMax) {
    return LimitExceeded("the touches of an attribution", kAttributionTouchesMax, "touches");
  }
  out.touches.reserve(touches);
  if (absl::Status status = Intern(input, out); !status.ok()) return status;
  size_t begin = 0;
  for (const AttributionPath& path : input) {
    const size_t size = path.channels.size();
    if (size == 0) {
      out.conversions_without_touch += path.conversions;
    } else if (path.conversions > 0 || path.nulls > 0) {
      out.paths.push_back({absl::MakeConstSpan(out.touches).subspan(begin, size), path.conversions, path.value,
                           path.nulls, path.days_before});
    }
    begin += size;
  }
  std::sort(out.paths.begin(), out.paths.end(), Before);
  return out;
}

// The weights of a path's touches, which sum up to 1; empty where the rule has none for it.
void TouchWeights(const Path& path, AttributionRule rule, double half_life_days, std::vector<double>& weights) {
  const size_t size = path.channels.size();
  weights.assign(size, 0);
  switch (rule) {
    case AttributionRule::kFirst:
      weights.front() = 1;
      break;
    case AttributionRule::kLast:
      weights.back() = 1;
      break;
    case AttributionRule::kPosition:
      if (size <= 2) {
        weights.assign(size, 1 / static_cast<double>(size));
      } else {
        weights.assign(size, 0.2 / static_cast<double>(size - 2));
        weights.front() = weights.back() = 0.4;
      }
      break;
    case AttributionRule::kTimeDecay: {
      if (path.days_before.empty()) {
        weights.clear();
        break;
      }
      // Measured from the latest touch, whose weight is 1: the sum can neither underflow nor overflow.
      const double latest = *std::min_element(path.days_before.begin(), path.days_before.end());
      double sum = 0;
      for (size_t i = 0; i < size; ++i) sum += weights[i] = std::exp2(-(path.days_before[i] - latest) / half_life_days);
      for (double& weight : weights) weight /= sum;
      break;
    }
    default:
      weights.assign(size, 1 / static_cast<double>(size));
  }
}

void CreditByTouches(const Paths& paths, AttributionRule rule, double half_life_days, Attribution& out) {
  std::vector<double> weights;
  for (const Path& path : paths.paths) {
    if (path.conversions == 0) continue;
    TouchWeights(path, rule, half_life_days, weights);
    if (weights.empty()) {
      out.excluded["conversion_without_times"] += path.conversions;
      continue;
    }
    out.conversions += path.conversions;
    out.value += path.value;
    for (size_t i = 0; i < weights.size(); ++i) {
      ChannelCredit& credit = out.channels[path.channels[i]];
      credit.conversions += weights[i] * static_cast<double>(path.conversions);
      credit.value += weights[i] * path.value;
    }
  }
}

void CreditByShapley(const Paths& paths, Attribution& out) {
  std::vector<uint16_t> different;
  for (const Path& path : paths.paths) {
    if (path.conversions == 0) continue;
    different.assign(path.channels.begin(), path.channels.end());
    std::sort(different.begin(), different.end());
    different.erase(std::unique(different.begin(), different.end()), different.end());
    const auto parts = static_cast<double>(different.size());
    out.conversions += path.conversions;
    out.value += path.value;
    for (const uint16_t channel : different) {
      out.channels[channel].conversions += static_cast<double>(path.conversions) / parts;
      out.channels[channel].value += path.value / parts;
    }
  }
}

// Counts of the chain's steps. Counts are whole numbers below 2^53 in all but absurd inputs: sums in doubles are exact.
struct Chain {
  explicit Chain(Eigen::Index channels)
      : steps(Eigen::MatrixXd::Zero(channels, channels)),
        first(Eigen::VectorXd::Zero(channels)),
        converts(Eigen::VectorXd::Zero(channels)),
        ends(Eigen::VectorXd::Zero(channels)) {}
  Eigen::MatrixXd steps;
  Eigen::VectorXd first;
  Eigen::VectorXd converts;
  Eigen::VectorXd ends;  // in null
};

Chain CountSteps(const Paths& paths) {
  Chain chain(static_cast<Eigen::Index>(paths.names.size()));
  for (const Path& path : paths.paths) {
    const double weight = static_cast<double>(path.conversions) + static_cast<double>(path.nulls);
    chain.first(path.channels.front()) += weight;
    for (size_t i = 1; i < path.channels.size(); ++i) {
      // Staying on a channel changes no probability of where the chain ends.
      if (path.channels[i - 1] != path.channels[i]) chain.steps(path.channels[i - 1], path.channels[i]) += weight;
    }
    chain.converts(path.channels.back()) += static_cast<double>(path.conversions);
    chain.ends(path.channels.back()) += static_cast<double>(path.nulls);
  }
  return chain;
}

// 1 − P(conversion without passing the channel)/P(conversion), for each channel; empty if it cannot be computed.
std::vector<double> RemovalEffects(Chain chain) {
  const Eigen::Index n = chain.first.size();
  for (Eigen::Index i = 0; i < n; ++i) {
    const double out = chain.steps.row(i).sum() + chain.converts(i) + chain.ends(i);
    if (out == 0) continue;  // a channel of paths that nobody went
    chain.steps.row(i) /= out;
    chain.converts(i) /= out;
  }
  const Eigen::VectorXd first = chain.first / chain.first.sum();
  // Every channel that is reached leads to an end, so that I − Q is regular; it is an M-matrix, which partial pivoting
  // solves stably.
  const Eigen::MatrixXd inverse =
      (Eigen::MatrixXd::Identity(n, n) - chain.steps).partialPivLu().solve(Eigen::MatrixXd::Identity(n, n));
  const Eigen::VectorXd converts = inverse * chain.converts;
  const Eigen::RowVectorXd visits = first.transpose() * inverse;
  const double total = first.dot(converts);
  std::vector<double> effects;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double effect = visits(i) / inverse(i, i) * converts(i) / total;
    if (!std::isfinite(effect)) return {};
    effects.push_back(std::clamp(effect, 0.0, 1.0));
  }
  return effects;
}

void CreditByMarkov(const Paths& paths, Attribution& out) {
  for (const Path& path : paths.paths) {
    out.conversions += path.conversions;
    out.value += path.value;
  }
  if (out.conversions == 0) return;
  const std::vector<double> effects = RemovalEffects(CountSteps(paths));
  if (effects.empty()) {
    out.undefined_reason = "The chain's equations have no stable solution: its counts differ by too many magnitudes.";
    return;
  }
  const double sum = std::accumulate(effects.begin(), effects.end(), 0.0);
  for (size_t i = 0; i < effects.size(); ++i) {
    out.channels[i].removal_effect = effects[i];
    out.channels[i].conversions = effects[i] / sum * static_cast<double>(out.conversions);
    out.channels[i].value = effects[i] / sum * out.value;
  }
}

std::string MethodOf(AttributionRule rule, double half_life_days) {
  switch (rule) {
    case AttributionRule::kFirst:
      return "attribution first touch";
    case AttributionRule::kLast:
      return "attribution last touch";
    case AttributionRule::kLinear:
      return "attribution linear";
    case AttributionRule::kPosition:
      return "attribution position 40/20/40";
    case AttributionRule::kTimeDecay:
      return absl::StrFormat("attribution time decay, half-life %g d", half_life_days);
    case AttributionRule::kMarkov:
      return "attribution markov order 1, exact";
    case AttributionRule::kShapley:
      return "attribution shapley, exact";
  }
  return "";
}

}  // namespace

absl::StatusOr<Attribution> Attribute(absl::Span<const AttributionPath> paths, AttributionRule rule,
                                      const AttributionOptions& options) {
  if (!std::isfinite(options.half_life_days) || options.half_life_days <= 0) {
    return InvalidField("half_life_days", "Must be a positive number of days.");
  }
  absl::StatusOr<Paths> read = ReadPaths(paths);
  if (!read.ok()) return read.status();
  Attribution out;
  out.method = MethodOf(rule, options.half_life_days);
  for (std::string& name : read->names) out.channels.emplace_back().channel = std::move(name);
  if (read->conversions_without_touch > 0) out.excluded["conversion_without_touch"] = read->conversions_without_touch;
  if (rule == AttributionRule::kMarkov) {
    CreditByMarkov(*read, out);
  } else if (rule == AttributionRule::kShapley) {
    CreditByShapley(*read, out);
  } else {
    CreditByTouches(*read, rule, options.half_life_days, out);
  }
  if (out.conversions == 0) {
    out.undefined_reason = out.excluded.contains("conversion_without_times")
                               ? "Time decay needs the time of each touch before the conversion, and no path has them."
                               : "No path with a touch converted: there is nothing to credit.";
  }
  if (!out.undefined_reason.empty()) {
    out.channels.clear();
    return out;
  }
  for (ChannelCredit& credit : out.channels) credit.share = credit.conversions / static_cast<double>(out.conversions);
  return out;
}

}  // namespace throughline
