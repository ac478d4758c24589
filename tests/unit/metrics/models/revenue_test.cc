#include "throughline/models/revenue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::throughline::testing::HasReason;
using ::throughline::testing::StatusIs;
using State = Estimate::State;
using Month = RevenueMovements::Month;

const auto kInvalid = StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD"));

// 10 customers pay 1000; one of 100 leaves, one loses 50, two gain 80 together, one comes for 200.
Month ExampleMonth() {
  return {.start = 1000,
          .fresh = 200,
          .reactivation = 0,
          .expansion = 80,
          .contraction = 50,
          .churn = 100,
          .end = 1130,
          .retained = 850,
          .start_customers = 10,
          .fresh_customers = 1,
          .reactivated_customers = 0,
          .expanded_customers = 2,
          .contracted_customers = 1,
          .churned_customers = 1,
          .end_customers = 10};
}

TEST(MonthRetentionTest, HandWorkedMonth) {
  const auto retention = MonthRetention(ExampleMonth());
  ASSERT_TRUE(retention.ok()) << retention.status();
  EXPECT_DOUBLE_EQ(retention->gross.value, 0.85);
  EXPECT_DOUBLE_EQ(retention->net.value, 0.93);
  EXPECT_FALSE(retention->net.interval.has_value());
  EXPECT_DOUBLE_EQ(retention->logo_churn.value, 0.1);
  EXPECT_EQ(retention->logo_churn.n, 10);
  EXPECT_NEAR(retention->logo_churn.interval->low, 0.0178762131, 1e-9);
  EXPECT_NEAR(retention->logo_churn.interval->high, 0.4041500268, 1e-9);
}

TEST(MonthRetentionTest, MovementsThatDoNotAddUp_AreRefused) {
  for (int64_t Month::*field :
       {&Month::start, &Month::fresh, &Month::reactivation, &Month::expansion, &Month::contraction, &Month::churn,
        &Month::end, &Month::retained, &Month::start_customers, &Month::fresh_customers, &Month::reactivated_customers,
        &Month::churned_customers, &Month::end_customers}) {
    Month month = ExampleMonth();
    ++(month.*field);
    EXPECT_THAT(MonthRetention(month).status(), kInvalid);
    month.*field = -1;
    EXPECT_THAT(MonthRetention(month).status(), kInvalid);
    month.*field = std::numeric_limits<int64_t>::max();
    EXPECT_THAT(MonthRetention(month).status(), kInvalid);
  }
}

TEST(MonthRetentionTest, NothingAtTheStart_IsUndefined) {
  const auto retention = MonthRetention({.fresh = 5, .end = 5, .fresh_customers = 1, .end_customers = 1});
  ASSERT_TRUE(retention.ok());
  for (const Estimate* each : {&retention->gross, &retention->net, &retention->logo_churn}) {
    EXPECT_EQ(each->state, State::kUndefined);
    EXPECT_FALSE(each->undefined_reason.empty());
  }
}

TEST(SpanRetentionTest, RatesMultiply) {
  Month second = {.start = 1130,
                  .churn = 113,
                  .end = 1017,
                  .retained = 1017,
                  .start_customers = 10,
                  .churned_customers = 2,
                  .end_customers = 8};
  const std::vector<Month> months = {ExampleMonth(), second};
  const auto span = SpanRetention(months);
  ASSERT_TRUE(span.ok()) << span.status();
  EXPECT_NEAR(span->gross.value, 0.85 * 0.9, 1e-15);
  EXPECT_NEAR(span->net.value, 0.93 * 0.9, 1e-15);
  EXPECT_NEAR(span->logo_churn.value, 3 / 20.0, 1e-15);
  EXPECT_EQ(span->logo_churn.n, 20);
  EXPECT_NEAR(span->logo_churn.details.at("over_span"), 1 - 0.9 * 0.8, 1e-15);
  EXPECT_THAT(SpanRetention({}).status(), kInvalid);
  const std::vector<Month> gap = {second, ExampleMonth()};
  EXPECT_THAT(SpanRetention(gap).status(), kInvalid) << "a month must begin where the one before ended";
  const std::vector<Month> empty_start = {{.fresh = 1000, .end = 1000, .fresh_customers = 10, .end_customers = 10},
                                          ExampleMonth()};
  EXPECT_THAT(SpanRetention(empty_start)->net.undefined_reason, HasSubstr("without revenue"));
  EXPECT_THAT(SpanRetention(std::vector<Month>(kRevenueMonthsMax + 1)).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

TEST(RetentionOfCustomersTest, HandWorkedCohort) {
  // 100 → 110, 200 → 150, 300 → 0; 0 → 500 is new and does not count.
  const std::vector<CustomerRevenue> customers = {{100, 110}, {200, 150}, {300, 0}, {0, 500}};
  const auto retention = RetentionOfCustomers(customers);
  ASSERT_TRUE(retention.ok());
  EXPECT_DOUBLE_EQ(retention->gross.value, 250 / 600.0);
  EXPECT_DOUBLE_EQ(retention->net.value, 260 / 600.0);
  EXPECT_DOUBLE_EQ(retention->logo_churn.value, 1 / 3.0);
  ASSERT_TRUE(retention->net.interval.has_value());
  // Residuals 110 − 43.3, 150 − 86.7, −130; t with 2 degrees 4.302653.
  const double squares = 66.6666666667 * 66.6666666667 + 63.3333333333 * 63.3333333333 + 130 * 130;
  const double half = 4.30265272975 * std::sqrt(squares / 2 / 3) / 200;
  EXPECT_NEAR(retention->net.interval->high, 260 / 600.0 + half, 1e-8);
}

TEST(RetentionOfCustomersTest, EdgeCases) {
  EXPECT_EQ(RetentionOfCustomers({})->net.state, State::kUndefined);
  EXPECT_EQ(RetentionOfCustomers(std::vector<CustomerRevenue>{{0, 5}})->logo_churn.state, State::kUndefined);
  const auto one = RetentionOfCustomers(std::vector<CustomerRevenue>{{3, 1}});
  EXPECT_FALSE(one->net.interval.has_value());
  // All keep a third: rounding leaves no spread, and no interval.
  const auto equal = RetentionOfCustomers(std::vector<CustomerRevenue>(1000, {3, 1}));
  EXPECT_FALSE(equal->net.interval.has_value());
  EXPECT_DOUBLE_EQ(equal->net.value, 1 / 3.0);
  const auto huge = RetentionOfCustomers(
      std::vector<CustomerRevenue>(20'000, {.start_minor = kRevenueMinorMax, .end_minor = kRevenueMinorMax}));
  EXPECT_EQ(huge->gross.value, 1) << "the sum is above 64 bits";
  EXPECT_THAT(RetentionOfCustomers(std::vector<CustomerRevenue>{{-1, 5}}).status(), kInvalid);
  EXPECT_THAT(RetentionOfCustomers(std::vector<CustomerRevenue>{{1, kRevenueMinorMax + 1}}).status(), kInvalid);
}

TEST(EarnedGrowthTest, EdgeCases) {
  EXPECT_EQ(EarnedGrowthEstimate(0, 0, 12, 0).state, State::kUndefined);
  EXPECT_EQ(EarnedGrowthEstimate(100, -1, 0, 0).state, State::kUndefined);
  EXPECT_EQ(EarnedGrowthEstimate(100, 0, 0, 0).value, -1);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_NEAR(EarnedGrowthEstimate(kMax, kMax, kMax, kMax).value, 1, 1e-12);
}

TEST(UnitEconomicsTest, HandWorkedExample) {
  const auto economics = ComputeUnitEconomics({.spend_minor = 40'000,
                                               .new_customers = 100,
                                               .arpa_minor = 100,
                                               .margin = 0.8,
                                               .start_customers = 1000,
                                               .churned_customers = 50});
  ASSERT_TRUE(economics.ok());
  EXPECT_DOUBLE_EQ(economics->cac.value, 400);
  EXPECT_DOUBLE_EQ(economics->ltv.value, 1600);
  EXPECT_DOUBLE_EQ(economics->ltv_to_cac.value, 4);
  EXPECT_DOUBLE_EQ(economics->payback_months.value, 5);
  ASSERT_TRUE(economics->ltv.interval.has_value());
  EXPECT_LT(economics->ltv.interval->low, 1600);
  EXPECT_GT(economics->ltv.interval->high, 1600);
  EXPECT_DOUBLE_EQ(economics->ltv_to_cac.interval->low, economics->ltv.interval->low / 400);
}

TEST(UnitEconomicsTest, DivisionsByNothing_AreUnboundedInWords) {
  UnitEconomicsInput input = {.spend_minor = 1000,
                              .new_customers = 10,
                              .arpa_minor = 100,
                              .margin = 0.5,
                              .start_customers = 100,
                              .churned_customers = 0};
  auto economics = ComputeUnitEconomics(input);
  EXPECT_THAT(economics->ltv.undefined_reason, StartsWith(kUnbounded));
  EXPECT_GT(economics->ltv.details.at("low"), 0) << "how little it can be is known";
  EXPECT_THAT(economics->ltv_to_cac.undefined_reason, StartsWith(kUnbounded));
  input.new_customers = 0;
  economics = ComputeUnitEconomics(input);
  EXPECT_THAT(economics->cac.undefined_reason, StartsWith(kUnbounded));
  EXPECT_EQ(economics->payback_months.state, State::kUndefined);
  input = {.spend_minor = 1000,
           .new_customers = 10,
           .arpa_minor = 100,
           .margin = -0.5,
           .start_customers = 100,
           .churned_customers = 5};
  economics = ComputeUnitEconomics(input);
  EXPECT_THAT(economics->payback_months.undefined_reason, StartsWith(kUnbounded));
  EXPECT_DOUBLE_EQ(economics->ltv.value, -1000);
  EXPECT_LT(economics->ltv.interval->low, economics->ltv.interval->high);
  input = {.spend_minor = 0, .new_customers = 10, .arpa_minor = 100, .start_customers = 100, .churned_customers = 5};
  economics = ComputeUnitEconomics(input);
  EXPECT_EQ(economics->cac.value, 0);
  EXPECT_THAT(economics->ltv_to_cac.undefined_reason, StartsWith(kUnbounded));
  EXPECT_THAT(ComputeUnitEconomics({})->ltv.undefined_reason, HasSubstr("churn is not known"));
}

TEST(UnitEconomicsTest, BadInput_IsRefused) {
  for (const UnitEconomicsInput& input : {UnitEconomicsInput{.spend_minor = -1},
                                          {.spend_minor = NAN},
                                          {.new_customers = -1},
                                          {.arpa_minor = 1e300},
                                          {.margin = 1.5},
                                          {.margin = NAN},
                                          {.start_customers = 1, .churned_customers = 2},
                                          {.start_customers = -1}}) {
    EXPECT_THAT(ComputeUnitEconomics(input).status(), kInvalid);
  }
}

TEST(SimpleLtvTest, EdgeCases) {
  EXPECT_THAT(SimpleLtvEstimate(100, 0.8, 0).undefined_reason, StartsWith(kUnbounded));
  EXPECT_THAT(SimpleLtvEstimate(1e15, 1, 1e-320).undefined_reason, StartsWith(kUnbounded));
  for (const double bad : {-1.0, static_cast<double>(NAN), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(SimpleLtvEstimate(bad, 0.8, 0.1).state, State::kUndefined);
    EXPECT_EQ(SimpleLtvEstimate(100, 0.8, bad).state, State::kUndefined);
  }
  EXPECT_EQ(SimpleLtvEstimate(100, 2, 0.1).state, State::kUndefined);
  EXPECT_EQ(SimpleLtvEstimate(0, 0.8, 0.1).value, 0);
}

TEST(MonetizeNpsTest, HandWorkedClasses) {
  const std::vector<ScoredValue> customers = {{0, 10}, {6, 20}, {7, 40}, {9, 50}, {10, 70}, {9, 90}, {11, 1000}};
  const auto nps = MonetizeNps(customers);
  ASSERT_TRUE(nps.ok());
  EXPECT_DOUBLE_EQ(nps->detractor_value.value, 15);
  EXPECT_DOUBLE_EQ(nps->passive_value.value, 40);
  EXPECT_FALSE(nps->passive_value.interval.has_value());
  EXPECT_DOUBLE_EQ(nps->promoter_value.value, 70);
  EXPECT_DOUBLE_EQ(nps->promoter_premium.value, 55);
  // Variances 50 and 400; 25 + 133.33; degrees (158.33)²/(625 + 8888.9).
  EXPECT_NEAR(nps->promoter_premium.details.at("degrees_of_freedom"), 2.6350364964, 1e-9);
  EXPECT_DOUBLE_EQ(nps->value_at_risk.value, 30);
  EXPECT_DOUBLE_EQ(nps->value_at_risk.details.at("share"), 30 / 280.0);
  EXPECT_EQ(nps->promoter_premium.excluded.at("invalid_score"), 1);
}

TEST(MonetizeNpsTest, EdgeCases) {
  const auto nobody = MonetizeNps({});
  for (const Estimate* each : {&nobody->detractor_value, &nobody->passive_value, &nobody->promoter_value,
                               &nobody->promoter_premium, &nobody->value_at_risk}) {
    EXPECT_EQ(each->state, State::kUndefined);
  }
  const auto promoters = MonetizeNps(std::vector<ScoredValue>{{10, 5}, {10, 7}});
  EXPECT_EQ(promoters->promoter_premium.undefined_reason, "There are no detractors.");
  EXPECT_EQ(promoters->value_at_risk.value, 0);
  const auto equal = MonetizeNps(std::vector<ScoredValue>{{0, 0.1}, {0, 0.1}, {0, 0.1}, {10, 0.3}, {10, 0.3}});
  EXPECT_FALSE(equal->promoter_premium.interval.has_value());
  const auto one_spread = MonetizeNps(std::vector<ScoredValue>{{0, 1}, {0, 1}, {10, 1}, {10, 5}});
  EXPECT_NEAR(one_spread->promoter_premium.details.at("degrees_of_freedom"), 1, 1e-12);
  const auto tiny = MonetizeNps(std::vector<ScoredValue>{{0, 1e-200}, {0, 3e-200}, {10, 1e-200}, {10, 5e-200}});
  EXPECT_TRUE(std::isfinite(tiny->promoter_premium.value));
  const auto zero = MonetizeNps(std::vector<ScoredValue>{{0, 0}, {10, 0}});
  EXPECT_FALSE(zero->value_at_risk.details.contains("share"));
  EXPECT_THAT(MonetizeNps(std::vector<ScoredValue>{{0, NAN}}).status(), kInvalid);
  EXPECT_THAT(MonetizeNps(std::vector<ScoredValue>{{0, -1e16}}).status(), kInvalid);
}

TEST(MonetizeNpsTest, AnyOrder_SameBits) {
  std::mt19937 random(11);
  std::vector<ScoredValue> customers;
  for (int i = 0; i < 1000; ++i) {
    customers.push_back({static_cast<int>(random() % 11), static_cast<double>(random()) / 7});
  }
  const auto before = MonetizeNps(customers);
  std::shuffle(customers.begin(), customers.end(), random);
  const auto after = MonetizeNps(customers);
  EXPECT_EQ(before->promoter_premium.value, after->promoter_premium.value);
  EXPECT_EQ(before->promoter_premium.interval->low, after->promoter_premium.interval->low);
  EXPECT_EQ(before->value_at_risk.value, after->value_at_risk.value);
}

}  // namespace
}  // namespace throughline
