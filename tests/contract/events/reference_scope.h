// Scopes, breakdowns and calendars in the plainest way, for the reference aggregates. Pure functions; any thread.
//
// A scope's customers, deadline and cancellation are not looked at: the caller gives the events of those customers.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"
#include "tests/contract/events/reference_runs.h"
#include "throughline/aggregates.h"

namespace throughline::testing {

// The events that the scope's filter leaves.
Events InScope(const Events& events, const Scope& scope, const KnownCustomers& customers);

// The value of a field as text; absent where the event has none.
std::optional<std::string> FieldText(const v1::CustomerEvent& event, const std::string& path,
                                     const KnownCustomers& customers);

// What an event is called; absent: nothing.
std::optional<std::string> SymbolOf(const Alphabet& alphabet, const v1::CustomerEvent& event,
                                    const KnownCustomers& customers);

// The calendar day of a time. Where clocks are set back over midnight, the new day stays begun.
absl::CivilDay DayOf(absl::Time time, absl::TimeZone zone);
// The first day of the period of a time.
absl::CivilDay PeriodDayOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone);
// Periods since some fixed moment, in order.
int64_t PeriodNumberOf(absl::Time time, CalendarUnit unit, absl::TimeZone zone);

// The group that an event names; absent: none.
std::optional<GroupKey> GroupOf(const Scope& scope, const v1::CustomerEvent& event, const KnownCustomers& customers);

// The answer with an aggregate for each group, made when an event first names it.
template <typename Aggregate>
class ReferenceGroups {
 public:
  // Scope and customers must outlive this.
  ReferenceGroups(const Scope& scope, const KnownCustomers& customers, Aggregate empty = Aggregate())
      : scope_(scope), customers_(customers), empty_(std::move(empty)) {
    if (scope.breakdown.empty()) out_.groups[{}] = empty_;
  }
  // Null: no group.
  Aggregate* Of(const v1::CustomerEvent& naming) {
    const std::optional<GroupKey> key = GroupOf(scope_, naming, customers_);
    return key.has_value() ? &out_.groups.try_emplace(*key, empty_).first->second : nullptr;
  }
  Grouped<Aggregate>& out() { return out_; }

 private:
  const Scope& scope_;
  const KnownCustomers& customers_;
  Aggregate empty_;
  Grouped<Aggregate> out_;
};

}  // namespace throughline::testing
