#include "services/events/native/funnel_unordered.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace throughline {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

uint32_t Bit(int step) { return uint32_t{1} << step; }

}  // namespace

UnorderedFunnel::UnorderedFunnel(const FunnelShape& shape)
    : step_count_(static_cast<int>(shape.steps.size())), window_micros_(shape.window_micros) {}

void UnorderedFunnel::Begin() {
  entry_ = latest_ = FunnelOutcome::kNone;
  occupied_ = 0;
  size_ = 0;
  shortest_.fill(kNever);
}

void UnorderedFunnel::Add(int64_t time, uint32_t steps) {
  if (steps == 0) return;
  if (entry_ == FunnelOutcome::kNone) entry_ = time;
  latest_ = time;
  const int64_t left = Enter(time, steps);
  int gap = size_;  // where the leaving event stood
  if (left == FunnelOutcome::kNone) {
    ++size_;
  } else {
    gap = static_cast<int>(std::find(times_.begin(), times_.begin() + size_, left) - times_.begin());
  }
  std::copy_backward(times_.begin(), times_.begin() + gap, times_.begin() + gap + 1);
  times_[0] = time;
  for (int i = 0; i < size_; ++i) shortest_[i] = std::min(shortest_[i], time - times_[i]);
}

int64_t UnorderedFunnel::Enter(int64_t time, uint32_t steps) {
  // The steps that can be made free for the event, breadth first, and through whose event each of them is found.
  std::array<int8_t, kStepCountMax> through;
  uint32_t found = steps, todo = steps;
  for (uint32_t i = steps; i != 0; i &= i - 1) through[std::countr_zero(i)] = -1;
  while (todo != 0 && (found & ~occupied_) == 0) {
    const int step = std::countr_zero(todo);
    todo &= todo - 1;
    const uint32_t more = mask_of_step_[step] & ~found;
    for (uint32_t i = more; i != 0; i &= i - 1) through[std::countr_zero(i)] = static_cast<int8_t>(step);
    found |= more;
    todo |= more;
  }

  int step;
  int64_t left = FunnelOutcome::kNone;
  if (const uint32_t vacant = found & ~occupied_; vacant != 0) {
    step = std::countr_zero(vacant);
    occupied_ |= Bit(step);
  } else {
    step = std::countr_zero(found);
    for (uint32_t i = found; i != 0; i &= i - 1) {
      if (time_of_step_[std::countr_zero(i)] < time_of_step_[step]) step = std::countr_zero(i);
    }
    left = time_of_step_[step];
  }
  for (; through[step] >= 0; step = through[step]) {
    time_of_step_[step] = time_of_step_[through[step]];
    mask_of_step_[step] = mask_of_step_[through[step]];
  }
  time_of_step_[step] = time;
  mask_of_step_[step] = steps;
  return left;
}

void UnorderedFunnel::End(FunnelOutcome& outcome) const {
  outcome.entry = entry_;
  outcome.latest_start = latest_;
  outcome.reached = 0;
  for (int i = 0; i < step_count_ && shortest_[i] <= window_micros_; ++i) {
    if (shortest_[i] == kNever) break;
    outcome.reached |= Bit(i);
    outcome.durations[i] = shortest_[i];
  }
  outcome.taken = outcome.reached;
}

}  // namespace throughline
