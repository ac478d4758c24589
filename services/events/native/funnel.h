// The funnel of one run: how far its best attempt came. docs/funnel.md says what that means, with worked cases. Not
// thread-safe; one per thread.
//
// Taking the first event that fits each step would be wrong: an attempt's beginning may lie too far back where a later
// one does not. So of every step the latest beginning of an attempt that took it is kept, and when it did so: a later
// beginning can do whatever an earlier one can from then on, and an attempt that took a step later began no earlier.
// Events of equal time serve steps in step order whatever their own order, each at most one step of an attempt: the
// steps that an attempt takes at one moment are a matching of steps to different events.
//
// An event costs no more than the steps that it may serve, whatever the length of the run, in every order of steps;
// with optional steps, times the attempts of a step that differ usefully (funnel_branching.h). Nothing is allocated for
// an event that has a moment of its own.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "services/events/native/funnel_branching.h"
#include "services/events/native/funnel_shape.h"
#include "services/events/native/funnel_unordered.h"
#include "services/events/native/step_matching.h"

namespace throughline {

class Funnel {
 public:
  explicit Funnel(const FunnelShape& shape);

  // Whether events that are neither a step nor an exclusion must be added too: they part the steps of a strict attempt.
  bool needs_every_event() const { return order_ == StepOrder::kStrict; }

  // A run is Begin, its events in their order, End.
  void Begin();
  // `steps`: the steps that the event may serve, bit 0 the first.
  void Add(int64_t time, uint32_t steps, bool exclusion = false) {
    if (!plain_) return AddAny(time, steps, exclusion);
    if (time == moment_) return AddTied(steps);
    EndPlainMoment();
    moment_ = time;
    pending_ = steps;
  }
  // Valid until the next Begin.
  const FunnelOutcome& End();

  // Of a run that entered: whether its best attempt took the last step that must be taken. Unordered: all steps.
  bool Through() const { return (outcome_.reached & last_required_) != 0; }
  // The same, or still able to come through: the window of an attempt that has not ended is open at `now`.
  bool IsImmature(int64_t now) const {
    constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
    return !Through() && outcome_.latest_start != FunnelOutcome::kNone && window_micros_ != kNever && now != kNever &&
           now - outcome_.latest_start <= window_micros_;
  }

 private:
  static uint32_t Bit(int step) { return uint32_t{1} << step; }

  void EndPlainMoment() {
    if (!tied_.empty()) return EndTied();
    TakeSingle<false>(moment_, pending_);
  }
  void AddTied(uint32_t steps);
  void AddAny(int64_t time, uint32_t steps, bool exclusion);
  void EndTied();
  void EndMoment();
  void TakeMoment(int64_t time, const std::vector<uint32_t>& events);
  template <bool kWithin>
  void TakeSingle(int64_t time, uint32_t steps);

  const int step_count_;
  const StepOrder order_;
  const int64_t window_micros_;
  const uint32_t last_required_;  // as a mask
  bool plain_;                    // ordered; nothing optional, no exclusions, no limit but the window
  std::array<int64_t, kStepCountMax> within_;
  std::unique_ptr<BranchingFunnel> branching_;  // strict, or with optional steps
  std::unique_ptr<UnorderedFunnel> unordered_;

  // Of the run, as far as its moments are over:
  FunnelOutcome outcome_;
  uint32_t live_ = 0;                          // steps with a beginning; no gaps
  std::array<int64_t, kStepCountMax> starts_;  // by step: the latest beginning of an attempt that took it
  std::array<int64_t, kStepCountMax> lasts_;   // by step: when that attempt took it
  // The moment that is not over:
  int64_t moment_ = FunnelOutcome::kNone;
  uint32_t pending_ = 0;        // plain: its first event
  std::vector<uint32_t> tied_;  // all of its events; plain: if there are several
  bool exclusion_ = false;
  StepMatching matching_;
};

// One event takes one step of each attempt: from the last step to the first, so that none takes two.
template <bool kWithin>
void Funnel::TakeSingle(int64_t time, uint32_t steps) {
  uint32_t todo = steps & ((live_ << 1) | 1);
  while (todo != 0) {
    const int step = std::bit_width(todo) - 1;
    todo ^= Bit(step);
    const int64_t start = step == 0 ? time : starts_[step - 1];
    if (time - start > window_micros_) continue;
    if constexpr (kWithin) {
      if (step != 0 && time - lasts_[step - 1] > within_[step]) continue;
      lasts_[step] = time;
    }
    starts_[step] = start;
    live_ |= Bit(step);
    if ((outcome_.taken & Bit(step)) == 0) {
      outcome_.taken |= Bit(step);
      outcome_.durations[step] = time - start;
      if (step == 0) outcome_.entry = time;
    }
  }
}

}  // namespace throughline
