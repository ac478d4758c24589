#include "services/events/query_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;

StepQuery ThreeSteps() {
  StepQuery query;
  query.steps.resize(3);
  return query;
}

std::vector<std::string> FieldsOf(const absl::Status& status) {
  std::vector<std::string> out;
  for (const FieldViolation& violation : GetFieldViolations(status)) out.push_back(violation.field);
  return out;
}

TEST(CheckStepQueryTest, WhatThePortPromises_IsAccepted) {
  StepQuery query = ThreeSteps();
  EXPECT_TRUE(CheckStepQuery(query).ok());
  query.steps.resize(kStepCountMax);
  for (int i = 1; i <= kOptionalStepCountMax; ++i) query.steps[i].optional = true;
  query.steps[1].within = absl::ZeroDuration();
  query.window = absl::ZeroDuration();
  query.exclusions.resize(2);
  EXPECT_TRUE(CheckStepQuery(query).ok());
  query.order = StepOrder::kStrict;
  EXPECT_TRUE(CheckStepQuery(query).ok());
  query = ThreeSteps();
  query.order = StepOrder::kUnordered;
  query.window = absl::Hours(1);
  EXPECT_TRUE(CheckStepQuery(query).ok());
  query.steps.resize(1);
  EXPECT_TRUE(CheckStepQuery(query).ok());
}

TEST(CheckStepQueryTest, WhatIsWrong_IsInvalidArgumentByField) {
  struct Case {
    const char* field;
    std::function<void(StepQuery&)> spoil;
  };
  const std::vector<Case> cases = {
      {"steps", [](StepQuery& q) { q.steps.clear(); }},
      {"steps", [](StepQuery& q) { q.steps.resize(kStepCountMax + 1); }},
      {"steps",
       [](StepQuery& q) {
         q.steps.resize(kStepCountMax);
         for (int i = 1; i <= kOptionalStepCountMax + 1; ++i) q.steps[i].optional = true;
       }},
      {"steps[0].optional", [](StepQuery& q) { q.steps[0].optional = true; }},
      {"steps[0].within", [](StepQuery& q) { q.steps[0].within = absl::Hours(1); }},
      {"steps[2].within", [](StepQuery& q) { q.steps[2].within = -absl::Nanoseconds(1); }},
      {"window", [](StepQuery& q) { q.window = -absl::Nanoseconds(1); }},
      {"window", [](StepQuery& q) { q.window = -absl::InfiniteDuration(); }},
      {"steps[1].optional",
       [](StepQuery& q) {
         q.order = StepOrder::kUnordered;
         q.steps[1].optional = true;
       }},
      {"steps[1].within",
       [](StepQuery& q) {
         q.order = StepOrder::kUnordered;
         q.steps[1].within = absl::Hours(1);
       }},
      {"exclusions",
       [](StepQuery& q) {
         q.order = StepOrder::kUnordered;
         q.exclusions.resize(1);
       }},
  };
  for (const Case& c : cases) {
    StepQuery query = ThreeSteps();
    c.spoil(query);
    const absl::Status status = CheckStepQuery(query);
    EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kInvalidArgument, testing::HasReason("INVALID_FIELD")))
        << c.field;
    EXPECT_THAT(FieldsOf(status), ElementsAre(c.field));
  }
}

TEST(CheckStepQueryTest, EverythingWrong_IsSaidAtOnce) {
  StepQuery query = ThreeSteps();
  query.steps[0].optional = true;
  query.steps[1].within = -absl::Hours(1);
  query.window = -absl::Hours(1);
  EXPECT_THAT(FieldsOf(CheckStepQuery(query)), ElementsAre("steps[0].optional", "steps[1].within", "window"));
}

}  // namespace
}  // namespace throughline
