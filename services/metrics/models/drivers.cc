#include "throughline/models/drivers.h"

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "services/metrics/models/newton_logistic.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kBootstrapSamplesMin = 100;

// Columns: the drivers, then the outcome.
using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Shares {
  double r_squared = 0;
  std::vector<double> lmg;
  std::vector<double> weights;
};

absl::Status CheckData(const DriverData& data, const DriverOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (data.names.empty()) return MissingField("names");
  if (absl::Status status = CheckCount("names", data.names.size(), kDriversMax); !status.ok()) return status;
  if (absl::Status status = CheckCount("rows", data.rows.size(), kDriverRowsMax); !status.ok()) return status;
  const int samples = options.bootstrap_samples;
  if (samples != 0 && (samples < kBootstrapSamplesMin || samples > kBootstrapSamplesMax)) {
    return InvalidField("bootstrap_samples",
                        absl::StrFormat("must be 0, or %d to %d", kBootstrapSamplesMin, kBootstrapSamplesMax));
  }
  if (static_cast<int64_t>(data.rows.size()) * samples > kBootstrapWorkMax) {
    return InvalidField("bootstrap_samples",
                        absl::StrFormat("times the number of rows must be at most %d", kBootstrapWorkMax));
  }
  for (size_t i = 0; i < data.rows.size(); ++i) {
    const DriverRow& row = data.rows[i];
    const std::string path = FieldPath("rows", i);
    if (row.drivers.size() != data.names.size()) {
      return InvalidField(FieldPath(path, "drivers"), "must have one entry for each name");
    }
    bool finite = std::isfinite(row.outcome.value_or(0));
    for (const auto& value : row.drivers) finite = finite && std::isfinite(value.value_or(0));
    if (!finite) return InvalidField(path, "must hold finite numbers");
  }
  return absl::OkStatus();
}

// Complete rows in an order that depends on their values alone.
Rows CompleteRows(const DriverData& data) {
  std::vector<std::vector<double>> complete;
  for (const DriverRow& row : data.rows) {
    std::vector<double> values;
    for (const auto& value : row.drivers) {
      if (value.has_value()) values.push_back(*value);
    }
    if (values.size() < row.drivers.size() || !row.outcome.has_value()) continue;
    values.push_back(*row.outcome);
    complete.push_back(std::move(values));
  }
  std::sort(complete.begin(), complete.end());
  Rows rows(static_cast<Eigen::Index>(complete.size()), static_cast<Eigen::Index>(data.names.size() + 1));
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    rows.row(i) = Eigen::Map<const Eigen::RowVectorXd>(complete[static_cast<size_t>(i)].data(), rows.cols());
  }
  return rows;
}

// Scales each column by its largest value, so that squares of huge and tiny values neither overflow nor vanish, and
// centres it. Correlations do not change.
void Standardize(Rows& rows) {
  for (Eigen::Index j = 0; j < rows.cols(); ++j) {
    const double largest = rows.col(j).cwiseAbs().maxCoeff();
    if (largest > 0) rows.col(j) /= largest;
    rows.col(j).array() -= rows.col(j).mean();
    // Rounding leaves a constant column at 1e-16 instead of 0.
    if (rows.col(j).cwiseAbs().maxCoeff() < 1e-14) {
      rows.col(j).setZero();
      continue;
    }
    rows.col(j) /= rows.col(j).norm();
  }
}

// The correlations of the columns, or of those of a resample whose cross-products and sums are given. False if a column
// is constant.
bool Correlations(Eigen::MatrixXd products, const Eigen::VectorXd& sums, double n, Eigen::MatrixXd& correlations) {
  products.noalias() -= sums * sums.transpose() / n;
  const Eigen::VectorXd variances = products.diagonal();
  if (!((variances.array() * n) > 1e-20).all()) return false;
  const Eigen::VectorXd scale = variances.cwiseSqrt().cwiseInverse();
  correlations = scale.asDiagonal() * products * scale.asDiagonal();
  return correlations.allFinite();
}

// The first driver that is a linear combination of those before it, or −1.
int FirstRedundant(const Eigen::MatrixXd& correlations, int count) {
  const std::vector<int> independent = IndependentColumns(correlations, count);
  for (int j = 0; j < count; ++j) {
    if (static_cast<size_t>(j) >= independent.size() || independent[j] != j) return j;
  }
  return -1;
}

// R² of every set of drivers (by bit mask), by walking the tree of decisions "driver k in or out". Each node keeps what
// is left of the correlations after the drivers that are in (the Schur complement) for the drivers that are undecided
// and the outcome: the matrices shrink on the way down, so that all 2^p sets cost about 12·2^p operations.
class SubsetWalk {
 public:
  explicit SubsetWalk(int drivers) : drivers_(drivers), r_squared_(size_t{1} << drivers), levels_(drivers + 1) {
    for (int level = 0; level <= drivers; ++level) levels_[level].resize((drivers + 1 - level) * (drivers + 1 - level));
  }
  const std::vector<double>& Run(const Eigen::MatrixXd& correlations) {
    for (int i = 0; i <= drivers_; ++i) {
      for (int j = 0; j <= drivers_; ++j) levels_[0][i * (drivers_ + 1) + j] = correlations(i, j);
    }
    Visit(0, 0);
    return r_squared_;
  }

 private:
  void Visit(int level, size_t mask) {
    const std::vector<double>& from = levels_[level];
    if (level == drivers_) {
      r_squared_[mask] = std::clamp(1 - from[0], 0.0, 1.0);
      return;
    }
    const int size = drivers_ + 1 - level;
    std::vector<double>& to = levels_[level + 1];
    for (int i = 1; i < size; ++i) std::copy_n(&from[i * size + 1], size - 1, &to[(i - 1) * (size - 1)]);
    Visit(level + 1, mask);
    for (int i = 1; i < size; ++i) {
      const double factor = from[i * size] / from[0];
      for (int j = 1; j < size; ++j) to[(i - 1) * (size - 1) + j - 1] = from[i * size + j] - factor * from[j];
    }
    Visit(level + 1, mask | (size_t{1} << level));
  }

  int drivers_;
  std::vector<double> r_squared_;
  std::vector<std::vector<double>> levels_;
};

std::vector<double> LmgOf(const std::vector<double>& r_squared, int drivers) {
  // weight[s] = s!(p−s−1)!/p! = 1/(p·C(p−1, s)).
  std::vector<double> weight(drivers);
  double choose = 1;
  for (int s = 0; s < drivers; ++s) {
    weight[s] = 1 / (drivers * choose);
    choose = choose * (drivers - 1 - s) / (s + 1);
  }
  std::vector<double> lmg(drivers, 0.0);
  for (size_t mask = 0; mask < r_squared.size(); ++mask) {
    const int size = std::popcount(mask);
    for (int j = 0; j < drivers; ++j) {
      const size_t bit = size_t{1} << j;
      if ((mask & bit) == 0) lmg[j] += weight[size] * (r_squared[mask | bit] - r_squared[mask]);
    }
  }
  return lmg;
}

std::vector<double> RelativeWeightsOf(const Eigen::MatrixXd& correlations, int drivers) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(correlations.topLeftCorner(drivers, drivers));
  const Eigen::VectorXd roots = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
  const Eigen::MatrixXd& vectors = solver.eigenvectors();
  const Eigen::MatrixXd root = vectors * roots.asDiagonal() * vectors.transpose();
  const Eigen::VectorXd projected = vectors.transpose() * correlations.col(drivers).head(drivers);
  const Eigen::VectorXd beta = vectors * projected.cwiseQuotient(roots);
  const Eigen::VectorXd weights = root.cwiseAbs2() * beta.cwiseAbs2();
  return {weights.begin(), weights.end()};
}

// False if the correlations are those of redundant drivers.
bool ComputeShares(const Eigen::MatrixXd& correlations, SubsetWalk& walk, Shares& shares) {
  const int drivers = static_cast<int>(correlations.rows()) - 1;
  if (FirstRedundant(correlations, drivers) >= 0) return false;
  const std::vector<double>& r_squared = walk.Run(correlations);
  shares.r_squared = r_squared.back();
  shares.lmg = LmgOf(r_squared, drivers);
  shares.weights = RelativeWeightsOf(correlations, drivers);
  return true;
}

// The distribution of the shares over resamples of the rows: columns r_squared, lmg, weights. Resamples without an
// answer (a constant column) are left out.
std::vector<std::vector<double>> Bootstrap(const Rows& rows, const DriverOptions& options, SubsetWalk& walk) {
  const auto n = rows.rows();
  const auto columns = rows.cols();
  std::mt19937_64 random(options.seed);
  std::vector<std::vector<double>> draws(2 * static_cast<size_t>(columns) - 1);
  std::vector<int> times(n);
  Eigen::MatrixXd correlations;
  Shares shares;
  for (int sample = 0; sample < options.bootstrap_samples; ++sample) {
    std::fill(times.begin(), times.end(), 0);
    // The remainder's bias is below n/2^64. std::uniform_int_distribution differs between standard libraries.
    for (Eigen::Index i = 0; i < n; ++i) ++times[random() % static_cast<uint64_t>(n)];
    Eigen::MatrixXd products = Eigen::MatrixXd::Zero(columns, columns);
    Eigen::VectorXd sums = Eigen::VectorXd::Zero(columns);
    for (Eigen::Index i = 0; i < n; ++i) {
      if (times[i] == 0) continue;
      const double* row = &rows(i, 0);
      for (Eigen::Index a = 0; a < columns; ++a) {
        const double scaled = times[i] * row[a];
        sums[a] += scaled;
        for (Eigen::Index b = 0; b <= a; ++b) products(a, b) += scaled * row[b];
      }
    }
    products.triangularView<Eigen::StrictlyUpper>() = products.transpose();
    if (!Correlations(products, sums, static_cast<double>(n), correlations)) continue;
    if (!ComputeShares(correlations, walk, shares)) continue;
    draws[0].push_back(shares.r_squared);
    for (Eigen::Index j = 0; j + 1 < columns; ++j) {
      draws[static_cast<size_t>(1 + j)].push_back(shares.lmg[j]);
      draws[static_cast<size_t>(columns + j)].push_back(shares.weights[j]);
    }
  }
  for (auto& column : draws) std::sort(column.begin(), column.end());
  return draws;
}

// Percentile interval, if at least nine tenths of the resamples had an answer.
void SetPercentiles(const std::vector<double>& draws, const DriverOptions& options, Estimate& estimate) {
  if (options.bootstrap_samples == 0 || draws.size() * 10 < static_cast<size_t>(options.bootstrap_samples) * 9) return;
  const double tail = (1 - options.confidence_level) / 2;
  const auto at = [&](double q) {
    const double rank = std::ceil(q * static_cast<double>(draws.size())) - 1;
    return draws[static_cast<size_t>(std::clamp(rank, 0.0, static_cast<double>(draws.size() - 1)))];
  };
  SetInterval(at(tail), at(1 - tail), estimate);
}

std::string MethodOf(absl::string_view number, const DriverOptions& options) {
  if (options.bootstrap_samples == 0) return absl::StrCat(number, ", no interval");
  return MethodText(number, absl::StrFormat("bootstrap-percentile of %d", options.bootstrap_samples),
                    options.confidence_level);
}

// Why there is no answer, or empty.
std::string WhyUndefined(const Rows& rows, const std::vector<std::string>& names) {
  const auto drivers = static_cast<Eigen::Index>(names.size());
  if (rows.rows() < drivers + 2) {
    return absl::StrFormat("%d drivers need at least %d complete rows.", drivers, drivers + 2);
  }
  if (rows.col(drivers).isZero(0)) return "All outcomes are equal.";
  for (Eigen::Index j = 0; j < drivers; ++j) {
    if (rows.col(j).isZero(0)) return absl::StrFormat("All values of the driver %s are equal.", names[j]);
  }
  const int redundant = FirstRedundant(rows.transpose() * rows, static_cast<int>(drivers));
  if (redundant < 0) return "";
  return absl::StrFormat("The driver %s is an exact linear combination of those before it: leave one of them out.",
                         names[static_cast<size_t>(redundant)]);
}

void FillEstimate(double value, double r_squared, const std::vector<double>& draws, const DriverOptions& options,
                  Estimate& estimate) {
  SetFiniteValue(value, estimate.n, options, estimate);
  SetDetail("share", r_squared > 0 ? value / r_squared : 0, estimate);
  if (!draws.empty()) SetPercentiles(draws, options, estimate);
}

}  // namespace

absl::StatusOr<DriverReport> DriverShares(const DriverData& data, const DriverOptions& options) {
  if (absl::Status status = CheckData(data, options); !status.ok()) return status;
  const int drivers = static_cast<int>(data.names.size());
  Rows rows = CompleteRows(data);
  DriverReport report;
  Estimate blank;
  blank.n = rows.rows();
  Exclude("incomplete", static_cast<int64_t>(data.rows.size()) - blank.n, blank);
  report.r_squared = blank;
  report.r_squared.method = MethodOf("r-squared", options);
  if (rows.rows() > 0) Standardize(rows);
  if (const std::string reason = WhyUndefined(rows, data.names); !reason.empty()) {
    SetUndefined(reason, report.r_squared);
    return report;
  }
  const Eigen::MatrixXd correlations = rows.transpose() * rows;
  SubsetWalk walk(drivers);
  Shares shares;
  if (!ComputeShares(correlations, walk, shares)) {
    SetUndefined("The drivers are too nearly collinear to tell apart.", report.r_squared);
    return report;
  }
  const auto draws = Bootstrap(rows, options, walk);
  const auto n = static_cast<double>(blank.n);
  SetFiniteValue(shares.r_squared, blank.n, options, report.r_squared);
  SetDetail("adjusted", 1 - (1 - shares.r_squared) * (n - 1) / (n - drivers - 1), report.r_squared);
  SetPercentiles(draws[0], options, report.r_squared);
  for (int j = 0; j < drivers; ++j) {
    Driver driver;
    driver.name = data.names[static_cast<size_t>(j)];
    driver.correlation = std::clamp(correlations(j, drivers), -1.0, 1.0);
    // Rounding leaves a correlation of 0 at 1e-16.
    driver.sign = (driver.correlation > 1e-12) - (driver.correlation < -1e-12);
    driver.lmg = driver.relative_weight = blank;
    driver.lmg.method = MethodOf("lmg", options);
    driver.relative_weight.method = MethodOf("relative-weight", options);
    FillEstimate(shares.lmg[j], shares.r_squared, draws[1 + j], options, driver.lmg);
    FillEstimate(shares.weights[j], shares.r_squared, draws[1 + drivers + j], options, driver.relative_weight);
    report.drivers.push_back(std::move(driver));
  }
  return report;
}

}  // namespace throughline
