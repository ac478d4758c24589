// Churn risk: who is likely to leave, and how far the answer can be trusted. Pure functions; any thread.
//
// The model is a logistic regression with penalty λ (logistic.h). What is said of its quality is said of customers that
// it has not seen: the customers are divided into `folds` by a stable hash of their ids, and those of each fold are
// judged by a model of the others, which also standardizes by the others alone. The rows of one id are in one fold.
//
// INVALID_FIELD: as FitLogistic; an id that is empty; fewer than 2 or more than kRiskFoldsMax folds; a penalty of 0 (a
// fold may separate).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"
#include "throughline/models/logistic.h"

namespace throughline {

constexpr int kRiskFoldsMax = 20;

// Area under the ROC curve: the chance that a random yes has a higher score than a random no, ties half. Interval: by
// the variance of DeLong, DeLong & Clarke-Pearson (Biometrics 44, 1988) on the logit scale, so that it stays in (0, 1);
// none at 0 or 1. Details: standard_error, positives, negatives. Undefined without both classes, or where one has a
// single case only for the interval. INVALID_FIELD: a score that is not finite, more than kLogisticRowsMax.
struct ScoredCase {
  bool label = false;
  double score = 0;
};
absl::StatusOr<Estimate> AreaUnderCurve(const std::vector<ScoredCase>& cases, const EstimateOptions& options);

struct RiskRow {
  std::string id;             // of the customer
  std::optional<bool> label;  // left or not; absent: not known yet, does not count
  std::vector<std::optional<double>> features;
};

struct RiskData {
  std::vector<std::string> names;
  std::vector<RiskRow> rows;  // their order does not matter
};

struct RiskOptions : EstimateOptions {
  double penalty = 1;  // λ; scikit-learn's 1/C
  int folds = 5;
};

struct RiskScore {
  std::string id;
  bool label = false;
  double probability = 0;  // by a model that has not seen the customer
  int fold = 0;
};

struct RiskReport {
  LogisticFit model;  // of all complete rows; its state and reason if there is none
  // Out of sample; undefined, with the reason, if the model is, or a fold leaves only one class.
  Estimate auc;
  // Mean of (probability − label)², 0 … 1, lower is better; Student's t. Details: reference (that of always saying the
  // share), skill (1 − Brier/reference).
  Estimate brier;
  // Slope of a logistic regression of the label on the log odds that were said (Cox, Biometrika 45, 1958): 1 is
  // calibrated, below 1 the model exaggerates. Wald. Details: standard_error, intercept.
  Estimate calibration_slope;
  std::vector<RiskScore> scores;  // by id; those of all complete rows
};
absl::StatusOr<RiskReport> ChurnRisk(const RiskData& data, const RiskOptions& options);

}  // namespace throughline
