// Conformance: how far runs keep to the published map, where they leave it, and what that goes with. Pure functions;
// any thread.
//
// A map is a graph, not a Petri net. It is read as a finite automaton: a run is at the touchpoint visited last; a
// transition a → b is taken by visiting b; a run begins at a start touchpoint and ends at an end touchpoint; an
// optional touchpoint may be passed without a visit. Nothing runs in parallel. docs/metrics/conformance.md has the
// Petri net of the same language, which other tools can be given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"
#include "throughline/models/run.h"

namespace throughline {

struct MapGraph {
  static constexpr size_t kNodesMax = 500;
  static constexpr size_t kEdgesMax = 20'000;

  struct Node {
    std::string name;  // as in RunLog::touchpoints
    bool start = false;
    bool end = false;
    bool optional = false;              // may be passed without a visit
    std::vector<std::string> channels;  // allowed; empty: any
  };
  struct Edge {
    std::string from;
    std::string to;                         // may be `from`: a visit may be repeated
    std::optional<int64_t> promise_micros;  // from the visit of `from` to that of `to`, at most
  };
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

// OK, or INVALID_ARGUMENT (INVALID_FIELD, all that is wrong at once): no or too many touchpoints, an empty name or one
// that stands twice, a transition that stands twice or refers to no touchpoint, a negative promise, no start, no end.
absl::Status ValidateMapGraph(const MapGraph& map);

// ---- Token replay ---------------------------------------------------------------------------------------------------

// Tokens of a replay (Rozinat & van der Aalst, Information Systems 33, 2008) on the map's net: for each touchpoint a
// place before it, a place behind it and a labelled step between them; for each transition, start, end and optional
// touchpoint a silent step. What a replay does where several tokens could serve:
// - a visit uses the token with the fewest silent steps to it; of equals, that at the touchpoint first by name; of
//   start and a touchpoint, the touchpoint. Without any, a token is added (missing).
// - at the end the token with the fewest silent steps to the end goes there. If none can, one is missing. All tokens
// but
//   the one at the end remain.
// - a visit of something that is not on the map is passed over: replay does not see it, alignments do.
struct ReplayTokens {
  int64_t produced = 0;
  int64_t consumed = 0;
  int64_t missing = 0;
  int64_t remaining = 0;
  // ½(1 − m/c) + ½(1 − r/p); of a replay p and c are at least 1. 1 where nothing was replayed.
  double Fitness() const;
  void Add(const ReplayTokens& other, int64_t times = 1);
};

// ---- Alignments -----------------------------------------------------------------------------------------------------

struct AlignmentMove {
  enum class Kind {
    kSynchronous,  // the run visits what the map has there; cost 0
    kLog,          // the run visits, the map stands still; cost 1
    kModel,        // the map goes on without a visit of a touchpoint that is not optional; cost 1
    kSkip,         // the same of an optional one; cost 0
  };
  Kind kind = Kind::kSynchronous;
  int32_t node = -1;   // index into MapGraph::nodes; -1: a visit of something that is not on the map
  int32_t visit = -1;  // index into the run's visits; -1 where there is none
  friend bool operator==(const AlignmentMove&, const AlignmentMove&) = default;
};

enum class DeviationType {
  kMissing,       // the run passes over a touchpoint that is not optional: a model move
  kAdHoc,         // a visit of something that is not on the map, or not on the way there: a log move
  kWrongOrder,    // a log move and a model move of the same touchpoint: visited, at another place than the map says
  kLoop,          // a log move of a touchpoint that the run also visits as the map says: done again
  kLate,          // a transition of the map took longer than its promise
  kWrongChannel,  // a visit through a channel that the touchpoint does not allow
};
const char* DeviationTypeText(DeviationType type);  // "MISSING", "AD_HOC", …

struct Deviation {
  DeviationType type = DeviationType::kMissing;
  std::string touchpoint;  // kLate: where the transition arrives
  // The run's own visits before and after, "" at its beginning and end: of a visit, the one before it and itself; of a
  // missing touchpoint, those between which it lies; of a late transition, its two ends.
  std::string from;
  std::string to;
  int32_t visit = -1;       // index of the visit; -1: kMissing
  int64_t over_micros = 0;  // kLate: beyond the promise
  friend bool operator==(const Deviation&, const Deviation&) = default;
};

struct VariantConformance {
  std::vector<std::string> touchpoints;
  int64_t runs = 0;
  ReplayTokens tokens;
  // The rest only if the map has a way from a start to an end.
  int64_t cost = 0;    // of an optimal alignment
  double fitness = 0;  // 1 − cost/(visits + cost of the cheapest way through the map)
  // Of all optimal alignments the one that, read from its end to its beginning, ends where the touchpoint is first by
  // name and takes at every place a synchronous move if that is optimal, else a log move, else the model moves of the
  // cheapest way there; of several that with the fewest touchpoints, then the one whose last differing touchpoint is
  // first by name.
  std::vector<AlignmentMove> alignment;
  std::vector<Deviation> deviations;  // those that the way alone shows: not kLate and kWrongChannel
  // Adjacent visits between which the map has no transition, not even past optional touchpoints only; "" is the
  // beginning or the end. Each pair once, sorted.
  std::vector<std::pair<std::string, std::string>> off_map;
};

// What goes with a deviation. Observed, not caused: runs that deviate may differ in other ways too (NO_CONTROL).
struct DeviationImpact {
  bool no_control = true;
  int64_t occurrences = 0;
  Estimate share;  // runs with it among all runs; Wilson
  // Conversion of the runs with it minus that of those without: Newcombe's hybrid score interval (Statistics in
  // Medicine 17, 1998, method 10). Unit: share, −1 to 1. Runs of which nobody said whether they converted are excluded.
  Estimate conversion_difference;
  // Median time from first to last visit, with minus without; seconds. Of converted runs where the log says which
  // converted, else of all. Interval: Price & Bonett (J. Statist. Comput. Simul. 72, 2002); from 10 runs on each side.
  Estimate median_seconds_difference;
};

struct DeviationSummary {
  DeviationType type = DeviationType::kMissing;
  std::string touchpoint;  // "" of kLate, which is about a transition
  std::string from;        // kLate only
  std::string to;
  DeviationImpact impact;
};
struct OffMapSummary {
  std::string from;
  std::string to;
  DeviationImpact impact;
};

struct ConformanceReport {
  // Mean over runs of the alignment fitness, interval of Student's t. Details: log_fitness (1 − Σcost/Σ(visits +
  // cheapest)), cheapest_way, cost. Undefined where the map has no way from a start to an end, or there is no run.
  Estimate alignment_fitness;
  // f of the tokens of all runs together; no interval. Details: produced, consumed, missing, remaining.
  Estimate token_fitness;
  // Share of runs with an alignment of cost 0; Wilson.
  Estimate conforming;
  std::vector<VariantConformance> variants;  // most frequent first, ties by touchpoints
  std::vector<int32_t> variant_of_run;       // -1: left out
  // kLate and kWrongChannel by run; index as in RunLog::runs.
  std::vector<std::vector<Deviation>> timed_deviations;
  std::vector<DeviationSummary> deviations;   // most runs first, then by type and names
  std::vector<OffMapSummary> off_map;         // most runs first, then by names
  int64_t summaries_left_out = 0;             // beyond ConformanceOptions::summaries_max
  std::vector<std::string> dead_touchpoints;  // on no way from a start to an end
  int64_t promises_not_judged = 0;  // visits whose transition has a promise, but to which the run came past others
  int64_t channels_not_judged = 0;  // visits without a channel at touchpoints that allow only some
};

struct ConformanceOptions {
  EstimateOptions estimate;
  size_t summaries_max = 1'000;  // of deviations and of off_map, each
};

// Runs longer than this are left out, and counted in `excluded` as run_too_long; runs without a visit as empty_run.
inline constexpr size_t kConformanceRunVisitsMax = 10'000;
// Moves of all variants' alignments together, a deviation counting as ten: some hundred megabytes. A map that asks for
// hundreds of touchpoints has more with hundreds of thousands of variants (LIMIT_EXCEEDED).
inline constexpr size_t kConformanceMovesMax = 20'000'000;

// INVALID_ARGUMENT as ValidateMapGraph and ValidateRunLog say, and for a confidence outside (0, 1). For S touchpoints
// on the map the alignments take S steps for each visit that is not a beginning shared with another variant, and S² log
// S once.
absl::StatusOr<ConformanceReport> CheckConformance(const MapGraph& map, const RunLog& log,
                                                   const ConformanceOptions& options);

}  // namespace throughline
