// What customers without a contract will still buy, and what that is worth.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "services/api/analysis_answers.h"
#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/models/lifetime_value.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr double kDaysOfYear = 365;
constexpr double kDaysOfWeek = 7;
constexpr double kDaysMax = 36'500;
constexpr double kYearlyDiscountRateMax = 100;
constexpr int kPeriodsOfYear = 12;

struct ValuePlan {
  PurchaseQuery purchases;
  double time_unit_days = 0;
  double horizon_days = 0;
  ClvOptions clv;
  int limit = 0;
  bool has_values = false;
};

// 0 means `otherwise`; not below `min`, at most `max`.
absl::StatusOr<double> ToNumber(double number, double otherwise, double min, double max, absl::string_view field) {
  if (number == 0) return otherwise;
  if (!(number >= min && number <= max)) return InvalidField(field, absl::StrCat("must be ", min, " to ", max));
  return number;
}

// Discounted at the end of each month or less, so that the horizon is a whole number of equal periods.
absl::StatusOr<ClvOptions> ToClvOptions(const v1::QueryLifetimeValueRequest& request, double horizon_days) {
  ClvOptions clv;
  ASSIGN_OR_RETURN(clv.margin, ToNumber(request.margin(), 1, 1e-9, 1, "margin"));
  ASSIGN_OR_RETURN(const double yearly,
                   ToNumber(request.yearly_discount_rate(), 0, 0, kYearlyDiscountRateMax, "yearly_discount_rate"));
  clv.periods = 1;  // without discount they all count the same
  if (yearly > 0) {
    const double months = std::ceil(horizon_days * kPeriodsOfYear / kDaysOfYear);
    clv.periods = std::clamp(static_cast<int>(months), 1, kClvPeriodsMax);
  }
  clv.period_days = horizon_days / clv.periods;
  clv.discount_rate = std::pow(1 + yearly, clv.period_days / kDaysOfYear) - 1;
  return clv;
}

absl::StatusOr<ValuePlan> MakePlan(RequestContext& context, const v1::QueryLifetimeValueRequest& request,
                                   const Question& question) {
  ValuePlan plan;
  if (!request.has_purchase()) return MissingField("purchase");
  v1::QueryPurchasesRequest purchases;
  *purchases.mutable_purchase() = request.purchase();
  purchases.set_currency_code(request.currency_code());
  purchases.set_time_zone(request.time_zone());
  ASSIGN_OR_RETURN(plan.purchases, MakeQuery(context, purchases, question));
  plan.has_values = !request.currency_code().empty();
  ASSIGN_OR_RETURN(plan.time_unit_days,
                   ToNumber(request.time_unit_days(), kDaysOfWeek, 1e-3, kDaysMax, "time_unit_days"));
  ASSIGN_OR_RETURN(plan.horizon_days, ToNumber(request.horizon_days(), kDaysOfYear, 1, kDaysMax, "horizon_days"));
  ASSIGN_OR_RETURN(plan.clv, ToClvOptions(request, plan.horizon_days));
  ASSIGN_OR_RETURN(plan.limit,
                   ToCount(request.limit(), limits::kPurchaseRowLimitDefault, limits::kPurchaseRowLimitMax, "limit"));
  return plan;
}

PurchaseHistory HistoryOf(const PurchaseRow& row) {
  PurchaseHistory history;
  history.frequency = row.frequency;
  history.recency_days = static_cast<double>(row.recency_days);
  history.age_days = static_cast<double>(row.age_days);
  if (row.frequency > 0) history.mean_value = static_cast<double>(row.value_minor) / static_cast<double>(row.frequency);
  return history;
}

v1::PurchaseModel ToProto(const BgNbdFit& fit) {
  v1::PurchaseModel out;
  out.set_converged(fit.converged);
  out.set_problem(fit.problem);
  out.set_r(fit.parameters.r);
  out.set_alpha(fit.parameters.alpha);
  out.set_a(fit.parameters.a);
  out.set_b(fit.parameters.b);
  out.set_log_likelihood(fit.log_likelihood);
  out.set_n(fit.n);
  out.set_repeat_count(fit.repeat);
  out.set_time_unit_days(fit.parameters.time_unit_days);
  if (fit.standard_errors.has_value()) {
    auto& errors = *out.mutable_standard_errors();
    errors["r"] = fit.standard_errors->r;
    errors["alpha"] = fit.standard_errors->alpha;
    errors["a"] = fit.standard_errors->a;
    errors["b"] = fit.standard_errors->b;
  }
  out.set_method(fit.method);
  return out;
}

v1::ValueModel ToProto(const GammaGammaFit& fit) {
  v1::ValueModel out;
  out.set_converged(fit.converged);
  out.set_problem(fit.problem);
  out.set_p(fit.parameters.p);
  out.set_q(fit.parameters.q);
  out.set_v_minor(fit.parameters.v);
  out.set_log_likelihood(fit.log_likelihood);
  out.set_n(fit.n);
  if (fit.standard_errors.has_value()) {
    auto& errors = *out.mutable_standard_errors();
    errors["p"] = fit.standard_errors->p;
    errors["q"] = fit.standard_errors->q;
    errors["v_minor"] = fit.standard_errors->v;
  }
  out.set_method(fit.method);
  return out;
}

// Both models; the second only where there are values.
struct Fits {
  BgNbdFit purchases;
  std::optional<GammaGammaFit> values;
};

absl::StatusOr<Fits> Fit(RequestContext& context, const std::vector<PurchaseHistory>& rows, const ValuePlan& plan) {
  Fits fits;
  RETURN_IF_ERROR(context.CheckAlive());
  ASSIGN_OR_RETURN(fits.purchases, FitBgNbd(rows, plan.time_unit_days));
  if (!plan.has_values) return fits;
  RETURN_IF_ERROR(context.CheckAlive());
  ASSIGN_OR_RETURN(fits.values, FitGammaGamma(rows));
  return fits;
}

// Over all customers; who bought once counts with everybody's mean.
Estimate MeanConditionalValue(const GammaGammaFit& fit, const std::vector<PurchaseHistory>& rows) {
  Estimate mean;
  mean.method = "mean of gamma-gamma expected values";
  double sum = 0;
  for (const PurchaseHistory& row : rows) {
    if (row.frequency > 0 && row.mean_value < 0) {
      mean.excluded["negative_value"] += 1;
      continue;
    }
    const Estimate value = ExpectedPurchaseValue(fit, row);
    if (value.state == Estimate::State::kUndefined) {
      mean.undefined_reason = value.undefined_reason;
      return mean;
    }
    sum += value.value;
    mean.n += 1;
  }
  if (mean.n == 0) {
    mean.undefined_reason = "There are no customers.";
    return mean;
  }
  mean.value = sum / static_cast<double>(mean.n);
  mean.state = Estimate::State::kOk;
  return mean;
}

// Of a sample: what all customers would bring if they were like it.
Estimate ScaledTotal(Estimate total, double scale) {
  if (total.state == Estimate::State::kUndefined || scale == 1) return total;
  total.value *= scale;
  for (auto& [name, value] : total.details) value *= scale;
  total.method += ", scaled up from a sample";
  return total;
}

void FillValues(const Fits& fits, const std::vector<PurchaseHistory>& rows, const ValuePlan& plan, double scale,
                v1::QueryLifetimeValueResponse& response) {
  *response.mutable_value_model() = ToProto(*fits.values);
  *response.mutable_expected_value_minor() = api::ToProto(ExpectedPurchaseValue(*fits.values, PurchaseHistory()));
  *response.mutable_mean_conditional_value_minor() = api::ToProto(MeanConditionalValue(*fits.values, rows));
  *response.mutable_total_value_minor() =
      api::ToProto(ScaledTotal(TotalLifetimeValue(fits.purchases, *fits.values, rows, plan.clv), scale));
}

v1::CustomerLifetimeValue RowOf(const PurchaseEntry& entry, const Fits& fits, const ValuePlan& plan,
                                const Question& question) {
  v1::CustomerLifetimeValue row;
  const PurchaseHistory history = HistoryOf(entry.row);
  *row.mutable_purchases() = api::ToProto(entry, question);
  *row.mutable_probability_alive() = api::ToProto(ProbabilityAlive(fits.purchases, history));
  *row.mutable_expected_purchases() = api::ToProto(ExpectedFuturePurchases(fits.purchases, history, plan.horizon_days));
  if (fits.values.has_value()) {
    *row.mutable_value_minor() = api::ToProto(CustomerLifetimeValue(fits.purchases, *fits.values, history, plan.clv));
  }
  return row;
}

absl::StatusOr<v1::QueryLifetimeValueResponse> QueryLifetimeValue(RequestContext& context,
                                                                  const v1::QueryLifetimeValueRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const ValuePlan plan, MakePlan(context, request, question));
  ASSIGN_OR_RETURN(const auto answer, question.view->Purchases(plan.purchases));
  std::vector<PurchaseEntry> entries = answer.whole().rows.entries();
  std::vector<PurchaseHistory> rows;
  rows.reserve(entries.size());
  for (const PurchaseEntry& entry : entries) rows.push_back(HistoryOf(entry.row));
  ASSIGN_OR_RETURN(const Fits fits, Fit(context, rows, plan));
  v1::QueryLifetimeValueResponse response;
  response.set_customer_count(answer.whole().rows.customers());
  response.set_sampled_customer_count(static_cast<int64_t>(entries.size()));
  *response.mutable_purchase_model() = ToProto(fits.purchases);
  *response.mutable_expected_purchases() = api::ToProto(ExpectedPurchases(fits.purchases, plan.horizon_days));
  RETURN_IF_ERROR(context.CheckAlive());
  if (plan.has_values) {
    const double scale =
        rows.empty() ? 1 : static_cast<double>(response.customer_count()) / static_cast<double>(rows.size());
    FillValues(fits, rows, plan, scale, response);
  }
  for (const PurchaseEntry& entry : SampleOf(std::move(entries), static_cast<size_t>(plan.limit))) {
    RETURN_IF_ERROR(context.CheckAlive());
    *response.add_rows() = RowOf(entry, fits, plan, question);
  }
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisValueMethods(RpcService& service) { service.AddUnary("QueryLifetimeValue", &QueryLifetimeValue); }

}  // namespace throughline::api
