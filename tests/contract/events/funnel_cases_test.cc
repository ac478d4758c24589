// The cases of docs/funnel.md through the port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_store_backend.h"
#include "tests/support/funnel_cases.h"

namespace throughline::testing {
namespace {

// The events of a case have names of their own, so that the customers of the others do not enter its funnel.
std::string NameOf(size_t number, const std::string& letters) { return absl::StrCat(number, "/", letters); }

std::vector<std::string> NamesWith(size_t number, const FunnelCase& c, const std::string& letter) {
  std::vector<std::string> out = {NameOf(number, "never")};
  for (const FunnelCase::Event& event : c.run) {
    if (event.letters.find(letter) != std::string::npos) out.push_back(NameOf(number, event.letters));
  }
  return out;
}

StepQuery QueryOf(size_t number, const FunnelCase& c) {
  StepQuery out = c.query;
  for (size_t step = 0; step < out.steps.size(); ++step) {
    out.steps[step].selector = Select(NamesWith(number, c, c.letters[step]));
  }
  for (EventSelector& exclusion : out.exclusions) exclusion = Select(NamesWith(number, c, "x"));
  if (!c.now_seconds.empty()) out.now = At(std::stoll(c.now_seconds));
  out.windows = {Always()};
  return out;
}

TEST_P(EventStoreContractTest, Steps_OfEveryCaseOfTheDocument_AreAsWorkedByHand) {
  const std::vector<FunnelCase> cases = FunnelCases();
  std::vector<v1::CustomerEvent> events;
  for (size_t number = 0; number < cases.size(); ++number) {
    int64_t sequence = 0;
    for (const FunnelCase::Event& event : cases[number].run) {
      ++sequence;
      events.push_back(Event(absl::StrCat(number, "/", sequence))
                           .Customer(absl::StrCat("c", number))
                           .Name(NameOf(number, event.letters))
                           .At(event.seconds)
                           .Sequence(sequence));
    }
  }
  MustAppend(events);
  const auto view = View();
  for (size_t number = 0; number < cases.size(); ++number) {
    const FunnelCase& c = cases[number];
    SCOPED_TRACE(c.name);
    const auto answer = view->Steps(QueryOf(number, c));
    ASSERT_THAT(answer, IsOk());
    const StepReach& reach = (*answer)[0].whole();
    if (!c.immature.empty()) {
      EXPECT_EQ(reach.immature, c.immature == "yes");
      continue;
    }
    for (size_t step = 0; step < c.letters.size(); ++step) {
      EXPECT_EQ(absl::StrCat(reach.reached[step]), c.reached[step]) << step;
      const DurationSketch& durations = reach.durations[step];
      ASSERT_LE(durations.count(), 1);
      EXPECT_EQ(durations.count() == 0 ? "-" : absl::StrCat(durations.Quantile(0) / 1'000'000), c.seconds_to[step]);
    }
  }
}

TEST_P(EventStoreContractTest, Steps_ThatThePortDoesNotPromise_AreInvalidArgumentByField) {
  MustAppend({Event("1")});
  StepQuery query;
  query.windows = {Always()};
  const auto refused = [&](const char* field) {
    EXPECT_THAT(View()->Steps(query), StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation(field)));
  };
  refused("steps");
  query.steps.resize(kStepCountMax + 1);
  refused("steps");
  query.steps.resize(3);
  EXPECT_THAT(View()->Steps(query), IsOk());
  query.steps[0].optional = true;
  refused("steps[0].optional");
  query.steps[0].optional = false;
  query.steps[2].within = -absl::Seconds(1);
  refused("steps[2].within");
  query.steps[2].within = absl::InfiniteDuration();
  query.order = StepOrder::kUnordered;
  query.exclusions.resize(1);
  refused("exclusions");
}

}  // namespace
}  // namespace throughline::testing
