#include "services/events/native/funnel.h"

#include <algorithm>

#include "services/events/native/windows.h"

namespace throughline {
namespace {

uint32_t LastRequired(const FunnelShape& shape) {
  size_t step = shape.steps.size() - 1;
  while (step > 0 && shape.steps[step].optional) --step;
  return uint32_t{1} << step;
}

}  // namespace

FunnelShape FunnelShapeOf(const StepQuery& query) {
  FunnelShape out;
  out.order = query.order;
  for (const StepQuery::Step& step : query.steps) out.steps.push_back({step.optional, FloorMicros(step.within)});
  out.window_micros = FloorMicros(query.window);
  out.has_exclusions = !query.exclusions.empty();
  return out;
}

Funnel::Funnel(const FunnelShape& shape)
    : step_count_(static_cast<int>(shape.steps.size())),
      order_(shape.order),
      window_micros_(shape.window_micros),
      last_required_(LastRequired(shape)),
      plain_(shape.order == StepOrder::kOrdered && !shape.has_exclusions && shape.optional_steps() == 0) {
  for (int step = 0; step < step_count_; ++step) {
    within_[step] = shape.steps[step].within_micros;
    plain_ = plain_ && (step == 0 || within_[step] == kEndOfTime);
  }
  if (order_ == StepOrder::kUnordered) {
    unordered_ = std::make_unique<UnorderedFunnel>(shape);
  } else if (order_ == StepOrder::kStrict || shape.optional_steps() != 0) {
    branching_ = std::make_unique<BranchingFunnel>(shape);
  }
}

void Funnel::Begin() {
  outcome_.reached = outcome_.taken = 0;
  outcome_.entry = outcome_.latest_start = FunnelOutcome::kNone;
  live_ = 0;
  moment_ = FunnelOutcome::kNone;
  pending_ = 0;
  tied_.clear();
  exclusion_ = false;
  if (unordered_ != nullptr) unordered_->Begin();
  if (branching_ != nullptr) branching_->Begin();
}

void Funnel::AddTied(uint32_t steps) {
  if (tied_.empty()) tied_.push_back(pending_);
  tied_.push_back(steps);
}

void Funnel::EndTied() {
  TakeMoment(moment_, tied_);
  tied_.clear();
}

void Funnel::AddAny(int64_t time, uint32_t steps, bool exclusion) {
  if (unordered_ != nullptr) return unordered_->Add(time, steps);
  // It may begin an attempt, but not go on with one.
  if (exclusion) steps &= 1;
  if (outcome_.entry == FunnelOutcome::kNone && (steps & 1) != 0) outcome_.entry = time;
  if (order_ == StepOrder::kStrict) return branching_->AddNext(time, steps, exclusion);
  if (time != moment_) EndMoment();
  moment_ = time;
  tied_.push_back(steps);
  exclusion_ = exclusion_ || exclusion;
}

// All events of an ordered moment are known.
void Funnel::EndMoment() {
  if (tied_.empty()) return;
  if (branching_ != nullptr) {
    branching_->AddMoment(moment_, tied_, exclusion_);
  } else {
    // Whatever is under way began at an earlier moment.
    if (exclusion_) live_ = 0;
    tied_.size() == 1 ? TakeSingle<true>(moment_, tied_[0]) : TakeMoment(moment_, tied_);
  }
  tied_.clear();
  exclusion_ = false;
}

// Several events at one moment. An attempt that waits for a step goes on as far as the steps from there on can be
// matched to different events; one that waits for a later step began no later, and comes at least as far.
void Funnel::TakeMoment(int64_t time, const std::vector<uint32_t>& events) {
  matching_.Clear();
  for (const uint32_t event : events) matching_.AddEvent(event);
  std::array<int64_t, kStepCountMax> starts;
  uint32_t taken = 0;
  int filled = 0, end = 0;  // the steps [from, end) are matched
  for (int from = 0; from < step_count_; ++from) {
    if (from > 0 && (live_ & Bit(from - 1)) == 0) break;
    if (from > 0 && end >= from) matching_.Release(from - 1);
    end = std::max(end, from);
    while (end < step_count_ && matching_.Match(end)) ++end;
    const int64_t start = from == 0 ? time : starts_[from - 1];
    if (time - start > window_micros_) break;
    if (!plain_ && from > 0 && time - lasts_[from - 1] > within_[from]) continue;
    for (int step = std::max(filled, from); step < end; ++step) {
      starts[step] = start;
      taken |= Bit(step);
    }
    filled = std::max(filled, end);
  }
  if ((taken & 1) != 0 && outcome_.entry == FunnelOutcome::kNone) outcome_.entry = time;
  for (; taken != 0; taken &= taken - 1) {
    const int step = std::countr_zero(taken);
    starts_[step] = starts[step];
    lasts_[step] = time;
    live_ |= Bit(step);
    if ((outcome_.taken & Bit(step)) != 0) continue;
    outcome_.taken |= Bit(step);
    outcome_.durations[step] = time - starts[step];
  }
}

const FunnelOutcome& Funnel::End() {
  if (unordered_ != nullptr) {
    unordered_->End(outcome_);
    return outcome_;
  }
  plain_ ? EndPlainMoment() : EndMoment();
  if (branching_ != nullptr) {
    branching_->End(outcome_);
    return outcome_;
  }
  outcome_.reached = outcome_.taken;
  if ((live_ & 1) != 0) outcome_.latest_start = starts_[0];
  return outcome_;
}

}  // namespace throughline
