// The funnel of one run: how far its best attempt came (metrics.md section 4). Not thread-safe; one per thread.
//
// An attempt begins with an event of step 1; step k is taken by an event at or after that of step k − 1, at most the
// window after the attempt's beginning. Taking the first event that fits each step would be wrong: its beginning may
// lie too far back where a later one does not. So for every step the latest beginning of an attempt that took it is
// kept: a later beginning can do whatever an earlier one can from then on. Events of equal time serve steps in step
// order whatever their own order, each at most one step of an attempt: the steps that an attempt takes at one moment
// are a matching of steps to distinct events.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace throughline {

class Funnel {
 public:
  Funnel(int step_count, int64_t window_micros)
      : step_count_(step_count), window_micros_(window_micros), starts_(step_count, kNone), next_(step_count) {}

  void Reset() { starts_.assign(step_count_, kNone); }

  // All events of one moment, in ascending order of moments: event e of [0, event_count) may serve the steps
  // [begins[e], begins[e + 1]) of `steps`.
  void AddMoment(int64_t time, int event_count, const uint32_t* begins, const int* steps);

  // Steps that the best attempt took.
  int Reached() const {
    int reached = step_count_;
    while (reached > 0 && starts_[reached - 1] == kNone) --reached;
    return reached;
  }
  // When the latest attempt began; only if Reached() > 0.
  int64_t LatestStart() const { return starts_[0]; }

 private:
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::min();

  void AddSingle(int64_t time, const int* steps, int count);
  void Extend(int from_step, int64_t start);
  bool Augment(int step);

  const int step_count_;
  const int64_t window_micros_;
  std::vector<int64_t> starts_;  // per step: latest beginning of an attempt that took it
  std::vector<int64_t> next_;
  // Of the current moment, for the matching:
  std::vector<std::vector<int>> events_by_step_;
  std::vector<int> step_of_event_;  // matched, or -1
  std::vector<char> visited_;
};

}  // namespace throughline
