// QueryLifetimeValue, on customers who buy by a plan.
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;

constexpr int kCustomers = 400;
constexpr int64_t kDaySeconds = 86400;
constexpr int64_t kFirstDay = 1704067200;                                      // 2024-01-01
constexpr char kBuys[] = R"(purchase { event_names: "bought" } currency_code: "EUR" limit: 10000
                            interval { end_time { seconds: 1735689600 } } )";  // to the end of 2024

class AnalysisValueTest : public AnalysisTest {
 protected:
  auto Lifetime(const std::string& text) { return Ask(&Analysis::QueryLifetimeValue, text); }

  // Customers who buy as the models say: at rates of their own, leaving after a purchase at random, each around a sum
  // of his own. The generator is specified to the bit, and so are its uniform numbers here.
  void RecordPurchases() {
    std::mt19937_64 random(20240101);
    const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    for (int customer = 0; customer < kCustomers; ++customer) {
      const double rate = -std::log(uniform()) / 30;  // a day
      const double leaves = uniform() * 0.5;
      const double usual = 500 + 4000 * uniform() * uniform();
      double day = std::floor(90 * uniform());
      for (int purchase = 0; day < 366; ++purchase) {
        v1::CustomerEvent& event = *request.add_events();
        event.set_id(absl::StrCat(customer, "-", purchase));
        event.set_source("till");
        event.set_customer_id(absl::StrCat("buyer", customer));
        event.set_event_name("bought");
        event.mutable_event_time()->set_seconds(kFirstDay + static_cast<int64_t>(day * kDaySeconds));
        event.mutable_money_movement()->set_amount_minor(static_cast<int64_t>(usual * (0.5 + uniform())));
        event.mutable_money_movement()->set_currency_code("EUR");
        if (purchase > 0 && uniform() < leaves) break;
        day -= std::log(uniform()) / rate;
        if (request.events_size() == 1000) Send(request);
      }
    }
    Send(request);
  }

 private:
  void Send(v1::RecordEventsRequest& request) {
    ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
    request.clear_events();
  }
};

TEST_F(AnalysisValueTest, TheWhole_IsTheSumOfTheCustomers) {
  RecordPurchases();
  ASSERT_OK_AND_ASSIGN(const auto answer, Lifetime(kBuys));
  EXPECT_EQ(answer.customer_count(), kCustomers);
  EXPECT_EQ(answer.sampled_customer_count(), kCustomers);
  ASSERT_TRUE(answer.purchase_model().converged()) << answer.purchase_model().problem();
  EXPECT_EQ(answer.purchase_model().n(), kCustomers);
  EXPECT_EQ(answer.purchase_model().time_unit_days(), 7);
  EXPECT_THAT(answer.purchase_model().standard_errors(), SizeIs(4));
  ASSERT_TRUE(answer.value_model().converged()) << answer.value_model().problem();
  EXPECT_EQ(answer.value_model().n(), answer.purchase_model().repeat_count());
  EXPECT_THAT(answer.value_model().standard_errors(), SizeIs(3));
  ASSERT_THAT(answer.rows(), SizeIs(kCustomers));
  double value = 0, purchases = 0;
  for (const v1::CustomerLifetimeValue& row : answer.rows()) {
    value += row.value_minor().value();
    purchases += row.expected_purchases().value();
    EXPECT_LE(row.probability_alive().value(), 1);
    EXPECT_EQ(row.probability_alive().value() == 1, row.purchases().frequency() == 0);
  }
  EXPECT_NEAR(answer.total_value_minor().value(), value, 1e-9 * value);
  EXPECT_NEAR(answer.total_value_minor().details().at("expected_purchases"), purchases, 1e-7 * purchases);
  EXPECT_EQ(answer.total_value_minor().n(), kCustomers);
  EXPECT_EQ(answer.expected_purchases().state(), v1::Estimate::OK);
  EXPECT_TRUE(answer.expected_purchases().has_interval_low());
  // Of the plan: 500 and on average a quarter of 4000, whatever one buys.
  EXPECT_NEAR(answer.expected_value_minor().value(), 1500, 150);
  EXPECT_NEAR(answer.mean_conditional_value_minor().value(), 1500, 150);
  EXPECT_EQ(answer.data_watermark(), events_->View("w").value()->watermark().value);
}

TEST_F(AnalysisValueTest, MarginDiscountHorizonAndUnit) {
  RecordPurchases();
  ASSERT_OK_AND_ASSIGN(const auto plain, Lifetime(kBuys));
  const double total = plain.total_value_minor().value();
  ASSERT_OK_AND_ASSIGN(const auto half, Lifetime(absl::StrCat(kBuys, "margin: 0.5")));
  EXPECT_NEAR(half.total_value_minor().value(), total / 2, 1e-9 * total);
  ASSERT_OK_AND_ASSIGN(const auto discounted, Lifetime(absl::StrCat(kBuys, "yearly_discount_rate: 0.1")));
  EXPECT_THAT(discounted.total_value_minor().value(), Lt(total));
  EXPECT_THAT(discounted.total_value_minor().value(), Gt(total / 1.1)) << "nothing comes later than in a year";
  EXPECT_NEAR(discounted.total_value_minor().details().at("expected_purchases"),
              plain.total_value_minor().details().at("expected_purchases"), 1e-6 * total);
  ASSERT_OK_AND_ASSIGN(const auto far, Lifetime(absl::StrCat(kBuys, "horizon_days: 730")));
  EXPECT_THAT(far.total_value_minor().value(), Gt(total));
  EXPECT_THAT(far.expected_purchases().value(), Gt(plain.expected_purchases().value()));
  ASSERT_OK_AND_ASSIGN(const auto days, Lifetime(absl::StrCat(kBuys, "time_unit_days: 1")));
  EXPECT_NEAR(days.purchase_model().alpha(), 7 * plain.purchase_model().alpha(), 1e-3 * days.purchase_model().alpha());
  EXPECT_NEAR(days.total_value_minor().value(), total, 1e-4 * total) << "the unit changes parameters, not answers";
}

TEST_F(AnalysisValueTest, Rows_AreThoseOfPurchases) {
  RecordPurchases();
  const std::string asked = R"(purchase { event_names: "bought" } currency_code: "EUR" limit: 7 )";
  ASSERT_OK_AND_ASSIGN(const auto answer, Lifetime(asked));
  ASSERT_OK_AND_ASSIGN(const auto purchases, Purchases(asked));
  ASSERT_THAT(answer.rows(), SizeIs(7));
  ASSERT_THAT(purchases.rows(), SizeIs(7));
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(answer.rows(i).purchases().SerializeAsString(), purchases.rows(i).SerializeAsString());
  }
}

TEST_F(AnalysisValueTest, WithoutACurrency_ThereAreNoValues) {
  RecordPurchases();
  ASSERT_OK_AND_ASSIGN(const auto answer, Lifetime(R"(purchase { event_names: "bought" } limit: 1)"));
  EXPECT_TRUE(answer.purchase_model().converged());
  EXPECT_EQ(answer.expected_purchases().state(), v1::Estimate::OK);
  EXPECT_FALSE(answer.has_value_model());
  EXPECT_FALSE(answer.has_expected_value_minor());
  EXPECT_FALSE(answer.has_total_value_minor());
  EXPECT_FALSE(answer.has_mean_conditional_value_minor());
  ASSERT_THAT(answer.rows(), SizeIs(1));
  EXPECT_FALSE(answer.rows(0).has_value_minor());
}

// On the events of the fixture: c1 paid once, c2 on two days.
TEST_F(AnalysisValueTest, TooLittle_IsSaidAndNotGuessed) {
  const std::string paid = R"(purchase { event_names: "paid" } currency_code: "EUR" )";
  ASSERT_OK_AND_ASSIGN(const auto once, Lifetime(absl::StrCat(paid, "known_at: 4")));
  EXPECT_EQ(once.customer_count(), 1);
  EXPECT_FALSE(once.purchase_model().converged());
  EXPECT_THAT(once.purchase_model().problem(), HasSubstr("second time"));
  for (const v1::Estimate* estimate :
       {&once.expected_purchases(), &once.expected_value_minor(), &once.total_value_minor(),
        &once.mean_conditional_value_minor(), &once.rows(0).probability_alive(), &once.rows(0).value_minor()}) {
    EXPECT_EQ(estimate->state(), v1::Estimate::UNDEFINED);
    EXPECT_THAT(estimate->undefined_reason(), Not(IsEmpty()));
    EXPECT_FALSE(estimate->has_value());
  }
  ASSERT_OK_AND_ASSIGN(const auto nobody, Lifetime(R"(purchase { event_names: "none" } currency_code: "EUR")"));
  EXPECT_EQ(nobody.customer_count(), 0);
  EXPECT_EQ(nobody.total_value_minor().state(), v1::Estimate::UNDEFINED);
  EXPECT_THAT(nobody.rows(), IsEmpty());
}

TEST_F(AnalysisValueTest, FilterIntervalAndSegment) {
  const std::string paid = R"(purchase { event_names: "paid" } )";
  ASSERT_OK_AND_ASSIGN(const auto all, Lifetime(paid));
  EXPECT_EQ(all.customer_count(), 2);
  EXPECT_EQ(all.purchase_model().repeat_count(), 1);
  ASSERT_OK_AND_ASSIGN(const auto filtered, Lifetime(paid + R"(filter: "amount_minor > 1000")"));
  EXPECT_EQ(filtered.customer_count(), 1);
  ASSERT_OK_AND_ASSIGN(const auto january, Lifetime(paid + "interval { end_time { seconds: 1738368000 } }"));
  EXPECT_EQ(january.purchase_model().repeat_count(), 0);
  EXPECT_EQ(january.rows(0).purchases().age_days(), 26) << "c1, from the fifth to the end of January";
  ASSERT_OK(Call(segments_, &v1::SegmentService::Stub::CreateSegment, ParseProto<v1::CreateSegmentRequest>(R"pb(
                   parent: "workspaces/w"
                   segment_id: "busy"
                   segment { display_name: "Busy" filter: "event_count > 4" })pb")));
  ASSERT_OK_AND_ASSIGN(const auto busy, Lifetime(paid + "segment: 'workspaces/w/segments/busy'"));
  EXPECT_EQ(busy.customer_count(), 1);
}

TEST_F(AnalysisValueTest, BadInput_NamesItsField) {
  const std::string paid = R"(purchase { event_names: "paid" } )";
  EXPECT_THAT(Lifetime(""), Refuses("purchase"));
  EXPECT_THAT(Lifetime("purchase {}"), Refuses("purchase"));
  EXPECT_THAT(Lifetime(paid + "currency_code: 'eur'"), Refuses("currency_code"));
  EXPECT_THAT(Lifetime(paid + "time_zone: 'Mars/Olympus'"), Refuses("time_zone"));
  EXPECT_THAT(Lifetime(paid + "time_unit_days: -7"), Refuses("time_unit_days"));
  EXPECT_THAT(Lifetime(paid + "time_unit_days: nan"), Refuses("time_unit_days"));
  EXPECT_THAT(Lifetime(paid + "horizon_days: 0.5"), Refuses("horizon_days"));
  EXPECT_THAT(Lifetime(paid + "horizon_days: 36501"), Refuses("horizon_days"));
  EXPECT_THAT(Lifetime(paid + "margin: 1.01"), Refuses("margin"));
  EXPECT_THAT(Lifetime(paid + "margin: -0.1"), Refuses("margin"));
  EXPECT_THAT(Lifetime(paid + "yearly_discount_rate: -0.1"), Refuses("yearly_discount_rate"));
  EXPECT_THAT(Lifetime(paid + "yearly_discount_rate: inf"), Refuses("yearly_discount_rate"));
  EXPECT_THAT(Lifetime(paid + "limit: 10001"), Refuses("limit"));
  EXPECT_THAT(Lifetime(paid + "interval { start_time { seconds: 1800000000 } }"), Refuses("interval.start_time"));
  EXPECT_THAT(Lifetime(paid + "known_at: 99"), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Lifetime(paid + "parent: 'workspaces/none'"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Lifetime(paid + "segment: 'workspaces/w/segments/none'"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace throughline::testing
