// Quantiles of distributions (Boost.Math's), and the intervals that the models share. Pure functions; any thread.
//
// "Confidence" is a level in (0, 1), for example 0.95; intervals are two-sided.
#pragma once

#include <cstdint>
#include <optional>

#include "throughline/models/estimate.h"

namespace throughline {

// x with Φ(x) = p, for p in (0, 1); relative error below 1e-12.
double NormalQuantile(double p);

// Student's t with `degrees` > 0 degrees of freedom: x with F(x) = p, for p in (0, 1); relative error below 1e-9.
double StudentTQuantile(double p, double degrees);

// I_x(a, b), the regularised incomplete beta function, for a, b > 0 and x in [0, 1]: the distribution function of
// the beta distribution, by which those of Student's t and the binomial are expressed (Abramowitz & Stegun 26.5).
double RegularizedIncompleteBeta(double x, double a, double b);

// Wilson's score interval for a share of `successes` among `n` > 0 (E. B. Wilson, JASA 22, 1927). With
// z = Φ⁻¹(1 − α/2) and p = successes/n: (p + z²/2n ± z√(p(1−p)/n + z²/4n²)) / (1 + z²/n). Always within [0, 1].
Interval WilsonInterval(int64_t successes, int64_t n, double confidence);

// Student's t interval for a mean: mean ± t₍ₙ₋₁₎(1 − α/2)·√(variance/n), `variance` with divisor n − 1 (Student,
// Biometrika 6, 1908). Absent for n < 2, and where the variance is 0: a width of zero would claim certainty that a few
// equal answers do not give.
std::optional<Interval> StudentTInterval(double mean, double variance, int64_t n, double confidence);

// Zero-based ranks [low, high] of the sorted sample between which the median of the population lies with at least
// the given confidence, whatever its distribution (W. R. Thompson, Annals of Mathematical Statistics 7, 1936; David &
// Nagaraja, Order Statistics, 7.1): low is the largest rank l with P(Binomial(n, ½) < l + 1) ≤ α/2, and high is
// n − 1 − low. Absent where n is too small for any (below 6 at 95 %).
struct RankInterval {
  int64_t low = 0;
  int64_t high = 0;
};
std::optional<RankInterval> MedianRankInterval(int64_t n, double confidence);

}  // namespace throughline
