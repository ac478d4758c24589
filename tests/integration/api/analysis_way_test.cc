// QueryHandoffs and QueryWhatIf, on a few customers whose answers can be counted by hand.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kSmall = 1e-12;

// One customer with two cases: sales, sales, support, nobody, sales; and support only.
constexpr char kCases[] = R"({"parent": "workspaces/w", "events": [
  {"id": "h1", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:00:00Z", "eventName": "asked",
   "department": "sales", "properties": {"case": "A"}},
  {"id": "h2", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:01:00Z", "eventName": "asked",
   "department": "sales", "properties": {"case": "A"}},
  {"id": "h3", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:02:00Z", "eventName": "solved",
   "department": "support", "properties": {"case": "A"}},
  {"id": "h4", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:03:00Z", "eventName": "noted",
   "properties": {"case": "A"}},
  {"id": "h5", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:05:00Z", "eventName": "asked",
   "department": "sales", "properties": {"case": "A"}},
  {"id": "h6", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:10:00Z", "eventName": "asked",
   "department": "support", "properties": {"case": "B"}},
  {"id": "h7", "source": "s", "customerId": "h", "eventTime": "2025-03-01T00:11:00Z", "eventName": "solved",
   "department": "support", "properties": {"case": "B"}}]})";

class WayTest : public AnalysisTest {
 protected:
  void RecordCases() {
    v1::RecordEventsRequest request;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(kCases, &request).ok());
    ASSERT_OK_AND_ASSIGN(const auto recorded, Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
    ASSERT_EQ(recorded.recorded_count(), 7);
  }
  auto Handoffs(const std::string& text) { return Ask(&Analysis::QueryHandoffs, text); }
  auto WhatIf(const std::string& text) { return Ask(&Analysis::QueryWhatIf, text); }
  void CreateBusySegment() {
    ASSERT_OK(Call(
        segments_, &v1::SegmentService::Stub::CreateSegment,
        ParseProto<v1::CreateSegmentRequest>(R"pb(parent: "workspaces/w"
                                                  segment_id: "busy"
                                                  segment { display_name: "Busy" filter: "event_count > 3" })pb")));
  }
};

// ---- Hand-offs and rework -------------------------------------------------------------------------------------------

TEST_F(WayTest, Handoffs_AreCountedByCase) {
  RecordCases();
  ASSERT_OK_AND_ASSIGN(const auto answer, Handoffs("correlation_property: 'case'"));
  EXPECT_EQ(answer.handoff_share().value(), 0.5) << "two of the four pairs";
  EXPECT_EQ(answer.handoff_share().n(), 4);
  EXPECT_EQ(answer.handoff_share().details().at("handoffs"), 2);
  EXPECT_EQ(answer.handoff_share().excluded().at("missing_department"), 1);
  EXPECT_TRUE(answer.handoff_share().has_interval_low());
  EXPECT_EQ(answer.run_share().value(), 0.5);
  EXPECT_EQ(answer.per_run().value(), 1);
  EXPECT_EQ(answer.ping_pong_run_share().value(), 0.5);
  ASSERT_THAT(answer.handoffs(), SizeIs(2));
  EXPECT_EQ(answer.handoffs(0).from(), "sales");
  EXPECT_EQ(answer.handoffs(0).to(), "support");
  EXPECT_EQ(answer.handoffs(0).count(), 1);
  EXPECT_EQ(answer.handoffs(0).run_share().value(), 0.5);
  EXPECT_EQ(answer.handoffs(0).waiting_seconds().value(), 60);
  EXPECT_EQ(answer.handoffs(1).waiting_seconds().value(), 180) << "what nobody did in between is passed over";
  ASSERT_THAT(answer.ping_pongs(), SizeIs(1));
  EXPECT_EQ(answer.ping_pongs(0).there(), "sales");
  EXPECT_EQ(answer.ping_pongs(0).back(), "support");
  EXPECT_EQ(answer.ping_pongs(0).count(), 1);
  ASSERT_THAT(answer.rework(), SizeIs(1));
  EXPECT_EQ(answer.rework(0).symbol(), "asked");
  EXPECT_EQ(answer.rework(0).run_share().value(), 0.5);
  EXPECT_EQ(answer.rework(0).visitor_share().n(), 2);
  EXPECT_THAT(answer.read(), EqualsProto(R"pb(customer_count: 1
                                              sampled_customer_count: 1
                                              run_count: 2
                                              visit_count: 7
                                              data_watermark: 19)pb"));
}

TEST_F(WayTest, Handoffs_OfAnotherField) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Handoffs("field: 'event_name'"));
  EXPECT_EQ(answer.handoff_share().value(), 1) << "no event is followed by one of its name";
  EXPECT_EQ(answer.handoff_share().n(), 8);
  EXPECT_EQ(answer.handoffs(0).from(), "placed");
  EXPECT_EQ(answer.handoffs(0).to(), "paid");
  EXPECT_EQ(answer.handoffs(0).count(), 3);
  ASSERT_THAT(answer.ping_pongs(), SizeIs(2)) << "c2: placed, paid, placed, paid";
  EXPECT_EQ(answer.rework(0).symbol(), "paid");
  EXPECT_EQ(answer.rework(1).symbol(), "placed");
  ASSERT_OK_AND_ASSIGN(const auto one, Handoffs("field: 'event_name' limit: 1"));
  EXPECT_THAT(one.handoffs(), SizeIs(1));
  EXPECT_THAT(one.ping_pongs(), SizeIs(1));
  EXPECT_THAT(one.rework(), SizeIs(1));
  EXPECT_EQ(one.handoff_share().n(), 8) << "the limit is of what is shown";
}

TEST_F(WayTest, Handoffs_AlphabetIsWhatIsDoneAgain) {
  CreateMap("m", true);
  ASSERT_OK_AND_ASSIGN(const auto answer,
                       Handoffs("alphabet { journey_map: 'workspaces/w/journeyMaps/m' } field: 'channel'"));
  EXPECT_EQ(answer.read().visit_count(), 7);
  ASSERT_THAT(answer.rework(), SizeIs(2));
  EXPECT_EQ(answer.rework(0).symbol(), "order");
  EXPECT_THAT(answer.rework(0).run_share().value(), DoubleNear(1.0 / 3, kSmall));
  EXPECT_EQ(answer.handoff_share().value(), 0) << "c2 stays on the phone";
  EXPECT_EQ(answer.handoff_share().n(), 1);
  EXPECT_THAT(answer.handoffs(), IsEmpty());
  EXPECT_EQ(answer.waiting_seconds().state(), v1::Estimate::UNDEFINED);
}

TEST_F(WayTest, Handoffs_FilterIntervalSegmentAndKnownAt) {
  CreateBusySegment();
  const std::string names = "field: 'event_name' ";
  ASSERT_OK_AND_ASSIGN(const auto known, Handoffs(names + "known_at: 4"));
  EXPECT_EQ(known.handoff_share().n(), 3);
  EXPECT_EQ(known.read().data_watermark(), 4);
  ASSERT_OK_AND_ASSIGN(const auto filtered, Handoffs(names + R"(filter: "event_name != \"paid\"")"));
  EXPECT_EQ(filtered.handoff_share().n(), 5);
  EXPECT_EQ(filtered.handoff_share().details().at("handoffs"), 4) << "c2 places twice in a row";
  ASSERT_OK_AND_ASSIGN(const auto later, Handoffs(names + "interval { start_time { seconds: 1738368000 } }"));
  EXPECT_EQ(later.handoff_share().n(), 3);
  ASSERT_OK_AND_ASSIGN(const auto busy, Handoffs(names + "segment: 'workspaces/w/segments/busy'"));
  EXPECT_EQ(busy.handoff_share().n(), 7);
  EXPECT_EQ(busy.read().customer_count(), 2);
}

TEST_F(WayTest, Handoffs_Nothing_IsUndefined) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Handoffs("filter: 'event_name = nothing'"));
  EXPECT_EQ(answer.handoff_share().state(), v1::Estimate::UNDEFINED);
  EXPECT_THAT(answer.rework(), IsEmpty());
  EXPECT_EQ(answer.read().run_count(), 0);
}

TEST_F(WayTest, Handoffs_BadInput_NamesItsField) {
  CreateMap("draft", false);
  EXPECT_THAT(Handoffs("field: 'colour'"), Refuses("field"));
  EXPECT_THAT(Handoffs("alphabet { field: 'colour' }"), Refuses("alphabet.field"));
  EXPECT_THAT(Handoffs("limit: -1"), Refuses("limit"));
  EXPECT_THAT(Handoffs("limit: 1001"), Refuses("limit"));
  EXPECT_THAT(Handoffs("filter: 'age > 3'"), Refuses("filter"));
  EXPECT_THAT(Handoffs("correlation_property: '" + std::string(129, 'p') + "'"), Refuses("correlation_property"));
  EXPECT_THAT(Handoffs("alphabet { journey_map: 'workspaces/w/journeyMaps/none' }"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Handoffs("alphabet { journey_map: 'workspaces/w/journeyMaps/draft' }"),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition), HasReason("JOURNEY_MAP_NOT_PUBLISHED")));
}

TEST_F(WayTest, Handoffs_AlphabetOfTooManySymbols_IsOverTheLimit) {
  constexpr int kBatch = 1000;
  for (int batch = 0; batch < 11; ++batch) {
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    for (int i = 0; i < (batch == 10 ? 1 : kBatch); ++i) {
      v1::CustomerEvent& event = *request.add_events();
      event.set_id(absl::StrCat("n", batch, "-", i));
      event.set_source("s");
      event.set_customer_id(absl::StrCat("n", batch % 2));  // of one customer 10,000 visits are read
      event.mutable_event_time()->set_seconds(1740787200 + batch * kBatch + i);
      event.set_event_name("counted");
      (*event.mutable_properties())["number"].set_number_value(batch * kBatch + i);
    }
    ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
  }
  EXPECT_THAT(Handoffs("alphabet { field: 'properties.number' }"),
              AllOf(StatusIs(absl::StatusCode::kResourceExhausted), HasReason("LIMIT_EXCEEDED")));
  ASSERT_OK_AND_ASSIGN(const auto answer, Handoffs("field: 'properties.number'"));
  EXPECT_EQ(answer.handoff_share().n(), 9999);
  EXPECT_THAT(answer.handoffs(), SizeIs(100));
}

// ---- What if --------------------------------------------------------------------------------------------------------

// Of four runs three are placed and one is viewed. Of four placed three are paid; of three paid one is delivered, one
// placed again and one rated. So delivered is reached from placed by x = ¾y, from paid by y = ⅓ + ⅓x: x = ⅓.
TEST_F(WayTest, WhatIf_Share_ChangesConversion) {
  ASSERT_OK_AND_ASSIGN(const auto answer, WhatIf("goal: 'delivered' changes { from: 'placed' to: 'paid' share: 1 }"));
  EXPECT_THAT(answer.conversion().before().value(), DoubleNear(0.25, kSmall));
  EXPECT_THAT(answer.conversion().after().value(), DoubleNear(0.375, kSmall)) << "y = ⅓ + ⅓y";
  EXPECT_THAT(answer.conversion().difference().value(), DoubleNear(0.125, kSmall));
  EXPECT_TRUE(answer.conversion().before().has_interval_low());
  EXPECT_EQ(answer.conversion().before().n(), 4);
  EXPECT_EQ(answer.instance_count(), 4);
  EXPECT_EQ(answer.data_watermark(), 12);
  ASSERT_OK_AND_ASSIGN(const auto more,
                       WhatIf("goal: 'delivered' changes { from: 'paid' to: 'delivered' share: 0.66666666666666667 }"));
  EXPECT_THAT(more.conversion().after().value(), DoubleNear(3.0 / 7, kSmall)) << "y = ⅔ + ⅙x";
  ASSERT_OK_AND_ASSIGN(const auto same, WhatIf("goal: 'delivered'"));
  EXPECT_EQ(same.conversion().difference().value(), 0) << "nothing would be different";
}

TEST_F(WayTest, WhatIf_TimeAndRevenue) {
  // A run is at placed once on average, and goes on to be paid ¾ times, 6000 seconds later.
  ASSERT_OK_AND_ASSIGN(const auto answer, WhatIf(R"pb(goal: "delivered"
                                                      changes { from: "placed" to: "paid" mean_seconds: 0 }
                                                      revenue_per_visit_minor { key: "placed" value: 100 }
                                                      revenue_per_visit_minor { key: "delivered" value: 1000 })pb"));
  EXPECT_THAT(answer.seconds().difference().value(), DoubleNear(-4500, 1e-6));
  EXPECT_EQ(answer.conversion().difference().value(), 0);
  EXPECT_THAT(answer.revenue_minor().before().value(), DoubleNear(350, 1e-9));
  EXPECT_EQ(answer.revenue_minor().difference().value(), 0);
  EXPECT_LT(answer.seconds_to_goal().difference().value(), 0);
}

TEST_F(WayTest, WhatIf_AWayThatNobodyTookYet) {
  const std::string change = "goal: 'delivered' changes { from: 'viewed' to: 'placed' share: 1 ";
  EXPECT_THAT(WhatIf(change + "}"), Refuses("changes[0].mean_seconds"));
  ASSERT_OK_AND_ASSIGN(const auto answer, WhatIf(change + "mean_seconds: 60 }"));
  EXPECT_THAT(answer.conversion().after().value(), DoubleNear(1.0 / 3, kSmall)) << "everybody is placed";
}

TEST_F(WayTest, WhatIf_OverAMap_KnowsItsTouchpoints) {
  auto request = ParseProto<v1::CreateJourneyMapRequest>(R"pb(
    parent: "workspaces/w"
    journey_map_id: "m"
    journey_map {
      display_name: "Order"
      phases { id: "buy" display_name: "Buy" }
      touchpoints {
        id: "order"
        phase: "buy"
        display_name: "Order"
        event_binding { event_names: "placed" }
      }
      touchpoints {
        id: "pay"
        phase: "buy"
        display_name: "Pay"
        event_binding { event_names: "paid" }
      }
      touchpoints {
        id: "praise"
        phase: "buy"
        display_name: "Praise"
        event_binding { event_names: "praised" }
      }
    })pb");
  ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::CreateJourneyMap, request));
  v1::PublishJourneyMapRequest publication;
  publication.set_name("workspaces/w/journeyMaps/m");
  ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::PublishJourneyMap, publication));
  const std::string map = "alphabet { journey_map: 'workspaces/w/journeyMaps/m' } ";
  // c1: order, pay. c2: order, pay, order, pay. c3: order.
  ASSERT_OK_AND_ASSIGN(const auto paid, WhatIf(map + R"pb(goal: "pay"
                                                          changes { from: "order" share: 0 }
                                                          revenue_per_visit_minor { key: "praise" value: 5 })pb"));
  EXPECT_THAT(paid.conversion().before().value(), DoubleNear(2.0 / 3, kSmall))
      << "as measured: c2 has paid when ordering again";
  EXPECT_EQ(paid.conversion().after().value(), 1) << "no run ends at order";
  EXPECT_EQ(paid.revenue_minor().before().value(), 0) << "nobody praises";
  // Nobody praised yet; half of those who pay could.
  ASSERT_OK_AND_ASSIGN(const auto praised,
                       WhatIf(map + "goal: 'praise' changes { from: 'pay' to: 'praise' share: 0.5 mean_seconds: 60 }"));
  EXPECT_EQ(praised.conversion().before().value(), 0);
  // x = ¾y, y = ½ + ½·⅓x.
  EXPECT_THAT(praised.conversion().after().value(), DoubleNear(3.0 / 7, kSmall));
  EXPECT_THAT(WhatIf(map + "goal: 'pay' changes { from: 'order' to: 'praise' share: 0.5 mean_seconds: 60 }"),
              Refuses("changes[0].to"))
      << "nobody knows how they would go on";
}

TEST_F(WayTest, WhatIf_FilterIntervalSegmentAndKnownAt) {
  CreateBusySegment();
  ASSERT_OK_AND_ASSIGN(const auto known, WhatIf("goal: 'delivered' known_at: 4"));
  EXPECT_EQ(known.conversion().before().value(), 1);
  EXPECT_EQ(known.data_watermark(), 4);
  ASSERT_OK_AND_ASSIGN(const auto filtered, WhatIf(R"(goal: "delivered" filter: "event_name != \"viewed\"")"));
  EXPECT_THAT(filtered.conversion().before().value(), DoubleNear(0.25, kSmall)) << "c4 is still there, rated";
  ASSERT_OK_AND_ASSIGN(const auto busy, WhatIf("goal: 'delivered' segment: 'workspaces/w/segments/busy'"));
  EXPECT_EQ(busy.instance_count(), 2);
  EXPECT_THAT(busy.conversion().before().value(), DoubleNear(0.5, kSmall)) << "of three paid one is delivered";
  ASSERT_OK_AND_ASSIGN(const auto january, WhatIf("goal: 'delivered' interval { end_time { seconds: 1738368000 } }"));
  EXPECT_EQ(january.instance_count(), 2);
  EXPECT_THAT(january.conversion().before().value(), DoubleNear(0.5, kSmall));
}

TEST_F(WayTest, WhatIf_BadInput_NamesItsField) {
  const std::string goal = "goal: 'delivered' ";
  EXPECT_THAT(WhatIf(""), Refuses("goal"));
  EXPECT_THAT(WhatIf("goal: 'nowhere'"), Refuses("goal"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'nowhere' share: 1 }"), Refuses("changes[0].from"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'placed' to: 'nowhere' share: 1 }"), Refuses("changes[0].to"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'placed' to: 'paid' share: 1.5 }"), Refuses("changes[0].share"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'placed' to: 'paid' }"), Refuses("changes[0]"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'placed' to: 'paid' mean_seconds: -1 }"),
              Refuses("changes[0].mean_seconds"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'placed' to: 'paid' mean_seconds: nan }"),
              Refuses("changes[0].mean_seconds"));
  EXPECT_THAT(WhatIf(goal + "changes { from: 'viewed' to: 'rated' share: 0.5 }"), Refuses("changes[0].share"))
      << "there is no other way that could grow";
  EXPECT_THAT(WhatIf(goal + "revenue_per_visit_minor { key: 'nowhere' value: 1 }"),
              Refuses("revenue_per_visit_minor[nowhere]"));
  EXPECT_THAT(WhatIf(goal + "revenue_per_visit_minor { key: 'placed' value: inf }"),
              Refuses("revenue_per_visit_minor[placed]"));
  EXPECT_THAT(WhatIf(goal + "alphabet { field: 'colour' }"), Refuses("alphabet.field"));
  EXPECT_THAT(WhatIf(goal + "filter: 'age > 3'"), Refuses("filter"));
  EXPECT_THAT(WhatIf(goal + "correlation_property: '" + std::string(129, 'p') + "'"), Refuses("correlation_property"));
  std::string changes = goal;
  for (int i = 0; i < 101; ++i) absl::StrAppend(&changes, "changes { from: 'a' to: 'b' share: 1 } ");
  EXPECT_THAT(WhatIf(changes), Refuses("changes"));
  EXPECT_THAT(WhatIf(goal + "alphabet { journey_map: 'workspaces/w/journeyMaps/none' }"),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace throughline::testing
