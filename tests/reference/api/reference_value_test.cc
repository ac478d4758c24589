// Lifetime value, survival and attribution: published numbers, asked of a server that was given the events.
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/reference/api/reference_api_fixture.h"
#include "tests/support/csv_table.h"
#include "tests/support/files.h"
#include "tests/support/money_data.h"

namespace throughline::testing {
namespace {

using ::testing::SizeIs;

class ReferenceValueTest : public ReferenceApiTest {
 protected:
  auto Lifetime(const std::string& text) { return Ask(&Analysis::QueryLifetimeValue, text); }
  auto Survival(const std::string& text) { return Ask(&Analysis::QuerySurvival, text); }
  auto Attributed(const std::string& text) { return Ask(&Analysis::QueryAttribution, text); }

  void RecordCdnow(const std::string& path) {
    std::vector<v1::CustomerEvent> events;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string master, sample;
      int date = 0, discs = 0;
      double dollars = 0;
      if (!(words >> master >> sample >> date >> discs >> dollars)) continue;
      const absl::CivilHour noon(date / 10000, date / 100 % 100, date % 100, 12);
      events.push_back(MakeEvent(sample, "bought", absl::FromCivil(noon, absl::UTCTimeZone())));
      events.back().mutable_money_movement()->set_amount_minor(std::llround(dollars * 100));
      events.back().mutable_money_movement()->set_currency_code("USD");
    }
    ASSERT_THAT(events, SizeIs(6919));
    Record(std::move(events));
  }

  // One customer's touches, a minute apart, and what they end in; absent: nothing.
  static void AddPath(const std::vector<std::string>& channels, const std::string& customer,
                      std::optional<int64_t> conversion_minor, std::vector<v1::CustomerEvent>& events) {
    absl::Time time = absl::FromCivil(absl::CivilDay(2025, 1, 1), absl::UTCTimeZone());
    for (const std::string& channel : channels) {
      events.push_back(MakeEvent(customer, "touched", time));
      events.back().set_channel(channel);
      time += absl::Minutes(1);
    }
    if (!conversion_minor.has_value()) return;
    events.push_back(MakeEvent(customer, "converted", time));
    events.back().mutable_money_movement()->set_amount_minor(*conversion_minor);
    events.back().mutable_money_movement()->set_currency_code("EUR");
  }

  static const v1::ChannelCredit& CreditOf(const v1::Attribution& attribution, const std::string& channel) {
    for (const v1::ChannelCredit& credit : attribution.channels()) {
      if (credit.channel() == channel) return credit;
    }
    throw std::runtime_error("there is no channel " + channel);
  }
};

// The half of 39 weeks that the models are fitted to ends with September 1997.
constexpr char kCalibration[] = R"(purchase { event_names: "bought" } currency_code: "USD" limit: 10000
                                   interval { end_time { seconds: 875664000 } } horizon_days: 364 )";

void Near(double actual, double published, double tolerance = 0) {
  EXPECT_NEAR(actual, published, published * 1e-3 + tolerance);
}

TEST_F(ReferenceValueTest, Cdnow_BgNbdAndGammaGamma) {
  const std::string path = DataPath("purchases/CDNOW_sample.txt");
  REQUIRE_DATA(path);
  RecordCdnow(path);
  ASSERT_OK_AND_ASSIGN(const auto answer, Lifetime(kCalibration));
  EXPECT_EQ(answer.customer_count(), 2357);
  const v1::PurchaseModel& purchases = answer.purchase_model();
  ASSERT_TRUE(purchases.converged()) << purchases.problem();
  Near(purchases.r(), 0.2426);
  Near(purchases.alpha(), 4.4135);
  Near(purchases.a(), 0.7929);
  Near(purchases.b(), 2.4258);
  EXPECT_NEAR(purchases.log_likelihood(), -9582.429, 1e-3);
  Near(answer.expected_purchases().value(), 1.4440);

  const v1::ValueModel& values = answer.value_model();
  ASSERT_TRUE(values.converged()) << values.problem();
  // Published with two decimals, in dollars.
  Near(values.p(), 6.25, 0.005);
  Near(values.q(), 3.74, 0.005);
  Near(values.v_minor(), 1545, 0.5);
  Near(answer.mean_conditional_value_minor().value(), 3525.3);
  EXPECT_EQ(answer.mean_conditional_value_minor().n(), 2357);

  ASSERT_THAT(answer.rows(), SizeIs(2357));
  double total = 0;
  int found = 0;
  for (const v1::CustomerLifetimeValue& row : answer.rows()) {
    total += row.value_minor().value();
    // x 26, t_x 30.857 and T 31 weeks.
    if (row.purchases().frequency() != 26 || row.purchases().recency_days() != 216) continue;
    EXPECT_EQ(row.purchases().age_days(), 217);
    Near(row.expected_purchases().value(), 25.757);
    Near(row.probability_alive().value(), 0.96885);
    ++found;
  }
  EXPECT_EQ(found, 1);
  EXPECT_NEAR(answer.total_value_minor().value(), total, 1e-9 * total);
}

// The file has whole years; here a year is 365 days to the second, all begin at one time, and who was still in office
// when the study ended is lost from sight after his years.
TEST_F(ReferenceValueTest, DictatorshipsAndDemocracies) {
  const std::string file = DataPath("churn/dd.csv");
  REQUIRE_DATA(file);
  const absl::Duration year = absl::Hours(24 * 365);
  const absl::Time begin = absl::FromCivil(absl::CivilDay(1970, 1, 2), absl::UTCTimeZone());
  const CsvTable table(file);
  std::vector<v1::CustomerEvent> events;
  for (size_t row = 0; row < table.size(); ++row) {
    const std::string customer = absl::StrCat("leader ", row);
    events.push_back(MakeEvent(customer, "began", begin));
    (*events.back().mutable_properties())["democracy"].set_string_value(table.Text(row, "democracy"));
    const bool ended = *table.Number(row, "observed") == 1;
    events.push_back(MakeEvent(customer, ended ? "ended" : "lost", begin + *table.Number(row, "duration") * year));
  }
  Record(std::move(events));
  const std::string question =
      R"(start { event_names: "began" } end { event_names: "ended" } censoring { event_names: "lost" } )";
  ASSERT_OK_AND_ASSIGN(const auto all, Survival(question));
  ASSERT_THAT(all.curves(), SizeIs(1));
  EXPECT_EQ(all.curves(0).n(), 1808);
  EXPECT_EQ(all.curves(0).median_seconds().value(), absl::ToDoubleSeconds(4 * year));
  ASSERT_OK_AND_ASSIGN(const auto groups, Survival(question + "group_field: 'properties.democracy'"));
  ASSERT_THAT(groups.curves(), SizeIs(2));
  EXPECT_NEAR(groups.log_rank().value(), 260.47, 0.005);
  EXPECT_EQ(groups.log_rank().details().at("degrees_of_freedom"), 1);
  EXPECT_EQ(groups.curves(0).n() + groups.curves(1).n(), 1808);
}

TEST_F(ReferenceValueTest, BrylsExample) {
  std::vector<v1::CustomerEvent> events;
  AddPath({"C1", "C2", "C3"}, "a", 10, events);
  AddPath({"C1"}, "b", std::nullopt, events);
  AddPath({"C2", "C3"}, "c", std::nullopt, events);
  Record(std::move(events));
  ASSERT_OK_AND_ASSIGN(const auto answer,
                       Attributed(R"(conversion { event_names: "converted" } rules: MARKOV currency_code: "EUR")"));
  const v1::Attribution& markov = answer.attributions(0);
  EXPECT_NEAR(CreditOf(markov, "C1").share(), 0.2, 1e-9);
  EXPECT_NEAR(CreditOf(markov, "C2").share(), 0.4, 1e-9);
  EXPECT_NEAR(CreditOf(markov, "C3").share(), 0.4, 1e-9);
  EXPECT_NEAR(CreditOf(markov, "C3").value_minor(), 4, 1e-9);
}

TEST_F(ReferenceValueTest, PathData_EveryRule) {
  const std::string file = DataPath("attribution/path_data.csv.gz");
  REQUIRE_DATA(file);
  std::vector<v1::CustomerEvent> events;
  int64_t customers = 0, nulls = 0, value = 0;
  for (const AttributionPath& path : ChannelPaths(file)) {
    // The value is of all conversions of the path together; the file has three decimals.
    int64_t amount = std::llround(path.value * 1000);
    value += amount;
    for (int64_t i = 0; i < path.conversions; ++i) {
      AddPath(path.channels, absl::StrCat(++customers), std::exchange(amount, 0), events);
    }
    for (int64_t i = 0; i < path.nulls; ++i) {
      AddPath(path.channels, absl::StrCat(++customers), std::nullopt, events);
    }
    nulls += path.nulls;
  }
  Record(std::move(events));
  ASSERT_OK_AND_ASSIGN(const auto answer, Attributed(R"(conversion { event_names: "converted" } currency_code: "EUR"
                                     rules: [FIRST, LAST, LINEAR, MARKOV, SHAPLEY])"));
  EXPECT_EQ(answer.read().customer_count(), customers);
  EXPECT_EQ(answer.read().sampled_customer_count(), customers);
  EXPECT_EQ(answer.conversion_count(), customers - nulls);
  EXPECT_EQ(answer.null_path_count(), nulls);
  const v1::Attribution& first = answer.attributions(0);
  EXPECT_EQ(CreditOf(first, "alpha").conversions(), 6308);
  EXPECT_EQ(CreditOf(first, "iota").conversions(), 4606);
  EXPECT_EQ(CreditOf(first, "eta").conversions(), 3164);
  EXPECT_EQ(CreditOf(answer.attributions(1), "alpha").conversions(), 8447);
  EXPECT_NEAR(CreditOf(answer.attributions(2), "alpha").conversions(), 7574.718594, 5e-7);
  EXPECT_NEAR(CreditOf(answer.attributions(3), "alpha").conversions(), 5344.947682, 5e-7);
  EXPECT_NEAR(CreditOf(answer.attributions(3), "iota").conversions(), 3884.614702, 5e-7);
  EXPECT_NEAR(CreditOf(answer.attributions(4), "alpha").conversions(), 7627.944048, 5e-7);
  for (const v1::Attribution& attribution : answer.attributions()) EXPECT_EQ(attribution.value_minor(), value);
}

}  // namespace
}  // namespace throughline::testing
