// ValidateMetricAttachment against a real catalog.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/metrics/metrics_fixture.h"

namespace throughline {
namespace {

using ::throughline::testing::HasFieldViolation;
using ::throughline::testing::HasReason;
using ::throughline::testing::IsOk;
using ::throughline::testing::kMap;
using ::throughline::testing::kMapContent;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;

class MetricAttachmentTest : public ::throughline::testing::MetricsFixture {
 protected:
  void SetUp() override {
    MetricsFixture::SetUp();
    csat_ = PutDefinition("csat", "kind: CSAT");
    volume_ = PutDefinition("volume", "kind: VOLUME");
    conversion_ = PutDefinition("conversion", "kind: CONVERSION");
    time_ = PutDefinition("time", "kind: TIME_BETWEEN");
  }

  absl::Status Check(const std::string& definition, const std::string& text, const std::string& map = kMap) {
    auto attachment = ParseProto<v1::MetricAttachment>(text);
    attachment.set_metric_definition(definition);
    const auto reader = catalog_->Read();
    EXPECT_OK(reader);
    return ValidateMetricAttachment(attachment, map, **reader);
  }

  std::string csat_, volume_, conversion_, time_;
};

TEST_F(MetricAttachmentTest, EverySubjectThatSuitsItsKind_IsAccepted) {
  for (const char* text : {"whole_map: true", "phase: 'buy'", "touchpoint: 'reviewed'", "transition: 'pays'",
                           "transition: 'leaves'", "touchpoint: 'gift'"}) {
    EXPECT_THAT(Check(csat_, text), IsOk()) << text;
    EXPECT_THAT(Check(volume_, text), IsOk()) << text;
  }
  for (const char* text : {"touchpoint: 'ordered' target_touchpoint: 'reviewed'", "transition: 'pays'"}) {
    EXPECT_THAT(Check(conversion_, text), IsOk()) << text;
    EXPECT_THAT(Check(time_, text), IsOk()) << text;
  }
}

TEST_F(MetricAttachmentTest, EachMistake_IsNamedByItsField) {
  struct Row {
    const std::string& definition;
    const char* text;
    const char* field;
  };
  const std::string none;
  const std::string malformed = "metricDefinitions/csat";
  const std::string elsewhere = "workspaces/other/metricDefinitions/csat";
  const std::string absent = "workspaces/w/metricDefinitions/absent";
  const Row rows[] = {
      {none, "touchpoint: 'paid'", "metric_definition"},
      {malformed, "touchpoint: 'paid'", "metric_definition"},
      {elsewhere, "touchpoint: 'paid'", "metric_definition"},
      {absent, "touchpoint: 'paid'", "metric_definition"},
      {csat_, "", "subject"},
      {csat_, "whole_map: false", "whole_map"},
      {csat_, "phase: 'ordered'", "phase"},
      {csat_, "touchpoint: 'buy'", "touchpoint"},
      {csat_, "touchpoint: ''", "touchpoint"},
      {csat_, "transition: 'paid'", "transition"},
      {csat_, "touchpoint: 'paid' target_touchpoint: 'reviewed'", "target_touchpoint"},
      {csat_, "touchpoint: 'paid' conversion_window { seconds: 60 }", "conversion_window"},
      {conversion_, "whole_map: true", "whole_map"},
      {conversion_, "phase: 'buy'", "phase"},
      {conversion_, "touchpoint: 'ordered'", "target_touchpoint"},
      {conversion_, "touchpoint: 'ordered' target_touchpoint: 'ordered'", "target_touchpoint"},
      {conversion_, "touchpoint: 'ordered' target_touchpoint: 'nowhere'", "target_touchpoint"},
      {conversion_, "transition: 'pays' target_touchpoint: 'reviewed'", "target_touchpoint"},
      {conversion_, "transition: 'leaves'", "transition"},
      {conversion_, "transition: 'again'", "transition"},
      {time_, "transition: 'pays' conversion_window { seconds: 60 }", "conversion_window"},
      {conversion_, "transition: 'pays' conversion_window { seconds: 0 }", "conversion_window"},
      {conversion_, "transition: 'pays' conversion_window { seconds: -5 }", "conversion_window"},
      {conversion_, "transition: 'pays' conversion_window { seconds: 60 } rolling_window { seconds: 60 }",
       "conversion_window"},
      {csat_, "touchpoint: 'paid' filter: 'channel ='", "filter"},
      {csat_, "touchpoint: 'paid' filter: 'colour = 3'", "filter"},
      {csat_, "touchpoint: 'paid' filter: 'score = \"high\"'", "filter"},
      {csat_, "touchpoint: 'paid' rolling_window { seconds: 59 }", "rolling_window"},
      {csat_, "touchpoint: 'paid' rolling_window { seconds: 3155760001 }", "rolling_window"},
      {csat_, "touchpoint: 'paid' rolling_window { seconds: 60 nanos: -1 }", "rolling_window"},
      {csat_, "touchpoint: 'paid' rolling_window { seconds: 9223372036854775807 }", "rolling_window"},
      {csat_, "touchpoint: 'paid' fixed_window { start_time { seconds: 5 } end_time { seconds: 5 } }",
       "fixed_window.end_time"},
      {csat_, "touchpoint: 'paid' fixed_window { start_time { nanos: -1 } }", "fixed_window.start_time"},
      {csat_, "touchpoint: 'paid' fixed_window { end_time { seconds: 253402300800 } }", "fixed_window.end_time"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Check(row.definition, row.text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation(row.field)))
        << row.definition << " " << row.text;
  }
}

TEST_F(MetricAttachmentTest, ManyMistakes_AreAllReported) {
  const absl::Status status = Check("", "touchpoint: 'nowhere' filter: '(' rolling_window { seconds: 1 }");
  for (const char* field : {"metric_definition", "touchpoint", "filter", "rolling_window"}) {
    EXPECT_THAT(status, HasFieldViolation(field));
  }
}

TEST_F(MetricAttachmentTest, DeletedDefinition_IsRefused) {
  Delete(csat_);
  EXPECT_THAT(Check(csat_, "touchpoint: 'paid'"), HasFieldViolation("metric_definition"));
}

TEST_F(MetricAttachmentTest, AbsentOrDeletedMap_IsNotFound) {
  EXPECT_THAT(Check(csat_, "touchpoint: 'paid'", "workspaces/w/journeyMaps/none"),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  Delete(kMap);
  EXPECT_THAT(Check(csat_, "touchpoint: 'paid'"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(MetricAttachmentTest, SubjectOfDraftOrOfPublishedContent_IsEnough) {
  // The draft loses "reviewed" and gains "unboxed"; the published version still has the former.
  auto draft = ParseProto<v1::JourneyMap>(kMapContent);
  draft.mutable_touchpoints(3)->set_id("unboxed");
  PutMap(kMap, draft.DebugString());
  EXPECT_THAT(Check(csat_, "touchpoint: 'unboxed'"), IsOk());
  EXPECT_THAT(Check(csat_, "touchpoint: 'reviewed'"), IsOk());
  Publish(kMap);
  EXPECT_THAT(Check(csat_, "touchpoint: 'unboxed'"), IsOk());
  EXPECT_THAT(Check(csat_, "touchpoint: 'reviewed'"), HasFieldViolation("touchpoint"));
}

}  // namespace
}  // namespace throughline
