// The unordered funnel of one run: the most different steps, each by an event of its own, in one window of time. Not
// thread-safe.
//
// The sets of events that can serve different steps are the independent sets of a matroid (a transversal one). Its
// basis of the latest events is kept, at most one event for each step: of those events that lie at or after any time,
// as many are in the basis as different steps can be served from that time on. A new event enters; if that makes the
// basis dependent, the earliest event that the new one can replace leaves. So an event costs no more than the steps,
// whatever the length of the run.
#pragma once

#include <array>
#include <cstdint>

#include "services/events/native/funnel_shape.h"

namespace throughline {

class UnorderedFunnel {
 public:
  explicit UnorderedFunnel(const FunnelShape& shape);

  void Begin();
  // In ascending order of times; equal times in any order.
  void Add(int64_t time, uint32_t steps);
  // Fills in what the whole run reached.
  void End(FunnelOutcome& outcome) const;

 private:
  // Puts the event into the basis; returns the time of the event that leaves it, kNone if none does.
  int64_t Enter(int64_t time, uint32_t steps);

  const int step_count_;
  const int64_t window_micros_;

  int64_t entry_ = FunnelOutcome::kNone;
  int64_t latest_ = FunnelOutcome::kNone;
  uint32_t occupied_ = 0;  // steps with an event of the basis
  std::array<int64_t, kStepCountMax> time_of_step_{};
  std::array<uint32_t, kStepCountMax> mask_of_step_{};  // the steps that this event may serve
  int size_ = 0;
  std::array<int64_t, kStepCountMax> times_{};     // of the basis, the latest first
  std::array<int64_t, kStepCountMax> shortest_{};  // the shortest time with so many steps, less one
};

}  // namespace throughline
