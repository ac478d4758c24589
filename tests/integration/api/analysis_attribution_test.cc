// QueryAttribution, on a few customers whose credits can be counted by hand.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Bryl's example: a comes by C1, C2 and C3 and orders; b by C1, and d by C2 and C3, do not. Watermark 16 is all of a.
constexpr char kBryl[] = R"({"parent": "workspaces/w", "events": [
  {"id": "a1", "source": "shop", "customerId": "a", "eventTime": "2025-03-01T00:00:00Z", "eventName": "ad",
   "channel": "C1"},
  {"id": "a2", "source": "shop", "customerId": "a", "eventTime": "2025-03-08T00:00:00Z", "eventName": "ad",
   "channel": "C2"},
  {"id": "a3", "source": "shop", "customerId": "a", "eventTime": "2025-03-15T00:00:00Z", "eventName": "ad",
   "channel": "C3"},
  {"id": "a4", "source": "shop", "customerId": "a", "eventTime": "2025-03-22T00:00:00Z", "eventName": "order",
   "channel": "C4", "moneyMovement": {"amountMinor": 1000, "currencyCode": "EUR"}},
  {"id": "b1", "source": "shop", "customerId": "b", "eventTime": "2025-03-01T00:00:00Z", "eventName": "ad",
   "channel": "C1"},
  {"id": "d1", "source": "shop", "customerId": "d", "eventTime": "2025-03-01T00:00:00Z", "eventName": "ad",
   "channel": "C2"},
  {"id": "d2", "source": "shop", "customerId": "d", "eventTime": "2025-03-02T00:00:00Z", "eventName": "visit",
   "channel": "C3",
   "properties": {"campaign": "spring"}}]})";

// e orders three times in a row, for euros, dollars and euros, and comes once more.
constexpr char kThreeOrders[] = R"({"parent": "workspaces/w", "events": [
  {"id": "e1", "source": "later", "customerId": "e", "eventTime": "2025-04-01T00:00:00Z", "eventName": "ad",
   "channel": "C1"},
  {"id": "e2", "source": "later", "customerId": "e", "eventTime": "2025-04-02T00:00:00Z", "eventName": "order",
   "moneyMovement": {"amountMinor": 500, "currencyCode": "EUR"}},
  {"id": "e3", "source": "later", "customerId": "e", "eventTime": "2025-04-03T00:00:00Z", "eventName": "ad",
   "channel": "C2"},
  {"id": "e4", "source": "later", "customerId": "e", "eventTime": "2025-04-04T00:00:00Z", "eventName": "order",
   "moneyMovement": {"amountMinor": 900, "currencyCode": "USD"}},
  {"id": "e5", "source": "later", "customerId": "e", "eventTime": "2025-04-05T00:00:00Z", "eventName": "order",
   "moneyMovement": {"amountMinor": 100, "currencyCode": "EUR"}},
  {"id": "e6", "source": "later", "customerId": "e", "eventTime": "2025-04-06T00:00:00Z", "eventName": "ad",
   "channel": "C1"}]})";

constexpr char kOrders[] = R"(conversion { event_names: "order" } )";
constexpr char kShop[] = R"(conversion { event_names: "order" } filter: 'source = "shop"' )";
constexpr char kLater[] = R"(conversion { event_names: "order" } filter: 'source = "later"' )";

class AnalysisAttributionTest : public AnalysisTest {
 protected:
  void SetUp() override {
    AnalysisTest::SetUp();
    for (const char* events : {kBryl, kThreeOrders}) {
      v1::RecordEventsRequest request;
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(events, &request).ok());
      ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
    }
  }

  auto Attributed(const std::string& text) { return Ask(&Analysis::QueryAttribution, text); }

  static std::map<std::string, double> Shares(const v1::Attribution& attribution) {
    std::map<std::string, double> shares;
    for (const v1::ChannelCredit& credit : attribution.channels()) shares[credit.channel()] = credit.share();
    return shares;
  }
  // By the only rule asked for.
  std::map<std::string, double> SharesOf(const std::string& text) {
    const auto answer = Attributed(text);
    EXPECT_OK(answer) << text;
    return answer.ok() ? Shares(answer->attributions(0)) : std::map<std::string, double>();
  }
};

auto Share(const std::string& channel, double share) { return Pair(channel, DoubleNear(share, 1e-9)); }

TEST_F(AnalysisAttributionTest, EachRule_SharesOutTheConversion) {
  ASSERT_OK_AND_ASSIGN(const auto answer,
                       Attributed(absl::StrCat(kShop,
                                               "rules: [FIRST, LAST, LINEAR, POSITION, TIME_DECAY, MARKOV, "
                                               "SHAPLEY] currency_code: 'EUR'")));
  EXPECT_EQ(answer.conversion_count(), 1);
  EXPECT_EQ(answer.null_path_count(), 2);
  EXPECT_EQ(answer.read().customer_count(), 3);
  EXPECT_EQ(answer.read().visit_count(), 7);
  EXPECT_EQ(answer.read().data_watermark(), 25);
  ASSERT_THAT(answer.attributions(), SizeIs(7));
  const std::vector<double> expected[] = {{1, 0, 0},
                                          {0, 0, 1},
                                          {1.0 / 3, 1.0 / 3, 1.0 / 3},
                                          {.4, .2, .4},
                                          {1.0 / 7, 2.0 / 7, 4.0 / 7},
                                          {.2, .4, .4},
                                          {1.0 / 3, 1.0 / 3, 1.0 / 3}};
  for (int i = 0; i < 7; ++i) {
    const v1::Attribution& attribution = answer.attributions(i);
    EXPECT_EQ(attribution.rule(), i + 1);
    EXPECT_THAT(Shares(attribution),
                ElementsAre(Share("C1", expected[i][0]), Share("C2", expected[i][1]), Share("C3", expected[i][2])))
        << attribution.method();
    EXPECT_EQ(attribution.conversion_count(), 1);
    EXPECT_EQ(attribution.value_minor(), 1000);
    EXPECT_THAT(attribution.channels(0).value_minor(), DoubleNear(1000 * expected[i][0], 1e-9));
    EXPECT_EQ(attribution.channels(0).has_removal_effect(), attribution.rule() == v1::QueryAttributionRequest::MARKOV);
  }
  const v1::Attribution& markov = answer.attributions(5);
  EXPECT_THAT(markov.channels(0).removal_effect(), DoubleNear(0.5, 1e-9));
  EXPECT_THAT(markov.channels(1).removal_effect(), DoubleNear(1, 1e-9));
}

TEST_F(AnalysisAttributionTest, WithoutRules_TheLastTouchIsCredited) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Attributed(kShop));
  ASSERT_THAT(answer.attributions(), SizeIs(1));
  EXPECT_EQ(answer.attributions(0).rule(), v1::QueryAttributionRequest::LAST);
  EXPECT_THAT(Shares(answer.attributions(0)), ElementsAre(Pair("C1", 0), Pair("C2", 0), Pair("C3", 1)));
  EXPECT_EQ(answer.attributions(0).value_minor(), 0) << "no currency, no values";
}

TEST_F(AnalysisAttributionTest, EachConversionEndsAPath) {
  ASSERT_OK_AND_ASSIGN(const auto answer,
                       Attributed(absl::StrCat(kLater, "currency_code: 'EUR' rules: [LAST, TIME_DECAY]")));
  EXPECT_EQ(answer.conversion_count(), 3);
  EXPECT_EQ(answer.null_path_count(), 1) << "C1 once more";
  for (const v1::Attribution& attribution : answer.attributions()) {
    EXPECT_EQ(attribution.conversion_count(), 2);
    EXPECT_THAT(attribution.excluded(), UnorderedElementsAre(Pair("conversion_without_touch", 1)));
    ASSERT_THAT(attribution.channels(), SizeIs(2));
    EXPECT_EQ(attribution.channels(0).conversions(), 1);
    EXPECT_EQ(attribution.channels(0).value_minor(), 500);
    EXPECT_EQ(attribution.channels(1).conversions(), 1);
    EXPECT_EQ(attribution.channels(1).value_minor(), 0) << "that one was paid in dollars";
  }
  ASSERT_OK_AND_ASSIGN(const auto dollars, Attributed(absl::StrCat(kLater, "currency_code: 'USD'")));
  EXPECT_EQ(dollars.attributions(0).value_minor(), 900);
  ASSERT_OK_AND_ASSIGN(const auto francs, Attributed(absl::StrCat(kLater, "currency_code: 'CHF'")));
  EXPECT_EQ(francs.attributions(0).conversion_count(), 2) << "they count without their value";
  EXPECT_EQ(francs.attributions(0).value_minor(), 0);
}

TEST_F(AnalysisAttributionTest, Lookback_IsInclusive) {
  EXPECT_THAT(SharesOf(absl::StrCat(kShop, "rules: FIRST lookback { seconds: 1209600 }")),
              ElementsAre(Pair("C1", 0), Pair("C2", 1), Pair("C3", 0)))
      << "C2 was fourteen days before";
  EXPECT_THAT(SharesOf(absl::StrCat(kShop, "rules: FIRST lookback { seconds: 1209599 }")),
              ElementsAre(Pair("C1", 0), Pair("C2", 0), Pair("C3", 1)));
  ASSERT_OK_AND_ASSIGN(const auto none, Attributed(absl::StrCat(kShop, "lookback { seconds: 60 }")));
  EXPECT_EQ(none.conversion_count(), 1);
  EXPECT_EQ(none.attributions(0).conversion_count(), 0);
  EXPECT_THAT(none.attributions(0).undefined_reason(), Not(IsEmpty()));
  EXPECT_EQ(none.null_path_count(), 2);
}

TEST_F(AnalysisAttributionTest, HalfLife_OfTimeDecay) {
  // 21, 14 and 7 days before, halved every three and a half: 1, 4 and 16 parts.
  EXPECT_THAT(SharesOf(absl::StrCat(kShop, "rules: TIME_DECAY half_life { seconds: 302400 }")),
              ElementsAre(Share("C1", 1.0 / 21), Share("C2", 4.0 / 21), Share("C3", 16.0 / 21)));
}

TEST_F(AnalysisAttributionTest, TouchAndField) {
  ASSERT_OK_AND_ASSIGN(const auto ads, Attributed(absl::StrCat(kShop, R"(touch { event_names: "ad" })")));
  EXPECT_EQ(ads.read().visit_count(), 6) << "the visit is none";
  ASSERT_OK_AND_ASSIGN(const auto both,
                       Attributed(absl::StrCat(kShop, R"(touch { filter: "channel:*" } rules: FIRST)")));
  EXPECT_THAT(Shares(both.attributions(0)), ElementsAre(Pair("C1", 1), Pair("C2", 0), Pair("C3", 0)))
      << "an order is no touch, whatever its channel";
  ASSERT_OK_AND_ASSIGN(const auto campaigns, Attributed(absl::StrCat(kShop, "field: 'properties.campaign'")));
  EXPECT_EQ(campaigns.null_path_count(), 1) << "touches without a campaign do not count";
  EXPECT_EQ(campaigns.attributions(0).excluded().at("conversion_without_touch"), 1);
  EXPECT_THAT(SharesOf(absl::StrCat(kShop, "field: 'event_name'")), ElementsAre(Pair("ad", 1), Pair("visit", 0)));
}

TEST_F(AnalysisAttributionTest, FilterIntervalSegmentAndKnownAt) {
  ASSERT_OK_AND_ASSIGN(const auto all, Attributed(kOrders));
  EXPECT_EQ(all.conversion_count(), 4);
  ASSERT_OK_AND_ASSIGN(const auto without, Attributed(absl::StrCat(kOrders, R"(filter: 'event_name != "order"')")));
  EXPECT_EQ(without.conversion_count(), 0);
  ASSERT_OK_AND_ASSIGN(const auto march, Attributed(absl::StrCat(kOrders,
                                                                 "interval { start_time { seconds: 1740787200 } "
                                                                 "end_time { seconds: 1743465600 } }")));
  EXPECT_EQ(march.conversion_count(), 1);
  ASSERT_OK_AND_ASSIGN(const auto then, Attributed(absl::StrCat(kOrders, "known_at: 16")));
  EXPECT_EQ(then.conversion_count(), 1);
  EXPECT_EQ(then.read().data_watermark(), 16);
  ASSERT_OK(Call(segments_, &v1::SegmentService::Stub::CreateSegment, ParseProto<v1::CreateSegmentRequest>(R"pb(
                   parent: "workspaces/w"
                   segment_id: "e"
                   segment { display_name: "E" filter: "event_count = 6" })pb")));
  ASSERT_OK_AND_ASSIGN(const auto segment, Attributed(absl::StrCat(kOrders, "segment: 'workspaces/w/segments/e'")));
  EXPECT_EQ(segment.conversion_count(), 3);
}

TEST_F(AnalysisAttributionTest, MoreThan512Values_AreRefused) {
  v1::RecordEventsRequest request;
  request.set_parent("workspaces/w");
  for (int i = 0; i < 513; ++i) {
    v1::CustomerEvent& event = *request.add_events();
    event.set_id(absl::StrCat("m", i));
    event.set_source("many");
    event.set_customer_id("m");
    event.set_event_name(i < 512 ? "ad" : "order");
    event.mutable_event_time()->set_seconds(1746057600 + i);
    event.set_channel(absl::StrCat("channel ", i));
  }
  ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
  const std::string many = absl::StrCat(kOrders, R"(filter: 'source = "many"' rules: SHAPLEY)");
  ASSERT_OK_AND_ASSIGN(const auto answer, Attributed(many));
  EXPECT_THAT(answer.attributions(0).channels(), SizeIs(512)) << "the order's own is none";
  v1::CustomerEvent& event = *request.mutable_events(0);
  request.mutable_events()->DeleteSubrange(1, 512);
  event.set_id("one more");
  event.set_channel("one more");
  ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
  EXPECT_THAT(Attributed(many), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

TEST_F(AnalysisAttributionTest, BadInput_NamesItsField) {
  EXPECT_THAT(Attributed(""), Refuses("conversion"));
  EXPECT_THAT(Attributed("conversion {}"), Refuses("conversion"));
  EXPECT_THAT(Attributed(R"(conversion { filter: "age > 3" })"), Refuses("conversion.filter"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "touch {}")), Refuses("touch"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "field: 'colour'")), Refuses("field"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "lookback {}")), Refuses("lookback"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "half_life { seconds: -1 }")), Refuses("half_life"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "currency_code: 'euro'")), Refuses("currency_code"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "rules: [LAST, 99]")), Refuses("rules[1]"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "rules: [MARKOV, LAST, MARKOV]")), Refuses("rules[2]"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "rules: [LAST, LAST, LAST, LAST, LAST, LAST, LAST, LAST]")),
              Refuses("rules"));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "known_at: 99")), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "parent: 'workspaces/none'")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Attributed(absl::StrCat(kOrders, "segment: 'workspaces/w/segments/none'")),
              StatusIs(absl::StatusCode::kNotFound));
}

// Filters know currencies, in every question.
TEST_F(AnalysisAttributionTest, CurrencyCode_CanBeFilteredBy) {
  ASSERT_OK_AND_ASSIGN(const auto euros, Volume(R"(filter: 'currency_code = "EUR" AND event_name = "order"')"));
  EXPECT_EQ(euros.event_count(), 3);
  ASSERT_OK_AND_ASSIGN(const auto others, Volume(R"(filter: 'currency_code:* AND currency_code != "EUR"')"));
  EXPECT_EQ(others.event_count(), 1);
}

}  // namespace
}  // namespace throughline::testing
