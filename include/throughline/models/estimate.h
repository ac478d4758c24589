// Estimate: a number with everything that is needed to judge it. What every model returns.
// Plain values; not thread-safe.
//
// "Undefined" is an answer: a model that has nothing to rest on says why, in words, and never returns 0, NaN or an
// infinity in its place.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace throughline {

struct Interval {
  double low = 0;
  double high = 0;
};

struct Estimate {
  enum class State {
    kUndefined,         // there is no number: undefined_reason says why
    kInsufficientData,  // there is a number, but n is below EstimateOptions::min_n
    kOk,
  };

  State state = State::kUndefined;
  std::string undefined_reason;             // words for people; only with kUndefined
  double value = 0;                         // finite; without meaning if kUndefined
  std::optional<Interval> interval;         // absent where the method has none, or has none at this n
  int64_t n = 0;                            // how many answers, runs, visits or durations the number rests on
  std::string method;                       // of the number and of its interval, for example "nps adjusted-wald 95%"
  std::map<std::string, double> details;    // further numbers of the same kind
  std::map<std::string, int64_t> excluded;  // what was left out, by reason; zeros are left away
};

struct EstimateOptions {
  double confidence_level = 0.95;  // of the interval; in (0, 1)
  int64_t min_n = 1;               // below this n the state is kInsufficientData
};

}  // namespace throughline
