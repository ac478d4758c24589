#include "services/events/native/funnel_branching.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace throughline {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

}  // namespace

BranchingFunnel::BranchingFunnel(const FunnelShape& shape)
    : step_count_(static_cast<int>(shape.steps.size())),
      optional_(shape.optional_steps()),
      strict_(shape.order == StepOrder::kStrict),
      window_micros_(shape.window_micros),
      fronts_(shape.steps.size()),
      next_fronts_(shape.steps.size()) {
  int place = kOptionalStepCountMax;
  for (int step = 0; step < step_count_; ++step) {
    within_.push_back(shape.steps[step].within_micros);
    // The number of optional steps above, a bit for each of them below, the earlier the higher.
    if (shape.steps[step].optional) rank_[step] = Bit(kOptionalStepCountMax) | Bit(--place);
    for (int before = step - 1; before >= 0; --before) {
      before_[step] |= Bit(before);
      after_[before] |= Bit(step);
      if (!strict_ && within_[step] != kNoLimit) last_matters_[before] = true;
      if (!shape.steps[before].optional) break;
    }
  }
  for (int step = step_count_ - 2; step >= 0; --step) rest_[step] = rest_[step + 1] + rank_[step + 1];
}

void BranchingFunnel::Begin() {
  Drop();
  changed_.fill(0);
  latest_start_ = FunnelOutcome::kNone;
  best_step_ = -1;
  best_rank_ = 0;
  taken_ = 0;
  complete_from_ = step_count_;
}

void BranchingFunnel::Drop() {
  for (uint32_t steps = live_; steps != 0; steps &= steps - 1) fronts_[std::countr_zero(steps)].clear();
  live_ = 0;
}

void BranchingFunnel::AddMoment(int64_t time, const std::vector<uint32_t>& events, bool exclusion) {
  // Whatever is under way began at an earlier moment.
  if (exclusion) {
    Drop();
    latest_start_ = FunnelOutcome::kNone;
  }
  if (IsUseless(time, 0, 0)) return;
  if (events.size() == 1) return AddSingle(time, events[0]);
  matching_.Clear();
  for (const uint32_t event : events) matching_.AddEvent(event);
  for (uint32_t steps = live_; steps != 0; steps &= steps - 1) Continue(time, std::countr_zero(steps));
  if ((matching_.served() & 1) != 0) {
    FindWays(-1, 1);
    for (const Way& way : ways_) Reach(time, way.step, {time, time, 0}, way.rank, next_fronts_, next_live_);
  }
  for (uint32_t steps = next_live_; steps != 0; steps &= steps - 1) {
    const int step = std::countr_zero(steps);
    for (const Attempt& attempt : next_fronts_[step]) Insert(fronts_[step], attempt);
    next_fronts_[step].clear();
    SetChanged(step);
  }
  live_ |= next_live_;
  next_live_ = 0;
}

// One event takes one step of each attempt: from the last step to the first, so that none takes two.
void BranchingFunnel::AddSingle(int64_t time, uint32_t steps) {
  for (; steps > 1; steps ^= std::bit_floor(steps)) Advance(time, std::bit_width(steps) - 1);
  if (steps == 0) return;
  fronts_[0].clear();
  Reach(time, 0, {time, time, 0}, 0, fronts_, live_);
  SetChanged(0);
}

// Lets every attempt that can take the step by an event that is alone in its moment.
void BranchingFunnel::Advance(int64_t time, int step) {
  const uint32_t all_before = before_[step] & live_;
  // Otherwise whoever can take it took it before, and gains nothing by doing so later.
  if (!last_matters_[step] && (all_before & changed_[step]) == 0) return;
  changed_[step] = 0;
  const bool alone = std::has_single_bit(all_before) && !last_matters_[std::countr_zero(all_before)];
  bool all_in_time = true;
  scratch_.clear();
  for (uint32_t before = all_before; before != 0; before &= before - 1) {
    Front& front = fronts_[std::countr_zero(before)];
    std::erase_if(front, [&](const Attempt& attempt) { return IsOver(time, attempt); });
    for (const Attempt& attempt : front) {
      if (within_[step] != kNoLimit && time - attempt.last > within_[step]) {
        all_in_time = false;
        continue;
      }
      const Attempt next{attempt.start, last_matters_[step] ? time : 0, attempt.rank + rank_[step]};
      if (IsUseless(time, step, next.rank)) continue;
      // Of one front none covers another, and what they add is the same.
      alone ? scratch_.push_back(next) : Insert(scratch_, next);
    }
  }
  if (scratch_.empty()) return;
  for (const Attempt& attempt : scratch_) Note(time, step, attempt);
  if (all_in_time) {
    // They cover whatever took the step before: that came from the same fronts, which have only become better.
    fronts_[step].swap(scratch_);
  } else {
    for (const Attempt& attempt : scratch_) Insert(fronts_[step], attempt);
  }
  live_ |= Bit(step);
  SetChanged(step);
}

void BranchingFunnel::SetChanged(int step) {
  for (uint32_t after = after_[step]; after != 0; after &= after - 1) changed_[std::countr_zero(after)] |= Bit(step);
}

void BranchingFunnel::AddNext(int64_t time, uint32_t steps, bool exclusion) {
  if (IsUseless(time, 0, 0)) return;
  if (exclusion) Drop();
  for (uint32_t todo = steps; todo != 0; todo &= todo - 1) {
    const int step = std::countr_zero(todo);
    const uint32_t in_time = step > 0 && time - last_ <= within_[step] ? before_[step] & live_ : 0;
    for (uint32_t before = in_time; before != 0; before &= before - 1) {
      for (const Attempt& attempt : fronts_[std::countr_zero(before)]) {
        if (!IsOver(time, attempt)) Reach(time, step, attempt, rank_[step], next_fronts_, next_live_);
      }
    }
    if (step == 0) Reach(time, 0, {time, 0, 0}, 0, next_fronts_, next_live_);
  }
  Drop();
  fronts_.swap(next_fronts_);
  std::swap(live_, next_live_);
  last_ = time;
}

// Where the attempts that took `from` before this moment come in it.
void BranchingFunnel::Continue(int64_t time, int from) {
  if ((after_[from] & matching_.served()) == 0) return;
  std::erase_if(fronts_[from], [&](const Attempt& attempt) { return IsOver(time, attempt); });
  uint32_t found_for = 0;
  for (const Attempt& attempt : fronts_[from]) {
    const uint32_t firsts = InTime(time, from, attempt) & matching_.served();
    if (firsts == 0) continue;
    if (firsts != found_for) FindWays(from, firsts);
    found_for = firsts;
    for (const Way& way : ways_) Reach(time, way.step, attempt, way.rank, next_fronts_, next_live_);
  }
}

uint32_t BranchingFunnel::InTime(int64_t time, int from, const Attempt& attempt) const {
  uint32_t out = after_[from];
  if (!last_matters_[from]) return out;
  for (uint32_t steps = after_[from]; steps != 0; steps &= steps - 1) {
    const int step = std::countr_zero(steps);
    if (within_[step] != kNoLimit && time - attempt.last > within_[step]) out ^= Bit(step);
  }
  return out;
}

// For each step that an attempt at `from` (-1: none yet) can come to by different events of the moment, the best
// optional steps on the way there; the first of all these steps must be one of `firsts`. What can be matched is a
// matroid: taking the optional steps in their order wherever they fit gives the most, and of as many the earliest.
void BranchingFunnel::FindWays(int from, uint32_t firsts) {
  ways_.clear();
  matching_.ReleaseAll();
  int next_required = from + 1;
  while (next_required < step_count_ && (optional_ & Bit(next_required)) != 0) ++next_required;
  for (int step = std::countr_zero(firsts); step < step_count_; ++step) {
    const bool required = (optional_ & Bit(step)) == 0;
    if (!matching_.Match(step)) {
      if (required) return;
      continue;
    }
    uint32_t optional = optional_ & Bit(step);  // matched
    if (MatchFirst(step, next_required, firsts, optional)) {
      uint32_t rank = 0;
      for (uint32_t i = optional; i != 0; i &= i - 1) rank += rank_[std::countr_zero(i)];
      ways_.push_back({step, rank});
    }
    for (; optional != 0; optional &= optional - 1) matching_.Release(std::countr_zero(optional));
  }
}

// Beside `step` and the required steps before it: matches the earliest first step that fits and whatever optional steps
// fit between the two.
bool BranchingFunnel::MatchFirst(int step, int next_required, uint32_t firsts, uint32_t& optional) {
  for (; firsts != 0; firsts &= firsts - 1) {
    const int first = std::countr_zero(firsts);
    if (first > step) return false;
    if (first != step && first != next_required) {
      if (!matching_.Match(first)) continue;
      optional |= Bit(first);
    }
    for (int i = first + 1; i < step; ++i) {
      if ((optional_ & Bit(i)) != 0 && matching_.Match(i)) optional |= Bit(i);
    }
    return true;
  }
  return false;
}

void BranchingFunnel::Reach(int64_t time, int step, const Attempt& before, uint32_t rank, std::vector<Front>& fronts,
                            uint32_t& live) {
  const Attempt attempt{before.start, last_matters_[step] ? time : 0, before.rank + rank};
  if (IsUseless(time, step, attempt.rank)) return;
  Insert(fronts[step], attempt);
  live |= Bit(step);
  Note(time, step, attempt);
}

// What the run has by this attempt's taking the step.
void BranchingFunnel::Note(int64_t time, int step, const Attempt& attempt) {
  if (step == 0) latest_start_ = time;
  if (step > best_step_ || (step == best_step_ && attempt.rank > best_rank_)) {
    best_step_ = step;
    best_rank_ = attempt.rank;
  }
  if ((taken_ & Bit(step)) == 0) {
    taken_ |= Bit(step);
    first_taken_[step] = time;
    durations_[step] = time - attempt.start;
    for (; complete_from_ > 0 && (taken_ & Bit(complete_from_ - 1)) != 0; --complete_from_) complete_time_ = time;
  } else if (first_taken_[step] == time) {
    durations_[step] = std::min(durations_[step], time - attempt.start);
  }
}

void BranchingFunnel::Insert(Front& front, const Attempt& attempt) {
  const auto covers = [](const Attempt& a, const Attempt& b) {
    return a.start >= b.start && a.last >= b.last && a.rank >= b.rank;
  };
  size_t kept = 0;
  for (const Attempt& other : front) {
    // Then it covers none of the others either, and nothing has moved yet.
    if (covers(other, attempt)) return;
    if (!covers(attempt, other)) front[kept++] = other;
  }
  front.resize(kept);
  front.push_back(attempt);
}

void BranchingFunnel::End(FunnelOutcome& outcome) const {
  outcome.taken = taken_;
  outcome.durations = durations_;
  outcome.reached = 0;
  outcome.latest_start = strict_ ? FunnelOutcome::kNone : latest_start_;
  for (int step = 0, place = kOptionalStepCountMax; step <= best_step_; ++step) {
    if ((optional_ & Bit(step)) == 0 || (best_rank_ & Bit(--place)) != 0) outcome.reached |= Bit(step);
  }
  // Strict: whatever did not take the run's last event has ended.
  for (uint32_t steps = strict_ ? live_ : 0; steps != 0; steps &= steps - 1) {
    for (const Attempt& attempt : fronts_[std::countr_zero(steps)]) {
      outcome.latest_start = std::max(outcome.latest_start, attempt.start);
    }
  }
}

}  // namespace throughline
