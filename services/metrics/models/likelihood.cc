#include "services/metrics/models/likelihood.h"

#include <nlopt.h>
#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace throughline {
namespace {

constexpr int kNewtonStepsMax = 50;
constexpr int kHalvingsMax = 30;
constexpr double kStepConverged = 1e-5;  // of a log parameter: a hundredth of what maximum likelihood is held to
constexpr double kStepDone = 1e-9;       // nothing is gained by going on
constexpr double kDifference = 1e-4;     // error of a central difference: 1e-8 of the third derivative

struct Search {
  explicit Search(const LogLikelihood& maximized) : likelihood(maximized) {}
  const LogLikelihood& likelihood;
  int evaluations = 0;
  Eigen::VectorXd gradient;  // where At was asked last

  double At(const Eigen::VectorXd& x) {
    ++evaluations;
    gradient.setZero(x.size());
    const double value = likelihood(x, gradient);
    if (!std::isfinite(value) || !gradient.allFinite()) {
      gradient.setZero();
      return -std::numeric_limits<double>::max();
    }
    return value;
  }
};

double Objective(unsigned n, const double* x, double* gradient, void* data) {
  auto& search = *static_cast<Search*>(data);
  const double value = search.At(Eigen::Map<const Eigen::VectorXd>(x, n));
  if (gradient != nullptr) Eigen::Map<Eigen::VectorXd>(gradient, n) = search.gradient;
  return value;
}

// Comes near the maximum; how near is for Newton's iteration to say, so that NLopt's own opinion does not matter.
Eigen::VectorXd Climb(Search& search, const Eigen::VectorXd& start) {
  std::vector<double> x(start.data(), start.data() + start.size());
  const std::unique_ptr<nlopt_opt_s, decltype(&nlopt_destroy)> optimizer(
      nlopt_create(NLOPT_LD_LBFGS, static_cast<unsigned>(x.size())), &nlopt_destroy);
  if (optimizer == nullptr) return start;
  nlopt_set_max_objective(optimizer.get(), &Objective, &search);
  nlopt_set_lower_bounds1(optimizer.get(), -kLogParameterMax);
  nlopt_set_upper_bounds1(optimizer.get(), kLogParameterMax);
  nlopt_set_ftol_rel(optimizer.get(), 1e-12);
  nlopt_set_maxeval(optimizer.get(), kLikelihoodEvaluationsMax);
  double value = 0;
  nlopt_optimize(optimizer.get(), x.data(), &value);
  const Eigen::VectorXd end = Eigen::Map<const Eigen::VectorXd>(x.data(), start.size());
  if (!end.allFinite()) return start;
  return search.At(end) >= search.At(start) ? end : start;
}

// Minus the second derivatives.
Eigen::MatrixXd Information(Search& search, const Eigen::VectorXd& x) {
  Eigen::MatrixXd information(x.size(), x.size());
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    Eigen::VectorXd moved = x;
    moved(i) = x(i) + kDifference;
    search.At(moved);
    const Eigen::VectorXd above = search.gradient;
    moved(i) = x(i) - kDifference;
    search.At(moved);
    information.col(i) = (search.gradient - above) / (2 * kDifference);
  }
  return (information + information.transpose()) / 2;
}

// Whether a direction of the parameter space is left about which the data say nothing.
bool IsPositiveDefinite(const Eigen::LDLT<Eigen::MatrixXd>& solver, const Eigen::MatrixXd& information) {
  const double smallest = solver.vectorD().minCoeff();
  return solver.info() == Eigen::Success && smallest > 1e-12 * information.diagonal().maxCoeff() && smallest > 0;
}

}  // namespace

LikelihoodMaximum MaximizeLikelihood(const LogLikelihood& likelihood, const Eigen::VectorXd& start) {
  Search search(likelihood);
  LikelihoodMaximum out;
  Eigen::VectorXd x = Climb(search, start);
  double value = search.At(x);
  double step_size = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kNewtonStepsMax; ++i) {
    const Eigen::MatrixXd information = Information(search, x);
    value = search.At(x);
    const Eigen::VectorXd gradient = search.gradient;
    const Eigen::LDLT<Eigen::MatrixXd> solver(information);
    out.covariance.resize(0, 0);
    if (!information.allFinite() || !IsPositiveDefinite(solver, information)) break;
    const Eigen::VectorXd step = solver.solve(gradient);
    step_size = step.cwiseAbs().maxCoeff();
    if (!std::isfinite(step_size)) break;
    out.covariance = solver.solve(Eigen::MatrixXd::Identity(x.size(), x.size()));
    if (step_size < kStepDone) break;
    double factor = std::min(1.0, 2 / step_size);
    bool better = false;
    for (int halving = 0; halving < kHalvingsMax && !better; ++halving, factor /= 2) {
      const Eigen::VectorXd next = (x + factor * step).cwiseMax(-kLogParameterMax).cwiseMin(kLogParameterMax);
      const double next_value = search.At(next);
      if (next_value > value) {
        x = next;
        value = next_value;
        better = true;
      }
    }
    if (!better) break;
  }
  out.log_parameters = x;
  out.value = value;
  out.evaluations = search.evaluations;
  const bool at_bound = x.cwiseAbs().maxCoeff() > kLogParameterMax - 0.5;
  out.converged = out.covariance.size() > 0 && out.covariance.allFinite() && step_size < kStepConverged && !at_bound;
  if (out.converged) return out;
  out.covariance.resize(0, 0);
  out.problem = at_bound ? "The likelihood has no maximum: it grows as a parameter goes to 0 or without bound."
                         : "The search for the maximum of the likelihood did not converge.";
  return out;
}

}  // namespace throughline
