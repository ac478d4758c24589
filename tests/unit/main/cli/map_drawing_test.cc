#include "services/main/cli/map_drawing.h"

#include <sstream>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace throughline::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::JourneyMap Map() {
  v1::JourneyMap map;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(name: "workspaces/w/journeyMaps/m"
           display_name: "Order to review"
           phases { id: "buy" display_name: "Buy" }
           phases { id: "judge" display_name: "Judge" }
           phases { id: "empty" display_name: "Empty" }
           touchpoints {
             id: "order"
             phase: "buy"
             display_name: "Order"
             department: "workspaces/w/departments/sales"
             channel: "web"
             emotions { level: 1 }
             event_binding { event_names: "order" }
           }
           touchpoints { id: "review" phase: "judge" display_name: "Review" completes_journey: true }
           transitions {
             id: "t"
             from_touchpoint: "order"
             to_touchpoint: "review"
             expected_share: .5
             expected_duration { seconds: 86400 }
           })pb",
      &map));
  return map;
}

TEST(DrawMap, ShowsPhasesTouchpointsWaysAndNumbers) {
  AttachedMetric metric;
  metric.attachment.set_touchpoint("review");
  metric.definition.set_display_name("CSAT");
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(state: OK
           value: .55
           interval_low: .54
           interval_high: .56
           n: 8225
           unit: "share"
           details { key: "mean" value: 3.27 }
           excluded { key: "invalid_score" value: 3 })pb",
      &metric.value));
  v1::JourneyMapPositions positions;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(instance_count: 1200
           status_counts { completed: 1000 active: 200 }
           touchpoints { touchpoint: "order" visit_count: 1300 instance_count: 1200 }
           transitions { from_touchpoint: "order" to_touchpoint: "review" count: 1000 median_seconds: 3600 })pb",
      &positions));
  std::ostringstream out;
  DrawMap(Map(), {metric}, &positions, Paint(false), out);
  EXPECT_EQ(
      out.str(),
      "Order to review  workspaces/w/journeyMaps/m\n"
      "not published · 3 phases · 2 touchpoints · 1,200 runs (1,000 completed, 200 active, 0 stalled, 0 abandoned)\n"
      "\n── Buy ──\n"
      "  ● Order  sales · web · emotion +1.0 · 1,300 visits · 1,200 runs\n"
      "      → Review, expected 50 %, within 1 d  observed 1,000 times, median 1 h\n"
      "\n── Judge ──\n"
      "  ● Review  completes the journey · no event binding\n"
      "      ▪ CSAT 55.00 % (54.00 – 56.00 %), n 8,225, mean 3.270, left out: 3 invalid_score\n"
      "\n── Empty ──\n"
      "  no touchpoints yet\n");
}

TEST(DrawMap, UndefinedAndPending_AreNeverNumbers) {
  AttachedMetric undefined;
  undefined.attachment.set_touchpoint("order");
  undefined.definition.set_display_name("NPS");
  undefined.value.set_state(v1::MetricValue::UNDEFINED);
  undefined.value.set_undefined_reason("no responses");
  AttachedMetric pending = undefined;
  pending.definition.set_display_name("CES");
  pending.value.Clear();
  pending.value.set_state(v1::MetricValue::PENDING);
  std::ostringstream out;
  DrawMap(Map(), {undefined, pending}, nullptr, Paint(false), out);
  EXPECT_THAT(out.str(), HasSubstr("▪ NPS undefined, no responses\n"));
  EXPECT_THAT(out.str(), HasSubstr("▪ CES pending\n"));
  EXPECT_THAT(out.str(), Not(HasSubstr("0.0")));
}

}  // namespace
}  // namespace throughline::cli
