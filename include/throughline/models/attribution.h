// Attribution: which channels a conversion is credited to, from paths of touches. Pure function; any thread.
//
// Credit is a way of sharing out what happened, not a measurement of what a channel causes: there is no interval, and
// only an experiment tells what would have happened without a channel (throughline/models/effects.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "throughline/models/estimate.h"

namespace throughline {

inline constexpr size_t kAttributionPathsMax = 2'000'000;
inline constexpr size_t kAttributionTouchesMax = 20'000'000;        // of all paths together
inline constexpr size_t kAttributionChannelsMax = 512;              // a dense matrix of doubles of this order has 2 MB
inline constexpr int64_t kAttributionCountMax = 1'000'000'000'000;  // of a path: the sum of all paths fits 64 bits

// All customers who came the same way. Equal paths may be given several times.
struct AttributionPath {
  std::vector<std::string> channels = {};  // in order of time, repeats kept
  int64_t conversions = 0;
  double value = 0;   // of these conversions together, in any one unit
  int64_t nulls = 0;  // went this way and did not convert
  // From each touch to the conversion, in days, as long as `channels`; empty: not known. Only time decay reads them.
  std::vector<double> days_before = {};
};

enum class AttributionRule {
  kFirst,      // all to the first touch
  kLast,       // all to the last touch
  kLinear,     // the same to each touch; a channel that is touched twice has two parts
  kPosition,   // 40 % to the first, 40 % to the last, 20 % equally to those between; of two touches half each, of one
               // all
  kTimeDecay,  // touch weighted 2^(−days before the conversion / half-life), weights of a path scaled to 1
  // Removal effects of a Markov chain of order 1 (Anderl, Becker, von Wangenheim & Schumann, "Mapping the customer
  // journey", International Journal of Research in Marketing 33, 2016). The states are start, the channels, conversion
  // and null. Rᵢ = 1 − P(conversion without passing i)/P(conversion); credit Rᵢ/ΣR. Solved, not simulated: with
  // N = (I − Q)⁻¹ of one LU factorisation, x = N·r the probability to convert from each channel and s the distribution
  // of the first touch, P = s·x and P(conversion by way of i) = (s·N)ᵢ/Nᵢᵢ·xᵢ. Nulls take part.
  kMarkov,
  // Shapley value of the game v(S) = conversions of paths whose channels all lie in S (Shapley 1953; for attribution
  // Zhao, Mahboobi & Bagheri, arXiv:1804.05327): each path's conversions in equal parts to its different channels.
  kShapley,
};

struct AttributionOptions {
  double half_life_days = 7;  // time decay
};

struct ChannelCredit {
  std::string channel;
  double conversions = 0;                // credited; their sum is the number of conversions that have a path
  double value = 0;                      // credited, in the unit of the paths
  double share = 0;                      // of the credited conversions
  std::optional<double> removal_effect;  // Markov: share of all conversions that pass the channel, in the chain
};

struct Attribution {
  std::string undefined_reason;         // words for people; empty: there is an answer
  std::vector<ChannelCredit> channels;  // by name; with the channels that have no credit
  int64_t conversions = 0;              // credited: of all paths with at least one touch that could be used
  double value = 0;
  std::string method;
  // conversion_without_touch: conversions of paths without a touch; conversion_without_times: time decay alone, of
  // paths whose times are not known.
  std::map<std::string, int64_t> excluded;
};

// Bounds: at most kAttributionPathsMax paths and so on, each count at most kAttributionCountMax. Time: the number of
// touches, and for Markov the cube of the number of channels. The result does not depend on the order of the paths; a
// path that is split into several with the same channels changes sums by rounding alone.
//
// Undefined where no path with a touch converted. INVALID_FIELD: negative counts, numbers that are not finite, lists of
// different lengths, negative times. LIMIT_EXCEEDED: more than the bounds.
absl::StatusOr<Attribution> Attribute(absl::Span<const AttributionPath> paths, AttributionRule rule,
                                      const AttributionOptions& options = {});

}  // namespace throughline
