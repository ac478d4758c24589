#include "services/journey/exchange.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/journey/validate.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::HasFieldViolation;
using ::throughline::testing::HasReason;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;

const std::vector<DepartmentActor>& Departments() {
  static const auto* const departments = new std::vector<DepartmentActor>{
      {"workspaces/w/departments/sales", "Sales & more"}, {"workspaces/w/departments/support", "Support"}};
  return *departments;
}

v1::JourneyMap SampleMap() {
  return ParseProto<v1::JourneyMap>(R"pb(
    display_name: "Order: to review"
    description: "How customers order.\nSecond line."
    phases { id: "buy" display_name: "Buy" }
    phases { id: "use" display_name: "Use" }
    touchpoints {
      id: "choose"
      phase: "buy"
      display_name: "Choose"
      department: "workspaces/w/departments/sales"
      emotions { level: 1.5 origin: ASSUMED }
    }
    touchpoints {
      id: "pay"
      phase: "buy"
      display_name: "Pay; now"
      description: "Actors: Anna, Ben"
      emotions { level: -2 origin: ASSUMED }
    }
    touchpoints {
      id: "ask"
      phase: "use"
      display_name: "Ask"
      department: "workspaces/w/departments/support"
      emotions { level: 0.1 origin: ASSUMED }
    })pb");
}

TEST(ExchangeTest, Json_KeepsEverything) {
  v1::JourneyMap map = SampleMap();
  v1::Transition& transition = *map.add_transitions();
  transition.set_id("t");
  transition.set_expected_share(0);
  transition.mutable_expected_duration()->set_seconds(90);
  map.mutable_touchpoints(0)->mutable_event_binding()->set_filter("channel = \"web\"");
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportJourneyMap(map, v1::JSON, {}));
  EXPECT_THAT(ImportJourneyMap(text, v1::JSON, {}), testing::IsOkAndHolds(EqualsProto(map)));
}

TEST(ExchangeTest, Json_WhatTheServerSays_IsNotImported) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map,
                       ImportJourneyMap(R"({"name": "workspaces/x/journeyMaps/y", "displayName": "M", "etag": "3",
                                            "revisionId": "3", "publishedVersion": "v", "createTime": "2026-01-01T00:00:00Z"})",
                                        v1::JSON, {}));
  EXPECT_THAT(map, EqualsProto(R"pb(display_name: "M")pb"));
}

TEST(ExchangeTest, Json_UnknownField_IsNamed) {
  EXPECT_THAT(ImportJourneyMap(R"({"displayName": "M", "colour": 1})", v1::JSON, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(HasReason("UNKNOWN_FIELD"), HasFieldViolation("colour"))));
  EXPECT_THAT(ImportJourneyMap(R"({"touchpoints": [{}, {"id": "a", "bogus": 1}]})", v1::JSON, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(HasReason("UNKNOWN_FIELD"), HasFieldViolation("touchpoints[1].bogus"))));
}

TEST(ExchangeTest, Json_Broken_IsMalformed) {
  for (const char* text :
       {"", "{", "[]", "{\"phases\": 3}", "{\"touchpoints\": [{\"importance\": \"x\"}]}", "null x"}) {
    EXPECT_THAT(ImportJourneyMap(text, v1::JSON, {}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")))
        << text;
  }
}

TEST(ExchangeTest, Mermaid_IsWrittenWithDepartmentsAsActors) {
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportJourneyMap(SampleMap(), v1::MERMAID, Departments()));
  EXPECT_EQ(text,
            "journey\n"
            "    title Order#58; to review\n"
            "    accDescr {\n"
            "How customers order.\n"
            "Second line.\n"
            "    }\n"
            "    section Buy\n"
            "      Choose: 4.5: Sales & more\n"
            "      Pay#59; now: 1: Anna, Ben\n"
            "    section Use\n"
            "      Ask: 3.1: Support\n");
}

TEST(ExchangeTest, Mermaid_KeepsWhatTheFormatHolds) {
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportJourneyMap(SampleMap(), v1::MERMAID, Departments()));
  ASSERT_OK_AND_ASSIGN(v1::JourneyMap map, ImportJourneyMap(text, v1::MERMAID, Departments()));
  v1::JourneyMap expected = SampleMap();
  expected.mutable_touchpoints(1)->set_id("pay-now");  // ids are made from names
  EXPECT_THAT(map, EqualsProto(expected));
  EXPECT_OK(ValidateJourneyMapContent(map, "workspaces/w"));
}

TEST(ExchangeTest, Mermaid_ActorsMatchDepartmentsByNameOrId) {
  ASSERT_OK_AND_ASSIGN(
      const v1::JourneyMap map,
      ImportJourneyMap("journey\nA: 3: Cat, SUPPORT\nB: 3: sales, Support\nC: 3", v1::MERMAID, Departments()));
  EXPECT_EQ(map.touchpoints(0).department(), "workspaces/w/departments/support");
  EXPECT_EQ(map.touchpoints(0).description(), "Actors: Cat");
  EXPECT_EQ(map.touchpoints(1).department(), "workspaces/w/departments/sales");
  EXPECT_EQ(map.touchpoints(1).description(), "Actors: Support");
  EXPECT_EQ(map.touchpoints(2).department(), "");
}

TEST(ExchangeTest, Mermaid_SameNames_GetIdsOfTheirOwn) {
  ASSERT_OK_AND_ASSIGN(const v1::JourneyMap map,
                       ImportJourneyMap("journey\nsection Call\nCall: 3\nsection Call\nCall: 4", v1::MERMAID, {}));
  EXPECT_OK(ValidateJourneyMapContent(map, "workspaces/w"));
  EXPECT_EQ(map.display_name(), "Imported journey");
  EXPECT_EQ(map.phases_size(), 2);
}

TEST(ExchangeTest, Mermaid_SeveralEmotions_AreOneScore) {
  v1::JourneyMap map = SampleMap();
  v1::Touchpoint& touchpoint = *map.mutable_touchpoints(0);
  touchpoint.clear_emotions();
  for (const double level : {-1.0, 2.0}) {
    v1::Emotion& emotion = *touchpoint.add_emotions();
    emotion.set_persona("workspaces/w/personas/p" + std::to_string(level > 0));
    emotion.set_level(level);
  }
  ASSERT_OK_AND_ASSIGN(const std::string mean, ExportJourneyMap(map, v1::MERMAID, {}));
  EXPECT_THAT(mean, HasSubstr("Choose: 3.5: sales"));
  touchpoint.add_emotions()->set_level(-2);  // everybody
  ASSERT_OK_AND_ASSIGN(const std::string everybody, ExportJourneyMap(map, v1::MERMAID, {}));
  EXPECT_THAT(everybody, HasSubstr("Choose: 1: sales"));
}

TEST(ExchangeTest, FormatNotStated_IsRefused) {
  EXPECT_THAT(ExportJourneyMap(SampleMap(), v1::JOURNEY_MAP_FORMAT_UNSPECIFIED, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("format")));
  EXPECT_THAT(ImportJourneyMap("{}", v1::JOURNEY_MAP_FORMAT_UNSPECIFIED, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("format")));
  EXPECT_THAT(ImportJourneyMap(std::string(1024 * 1024 + 1, ' '), v1::JSON, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("text")));
  EXPECT_THAT(ImportJourneyMap("journey\n\xFF: 3", v1::MERMAID, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("text")));
}

}  // namespace
}  // namespace throughline
