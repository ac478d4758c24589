#include <map>
#include <set>

#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_scope.h"

namespace throughline::testing {
namespace {

// The events of each customer in their order, those that match.
std::map<std::string, Sorted> Matching(const Events& events, const EventSelector& selector,
                                       const KnownCustomers& customers) {
  std::map<std::string, Sorted> out;
  for (const auto& [key, run] : RunsOf(events, RunRule())) {
    for (const v1::CustomerEvent* event : run) {
      if (customers.Matches(selector, *event)) out[key.first].push_back(event);
    }
  }
  return out;
}

int64_t MonthNumber(absl::CivilMonth month) { return month.year() * 12 + month.month(); }

// What a customer's revenue was at the end of a month.
int64_t RevenueIn(const std::map<int64_t, std::vector<int64_t>>& amounts, int64_t month, const RevenueQuery& query) {
  int64_t revenue = 0;
  if (query.meaning == RevenueQuery::Meaning::kPayments) {
    const auto paid = amounts.find(month);
    if (paid != amounts.end()) {
      for (const int64_t amount : paid->second) revenue += amount;
    }
  } else {
    for (const auto& [when, levels] : amounts) {
      if (when <= month) revenue = levels.back();
    }
  }
  return std::max<int64_t>(revenue, 0);
}

void AddMonth(int64_t before, int64_t now, bool paid_earlier, RevenueMovements::Month& month) {
  month.start += before;
  month.end += now;
  month.retained += std::min(before, now);
  month.start_customers += before > 0;
  month.end_customers += now > 0;
  if (before == 0 && now > 0 && !paid_earlier) {
    month.fresh += now;
    ++month.fresh_customers;
  }
  if (before == 0 && now > 0 && paid_earlier) {
    month.reactivation += now;
    ++month.reactivated_customers;
  }
  if (before > 0 && now > before) {
    month.expansion += now - before;
    ++month.expanded_customers;
  }
  if (now > 0 && now < before) {
    month.contraction += before - now;
    ++month.contracted_customers;
  }
  if (before > 0 && now == 0) {
    month.churn += before;
    ++month.churned_customers;
  }
}

}  // namespace

Grouped<CohortMatrix> ReferenceCohorts(const Recorded& recorded, const CohortQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  ReferenceGroups<CohortMatrix> groups(query.scope, customers);
  std::map<std::string, Sorted> activities = Matching(events, query.activity, customers);
  for (const auto& [customer, entries] : Matching(events, query.entry, customers)) {
    const v1::CustomerEvent& entry = *entries.front();
    if (!In(query.cohorts, TimeOf(entry))) continue;
    CohortMatrix* const matrix = groups.Of(entry);
    if (matrix == nullptr) continue;
    CohortMatrix::Cohort& cohort = matrix->cohorts[PeriodDayOf(TimeOf(entry), query.unit, query.zone)];
    ++cohort.customers;
    cohort.active.resize(static_cast<size_t>(query.period_count));
    std::set<int64_t> periods;
    for (const v1::CustomerEvent* activity : activities[customer]) {
      periods.insert(PeriodNumberOf(TimeOf(*activity), query.unit, query.zone) -
                     PeriodNumberOf(TimeOf(entry), query.unit, query.zone));
    }
    for (const int64_t period : periods) {
      if (period >= 0 && period < query.period_count) ++cohort.active[static_cast<size_t>(period)];
    }
  }
  return std::move(groups.out());
}

Grouped<RevenueMovements> ReferenceRevenue(const Recorded& recorded, const RevenueQuery& query) {
  const KnownCustomers customers(recorded);
  RevenueMovements empty;
  empty.months.resize(static_cast<size_t>(query.month_count));
  ReferenceGroups<RevenueMovements> groups(query.scope, customers, empty);
  Events money;
  for (const v1::CustomerEvent& event : InScope(recorded, query.scope, customers)) {
    if (event.has_money_movement()) money.push_back(event);
  }
  for (const auto& [customer, events] : Matching(money, query.money, customers)) {
    RevenueMovements* const movements = groups.Of(*events.front());
    if (movements == nullptr) continue;
    std::map<int64_t, std::vector<int64_t>> amounts;  // by month, in the order of events
    for (const v1::CustomerEvent* event : events) {
      if (event->money_movement().currency_code() != query.currency_code) {
        ++movements->other_currency_events;
        continue;
      }
      amounts[PeriodNumberOf(TimeOf(*event), CalendarUnit::kMonth, query.zone)].push_back(
          event->money_movement().amount_minor());
    }
    for (int i = 0; i < query.month_count; ++i) {
      const int64_t month = MonthNumber(query.first_month) + i;
      bool paid_earlier = false;
      for (const auto& [when, paid] : amounts) {
        paid_earlier = paid_earlier || (when < month && RevenueIn(amounts, when, query) > 0);
      }
      AddMonth(RevenueIn(amounts, month - 1, query), RevenueIn(amounts, month, query), paid_earlier,
               movements->months[static_cast<size_t>(i)]);
    }
  }
  return std::move(groups.out());
}

Grouped<PurchaseSummary> ReferencePurchases(const Recorded& recorded, const PurchaseQuery& query) {
  const KnownCustomers customers(recorded);
  ReferenceGroups<PurchaseSummary> groups(query.scope, customers);
  Events events;
  for (const v1::CustomerEvent& event : InScope(recorded, query.scope, customers)) {
    if (In(query.window, TimeOf(event))) events.push_back(event);
  }
  for (const auto& [customer, purchases] : Matching(events, query.purchase, customers)) {
    PurchaseSummary* const summary = groups.Of(*purchases.front());
    if (summary == nullptr) continue;
    std::map<absl::CivilDay, int64_t> days;  // and what was paid
    for (const v1::CustomerEvent* purchase : purchases) {
      int64_t& value = days[DayOf(TimeOf(*purchase), query.zone)];
      const v1::MoneyMovement& money = purchase->money_movement();
      if (purchase->has_money_movement() && money.currency_code() == query.currency_code) value += money.amount_minor();
    }
    PurchaseRow row;
    row.frequency = static_cast<int64_t>(days.size()) - 1;
    row.recency_days = days.rbegin()->first - days.begin()->first;
    row.age_days = DayOf(query.window.end - absl::Nanoseconds(1), query.zone) - days.begin()->first;
    row.first_value_minor = days.begin()->second;
    for (const auto& [day, value] : days) row.value_minor += value;
    row.value_minor -= row.first_value_minor;
    summary->rows.Add(customer, row);
  }
  return std::move(groups.out());
}

namespace {

std::optional<double> FeatureOf(const Sorted& run, const FeatureQuery::Feature& feature, absl::TimeZone zone,
                                const KnownCustomers& customers) {
  Sorted events;
  for (const v1::CustomerEvent* event : run) {
    if (customers.Matches(feature.selector, *event)) events.push_back(event);
  }
  const auto seconds = [](const v1::CustomerEvent& event) {
    return static_cast<double>(absl::ToUnixMicros(TimeOf(event))) / 1e6;
  };
  switch (feature.kind) {
    case FeatureQuery::Kind::kCount:
      return static_cast<double>(events.size());
    case FeatureQuery::Kind::kDays: {
      std::set<absl::CivilDay> days;
      for (const v1::CustomerEvent* event : events) days.insert(DayOf(TimeOf(*event), zone));
      return static_cast<double>(days.size());
    }
    case FeatureQuery::Kind::kFirstTime:
      if (events.empty()) return std::nullopt;
      return seconds(*events.front());
    case FeatureQuery::Kind::kLastTime:
      if (events.empty()) return std::nullopt;
      return seconds(*events.back());
    case FeatureQuery::Kind::kAmountMinor: {
      double sum = 0;
      for (const v1::CustomerEvent* event : events) sum += static_cast<double>(event->money_movement().amount_minor());
      return sum;
    }
    case FeatureQuery::Kind::kLastScore: {
      std::optional<double> last;
      for (const v1::CustomerEvent* event : events) {
        if (event->survey_response().has_score()) last = event->survey_response().score();
      }
      return last;
    }
  }
  return std::nullopt;
}

}  // namespace

Grouped<CustomerFeatures> ReferenceFeatures(const Recorded& recorded, const FeatureQuery& query) {
  const KnownCustomers customers(recorded);
  ReferenceGroups<CustomerFeatures> groups(query.scope, customers);
  Events events;
  for (const v1::CustomerEvent& event : InScope(recorded, query.scope, customers)) {
    if (In(query.window, TimeOf(event))) events.push_back(event);
  }
  for (const auto& [customer, run] : Matching(events, EventSelector(), customers)) {
    CustomerFeatures* const features = groups.Of(*run.front());
    if (features == nullptr) continue;
    std::vector<std::optional<double>> row;
    for (const FeatureQuery::Feature& feature : query.features)
      row.push_back(FeatureOf(run, feature, query.zone, customers));
    features->rows.Add(customer, std::move(row));
  }
  return std::move(groups.out());
}

}  // namespace throughline::testing
