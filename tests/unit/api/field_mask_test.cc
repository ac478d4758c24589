#include "services/api/field_mask.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/metric.pb.h"

namespace throughline::api {
namespace {

using google::protobuf::FieldMask;
using ::testing::AllOf;
using testing::EqualsProto;
using testing::HasFieldViolation;
using testing::HasMessage;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::ParseProto;
using testing::StatusIs;

v1::JourneyMap Stored() {
  return ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/journeyMaps/m"
    display_name: "Stored"
    description: "old"
    kind: MICRO
    phases { id: "a" display_name: "A" }
    instance_rule {
      correlation_property: "order_id"
      abandon_after { seconds: 60 }
    }
    published_version: "workspaces/w/journeyMaps/m/versions/3"
  )pb");
}

absl::Status Apply(const std::vector<std::string>& paths, const std::string& update_text, v1::JourneyMap& target) {
  FieldMask mask;
  for (const std::string& path : paths) mask.add_paths(path);
  return ApplyUpdate(&mask, ParseProto<v1::JourneyMap>(update_text), "journey_map", target);
}

TEST(ApplyUpdate, NoMask_ChangesEveryFieldThatIsSet) {
  v1::JourneyMap map = Stored();
  const auto update = ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/journeyMaps/other"
    etag: "99"
    display_name: "New"
    published_version: "workspaces/w/journeyMaps/m/versions/9"
  )pb");
  ASSERT_OK(ApplyUpdate(nullptr, update, "journey_map", map));
  v1::JourneyMap expected = Stored();
  expected.set_display_name("New");
  EXPECT_THAT(map, EqualsProto(expected));
}

TEST(ApplyUpdate, EmptyMask_IsNoMask) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({}, R"pb(description: "new")pb", map));
  EXPECT_EQ(map.description(), "new");
  EXPECT_EQ(map.display_name(), "Stored");
}

TEST(ApplyUpdate, Star_ReplacesEverythingThatClientsSet) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"*"}, R"pb(display_name: "New")pb", map));
  EXPECT_THAT(map, EqualsProto(R"pb(
                name: "workspaces/w/journeyMaps/m"
                display_name: "New"
                published_version: "workspaces/w/journeyMaps/m/versions/3"
              )pb"));
}

TEST(ApplyUpdate, PathOfAnUnsetField_ClearsIt) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"description", "kind"}, R"pb(display_name: "ignored")pb", map));
  EXPECT_EQ(map.description(), "");
  EXPECT_EQ(map.kind(), v1::JourneyMap::KIND_UNSPECIFIED);
  EXPECT_EQ(map.display_name(), "Stored");
}

TEST(ApplyUpdate, NestedPath_ChangesThatFieldAlone) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"instance_rule.abandon_after"}, R"pb(instance_rule { abandon_after { seconds: 5 } })pb", map));
  EXPECT_EQ(map.instance_rule().correlation_property(), "order_id");
  EXPECT_EQ(map.instance_rule().abandon_after().seconds(), 5);
}

TEST(ApplyUpdate, ClearingInsideAnAbsentMessage_DoesNotMakeIt) {
  v1::JourneyMap map = Stored();
  map.clear_instance_rule();
  ASSERT_OK(Apply({"instance_rule.correlation_property"}, "", map));
  EXPECT_FALSE(map.has_instance_rule());
}

TEST(ApplyUpdate, List_IsReplacedWhole) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"phases"}, R"pb(phases { id: "x" }
                                   phases { id: "y" })pb",
                  map));
  ASSERT_EQ(map.phases_size(), 2);
  EXPECT_EQ(map.phases(0).id(), "x");
}

TEST(ApplyUpdate, PathTwice_IsHarmless) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"display_name", "display_name"}, R"pb(display_name: "New")pb", map));
  EXPECT_EQ(map.display_name(), "New");
}

TEST(ApplyUpdate, CamelCase_IsTheSameField) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"instanceRule.correlationProperty"}, R"pb(instance_rule { correlation_property: "x" })pb", map));
  EXPECT_EQ(map.instance_rule().correlation_property(), "x");
}

TEST(ApplyUpdate, NameAndEtag_AreIgnored) {
  v1::JourneyMap map = Stored();
  ASSERT_OK(Apply({"name", "etag"}, R"pb(name: "workspaces/w/journeyMaps/n" etag: "4")pb", map));
  EXPECT_THAT(map, EqualsProto(Stored()));
}

struct BadPath {
  const char* path;
  const char* words;
};
class ApplyUpdateBadPath : public ::testing::TestWithParam<BadPath> {};

TEST_P(ApplyUpdateBadPath, IsInvalidArgument) {
  v1::JourneyMap map = Stored();
  EXPECT_THAT(Apply({"display_name", GetParam().path}, R"pb(display_name: "New")pb", map),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD_MASK")),
                    HasFieldViolation("update_mask"), HasMessage(HasSubstr(GetParam().words))));
}

INSTANTIATE_TEST_SUITE_P(
    Paths, ApplyUpdateBadPath,
    ::testing::Values(BadPath{"colour", "is no field of JourneyMap"}, BadPath{"", "is no field of JourneyMap"},
                      BadPath{"*", "must stand alone"}, BadPath{"phases.display_name", "replaced whole"},
                      BadPath{"display_name.x", "no fields of its own"}, BadPath{"published_version", "by the server"},
                      BadPath{"delete_time", "by the server"}, BadPath{"instance_rule.", "is no field"},
                      BadPath{"phases[0]", "is no field"}));

TEST(ApplyUpdate, TooManyPaths_IsInvalidArgument) {
  v1::JourneyMap map = Stored();
  EXPECT_THAT(Apply(std::vector<std::string>(101, "display_name"), "", map),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD_MASK")));
}

TEST(ApplyUpdate, ImmutableField_CannotChange) {
  auto stored = ParseProto<v1::MetricDefinition>(R"pb(kind: NPS display_name: "N")pb");
  const auto update = ParseProto<v1::MetricDefinition>(R"pb(kind: CSAT display_name: "C")pb");
  EXPECT_THAT(ApplyUpdate(nullptr, update, "metric_definition", stored),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("metric_definition.kind")));
}

TEST(ApplyUpdate, ImmutableFieldLeftOut_Stays) {
  auto stored = ParseProto<v1::MetricDefinition>(R"pb(kind: NPS display_name: "N")pb");
  FieldMask star;
  star.add_paths("*");
  ASSERT_OK(ApplyUpdate(&star, ParseProto<v1::MetricDefinition>(R"pb(display_name: "M")pb"), "x", stored));
  EXPECT_EQ(stored.kind(), v1::MetricDefinition::NPS);
  EXPECT_EQ(stored.display_name(), "M");
}

TEST(ApplyUpdate, OneofMember_ReplacesTheOther) {
  auto stored = ParseProto<v1::MetricAttachment>(R"pb(phase: "buy" target_touchpoint: "t")pb");
  FieldMask star;
  star.add_paths("*");
  ASSERT_OK(ApplyUpdate(&star, ParseProto<v1::MetricAttachment>(R"pb(touchpoint: "pay")pb"), "x", stored));
  EXPECT_THAT(stored, EqualsProto(R"pb(touchpoint: "pay")pb"));
}

TEST(ApplyUpdate, UnsetOptionalNumber_IsCleared) {
  auto stored = ParseProto<v1::MetricDefinition>(R"pb(target: 0)pb");
  FieldMask mask;
  mask.add_paths("target");
  ASSERT_OK(ApplyUpdate(&mask, v1::MetricDefinition(), "x", stored));
  EXPECT_FALSE(stored.has_target());
}

TEST(ClearServerFields, RemovesIdentityAndOutput) {
  v1::JourneyMap map = Stored();
  map.set_etag("4");
  map.mutable_create_time()->set_seconds(1);
  ClearServerFields(map);
  v1::JourneyMap expected = Stored();
  expected.clear_name();
  expected.clear_published_version();
  EXPECT_THAT(map, EqualsProto(expected));
}

}  // namespace
}  // namespace throughline::api
