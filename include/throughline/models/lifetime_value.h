// Customer lifetime value of customers without a contract: how many purchases are to come (BG/NBD), what one is worth
// (Gamma-Gamma), and both together, discounted. Pure functions; any thread.
//
// Every time is in one time unit, which the parameters carry in days (7: weeks). Parameters of weeks that are used as
// if they were of days give values that are wrong several times over; no function here takes a bare time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "throughline/aggregates.h"
#include "throughline/models/estimate.h"

namespace throughline {

inline constexpr size_t kPurchaseRowsMax = 1 << 21;
inline constexpr int64_t kPurchaseFrequencyMax = 1'000'000'000;
inline constexpr int64_t kPurchaseCountMax = 1'000'000'000;  // customers of one row
inline constexpr int kClvPeriodsMax = 1200;

// `count` customers of one history.
struct PurchaseHistory {
  int64_t frequency = 0;    // days with a purchase after the first
  double recency_days = 0;  // from the first purchase to the last; 0 if frequency is 0
  double age_days = 0;      // from the first purchase to the end of the observation; >= recency_days
  double mean_value = 0;    // of the `frequency` days; read by Gamma-Gamma and where values are predicted
  int64_t count = 1;
};

// The rows of an engine's answer; values in `minor_per_unit` minor units each (100: cents to euros).
std::vector<PurchaseHistory> PurchaseHistories(const PurchaseSummary& summary, double minor_per_unit);

// ---- How many purchases: BG/NBD ------------------------------------------------------------------------------------

// Fader, Hardie & Lee, "Counting Your Customers the Easy Way", Marketing Science 24, 2005. While alive a customer buys
// at a rate λ ~ Gamma(r, α); after each purchase he leaves with probability p ~ Beta(a, b).
struct BgNbdParameters {
  double r = 0;
  double alpha = 0;  // in time units
  double a = 0;
  double b = 0;
  double time_unit_days = 7;
};

template <size_t kCount>
using LogCovariance = std::array<std::array<double, kCount>, kCount>;

struct BgNbdFit {
  bool converged = false;  // false: `parameters` are where the search ended, and not an answer
  std::string problem;     // words for people; empty if converged
  BgNbdParameters parameters;
  double log_likelihood = 0;  // of times in time units; the factorials that hold no parameter left away, as published
  // From the observed information; absent where it is not positive definite. `log_covariance`: of log(r, α, a, b).
  std::optional<BgNbdParameters> standard_errors;
  std::optional<LogCovariance<4>> log_covariance;
  int64_t n = 0;       // customers
  int64_t repeat = 0;  // of these, with a second purchase
  int evaluations = 0;
  std::string method;
};

// Maximum likelihood: per customer, with lnΓ terms by frequency x and the rest by (x, t_x, T),
//   L = Γ(r+x)·α^r/Γ(r) · Γ(a+b)Γ(b+x)/(Γ(b)Γ(a+b+x)) · [ (α+T)^−(r+x) + 1{x>0}·a/(b+x−1)·(α+t_x)^−(r+x) ].
// NLopt's L-BFGS with the analytic gradient on log parameters, then Newton steps; equal histories count once. Converged
// means: the information is positive definite and a Newton step would change no parameter by 1e-5 of itself. A
// likelihood that has no maximum (nobody bought twice, everyone at one rate) ends at the bounds and is not converged.
//
// INVALID_FIELD: negative or non-finite numbers, recency beyond age, a frequency without or a recency with frequency 0.
// LIMIT_EXCEEDED.
absl::StatusOr<BgNbdFit> FitBgNbd(absl::Span<const PurchaseHistory> rows, double time_unit_days = 7);

// Expected purchases of a new customer in `days` after the first: E[X(t)] = E[(1 − (α/(α+pt))^r)/p] over p ~ Beta(a,
// b), by double-exponential quadrature: equal to formula (9) of the paper, (a+b−1)/(a−1)·[1 − (α/(α+t))^r·₂F₁(r, b;
// a+b−1; t/(α+t))], without its pole at a = 1 and its cancellation. Relative error below 1e-7. Interval: delta method
// on the logarithm, of the estimation of the parameters alone; absent without a covariance. n: customers of the fit.
// Undefined: not converged; days negative.
Estimate ExpectedPurchases(const BgNbdFit& fit, double days, const EstimateOptions& options = {});

// Probability that the customer is still one: 1/(1 + 1{x>0}·a/(b+x−1)·((α+T)/(α+t_x))^(r+x)). 1 without a second
// purchase: in this model one leaves only after a purchase that was a repeat. Interval as above, on the logit; absent
// for x = 0.
Estimate ProbabilityAlive(const BgNbdFit& fit, const PurchaseHistory& history, const EstimateOptions& options = {});

// Expected purchases of a customer in the next `days`: P(alive)·E[X(t)] under the posterior r+x, α+T, a, b+x: equal to
// formula (10) of the paper. Interval of the expectation, not of what one customer will do.
Estimate ExpectedFuturePurchases(const BgNbdFit& fit, const PurchaseHistory& history, double days,
                                 const EstimateOptions& options = {});

// ---- What a purchase is worth: Gamma-Gamma --------------------------------------------------------------------------

// Fader & Hardie, "The Gamma-Gamma Model of Monetary Value", 2013: values ~ Gamma(p, ν) with ν ~ Gamma(q, v),
// independent of how often one buys.
struct GammaGammaParameters {
  double p = 0;
  double q = 0;
  double v = 0;  // in the unit of the values
};

struct GammaGammaFit {
  bool converged = false;
  std::string problem;
  GammaGammaParameters parameters;
  double log_likelihood = 0;
  std::optional<GammaGammaParameters> standard_errors;
  std::optional<LogCovariance<3>> log_covariance;  // of log(p, q, v)
  int64_t n = 0;                                   // customers with a second purchase that was worth something
  int64_t without_value = 0;                       // frequency > 0, mean_value 0 or less: left out
  int evaluations = 0;
  std::string method;
};

// Maximum likelihood on the rows with frequency x > 0 and mean value m > 0, as above:
//   L = Γ(px+q)/(Γ(px)Γ(q)) · v^q·m^(px−1)·x^(px)/(v + mx)^(px+q).
absl::StatusOr<GammaGammaFit> FitGammaGamma(absl::Span<const PurchaseHistory> rows);

// Mean value of the customer's purchases, given those seen: p(v + mx)/(px + q − 1); the population's pv/(q − 1) for
// x = 0. Interval: delta method on the logarithm, of the parameters alone. Undefined where the mean does not exist (px
// + q <= 1).
Estimate ExpectedPurchaseValue(const GammaGammaFit& fit, const PurchaseHistory& history,
                               const EstimateOptions& options = {});

// ---- Both -----------------------------------------------------------------------------------------------------------

struct ClvOptions {
  double period_days = 365.0 / 12;
  int periods = 12;          // 1 to kClvPeriodsMax
  double discount_rate = 0;  // per period; purchases of a period are discounted at its end; > −1
  double margin = 1;         // of the value
};

// Σₖ margin·E[value]·(E[Y(k·period)] − E[Y((k−1)·period)])/(1 + discount)^k, in the unit of the values. Without
// interval: the two models are fitted apart. Details: expected_purchases, expected_purchase_value, probability_alive.
Estimate CustomerLifetimeValue(const BgNbdFit& purchases, const GammaGammaFit& values, const PurchaseHistory& history,
                               const ClvOptions& clv, const EstimateOptions& options = {});

// The sum of it over all rows. One integral for each different pair of frequency and age, which are far fewer than
// customers. n: customers in the sum; details: expected_purchases, within all periods. Excluded: negative_value (who
// paid back more than he paid). Undefined as for one customer, and where one has no value.
Estimate TotalLifetimeValue(const BgNbdFit& purchases, const GammaGammaFit& values,
                            absl::Span<const PurchaseHistory> rows, const ClvOptions& clv,
                            const EstimateOptions& options = {});

}  // namespace throughline
