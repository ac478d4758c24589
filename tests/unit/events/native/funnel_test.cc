// The funnel of one run against a reference that tries every attempt, and in runs that are long. THROUGHLINE_TEST_SEED
// runs one random run again.
#include "services/events/native/funnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "services/events/query_check.h"
#include "tests/support/funnel_cases.h"
#include "tests/support/reference_funnel.h"

namespace throughline::testing {
namespace {

using Random = std::mt19937_64;

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }
bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

StepQuery RandomQuery(Random& random, StepOrder order, bool plain) {
  StepQuery query;
  query.order = order;
  const int step_count = Chance(random, 10) ? 1 + Below(random, 10) : 1 + Below(random, 6);
  const bool some_within = Chance(random, 50), some_optional = Chance(random, 60);
  int optional = 0;
  for (int step = 0; step < step_count; ++step) {
    StepQuery::Step& added = query.steps.emplace_back();
    if (step == 0 || plain || order == StepOrder::kUnordered) continue;
    if (some_within && Chance(random, 60)) added.within = absl::Microseconds(Below(random, 8));
    added.optional = some_optional && Chance(random, 50) && optional < kOptionalStepCountMax;
    optional += added.optional;
  }
  if (Chance(random, 70)) query.window = absl::Microseconds(Below(random, 20));
  if (!plain && order != StepOrder::kUnordered && Chance(random, 40)) query.exclusions.resize(1);
  return query;
}

std::vector<RunEvent> RandomRun(Random& random, const StepQuery& query) {
  const int step_count = static_cast<int>(query.steps.size());
  // What every event may serve: on average one step to three; all of them only in short runs.
  const bool dense = Chance(random, 10);
  const int percent = dense ? 100 : std::min(100, 100 * (1 + Below(random, 3)) / step_count);
  const bool single = Chance(random, 40);
  const int event_count = single ? Below(random, 14)
                                 : Below(random, dense || step_count > 6 ? 7
                                                 : Chance(random, 20)    ? 13
                                                                         : 9);
  const int span = Chance(random, 10) ? 1 : 1 + Below(random, 25);  // 1: all at the same moment
  const int64_t origin = Chance(random, 50) ? -1'000'000'000'012 : 0;
  std::vector<RunEvent> run(event_count);
  for (RunEvent& event : run) {
    event.time = origin + Below(random, span);
    if (single) event.steps = uint32_t{1} << Below(random, step_count);
    for (int step = 0; step < step_count && !single; ++step) event.steps |= uint32_t{Chance(random, percent)} << step;
    event.exclusion = !query.exclusions.empty() && Chance(random, 15);
  }
  std::stable_sort(run.begin(), run.end(), [](const RunEvent& a, const RunEvent& b) { return a.time < b.time; });
  return run;
}

const FunnelOutcome& Take(Funnel& funnel, const std::vector<RunEvent>& run) {
  funnel.Begin();
  for (const RunEvent& event : run) {
    if (event.steps == 0 && !event.exclusion && !funnel.needs_every_event()) continue;
    funnel.Add(event.time, event.steps, event.exclusion);
  }
  return funnel.End();
}

std::string Describe(const StepQuery& query, const std::vector<RunEvent>& run) {
  std::string out = absl::StrCat("window ", absl::FormatDuration(query.window), " steps");
  for (const StepQuery::Step& step : query.steps) {
    absl::StrAppend(&out, " (", step.optional ? "optional " : "", absl::FormatDuration(step.within), ")");
  }
  absl::StrAppend(&out, " run");
  for (const RunEvent& event : run) {
    absl::StrAppend(&out, " ", event.time, ":", absl::Hex(event.steps), event.exclusion ? "x" : "");
  }
  return out;
}

std::string ToText(const ReferenceOutcome& outcome) {
  std::string out = absl::StrCat("entry ", outcome.entry.value_or(FunnelOutcome::kNone));
  absl::StrAppend(&out, outcome.through ? " through" : " latest ");
  if (!outcome.through) absl::StrAppend(&out, outcome.latest_start.value_or(FunnelOutcome::kNone));
  for (const bool reached : outcome.reached) absl::StrAppend(&out, " ", reached);
  for (const auto& [step, duration] : outcome.durations) absl::StrAppend(&out, ", ", step, " in ", duration);
  return out;
}

std::string ToText(const Funnel& funnel, const FunnelOutcome& outcome, size_t step_count) {
  const bool through = outcome.reached != 0 && funnel.Through();
  std::string out = absl::StrCat("entry ", outcome.entry, through ? " through" : " latest ");
  if (!through) absl::StrAppend(&out, outcome.latest_start);
  for (size_t step = 0; step < step_count; ++step) absl::StrAppend(&out, " ", outcome.reached >> step & 1);
  for (size_t step = 0; step < step_count; ++step) {
    if ((outcome.taken >> step & 1) != 0) absl::StrAppend(&out, ", ", step, " in ", outcome.durations[step]);
  }
  return out;
}

class FunnelAgainstReference : public ::testing::TestWithParam<std::pair<StepOrder, bool>> {};

TEST_P(FunnelAgainstReference, EveryRandomRun_HasTheSameOutcome) {
  const auto [order, plain] = GetParam();
  const char* const only = std::getenv("THROUGHLINE_TEST_SEED");
  const uint64_t begin = only == nullptr ? 0 : std::strtoull(only, nullptr, 10);
  const uint64_t end = only == nullptr ? 2000 : begin + 1;
  int entered = 0, furthest = 0;
  for (uint64_t seed = begin; seed < end; ++seed) {
    Random random(seed);
    const StepQuery query = RandomQuery(random, order, plain);
    // One funnel for several runs: nothing may be left of the run before.
    Funnel funnel(FunnelShapeOf(query));
    for (int i = 0; i < 5; ++i) {
      const std::vector<RunEvent> run = RandomRun(random, query);
      const ReferenceOutcome expected = ReferenceFunnel(query, run).outcome();
      const FunnelOutcome& outcome = Take(funnel, run);
      ASSERT_EQ(ToText(funnel, outcome, query.steps.size()), ToText(expected))
          << "THROUGHLINE_TEST_SEED=" << seed << " " << Describe(query, run);
      entered += expected.entry.has_value();
      furthest += query.steps.size() > 2 && expected.through;
    }
  }
  if (only != nullptr) return;
  // That the runs are worth comparing.
  EXPECT_GT(entered, 5'000);
  EXPECT_GT(furthest, 1'000);
}

TEST(FunnelCasesTest, EveryCaseOfTheDocument_Holds_AlsoForTheReference) {
  for (const FunnelCase& c : FunnelCases()) {
    SCOPED_TRACE(c.name);
    std::vector<RunEvent> run;
    for (const FunnelCase::Event& event : c.run) {
      RunEvent& added = run.emplace_back();
      added.time = event.seconds * 1'000'000;
      for (size_t step = 0; step < c.letters.size(); ++step) {
        added.steps |= uint32_t{event.letters.find(c.letters[step]) != std::string::npos} << step;
      }
      added.exclusion = event.letters.find('x') != std::string::npos;
    }
    ASSERT_TRUE(CheckStepQuery(c.query).ok());
    Funnel funnel(FunnelShapeOf(c.query));
    const FunnelOutcome& outcome = Take(funnel, run);
    EXPECT_EQ(ToText(ReferenceFunnel(c.query, run).outcome()), ToText(funnel, outcome, c.query.steps.size()));
    if (!c.immature.empty()) {
      const int64_t now = std::stoll(c.now_seconds) * 1'000'000;
      EXPECT_EQ(outcome.reached != 0 && funnel.IsImmature(now), c.immature == "yes");
      continue;
    }
    for (size_t step = 0; step < c.letters.size(); ++step) {
      EXPECT_EQ(absl::StrCat(outcome.reached >> step & 1), c.reached[step]) << step;
      const bool taken = step > 0 && (outcome.taken >> step & 1) != 0;
      EXPECT_EQ(taken ? absl::StrCat(outcome.durations[step] / 1'000'000) : "-", c.seconds_to[step]) << step;
    }
  }
}

// Every choice of optional steps is a funnel without any: what is reached must be the best of them.
TEST(FunnelTest, LongRunsWithOptionalSteps_ReachTheBestOfAllChoices) {
  constexpr int kSteps = 7;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    FunnelShape shape;
    shape.order = Chance(random, 70) ? StepOrder::kOrdered : StepOrder::kStrict;
    shape.window_micros = 20 + Below(random, 60);
    for (int step = 0; step < kSteps; ++step) {
      const bool limited = step > 0 && Chance(random, 30);
      shape.steps.push_back({step > 0 && Chance(random, 50), limited ? Below(random, 12) : 1'000'000});
    }
    std::vector<RunEvent> run(20 + Below(random, 60));
    const int bits = 1 + Below(random, 3), span = 20 + Below(random, 80);
    for (RunEvent& event : run) {
      event.time = Below(random, span);
      for (int i = 0; i < bits; ++i) event.steps |= uint32_t{1} << Below(random, kSteps);
    }
    std::stable_sort(run.begin(), run.end(), [](const RunEvent& a, const RunEvent& b) { return a.time < b.time; });

    std::tuple<int, int, std::vector<bool>> best(-1, 0, std::vector<bool>(kSteps));
    const uint32_t optional = shape.optional_steps();
    for (uint32_t chosen = optional;; chosen = (chosen - 1) & optional) {
      FunnelShape simple = shape;
      simple.steps.clear();
      std::vector<int> steps;
      for (int step = 0; step < kSteps; ++step) {
        if (shape.steps[step].optional && (chosen >> step & 1) == 0) continue;
        steps.push_back(step);
        simple.steps.push_back({false, shape.steps[step].within_micros});
      }
      std::vector<RunEvent> events = run;
      for (RunEvent& event : events) {
        event.steps = 0;
        for (size_t i = 0; i < steps.size(); ++i)
          event.steps |= (run[&event - events.data()].steps >> steps[i] & 1) << i;
      }
      Funnel funnel(simple);
      const uint32_t reached = Take(funnel, events).reached;
      std::vector<bool> which(kSteps);
      for (size_t i = 0; i < steps.size(); ++i) which[steps[i]] = (reached >> i & 1) != 0;
      int furthest = -1, taken = 0;
      for (int step = 0; step < kSteps; ++step) {
        if (which[step]) furthest = step;
        taken += which[step] && shape.steps[step].optional;
      }
      best = std::max(best, std::make_tuple(furthest, taken, which));
      if (chosen == 0) break;
    }
    Funnel funnel(shape);
    const FunnelOutcome& outcome = Take(funnel, run);
    std::vector<bool> which(kSteps);
    for (int step = 0; step < kSteps; ++step) which[step] = (outcome.reached >> step & 1) != 0;
    EXPECT_EQ(which, std::get<2>(best)) << "seed " << seed;
  }
}

// A customer of 200 000 events, each of which serves every step but one: no order may take longer than in proportion.
// (What is quadratic in the events runs into the timeout.)
TEST(FunnelTest, TwoHundredThousandEvents_AreAnsweredInEveryOrder) {
  constexpr int kEvents = 200'000, kNever = 8;
  for (const StepOrder order : {StepOrder::kOrdered, StepOrder::kStrict, StepOrder::kUnordered}) {
    for (const int tied : {1, 5, kEvents}) {
      FunnelShape shape;
      shape.order = order;
      shape.steps.resize(kStepCountMax);
      for (int i = 1; i <= kOptionalStepCountMax; ++i) shape.steps[i].optional = order != StepOrder::kUnordered;
      Funnel funnel(shape);
      funnel.Begin();
      for (int i = 0; i < kEvents; ++i) funnel.Add(i / tied, ~(uint32_t{1} << kNever));
      const FunnelOutcome& outcome = funnel.End();
      if (order == StepOrder::kUnordered) {
        EXPECT_EQ(outcome.reached, ~uint32_t{0} >> 1);
        EXPECT_EQ(outcome.durations[30], tied == kEvents ? 0 : tied == 5 ? 6 : 30);
      } else {
        EXPECT_EQ(outcome.reached, ~(uint32_t{1} << kNever));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, FunnelAgainstReference,
                         ::testing::Values(std::pair(StepOrder::kOrdered, true), std::pair(StepOrder::kOrdered, false),
                                           std::pair(StepOrder::kStrict, false),
                                           std::pair(StepOrder::kUnordered, false)));

}  // namespace
}  // namespace throughline::testing
