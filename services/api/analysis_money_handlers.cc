// Money: what becomes of recurring revenue, and what customers bought.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "services/api/analysis_queries.h"
#include "services/api/analysis_question.h"
#include "services/api/handlers.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/models/intervals.h"
#include "throughline/resource_names.h"
#include "throughline/v1/analysis_service.pb.h"

namespace throughline::api {
namespace {

constexpr double kConfidence = 0.95;

// ---- Revenue --------------------------------------------------------------------------------------------------------

absl::StatusOr<RevenueQuery::Meaning> ToMeaning(v1::QueryRevenueMovementsRequest::AmountMeaning meaning) {
  switch (meaning) {
    case v1::QueryRevenueMovementsRequest::AMOUNT_MEANING_UNSPECIFIED:
    case v1::QueryRevenueMovementsRequest::PAYMENTS:
      return RevenueQuery::Meaning::kPayments;
    case v1::QueryRevenueMovementsRequest::LEVEL:
      return RevenueQuery::Meaning::kLevel;
    default:
      return InvalidField("amount_meaning", "must be PAYMENTS or LEVEL");
  }
}

}  // namespace

absl::StatusOr<absl::CivilMonth> ToMonth(absl::string_view text, absl::string_view field) {
  constexpr size_t kYearDigits = 4;
  int year = 0;
  int month = 0;
  const bool shaped = text.size() == 7 && text[kYearDigits] == '-' && std::all_of(text.begin(), text.end(), [](char c) {
                        return c == '-' || absl::ascii_isdigit(static_cast<unsigned char>(c));
                      });
  if (!shaped || !absl::SimpleAtoi(text.substr(0, kYearDigits), &year) ||
      !absl::SimpleAtoi(text.substr(kYearDigits + 1), &month) || year < 1 || month < 1 || month > 12) {
    return InvalidField(field, "must be a month such as 2026-01");
  }
  return absl::CivilMonth(year, month);
}

absl::StatusOr<RevenueQuery> MakeQuery(RequestContext&, const v1::QueryRevenueMovementsRequest& request,
                                       const Question& question) {
  RevenueQuery query;
  if (request.has_money()) {
    ASSIGN_OR_RETURN(query.money, ToSelector(request.money(), "money"));
  } else {
    ASSIGN_OR_RETURN(query.money.filter, Filter::ParseAndCheck("amount_minor:*", EventFilterFields()));
  }
  ASSIGN_OR_RETURN(query.meaning, ToMeaning(request.amount_meaning()));
  RETURN_IF_ERROR(CheckCurrencyCode(request.currency_code(), "currency_code"));
  query.currency_code = request.currency_code();
  ASSIGN_OR_RETURN(query.zone, ToZone(request.time_zone(), question, "time_zone"));
  ASSIGN_OR_RETURN(query.month_count, ToCount(request.month_count(), limits::kRevenueMonthCountDefault,
                                              limits::kRevenueMonthCountMax, "month_count"));
  query.first_month = absl::ToCivilMonth(question.now, query.zone) - (query.month_count - 1);
  if (!request.first_month().empty()) {
    ASSIGN_OR_RETURN(query.first_month, ToMonth(request.first_month(), "first_month"));
  }
  query.scope = question.scope;
  return query;
}

EventSelector GroupEvents(const RevenueQuery& query) { return query.money; }

absl::StatusOr<PurchaseQuery> MakeQuery(RequestContext&, const v1::QueryPurchasesRequest& request,
                                        const Question& question) {
  PurchaseQuery query;
  ASSIGN_OR_RETURN(query.purchase, ToSelector(request.purchase(), "purchase"));
  if (!request.currency_code().empty()) {
    RETURN_IF_ERROR(CheckCurrencyCode(request.currency_code(), "currency_code"));
  }
  query.currency_code = request.currency_code();
  ASSIGN_OR_RETURN(query.zone, ToZone(request.time_zone(), question, "time_zone"));
  query.window = question.interval;
  if (query.window.end == absl::InfiniteFuture()) query.window.end = question.now;
  if (query.window.start >= query.window.end) {
    return InvalidField("interval.start_time", "must be before now, where the interval has no end");
  }
  query.scope = question.scope;
  return query;
}

namespace {

void FillMonths(const RevenueMovements& movements, absl::CivilMonth month,
                google::protobuf::RepeatedPtrField<v1::RevenueMonth>& months) {
  for (const RevenueMovements::Month& counted : movements.months) {
    v1::RevenueMonth& added = *months.Add();
    added.set_month(absl::StrFormat("%04d-%02d", month.year(), month.month()));
    ++month;
    added.set_start_minor(counted.start);
    added.set_fresh_minor(counted.fresh);
    added.set_reactivation_minor(counted.reactivation);
    added.set_expansion_minor(counted.expansion);
    added.set_contraction_minor(counted.contraction);
    added.set_churn_minor(counted.churn);
    added.set_end_minor(counted.end);
    added.set_start_customer_count(counted.start_customers);
    added.set_fresh_customer_count(counted.fresh_customers);
    added.set_reactivated_customer_count(counted.reactivated_customers);
    added.set_expanded_customer_count(counted.expanded_customers);
    added.set_contracted_customer_count(counted.contracted_customers);
    added.set_churned_customer_count(counted.churned_customers);
    added.set_end_customer_count(counted.end_customers);
    if (counted.start_customers > 0) {
      const auto start_customers = static_cast<double>(counted.start_customers);
      const Interval churn = WilsonInterval(counted.churned_customers, counted.start_customers, kConfidence);
      added.set_logo_churn(static_cast<double>(counted.churned_customers) / start_customers);
      added.set_logo_churn_low(churn.low);
      added.set_logo_churn_high(churn.high);
    }
    if (counted.start <= 0) continue;
    const auto start = static_cast<double>(counted.start);
    added.set_gross_retention(static_cast<double>(counted.retained) / start);
    added.set_net_retention(
        static_cast<double>(counted.start + counted.expansion - counted.contraction - counted.churn) / start);
  }
}

absl::StatusOr<v1::QueryRevenueMovementsResponse> QueryRevenueMovements(
    RequestContext& context, const v1::QueryRevenueMovementsRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(RevenueQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const BreakdownPlan plan, PlanBreakdown(context, question, request.breakdown(), GroupEvents(query)));
  v1::QueryRevenueMovementsResponse response;
  response.set_data_watermark(question.view->watermark().value);
  ASSIGN_OR_RETURN(const auto whole, question.view->Revenue(query));
  FillMonths(whole.whole(), query.first_month, *response.mutable_months());
  response.set_other_currency_event_count(whole.whole().other_currency_events);
  if (!plan.dimensions.empty()) {
    query.scope.breakdown = plan.dimensions;
    ASSIGN_OR_RETURN(const auto grouped, question.view->Revenue(query));
    for (const auto& [key, movements] : grouped.groups) {
      v1::RevenueGroup& group = *response.add_groups();
      FillGroupValues(key, plan, *group.mutable_values());
      FillMonths(movements, query.first_month, *group.mutable_months());
      group.set_other_currency_event_count(movements.other_currency_events);
    }
  }
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

// ---- Purchases ------------------------------------------------------------------------------------------------------

}  // namespace

std::vector<PurchaseEntry> SampleOf(std::vector<PurchaseEntry> entries, size_t limit) {
  if (entries.size() <= limit) return entries;
  std::vector<std::pair<uint64_t, size_t>> hashes;
  for (size_t i = 0; i < entries.size(); ++i) hashes.emplace_back(StableHash(entries[i].customer_id), i);
  std::nth_element(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(limit), hashes.end());
  hashes.resize(limit);
  // The entries come by customer.
  std::sort(hashes.begin(), hashes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<PurchaseEntry> sample;
  for (const auto& [hash, place] : hashes) sample.push_back(std::move(entries[place]));
  return sample;
}

v1::CustomerPurchases ToProto(const PurchaseEntry& entry, const Question& question) {
  v1::CustomerPurchases row;
  row.set_customer(MakeCustomerName(LastSegment(question.workspace_name), entry.customer_id));
  row.set_frequency(entry.row.frequency);
  row.set_recency_days(entry.row.recency_days);
  row.set_age_days(entry.row.age_days);
  row.set_repeat_value_minor(entry.row.value_minor);
  row.set_first_value_minor(entry.row.first_value_minor);
  return row;
}

namespace {

v1::PurchaseSummary Summarize(const std::vector<PurchaseEntry>& entries) {
  v1::PurchaseSummary summary;
  for (const PurchaseEntry& entry : entries) {
    const PurchaseRow& row = entry.row;
    if (row.frequency > 0) summary.set_repeat_customer_count(summary.repeat_customer_count() + 1);
    summary.set_repeat_day_count(summary.repeat_day_count() + row.frequency);
    summary.set_value_minor(summary.value_minor() + row.first_value_minor + row.value_minor);
    summary.set_repeat_value_minor(summary.repeat_value_minor() + row.value_minor);
  }
  return summary;
}

absl::StatusOr<v1::QueryPurchasesResponse> QueryPurchases(RequestContext& context,
                                                          const v1::QueryPurchasesRequest& request) {
  ASSIGN_OR_RETURN(const Question question, OpenQuestion(context, request));
  ASSIGN_OR_RETURN(const PurchaseQuery query, MakeQuery(context, request, question));
  ASSIGN_OR_RETURN(const int limit,
                   ToCount(request.limit(), limits::kPurchaseRowLimitDefault, limits::kPurchaseRowLimitMax, "limit"));
  ASSIGN_OR_RETURN(const auto answer, question.view->Purchases(query));
  const CustomerRows<PurchaseRow>& rows = answer.whole().rows;
  std::vector<PurchaseEntry> entries = rows.entries();
  v1::QueryPurchasesResponse response;
  response.set_customer_count(rows.customers());
  *response.mutable_summary() = Summarize(entries);
  response.set_sampled_customer_count(static_cast<int64_t>(entries.size()));
  for (const PurchaseEntry& entry : SampleOf(std::move(entries), static_cast<size_t>(limit))) {
    *response.add_rows() = ToProto(entry, question);
  }
  response.set_data_watermark(question.view->watermark().value);
  RETURN_IF_ERROR(CheckAnswerSize(response));
  return response;
}

}  // namespace

void AddAnalysisMoneyMethods(RpcService& service) {
  service.AddUnary("QueryRevenueMovements", &QueryRevenueMovements);
  service.AddUnary("QueryPurchases", &QueryPurchases);
}

}  // namespace throughline::api
