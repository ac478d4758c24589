// Drivers of an outcome: how much of the variance of an answer (a recommendation, a satisfaction) each of several other
// answers carries. Pure functions; any thread.
//
// R² of a linear regression is split among its drivers in two ways, which add up to R² each:
//   LMG (Lindeman, Merenda & Gold 1980; U. Grömping, The American Statistician 61, 2007; the Shapley value of R²):
//     LMG_j = Σ over sets S without j of |S|!(p−|S|−1)!/p! · (R²(S ∪ j) − R²(S)). Exact, over all 2^p sets.
//   Relative weights (J. W. Johnson, Multivariate Behavioral Research 35, 2000; the same numbers as Genizi's,
//   Statistica
//     Sinica 3, 1993): with R = QΛQᵀ the correlations of the drivers, B = QΛ^½Qᵀ and β = B⁻¹·r, weight_j = Σ_k B²_jk
//     β²_k.
// Shares carry no sign; the direction of a driver is the sign of its zero-order correlation with the outcome.
//
// Only rows with the outcome and all drivers count; the others are excluded["incomplete"]. A report is undefined, with
// the reason in r_squared, where the outcome or a driver is constant, where a driver is an exact linear combination of
// others (1 − R² of it on those before it below kToleranceMin), and below drivers + 2 complete rows.
//
// INVALID_FIELD: no drivers or more than kDriversMax, more than kDriverRowsMax rows, rows of another length, a number
// that is not finite, too many bootstrap samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kDriversMax = 15;  // 2^15 regressions; more are not "exact" in any useful time
constexpr size_t kDriverRowsMax = 1000000;
constexpr int kBootstrapSamplesMax = 10000;
constexpr int64_t kBootstrapWorkMax = 200000000;  // rows × samples: some seconds of one core
constexpr double kToleranceMin = 1e-10;

struct DriverRow {
  std::optional<double> outcome;
  std::vector<std::optional<double>> drivers;  // one for each name, in their order
};

struct DriverData {
  std::vector<std::string> names;
  std::vector<DriverRow> rows;  // their order does not matter
};

struct DriverOptions : EstimateOptions {
  // 0: no intervals, and the methods say so. Else percentile intervals of that many resamples of the rows (Efron 1979),
  // at least 100. They hold at some hundred rows; near 0 they are conservative, as a share cannot be negative.
  int bootstrap_samples = 0;
  uint64_t seed = 1;  // the same seed and data give the same intervals
};

struct Driver {
  std::string name;
  // Parts of R², in units of R² (0 … 1). Details: share (part of R², 0 … 1). n: complete rows.
  Estimate lmg;
  Estimate relative_weight;
  double correlation = 0;  // with the outcome, zero-order
  int sign = 0;            // of the correlation: −1, 0, 1
};

struct DriverReport {
  // Share of the outcome's variance that all drivers carry together. Details: adjusted (for the number of drivers).
  Estimate r_squared;
  std::vector<Driver> drivers;  // in the order of the names; empty if r_squared is undefined
};
absl::StatusOr<DriverReport> DriverShares(const DriverData& data, const DriverOptions& options);

}  // namespace throughline
