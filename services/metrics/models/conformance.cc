#include "throughline/models/conformance.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "services/metrics/models/checks.h"
#include "services/metrics/models/deviation_impact.h"
#include "services/metrics/models/deviations.h"
#include "services/metrics/models/map_automaton.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/token_replay.h"
#include "services/metrics/models/variant_aligner.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

// What a summary is about: of deviations (type, touchpoint, from, to), of pairs that are not on the map (0, "", from,
// to).
using Subject = std::tuple<int, std::string, std::string, std::string>;

// The runs of each subject.
class Subjects {
 public:
  struct Seen {
    std::vector<int32_t> runs;  // ascending, each once
    int64_t occurrences = 0;
  };

  size_t IdOf(const Subject& subject) {
    const auto [found, is_new] = ids_.try_emplace(subject, seen_.size());
    if (is_new) seen_.emplace_back();
    return found->second;
  }
  // Runs come in ascending order.
  void Add(size_t id, int32_t run) {
    Seen& seen = seen_[id];
    if (seen.runs.empty() || seen.runs.back() != run) seen.runs.push_back(run);
    ++seen.occurrences;
  }
  // Most runs first, then in order of subjects.
  std::vector<std::pair<Subject, const Seen*>> Ranked() const {
    std::vector<std::pair<Subject, const Seen*>> ranked;
    for (const auto& [subject, id] : ids_) ranked.emplace_back(subject, &seen_[id]);
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.second->runs.size() > b.second->runs.size(); });
    return ranked;
  }

 private:
  std::map<Subject, size_t> ids_;
  std::vector<Seen> seen_;
};

Subject SubjectOf(const Deviation& deviation) {
  const int type = static_cast<int>(deviation.type);
  if (deviation.type == DeviationType::kLate) return {type, "", deviation.from, deviation.to};
  return {type, deviation.touchpoint, "", ""};
}

// The variants of a log in the order of their touchpoints' numbers, which puts common beginnings next to each other.
using Ways = std::map<std::vector<int32_t>, std::vector<int32_t>>;  // way to runs

class Checker {
 public:
  Checker(const MapGraph& map, const RunLog& log, const ConformanceOptions& options)
      : map_(map),
        log_(log),
        options_(options),
        automaton_(map),
        passable_(automaton_.cheapest() < MapAutomaton::kFar) {}

  absl::StatusOr<ConformanceReport> Check() {
    report_.variant_of_run.assign(log_.runs.size(), -1);
    report_.timed_deviations.resize(log_.runs.size());
    report_.dead_touchpoints = automaton_.DeadTouchpoints();
    if (absl::Status status = CheckVariants(GroupRuns()); !status.ok()) return status;
    FindChannels();
    for (size_t run = 0; run < log_.runs.size(); ++run) CheckTimesAndChannels(run);
    EstimateAll();
    Summarize();
    return std::move(report_);
  }

 private:
  Ways GroupRuns() {
    Ways ways;
    for (size_t i = 0; i < log_.runs.size(); ++i) {
      const std::vector<RunLog::Visit>& visits = log_.runs[i].visits;
      if (visits.empty()) ++empty_;
      if (visits.size() > kConformanceRunVisitsMax) ++too_long_;
      if (visits.empty() || visits.size() > kConformanceRunVisitsMax) continue;
      std::vector<int32_t> way;
      way.reserve(visits.size());
      for (const RunLog::Visit& visit : visits) way.push_back(visit.touchpoint);
      ways[std::move(way)].push_back(static_cast<int32_t>(i));
    }
    return ways;
  }

  absl::Status CheckVariants(const Ways& ways) {
    for (const std::string& name : log_.touchpoints) state_of_.push_back(automaton_.StateOf(name));
    std::optional<VariantAligner> aligner;
    if (passable_) aligner.emplace(automaton_);
    std::vector<std::pair<VariantConformance, const std::vector<int32_t>*>> checked;
    const std::vector<int32_t> none;
    const std::vector<int32_t>* last = &none;
    size_t moves = 0;
    for (const auto& [way, runs] : ways) {
      VariantConformance variant = Replay(way, static_cast<int64_t>(runs.size()));
      if (passable_) {
        const size_t common =
            static_cast<size_t>(std::mismatch(way.begin(), way.end(), last->begin(), last->end()).first - way.begin());
        aligner->Truncate(common);
        for (size_t i = common; i < way.size(); ++i) aligner->Append(StateOf(way[i]));
        Align(*aligner, variant);
        last = &way;
        moves += variant.alignment.size() + 10 * variant.deviations.size();
        if (moves > kConformanceMovesMax) {
          return LimitExceeded("the runs", kConformanceMovesMax,
                               "moves of their alignments; ask for a shorter interval, or map fewer touchpoints");
        }
      }
      checked.emplace_back(std::move(variant), &runs);
    }
    std::sort(checked.begin(), checked.end(), [](const auto& a, const auto& b) {
      if (a.first.runs != b.first.runs) return a.first.runs > b.first.runs;
      return a.first.touchpoints < b.first.touchpoints;
    });
    for (auto& [variant, runs] : checked) {
      const auto number = static_cast<int32_t>(report_.variants.size());
      for (const int32_t run : *runs) report_.variant_of_run[static_cast<size_t>(run)] = number;
      report_.variants.push_back(std::move(variant));
    }
    return absl::OkStatus();
  }

  int32_t StateOf(int32_t touchpoint) const { return state_of_[static_cast<size_t>(touchpoint)]; }

  VariantConformance Replay(const std::vector<int32_t>& way, int64_t runs) const {
    VariantConformance variant;
    variant.runs = runs;
    std::vector<int32_t> states;
    states.reserve(way.size());
    variant.touchpoints.reserve(way.size());
    for (const int32_t touchpoint : way) {
      states.push_back(StateOf(touchpoint));
      variant.touchpoints.push_back(log_.touchpoints[static_cast<size_t>(touchpoint)]);
    }
    variant.tokens = ReplayVariant(automaton_, states);
    variant.off_map = OffMapPairs(automaton_, variant.touchpoints);
    return variant;
  }

  void Align(const VariantAligner& aligner, VariantConformance& variant) const {
    variant.cost = aligner.Cost();
    const int64_t worst = static_cast<int64_t>(variant.touchpoints.size()) + automaton_.cheapest();
    variant.fitness = 1 - static_cast<double>(variant.cost) / static_cast<double>(worst);
    variant.alignment = aligner.Moves();
    variant.deviations = WayDeviations(map_, variant.alignment, variant.touchpoints);
  }

  // By state: which of the log's channels are allowed; empty: any.
  void FindChannels() {
    allowed_.resize(static_cast<size_t>(automaton_.states()));
    for (int32_t state = 1; state < automaton_.states(); ++state) {
      const std::vector<std::string>& names = automaton_.node(state).channels;
      if (names.empty()) continue;
      std::vector<bool>& allowed = allowed_[static_cast<size_t>(state)];
      for (const std::string& channel : log_.channels) {
        allowed.push_back(std::find(names.begin(), names.end(), channel) != names.end());
      }
      if (allowed.empty()) allowed.push_back(false);  // the log has no channel at all: nothing can be judged
    }
    for (const VariantConformance& variant : report_.variants) {
      not_judged_.push_back(0);
      promised_.push_back(PromisedTransitions(automaton_, variant.alignment, not_judged_.back()));
    }
  }

  void CheckTimesAndChannels(size_t run) {
    const int32_t variant = report_.variant_of_run[run];
    if (variant < 0) return;
    const std::vector<RunLog::Visit>& visits = log_.runs[run].visits;
    const auto name = [&](int32_t visit) {
      return log_.touchpoints[static_cast<size_t>(visits[static_cast<size_t>(visit)].touchpoint)];
    };
    std::vector<Deviation>& deviations = report_.timed_deviations[run];
    report_.promises_not_judged += not_judged_[static_cast<size_t>(variant)];
    for (const TransitionTaken& taken : promised_[static_cast<size_t>(variant)]) {
      const int64_t elapsed = visits[static_cast<size_t>(taken.to_visit)].time_micros -
                              visits[static_cast<size_t>(taken.from_visit)].time_micros;
      if (elapsed <= taken.promise_micros) continue;
      deviations.push_back({.type = DeviationType::kLate,
                            .touchpoint = name(taken.to_visit),
                            .from = name(taken.from_visit),
                            .to = name(taken.to_visit),
                            .visit = taken.to_visit,
                            .over_micros = elapsed - taken.promise_micros});
    }
    for (size_t i = 0; i < visits.size(); ++i) {
      const int32_t state = StateOf(visits[i].touchpoint);
      if (state < 0 || allowed_[static_cast<size_t>(state)].empty()) continue;
      if (visits[i].channel == RunLog::kNone) {
        ++report_.channels_not_judged;
      } else if (!allowed_[static_cast<size_t>(state)][static_cast<size_t>(visits[i].channel)]) {
        const auto visit = static_cast<int32_t>(i);
        deviations.push_back({.type = DeviationType::kWrongChannel,
                              .touchpoint = name(visit),
                              .from = i == 0 ? "" : name(visit - 1),
                              .to = name(visit),
                              .visit = visit});
      }
    }
  }

  void EstimateAll() {
    ReplayTokens tokens;
    int64_t runs = 0;
    int64_t conforming = 0;
    int64_t cost = 0;
    int64_t worst = 0;
    double sum = 0;
    for (const VariantConformance& variant : report_.variants) {
      tokens.Add(variant.tokens, variant.runs);
      runs += variant.runs;
      conforming += variant.cost == 0 ? variant.runs : 0;
      cost += variant.runs * variant.cost;
      worst += variant.runs * (static_cast<int64_t>(variant.touchpoints.size()) + automaton_.cheapest());
      sum += static_cast<double>(variant.runs) * variant.fitness;
    }
    EstimateTokens(tokens, runs);
    Estimate& fitness = report_.alignment_fitness;
    fitness.method = MethodText("alignment fitness", "student-t", options_.estimate.confidence_level);
    Estimate& share = report_.conforming;
    share.method = MethodText("conforming share", "wilson", options_.estimate.confidence_level);
    for (Estimate* estimate : {&fitness, &share}) {
      if (Begin(runs, *estimate) && !passable_) {
        estimate->undefined_reason = "The map has no way from a start to an end, so no run can keep to it.";
      }
    }
    if (!passable_ || runs == 0) return;
    const double mean = sum / static_cast<double>(runs);
    SetValue(mean, runs, options_.estimate, fitness);
    double squares = 0;
    for (const VariantConformance& variant : report_.variants) {
      squares += static_cast<double>(variant.runs) * (variant.fitness - mean) * (variant.fitness - mean);
    }
    if (runs > 1) {
      fitness.interval =
          StudentTInterval(mean, squares / static_cast<double>(runs - 1), runs, options_.estimate.confidence_level);
    }
    fitness.details = {{"log_fitness", 1 - static_cast<double>(cost) / static_cast<double>(worst)},
                       {"cheapest_way", static_cast<double>(automaton_.cheapest())},
                       {"cost", static_cast<double>(cost)}};
    SetValue(static_cast<double>(conforming) / static_cast<double>(runs), runs, options_.estimate, share);
    share.interval = WilsonInterval(conforming, runs, options_.estimate.confidence_level);
    share.details["runs"] = static_cast<double>(conforming);
  }

  // n, what is left out, and the reason if nothing is left.
  bool Begin(int64_t runs, Estimate& estimate) const {
    estimate.n = runs;
    Exclude("empty_run", empty_, estimate);
    Exclude("run_too_long", too_long_, estimate);
    if (runs == 0) estimate.undefined_reason = "No run has a visit that can be held against the map.";
    return runs > 0;
  }

  void EstimateTokens(const ReplayTokens& tokens, int64_t runs) {
    Estimate& fitness = report_.token_fitness;
    fitness.method = "token replay fitness";
    if (!Begin(runs, fitness)) return;
    SetValue(tokens.Fitness(), runs, options_.estimate, fitness);
    fitness.details = {{"produced", static_cast<double>(tokens.produced)},
                       {"consumed", static_cast<double>(tokens.consumed)},
                       {"missing", static_cast<double>(tokens.missing)},
                       {"remaining", static_cast<double>(tokens.remaining)}};
  }

  void Summarize() {
    Subjects deviations;
    Subjects pairs;
    std::vector<std::vector<size_t>> deviations_of;  // by variant
    std::vector<std::vector<size_t>> pairs_of;
    for (const VariantConformance& variant : report_.variants) {
      std::vector<size_t>& of_deviations = deviations_of.emplace_back();
      for (const Deviation& deviation : variant.deviations)
        of_deviations.push_back(deviations.IdOf(SubjectOf(deviation)));
      std::vector<size_t>& of_pairs = pairs_of.emplace_back();
      for (const auto& [from, to] : variant.off_map) of_pairs.push_back(pairs.IdOf({0, "", from, to}));
    }
    std::vector<bool> judged(log_.runs.size());
    for (size_t run = 0; run < log_.runs.size(); ++run) {
      const int32_t variant = report_.variant_of_run[run];
      if (variant < 0) continue;
      judged[run] = true;
      const auto number = static_cast<int32_t>(run);
      for (const size_t id : deviations_of[static_cast<size_t>(variant)]) deviations.Add(id, number);
      for (const size_t id : pairs_of[static_cast<size_t>(variant)]) pairs.Add(id, number);
      for (const Deviation& deviation : report_.timed_deviations[run]) {
        deviations.Add(deviations.IdOf(SubjectOf(deviation)), number);
      }
    }
    ImpactCounter counter(log_, judged, options_.estimate);
    const auto ranked = deviations.Ranked();
    const auto ranked_pairs = pairs.Ranked();
    for (size_t i = 0; i < std::min(ranked.size(), options_.summaries_max); ++i) {
      const auto& [type, touchpoint, from, to] = ranked[i].first;
      report_.deviations.push_back({.type = static_cast<DeviationType>(type),
                                    .touchpoint = touchpoint,
                                    .from = from,
                                    .to = to,
                                    .impact = counter.Impact(ranked[i].second->runs, ranked[i].second->occurrences)});
    }
    for (size_t i = 0; i < std::min(ranked_pairs.size(), options_.summaries_max); ++i) {
      const auto& [type, touchpoint, from, to] = ranked_pairs[i].first;
      const Subjects::Seen& seen = *ranked_pairs[i].second;
      report_.off_map.push_back({.from = from, .to = to, .impact = counter.Impact(seen.runs, seen.occurrences)});
    }
    report_.summaries_left_out =
        static_cast<int64_t>(ranked.size() - report_.deviations.size() + ranked_pairs.size() - report_.off_map.size());
  }

  const MapGraph& map_;
  const RunLog& log_;
  const ConformanceOptions& options_;
  const MapAutomaton automaton_;
  const bool passable_;
  ConformanceReport report_;
  int64_t empty_ = 0;
  int64_t too_long_ = 0;
  std::vector<int32_t> state_of_;                       // by touchpoint of the log
  std::vector<std::vector<bool>> allowed_;              // by state, then channel of the log
  std::vector<std::vector<TransitionTaken>> promised_;  // by variant
  std::vector<int64_t> not_judged_;                     // by variant
};

}  // namespace

const char* DeviationTypeText(DeviationType type) {
  switch (type) {
    case DeviationType::kMissing:
      return "MISSING";
    case DeviationType::kAdHoc:
      return "AD_HOC";
    case DeviationType::kWrongOrder:
      return "WRONG_ORDER";
    case DeviationType::kLoop:
      return "LOOP";
    case DeviationType::kLate:
      return "LATE";
    case DeviationType::kWrongChannel:
      return "WRONG_CHANNEL";
  }
  return "";
}

absl::StatusOr<ConformanceReport> CheckConformance(const MapGraph& map, const RunLog& log,
                                                   const ConformanceOptions& options) {
  if (absl::Status status = CheckOptions(options.estimate); !status.ok()) return status;
  if (absl::Status status = ValidateMapGraph(map); !status.ok()) return status;
  if (absl::Status status = ValidateRunLog(log); !status.ok()) return status;
  return Checker(map, log, options).Check();
}

}  // namespace throughline
