// Recurring revenue and cohorts, through the API, on the purchases of CDNOW: sections 2 and 3 of the metrics.
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "tests/reference/api/reference_api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

struct Purchase {
  std::string customer;
  absl::CivilDay day;
  int64_t cents = 0;
};

// Lines of customer, date, number of discs and dollars; in the sample with a second customer number of its own.
std::vector<Purchase> ReadPurchases(const std::string& path, bool sample) {
  std::vector<Purchase> purchases;
  gzFile file = gzopen(path.c_str(), "rb");  // also reads files that are not gzipped
  char line[4096];
  while (gzgets(file, line, sizeof(line)) != nullptr) {
    std::istringstream words(line);
    std::string customer, own;
    int date = 0, discs = 0;
    double dollars = 0;
    words >> customer;
    if (sample) words >> own;
    if (!(words >> date >> discs >> dollars)) continue;
    purchases.push_back({sample ? own : customer, absl::CivilDay(date / 10000, date / 100 % 100, date % 100),
                         std::llround(dollars * 100)});
  }
  gzclose(file);
  return purchases;
}

class CdnowTest : public ReferenceApiTest {
 protected:
  void RecordPurchases(const std::vector<Purchase>& purchases) {
    std::vector<v1::CustomerEvent> events;
    for (const Purchase& purchase : purchases) {
      const absl::Time time = absl::FromCivil(purchase.day, absl::UTCTimeZone());
      v1::CustomerEvent& event = events.emplace_back(MakeEvent(purchase.customer, "bought", time));
      event.mutable_money_movement()->set_amount_minor(purchase.cents);
      event.mutable_money_movement()->set_currency_code("USD");
    }
    Record(std::move(events));
  }
};

// E. B. Wilson's interval at 95 %, as in the article.
std::pair<double, double> Wilson(int64_t successes, int64_t trials) {
  constexpr double kZ = 1.959963984540054;
  const auto n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double middle = p + kZ * kZ / (2 * n);
  const double half = kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {(middle - half) / (1 + kZ * kZ / n), (middle + half) / (1 + kZ * kZ / n)};
}

// ---- Cohorts --------------------------------------------------------------------------------------------------------

TEST_F(CdnowTest, MonthlyCohorts_OfAllCustomers) {
  const std::string path = DataPath("purchases/CDNOW_master.txt.gz");
  REQUIRE_DATA(path);
  RecordPurchases(ReadPurchases(path, false));
  ASSERT_OK_AND_ASSIGN(const auto answer, Ask(&Analysis::QueryCohorts, R"(entry { event_names: "bought" }
                                                                          period { unit: MONTH } period_count: 24)"));
  ASSERT_EQ(answer.cohorts_size(), 3) << "everybody first bought in January, February or March 1997";
  const v1::Cohort& january = answer.cohorts(0);
  EXPECT_EQ(january.start_day(), "1997-01-01");
  EXPECT_EQ(january.customer_count(), 7846);
  std::vector<int64_t> first;
  for (int i = 0; i < 6; ++i) first.push_back(january.cells(i).customer_count());
  EXPECT_THAT(first, ElementsAre(7846, 1157, 964, 810, 679, 736));
  for (int i = 0; i < january.cells_size(); ++i) {
    const v1::CohortCell& cell = january.cells(i);
    // June 1998 is the last month of the data.
    ASSERT_EQ(cell.has_retention(), i <= 17) << i;
    ASSERT_EQ(cell.has_retention_low(), i <= 17) << i;
    if (i > 17) continue;
    const auto [low, high] = Wilson(cell.customer_count(), 7846);
    EXPECT_THAT(cell.retention(), DoubleNear(static_cast<double>(cell.customer_count()) / 7846, 1e-12));
    EXPECT_THAT(cell.retention_low(), DoubleNear(low, 1e-9)) << i;
    EXPECT_THAT(cell.retention_high(), DoubleNear(high, 1e-9)) << i;
  }
}

// ---- Revenue --------------------------------------------------------------------------------------------------------

// A month counted customer by customer.
struct SlowMonth {
  struct Flow {
    int64_t minor = 0;
    int64_t customers = 0;
    void Add(int64_t amount) {
      if (amount == 0) return;
      minor += amount;
      ++customers;
    }
  };
  Flow start, fresh, reactivation, expansion, contraction, churn, end;
  int64_t retained = 0;
};

using PaidByMonth = std::map<absl::CivilMonth, int64_t>;

SlowMonth CountMonth(const std::map<std::string, PaidByMonth>& customers, absl::CivilMonth month) {
  SlowMonth out;
  for (const auto& [customer, paid] : customers) {
    int64_t start = 0, end = 0;
    bool active_earlier = false;
    for (const auto& [at, minor] : paid) {
      active_earlier = active_earlier || (at < month && minor > 0);
      if (at == month - 1) start = minor;
      if (at == month) end = minor;
    }
    out.start.Add(start);
    out.end.Add(end);
    out.retained += std::min(start, end);
    if (start == 0) {
      (active_earlier ? out.reactivation : out.fresh).Add(end);
    } else if (end == 0) {
      out.churn.Add(start);
    } else {
      out.expansion.Add(std::max<int64_t>(end - start, 0));
      out.contraction.Add(std::max<int64_t>(start - end, 0));
    }
  }
  return out;
}

v1::RevenueMonth ToProto(const SlowMonth& slow, absl::CivilMonth month) {
  v1::RevenueMonth out;
  out.set_month(absl::StrFormat("%04d-%02d", month.year(), month.month()));
  out.set_start_minor(slow.start.minor);
  out.set_fresh_minor(slow.fresh.minor);
  out.set_reactivation_minor(slow.reactivation.minor);
  out.set_expansion_minor(slow.expansion.minor);
  out.set_contraction_minor(slow.contraction.minor);
  out.set_churn_minor(slow.churn.minor);
  out.set_end_minor(slow.end.minor);
  out.set_start_customer_count(slow.start.customers);
  out.set_fresh_customer_count(slow.fresh.customers);
  out.set_reactivated_customer_count(slow.reactivation.customers);
  out.set_expanded_customer_count(slow.expansion.customers);
  out.set_contracted_customer_count(slow.contraction.customers);
  out.set_churned_customer_count(slow.churn.customers);
  out.set_end_customer_count(slow.end.customers);
  return out;
}

void ExpectRates(const v1::RevenueMonth& month, const SlowMonth& slow) {
  ASSERT_EQ(month.has_gross_retention(), slow.start.minor > 0);
  ASSERT_EQ(month.has_logo_churn(), slow.start.customers > 0);
  if (slow.start.minor == 0) return;
  const auto start = static_cast<double>(slow.start.minor);
  EXPECT_THAT(month.gross_retention(), DoubleNear(static_cast<double>(slow.retained) / start, 1e-12));
  const int64_t gained = slow.expansion.minor - slow.contraction.minor - slow.churn.minor;
  EXPECT_THAT(month.net_retention(), DoubleNear(1 + static_cast<double>(gained) / start, 1e-12));
  const auto [low, high] = Wilson(slow.churn.customers, slow.start.customers);
  EXPECT_THAT(month.logo_churn_low(), DoubleNear(low, 1e-9));
  EXPECT_THAT(month.logo_churn_high(), DoubleNear(high, 1e-9));
}

TEST_F(CdnowTest, RevenueMovements_AreThoseOfASlowCount_AndAddUp) {
  const std::string path = DataPath("purchases/CDNOW_sample.txt");
  REQUIRE_DATA(path);
  const std::vector<Purchase> purchases = ReadPurchases(path, true);
  RecordPurchases(purchases);
  std::map<std::string, PaidByMonth> customers;
  for (const Purchase& purchase : purchases) {
    customers[purchase.customer][absl::CivilMonth(purchase.day)] += purchase.cents;
  }
  ASSERT_OK_AND_ASSIGN(const auto answer, Ask(&Analysis::QueryRevenueMovements,
                                              R"(currency_code: "USD" first_month: "1997-01" month_count: 20)"));
  ASSERT_EQ(answer.months_size(), 20);
  for (int i = 0; i < answer.months_size(); ++i) {
    const v1::RevenueMonth& month = answer.months(i);
    SCOPED_TRACE(month.month());
    EXPECT_EQ(month.start_minor() + month.fresh_minor() + month.reactivation_minor() + month.expansion_minor() -
                  month.contraction_minor() - month.churn_minor(),
              month.end_minor());
    EXPECT_EQ(month.start_minor(), i == 0 ? 0 : answer.months(i - 1).end_minor());
    const absl::CivilMonth at = absl::CivilMonth(1997, 1) + i;
    const SlowMonth slow = CountMonth(customers, at);
    v1::RevenueMonth counts = month;
    for (const char* rate : {"gross_retention", "net_retention", "logo_churn", "logo_churn_low", "logo_churn_high"}) {
      counts.GetReflection()->ClearField(&counts, counts.GetDescriptor()->FindFieldByName(rate));
    }
    EXPECT_THAT(counts, EqualsProto(ToProto(slow, at)));
    ExpectRates(month, slow);
  }
  EXPECT_GT(answer.months(6).end_minor(), 0);
}

}  // namespace
}  // namespace throughline::testing
