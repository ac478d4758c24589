// Revenue and lifetime value against published numbers: sections 2 and 3 of the metrics, on the 1/10 sample of CDNOW.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/money_data.h"
#include "throughline/models/lifetime_value.h"
#include "throughline/models/revenue.h"

namespace throughline {
namespace {

using ::throughline::testing::CdnowCalibration;
using ::throughline::testing::DataPath;

TEST(RevenueReferenceTest, SimpleLtv) { EXPECT_NEAR(SimpleLtvEstimate(100, 0.8, 0.05).value, 1600, 1600e-9); }

TEST(RevenueReferenceTest, EarnedGrowth) {
  EXPECT_NEAR(EarnedGrowthEstimate(10000, 11000, 1200, 2000).value, 0.22, 1e-9);
}

TEST(LifetimeValueReferenceTest, CdnowBgNbd) {
  const std::string path = DataPath("purchases/CDNOW_sample.txt");
  REQUIRE_DATA(path);
  const std::vector<PurchaseHistory> rows = CdnowCalibration(path);
  ASSERT_EQ(rows.size(), 2357);
  const auto fit = FitBgNbd(rows, 7);
  ASSERT_TRUE(fit.ok()) << fit.status();
  ASSERT_TRUE(fit->converged) << fit->problem;
  EXPECT_NEAR(fit->parameters.r, 0.2426, 0.2426e-3);
  EXPECT_NEAR(fit->parameters.alpha, 4.4135, 4.4135e-3);
  EXPECT_NEAR(fit->parameters.a, 0.7929, 0.7929e-3);
  EXPECT_NEAR(fit->parameters.b, 2.4258, 2.4258e-3);
  EXPECT_NEAR(fit->log_likelihood, -9582.429, 1e-3);
  ASSERT_TRUE(fit->standard_errors.has_value());
  EXPECT_NEAR(ExpectedPurchases(*fit, 52 * 7).value, 1.4440, 1.4440e-3);
  const PurchaseHistory customer{.frequency = 26, .recency_days = 216, .age_days = 217};
  EXPECT_NEAR(ExpectedFuturePurchases(*fit, customer, 52 * 7).value, 25.757, 25.757e-3);
  EXPECT_NEAR(ProbabilityAlive(*fit, customer).value, 0.96885, 0.96885e-3);
  // The paper's example: x 2, t_x 30.43, T 38.86, 39 weeks ahead: 1.226.
  const PurchaseHistory paper{.frequency = 2, .recency_days = 30.43 * 7, .age_days = 38.86 * 7};
  EXPECT_NEAR(ExpectedFuturePurchases(*fit, paper, 39 * 7).value, 1.226, 1.226e-3);
}

TEST(LifetimeValueReferenceTest, CdnowGammaGamma) {
  const std::string path = DataPath("purchases/CDNOW_sample.txt");
  REQUIRE_DATA(path);
  const std::vector<PurchaseHistory> rows = CdnowCalibration(path);
  const auto fit = FitGammaGamma(rows);
  ASSERT_TRUE(fit.ok()) << fit.status();
  ASSERT_TRUE(fit->converged) << fit->problem;
  // Published with two decimals.
  EXPECT_NEAR(fit->parameters.p, 6.25, 0.0063 + 0.005);
  EXPECT_NEAR(fit->parameters.q, 3.74, 0.0037 + 0.005);
  EXPECT_NEAR(fit->parameters.v, 15.45, 0.0155 + 0.005);
  double sum = 0;
  for (const PurchaseHistory& row : rows) sum += ExpectedPurchaseValue(*fit, row).value;
  EXPECT_NEAR(sum / 2357, 35.253, 35.253e-3);
}

// Parameters of weeks give the same answers as parameters of days, because both carry their unit.
TEST(LifetimeValueReferenceTest, CdnowInDays_SameExpectations) {
  const std::string path = DataPath("purchases/CDNOW_sample.txt");
  REQUIRE_DATA(path);
  const std::vector<PurchaseHistory> rows = CdnowCalibration(path);
  const auto weeks = FitBgNbd(rows, 7);
  const auto days = FitBgNbd(rows, 1);
  ASSERT_TRUE(weeks->converged && days->converged);
  EXPECT_NEAR(days->parameters.alpha, 7 * weeks->parameters.alpha, 1e-4);
  EXPECT_NEAR(ExpectedPurchases(*days, 364).value, ExpectedPurchases(*weeks, 364).value, 1e-6);
}

}  // namespace
}  // namespace throughline
