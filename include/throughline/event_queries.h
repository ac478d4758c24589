// The questions that the events port answers (throughline/events.h): which events and customers are meant, and how the
// answer is cut up. Plain values; no storage and no statistics, so that any engine can answer them.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "throughline/calendar.h"
#include "throughline/customer_set.h"
#include "throughline/filter.h"

namespace throughline {

// Half-open [start, end). Infinite ends are allowed.
struct TimeRange {
  absl::Time start = absl::InfinitePast();
  absl::Time end = absl::InfiniteFuture();
};

// Which events are meant. No names: any name. Neither names nor filter: every event.
struct EventSelector {
  std::vector<std::string> event_names;
  Filter filter;
  // What matches one of these is not meant. Makes the touchpoints of a map disjoint: an event belongs to the first.
  std::vector<EventSelector> unless;
};

// What forms one run: the events of one customer with the same value of this property; empty: all of them. Events
// without the property form no run.
struct RunRule {
  std::string correlation_property;
};

// A selector with a name of its own, for example a touchpoint.
struct Symbol {
  std::string name;
  EventSelector selector;
};

// What an event counts as. The names of symbols differ (else INVALID_ARGUMENT).
struct EventField {
  // event_name, source, channel, department, survey, properties.<key>, or traits.<key>: of the event's customer.
  std::string path = "event_name";
  // Not empty: only these values, as text, stand for themselves. In a breakdown every other one is OTHER (MISSING
  // where there is none), in an alphabet it is nothing. Values() tells the most frequent. Required in a breakdown by
  // more than kBreakdownValueCountMax values. Numbers: whole ones below 1e15 in digits, others in the shortest text.
  std::vector<std::string> values;
};
struct EventSymbols {
  std::vector<Symbol> symbols;  // an event is the first that matches; none: it is nothing
};
struct EventCalendar {
  CalendarUnit unit = CalendarUnit::kMonth;
  absl::TimeZone zone = absl::UTCTimeZone();
};

inline constexpr int kBreakdownCustomerCountMax = 1024;
// The event's customer, by id: a group for each of the customers with the ordinals [first, first + count). Events of
// others are in no group, and need not be read: a question costs what these customers cost. It opens a number down to
// people (services/events/cell_customers.h).
struct EventCustomer {
  int64_t first = 0;  // CustomerSummary::ordinal, not negative
  int count = 0;      // 1 to kBreakdownCustomerCountMax; fewer groups where there are fewer customers
};

// One dimension of a breakdown.
using Dimension = std::variant<EventField, EventSymbols, EventCalendar, EventCustomer>;
// Beside them there may be one EventCustomer.
inline constexpr int kBreakdownDimensionCountMax = 3;
// Values of one dimension, and groups of one answer. More are RESOURCE_EXHAUSTED (LIMIT_EXCEEDED).
inline constexpr int kBreakdownValueCountMax = 1000;
inline constexpr int kBreakdownGroupCountMax = 20'000;

// What the steps of a path are called. Events that are nothing (no value, no symbol) are no part of the run.
using Alphabet = std::variant<EventField, EventSymbols>;

// Until when somebody waits for an answer. DEADLINE_EXCEEDED and CANCELLED, at most 50 ms after.
struct Patience {
  absl::Time deadline = absl::InfiniteFuture();
  std::shared_ptr<const std::atomic<bool>> cancelled;  // null: never
};
// CANCELLED or DEADLINE_EXCEEDED as soon as nobody waits any more.
absl::Status StillWanted(const Patience& patience);

// What every aggregate is asked for.
struct Scope : Patience {
  // Events that do not match do not exist for the aggregate: not for its runs, and not between two of its events.
  Filter filter;
  // Null: all customers.
  std::shared_ptr<const CustomerSet> customers;
  // One group for each combination of values, read from one event that each aggregate names; events that are nothing in
  // one of the dimensions are in no group.
  std::vector<Dimension> breakdown;
  // Threads that the engine may use; 0: as many as it was given.
  int threads = 0;
};

enum class RespondentPolicy { kAll, kFirst, kLatest };

// Volume, scores, steps and pairs are answered once for each of their windows, in one call. A window takes events by
// their event_time; for steps and pairs it takes runs by the time of their first event of the first step.

// Groups by the event.
struct VolumeQuery {
  std::vector<EventSelector> any_of;  // events that match any of them; each counts once
  std::vector<TimeRange> windows;
  Scope scope;
};

// Groups by the event that counts.
struct ScoreQuery {
  std::vector<EventSelector> any_of;
  std::vector<TimeRange> windows;
  RespondentPolicy policy = RespondentPolicy::kAll;  // per customer, group and window
  bool count_missing = true;                         // also the matching events without a score
  Scope scope;
};

enum class StepOrder {
  kOrdered,    // other events may lie in between
  kStrict,     // step k is the run's next event after that of step k − 1, in the order of events
  kUnordered,  // as many different steps as possible, in any order, in one window of time
};

inline constexpr int kStepCountMax = 32;
inline constexpr int kExclusionCountMax = 32;
// What an attempt may leave out is part of where it stands: 2^8 ways at each step, at worst.
inline constexpr int kOptionalStepCountMax = 8;

// A funnel (docs/funnel.md has worked cases). Groups by the run's first event of the first step; kUnordered: of any
// step.
struct StepQuery {
  struct Step {
    EventSelector selector;
    // May be left out: the next step may follow what comes before it. Not the first step, at most kOptionalStepCountMax
    // of them; not in kUnordered.
    bool optional = false;
    // At most this long after the step taken before it, inclusive. Not the first step; not in kUnordered.
    absl::Duration within = absl::InfiniteDuration();
  };
  std::vector<Step> steps;  // 1 to kStepCountMax
  StepOrder order = StepOrder::kOrdered;
  // An event that matches one of these, at most kExclusionCountMax, ends every attempt that began at an earlier moment.
  // Not in kUnordered.
  std::vector<EventSelector> exclusions;
  RunRule run;
  absl::Duration window = absl::InfiniteDuration();  // from first step to last, inclusive
  absl::Time now = absl::InfiniteFuture();           // decides who is immature
  std::vector<TimeRange> windows;
  Scope scope;
};

struct PairQuery {
  EventSelector from;
  EventSelector to;
  RunRule run;
  absl::Duration conversion_window = absl::InfiniteDuration();
  absl::Time now = absl::InfiniteFuture();
  std::vector<TimeRange> windows;
};

// Groups by the run's first event.
struct GraphQuery {
  RunRule run;
  TimeRange window;  // of events
  Alphabet alphabet;
  bool sketches = true;  // durations of edges as sketches, not only as sums
  // Runs, places, channels and departments of nodes; without, they are 0 and empty.
  bool details = true;
  Scope scope;
};

// Groups by the run's first event. With `bucket_counts` into at most 64 groups (LIMIT_EXCEEDED): each has a number for
// every bucket.
struct VariantQuery {
  RunRule run;
  TimeRange window;  // of events
  Alphabet alphabet;
  int length_max = 12;  // symbols from the beginning of the run; 1 to 1000
  // The variants in these buckets are counted one by one (VariantCounts::BucketOf).
  std::vector<uint32_t> buckets;
  bool bucket_counts = true;  // without, VariantCounts::bucket_runs is empty
  Scope scope;
};

// Customers by the calendar period of their first `entry` event of all time, and in which periods from that one on they
// had an `activity` event; in the period of entry itself also before the entry. Groups by that first event.
struct CohortQuery {
  EventSelector entry;
  EventSelector activity;
  CalendarUnit unit = CalendarUnit::kMonth;
  absl::TimeZone zone = absl::UTCTimeZone();
  TimeRange cohorts;      // of the first entry event
  int period_count = 12;  // with the period of entry itself; 1 to 120
  Scope scope;
};

// How long customers stay in a stage: from its first event to the first event of another one. Events of no stage do
// not end a stay. Groups by the stay's first event.
struct StageQuery {
  std::vector<EventSelector> stages;  // 1 to 64; an event that matches several belongs to the first
  RunRule run;
  TimeRange window;  // of the stay's first event
  absl::Time now =
      absl::InfiniteFuture();  // until when stays that go on are measured (0 if it is before); infinite: not at all
  // Not empty: ended stays of these bins of DurationSketch, by stage, are collected one by one, for exact quantiles;
  // only `collected` is filled then. At most as many lists as stages.
  std::vector<std::vector<int32_t>> collect;
  Scope scope;
};

// Recurring revenue of customers by calendar month (metrics.md section 2). Groups by the customer's first one.
struct RevenueQuery {
  enum class Meaning {
    kPayments,  // what a customer pays in a month is the month's revenue; below zero it is none
    kLevel,     // an amount is the customer's monthly revenue from then on; of a month, the last
  };
  EventSelector money;  // events with an amount, in any currency; others do not count
  Meaning meaning = Meaning::kPayments;
  std::string currency_code;  // amounts in another currency are counted apart
  absl::TimeZone zone = absl::UTCTimeZone();
  absl::CivilMonth first_month;
  int month_count = 12;  // 1 to 600
  Scope scope;
};

// Purchases of each customer (metrics.md section 3): those of one day are one purchase. Groups by the first purchase.
struct PurchaseQuery {
  EventSelector purchase;
  std::string currency_code;  // of the values; purchases without an amount in it count, with value 0
  TimeRange window;           // of purchases; must end: its last instant is of the observation's last day
  absl::TimeZone zone = absl::UTCTimeZone();
  Scope scope;
};

// A number for each feature and customer with an event in the window. Groups by the first such event.
struct FeatureQuery {
  enum class Kind {
    kCount,      // matching events
    kDays,       // different days with one
    kFirstTime,  // seconds since 1970
    kLastTime,
    kAmountMinor,  // sum, in minor units, whatever the currency
    kLastScore,
  };
  struct Feature {
    EventSelector selector;
    Kind kind = Kind::kCount;
  };
  std::vector<Feature> features;  // 1 to 100
  TimeRange window;
  absl::TimeZone zone = absl::UTCTimeZone();
  Scope scope;
};

// The runs themselves, with the values of fields at each visit.
struct RunsQuery {
  static constexpr int64_t kVisitsMax = 2'000'000;
  static constexpr size_t kFieldsMax = 20;
  RunRule run;
  TimeRange window;  // of events
  Alphabet alphabet;
  std::vector<std::string> fields;  // paths as EventField
  int64_t visits_max = 1'000'000;   // of all customers: above it those of a sample; RunSample::kCustomerVisitsMax at
                                    // least, kVisitsMax at most
  Scope scope;                      // without breakdown (else INVALID_ARGUMENT)
};

// The values of a field, so that a breakdown can name the most frequent.
struct ValueQuery {
  std::string path;  // as EventField
  EventSelector selector;
  TimeRange window;
  int limit = 100;
  Scope scope;  // without breakdown (else INVALID_ARGUMENT)
};

struct PositionQuery {
  struct Touchpoint {
    EventSelector selector;
    bool completes = false;
    // A run that has stood here for longer is stalled.
    absl::Duration stalled_after = absl::InfiniteDuration();
  };
  std::vector<Touchpoint> touchpoints;  // an event that matches several belongs to the first
  RunRule run;
  absl::Duration abandon_after = absl::InfiniteDuration();
  absl::Time now;
};

}  // namespace throughline
