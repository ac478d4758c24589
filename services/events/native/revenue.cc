// Recurring revenue of customers by calendar month.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/customer_events.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kMonthCountMax = 600;
constexpr int kPeriodsMax = 120'000;  // ten thousand years of months

// What one customer's revenue was, month by month, while its money is read in order of time.
class Account {
 public:
  explicit Account(RevenueQuery::Meaning meaning) : meaning_(meaning) {}

  void Reset() { changes_.clear(); }
  // Months never go back.
  void Add(int64_t month, int64_t amount_minor) {
    if (changes_.empty() || changes_.back().month != month) changes_.push_back({month, 0});
    if (meaning_ == RevenueQuery::Meaning::kLevel) {
      changes_.back().minor = amount_minor;
    } else {
      changes_.back().minor += amount_minor;
    }
  }

  // Adds the movements of the months from `first_month` on. Revenue below zero is none.
  void AddTo(int64_t first_month, std::vector<RevenueMovements::Month>& months) const {
    size_t next = 0;
    int64_t before = 0;
    bool ever = false;
    while (next < changes_.size() && changes_[next].month < first_month) {
      const int64_t revenue = std::max<int64_t>(changes_[next].minor, 0);
      const bool still = meaning_ == RevenueQuery::Meaning::kLevel || changes_[next].month == first_month - 1;
      before = still ? revenue : 0;
      ever = ever || revenue > 0;
      ++next;
    }
    for (size_t i = 0; i < months.size(); ++i) {
      const bool changes = next < changes_.size() && changes_[next].month == first_month + static_cast<int64_t>(i);
      int64_t revenue = meaning_ == RevenueQuery::Meaning::kLevel ? before : 0;
      if (changes) revenue = std::max<int64_t>(changes_[next++].minor, 0);
      Move(before, revenue, ever, months[i]);
      ever = ever || revenue > 0;
      before = revenue;
    }
  }

 private:
  struct Change {
    int64_t month;
    int64_t minor;
  };

  static void Move(int64_t before, int64_t after, bool ever, RevenueMovements::Month& month) {
    month.start += before;
    month.end += after;
    month.retained += std::min(before, after);
    month.start_customers += before > 0;
    month.end_customers += after > 0;
    if (before == 0 && after > 0) {
      (ever ? month.reactivation : month.fresh) += after;
      ++(ever ? month.reactivated_customers : month.fresh_customers);
    } else if (before > 0 && after == 0) {
      month.churn += before;
      ++month.churned_customers;
    } else if (after > before) {
      month.expansion += after - before;
      ++month.expanded_customers;
    } else if (after < before) {
      month.contraction += before - after;
      ++month.contracted_customers;
    }
  }

  const RevenueQuery::Meaning meaning_;
  std::vector<Change> changes_;
};

// The number of the question's currency among the codes; one that no event has if none has it.
uint32_t CurrencyCode(const std::string& currency, const Projection& projection) {
  return projection.dictionaries().codes[kCurrencyColumn].Find(currency).value_or(~uint32_t{0});
}

}  // namespace

absl::StatusOr<Grouped<RevenueMovements>> ComputeRevenue(Projection& projection, const Snapshot& snapshot,
                                                         const RevenueQuery& query) {
  if (query.month_count < 1 || query.month_count > kMonthCountMax) {
    return InvalidField("month_count", absl::StrCat("1 to ", kMonthCountMax));
  }
  const Periods months(CalendarUnit::kMonth, query.zone, snapshot.first_time_micros, snapshot.last_time_micros,
                       kPeriodsMax);
  if (!months.complete()) return LimitExceeded("the months of all events", kPeriodsMax, "months");
  ASSIGN_OR_RETURN(const Selectors selectors, Selectors::Compile({&query.money, 1}, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  const uint32_t currency = CurrencyCode(query.currency_code, projection);
  // The question's first month, counted from that of the first event.
  const int64_t first_month =
      months.count() == 0 ? 0 : PeriodsBetween(months.day(0), absl::CivilDay(query.first_month), CalendarUnit::kMonth);
  RevenueMovements empty;
  empty.months.resize(static_cast<size_t>(query.month_count));
  const auto make = [&] { return Groups<RevenueMovements>(breakdown, empty); };
  const auto pass = [&](Groups<RevenueMovements>& totals, const Partition& partition) {
    const SparseColumn<int64_t>& amounts = partition.amounts();
    if (amounts.places.empty()) return;
    Selectors::Reader reader(selectors, partition);
    Breakdown::Reader groups(breakdown, partition);
    Account account(query.meaning);
    const auto add = [&](const auto& table, const auto& times) {
      ForEachCustomerWith(partition, reader, breakdown.scope().customers.get(), amounts.places,
                          [&](uint32_t, const uint32_t* places, size_t count) {
                            const int32_t group = groups.At(places[0]);
                            if (group < 0) return;
                            RevenueMovements& movements = totals[group];
                            account.Reset();
                            for (size_t i = 0; i < count; ++i) {
                              if (partition.codes(kCurrencyColumn)[places[i]] != currency) {
                                ++movements.other_currency_events;
                              } else {
                                account.Add(table.Of(times[places[i]]), *amounts.Find(places[i]));
                              }
                            }
                            account.AddTo(first_month, movements.months);
                          });
    };
    if (partition.times().in_seconds) {
      add(PeriodTable<uint32_t>(months, partition.times()), partition.times().seconds);
    } else {
      add(PeriodTable<int64_t>(months, partition.times()), partition.times().micros);
    }
  };
  ASSIGN_OR_RETURN(Groups<RevenueMovements> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  return totals.Finished();
}

}  // namespace throughline
