#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/metrics/metric_resources.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::throughline::testing::EqualsProto;
using ::throughline::testing::HasFieldViolation;
using ::throughline::testing::HasReason;
using ::throughline::testing::IsOk;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;
using v1::MetricDefinition;

MetricDefinition Prepared(const std::string& text) {
  auto definition = ParseProto<MetricDefinition>(text);
  EXPECT_THAT(PrepareMetricDefinition(nullptr, definition), IsOk());
  return definition;
}

absl::Status Refusal(const std::string& text) {
  auto definition = ParseProto<MetricDefinition>("display_name: 'A' " + text);
  return PrepareMetricDefinition(nullptr, definition);
}

TEST(PrepareMetricDefinitionTest, Nps_GetsItsDefaults) {
  EXPECT_THAT(Prepared("display_name: 'NPS' kind: NPS"), EqualsProto(R"pb(
                display_name: "NPS"
                kind: NPS
                respondent_policy: ALL
                direction: HIGHER_IS_BETTER
                min_n: 30
                confidence_level: 0.95
                version: 1
                unit: "points")pb"));
}

TEST(PrepareMetricDefinitionTest, Csat_HasFivePointsUnlessToldOtherwise) {
  EXPECT_EQ(Prepared("display_name: 'A' kind: CSAT").scale_points(), 5);
  EXPECT_EQ(Prepared("display_name: 'A' kind: CSAT scale_points: 10").scale_points(), 10);
  EXPECT_EQ(Prepared("display_name: 'A' kind: CSAT").unit(), "share");
}

TEST(PrepareMetricDefinitionTest, CesDirection_FollowsItsVersion) {
  const MetricDefinition second = Prepared("display_name: 'A' kind: CES");
  EXPECT_EQ(second.ces_version(), 2);
  EXPECT_EQ(second.direction(), MetricDefinition::HIGHER_IS_BETTER);
  const MetricDefinition first = Prepared("display_name: 'A' kind: CES ces_version: 1");
  EXPECT_EQ(first.direction(), MetricDefinition::LOWER_IS_BETTER);
  EXPECT_EQ(first.unit(), "mean");
  MetricDefinition turned = first;
  turned.set_ces_version(2);
  ASSERT_OK(PrepareMetricDefinition(&first, turned));
  EXPECT_EQ(turned.direction(), MetricDefinition::HIGHER_IS_BETTER);
  EXPECT_EQ(turned.version(), 2);
  EXPECT_THAT(Refusal("kind: CES ces_version: 1 direction: HIGHER_IS_BETTER"), HasFieldViolation("direction"));
}

TEST(PrepareMetricDefinitionTest, RunKinds_HaveUnitsAndDirections) {
  EXPECT_EQ(Prepared("display_name: 'A' kind: VOLUME").unit(), "visits");
  EXPECT_EQ(Prepared("display_name: 'A' kind: CONVERSION").unit(), "share");
  EXPECT_EQ(Prepared("display_name: 'A' kind: DROP_OFF").direction(), MetricDefinition::LOWER_IS_BETTER);
  EXPECT_EQ(Prepared("display_name: 'A' kind: TIME_BETWEEN").unit(), "seconds");
  EXPECT_EQ(Prepared("display_name: 'A' kind: VOLUME direction: LOWER_IS_BETTER").direction(),
            MetricDefinition::LOWER_IS_BETTER);
}

TEST(PrepareMetricDefinitionTest, EveryChange_CountsTheVersionAndNoChangeDoesNot) {
  const MetricDefinition stored = Prepared("display_name: 'A' kind: NPS");
  MetricDefinition same = stored;
  same.set_etag("12");
  ASSERT_OK(PrepareMetricDefinition(&stored, same));
  EXPECT_EQ(same.version(), 1);

  MetricDefinition renamed = stored;
  renamed.set_display_name("B");
  renamed.set_version(77);  // output only: what the caller sends is not kept
  ASSERT_OK(PrepareMetricDefinition(&stored, renamed));
  EXPECT_EQ(renamed.version(), 2);

  MetricDefinition third = renamed;
  third.set_confidence_level(0.9);
  ASSERT_OK(PrepareMetricDefinition(&renamed, third));
  EXPECT_EQ(third.version(), 3);
}

TEST(PrepareMetricDefinitionTest, OtherKind_IsRefused) {
  const MetricDefinition stored = Prepared("display_name: 'A' kind: NPS");
  MetricDefinition changed = stored;
  changed.set_kind(MetricDefinition::CSAT);
  EXPECT_THAT(PrepareMetricDefinition(&stored, changed),
              StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("kind")));
}

TEST(PrepareMetricDefinitionTest, ClearedFields_GetTheirDefaultsAgain) {
  const MetricDefinition stored = Prepared("display_name: 'A' kind: CSAT scale_points: 7 min_n: 5");
  MetricDefinition cleared = stored;
  cleared.clear_min_n();
  cleared.clear_scale_points();
  ASSERT_OK(PrepareMetricDefinition(&stored, cleared));
  EXPECT_EQ(cleared.min_n(), 30);
  EXPECT_EQ(cleared.scale_points(), 5);
}

TEST(ValidateMetricDefinitionTest, EachMistake_IsNamedByItsField) {
  struct Row {
    const char* text;
    const char* field;
  };
  const Row rows[] = {
      {"", "kind"},
      {"kind: CSAT scale_points: 6", "scale_points"},
      {"kind: NPS scale_points: 5", "scale_points"},
      {"kind: CES ces_version: 3", "ces_version"},
      {"kind: NPS ces_version: 1", "ces_version"},
      {"kind: VOLUME respondent_policy: FIRST", "respondent_policy"},
      {"kind: NPS respondent_policy: 9", "respondent_policy"},
      {"kind: NPS direction: LOWER_IS_BETTER", "direction"},
      {"kind: VOLUME direction: 7", "direction"},
      {"kind: NPS min_n: -1", "min_n"},
      {"kind: NPS min_n: 1000001", "min_n"},
      {"kind: NPS confidence_level: 0.4", "confidence_level"},
      {"kind: NPS confidence_level: 0.9991", "confidence_level"},
      {"kind: NPS confidence_level: nan", "confidence_level"},
      {"kind: NPS target: 101", "target"},
      {"kind: NPS target: inf", "target"},
      {"kind: NPS target: nan", "target"},
      {"kind: CSAT target: -0.1", "target"},
      {"kind: CES target: 7.5", "target"},
      {"kind: VOLUME target: -1", "target"},
      {"kind: 99", "kind"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Refusal(row.text), StatusIs(absl::StatusCode::kInvalidArgument,
                                            ::testing::AllOf(HasReason("INVALID_FIELD"), HasFieldViolation(row.field))))
        << row.text;
  }
}

TEST(ValidateMetricDefinitionTest, Texts_AreRequiredAndLimited) {
  auto definition = ParseProto<MetricDefinition>("kind: NPS");
  EXPECT_THAT(PrepareMetricDefinition(nullptr, definition), HasFieldViolation("display_name"));
  definition.set_display_name(std::string(200, 'x'));
  EXPECT_OK(PrepareMetricDefinition(nullptr, definition));
  definition.set_display_name(std::string(201, 'x'));
  EXPECT_THAT(PrepareMetricDefinition(nullptr, definition), HasFieldViolation("display_name"));
  definition.set_display_name("x");
  definition.set_description(std::string(10'001, 'x'));
  EXPECT_THAT(PrepareMetricDefinition(nullptr, definition), HasFieldViolation("description"));
  definition.set_description("\xff");
  EXPECT_THAT(PrepareMetricDefinition(nullptr, definition), HasFieldViolation("description"));
}

TEST(ValidateMetricDefinitionTest, ManyMistakes_AreAllReported) {
  const absl::Status status = Refusal("kind: CSAT scale_points: 3 min_n: -4 confidence_level: 2 target: 5");
  for (const char* field : {"scale_points", "min_n", "confidence_level", "target"}) {
    EXPECT_THAT(status, HasFieldViolation(field));
  }
}

}  // namespace
}  // namespace throughline
