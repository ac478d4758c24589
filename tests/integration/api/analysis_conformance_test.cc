// QueryConformance, on a few customers whose runs can be held against the map by hand.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

// Order (on the web), pay within an hour, be sent something that nobody records, receive it, rate it; one may order
// again after having paid.
constexpr char kMap[] = R"pb(
  display_name: "Order"
  phases { id: "buy" display_name: "Buy" }
  touchpoints {
    id: "order"
    phase: "buy"
    display_name: "Order"
    channel: "web"
    event_binding { event_names: "placed" }
  }
  touchpoints {
    id: "pay"
    phase: "buy"
    display_name: "Pay"
    event_binding { event_names: "paid" }
  }
  touchpoints { id: "send" phase: "buy" display_name: "Send" }
  touchpoints {
    id: "receive"
    phase: "buy"
    display_name: "Receive"
    event_binding { event_names: "delivered" }
    completes_journey: true
  }
  touchpoints {
    id: "rate"
    phase: "buy"
    display_name: "Rate"
    event_binding { event_names: "rated" }
  }
  transitions {
    id: "order-pay"
    from_touchpoint: "order"
    to_touchpoint: "pay"
    kind: SEQUENCE
    expected_duration { seconds: 3600 }
  }
  transitions { id: "pay-order" from_touchpoint: "pay" to_touchpoint: "order" kind: LOOP }
  transitions { id: "pay-send" from_touchpoint: "pay" to_touchpoint: "send" kind: SEQUENCE }
  transitions { id: "send-receive" from_touchpoint: "send" to_touchpoint: "receive" kind: SEQUENCE }
  transitions { id: "receive-rate" from_touchpoint: "receive" to_touchpoint: "rate" kind: SEQUENCE }
)pb";

class ConformanceTest : public AnalysisTest {
 protected:
  void Publish(const std::string& id, const std::string& map, bool publish = true) {
    v1::CreateJourneyMapRequest request;
    request.set_parent("workspaces/w");
    request.set_journey_map_id(id);
    *request.mutable_journey_map() = ParseProto<v1::JourneyMap>(map);
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::CreateJourneyMap, request));
    if (!publish) return;
    v1::PublishJourneyMapRequest publication;
    publication.set_name(absl::StrCat("workspaces/w/journeyMaps/", id));
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::PublishJourneyMap, publication));
  }
  auto Conformance(const std::string& more = "", const std::string& map = "way") {
    return Ask(&Analysis::QueryConformance, absl::StrCat("journey_map: 'workspaces/w/journeyMaps/", map, "' ", more));
  }
  // "MISSING receive 3/4": runs with it of all.
  static std::vector<std::string> Deviations(const v1::QueryConformanceResponse& answer) {
    std::vector<std::string> texts;
    for (const v1::DeviationSummary& each : answer.deviations()) {
      texts.push_back(absl::StrCat(v1::DeviationSummary::Type_Name(each.type()), " ", each.touchpoint(),
                                   each.from_touchpoint(), each.to_touchpoint().empty() ? "" : ">",
                                   each.to_touchpoint(), " ", each.impact().share().details().at("runs"), "/",
                                   each.impact().share().n()));
    }
    return texts;
  }
  static std::vector<std::string> OffMap(const v1::QueryConformanceResponse& answer) {
    std::vector<std::string> texts;
    for (const v1::OffMapWay& way : answer.off_map_ways()) {
      texts.push_back(absl::StrCat(way.from_touchpoint(), ">", way.to_touchpoint()));
    }
    return texts;
  }
};

TEST_F(ConformanceTest, Runs_AreHeldAgainstTheMap) {
  Publish("way", kMap);
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  // c1 keeps to the map; c2 rates without having received: 1 of 5 + 3; c3 only orders: 2 of 1 + 3; c4 only rates: 3 of
  // 1 + 3. The cheapest way through the map has three touchpoints: nobody can be seen where something is sent.
  EXPECT_THAT(answer.alignment_fitness().value(), DoubleNear((1 + 7.0 / 8 + 2.0 / 4 + 1.0 / 4) / 4, kSmall));
  EXPECT_EQ(answer.alignment_fitness().state(), v1::Estimate::OK);
  EXPECT_EQ(answer.alignment_fitness().details().at("cheapest_way"), 3);
  EXPECT_EQ(answer.alignment_fitness().details().at("cost"), 6);
  EXPECT_TRUE(answer.alignment_fitness().has_interval_low());
  EXPECT_EQ(answer.conforming().value(), 0.25);
  EXPECT_EQ(answer.conforming().n(), 4);
  EXPECT_LT(answer.token_fitness().value(), 1);
  EXPECT_GT(answer.token_fitness().value(), 0);
  EXPECT_THAT(answer.dead_touchpoints(), IsEmpty());
  EXPECT_EQ(answer.journey_map_version(), "workspaces/w/journeyMaps/way/versions/1");
  EXPECT_THAT(answer.read(), EqualsProto(R"pb(customer_count: 4
                                              sampled_customer_count: 4
                                              run_count: 4
                                              visit_count: 11
                                              data_watermark: 12)pb"));
}

TEST_F(ConformanceTest, Deviations_AreNamedWithWhatGoesWithThem) {
  Publish("way", kMap);
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  EXPECT_THAT(Deviations(answer), ElementsAre("MISSING receive 3/4", "MISSING pay 2/4", "MISSING order 1/4",
                                              "LATE order>pay 1/4", "WRONG_CHANNEL order 1/4"));
  EXPECT_THAT(OffMap(answer), ElementsAre(">rate", "order>", "pay>rate"));
  const v1::DeviationImpact& receive = answer.deviations(0).impact();
  EXPECT_EQ(receive.occurrence_count(), 3);
  EXPECT_EQ(receive.conversion_difference().value(), -1) << "who completes the journey has received";
  EXPECT_EQ(answer.deviations(3).impact().occurrence_count(), 2) << "c2 pays late twice, after two hours";
  EXPECT_EQ(answer.deviations(4).impact().occurrence_count(), 2) << "c2 orders by phone twice";
  // Another goal: c1, c2 and c4 rate.
  ASSERT_OK_AND_ASSIGN(const auto rated, Conformance("goal_touchpoint: 'rate'"));
  EXPECT_THAT(rated.deviations(0).impact().conversion_difference().value(), DoubleNear(-1.0 / 3, kSmall));
  EXPECT_EQ(rated.deviations(1).touchpoint(), "pay");
  EXPECT_THAT(rated.deviations(1).impact().conversion_difference().value(), DoubleNear(-0.5, kSmall));
}

TEST_F(ConformanceTest, Variants_HaveTheirFitness) {
  Publish("way", kMap);
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  ASSERT_THAT(answer.variants(), SizeIs(4));
  EXPECT_THAT(answer.variants(0), EqualsProto("touchpoints: 'order' run_count: 1 fitness: 0.5 cost: 2"));
  EXPECT_THAT(absl::StrJoin(answer.variants(1).touchpoints(), " "), "order pay order pay rate");
  EXPECT_EQ(answer.variants(1).fitness(), 0.875);
  EXPECT_THAT(absl::StrJoin(answer.variants(2).touchpoints(), " "), "order pay receive rate");
  EXPECT_EQ(answer.variants(2).fitness(), 1);
  EXPECT_EQ(answer.variants(2).cost(), 0);
  EXPECT_EQ(answer.variants(3).cost(), 3);
  ASSERT_OK_AND_ASSIGN(const auto one, Conformance("limit: 1"));
  EXPECT_THAT(one.variants(), SizeIs(1));
  EXPECT_THAT(Deviations(one), ElementsAre("MISSING receive 3/4"));
  EXPECT_THAT(OffMap(one), ElementsAre(">rate"));
  EXPECT_EQ(one.alignment_fitness().n(), 4) << "the limit is of what is shown";
}

TEST_F(ConformanceTest, FilterIntervalSegmentAndKnownAt) {
  Publish("way", kMap);
  ASSERT_OK_AND_ASSIGN(const auto first, Conformance("known_at: 4"));
  EXPECT_EQ(first.alignment_fitness().value(), 1) << "only c1 was known";
  EXPECT_EQ(first.read().data_watermark(), 4);
  EXPECT_THAT(first.deviations(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto filtered, Conformance(R"(filter: "event_name != \"rated\"")"));
  EXPECT_EQ(filtered.conforming().n(), 3);
  EXPECT_THAT(filtered.alignment_fitness().value(), DoubleNear((1 + 6.0 / 7 + 2.0 / 4) / 3, kSmall));
  // 2025-02-01 on: c2 orders, pays and rates once.
  ASSERT_OK_AND_ASSIGN(const auto later, Conformance("interval { start_time { seconds: 1738368000 } }"));
  EXPECT_EQ(later.read().visit_count(), 5);
  EXPECT_THAT(later.alignment_fitness().value(), DoubleNear((5.0 / 6 + 2.0 / 4 + 1.0 / 4) / 3, kSmall));
  ASSERT_OK(
      Call(segments_, &v1::SegmentService::Stub::CreateSegment,
           ParseProto<v1::CreateSegmentRequest>(R"pb(parent: "workspaces/w"
                                                     segment_id: "busy"
                                                     segment { display_name: "Busy" filter: "event_count > 3" })pb")));
  ASSERT_OK_AND_ASSIGN(const auto busy, Conformance("segment: 'workspaces/w/segments/busy'"));
  EXPECT_THAT(busy.alignment_fitness().value(), DoubleNear((1 + 7.0 / 8) / 2, kSmall));
  EXPECT_EQ(busy.read().customer_count(), 2);
}

TEST_F(ConformanceTest, InstanceRule_SaysWhatARunIs) {
  Publish("way", absl::StrCat(kMap, "instance_rule { correlation_property: 'plan' }"));
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance());
  EXPECT_EQ(answer.read().visit_count(), 4) << "only orders have the property";
  EXPECT_EQ(answer.conforming().n(), 3);
}

TEST_F(ConformanceTest, NobodyOnTheMap_IsUndefined) {
  Publish("way", kMap);
  ASSERT_OK_AND_ASSIGN(const auto answer, Conformance("filter: 'event_name = nothing'"));
  EXPECT_EQ(answer.alignment_fitness().state(), v1::Estimate::UNDEFINED);
  EXPECT_FALSE(answer.alignment_fitness().has_value());
  EXPECT_THAT(answer.alignment_fitness().undefined_reason(), HasSubstr("No run"));
  EXPECT_THAT(answer.variants(), IsEmpty());
  EXPECT_EQ(answer.read().run_count(), 0);
}

TEST_F(ConformanceTest, BadInput_NamesItsField) {
  Publish("way", kMap);
  Publish("draft", kMap, false);
  EXPECT_THAT(Ask(&Analysis::QueryConformance, ""), Refuses("journey_map"));
  EXPECT_THAT(Ask(&Analysis::QueryConformance, "journey_map: 'way'"), Refuses("journey_map"));
  EXPECT_THAT(Ask(&Analysis::QueryConformance, "journey_map: 'workspaces/x/journeyMaps/way'"), Refuses("journey_map"));
  EXPECT_THAT(Conformance("", "none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Conformance("", "draft"),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition), HasReason("JOURNEY_MAP_NOT_PUBLISHED")));
  EXPECT_THAT(Conformance("goal_touchpoint: 'nowhere'"), Refuses("goal_touchpoint"));
  EXPECT_THAT(Conformance("goal_touchpoint: 'send'"), Refuses("goal_touchpoint"));
  EXPECT_THAT(Conformance("limit: -1"), Refuses("limit"));
  EXPECT_THAT(Conformance("limit: 1001"), Refuses("limit"));
  EXPECT_THAT(Conformance("filter: 'age > 3'"), Refuses("filter"));
  EXPECT_THAT(Conformance("segment: 'workspaces/w/segments/none'"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Conformance("known_at: 99"), StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace throughline::testing
