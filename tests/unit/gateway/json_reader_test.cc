#include "services/gateway/json_reader.h"

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/base/limits.h"
#include "tests/support/matchers.h"
#include "throughline/v1/event_service.pb.h"
#include "throughline/v1/journey_map_service.pb.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using throughline::testing::EqualsProto;
using throughline::testing::HasFieldViolation;
using throughline::testing::HasMessage;
using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

template <typename M>
M Read(const std::string& json) {
  M message;
  EXPECT_THAT(ReadJson(json, message), IsOk()) << json;
  return message;
}

TEST(JsonReaderTest, EveryKindOfField_IsRead) {
  EXPECT_THAT(Read<v1::JourneyMap>(R"({
    "displayName": "Order \u00fc \ud83d\ude00", "state": "CURRENT", "kind": 2,
    "personas": ["a", "b"],
    "touchpoints": [{"id": "t", "importance": "5", "expected_level": 3.0, "emotions": [{"level": -1.5}],
                     "completesJourney": true, "eventBinding": {"eventNames": ["x"]}}],
    "transitions": [{"expectedShare": 0, "expectedDuration": "3.5s"}],
    "publishTime": "2026-01-31T10:00:00.25+01:00"
  })"),
              EqualsProto(R"pb(
                display_name: "Order ü 😀"
                state: CURRENT
                kind: MACRO
                personas: [ "a", "b" ]
                touchpoints {
                  id: "t"
                  importance: 5
                  expected_level: 3
                  emotions { level: -1.5 }
                  completes_journey: true
                  event_binding { event_names: "x" }
                }
                transitions {
                  expected_share: 0
                  expected_duration { seconds: 3 nanos: 500000000 }
                }
                publish_time { seconds: 1769850000 nanos: 250000000 }
              )pb"));
  const auto event = Read<v1::CustomerEvent>(R"({
    "sequence": "-9223372036854775808", "moneyMovement": {"amountMinor": 9223372036854775807},
    "properties": {"plan": "pro", "seats": 3, "trial": false, "gone": null, "my key": -0.5}})");
  EXPECT_EQ(event.sequence(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(event.money_movement().amount_minor(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(event.properties().at("plan").string_value(), "pro");
  EXPECT_EQ(event.properties().at("seats").number_value(), 3);
  EXPECT_TRUE(event.properties().at("trial").has_bool_value());
  EXPECT_TRUE(event.properties().at("gone").has_null_value());
  EXPECT_EQ(event.properties().at("my key").number_value(), -0.5);
}

TEST(JsonReaderTest, EmptyBodiesAndNulls_SetNothing) {
  EXPECT_THAT(Read<v1::JourneyMap>(""), EqualsProto(""));
  EXPECT_THAT(Read<v1::JourneyMap>(" {} \n"), EqualsProto(""));
  EXPECT_THAT(Read<v1::JourneyMap>(R"({"displayName": null, "phases": null, "instanceRule": null})"), EqualsProto(""));
}

TEST(JsonReaderTest, FieldMask_HasEverySpelling) {
  for (const char* mask : {R"("displayName,eventBinding.eventNames")", R"("display_name,event_binding.event_names")",
                           R"({"paths": ["display_name", "event_binding.event_names"]})",
                           R"({"paths": ["displayName", "eventBinding.eventNames"]})"}) {
    v1::UpdateJourneyMapRequest request;
    const std::string json = absl::StrCat("{\"updateMask\": ", mask, "}");
    ASSERT_THAT(ReadJson(json, request), IsOk());
    EXPECT_THAT(request.update_mask().paths(), ElementsAre("display_name", "event_binding.event_names")) << json;
  }
  EXPECT_THAT(Read<v1::UpdateJourneyMapRequest>(R"({"update_mask": "*"})").update_mask().paths(), ElementsAre("*"));
  EXPECT_THAT(Read<v1::UpdateJourneyMapRequest>(R"({"updateMask": ""})").update_mask().paths(), IsEmpty());
  // Kept, so that the server refuses it as it does from every other client.
  EXPECT_THAT(Read<v1::UpdateJourneyMapRequest>(R"({"updateMask": "title,"})").update_mask().paths(),
              ElementsAre("title", ""));
  v1::UpdateJourneyMapRequest request;
  EXPECT_THAT(ReadJson(R"({"updateMask": 5})", request), HasFieldViolation("update_mask"));
  EXPECT_THAT(ReadJson(R"({"updateMask": {"path": []}})", request), HasFieldViolation("update_mask.path"));
  EXPECT_THAT(ReadJson(R"({"updateMask": {"paths": [1]}})", request), HasFieldViolation("update_mask.paths"));
}

TEST(JsonReaderTest, UnknownFields_AreRefused_ByName) {
  v1::CreateJourneyMapRequest request;
  const absl::Status status = ReadJson(R"({"journeyMap": {"touchpoints": [{}, {"nmae": 1}]}})", request);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("UNKNOWN_FIELD")));
  EXPECT_THAT(status, HasFieldViolation("journey_map.touchpoints[1].nmae"));
}

TEST(JsonReaderTest, ValuesThatDoNotFit_AreRefused_WithTheirPath) {
  struct Row {
    const char* json;
    const char* field;
  };
  const Row rows[] = {
      {R"({"touchpoints": [{"importance": "x"}]})", "touchpoints[0].importance"},
      {R"({"touchpoints": [{"importance": 1.5}]})", "touchpoints[0].importance"},
      {R"({"touchpoints": [{"importance": 2147483648}]})", "touchpoints[0].importance"},
      {R"({"touchpoints": [{"importance": 1e30}]})", "touchpoints[0].importance"},
      {R"({"touchpoints": [{"importance": true}]})", "touchpoints[0].importance"},
      {R"({"touchpoints": [{"completesJourney": "true"}]})", "touchpoints[0].completes_journey"},
      {R"({"touchpoints": [null]})", "touchpoints[0]"},
      {R"({"touchpoints": {}})", "touchpoints"},
      {R"({"touchpoints": ["x"]})", "touchpoints[0]"},
      {R"({"personas": "x"})", "personas"},
      {R"({"personas": [null]})", "personas[0]"},
      {R"({"displayName": 5})", "display_name"},
      {R"({"displayName": ["x"]})", "display_name"},
      {R"({"state": "NEVER"})", "state"},
      {R"({"state": 99})", "state"},
      {R"({"instanceRule": []})", "instance_rule"},
      {R"({"publishTime": "yesterday"})", "publish_time"},
      {R"({"publishTime": "0000-01-01T00:00:00Z"})", "publish_time"},
      {R"({"publishTime": "10000-01-01T00:00:00Z"})", "publish_time"},
      {R"({"publishTime": 5})", "publish_time"},
      {R"({"instanceRule": {"abandonAfter": "1 day"}})", "instance_rule.abandon_after"},
      {R"({"displayName": "a", "display_name": "b"})", "display_name"},
      {R"({"transitions": [{"expectedShare": "NaN?"}]})", "transitions[0].expected_share"},
  };
  for (const Row& row : rows) {
    v1::JourneyMap map;
    const absl::Status status = ReadJson(row.json, map);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD"))) << row.json;
    EXPECT_THAT(status, HasFieldViolation(row.field)) << row.json;
  }
  v1::JourneyMap map;
  EXPECT_THAT(ReadJson("[]", map), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ReadJson("7", map), StatusIs(absl::StatusCode::kInvalidArgument));
  v1::MetricAttachment attachment;
  EXPECT_THAT(ReadJson(R"({"phase": "a", "touchpoint": "b"})", attachment), HasFieldViolation("touchpoint"));
  EXPECT_EQ(Read<v1::MetricAttachment>(R"({"phase": null, "touchpoint": "b"})").touchpoint(), "b");
}

TEST(JsonReaderTest, NonFiniteNumbers_ArriveAsSuch_ForTheValidatorToJudge) {
  EXPECT_TRUE(std::isnan(Read<v1::SurveyResponse>(R"({"score": "NaN"})").score()));
  EXPECT_TRUE(std::isinf(Read<v1::SurveyResponse>(R"({"score": "-Infinity"})").score()));
  EXPECT_EQ(Read<v1::SurveyResponse>(R"({"score": "7.5"})").score(), 7.5);
}

TEST(JsonReaderTest, WhatIsNotJson_IsMalformed_WithThePlace) {
  for (const std::string& json :
       {std::string("{"), std::string("{\"a\""), std::string("{} x"), std::string("{}{}"), std::string("{'a': 1}"),
        std::string("nul"), std::string("{\"displayName\": \"\xff\"}"), std::string("{\"displayName\": \"\\ud800\"}"),
        std::string("{\"a\": 01}"), std::string("{\"displayName\": \"a\nb\"}"), std::string("{\"a\": 1,}"),
        std::string("\0", 1), std::string(100'000, '['), std::string(" ")}) {
    v1::JourneyMap map;
    EXPECT_THAT(ReadJson(json, map), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")))
        << json.substr(0, 50);
  }
  v1::JourneyMap map;
  EXPECT_THAT(ReadJson("{\"displayName\": tru}", map), HasMessage(HasSubstr("at byte 1")));
  EXPECT_THAT(ReadJson("{\"displayName\": \"\xff\"}", map), HasMessage(HasSubstr("not valid UTF-8")));
  v1::CustomerEvent event;
  std::string nested;
  for (size_t i = 0; i < limits::kJsonDepthMax; ++i) nested += "{\"properties\":{\"a\":";
  EXPECT_THAT(ReadJson(nested, event), HasReason("MALFORMED_REQUEST"));
}

TEST(JsonReaderTest, BodyField_TellsWhichFieldsStandThere) {
  v1::UpdateJourneyMapRequest request;
  const auto& field = *request.GetDescriptor()->FindFieldByName("journey_map");
  std::vector<const google::protobuf::FieldDescriptor*> present;
  ASSERT_THAT(ReadJsonField(R"({"displayName": "", "phases": []})", request, field, present), IsOk());
  ASSERT_EQ(present.size(), 2u);
  EXPECT_EQ(present[0]->name(), "display_name");
  EXPECT_EQ(present[1]->name(), "phases");
  EXPECT_THAT(ReadJsonField(R"({"x": 1})", request, field, present), HasFieldViolation("journey_map.x"));
}

// Bytes that are nearly right: nothing may crash, whatever is said about them.
TEST(JsonReaderTest, RandomChanges_NeverCrash) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937_64 random(seed);
  const std::string good =
      R"({"parent": "workspaces/w", "events": [{"id": "e1", "sequence": "5", "eventTime": "2026-01-01T10:00:00Z", "properties": {"a": [1, {"b": null}]}, "surveyResponse": {"score": 9.5e0}}]})";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(at, 1 + random() % 5);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 10));
          break;
        default:
          text[at] = "{}[]\":,0-e.nt\\"[random() % 14];
      }
      if (text.empty()) text = "{";
    }
    v1::RecordEventsRequest request;
    const absl::Status status = ReadJson(text, request);
    if (!status.ok()) {
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument)) << text;
    }
  }
}

}  // namespace
}  // namespace throughline
