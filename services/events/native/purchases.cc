// What each customer bought, when first and last, and for how much.
#include <numeric>

#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/customer_events.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/windows.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kDaysMax = 1'000'000;

}  // namespace

absl::StatusOr<Grouped<PurchaseSummary>> ComputePurchases(Projection& projection, const Snapshot& snapshot,
                                                          const PurchaseQuery& query) {
  if (query.window.end == absl::InfiniteFuture() || query.window.end == absl::InfinitePast()) {
    return InvalidField("window.end", "the end of the observation must be given");
  }
  const Periods days(CalendarUnit::kDay, query.zone, snapshot.first_time_micros, snapshot.last_time_micros, kDaysMax);
  if (!days.complete()) return LimitExceeded("the days of all events", kDaysMax, "days");
  ASSIGN_OR_RETURN(const Selectors selectors,
                   Selectors::Compile({&query.purchase, 1}, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  const uint32_t currency =
      projection.dictionaries().codes[kCurrencyColumn].Find(query.currency_code).value_or(~uint32_t{0});
  const Windows window(query.window);
  // The last day of the observation, counted from the day of the first event.
  const int64_t last_day =
      days.count() == 0
          ? 0
          : PeriodOf(query.window.end - absl::Nanoseconds(1), CalendarUnit::kDay, query.zone) - days.day(0);
  const auto make = [&] { return Groups<PurchaseSummary>(breakdown, PurchaseSummary()); };
  const auto pass = [&](Groups<PurchaseSummary>& totals, const Partition& partition) {
    if (partition.size() == 0) return;
    Selectors::Reader reader(selectors, partition);
    Breakdown::Reader groups(breakdown, partition);
    std::vector<uint32_t> all(partition.size());
    std::iota(all.begin(), all.end(), 0);
    const auto add = [&](const auto& table, const auto& times) {
      const auto add_customer = [&](uint32_t customer, const uint32_t* places, size_t count) {
        PurchaseRow row;
        int64_t first = -1, day = -1;
        int32_t group = -1;
        for (size_t i = 0; i < count; ++i) {
          if (!window.Has(0, partition.times()[places[i]])) continue;
          const int64_t today = table.Of(times[places[i]]);
          if (first < 0) {
            first = today;
            group = groups.At(places[i]);
          }
          row.frequency += day >= 0 && today != day;
          day = today;
          if (partition.codes(kCurrencyColumn)[places[i]] != currency) continue;
          if (const int64_t* amount = partition.amounts().Find(places[i]); amount != nullptr) {
            (today == first ? row.first_value_minor : row.value_minor) += *amount;
          }
        }
        if (first < 0 || group < 0) return;
        row.recency_days = days.day(static_cast<int>(day)) - days.day(static_cast<int>(first));
        row.age_days = last_day - (days.day(static_cast<int>(first)) - days.day(0));
        totals[group].rows.Add(snapshot.NameOf(partition.first_customer() + customer, projection.dictionaries()), row);
      };
      ForEachCustomerWith(partition, reader, breakdown.scope().customers.get(), std::move(all), add_customer);
    };
    if (partition.times().in_seconds) {
      add(PeriodTable<uint32_t>(days, partition.times()), partition.times().seconds);
    } else {
      add(PeriodTable<int64_t>(days, partition.times()), partition.times().micros);
    }
  };
  ASSIGN_OR_RETURN(Groups<PurchaseSummary> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  return totals.Finished();
}

}  // namespace throughline
