#include "throughline/models/intervals.h"

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>

#include "services/metrics/models/quiet_math.h"

namespace throughline {

double NormalQuantile(double p) {
  return boost::math::quantile(boost::math::normal_distribution<double, QuietMath>(), p);
}

double StudentTQuantile(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t_distribution<double, QuietMath>(degrees), p);
}

double RegularizedIncompleteBeta(double x, double a, double b) { return boost::math::ibeta(a, b, x, QuietMath()); }

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
