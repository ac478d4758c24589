#include "throughline/models/revenue.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

using Month = RevenueMovements::Month;

double Share(absl::int128 part, absl::int128 whole) { return static_cast<double>(part) / static_cast<double>(whole); }

void MakeUnbounded(absl::string_view why, Estimate& estimate) {
  estimate.undefined_reason = absl::StrCat(kUnbounded, why);
}

absl::Status CheckMonth(const Month& m) {
  for (const int64_t each : {m.start, m.fresh, m.reactivation, m.expansion, m.contraction, m.churn, m.end, m.retained,
                             m.start_customers, m.fresh_customers, m.reactivated_customers, m.expanded_customers,
                             m.contracted_customers, m.churned_customers, m.end_customers}) {
    if (each < 0) return InvalidField("month", "Movements and numbers of customers must not be negative.");
  }
  using absl::int128;
  if (int128(m.start) + m.fresh + m.reactivation + m.expansion - m.contraction - m.churn != m.end) {
    return InvalidField("end", "Must be start + fresh + reactivation + expansion - contraction - churn.");
  }
  if (int128(m.start) - m.contraction - m.churn != m.retained) {
    return InvalidField("retained", "Must be start - contraction - churn.");
  }
  if (int128(m.start_customers) + m.fresh_customers + m.reactivated_customers - m.churned_customers !=
      m.end_customers) {
    return InvalidField("end_customers", "Must be start + fresh + reactivated - churned customers.");
  }
  if (m.churned_customers > m.start_customers) {
    return InvalidField("churned_customers", "Must not be above start_customers.");
  }
  return absl::OkStatus();
}

void FillLogoChurn(int64_t churned, int64_t start, const EstimateOptions& options, Estimate& estimate) {
  estimate.method = MethodText("logo churn", "wilson", options.confidence_level);
  estimate.details["churned"] = static_cast<double>(churned);
  if (start == 0) {
    estimate.undefined_reason = "There was no customer at the start.";
    return;
  }
  SetValue(static_cast<double>(churned) / static_cast<double>(start), start, options, estimate);
  estimate.interval = WilsonInterval(churned, start, options.confidence_level);
}

// Mean and variance (divisor n − 1) of values, whatever their order.
struct Moments {
  int64_t n = 0;
  double sum = 0;
  double mean = 0;
  double variance = 0;
};
Moments MomentsOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Moments out;
  out.n = static_cast<int64_t>(values.size());
  for (const double value : values) out.sum += value;
  if (out.n == 0) return out;
  const auto count = static_cast<double>(out.n);
  out.mean = out.sum / count;
  if (values.front() == values.back()) {
    out.mean = values.front();  // the rounding of the sum would make a variance out of nothing
    return out;
  }
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  out.variance = squares / (count - 1);
  return out;
}

}  // namespace

absl::StatusOr<RevenueRetention> MonthRetention(const Month& month, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckMonth(month); !status.ok()) return status;
  RevenueRetention out;
  out.gross.method = "gross revenue retention of movements";
  out.net.method = "net revenue retention of movements";
  if (month.start == 0) {
    out.gross.undefined_reason = out.net.undefined_reason = "There was no revenue at the start.";
  } else {
    SetValue(Share(month.retained, month.start), month.start_customers, options, out.gross);
    const absl::int128 kept = absl::int128(month.retained) + month.expansion;
    SetValue(Share(kept, month.start), month.start_customers, options, out.net);
  }
  FillLogoChurn(month.churned_customers, month.start_customers, options, out.logo_churn);
  return out;
}

absl::StatusOr<RevenueRetention> SpanRetention(absl::Span<const Month> months, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (months.empty()) return InvalidField("months", "There must be at least one month.");
  if (months.size() > kRevenueMonthsMax) return LimitExceeded("the months of a span", kRevenueMonthsMax, "months");
  RevenueRetention out;
  double gross = 1, net = 1, stay = 1;
  absl::int128 churned = 0, customers = 0;
  std::string obstacle;
  for (size_t i = 0; i < months.size(); ++i) {
    const absl::StatusOr<RevenueRetention> month = MonthRetention(months[i], options);
    if (!month.ok()) return WithFieldPrefix(FieldPath("months", i), month.status());
    if (i > 0 && (months[i].start != months[i - 1].end || months[i].start_customers != months[i - 1].end_customers)) {
      return InvalidField(FieldPath(FieldPath("months", i), "start"), "Must be the end of the month before.");
    }
    churned += months[i].churned_customers;
    customers += months[i].start_customers;
    if (months[i].start == 0) obstacle = "A month began without revenue.";
    gross *= month->gross.value;
    net *= month->net.value;
    stay *= 1 - month->logo_churn.value;
  }
  if (customers > std::numeric_limits<int64_t>::max()) {
    return LimitExceeded("the customer-months of a span", std::numeric_limits<int64_t>::max(), "customer-months");
  }
  const auto count = static_cast<double>(months.size());
  out.gross.method = "gross revenue retention, product of months";
  out.net.method = "net revenue retention, product of months";
  if (!obstacle.empty() || !std::isfinite(net)) {
    out.gross.undefined_reason = out.net.undefined_reason = obstacle.empty() ? "Too large to be computed." : obstacle;
  } else {
    SetValue(gross, months.front().start_customers, options, out.gross);
    SetValue(net, months.front().start_customers, options, out.net);
  }
  FillLogoChurn(static_cast<int64_t>(churned), static_cast<int64_t>(customers), options, out.logo_churn);
  if (obstacle.empty()) out.logo_churn.details["over_span"] = 1 - stay;
  for (Estimate* each : {&out.gross, &out.net, &out.logo_churn}) each->details["months"] = count;
  return out;
}

absl::StatusOr<RevenueRetention> RetentionOfCustomers(absl::Span<const CustomerRevenue> customers,
                                                      const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (customers.size() > kRevenueCustomersMax) {
    return LimitExceeded("the customers of a retention", static_cast<int64_t>(kRevenueCustomersMax), "customers");
  }
  // A sum of 2^21 amounts of at most 1e15 needs 128 bits.
  absl::int128 start = 0, kept_gross = 0, kept_net = 0;
  std::vector<std::pair<int64_t, int64_t>> cohort;  // start and end
  int64_t lost = 0;
  for (size_t i = 0; i < customers.size(); ++i) {
    const auto [x, y] = std::pair(customers[i].start_minor, customers[i].end_minor);
    if (x < 0 || y < 0 || x > kRevenueMinorMax || y > kRevenueMinorMax) {
      return InvalidField(FieldPath("customers", i), absl::StrCat("Amounts must be from 0 to ", kRevenueMinorMax, "."));
    }
    if (x == 0) continue;
    cohort.emplace_back(x, y);
    start += x;
    kept_gross += std::min(x, y);
    kept_net += y;
    if (y == 0) ++lost;
  }
  const auto n = static_cast<int64_t>(cohort.size());
  std::sort(cohort.begin(), cohort.end());
  RevenueRetention out;
  const auto fill = [&](absl::int128 kept, bool gross, Estimate& estimate) {
    estimate.method = MethodText(gross ? "gross revenue retention" : "net revenue retention", "ratio of sums, t",
                                 options.confidence_level);
    if (n == 0) {
      estimate.undefined_reason = "There was no revenue at the start.";
      return;
    }
    const double ratio = Share(kept, start);
    SetValue(ratio, n, options, estimate);
    double squares = 0;
    for (const auto& [x, y] : cohort) {
      const double rest = static_cast<double>(gross ? std::min(x, y) : y) - ratio * static_cast<double>(x);
      squares += rest * rest;
    }
    const double mean = static_cast<double>(start) / static_cast<double>(n);
    // Where all kept the same share, what rounding leaves is no spread.
    if (n < 2 || squares <= 1e-24 * mean * mean * static_cast<double>(n)) return;
    const double variance = squares / static_cast<double>(n - 1) / (mean * mean);
    estimate.interval = StudentTInterval(ratio, variance, n, options.confidence_level);
  };
  fill(kept_gross, true, out.gross);
  fill(kept_net, false, out.net);
  FillLogoChurn(lost, n, options, out.logo_churn);
  return out;
}

Estimate EarnedGrowthEstimate(int64_t start_minor, int64_t end_of_start_customers_minor, int64_t referred_new_minor,
                              int64_t bought_new_minor, const EstimateOptions&) {
  Estimate estimate;
  estimate.method = "earned growth rate";
  if (std::min({start_minor, end_of_start_customers_minor, referred_new_minor, bought_new_minor}) < 0) {
    estimate.undefined_reason = "Revenue must not be negative.";
    return estimate;
  }
  if (start_minor == 0) {
    estimate.undefined_reason = "There was no revenue at the start.";
    return estimate;
  }
  estimate.state = Estimate::State::kOk;
  // The difference is taken of whole numbers: NRR + earned new − 1 would lose what is small.
  estimate.value = Share(absl::int128(end_of_start_customers_minor) + referred_new_minor - start_minor, start_minor);
  estimate.details = {{"net_revenue_retention", Share(end_of_start_customers_minor, start_minor)},
                      {"earned_new", Share(referred_new_minor, start_minor)},
                      {"bought_new", Share(bought_new_minor, start_minor)}};
  return estimate;
}

// ---- Unit economics -------------------------------------------------------------------------------------------------

namespace {

constexpr double kAmountMax = 1e15;

absl::Status CheckUnitEconomics(const UnitEconomicsInput& input) {
  const auto amount = [](double x) { return x >= 0 && x <= kAmountMax; };
  if (!amount(input.spend_minor)) return InvalidField("spend_minor", "Must be from 0 to 1e15.");
  if (!amount(input.arpa_minor)) return InvalidField("arpa_minor", "Must be from 0 to 1e15.");
  if (!(input.margin >= -kAmountMax && input.margin <= 1)) return InvalidField("margin", "Must be at most 1.");
  if (input.new_customers < 0) return InvalidField("new_customers", "Must not be negative.");
  if (input.churned_customers < 0 || input.churned_customers > input.start_customers) {
    return InvalidField("churned_customers", "Must be from 0 to start_customers.");
  }
  return absl::OkStatus();
}

void FillLtv(const UnitEconomicsInput& input, const EstimateOptions& options, Estimate& ltv) {
  ltv.method = MethodText("ltv arpa*margin/churn", "wilson of churn", options.confidence_level);
  ltv.n = input.start_customers;
  const double monthly = input.arpa_minor * input.margin;
  if (input.start_customers == 0) {
    ltv.undefined_reason = "There was no customer at the start: churn is not known.";
    return;
  }
  const Interval churn = WilsonInterval(input.churned_customers, input.start_customers, options.confidence_level);
  const double from_high_churn = monthly / churn.high;
  if (monthly >= 0) ltv.details["low"] = from_high_churn;
  if (input.churned_customers == 0) {
    MakeUnbounded("nobody left, so that nothing tells how long customers stay.", ltv);
    return;
  }
  const double rate = static_cast<double>(input.churned_customers) / static_cast<double>(input.start_customers);
  SetValue(monthly / rate, input.start_customers, options, ltv);
  if (churn.low > 0) {
    const double from_low_churn = monthly / churn.low;
    ltv.interval =
        Interval{.low = std::min(from_high_churn, from_low_churn), .high = std::max(from_high_churn, from_low_churn)};
  }
}

}  // namespace

absl::StatusOr<UnitEconomics> ComputeUnitEconomics(const UnitEconomicsInput& input, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = CheckUnitEconomics(input); !status.ok()) return status;
  UnitEconomics out;
  out.cac.method = "cac spend/new customers";
  out.ltv_to_cac.method = MethodText("ltv:cac", "wilson of churn", options.confidence_level);
  out.payback_months.method = "payback cac/(arpa*margin)";
  FillLtv(input, options, out.ltv);
  if (input.new_customers == 0) {
    MakeUnbounded("nobody was won, so that the cost of one has no bound.", out.cac);
    out.ltv_to_cac.undefined_reason = out.payback_months.undefined_reason = "Nobody was won: there is no cost of one.";
    return out;
  }
  const double cac = input.spend_minor / static_cast<double>(input.new_customers);
  SetValue(cac, input.new_customers, options, out.cac);
  const double monthly = input.arpa_minor * input.margin;
  if (monthly > 0 && std::isfinite(cac / monthly)) {
    SetValue(cac / monthly, input.new_customers, options, out.payback_months);
  } else {
    MakeUnbounded("a month earns nothing with which to pay the cost of winning.", out.payback_months);
  }
  if (out.ltv.state == Estimate::State::kUndefined) {
    out.ltv_to_cac.undefined_reason = out.ltv.undefined_reason;
  } else if (cac == 0 || !std::isfinite(out.ltv.value / cac)) {
    MakeUnbounded("winning customers cost nothing.", out.ltv_to_cac);
  } else {
    SetValue(out.ltv.value / cac, out.ltv.n, options, out.ltv_to_cac);
    if (out.ltv.interval.has_value()) {
      const Interval ratio{.low = out.ltv.interval->low / cac, .high = out.ltv.interval->high / cac};
      if (std::isfinite(ratio.low) && std::isfinite(ratio.high)) out.ltv_to_cac.interval = ratio;
    }
  }
  return out;
}

Estimate SimpleLtvEstimate(double arpa, double margin, double churn) {
  Estimate estimate;
  estimate.method = "ltv arpa*margin/churn";
  if (!(arpa >= 0 && arpa <= kAmountMax) || !(margin >= -kAmountMax && margin <= 1) || !(churn >= 0 && churn <= 1)) {
    estimate.undefined_reason = "ARPA must not be negative, the margin at most 1 and churn from 0 to 1.";
    return estimate;
  }
  const double value = arpa * margin / churn;
  if (churn == 0 || !std::isfinite(value)) {
    MakeUnbounded("nobody leaves, so that nothing tells how long customers stay.", estimate);
    return estimate;
  }
  estimate.state = Estimate::State::kOk;
  estimate.value = value;
  return estimate;
}

// ---- Monetised NPS --------------------------------------------------------------------------------------------------

namespace {

Estimate MeanValue(const Moments& moments, const char* name, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText(absl::StrCat("mean value of ", name), "student-t", options.confidence_level);
  if (moments.n == 0) {
    estimate.undefined_reason = absl::StrCat("There are no ", name, ".");
    return estimate;
  }
  SetValue(moments.mean, moments.n, options, estimate);
  estimate.interval = StudentTInterval(moments.mean, moments.variance, moments.n, options.confidence_level);
  return estimate;
}

Estimate PremiumOf(const Moments& promoters, const Moments& detractors, const EstimateOptions& options) {
  Estimate estimate;
  estimate.method = MethodText("promoters' less detractors' mean value", "welch", options.confidence_level);
  if (promoters.n == 0 || detractors.n == 0) {
    estimate.undefined_reason = promoters.n == 0 ? "There are no promoters." : "There are no detractors.";
    return estimate;
  }
  const double difference = promoters.mean - detractors.mean;
  SetValue(difference, promoters.n + detractors.n, options, estimate);
  if (promoters.n < 2 || detractors.n < 2) return estimate;
  const double of_promoters = promoters.variance / static_cast<double>(promoters.n);
  const double of_detractors = detractors.variance / static_cast<double>(detractors.n);
  const double variance = of_promoters + of_detractors;
  if (!(variance > 0)) return estimate;
  // Shares of the variance, so that squares of tiny ones do not underflow.
  const double p = of_promoters / variance, d = of_detractors / variance;
  const double degrees =
      1 / (p * p / static_cast<double>(promoters.n - 1) + d * d / static_cast<double>(detractors.n - 1));
  const double half = StudentTQuantile(0.5 + options.confidence_level / 2, degrees) * std::sqrt(variance);
  if (!std::isfinite(half)) return estimate;
  estimate.details = {{"degrees_of_freedom", degrees}};
  estimate.interval = Interval{.low = difference - half, .high = difference + half};
  return estimate;
}

}  // namespace

absl::StatusOr<MonetizedNps> MonetizeNps(absl::Span<const ScoredValue> customers, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (customers.size() > kRevenueCustomersMax) {
    return LimitExceeded("the customers of a monetised NPS", static_cast<int64_t>(kRevenueCustomersMax), "customers");
  }
  std::vector<double> values[3];  // detractors, passives, promoters
  int64_t invalid = 0;
  for (size_t i = 0; i < customers.size(); ++i) {
    const auto [score, value] = customers[i];
    if (!(std::abs(value) <= kAmountMax)) {
      return InvalidField(FieldPath(FieldPath("customers", i), "value_minor"), "Must be finite, at most 1e15.");
    }
    if (score < 0 || score > 10) {
      ++invalid;
    } else {
      values[score <= 6 ? 0 : score <= 8 ? 1 : 2].push_back(value);
    }
  }
  const Moments detractors = MomentsOf(std::move(values[0]));
  const Moments passives = MomentsOf(std::move(values[1]));
  const Moments promoters = MomentsOf(std::move(values[2]));
  MonetizedNps out;
  out.detractor_value = MeanValue(detractors, "detractors", options);
  out.passive_value = MeanValue(passives, "passives", options);
  out.promoter_value = MeanValue(promoters, "promoters", options);
  out.promoter_premium = PremiumOf(promoters, detractors, options);
  Estimate& at_risk = out.value_at_risk;
  at_risk.method = "value of detractors";
  const int64_t n = detractors.n + passives.n + promoters.n;
  if (n == 0) {
    at_risk.undefined_reason = "Nobody gave a valid answer.";
  } else {
    SetValue(detractors.sum, n, options, at_risk);
    const double total = detractors.sum + passives.sum + promoters.sum;
    at_risk.details = {{"detractors", static_cast<double>(detractors.n)}};
    if (total > 0) at_risk.details["share"] = detractors.sum / total;
  }
  for (Estimate* each :
       {&out.detractor_value, &out.passive_value, &out.promoter_value, &out.promoter_premium, &at_risk}) {
    Exclude("invalid_score", invalid, *each);
  }
  return out;
}

}  // namespace throughline
