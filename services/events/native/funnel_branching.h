// The funnel of one run where an attempt can go on in several ways: with optional steps, and strictly. Not thread-safe.
//
// Attempts that took the same last step differ in three things: when they began, when they took that step, and which
// optional steps they have. One that is not behind another in any of them can do whatever the other can, and ends no
// worse; so of each step only those are kept that no other one covers: the fronts. Which optional steps an attempt has
// is one number, its rank: more optional steps rank higher, and of as many, the earlier ones. Adding the same step to
// two attempts keeps their order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "services/events/native/funnel_shape.h"
#include "services/events/native/step_matching.h"

namespace throughline {

class BranchingFunnel {
 public:
  explicit BranchingFunnel(const FunnelShape& shape);

  void Begin();
  // Not strict: all events of one moment, in ascending order of moments. `exclusion`: one of them is one; the steps
  // that such an event may serve are to be masked by the caller.
  void AddMoment(int64_t time, const std::vector<uint32_t>& events, bool exclusion);
  // Strict: the run's next event, whatever it may serve.
  void AddNext(int64_t time, uint32_t steps, bool exclusion);
  // Fills in what the run reached so far; `latest_start` too.
  void End(FunnelOutcome& outcome) const;

 private:
  struct Attempt {
    int64_t start;
    int64_t last;   // when it took its last step, or 0 where that cannot matter
    uint32_t rank;  // of its optional steps
  };
  using Front = std::vector<Attempt>;
  // One way to go on within a moment: to the step, with optional steps that add so much to the rank.
  struct Way {
    int step;
    uint32_t rank;
  };

  static uint32_t Bit(int step) { return uint32_t{1} << step; }
  static void Insert(Front& front, const Attempt& attempt);

  void Drop();
  void AddSingle(int64_t time, uint32_t steps);
  void Advance(int64_t time, int step);
  void SetChanged(int step);
  void Note(int64_t time, int step, const Attempt& attempt);
  void Continue(int64_t time, int from);
  bool IsOver(int64_t time, const Attempt& attempt) const { return time - attempt.start > window_micros_; }
  // Nothing that the attempt may still take changes what the run has: every further step has its time, and no rank that
  // it can get is better than the best.
  bool IsUseless(int64_t time, int step, uint32_t rank) const {
    return step >= complete_from_ && time > complete_time_ && rank + rest_[step] <= best_rank_;
  }
  // Those of the steps straight after `from` that are still in time.
  uint32_t InTime(int64_t time, int from, const Attempt& attempt) const;
  void FindWays(int from, uint32_t firsts);
  bool MatchFirst(int step, int next_required, uint32_t firsts, uint32_t& optional);
  void Reach(int64_t time, int step, const Attempt& before, uint32_t rank, std::vector<Front>& fronts, uint32_t& live);

  const int step_count_;
  const uint32_t optional_;
  const bool strict_;
  const int64_t window_micros_;
  std::vector<int64_t> within_;                     // by step
  std::array<uint32_t, kStepCountMax> rank_{};      // by step: what taking it adds to the rank
  std::array<uint32_t, kStepCountMax> rest_{};      // by step: what the steps after it can add
  std::array<uint32_t, kStepCountMax> before_{};    // by step: steps that may come straight before it
  std::array<uint32_t, kStepCountMax> after_{};     // by step: steps that may come straight after it
  std::array<bool, kStepCountMax> last_matters_{};  // by step

  std::vector<Front> fronts_;       // by last step
  std::vector<Front> next_fronts_;  // while a moment is added
  uint32_t live_ = 0;               // steps with a front
  uint32_t next_live_ = 0;
  int64_t last_ = 0;  // strict: time of the event before
  // By step: the steps before it whose front has changed since an event last let their attempts take it.
  std::array<uint32_t, kStepCountMax> changed_{};
  Front scratch_;
  StepMatching matching_;
  std::vector<Way> ways_;

  // Of the run:
  int64_t latest_start_ = FunnelOutcome::kNone;  // not strict
  int best_step_ = -1;
  uint32_t best_rank_ = 0;
  uint32_t taken_ = 0;
  int complete_from_ = 0;      // all steps from here on were taken
  int64_t complete_time_ = 0;  // since when
  std::array<int64_t, kStepCountMax> first_taken_{};
  std::array<int64_t, kStepCountMax> durations_{};
};

}  // namespace throughline
