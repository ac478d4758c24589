// Survival and retention against published numbers: section 3 of the metrics, on dd.csv and CDNOW.
#include <zlib.h>

#include <map>
#include <set>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/csv_table.h"
#include "tests/support/files.h"
#include "throughline/models/retention.h"
#include "throughline/models/survival.h"

namespace throughline {
namespace {

using ::throughline::testing::CsvTable;
using ::throughline::testing::DataPath;

TEST(SurvivalReferenceTest, DictatorshipsAndDemocracies) {
  const std::string file = DataPath("churn/dd.csv");
  REQUIRE_DATA(file);
  const CsvTable table(file);
  std::vector<SurvivalRow> all;
  std::map<std::string, std::vector<SurvivalRow>> by_democracy;
  for (size_t row = 0; row < table.size(); ++row) {
    const SurvivalRow each{.duration = *table.Number(row, "duration"), .observed = *table.Number(row, "observed") == 1};
    all.push_back(each);
    by_democracy[table.Text(row, "democracy")].push_back(each);
  }
  const auto curve = KaplanMeier(all);
  ASSERT_TRUE(curve.ok()) << curve.status();
  EXPECT_EQ(curve->n, 1808);
  EXPECT_EQ(curve->median.value, 4);
  ASSERT_EQ(by_democracy.size(), 2);
  const std::vector<SurvivalRow> groups[] = {by_democracy.begin()->second, by_democracy.rbegin()->second};
  const auto test = LogRank(groups);
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_NEAR(test->chi_square.value, 260.47, 0.005);
  EXPECT_EQ(test->chi_square.details.at("degrees_of_freedom"), 1);
  EXPECT_LT(test->chi_square.details.at("p_value"), 1e-50);
}

// The remission of leukaemia under 6-MP, by hand in many textbooks (Freireich et al. 1963; Cox & Oakes 1984): S after
// 6, 7, 10, 13, 16, 22 and 23 weeks with Greenwood's standard errors, median 23; log-rank against placebo 16.79.
TEST(SurvivalReferenceTest, Leukaemia) {
  std::vector<SurvivalRow> treated;
  for (const double weeks : {6, 6, 6, 7, 10, 13, 16, 22, 23}) treated.push_back({weeks, true, 1});
  for (const double weeks : {6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}) treated.push_back({weeks, false, 1});
  std::vector<SurvivalRow> placebo;
  for (const double weeks : {1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23}) {
    placebo.push_back({weeks, true, 1});
  }
  const auto curve = KaplanMeier(treated);
  ASSERT_TRUE(curve.ok());
  const std::pair<double, double> published[] = {{6, 0.857},  {7, 0.807},  {10, 0.753}, {13, 0.690},
                                                 {16, 0.627}, {22, 0.538}, {23, 0.448}};
  for (const auto& [weeks, survival] : published) EXPECT_NEAR(curve->At(weeks), survival, 0.0005) << weeks;
  EXPECT_EQ(curve->median.value, 23);
  const std::vector<SurvivalRow> groups[] = {treated, placebo};
  EXPECT_NEAR(LogRank(groups)->chi_square.value, 16.79, 0.005);
}

TEST(RetentionReferenceTest, CdnowMaster_January) {
  const std::string path = DataPath("purchases/CDNOW_master.txt.gz");
  REQUIRE_DATA(path);
  gzFile file = gzopen(path.c_str(), "rb");
  ASSERT_NE(file, nullptr);
  std::map<std::string, std::set<absl::CivilMonth>> months;
  char line[256];
  while (gzgets(file, line, sizeof(line)) != nullptr) {
    std::istringstream words(line);
    std::string customer;
    int date = 0;
    if (words >> customer >> date) months[customer].insert(absl::CivilMonth(date / 10000, date / 100 % 100));
  }
  gzclose(file);
  ASSERT_EQ(months.size(), 23570);
  CohortMatrix matrix;
  for (const auto& [customer, active] : months) {
    CohortMatrix::Cohort& cohort = matrix.cohorts[absl::CivilDay(*active.begin())];
    cohort.active.resize(20);  // two more than there are months
    ++cohort.customers;
    for (const absl::CivilMonth month : active) ++cohort.active[static_cast<size_t>(month - *active.begin())];
  }
  const auto retention = CohortRetention(matrix, CalendarUnit::kMonth, absl::CivilDay(1998, 7, 1));
  ASSERT_TRUE(retention.ok()) << retention.status();
  ASSERT_EQ(retention->size(), 3);
  const RetentionCohort& january = retention->front();
  EXPECT_EQ(january.period, absl::CivilDay(1997, 1, 1));
  const int64_t published[] = {7846, 1157, 964, 810, 679, 736};
  for (size_t k = 0; k < 6; ++k) {
    EXPECT_EQ(january.cells[k].active, published[k]);
    EXPECT_EQ(january.cells[k].share.n, 7846);
    EXPECT_DOUBLE_EQ(january.cells[k].share.value, static_cast<double>(published[k]) / 7846);
  }
  EXPECT_TRUE(january.cells[17].observable);
  EXPECT_FALSE(january.cells[18].observable);
  EXPECT_EQ(january.cells[18].share.state, Estimate::State::kUndefined);
}

}  // namespace
}  // namespace throughline
