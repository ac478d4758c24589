// Maximum likelihood with few positive parameters. Any thread.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <string>

namespace throughline {

// The log-likelihood at the logarithms of the parameters, and its gradient with respect to them. May return values that
// are not finite: the search goes round them.
using LogLikelihood = std::function<double(const Eigen::VectorXd& log_parameters, Eigen::VectorXd& gradient)>;

// Scale the data so that the parameters are of order 1: outside e^±kLogParameterMax nothing is looked for.
inline constexpr double kLogParameterMax = 14;
inline constexpr int kLikelihoodEvaluationsMax = 2000;

struct LikelihoodMaximum {
  bool converged = false;
  std::string problem;  // words for people, unless converged
  Eigen::VectorXd log_parameters;
  double value = 0;  // finite
  // Of the log parameters: the inverse of the observed information. Empty unless converged.
  Eigen::MatrixXd covariance;
  int evaluations = 0;
};

// NLopt's L-BFGS within the bounds, then Newton steps with differences of the gradient as second derivatives.
// Converged: the information is positive definite, the next Newton step changes no log parameter by 1e-5, and no
// parameter lies at a bound. Deterministic.
LikelihoodMaximum MaximizeLikelihood(const LogLikelihood& likelihood, const Eigen::VectorXd& start);

}  // namespace throughline
