// A view of a few events in memory that answers what is asked of single customers, in the plainest way; the aggregates
// are UNIMPLEMENTED. For tests; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/events/event_match.h"
#include "throughline/events.h"

namespace throughline::testing {

class PlainEventView : public EventView {
 public:
  // In the order of recording.
  void Add(const v1::CustomerEvent& event) {
    const auto [found, is_new] = index_by_id_.emplace(event.customer_id(), static_cast<int64_t>(customers_.size()));
    if (is_new) customers_.emplace_back();
    std::vector<StoredEvent>& events = customers_[static_cast<size_t>(found->second)];
    ++sequence_;
    const auto place = std::upper_bound(
        events.begin(), events.end(), event,
        [](const v1::CustomerEvent& left, const StoredEvent& right) { return Order(left) < Order(right.event); });
    events.insert(place, {event, EventSequence{sequence_}, absl::FromUnixSeconds(1'000'000 + sequence_)});
  }

  EventSequence watermark() const override { return EventSequence{sequence_}; }
  EventStatistics Statistics() const override { return {}; }

  absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> Volume(const VolumeQuery&) const override { return NotHere(); }
  absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> Scores(const ScoreQuery&) const override { return NotHere(); }
  absl::StatusOr<std::vector<Grouped<StepReach>>> Steps(const StepQuery&) const override { return NotHere(); }
  absl::StatusOr<std::vector<PairAggregate>> Pairs(const PairQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<TransitionGraph>> Graph(const GraphQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<VariantCounts>> Variants(const VariantQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<CohortMatrix>> Cohorts(const CohortQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<StageTimes>> Stages(const StageQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<RevenueMovements>> Revenue(const RevenueQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<PurchaseSummary>> Purchases(const PurchaseQuery&) const override { return NotHere(); }
  absl::StatusOr<Grouped<CustomerFeatures>> Features(const FeatureQuery&) const override { return NotHere(); }
  absl::StatusOr<RunSample> Runs(const RunsQuery&) const override { return NotHere(); }
  absl::StatusOr<ValueCounts> Values(const ValueQuery&) const override { return NotHere(); }
  absl::StatusOr<std::shared_ptr<const EventView>> KnownAt(EventSequence) const override { return NotHere(); }
  absl::StatusOr<RunPositions> Positions(const PositionQuery&) const override { return NotHere(); }

  absl::StatusOr<std::optional<CustomerSummary>> FindCustomer(absl::string_view customer_id) const override {
    const auto found = index_by_id_.find(std::string(customer_id));
    if (found == index_by_id_.end()) return std::optional<CustomerSummary>();
    return std::optional<CustomerSummary>(Summary(found->second));
  }

  absl::StatusOr<std::vector<CustomerSummary>> ListCustomers(int64_t from, int limit) const override {
    ++list_calls;
    std::vector<CustomerSummary> summaries;
    for (int64_t i = from; i < size() && i < from + limit; ++i) summaries.push_back(Summary(i));
    return summaries;
  }

  absl::StatusOr<std::vector<std::vector<absl::Time>>> FirstMatches(int64_t from, int limit,
                                                                    const std::vector<EventSelector>& selectors,
                                                                    const Patience& patience) const override {
    if (absl::Status status = StillWanted(patience); !status.ok()) return status;
    ++first_match_calls;
    std::vector<std::vector<absl::Time>> matches;
    for (int64_t i = from; i < size() && i < from + limit; ++i) {
      const CustomerFacts customer = Facts(i);
      std::vector<absl::Time>& row = matches.emplace_back();
      for (const EventSelector& selector : selectors) {
        absl::Time first = absl::InfiniteFuture();
        for (const StoredEvent& event : customers_[static_cast<size_t>(i)]) {
          if (MatchesSelector(selector, event.event, customer)) first = std::min(first, Time(event.event));
        }
        row.push_back(first);
      }
    }
    return matches;
  }

  absl::StatusOr<std::vector<StoredEvent>> CustomerEvents(absl::string_view customer_id, int64_t offset,
                                                          int limit) const override {
    std::vector<StoredEvent> page;
    const auto found = index_by_id_.find(std::string(customer_id));
    if (found == index_by_id_.end()) return page;
    const std::vector<StoredEvent>& events = customers_[static_cast<size_t>(found->second)];
    for (int64_t i = offset; i < static_cast<int64_t>(events.size()) && i < offset + limit; ++i) {
      page.push_back(events[static_cast<size_t>(i)]);
    }
    return page;
  }

  absl::StatusOr<std::vector<IdentityEdge>> IdentityEdges(absl::string_view, int64_t, int) const override {
    return NotHere();
  }

  mutable int list_calls = 0;
  mutable int first_match_calls = 0;

 private:
  static absl::Status NotHere() { return absl::UnimplementedError("this view answers no aggregates"); }
  static absl::Time Time(const v1::CustomerEvent& event) {
    return absl::FromUnixSeconds(event.event_time().seconds()) + absl::Nanoseconds(event.event_time().nanos());
  }
  static std::tuple<absl::Time, int64_t, std::string, std::string> Order(const v1::CustomerEvent& event) {
    return {Time(event), event.sequence(), event.source(), event.id()};
  }
  int64_t size() const { return static_cast<int64_t>(customers_.size()); }
  CustomerSummary Summary(int64_t index) const {
    const std::vector<StoredEvent>& events = customers_[static_cast<size_t>(index)];
    return {events.front().event.customer_id(),  index, Time(events.front().event), Time(events.back().event),
            static_cast<int64_t>(events.size()), {}};
  }

  CustomerFacts Facts(int64_t index) const {
    const CustomerSummary summary = Summary(index);
    CustomerFacts facts{
        summary.customer_id, summary.event_count, summary.first_event_time, summary.last_event_time, {}};
    for (const StoredEvent& event : customers_[static_cast<size_t>(index)]) facts.AddTraits(event.event);
    return facts;
  }

  std::map<std::string, int64_t> index_by_id_;
  std::vector<std::vector<StoredEvent>> customers_;  // by ordinal
  int64_t sequence_ = 0;
};

}  // namespace throughline::testing
