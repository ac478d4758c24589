// Newton's iteration for logistic regression on a matrix of standardized features, shared by the models that fit one.
// Not thread-safe in its arguments; throws nothing.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "throughline/models/logistic.h"

namespace throughline {

// One row for each case; row-major, as the iteration goes through it case by case.
using FeatureRows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Means and standard deviations (divisor n) of the columns; 0 for a constant one.
struct ColumnScale {
  Eigen::VectorXd mean, standard_deviation;
};
ColumnScale ScaleOf(const FeatureRows& rows);
// (x − mean)/standard deviation; 0 in constant columns.
FeatureRows Standardized(const FeatureRows& rows, const ColumnScale& scale);

// The columns that are not linear combinations of earlier ones (1 − R² on them above kToleranceMin of drivers.h),
// ascending.
std::vector<int> IndependentColumns(const Eigen::MatrixXd& correlations, int count);

struct NewtonFit {
  LogisticState state = LogisticState::kNotConverged;  // kOk, kSeparated or kNotConverged
  Eigen::VectorXd parameters;                          // intercept first
  Eigen::MatrixXd covariance;
  double log_likelihood = 0;
  int iterations = 0;
};
// `labels` hold 0 and 1, both. `penalty` on all parameters but the first.
NewtonFit FitNewton(const FeatureRows& standardized, const Eigen::VectorXd& labels, double penalty);

// 1/(1 + e^−x), without overflow.
double Logistic(double x);

}  // namespace throughline
