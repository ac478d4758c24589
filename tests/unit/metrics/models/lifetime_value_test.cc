#include "throughline/models/lifetime_value.h"

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
using ::throughline::testing::HasReason;
using ::throughline::testing::StatusIs;
using State = Estimate::State;

const auto kInvalid = StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD"));

BgNbdFit FitAt(double r, double alpha, double a, double b) {
  BgNbdFit fit;
  fit.converged = true;
  fit.parameters = {.r = r, .alpha = alpha, .a = a, .b = b, .time_unit_days = 1};
  fit.n = 1000;
  return fit;
}

// Customers of the model itself, in days.
std::vector<PurchaseHistory> Simulated(int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<PurchaseHistory> rows;
  for (int i = 0; i < count; ++i) {
    const double rate = std::gamma_distribution<double>(0.8, 1 / 50.0)(random);
    const double x = std::gamma_distribution<double>(1.2)(random), y = std::gamma_distribution<double>(3.0)(random);
    const double leaves = x / (x + y);
    const double scale = std::gamma_distribution<double>(4, 1 / 30.0)(random);
    PurchaseHistory row{.age_days = 300};
    double value = 0;
    for (double at = std::exponential_distribution<double>(rate)(random); at < row.age_days;
         at += std::exponential_distribution<double>(rate)(random)) {
      ++row.frequency;
      row.recency_days = at;
      value += std::gamma_distribution<double>(6, 1 / scale)(random);
      if (std::bernoulli_distribution(leaves)(random)) break;
    }
    if (row.frequency > 0) row.mean_value = value / static_cast<double>(row.frequency);
    rows.push_back(row);
  }
  return rows;
}

TEST(FitBgNbdTest, CustomersOfTheModel_GiveItsParametersWithinTheirErrors) {
  const auto fit = FitBgNbd(Simulated(4000, 1), 1);
  ASSERT_TRUE(fit.ok());
  ASSERT_TRUE(fit->converged) << fit->problem;
  EXPECT_NEAR(fit->parameters.r, 0.8, 4 * fit->standard_errors->r);
  EXPECT_NEAR(fit->parameters.alpha, 50, 4 * fit->standard_errors->alpha);
  EXPECT_NEAR(fit->parameters.a, 1.2, 4 * fit->standard_errors->a);
  EXPECT_NEAR(fit->parameters.b, 3, 4 * fit->standard_errors->b);
  EXPECT_LT(fit->standard_errors->r, 0.2);
}

TEST(FitBgNbdTest, OrderAndMultiplicity_ChangeNothing) {
  std::vector<PurchaseHistory> rows = Simulated(500, 2);
  const auto before = FitBgNbd(rows, 1);
  std::mt19937 random(1);
  std::shuffle(rows.begin(), rows.end(), random);
  const auto shuffled = FitBgNbd(rows, 1);
  EXPECT_EQ(before->parameters.r, shuffled->parameters.r);
  EXPECT_EQ(before->log_likelihood, shuffled->log_likelihood);
  // Each customer three times is three times the likelihood, and the same maximum.
  for (PurchaseHistory& row : rows) row.count = 3;
  const auto thrice = FitBgNbd(rows, 1);
  EXPECT_NEAR(thrice->log_likelihood, 3 * before->log_likelihood, 1e-6);
  EXPECT_NEAR(thrice->parameters.a, before->parameters.a, 1e-6 * before->parameters.a);
  EXPECT_NEAR(thrice->standard_errors->a * std::sqrt(3.0), before->standard_errors->a,
              1e-5 * before->standard_errors->a);
  EXPECT_EQ(thrice->n, 1500);
}

TEST(FitBgNbdTest, WithoutAMaximum_IsNotConvergedAndSaysWhy) {
  const std::vector<PurchaseHistory> cases[] = {
      {},
      {{.age_days = 10, .count = 100}},                                           // nobody came back
      {{.frequency = 1, .recency_days = 5, .age_days = 10, .count = 100}},        // all equal
      {{.frequency = 5, .recency_days = 10, .age_days = 10, .count = 100}},       // all alive for certain
      {{.frequency = 1, .recency_days = 0, .age_days = 0, .count = 1}},           // no time
      {{.frequency = 1'000'000'000, .recency_days = 1e-300, .age_days = 1e300}},  // huge and tiny
      {{.frequency = 3, .recency_days = 1, .age_days = 2}, {.age_days = 1e300}},
  };
  for (const auto& rows : cases) {
    const auto fit = FitBgNbd(rows, 7);
    ASSERT_TRUE(fit.ok());
    EXPECT_TRUE(std::isfinite(fit->log_likelihood));
    for (const double each : {fit->parameters.r, fit->parameters.alpha, fit->parameters.a, fit->parameters.b}) {
      EXPECT_TRUE(std::isfinite(each));
    }
    EXPECT_FALSE(fit->converged) << fit->parameters.r << " " << fit->parameters.alpha << " " << fit->parameters.a << " "
                                 << fit->parameters.b;
    EXPECT_FALSE(fit->problem.empty());
    EXPECT_FALSE(fit->standard_errors.has_value());
    const Estimate estimate = ExpectedPurchases(*fit, 7);
    EXPECT_EQ(estimate.state, State::kUndefined);
    EXPECT_EQ(estimate.undefined_reason, fit->problem);
  }
}

TEST(FitBgNbdTest, BadInput_IsRefused) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const PurchaseHistory& row : {PurchaseHistory{.frequency = -1},
                                     {.recency_days = 5, .age_days = 10},
                                     {.age_days = infinity},
                                     {.frequency = 1, .recency_days = 11, .age_days = 10},
                                     {.frequency = 1, .recency_days = NAN, .age_days = 10},
                                     {.age_days = 1, .count = -1},
                                     {.age_days = 1, .mean_value = NAN},
                                     {.frequency = kPurchaseFrequencyMax + 1},
                                     {.count = kPurchaseCountMax + 1}}) {
    EXPECT_THAT(FitBgNbd({&row, 1}).status(), kInvalid);
    EXPECT_THAT(FitGammaGamma({&row, 1}).status(), kInvalid);
    EXPECT_EQ(ExpectedFuturePurchases(FitAt(1, 1, 1, 1), row, 1).state, State::kUndefined);
  }
  EXPECT_THAT(FitBgNbd({}, 0).status(), kInvalid);
  EXPECT_THAT(FitBgNbd({}, NAN).status(), kInvalid);
}

// With r = 1: E[X(t)] = ∫ Beta(p)·(t/α)/(1 + pt/α) dp, and for a = b = 1 that is log(1 + t/α). The closed form with
// ₂F₁ has a pole at a = 1.
TEST(ExpectedPurchasesTest, ClosedForms_AreMet) {
  for (const double t : {1e-9, 0.01, 1.0, 50.0, 1e3, 1e6, 1e12, 1e100, 1e300}) {
    const Estimate estimate = ExpectedPurchases(FitAt(1, 2, 1, 1), t);
    EXPECT_NEAR(estimate.value, std::log1p(t / 2), 1e-8 * std::log1p(t / 2)) << t;
  }
  EXPECT_EQ(ExpectedPurchases(FitAt(1, 2, 1, 1), 0).value, 0);
  // Almost nobody leaves: rt/α. Almost everyone leaves at once: 1 − (α/(α+t))^r.
  EXPECT_NEAR(ExpectedPurchases(FitAt(2, 4, 1e-6, 1e6), 8).value, 4, 1e-6);
  EXPECT_NEAR(ExpectedPurchases(FitAt(2, 4, 1e6, 1e-6), 8).value, 1 - 1 / 9.0, 1e-6);
  // One p of ½, sharply: (1 − (α/(α+t/2))^r)/½.
  EXPECT_NEAR(ExpectedPurchases(FitAt(2, 4, 1e6, 1e6), 8).value, 2 * (1 - 0.25), 1e-5);
}

TEST(ExpectedPurchasesTest, AnyParameters_FiniteAndGrowingAndBounded) {
  const double sizes[] = {1e-6, 0.01, 0.5, 0.999999, 1, 1.000001, 30, 1e6};
  for (const double r : sizes) {
    for (const double alpha : sizes) {
      for (const double a : sizes) {
        for (const double b : sizes) {
          double last = 0;
          for (const double t : {1e-280, 1e-3, 1.0, 1e4}) {
            const Estimate estimate = ExpectedPurchases(FitAt(r, alpha, a, b), t);
            ASSERT_EQ(estimate.state, State::kOk) << r << " " << alpha << " " << a << " " << b << " " << t;
            ASSERT_GE(estimate.value, last * (1 - 1e-9)) << r << " " << alpha << " " << a << " " << b << " " << t;
            ASSERT_LE(estimate.value, r * t / alpha * (1 + 1e-7))
                << r << " " << alpha << " " << a << " " << b << " " << t;
            last = estimate.value;
          }
        }
      }
    }
  }
}

TEST(ProbabilityAliveTest, HandWorkedAndEdges) {
  const BgNbdFit fit = FitAt(1, 2, 0.5, 3);
  // 1/(1 + .5/(3 + 2 − 1)·((2 + 6)/(2 + 2))³)
  EXPECT_NEAR(ProbabilityAlive(fit, {.frequency = 2, .recency_days = 2, .age_days = 6}).value, 1 / (1 + 0.125 * 8),
              1e-14);
  EXPECT_EQ(ProbabilityAlive(fit, {.age_days = 1000}).value, 1) << "nobody leaves before a second purchase";
  const Estimate gone = ProbabilityAlive(fit, {.frequency = 1'000'000, .recency_days = 1, .age_days = 1e300});
  EXPECT_EQ(gone.state, State::kOk);
  EXPECT_EQ(gone.value, 0);
  EXPECT_EQ(ExpectedFuturePurchases(fit, {.frequency = 1'000'000, .recency_days = 1, .age_days = 1e300}, 1).value, 0);
  EXPECT_EQ(ProbabilityAlive(fit, {.age_days = 1}, {.confidence_level = 2}).state, State::kUndefined);
  EXPECT_EQ(ExpectedPurchases(fit, -1).state, State::kUndefined);
  EXPECT_EQ(ExpectedPurchases(fit, NAN).state, State::kUndefined);
  EXPECT_EQ(ProbabilityAlive(BgNbdFit(), {.age_days = 1}).state, State::kUndefined);
}

TEST(FitGammaGammaTest, CustomersOfTheModel_GiveItsParametersWithinTheirErrors) {
  const auto fit = FitGammaGamma(Simulated(4000, 3));
  ASSERT_TRUE(fit.ok());
  ASSERT_TRUE(fit->converged) << fit->problem;
  EXPECT_NEAR(fit->parameters.p, 6, 4 * fit->standard_errors->p);
  EXPECT_NEAR(fit->parameters.q, 4, 4 * fit->standard_errors->q);
  EXPECT_NEAR(fit->parameters.v, 30, 4 * fit->standard_errors->v);
  const Estimate population = ExpectedPurchaseValue(*fit, {.age_days = 1});
  EXPECT_NEAR(population.value, 60, 4);
  ASSERT_TRUE(population.interval.has_value());
  EXPECT_LT(population.interval->low, population.value);
  EXPECT_GT(population.interval->high, population.value);
}

TEST(FitGammaGammaTest, UnitOfMoney_ScalesTheAnswer) {
  std::vector<PurchaseHistory> rows = Simulated(800, 4);
  const auto euros = FitGammaGamma(rows);
  for (PurchaseHistory& row : rows) row.mean_value *= 1e12;
  const auto huge = FitGammaGamma(rows);
  ASSERT_TRUE(euros->converged && huge->converged);
  EXPECT_NEAR(huge->parameters.p, euros->parameters.p, 1e-5 * euros->parameters.p);
  EXPECT_NEAR(huge->parameters.v / 1e12, euros->parameters.v, 1e-5 * euros->parameters.v);
}

TEST(FitGammaGammaTest, WithoutAMaximum_IsNotConvergedAndSaysWhy) {
  const std::vector<PurchaseHistory> cases[] = {
      {},
      {{.age_days = 5, .count = 9}},
      {{.frequency = 2, .recency_days = 1, .age_days = 5, .mean_value = 0}},
      {{.frequency = 2, .recency_days = 1, .age_days = 5, .mean_value = -3}},
      {{.frequency = 2, .recency_days = 1, .age_days = 5, .mean_value = 7, .count = 50}},
      {{.frequency = 1, .recency_days = 1, .age_days = 5, .mean_value = 1e300},
       {.frequency = 1, .recency_days = 1, .age_days = 5, .mean_value = 1e-300}},
  };
  for (const auto& rows : cases) {
    const auto fit = FitGammaGamma(rows);
    ASSERT_TRUE(fit.ok());
    EXPECT_FALSE(fit->converged);
    EXPECT_FALSE(fit->problem.empty());
    EXPECT_TRUE(std::isfinite(fit->log_likelihood));
    EXPECT_TRUE(std::isfinite(fit->parameters.v));
    EXPECT_EQ(ExpectedPurchaseValue(*fit, {.age_days = 1}).state, State::kUndefined);
  }
  EXPECT_EQ(FitGammaGamma(cases[2])->without_value, 1);
}

TEST(ExpectedPurchaseValueTest, HandWorkedAndNoMean) {
  GammaGammaFit fit;
  fit.converged = true;
  fit.n = 10;
  fit.parameters = {.p = 6, .q = 4, .v = 15};
  EXPECT_DOUBLE_EQ(ExpectedPurchaseValue(fit, {.age_days = 1}).value, 30);
  const PurchaseHistory customer{.frequency = 2, .recency_days = 1, .age_days = 1, .mean_value = 10};
  EXPECT_DOUBLE_EQ(ExpectedPurchaseValue(fit, customer).value, 6 * (15 + 20) / 15.0);
  fit.parameters.q = 0.9;
  EXPECT_THAT(ExpectedPurchaseValue(fit, {.age_days = 1}).undefined_reason, HasSubstr("no mean"));
  EXPECT_EQ(ExpectedPurchaseValue(fit, customer).state, State::kOk);
}

TEST(CustomerLifetimeValueTest, IsTheDiscountedSumOfItsParts) {
  const BgNbdFit purchases = FitAt(0.8, 50, 1.2, 3);
  GammaGammaFit values;
  values.converged = true;
  values.parameters = {.p = 6, .q = 4, .v = 15};
  const PurchaseHistory customer{.frequency = 3, .recency_days = 100, .age_days = 120, .mean_value = 20};
  const ClvOptions clv{.period_days = 30, .periods = 3, .discount_rate = 0.1, .margin = 0.5};
  const Estimate value = CustomerLifetimeValue(purchases, values, customer, clv);
  double sum = 0, until = 0;
  for (int k = 1; k <= 3; ++k) {
    const double next = ExpectedFuturePurchases(purchases, customer, 30 * k).value;
    sum += (next - until) / std::pow(1.1, k);
    until = next;
  }
  EXPECT_NEAR(value.value, 0.5 * ExpectedPurchaseValue(values, customer).value * sum, 1e-9);
  EXPECT_NEAR(value.details.at("expected_purchases"), until, 1e-12);
  for (const ClvOptions& bad : {ClvOptions{.periods = 0},
                                {.periods = kClvPeriodsMax + 1},
                                {.discount_rate = -1},
                                {.discount_rate = NAN},
                                {.margin = NAN},
                                {.period_days = 0},
                                {.period_days = NAN}}) {
    EXPECT_EQ(CustomerLifetimeValue(purchases, values, customer, bad).state, State::kUndefined);
  }
  EXPECT_EQ(CustomerLifetimeValue(BgNbdFit(), values, customer, clv).state, State::kUndefined);
  EXPECT_EQ(CustomerLifetimeValue(purchases, GammaGammaFit(), customer, clv).state, State::kUndefined);
}

TEST(TotalLifetimeValueTest, IsTheSumOverCustomers) {
  const BgNbdFit purchases = FitAt(0.8, 50, 1.2, 3);
  GammaGammaFit values;
  values.converged = true;
  values.parameters = {.p = 6, .q = 4, .v = 15};
  const ClvOptions clv{.period_days = 30, .periods = 3, .discount_rate = 0.1, .margin = 0.5};
  // Two that share an integral, a row of four customers, and one who bought once.
  const std::vector<PurchaseHistory> rows = {
      {.frequency = 3, .recency_days = 100, .age_days = 120, .mean_value = 20},
      {.frequency = 3, .recency_days = 20, .age_days = 120, .mean_value = 70},
      {.frequency = 1, .recency_days = 5, .age_days = 60, .mean_value = 10, .count = 4},
      {.age_days = 90}};
  double sum = 0, until = 0;
  for (const PurchaseHistory& row : rows) {
    const Estimate one = CustomerLifetimeValue(purchases, values, row, clv);
    sum += static_cast<double>(row.count) * one.value;
    until += static_cast<double>(row.count) * one.details.at("expected_purchases");
  }
  const Estimate total = TotalLifetimeValue(purchases, values, rows, clv);
  ASSERT_EQ(total.state, State::kOk);
  EXPECT_NEAR(total.value, sum, 1e-9 * sum);
  EXPECT_NEAR(total.details.at("expected_purchases"), until, 1e-9 * until);
  EXPECT_EQ(total.n, 7);
  EXPECT_TRUE(total.excluded.empty());
}

TEST(TotalLifetimeValueTest, WhoWasPaidBack_IsLeftOut_AndNobodyIsWorthNothing) {
  const BgNbdFit purchases = FitAt(0.8, 50, 1.2, 3);
  GammaGammaFit values;
  values.converged = true;
  values.parameters = {.p = 6, .q = 4, .v = 15};
  const ClvOptions clv;
  const PurchaseHistory payer{.frequency = 1, .recency_days = 5, .age_days = 60, .mean_value = 10};
  const PurchaseHistory paid_back{.frequency = 1, .recency_days = 5, .age_days = 60, .mean_value = -1, .count = 3};
  const Estimate total = TotalLifetimeValue(purchases, values, {{payer, paid_back}}, clv);
  EXPECT_DOUBLE_EQ(total.value, CustomerLifetimeValue(purchases, values, payer, clv).value);
  EXPECT_EQ(total.n, 1);
  EXPECT_EQ(total.excluded.at("negative_value"), 3);
  EXPECT_EQ(TotalLifetimeValue(purchases, values, {}, clv).value, 0);

  EXPECT_EQ(TotalLifetimeValue(BgNbdFit(), values, {}, clv).state, State::kUndefined);
  EXPECT_EQ(TotalLifetimeValue(purchases, GammaGammaFit(), {}, clv).state, State::kUndefined);
  EXPECT_EQ(TotalLifetimeValue(purchases, values, {}, {.periods = 0}).state, State::kUndefined);
  EXPECT_EQ(TotalLifetimeValue(purchases, values, {{{.frequency = -1}}}, clv).state, State::kUndefined);
  values.parameters.q = 0.5;
  EXPECT_THAT(TotalLifetimeValue(purchases, values, {{payer, {.age_days = 3}}}, clv).undefined_reason,
              HasSubstr("no mean"));
}

TEST(PurchaseHistoriesTest, RowsOfAnEngine_BecomeHistories) {
  PurchaseSummary summary;
  summary.rows.Add("b",
                   {.frequency = 2, .recency_days = 10, .age_days = 20, .value_minor = 500, .first_value_minor = 9});
  summary.rows.Add("a", {.frequency = 0, .recency_days = 0, .age_days = 5, .value_minor = 0, .first_value_minor = 9});
  const std::vector<PurchaseHistory> rows = PurchaseHistories(summary, 100);
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].age_days, 5);
  EXPECT_EQ(rows[0].mean_value, 0);
  EXPECT_EQ(rows[1].frequency, 2);
  EXPECT_DOUBLE_EQ(rows[1].mean_value, 2.5);
}

}  // namespace
}  // namespace throughline
