// The funnel of one run computed in the plainest way, by trying every attempt: what engines are compared with. For runs
// of a dozen events. Pure functions; any thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "throughline/event_queries.h"

namespace throughline::testing {

struct RunEvent {
  int64_t time = 0;    // microseconds
  uint32_t steps = 0;  // that it may serve; bit 0 is the first
  bool exclusion = false;
};

struct ReferenceOutcome {
  std::vector<bool> reached;         // by step
  std::map<int, int64_t> durations;  // by step, the first too
  std::optional<int64_t> entry;
  std::optional<int64_t> latest_start;  // of the attempts that have not ended
  bool through = false;
};

class ReferenceFunnel {
 public:
  // `run`: in the order of events. Of the query only what describes the steps is read.
  ReferenceFunnel(const StepQuery& query, std::vector<RunEvent> run) : query_(query), run_(std::move(run)) {
    out_.reached.resize(query.steps.size());
    used_.resize(run_.size());
    query.order == StepOrder::kUnordered ? TryWindows() : TryAttempts();
  }

  const ReferenceOutcome& outcome() const { return out_; }

 private:
  struct Taken {
    int step;
    size_t event;
  };

  int size() const { return static_cast<int>(query_.steps.size()); }
  bool Serves(size_t event, int step) const { return (run_[event].steps >> step & 1) != 0; }
  bool Strict() const { return query_.order == StepOrder::kStrict; }

  // ---- Ordered and strict ----

  void TryAttempts() {
    for (size_t event = 0; event < run_.size(); ++event) {
      if (!Serves(event, 0)) continue;
      if (!out_.entry.has_value()) out_.entry = run_[event].time;
      attempt_ = {{0, event}};
      used_[event] = true;
      TryFurther();
      used_[event] = false;
    }
    for (const Taken& taken : best_) out_.reached[taken.step] = true;
    for (const auto& [step, first] : first_) out_.durations[step] = first.first - first.second;
    int last_required = size() - 1;
    while (last_required > 0 && query_.steps[last_required].optional) --last_required;
    out_.through = out_.reached[last_required];
  }

  // attempt_ has been made: looks at it, and at everything that it can become.
  void TryFurther() {
    Look();
    for (int step = attempt_.back().step + 1; step < size(); ++step) {
      for (size_t event = 0; event < run_.size(); ++event) {
        if (used_[event] || !Serves(event, step) || !MayTake(step, event)) continue;
        used_[event] = true;
        attempt_.push_back({step, event});
        TryFurther();
        attempt_.pop_back();
        used_[event] = false;
      }
      if (!query_.steps[step].optional) return;
    }
  }

  bool MayTake(int step, size_t event) const {
    const int64_t start = run_[attempt_.front().event].time, last = run_[attempt_.back().event].time;
    const int64_t time = run_[event].time;
    if (Strict() ? event != attempt_.back().event + 1 : time < last) return false;
    if (absl::Microseconds(time - start) > query_.window) return false;
    if (absl::Microseconds(time - last) > query_.steps[step].within) return false;
    return !run_[event].exclusion && !Ended(event);
  }

  // Whether the attempt has ended when its next event would be this one: an exclusion came before it, or at the same
  // moment, as long as the attempt did not begin at that moment.
  bool Ended(size_t event) const {
    const int64_t start = run_[attempt_.front().event].time;
    for (size_t i = 0; i < run_.size(); ++i) {
      const bool before = Strict() ? i <= event : run_[i].time <= run_[event].time;
      if (run_[i].exclusion && before && run_[i].time > start) return true;
    }
    return false;
  }

  // Further, then more optional steps, then the earlier ones.
  bool IsBetter() const {
    const auto key = [&](const std::vector<Taken>& attempt) {
      int optional = 0;
      std::vector<bool> which(query_.steps.size());
      for (const Taken& taken : attempt) {
        optional += query_.steps[taken.step].optional;
        which[taken.step] = true;
      }
      return std::make_tuple(attempt.back().step, optional, which);
    };
    return best_.empty() || key(attempt_) > key(best_);
  }

  void Look() {
    if (IsBetter()) best_ = attempt_;
    const int64_t start = run_[attempt_.front().event].time, time = run_[attempt_.back().event].time;
    const auto [first, is_new] = first_.try_emplace(attempt_.back().step, time, start);
    if (!is_new && time < first->second.first) first->second = {time, start};
    if (!is_new && time == first->second.first) first->second.second = std::max(first->second.second, start);
    const size_t last_event = run_.size() - 1;
    if (Strict() ? attempt_.back().event == last_event : !EndedAtAll(start)) {
      out_.latest_start = std::max(out_.latest_start.value_or(start), start);
    }
  }

  bool EndedAtAll(int64_t start) const {
    return std::any_of(run_.begin(), run_.end(),
                       [&](const RunEvent& event) { return event.exclusion && event.time > start; });
  }

  // ---- Unordered ----

  void TryWindows() {
    for (const RunEvent& first : run_) {
      if (first.steps == 0) continue;
      if (!out_.entry.has_value()) out_.entry = first.time;
      out_.latest_start = first.time;
      for (const RunEvent& last : run_) {
        const int64_t span = last.time - first.time;
        if (span < 0 || absl::Microseconds(span) > query_.window) continue;
        const int most = MostSteps(first.time, last.time);
        for (int i = 0; i < most; ++i) {
          out_.reached[i] = true;
          const auto [found, is_new] = out_.durations.try_emplace(i, span);
          if (!is_new) found->second = std::min(found->second, span);
        }
      }
    }
    out_.through = out_.reached.back();
  }

  // The most different steps that different events of [from, to] serve.
  int MostSteps(int64_t from, int64_t to) const {
    std::set<uint32_t> served = {0};  // every set of steps that can be
    for (const RunEvent& event : run_) {
      if (event.time < from || event.time > to) continue;
      std::set<uint32_t> more = served;
      for (const uint32_t before : served) {
        for (int step = 0; step < size(); ++step) {
          if ((event.steps >> step & 1) != 0) more.insert(before | uint32_t{1} << step);
        }
      }
      served = more;
    }
    int most = 0;
    for (const uint32_t steps : served) most = std::max(most, std::popcount(steps));
    return most;
  }

  const StepQuery& query_;
  const std::vector<RunEvent> run_;
  ReferenceOutcome out_;
  std::vector<bool> used_;
  std::vector<Taken> attempt_;
  std::vector<Taken> best_;
  std::map<int, std::pair<int64_t, int64_t>> first_;  // by step: first taken when, and by the attempt of when
};

}  // namespace throughline::testing
