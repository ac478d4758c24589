// Revenue: what is kept of it, what a customer costs and brings, and what promoters are worth. Pure functions; any
// thread.
//
// Money is in minor units of one currency. A number that would be divided by nothing is undefined; where it would be
// infinite the reason begins with kUnbounded.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

inline constexpr char kUnbounded[] = "Unbounded: ";
inline constexpr size_t kRevenueMonthsMax = 600;
inline constexpr size_t kRevenueCustomersMax = 1 << 21;
inline constexpr int64_t kRevenueMinorMax = 1'000'000'000'000'000;  // of one customer

// ---- Retention from movements ---------------------------------------------------------------------------------------

struct RevenueRetention {
  // Σ min(M₀, M₁)/ΣM₀, the share of the revenue at the start that is still there without what grew; 0 to 1.
  Estimate gross;
  // (start + expansion − contraction − churn)/start: of the customers of the start alone, with what grew; >= 0.
  Estimate net;
  // Share of the customers of the start that pay nothing at the end; Wilson interval.
  Estimate logo_churn;
};

// Of one month. GRR and NRR have no interval: movements say how much moved, not how it is spread over customers
// (RetentionOfCustomers has them). n: customers at the start. Undefined: nothing, or nobody, at the start. GRR from
// movements is retained/start.
//
// INVALID_FIELD: a negative count or amount, or one that does not add up: start + fresh + reactivation + expansion −
// contraction − churn = end; start − contraction − churn = retained; and the customers likewise.
absl::StatusOr<RevenueRetention> MonthRetention(const RevenueMovements::Month& month,
                                                const EstimateOptions& options = {});

// Of months one after the other, 1 to kRevenueMonthsMax. gross and net: the product of the monthly rates, which is what
// would be kept of a month's revenue if each month did to it what it did to its own; a month that starts with nothing
// makes them undefined. It is not the rate of one cohort over the span (RetentionOfCustomers). logo_churn: monthly, Σ
// churned / Σ customers at the start of each month, Wilson interval with n the customer-months. Details: `months`, and
// of logo_churn `over_span` = 1 − Π(1 − churn of the month).
//
// INVALID_FIELD also where a month does not start as the one before ended.
absl::StatusOr<RevenueRetention> SpanRetention(absl::Span<const RevenueMovements::Month> months,
                                               const EstimateOptions& options = {});

// ---- Retention of customers one by one ------------------------------------------------------------------------------

// What a customer paid in a month (or a year), and in the one with which it is compared.
struct CustomerRevenue {
  int64_t start_minor = 0;
  int64_t end_minor = 0;
};

// GRR, NRR and logo churn of those with start > 0, over any span. Sums are exact. Intervals of GRR and NRR: ratio of
// two sums over independent customers, R ± t₍ₙ₋₁₎·√(Σ(y − R·x)²/(n − 1)·n)/Σx (Cochran, Sampling Techniques,
// 1977, 6.4); absent for n < 2 or no spread. They hold for some hundreds of customers of which none has most of the
// revenue. INVALID_FIELD: amounts outside 0 … kRevenueMinorMax. LIMIT_EXCEEDED.
absl::StatusOr<RevenueRetention> RetentionOfCustomers(absl::Span<const CustomerRevenue> customers,
                                                      const EstimateOptions& options = {});

// Earned growth rate = NRR + earned new customers − 1, earned new: revenue of new customers who were referred, as a
// share of the revenue at the start (Reichheld, Darnell & Burns, "Net Promoter 3.0", HBR 2021). Unit: share. Details:
// net_revenue_retention, earned_new, bought_new. Undefined: no revenue at the start. No interval. Amounts must not be
// negative (undefined).
Estimate EarnedGrowthEstimate(int64_t start_minor, int64_t end_of_start_customers_minor, int64_t referred_new_minor,
                              int64_t bought_new_minor, const EstimateOptions& options = {});

// ---- Unit economics -------------------------------------------------------------------------------------------------

struct UnitEconomicsInput {
  double spend_minor = 0;         // sales and marketing, in the period
  int64_t new_customers = 0;      // won in the period
  double arpa_minor = 0;          // average revenue per account and month
  double margin = 1;              // gross margin, share of revenue; at most 1
  int64_t start_customers = 0;    // of the month, or customer-months
  int64_t churned_customers = 0;  // of these
};

struct UnitEconomics {
  // Spend / new customers. Minor units. n: new customers. Unbounded without new customers.
  Estimate cac;
  // ARPA·margin/churn, the value of a customer who stays 1/churn months on average. Minor units. n: customers at the
  // start. Interval: from churn's Wilson interval, which it turns around; details["low"] alone where churn may be 0.
  // Unbounded if nobody left.
  Estimate ltv;
  // LTV/CAC, with LTV's interval over CAC. Undefined where one of them is; unbounded where CAC is 0.
  Estimate ltv_to_cac;
  // CAC/(ARPA·margin), months until the cost of winning is earned. n: new customers. Unbounded if a month earns
  // nothing.
  Estimate payback_months;
};

// INVALID_FIELD: negative or non-finite numbers (a margin may be negative), a margin above 1, more churned customers
// than there were.
absl::StatusOr<UnitEconomics> ComputeUnitEconomics(const UnitEconomicsInput& input,
                                                   const EstimateOptions& options = {});

// ARPA·margin/churn where churn is a rate that is given, not counted: no interval. n is 0 and no minimum applies.
// ARPA 100, margin .8, churn .05: 1600. Undefined: numbers outside their range; unbounded: churn 0.
Estimate SimpleLtvEstimate(double arpa, double margin, double churn);

// ---- Monetised NPS --------------------------------------------------------------------------------------------------

// A customer's answer to "would you recommend us" and what he is worth, in minor units (revenue of a window, or CLV).
struct ScoredValue {
  int score = 0;
  double value_minor = 0;
};

struct MonetizedNps {
  Estimate detractor_value;  // mean, Student's t interval; minor units
  Estimate passive_value;
  Estimate promoter_value;
  // Mean of promoters − mean of detractors, Welch's interval (Biometrika 34, 1947). Details: degrees_of_freedom. n:
  // both classes. Undefined: a class is empty.
  Estimate promoter_premium;
  // Σ value of detractors: what would be lost with them. A sum over these customers, not an estimate: no interval.
  // Details: share (of the value of all; absent if that is not positive), detractors.
  Estimate value_at_risk;
};

// What answers are worth: customers by class of score (0–6, 7–8, 9–10) and their values. That promoters are worth more
// does not say that a detractor who is won over will be. Scores outside 0 … 10 are excluded as invalid_score.
// INVALID_FIELD: a value that is not finite, or beyond ±1e15. LIMIT_EXCEEDED.
absl::StatusOr<MonetizedNps> MonetizeNps(absl::Span<const ScoredValue> customers, const EstimateOptions& options = {});

}  // namespace throughline
