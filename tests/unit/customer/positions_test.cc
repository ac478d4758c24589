#include "services/customer/positions.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "tests/unit/customer/sample.h"

namespace throughline {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::Map;
using ::throughline::testing::Second;

constexpr char kMapText[] = R"pb(
  touchpoints {
    id: "a"
    event_binding { event_names: "x" }
  }
  touchpoints { id: "drawn-only" }
  touchpoints {
    id: "b"
    event_binding { filter: "event_name = \"x*\"" }
    completes_journey: true
  }
  transitions {
    from_touchpoint: "a"
    to_touchpoint: "b"
    expected_duration { seconds: 5 }
  }
  instance_rule {
    correlation_property: "order"
    abandon_after { seconds: 60 }
  })pb";

TEST(MakePositionQueryTest, AsksWhatTheMapSays) {
  const PositionQuery query = MakePositionQuery(*Map("m", kMapText), Second(7));
  ASSERT_THAT(query.touchpoints, SizeIs(3));
  EXPECT_EQ(query.touchpoints[0].stalled_after, absl::Seconds(5));
  EXPECT_EQ(query.touchpoints[2].stalled_after, absl::InfiniteDuration());
  EXPECT_TRUE(query.touchpoints[2].completes);
  EXPECT_THAT(query.touchpoints[2].selector.unless, IsEmpty()) << "the query itself says that the first match counts";
  EXPECT_THAT(query.touchpoints[1].selector.unless, SizeIs(1)) << "without a binding nothing matches";
  EXPECT_EQ(query.run.correlation_property, "order");
  EXPECT_EQ(query.abandon_after, absl::Minutes(1));
  EXPECT_EQ(query.now, Second(7));
}

TEST(MakeJourneyMapPositionsTest, SumsUpAndPutsTheMostFrequentWayFirst) {
  RunPositions positions;
  positions.runs = 99;
  positions.touchpoints.resize(3);
  positions.touchpoints[0] = {10, 8, {1, 0, 2, 3}};
  positions.touchpoints[2] = {4, 4, {0, 4, 0, 0}};
  positions.transitions[{0, 0}].count = 2;
  positions.transitions[{0, 2}].count = 3;
  positions.transitions[{0, 2}].runs = 2;
  for (const int64_t seconds : {4, 1, 2}) positions.transitions[{0, 2}].durations.Add(seconds * 1'000'000);
  EXPECT_THAT(MakeJourneyMapPositions(*Map("m", kMapText), positions, EventSequence{42}), EqualsProto(R"pb(
                name: "workspaces/w/journeyMaps/m/positions"
                version: "workspaces/w/journeyMaps/m/versions/1"
                instance_count: 10
                status_counts { active: 1 completed: 4 abandoned: 2 stalled: 3 }
                touchpoints {
                  touchpoint: "a"
                  visit_count: 10
                  instance_count: 8
                  position_counts { active: 1 abandoned: 2 stalled: 3 }
                }
                touchpoints {
                  touchpoint: "drawn-only"
                  position_counts {}
                }
                touchpoints {
                  touchpoint: "b"
                  visit_count: 4
                  instance_count: 4
                  position_counts { completed: 4 }
                }
                transitions { from_touchpoint: "a" to_touchpoint: "b" count: 3 median_seconds: 2 instance_count: 2 }
                transitions { from_touchpoint: "a" to_touchpoint: "a" count: 2 }
                data_watermark: 42)pb"));
}

TEST(MakeJourneyMapPositionsTest, OnlyTheMostFrequentThousandWays) {
  std::string text;
  for (int i = 0; i < 40; ++i) absl::StrAppend(&text, "touchpoints { id: \"t", i, "\" }");
  RunPositions positions;
  positions.touchpoints.resize(40);
  for (int from = 0; from < 40; ++from) {
    for (int to = 0; to < 40; ++to) positions.transitions[{from, to}].count = 1 + from * 40 + to;
  }
  const v1::JourneyMapPositions out = MakeJourneyMapPositions(*Map("m", text), positions, {});
  EXPECT_EQ(out.transitions_size(), 1000);
  EXPECT_EQ(out.transitions(0).count(), 1600);
  EXPECT_EQ(out.transitions(999).count(), 601);
}

}  // namespace
}  // namespace throughline
