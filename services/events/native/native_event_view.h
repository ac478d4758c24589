// A snapshot of one workspace, answering the questions of the events port. Immutable; any thread.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "services/events/native/projection.h"
#include "services/events/native/selectors.h"
#include "throughline/events.h"

namespace throughline {

class NativeEventView : public EventView {
 public:
  NativeEventView(std::shared_ptr<Projection> projection, std::shared_ptr<const Snapshot> snapshot)
      : projection_(std::move(projection)), snapshot_(std::move(snapshot)) {}

  EventSequence watermark() const override { return EventSequence{snapshot_->watermark}; }
  absl::StatusOr<std::shared_ptr<const EventView>> KnownAt(EventSequence watermark) const override;
  EventStatistics Statistics() const override;

  absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> Volume(const VolumeQuery& query) const override;
  absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> Scores(const ScoreQuery& query) const override;
  absl::StatusOr<std::vector<Grouped<StepReach>>> Steps(const StepQuery& query) const override;
  absl::StatusOr<std::vector<PairAggregate>> Pairs(const PairQuery& query) const override;
  absl::StatusOr<Grouped<TransitionGraph>> Graph(const GraphQuery& query) const override;
  absl::StatusOr<Grouped<VariantCounts>> Variants(const VariantQuery& query) const override;
  absl::StatusOr<Grouped<CohortMatrix>> Cohorts(const CohortQuery& query) const override;
  absl::StatusOr<Grouped<StageTimes>> Stages(const StageQuery& query) const override;
  absl::StatusOr<Grouped<RevenueMovements>> Revenue(const RevenueQuery& query) const override;
  absl::StatusOr<Grouped<PurchaseSummary>> Purchases(const PurchaseQuery& query) const override;
  absl::StatusOr<Grouped<CustomerFeatures>> Features(const FeatureQuery& query) const override;
  absl::StatusOr<RunSample> Runs(const RunsQuery& query) const override;
  absl::StatusOr<ValueCounts> Values(const ValueQuery& query) const override;
  absl::StatusOr<RunPositions> Positions(const PositionQuery& query) const override;

  absl::StatusOr<std::optional<CustomerSummary>> FindCustomer(absl::string_view customer_id) const override;
  absl::StatusOr<std::vector<CustomerSummary>> ListCustomers(int64_t from, int limit) const override;
  absl::StatusOr<std::vector<std::vector<absl::Time>>> FirstMatches(int64_t from, int limit,
                                                                    const std::vector<EventSelector>& selectors,
                                                                    const Patience& patience) const override;
  absl::StatusOr<std::vector<StoredEvent>> CustomerEvents(absl::string_view customer_id, int64_t offset,
                                                          int limit) const override;
  absl::StatusOr<std::vector<IdentityEdge>> IdentityEdges(absl::string_view customer_id, int64_t offset,
                                                          int limit) const override;

 private:
  // A customer's events: places [begin, end) of the partition.
  struct CustomerPlace {
    std::shared_ptr<const Partition> partition;
    uint32_t begin;
    uint32_t end;
  };
  absl::StatusOr<CustomerPlace> PlaceOf(uint32_t customer) const;
  CustomerSummary Summary(uint32_t customer, const CustomerPlace& place) const;
  // The customer who has the events of this one.
  absl::StatusOr<std::optional<uint32_t>> HomeOf(absl::string_view customer_id) const;
  // Of [from, from + limit), what is below the codes that may occur.
  std::pair<uint32_t, uint32_t> Range(int64_t from, int limit) const;

  const std::shared_ptr<Projection> projection_;
  const std::shared_ptr<const Snapshot> snapshot_;
};

// What an unknown workspace looks like.
std::shared_ptr<const EventView> EmptyEventView();

}  // namespace throughline
