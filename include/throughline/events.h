// The events port: an append-only log of what customers did, deduplicated and ordered per customer, and a short list of
// aggregates over it. Thread-safe.
//
// Promises, held by every engine (tests/contract/events):
//  - An event is identified by (workspace, source, id). When Append reports kRecorded or kDuplicate the event is
//    durable; recording it again changes nothing; other content under the same identity is kConflict and changes
//    nothing. An event that was erased is kErased when it comes again, and stays erased.
//  - The events of one customer are ordered by (event_time, sequence), ties by (source, id): any permutation,
//    duplication or delay of the same events gives the same answers.
//  - Customers that are linked (CustomerEvent.identity_link) and not unlinked, over any number of links, are one
//  customer
//    to every question: with the events of all, under the name that is linked to and does not link on (of several, the
//    first in the order of bytes; where all link on, the first of all). Which links hold does not depend on the order
//    of recording either.
//  - A view is one watermark: every event up to it, none after it. A view that is opened after an Append reported
//    includes what that Append recorded.
//  - Views do not wait for writers, nor writers for views.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "throughline/aggregates.h"
#include "throughline/event_queries.h"
#include "throughline/types.h"
#include "throughline/v1/event.pb.h"

namespace throughline {

enum class AppendOutcome { kRecorded, kDuplicate, kConflict, kErased };

struct AppendResult {
  std::vector<AppendOutcome> outcomes;  // one per event, in the order of the batch
  EventSequence watermark;              // everything of this batch is at or below it
};

// An event as it was recorded.
struct StoredEvent {
  v1::CustomerEvent event;
  EventSequence sequence;
  absl::Time record_time;
};

struct CustomerSummary {
  std::string customer_id;
  // Place in the order in which customers were first recorded, from 0. Ordinals have gaps: where several customers are
  // one person, which has the smallest of theirs, and where one was erased.
  int64_t ordinal = 0;
  absl::Time first_event_time;
  absl::Time last_event_time;
  int64_t event_count = 0;
  std::vector<std::string> linked_customer_ids;  // FindCustomer only: the person's other ids, sorted; at most 1000
};

// A statement that two customers are one person: an event with an identity_link.
struct IdentityEdge {
  std::string customer_id;
  std::string linked_customer_id;
  absl::Time link_time;  // of the event
  std::string event_source;
  std::string event_id;
  bool revoked = false;
};

struct EventNameCount {
  std::string event_name;
  int64_t events = 0;
};

struct EventStatistics {
  int64_t events = 0;
  int64_t customers = 0;
  int64_t ordinals = 0;  // every customer's is below
  absl::Time first_event_time = absl::InfiniteFuture();
  absl::Time last_event_time = absl::InfinitePast();
  std::vector<EventNameCount> event_names;  // most frequent first, ties by name
};

// One consistent state of one workspace. Any thread; keeps its memory alive while it lives, so do not hoard views.
class EventView {
 public:
  virtual ~EventView() = default;
  virtual EventSequence watermark() const = 0;

  // What this view was when `watermark` was the last event: it answers as it would have then. OUT_OF_RANGE for a
  // watermark that is not between 0 and the view's own.
  virtual absl::StatusOr<std::shared_ptr<const EventView>> KnownAt(EventSequence watermark) const = 0;

  virtual EventStatistics Statistics() const = 0;

  // INVALID_ARGUMENT, with the field's name, if a filter compares a field with a value of another type.
  // INVALID_ARGUMENT as well for a query outside its stated bounds; RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) for a breakdown
  // into too many groups; DEADLINE_EXCEEDED and CANCELLED as the scope says.
  virtual absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> Volume(const VolumeQuery& query) const = 0;
  virtual absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> Scores(const ScoreQuery& query) const = 0;
  virtual absl::StatusOr<std::vector<Grouped<StepReach>>> Steps(const StepQuery& query) const = 0;
  virtual absl::StatusOr<std::vector<PairAggregate>> Pairs(const PairQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<TransitionGraph>> Graph(const GraphQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<VariantCounts>> Variants(const VariantQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<CohortMatrix>> Cohorts(const CohortQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<StageTimes>> Stages(const StageQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<RevenueMovements>> Revenue(const RevenueQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<PurchaseSummary>> Purchases(const PurchaseQuery& query) const = 0;
  virtual absl::StatusOr<Grouped<CustomerFeatures>> Features(const FeatureQuery& query) const = 0;
  virtual absl::StatusOr<RunSample> Runs(const RunsQuery& query) const = 0;
  // The most frequent values of a field, to name those that a breakdown is to have.
  virtual absl::StatusOr<ValueCounts> Values(const ValueQuery& query) const = 0;
  virtual absl::StatusOr<RunPositions> Positions(const PositionQuery& query) const = 0;

  // Under any of the person's ids. Absent if there is no event.
  virtual absl::StatusOr<std::optional<CustomerSummary>> FindCustomer(absl::string_view customer_id) const = 0;
  // Customers with ordinal >= `from`, in order, at most `limit`.
  virtual absl::StatusOr<std::vector<CustomerSummary>> ListCustomers(int64_t from, int limit) const = 0;
  // For each ordinal of [from, from + limit), up to the last that there is, the time of the first event that matches
  // each selector (infinite future: none): result[ordinal - from][selector]. Codes as the questions.
  virtual absl::StatusOr<std::vector<std::vector<absl::Time>>> FirstMatches(int64_t from, int limit,
                                                                            const std::vector<EventSelector>& selectors,
                                                                            const Patience& patience) const = 0;
  // The events of one customer in their order, from place `offset` on, at most `limit`.
  virtual absl::StatusOr<std::vector<StoredEvent>> CustomerEvents(absl::string_view customer_id, int64_t offset,
                                                                  int limit) const = 0;
  // The links among all customers that are one person with this one, or were, in order of recording; from place
  // `offset` on, at most `limit`.
  virtual absl::StatusOr<std::vector<IdentityEdge>> IdentityEdges(absl::string_view customer_id, int64_t offset,
                                                                  int limit) const = 0;
};

struct ErasureResult {
  int64_t events = 0;                     // erased by this call
  std::vector<std::string> customer_ids;  // the person's, sorted
  EventSequence watermark;                // the first at which they are gone
};

// What an append changed, for those who keep things up to date.
struct AppendNotice {
  std::string workspace;  // id, not the name
  EventSequence watermark;
};

class EventStore {
 public:
  using AppendCallback = std::function<void(absl::StatusOr<AppendResult>)>;

  virtual ~EventStore() = default;

  // Records a batch of valid events (services/events/event_validation.h) and calls `done` once, on a thread of the
  // store, when the batch is durable. The events must live until then. Batches that wait at the same time share one
  // commit. RESOURCE_EXHAUSTED when too many bytes wait or the disk is full: nothing of the batch is recorded;
  // UNAVAILABLE when the store is closing or its disk fails. A batch of nothing fails while nothing can be recorded.
  virtual void Append(absl::string_view workspace, absl::Span<const v1::CustomerEvent* const> events,
                      AppendCallback done) = 0;
  // The same, waiting.
  absl::StatusOr<AppendResult> AppendAndWait(absl::string_view workspace,
                                             absl::Span<const v1::CustomerEvent* const> events);

  // Erases the events of a customer, and of all that are one person with it, and calls `done` once when no file of the
  // store holds anything of them any more. Durable as soon as a view is without them: the rest is done after a restart,
  // too. What was erased is in no view that is opened afterwards, of no watermark. Erasing someone without events waits
  // for earlier erasures. Codes as Append; UNAVAILABLE also where the end could not be awaited.
  using EraseCallback = std::function<void(absl::StatusOr<ErasureResult>)>;
  virtual void Erase(absl::string_view workspace, absl::string_view customer_id, EraseCallback done) = 0;

  // The state that includes everything that has been reported as recorded. An unknown workspace is an empty one.
  virtual absl::StatusOr<std::shared_ptr<const EventView>> View(absl::string_view workspace) = 0;

  // Calls the observer after each append that recorded something, on a thread of the store; it must not block.
  // Observers are added before the first append and live as long as the store.
  virtual void AddAppendObserver(std::function<void(const AppendNotice&)> observer) = 0;
};

}  // namespace throughline
