#include "services/metrics/models/newton_logistic.h"

#include <algorithm>
#include <cmath>

#include "throughline/models/drivers.h"

namespace throughline {
namespace {

constexpr int kIterationsMax = 200;
constexpr int kHalvingsMax = 40;
constexpr double kStepTolerance = 1e-10;  // of a parameter, relative above 1
// From here on a step that does not shrink is looked at as a direction that divides the labels.
constexpr int kSeparationIterationsMin = 8;
constexpr double kSeparationTolerance = 1e-7;

double Linear(const double* row, Eigen::Index columns, const Eigen::VectorXd& parameters) {
  double sum = parameters[0];
  for (Eigen::Index j = 0; j < columns; ++j) sum += row[j] * parameters[j + 1];
  return sum;
}

// log(1 + e^x).
double SoftPlus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

double LogLikelihood(const FeatureRows& rows, const Eigen::VectorXd& labels, const Eigen::VectorXd& parameters) {
  double sum = 0;
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double x = Linear(rows.data() + i * rows.cols(), rows.cols(), parameters);
    sum -= SoftPlus(labels[i] > 0 ? -x : x);
  }
  return sum;
}

double Objective(const FeatureRows& rows, const Eigen::VectorXd& labels, const Eigen::VectorXd& parameters,
                 double penalty) {
  return penalty / 2 * parameters.tail(rows.cols()).squaredNorm() - LogLikelihood(rows, labels, parameters);
}

// One pass over the cases: gradient of the log-likelihood and information, both without the penalty.
void SumDerivatives(const FeatureRows& rows, const Eigen::VectorXd& labels, const Eigen::VectorXd& parameters,
                    Eigen::VectorXd& gradient, Eigen::MatrixXd& information) {
  const Eigen::Index columns = rows.cols();
  const Eigen::Index size = columns + 1;
  gradient.setZero(size);
  information.setZero(size, size);
  std::vector<double> extended(static_cast<size_t>(size), 1.0);
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double* row = rows.data() + i * columns;
    std::copy_n(row, columns, extended.begin() + 1);
    const double x = Linear(row, columns, parameters);
    // y − p without cancellation where p is near y.
    const double residual = labels[i] > 0 ? Logistic(-x) : -Logistic(x);
    const double weight = Logistic(x) * Logistic(-x);
    double* column = information.data();
    for (Eigen::Index a = 0; a < size; ++a, column += size) {
      gradient.data()[a] += residual * extended[a];
      const double scaled = weight * extended[a];
      for (Eigen::Index b = a; b < size; ++b) column[b] += scaled * extended[b];
    }
  }
  information.triangularView<Eigen::StrictlyUpper>() = information.transpose();
}

// Whether moving along the direction never hurts a case and helps some: then the likelihood has no maximum.
bool Separates(const FeatureRows& rows, const Eigen::VectorXd& labels, const Eigen::VectorXd& direction) {
  double worst = 0;
  double largest = 0;
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double x = Linear(rows.data() + i * rows.cols(), rows.cols(), direction);
    worst = std::min(worst, labels[i] > 0 ? x : -x);
    largest = std::max(largest, std::abs(x));
  }
  return largest > 0 && worst >= -kSeparationTolerance * largest;
}

}  // namespace

double Logistic(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

ColumnScale ScaleOf(const FeatureRows& rows) {
  ColumnScale scale{.mean = Eigen::VectorXd::Zero(rows.cols()),
                    .standard_deviation = Eigen::VectorXd::Zero(rows.cols())};
  if (rows.rows() == 0) return scale;
  for (Eigen::Index j = 0; j < rows.cols(); ++j) {
    const auto column = rows.col(j);
    // In units of the largest value: squares of huge values are not finite.
    const double largest = column.cwiseAbs().maxCoeff();
    if (column.minCoeff() == column.maxCoeff()) {
      scale.mean[j] = column[0];
      continue;
    }
    const double mean = (column / largest).mean();
    scale.mean[j] = mean * largest;
    const double deviation = std::sqrt((column.array() / largest - mean).square().mean());
    // Below the rounding of the mean there is no spread.
    if (deviation > 1e-14) scale.standard_deviation[j] = deviation * largest;
  }
  return scale;
}

FeatureRows Standardized(const FeatureRows& rows, const ColumnScale& scale) {
  FeatureRows out(rows.rows(), rows.cols());
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double* from = rows.data() + i * rows.cols();
    double* to = out.data() + i * rows.cols();
    for (Eigen::Index j = 0; j < rows.cols(); ++j) {
      const double deviation = scale.standard_deviation.data()[j];
      to[j] = deviation > 0 ? (from[j] - scale.mean.data()[j]) / deviation : 0;
    }
  }
  return out;
}

std::vector<int> IndependentColumns(const Eigen::MatrixXd& correlations, int count) {
  Eigen::MatrixXd matrix = correlations;
  std::vector<int> kept;
  for (int j = 0; j < count; ++j) {
    // The pivots of the elimination are 1 − R² of each column on those kept before it.
    if (!(matrix(j, j) > kToleranceMin)) continue;
    kept.push_back(j);
    for (int i = j + 1; i < count; ++i) {
      const double factor = matrix(i, j) / matrix(j, j);
      matrix.row(i).tail(matrix.cols() - j) -= factor * matrix.row(j).tail(matrix.cols() - j);
    }
  }
  return kept;
}

NewtonFit FitNewton(const FeatureRows& standardized, const Eigen::VectorXd& labels, double penalty) {
  const Eigen::Index size = standardized.cols() + 1;
  NewtonFit fit;
  fit.parameters = Eigen::VectorXd::Zero(size);
  const double share = labels.mean();
  fit.parameters[0] = std::log(share / (1 - share));
  double objective = Objective(standardized, labels, fit.parameters, penalty);
  Eigen::VectorXd gradient;
  Eigen::MatrixXd information;
  for (fit.iterations = 1; fit.iterations <= kIterationsMax; ++fit.iterations) {
    SumDerivatives(standardized, labels, fit.parameters, gradient, information);
    information.diagonal().tail(size - 1).array() += penalty;
    gradient.tail(size - 1) -= penalty * fit.parameters.tail(size - 1);
    const Eigen::LDLT<Eigen::MatrixXd> factored(information);
    const Eigen::VectorXd step = factored.solve(gradient);
    if (!step.allFinite()) return fit;
    const double largest = (step.array().abs() / fit.parameters.array().abs().max(1)).maxCoeff();
    double part = 1;
    double next = Objective(standardized, labels, fit.parameters + step, penalty);
    for (int halving = 0; halving < kHalvingsMax && !(next <= objective + 1e-12 * std::abs(objective)); ++halving) {
      part /= 2;
      next = Objective(standardized, labels, fit.parameters + part * step, penalty);
    }
    fit.parameters += part * step;
    objective = next;
    if (largest < kStepTolerance) {
      fit.covariance = factored.solve(Eigen::MatrixXd::Identity(size, size));
      fit.log_likelihood = LogLikelihood(standardized, labels, fit.parameters);
      const bool finite = fit.covariance.allFinite() && std::isfinite(fit.log_likelihood);
      if (finite && (fit.covariance.diagonal().array() > 0).all()) fit.state = LogisticState::kOk;
      return fit;
    }
    if (penalty == 0 && fit.iterations >= kSeparationIterationsMin && Separates(standardized, labels, step)) {
      fit.state = LogisticState::kSeparated;
      return fit;
    }
  }
  return fit;
}

}  // namespace throughline
