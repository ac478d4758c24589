// The questions of AnalysisService, on a few customers whose answers can be counted by hand.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"
#include "tests/support/plain_event_view.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- Funnel ---------------------------------------------------------------------------------------------------------

TEST_F(AnalysisTest, Funnel_CountsRunsAndTimes) {
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(kSteps));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(3, 2, 1));
  EXPECT_EQ(funnel.instance_count(), 4);
  EXPECT_EQ(funnel.data_watermark(), 12);
  EXPECT_THAT(funnel.groups(), IsEmpty());
  EXPECT_FALSE(funnel.steps(0).has_conversion());
  EXPECT_FALSE(funnel.steps(0).has_median_seconds());
  EXPECT_THAT(funnel.steps(1).conversion(), DoubleNear(2.0 / 3, 1e-12));
  EXPECT_THAT(funnel.steps(2).conversion(), DoubleNear(1.0 / 2, 1e-12));
  EXPECT_THAT(funnel.steps(2).overall_conversion(), DoubleNear(1.0 / 3, 1e-12));
  EXPECT_EQ(funnel.steps(1).median_seconds(), 3600);
  EXPECT_EQ(funnel.steps(1).p90_seconds(), 7200);
  EXPECT_EQ(funnel.steps(2).median_seconds(), 2 * 86400);
}

TEST_F(AnalysisTest, Funnel_OptionalStep_IsLeftOutOfTheConversionAfterIt) {
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, "step_rules {} step_rules { optional: true }")));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(3, 2, 1));
  EXPECT_THAT(funnel.steps(2).conversion(), DoubleNear(1.0 / 3, 1e-12));
}

TEST_F(AnalysisTest, Funnel_LimitOfAStep) {
  const std::string rules = "step_rules {} step_rules { within { seconds: 3600 } }";
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, rules)));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(3, 1, 1)) << "c2 pays after two hours";
}

TEST_F(AnalysisTest, Funnel_OrdersExclusionsFilterAndInterval) {
  const std::string two = R"(steps { event_names: "placed" } steps { event_names: "delivered" } )";
  ASSERT_OK_AND_ASSIGN(const auto ordered, Funnel(two + "order: ORDERED"));
  EXPECT_THAT(Counts(ordered.steps()), ElementsAre(3, 1));
  ASSERT_OK_AND_ASSIGN(const auto strict, Funnel(two + "order: STRICT"));
  EXPECT_THAT(Counts(strict.steps()), ElementsAre(3, 0)) << "paid lies in between";
  ASSERT_OK_AND_ASSIGN(const auto filtered, Funnel(two + R"(order: STRICT filter: "event_name != \"paid\"")"));
  EXPECT_THAT(Counts(filtered.steps()), ElementsAre(3, 1)) << "now nothing does";
  ASSERT_OK_AND_ASSIGN(const auto excluded, Funnel(two + R"(exclusions { event_names: "paid" })"));
  EXPECT_THAT(Counts(excluded.steps()), ElementsAre(3, 0));
  ASSERT_OK_AND_ASSIGN(
      const auto unordered,
      Funnel(R"(steps { event_names: "delivered" } steps { event_names: "placed" } order: UNORDERED)"));
  EXPECT_THAT(Counts(unordered.steps()), ElementsAre(3, 1));
  ASSERT_OK_AND_ASSIGN(const auto later, Funnel(two + "interval { start_time { seconds: 1738368000 } }"));
  EXPECT_THAT(Counts(later.steps()), ElementsAre(1, 0)) << "only c3 enters in February";
}

TEST_F(AnalysisTest, Funnel_ByChannelOfTheEntry) {
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, R"(breakdown { field: "channel" })")));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(3, 2, 1));
  EXPECT_EQ(funnel.instance_count(), 4);
  ASSERT_THAT(funnel.groups(), SizeIs(2));
  EXPECT_THAT(funnel.groups(0).values(0), EqualsProto(R"pb(kind: VALUE value: "phone")pb"));
  EXPECT_THAT(Counts(funnel.groups(0).steps()), ElementsAre(1, 1, 0));
  EXPECT_EQ(funnel.groups(0).instance_count(), 1);
  EXPECT_THAT(funnel.groups(1).values(0), EqualsProto(R"pb(kind: VALUE value: "web")pb"));
  EXPECT_THAT(Counts(funnel.groups(1).steps()), ElementsAre(2, 1, 1));
}

TEST_F(AnalysisTest, Funnel_ThirtyTwoStepsAreAnswered_AndNotThirtyThree) {
  std::string steps;
  for (int i = 0; i < 32; ++i) absl::StrAppend(&steps, R"(steps { event_names: "placed" } )");
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(steps));
  ASSERT_THAT(funnel.steps(), SizeIs(32));
  EXPECT_EQ(funnel.steps(1).count(), 1) << "c2 ordered twice";
  EXPECT_THAT(Funnel(steps + R"(steps { event_names: "placed" })"), Refuses("steps"));
  EXPECT_THAT(Funnel(""), Refuses("steps"));
}

TEST_F(AnalysisTest, Funnel_BadInput_NamesItsField) {
  const std::string one = R"(steps { event_names: "placed" } )";
  EXPECT_THAT(Funnel("steps {}"), Refuses("steps[0]"));
  EXPECT_THAT(Funnel(one + R"(steps { filter: "age > 3" })"), Refuses("steps[1].filter"));
  EXPECT_THAT(Funnel(one + "step_rules { optional: true }"), Refuses("step_rules[0].optional"));
  EXPECT_THAT(Funnel(one + "step_rules { within { seconds: 1 } }"), Refuses("step_rules[0].within"));
  EXPECT_THAT(Funnel(one + one + "step_rules {} step_rules { within {} }"), Refuses("step_rules[1].within"));
  EXPECT_THAT(Funnel(one + "step_rules {} step_rules {}"), Refuses("step_rules"));
  EXPECT_THAT(Funnel(one + "exclusions {}"), Refuses("exclusions[0]"));
  EXPECT_THAT(Funnel(one + R"(order: UNORDERED exclusions { event_names: "x" })"), Refuses("exclusions"));
  EXPECT_THAT(Funnel(one + "order: 9"), Refuses("order"));
  EXPECT_THAT(Funnel(one + "window { seconds: -1 }"), Refuses("window"));
  EXPECT_THAT(Funnel(one + "correlation_property: '" + std::string(129, 'p') + "'"), Refuses("correlation_property"));
}

// ---- Paths ----------------------------------------------------------------------------------------------------------

TEST_F(AnalysisTest, Graph_CountsPairsWithTheirTimes) {
  ASSERT_OK_AND_ASSIGN(const auto graph, Graph(""));
  EXPECT_EQ(graph.event_count(), 12);
  EXPECT_EQ(graph.instance_count(), 4);
  ASSERT_THAT(graph.edges(), SizeIs(6));
  EXPECT_THAT(graph.edges(0), EqualsProto(R"pb(from_event_name: "placed"
                                               to_event_name: "paid"
                                               count: 3
                                               median_seconds: 7200
                                               mean_seconds: 6000
                                               p90_seconds: 7200)pb"));
  ASSERT_THAT(graph.nodes(), SizeIs(5));
  EXPECT_THAT(graph.nodes(0),
              EqualsProto(R"pb(event_name: "placed" event_count: 4 start_count: 3 end_count: 1 instance_count: 3)pb"));
  EXPECT_EQ(graph.data_watermark(), 12);
}

TEST_F(AnalysisTest, Graph_OverAFieldAndOverAMap) {
  ASSERT_OK_AND_ASSIGN(const auto channels, Graph(R"pb(alphabet { field: "channel" })pb"));
  ASSERT_THAT(channels.edges(), SizeIs(1));
  EXPECT_THAT(channels.edges(0), EqualsProto(R"pb(from_event_name: "phone"
                                                  to_event_name: "phone"
                                                  count: 1
                                                  median_seconds: 2678400
                                                  mean_seconds: 2678400
                                                  p90_seconds: 2678400)pb"));
  ASSERT_OK_AND_ASSIGN(const auto plans, Graph(R"pb(alphabet { field: "properties.plan" })pb"));
  EXPECT_EQ(plans.event_count(), 4);

  CreateMap("order", /*publish=*/true);
  ASSERT_OK_AND_ASSIGN(const auto map, Graph(R"pb(alphabet { journey_map: "workspaces/w/journeyMaps/order" })pb"));
  EXPECT_EQ(map.event_count(), 7);
  ASSERT_THAT(map.edges(), SizeIs(2));
  EXPECT_EQ(map.edges(0).from_event_name(), "order");
  EXPECT_EQ(map.edges(0).to_event_name(), "pay");
  EXPECT_EQ(map.edges(0).count(), 3);
  EXPECT_EQ(map.edges(1).count(), 1) << "c2 orders again after paying";
}

TEST_F(AnalysisTest, Alphabet_BadInput_NamesItsField) {
  CreateMap("draft", /*publish=*/false);
  EXPECT_THAT(Graph(R"pb(alphabet { field: "colour" })pb"), Refuses("alphabet.field"));
  EXPECT_THAT(Graph(R"pb(alphabet { field: "properties." })pb"), Refuses("alphabet.field"));
  EXPECT_THAT(Graph(R"pb(alphabet { journey_map: "order" })pb"), Refuses("alphabet.journey_map"));
  EXPECT_THAT(Graph(R"pb(alphabet { journey_map: "workspaces/other/journeyMaps/order" })pb"),
              Refuses("alphabet.journey_map"));
  EXPECT_THAT(Graph(R"pb(alphabet { journey_map: "workspaces/w/journeyMaps/none" })pb"),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  EXPECT_THAT(Variants(R"pb(alphabet { journey_map: "workspaces/w/journeyMaps/draft" })pb"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("JOURNEY_MAP_NOT_PUBLISHED")));
}

TEST_F(AnalysisTest, Variants_MostFrequentFirst) {
  ASSERT_OK_AND_ASSIGN(const auto variants, Variants("length: 2"));
  EXPECT_EQ(variants.instance_count(), 4);
  ASSERT_THAT(variants.variants(), SizeIs(3));
  EXPECT_THAT(variants.variants(0), EqualsProto(R"pb(symbols: [ "placed", "paid" ]
                                                     instance_count: 2
                                                     share: 0.5)pb"));
  EXPECT_THAT(variants.variants(1).symbols(), ElementsAre("placed"));
  EXPECT_THAT(variants.variants(2).symbols(), ElementsAre("viewed", "rated"));
  ASSERT_OK_AND_ASSIGN(const auto one, Variants("length: 2 limit: 1"));
  EXPECT_THAT(one.variants(), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const auto all, Variants(""));
  EXPECT_THAT(all.variants(), SizeIs(4));

  EXPECT_THAT(Variants("length: 1001"), Refuses("length"));
  EXPECT_THAT(Variants("length: -1"), Refuses("length"));
  EXPECT_THAT(Variants("limit: 10001"), Refuses("limit"));
}

// ---- Time -----------------------------------------------------------------------------------------------------------

std::vector<int64_t> Cells(const v1::Cohort& cohort) {
  std::vector<int64_t> cells;
  for (const v1::CohortCell& cell : cohort.cells()) cells.push_back(cell.customer_count());
  return cells;
}

TEST_F(AnalysisTest, Cohorts_CountWhoComesBack_AndSayWhatCannotBeToldYet) {
  const std::string question = R"(entry { event_names: "placed" } period_count: 3 )";
  ASSERT_OK_AND_ASSIGN(const auto cohorts, Cohorts(question + "period { unit: MONTH }"));
  ASSERT_THAT(cohorts.cohorts(), SizeIs(2));
  EXPECT_EQ(cohorts.cohorts(0).start_day(), "2025-01-01");
  EXPECT_EQ(cohorts.cohorts(0).customer_count(), 2);
  EXPECT_THAT(Cells(cohorts.cohorts(0)), ElementsAre(2, 1, 0));
  EXPECT_EQ(cohorts.cohorts(0).cells(1).retention(), 0.5);
  // Wilson's interval of 1 of 2.
  EXPECT_THAT(cohorts.cohorts(0).cells(1).retention_low(), DoubleNear(0.094531, 5e-7));
  EXPECT_THAT(cohorts.cohorts(0).cells(1).retention_high(), DoubleNear(0.905469, 5e-7));
  EXPECT_FALSE(cohorts.cohorts(0).cells(2).has_retention()) << "nothing was recorded in March";
  EXPECT_FALSE(cohorts.cohorts(0).cells(2).has_retention_low());
  EXPECT_FALSE(cohorts.cohorts(0).cells(2).has_retention_high());
  EXPECT_EQ(cohorts.cohorts(1).start_day(), "2025-02-01");
  EXPECT_THAT(Cells(cohorts.cohorts(1)), ElementsAre(1, 0, 0));

  clock_.Set(absl::FromCivil(absl::CivilDay(2025, 2, 20), absl::UTCTimeZone()));
  ASSERT_OK_AND_ASSIGN(const auto early, Cohorts(question + "period { unit: MONTH }"));
  EXPECT_TRUE(early.cohorts(0).cells(0).has_retention());
  EXPECT_FALSE(early.cohorts(0).cells(1).has_retention()) << "February is not over";
}

TEST_F(AnalysisTest, Cohorts_InAnotherZone_AndOfAnotherActivity) {
  ASSERT_OK_AND_ASSIGN(const auto cohorts, Cohorts(R"pb(entry { event_names: "placed" }
                                                        activity { event_names: "paid" }
                                                        period { unit: MONTH time_zone: "America/New_York" }
                                                        period_count: 2)pb"));
  ASSERT_THAT(cohorts.cohorts(), SizeIs(1)) << "c3 ordered in January there";
  EXPECT_EQ(cohorts.cohorts(0).customer_count(), 3);
  EXPECT_THAT(Cells(cohorts.cohorts(0)), ElementsAre(2, 1));
}

TEST_F(AnalysisTest, Cohorts_ByPlan) {
  ASSERT_OK_AND_ASSIGN(const auto cohorts, Cohorts(R"pb(entry { event_names: "placed" }
                                                        period { unit: YEAR }
                                                        breakdown { field: "properties.plan" })pb"));
  ASSERT_THAT(cohorts.groups(), SizeIs(2));
  EXPECT_EQ(cohorts.groups(0).values(0).value(), "free");
  EXPECT_EQ(cohorts.groups(0).cohorts(0).customer_count(), 1);
  EXPECT_EQ(cohorts.groups(1).values(0).value(), "pro");
  EXPECT_EQ(cohorts.groups(1).cohorts(0).customer_count(), 2);
}

TEST_F(AnalysisTest, Cohorts_BadInput_NamesItsField) {
  const std::string entry = R"(entry { event_names: "placed" } )";
  EXPECT_THAT(Cohorts("period { unit: DAY }"), Refuses("entry"));
  EXPECT_THAT(Cohorts(entry), Refuses("period"));
  EXPECT_THAT(Cohorts(entry + "period {}"), Refuses("period.unit"));
  EXPECT_THAT(Cohorts(entry + "period { unit: 77 }"), Refuses("period.unit"));
  EXPECT_THAT(Cohorts(entry + R"(period { unit: DAY time_zone: "Mars/Olympus" })"), Refuses("period.time_zone"));
  EXPECT_THAT(Cohorts(entry + R"(period { unit: DAY time_zone: "/etc/passwd" })"), Refuses("period.time_zone"));
  EXPECT_THAT(Cohorts(entry + "period { unit: DAY } period_count: 121"), Refuses("period_count"));
  EXPECT_THAT(Cohorts(entry + "period { unit: DAY } activity {}"), Refuses("activity"));
}

TEST_F(AnalysisTest, StageTimes_OfThoseWhoLeftAndThoseWhoAreInside) {
  ASSERT_OK_AND_ASSIGN(const auto times, Stages(R"pb(stages { event_names: [ "placed", "paid" ] }
                                                     stages { event_names: "delivered" }
                                                     stages { event_names: "rated" })pb"));
  EXPECT_EQ(times.instance_count(), 4);
  ASSERT_THAT(times.stages(), SizeIs(3));
  // c1 leaves after two days, c2 after 33; c3 has been inside for 334 days but half an hour.
  EXPECT_THAT(times.stages(0), EqualsProto(R"pb(entered_count: 3
                                                ended_count: 2
                                                inside_count: 1
                                                median_seconds: 172800
                                                p90_seconds: 2851200
                                                inside_median_seconds: 28855800)pb"));
  EXPECT_THAT(times.stages(1),
              EqualsProto(R"pb(entered_count: 1 ended_count: 1 median_seconds: 86400 p90_seconds: 86400)pb"));
  EXPECT_EQ(times.stages(2).inside_count(), 3);

  EXPECT_THAT(Stages(""), Refuses("stages"));
  EXPECT_THAT(Stages("stages {}"), Refuses("stages[0]"));
  std::string many;
  for (int i = 0; i < 65; ++i) absl::StrAppend(&many, R"(stages { event_names: "placed" } )");
  EXPECT_THAT(Stages(many), Refuses("stages"));
}

// ---- Counts ---------------------------------------------------------------------------------------------------------

TEST_F(AnalysisTest, Volume_ByChannel_WithMissingAndOther) {
  ASSERT_OK_AND_ASSIGN(const auto volume, Volume(R"pb(breakdown { field: "channel" })pb"));
  EXPECT_THAT(volume, EqualsProto(R"pb(
                event_count: 12
                customer_count: 4
                data_watermark: 12
                groups {
                  values { kind: VALUE value: "phone" }
                  event_count: 2
                  customer_count: 1
                }
                groups {
                  values { kind: VALUE value: "web" }
                  event_count: 2
                  customer_count: 2
                }
                groups {
                  values { kind: MISSING }
                  event_count: 8
                  customer_count: 3
                }
              )pb"));
  ASSERT_OK_AND_ASSIGN(const auto limited, Volume(R"pb(events { event_names: "paid" }
                                                       events { event_names: "rated" }
                                                       breakdown { field: "event_name" value_limit: 1 }
                                                       breakdown { calendar { unit: MONTH } })pb"));
  EXPECT_EQ(limited.event_count(), 6);
  ASSERT_THAT(limited.groups(), SizeIs(4));
  EXPECT_THAT(limited.groups(0), EqualsProto(R"pb(values { kind: VALUE value: "paid" }
                                                  values { kind: VALUE value: "2025-01-01" }
                                                  event_count: 2
                                                  customer_count: 2)pb"));
  EXPECT_THAT(limited.groups(3), EqualsProto(R"pb(values { kind: OTHER other_value_count: 1 }
                                                  values { kind: VALUE value: "2025-02-01" }
                                                  event_count: 2
                                                  customer_count: 2)pb"));
}

TEST_F(AnalysisTest, Volume_ByTouchpoint_LeavesOutWhatIsNone) {
  CreateMap("order", /*publish=*/true);
  ASSERT_OK_AND_ASSIGN(const auto volume, Volume(R"pb(breakdown { journey_map: "workspaces/w/journeyMaps/order" })pb"));
  EXPECT_EQ(volume.event_count(), 12);
  ASSERT_THAT(volume.groups(), SizeIs(2));
  EXPECT_EQ(volume.groups(0).values(0).value(), "order");
  EXPECT_EQ(volume.groups(0).event_count(), 4);
  EXPECT_EQ(volume.groups(1).event_count(), 3);
}

TEST_F(AnalysisTest, Breakdown_BadInput_NamesItsField) {
  CreateMap("draft", /*publish=*/false);
  EXPECT_THAT(Volume("breakdown {}"), Refuses("breakdown[0]"));
  EXPECT_THAT(Volume(R"pb(breakdown { field: "colour" })pb"), Refuses("breakdown[0].field"));
  EXPECT_THAT(Volume(R"pb(breakdown { field: "channel" value_limit: 101 })pb"), Refuses("breakdown[0].value_limit"));
  EXPECT_THAT(Volume(R"pb(breakdown { field: "channel" value_limit: -1 })pb"), Refuses("breakdown[0].value_limit"));
  EXPECT_THAT(Volume(R"pb(breakdown { field: "channel" }
                          breakdown { calendar {} })pb"),
              Refuses("breakdown[1].calendar.unit"));
  EXPECT_THAT(Volume(R"pb(breakdown { calendar { unit: DAY time_zone: "x" } })pb"),
              Refuses("breakdown[0].calendar.time_zone"));
  EXPECT_THAT(Volume(R"pb(breakdown { journey_map: "workspaces/w/journeyMaps/draft" })pb"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("JOURNEY_MAP_NOT_PUBLISHED")));
  std::string four;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&four, R"(breakdown { field: "channel" } )");
  EXPECT_THAT(Volume(four), Refuses("breakdown"));
}

TEST_F(AnalysisTest, Scores_AreCountedOneByOne) {
  ASSERT_OK_AND_ASSIGN(const auto scores, Scores(R"pb(breakdown { field: "survey" })pb"));
  EXPECT_THAT(scores.histogram(), EqualsProto(R"pb(scores { score: 7 count: 1 }
                                                   scores { score: 9 count: 1 }
                                                   other_count: 1
                                                   score_count: 3)pb"));
  ASSERT_THAT(scores.groups(), SizeIs(2));
  EXPECT_EQ(scores.groups(0).values(0).value(), "csat");
  EXPECT_EQ(scores.groups(0).histogram().other_count(), 1);
  EXPECT_EQ(scores.groups(1).histogram().score_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto with_missing, Scores(R"pb(events { event_names: [ "rated", "viewed" ] })pb"));
  EXPECT_EQ(with_missing.histogram().missing_count(), 1);
  EXPECT_EQ(with_missing.histogram().score_count(), 3);
  EXPECT_THAT(Scores("respondent_policy: 8"), Refuses("respondent_policy"));
  EXPECT_THAT(Scores("events {}"), Refuses("events[0]"));
}

TEST_F(AnalysisTest, Values_MostFrequentFirst) {
  ASSERT_OK_AND_ASSIGN(const auto names, Values(R"pb(field: "event_name" limit: 2)pb"));
  EXPECT_THAT(names, EqualsProto(R"pb(values { value: "placed" event_count: 4 }
                                      values { value: "paid" event_count: 3 }
                                      value_count: 5
                                      data_watermark: 12)pb"));
  ASSERT_OK_AND_ASSIGN(const auto channels, Values(R"pb(field: "channel"
                                                        events { event_names: "placed" })pb"));
  EXPECT_EQ(channels.value_count(), 2);
  EXPECT_EQ(channels.missing_count(), 0);
  EXPECT_THAT(Values(""), Refuses("field"));
  EXPECT_THAT(Values(R"pb(field: "event_time")pb"), Refuses("field"));
  EXPECT_THAT(Values(R"pb(field: "channel" limit: 1001)pb"), Refuses("limit"));
}

// ---- Money ----------------------------------------------------------------------------------------------------------

TEST_F(AnalysisTest, Revenue_MovesFromMonthToMonth) {
  ASSERT_OK_AND_ASSIGN(const auto revenue,
                       Revenue(R"pb(currency_code: "EUR" first_month: "2025-01" month_count: 3)pb"));
  ASSERT_THAT(revenue.months(), SizeIs(3));
  EXPECT_THAT(revenue.months(0), EqualsProto(R"pb(month: "2025-01"
                                                  fresh_minor: 3000
                                                  end_minor: 3000
                                                  fresh_customer_count: 2
                                                  end_customer_count: 2)pb"));
  EXPECT_EQ(revenue.months(1).start_minor(), 3000);
  EXPECT_EQ(revenue.months(1).expansion_minor(), 1000);
  EXPECT_EQ(revenue.months(1).churn_minor(), 1000);
  EXPECT_EQ(revenue.months(1).end_minor(), 3000);
  EXPECT_THAT(revenue.months(1).gross_retention(), DoubleNear(2.0 / 3, 1e-12));
  EXPECT_THAT(revenue.months(1).net_retention(), DoubleNear(1, 1e-12));
  // Wilson's interval: 1 of 2 customers is lost in February, 1 of 1 in March.
  EXPECT_EQ(revenue.months(1).logo_churn(), 0.5);
  EXPECT_THAT(revenue.months(1).logo_churn_low(), DoubleNear(0.094531, 5e-7));
  EXPECT_THAT(revenue.months(1).logo_churn_high(), DoubleNear(0.905469, 5e-7));
  EXPECT_EQ(revenue.months(2).logo_churn(), 1);
  EXPECT_THAT(revenue.months(2).logo_churn_low(), DoubleNear(0.206549, 5e-7));
  EXPECT_THAT(revenue.months(2).logo_churn_high(), DoubleNear(1, 1e-12));
  EXPECT_EQ(revenue.months(2).churn_minor(), 3000);
  EXPECT_EQ(revenue.months(2).end_minor(), 0);
  ASSERT_OK_AND_ASSIGN(const auto other, Revenue(R"pb(currency_code: "USD")pb"));
  ASSERT_THAT(other.months(), SizeIs(12));
  EXPECT_EQ(other.months(0).month(), "2025-02") << "the last month is the present one";
  EXPECT_EQ(other.months(11).month(), "2026-01");
  EXPECT_EQ(other.other_currency_event_count(), 3);
}

TEST_F(AnalysisTest, Revenue_ByChannelOfTheirFirstPayment_AddsUp) {
  ASSERT_OK_AND_ASSIGN(const auto revenue, Revenue(R"pb(currency_code: "EUR"
                                                        first_month: "2025-01"
                                                        month_count: 1
                                                        breakdown { calendar { unit: DAY } })pb"));
  ASSERT_THAT(revenue.groups(), SizeIs(2));
  EXPECT_EQ(revenue.groups(0).values(0).value(), "2025-01-05");
  EXPECT_EQ(revenue.groups(0).months(0).end_minor(), 1000);
  EXPECT_EQ(revenue.groups(1).months(0).end_minor(), 2000);
}

TEST_F(AnalysisTest, Revenue_BadInput_NamesItsField) {
  EXPECT_THAT(Revenue(""), Refuses("currency_code"));
  EXPECT_THAT(Revenue(R"pb(currency_code: "euro")pb"), Refuses("currency_code"));
  EXPECT_THAT(Revenue(R"pb(currency_code: "EUR" month_count: 601)pb"), Refuses("month_count"));
  for (const char* month : {"2025", "2025-13", "2025-1-", "25-01-01", "+025-01", "0000-01"}) {
    EXPECT_THAT(Revenue(absl::StrCat(R"(currency_code: "EUR" first_month: ")", month, "\"")), Refuses("first_month"));
  }
  EXPECT_THAT(Revenue(R"pb(currency_code: "EUR" time_zone: "x")pb"), Refuses("time_zone"));
  EXPECT_THAT(Revenue(R"pb(currency_code: "EUR" amount_meaning: 5)pb"), Refuses("amount_meaning"));
  EXPECT_THAT(Revenue(R"pb(currency_code: "EUR"
                           money {})pb"),
              Refuses("money"));
}

TEST_F(AnalysisTest, Purchases_RowsAndSummary) {
  const std::string question = R"(purchase { event_names: "paid" } currency_code: "EUR" )";
  ASSERT_OK_AND_ASSIGN(const auto purchases, Purchases(question));
  EXPECT_THAT(purchases, EqualsProto(R"pb(
                customer_count: 2
                sampled_customer_count: 2
                summary { repeat_customer_count: 1 repeat_day_count: 1 value_minor: 6000 repeat_value_minor: 3000 }
                rows { customer: "workspaces/w/customers/c1" age_days: 360 first_value_minor: 1000 }
                rows {
                  customer: "workspaces/w/customers/c2"
                  frequency: 1
                  recency_days: 31
                  age_days: 355
                  repeat_value_minor: 3000
                  first_value_minor: 2000
                }
                data_watermark: 12
              )pb"));
  ASSERT_OK_AND_ASSIGN(const auto one, Purchases(question + "limit: 1"));
  EXPECT_THAT(one.rows(), SizeIs(1));
  EXPECT_EQ(one.sampled_customer_count(), 2);
  EXPECT_THAT(Purchases(""), Refuses("purchase"));
  EXPECT_THAT(Purchases(question + "limit: 10001"), Refuses("limit"));
  EXPECT_THAT(Purchases(question + "interval { start_time { seconds: 1999999999 } }"), Refuses("interval.start_time"));
  EXPECT_THAT(Purchases(R"pb(purchase { event_names: "paid" }
                             currency_code: "E")pb"),
              Refuses("currency_code"));
}

// ---- What all questions share ---------------------------------------------------------------------------------------

TEST_F(AnalysisTest, Segment_TakesOnlyItsCustomers) {
  ASSERT_OK(
      Call(segments_, &v1::SegmentService::Stub::CreateSegment,
           ParseProto<v1::CreateSegmentRequest>(R"pb(parent: "workspaces/w"
                                                     segment_id: "busy"
                                                     segment { display_name: "Busy" filter: "event_count > 3" })pb")));
  ASSERT_OK_AND_ASSIGN(const auto volume, Volume(R"pb(segment: "workspaces/w/segments/busy")pb"));
  EXPECT_EQ(volume.event_count(), 9);
  EXPECT_EQ(volume.customer_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, R"(segment: "workspaces/w/segments/busy")")));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(2, 2, 1));
  EXPECT_THAT(Volume(R"pb(segment: "busy")pb"), Refuses("segment"));
  EXPECT_THAT(Volume(R"pb(segment: "workspaces/x/segments/busy")pb"), Refuses("segment"));
  EXPECT_THAT(Volume(R"pb(segment: "workspaces/w/segments/none")pb"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(AnalysisTest, KnownAt_AnswersAsThen) {
  ASSERT_OK_AND_ASSIGN(const auto then, Volume("known_at: 4"));
  EXPECT_EQ(then.event_count(), 4);
  EXPECT_EQ(then.customer_count(), 1);
  EXPECT_EQ(then.data_watermark(), 4);
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, "known_at: 5")));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(2, 1, 1));
  EXPECT_THAT(Volume("known_at: 13"), StatusIs(absl::StatusCode::kOutOfRange, HasReason("WATERMARK_OUT_OF_RANGE")));
  EXPECT_THAT(Volume("known_at: -1"), Refuses("known_at"));
}

TEST_F(AnalysisTest, SharedFields_BadInput_NamesItsField) {
  EXPECT_THAT(Volume(R"pb(parent: "w")pb"), Refuses("parent"));
  EXPECT_THAT(Volume(R"pb(parent: "workspaces/none")pb"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Volume("interval { start_time { seconds: 2 } end_time { seconds: 1 } }"), Refuses("interval.end_time"));
  EXPECT_THAT(Volume("interval { start_time { seconds: 2 } end_time { seconds: 2 } }"), Refuses("interval.end_time"));
  EXPECT_THAT(Volume("interval { start_time { nanos: -1 } }"), Refuses("interval.start_time"));
  const auto unknown = Volume(R"pb(filter: "channel = \"web\" AND colour = 3")pb");
  EXPECT_THAT(unknown, Refuses("filter"));
  EXPECT_THAT(unknown, HasMessage(AllOf(HasSubstr("colour"), HasSubstr("20")))) << "where in the text";
  EXPECT_THAT(Volume(R"pb(filter: "score = \"many\"")pb"), Refuses("filter"));
}

// ---- Calls that are given up ----------------------------------------------------------------------------------------

// A store whose only question takes until it is told to stop.
class EndlessStore : public EventStore {
 public:
  void Append(absl::string_view, absl::Span<const v1::CustomerEvent* const>, AppendCallback done) override {
    done(absl::UnimplementedError("nothing is recorded here"));
  }
  void Erase(absl::string_view, absl::string_view, EraseCallback done) override {
    done(absl::UnimplementedError("nothing is erased here"));
  }
  absl::StatusOr<std::shared_ptr<const EventView>> View(absl::string_view) override {
    return std::make_shared<const EndlessView>(*this);
  }
  void AddAppendObserver(std::function<void(const AppendNotice&)>) override {}

  void WaitUntilAsked() {
    std::unique_lock<std::mutex> lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [this] { return asked_; }));
  }
  // How the question ended.
  absl::StatusCode WaitUntilEnded() {
    std::unique_lock<std::mutex> lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [this] { return ended_.has_value(); }));
    return ended_.value_or(absl::StatusCode::kUnknown);
  }

 private:
  class EndlessView : public PlainEventView {
   public:
    explicit EndlessView(EndlessStore& store) : store_(store) {}
    absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> Volume(const VolumeQuery& query) const override {
      store_.Change([this] { store_.asked_ = true; });
      absl::Status status;
      while (status.ok()) {
        if (query.scope.cancelled != nullptr && *query.scope.cancelled) status = Cancelled("the question");
        if (status.ok() && absl::Now() > query.scope.deadline) status = DeadlineExceeded("the question");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      store_.Change([&] { store_.ended_ = status.code(); });
      return status;
    }

   private:
    EndlessStore& store_;
  };
  template <typename Do>
  void Change(const Do& change) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool asked_ = false;
  std::optional<absl::StatusCode> ended_;
};

class GivenUpTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    endless_backend_ = std::make_unique<api::Backend>(
        api::Backend{*catalog_, store_, *published_maps_, clock_, SystemIds(), executor_, page_tokens_, engines_});
    ASSERT_OK_AND_ASSIGN(endless_server_, api::ApiServer::Start(*endless_backend_, {.address = "127.0.0.1:0"}));
    endless_server_->health().SetServing(true, "test");
    stub_ = v1::AnalysisService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", endless_server_->port()), grpc::InsecureChannelCredentials()));
    request_.set_parent("workspaces/w");
  }
  void TearDown() override {
    endless_server_->Shutdown(absl::Seconds(5));
    ApiFixture::TearDown();
  }

  EndlessStore store_;
  std::unique_ptr<api::Backend> endless_backend_;
  std::unique_ptr<api::ApiServer> endless_server_;
  std::unique_ptr<v1::AnalysisService::Stub> stub_;
  v1::QueryVolumeRequest request_;
};

TEST_F(GivenUpTest, CancelledCall_StopsTheScan) {
  grpc::ClientContext context;
  v1::QueryVolumeResponse response;
  grpc::Status status;
  std::thread caller([&] { status = stub_->QueryVolume(&context, request_, &response); });
  store_.WaitUntilAsked();
  context.TryCancel();
  EXPECT_EQ(store_.WaitUntilEnded(), absl::StatusCode::kCancelled);
  caller.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(GivenUpTest, DeadlineOfTheCall_StopsTheScan) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  v1::QueryVolumeResponse response;
  EXPECT_EQ(stub_->QueryVolume(&context, request_, &response).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  // Whichever the server notices first: its deadline, or that the client has given up.
  EXPECT_THAT(store_.WaitUntilEnded(),
              ::testing::AnyOf(absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace throughline::testing
