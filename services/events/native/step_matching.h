// Which steps can be served by different events of one moment: a matching of steps to events, which grows and shrinks
// step by step. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "throughline/event_queries.h"

namespace throughline {

class StepMatching {
 public:
  // Forgets all events and matches.
  void Clear();
  void AddEvent(uint32_t steps);

  // All steps that some event serves.
  uint32_t served() const { return served_; }

  // Whether a step that is not matched can be matched beside those that are; matches it then. Other steps may change
  // their event, but stay matched.
  bool Match(int step);
  void Release(int step);  // of a matched step
  void ReleaseAll();

 private:
  bool Augment(int step);

  // Of each step only so many events are kept as there can be steps: the others could never take the last of them away.
  std::array<std::array<uint16_t, kStepCountMax>, kStepCountMax> events_;
  std::array<uint8_t, kStepCountMax> event_counts_{};
  std::array<uint16_t, kStepCountMax> event_of_step_{};
  std::vector<int8_t> step_of_event_;  // matched, or -1
  uint32_t served_ = 0;
  uint32_t full_ = 0;     // steps that keep no further event
  uint32_t matched_ = 0;  // steps
  uint32_t visited_ = 0;  // steps
};

}  // namespace throughline
