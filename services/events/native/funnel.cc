#include "services/events/native/funnel.h"

#include <algorithm>

namespace throughline {

void Funnel::AddMoment(int64_t time, int event_count, const uint32_t* begins, const int* steps) {
  if (event_count == 1) return AddSingle(time, steps + begins[0], static_cast<int>(begins[1] - begins[0]));
  events_by_step_.resize(step_count_);
  for (std::vector<int>& events : events_by_step_) events.clear();
  for (int event = 0; event < event_count; ++event) {
    for (uint32_t i = begins[event]; i < begins[event + 1]; ++i) events_by_step_[steps[i]].push_back(event);
  }
  step_of_event_.resize(event_count);
  next_ = starts_;
  Extend(0, time);
  for (int step = 0; step + 1 < step_count_; ++step) {
    if (starts_[step] != kNone && time - starts_[step] <= window_micros_) Extend(step + 1, starts_[step]);
  }
  starts_.swap(next_);
}

// One event can take one step of each attempt: from the last step to the first, so that none takes two.
void Funnel::AddSingle(int64_t time, const int* steps, int count) {
  for (int i = count - 1; i >= 0; --i) {
    const int step = steps[i];
    if (step == 0) {
      starts_[0] = time;
    } else if (starts_[step - 1] != kNone && time - starts_[step - 1] <= window_micros_) {
      starts_[step] = std::max(starts_[step], starts_[step - 1]);
    }
  }
}

// The attempt that began at `start` and waits for `from_step` takes as many further steps as the moment allows.
void Funnel::Extend(int from_step, int64_t start) {
  std::fill(step_of_event_.begin(), step_of_event_.end(), -1);
  for (int step = from_step; step < step_count_; ++step) {
    if (events_by_step_[step].empty()) return;
    visited_.assign(step_of_event_.size(), 0);
    if (!Augment(step)) return;
    next_[step] = std::max(next_[step], start);
  }
}

// Finds an event for the step, moving the events of earlier steps where they have another.
bool Funnel::Augment(int step) {
  for (const int event : events_by_step_[step]) {
    if (visited_[event]) continue;
    visited_[event] = 1;
    if (step_of_event_[event] < 0 || Augment(step_of_event_[event])) {
      step_of_event_[event] = step;
      return true;
    }
  }
  return false;
}

}  // namespace throughline
