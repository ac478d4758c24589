#include "tests/reference/metrics/agreement/model_calls.h"
#include "throughline/models/revenue.h"

namespace throughline::agreement {
namespace {

Json RetentionJson(const RevenueRetention& retention) {
  return {{"gross", EstimateJson(retention.gross)},
          {"net", EstimateJson(retention.net)},
          {"logo_churn", EstimateJson(retention.logo_churn)}};
}

// The movements of [[start, end, paid before], …], one row for each customer.
RevenueMovements::Month MonthOf(const Json& customers) {
  RevenueMovements::Month month;
  for (const Json& customer : customers) {
    const int64_t start = customer.at(0), end = customer.at(1);
    month.start += start;
    month.end += end;
    month.retained += std::min(start, end);
    month.start_customers += start > 0;
    month.end_customers += end > 0;
    if (start == 0 && end > 0) {
      const bool before = customer.at(2);
      (before ? month.reactivation : month.fresh) += end;
      ++(before ? month.reactivated_customers : month.fresh_customers);
    } else if (end == 0 && start > 0) {
      month.churn += start;
      ++month.churned_customers;
    } else if (end > start) {
      month.expansion += end - start;
      ++month.expanded_customers;
    } else if (end < start) {
      month.contraction += start - end;
      ++month.contracted_customers;
    }
  }
  return month;
}

}  // namespace

void AddRevenueCalls(ModelCalls& calls) {
  calls["month_retention"] = [](const Json& input) {
    return RetentionJson(MonthRetention(MonthOf(input.at("customers"))).value());
  };
  calls["span_retention"] = [](const Json& input) {
    std::vector<RevenueMovements::Month> months;
    for (const Json& customers : input.at("months")) months.push_back(MonthOf(customers));
    return RetentionJson(SpanRetention(months).value());
  };
  calls["customer_retention"] = [](const Json& input) {
    std::vector<CustomerRevenue> customers;
    for (const Json& each : input.at("customers")) customers.push_back({each.at(0), each.at(1)});
    return RetentionJson(RetentionOfCustomers(customers).value());
  };
  calls["unit_economics"] = [](const Json& input) {
    const UnitEconomics economics = ComputeUnitEconomics({.spend_minor = input.at("spend"),
                                                          .new_customers = input.at("new"),
                                                          .arpa_minor = input.at("arpa"),
                                                          .margin = input.at("margin"),
                                                          .start_customers = input.at("start"),
                                                          .churned_customers = input.at("churned")})
                                        .value();
    return Json{{"cac", EstimateJson(economics.cac)},
                {"ltv", EstimateJson(economics.ltv)},
                {"ltv_to_cac", EstimateJson(economics.ltv_to_cac)},
                {"payback", EstimateJson(economics.payback_months)}};
  };
  calls["earned_growth"] = [](const Json& input) {
    return EstimateJson(EarnedGrowthEstimate(input.at("start"), input.at("end"), input.at("referred"), 0));
  };
  calls["monetized_nps"] = [](const Json& input) {
    std::vector<ScoredValue> customers;
    for (const Json& each : input.at("customers")) customers.push_back({each.at(0), each.at(1)});
    const MonetizedNps nps = MonetizeNps(customers, {.confidence_level = input.at("confidence")}).value();
    return Json{{"detractors", EstimateJson(nps.detractor_value)},
                {"promoters", EstimateJson(nps.promoter_value)},
                {"premium", EstimateJson(nps.promoter_premium)},
                {"at_risk", EstimateJson(nps.value_at_risk)}};
  };
}

}  // namespace throughline::agreement
