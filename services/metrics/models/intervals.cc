#include "throughline/models/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace throughline {
namespace {

// Every iteration below converges in far fewer steps; the bound only keeps a defect from becoming an endless loop.
constexpr int kIterationsMax = 20000;
// Above this many degrees of freedom the expansion of Student's t about the normal is exact to double precision, and
// logarithms of gamma functions are not.
constexpr double kDegreesExpansionMin = 1e4;

double NormalDensity(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

// std::lgamma writes the global `signgam`, which is a race.
double LogGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// The continued fraction of I_x(a, b) without its leading factor (DLMF 8.17.22), by Lentz's method. Converges quickly
// for x < (a + 1)/(a + b + 2).
double IncompleteBetaFraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;  // stands in for a zero denominator
  double c = 1;
  double d = 1 / std::max(1 - (a + b) * x / (a + 1), kTiny);
  double fraction = d;
  for (int m = 1; m <= kIterationsMax; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double factor = 1;
    for (const double term : {even, odd}) {
      d = 1 + term * d;
      c = 1 + term / c;
      if (std::abs(d) < kTiny) d = kTiny;
      if (std::abs(c) < kTiny) c = kTiny;
      d = 1 / d;
      factor = c * d;
      fraction *= factor;
    }
    if (std::abs(factor - 1) < std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

double StudentTDensity(double t, double degrees) {
  const double log_constant = LogGamma((degrees + 1) / 2) - LogGamma(degrees / 2);
  return std::exp(log_constant - (degrees + 1) / 2 * std::log1p(t * t / degrees)) /
         std::sqrt(degrees * std::numbers::pi);
}

// P(T > t) for t >= 0.
double StudentTTail(double t, double degrees) {
  return RegularizedIncompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
}

// P(0 < T <= t) for t >= 0.
double StudentTCenter(double t, double degrees) {
  return RegularizedIncompleteBeta(t * t / (degrees + t * t), 0.5, degrees / 2) / 2;
}

// Expansion in 1/degrees (Abramowitz & Stegun 26.7.5).
double StudentTExpansion(double p, double degrees) {
  const double z = NormalQuantile(p);
  const double z2 = z * z;
  const double g1 = (z2 + 1) * z / 4;
  const double g2 = ((5 * z2 + 16) * z2 + 3) * z / 96;
  const double g3 = (((3 * z2 + 19) * z2 + 17) * z2 - 15) * z / 384;
  return z + (g1 + (g2 + g3 / degrees) / degrees) / degrees;
}

}  // namespace

double NormalQuantile(double p) {
  if (p > 0.5) return -NormalQuantile(1 - p);
  if (p == 0.5) return 0;
  // Both functions are concave where they are used and both beginnings lie left of the root, so that Newton's
  // iteration climbs to it and never passes it.
  if (p > 0.25) {
    const double distance = 0.5 - p;  // exact
    double x = distance * std::sqrt(2 * std::numbers::pi);
    for (int i = 0; i < kIterationsMax; ++i) {
      const double step = (distance - std::erf(x / std::numbers::sqrt2) / 2) / NormalDensity(x);
      x += step;
      if (std::abs(step) <= 1e-15 * x) break;
    }
    return -x;
  }
  double x = -std::sqrt(-2 * std::log(2 * p));
  for (int i = 0; i < kIterationsMax; ++i) {
    const double below = std::erfc(-x / std::numbers::sqrt2) / 2;
    const double step = std::log(p / below) * below / NormalDensity(x);
    x += step;
    if (std::abs(step) <= 1e-15 * std::abs(x)) break;
  }
  return x;
}

double RegularizedIncompleteBeta(double x, double a, double b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double log_factor = LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * std::log(x) + b * std::log1p(-x);
  if (x < (a + 1) / (a + b + 2)) return std::exp(log_factor) * IncompleteBetaFraction(x, a, b) / a;
  return 1 - std::exp(log_factor) * IncompleteBetaFraction(1 - x, b, a) / b;
}

double StudentTQuantile(double p, double degrees) {
  if (p == 0.5) return 0;
  if (p < 0.5) return -StudentTQuantile(1 - p, degrees);
  if (degrees >= kDegreesExpansionMin) return StudentTExpansion(p, degrees);
  const bool central = p < 0.75;  // measure the smaller part, which keeps its relative precision
  const double wanted = central ? p - 0.5 : 1 - p;
  // How far t is too small (positive) or too large.
  const auto missing = [&](double t) {
    return central ? wanted - StudentTCenter(t, degrees) : StudentTTail(t, degrees) - wanted;
  };
  double low = 0;
  double high = 1;
  while (missing(high) > 0) {
    low = high;
    high *= 2;
  }
  double t = (low + high) / 2;
  for (int i = 0; i < kIterationsMax; ++i) {
    const double gap = missing(t);
    (gap > 0 ? low : high) = t;
    double next = t + gap / StudentTDensity(t, degrees);
    if (!(next > low && next < high)) next = (low + high) / 2;
    if (std::abs(next - t) <= 1e-14 * t) return next;
    t = next;
  }
  return t;
}

Interval WilsonInterval(int64_t successes, int64_t n, double confidence) {
  const double z = NormalQuantile(0.5 + confidence / 2);
  const double count = static_cast<double>(n);
  const double share = static_cast<double>(successes) / count;
  const double z2 = z * z;
  const double center = share + z2 / (2 * count);
  const double half = z * std::sqrt(share * (1 - share) / count + z2 / (4 * count * count));
  const double scale = 1 + z2 / count;
  // The ends of the range are met exactly; rounding would leave 1e-17.
  return {.low = successes == 0 ? 0 : (center - half) / scale, .high = successes == n ? 1 : (center + half) / scale};
}

std::optional<Interval> StudentTInterval(double mean, double variance, int64_t n, double confidence) {
  if (n < 2 || !(variance > 0)) return std::nullopt;
  const double half =
      StudentTQuantile(0.5 + confidence / 2, static_cast<double>(n - 1)) * std::sqrt(variance / static_cast<double>(n));
  return Interval{.low = mean - half, .high = mean + half};
}

std::optional<RankInterval> MedianRankInterval(int64_t n, double confidence) {
  const double tail = (1 - confidence) / 2;
  // P(Binomial(n, 1/2) <= rank).
  const auto below = [&](int64_t rank) {
    return RegularizedIncompleteBeta(0.5, static_cast<double>(n - rank), static_cast<double>(rank + 1));
  };
  if (n < 1 || below(0) > tail) return std::nullopt;
  int64_t low = 0;       // below(low) <= tail
  int64_t high = n / 2;  // below(high) >= 1/2 > tail
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (below(middle) <= tail ? low : high) = middle;
  }
  return RankInterval{.low = low, .high = n - 1 - low};
}

}  // namespace throughline
