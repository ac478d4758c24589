#include "services/events/native/step_matching.h"

#include <bit>

namespace throughline {

void StepMatching::Clear() {
  for (uint32_t steps = served_; steps != 0; steps &= steps - 1) event_counts_[std::countr_zero(steps)] = 0;
  step_of_event_.clear();
  served_ = full_ = 0;
  matched_ = 0;
}

void StepMatching::AddEvent(uint32_t steps) {
  steps &= ~full_;
  if (steps == 0) return;
  served_ |= steps;
  const auto event = static_cast<uint16_t>(step_of_event_.size());
  step_of_event_.push_back(-1);
  for (; steps != 0; steps &= steps - 1) {
    const int step = std::countr_zero(steps);
    events_[step][event_counts_[step]++] = event;
    if (event_counts_[step] == kStepCountMax) full_ |= uint32_t{1} << step;
  }
}

bool StepMatching::Match(int step) {
  if (static_cast<size_t>(std::popcount(matched_)) == step_of_event_.size()) return false;
  visited_ = 0;
  if (!Augment(step)) return false;
  matched_ |= uint32_t{1} << step;
  return true;
}

void StepMatching::Release(int step) {
  step_of_event_[event_of_step_[step]] = -1;
  matched_ &= ~(uint32_t{1} << step);
}

void StepMatching::ReleaseAll() {
  for (uint32_t steps = matched_; steps != 0; steps &= steps - 1) Release(std::countr_zero(steps));
}

// Finds an event for the step, moving other steps to another event where they have one.
bool StepMatching::Augment(int step) {
  visited_ |= uint32_t{1} << step;
  const auto take = [&](uint16_t event) {
    step_of_event_[event] = static_cast<int8_t>(step);
    event_of_step_[step] = event;
    return true;
  };
  for (int i = 0; i < event_counts_[step]; ++i) {
    if (step_of_event_[events_[step][i]] < 0) return take(events_[step][i]);
  }
  for (int i = 0; i < event_counts_[step]; ++i) {
    const uint16_t event = events_[step][i];
    const int other = step_of_event_[event];
    if ((visited_ >> other & 1) == 0 && Augment(other)) return take(event);
  }
  return false;
}

}  // namespace throughline
