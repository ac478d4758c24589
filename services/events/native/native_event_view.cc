#include "services/events/native/native_event_view.h"

#include <algorithm>
#include <string>

#include "services/base/status_macros.h"
#include "services/events/native/queries.h"
#include "throughline/errors.h"

namespace throughline {

absl::StatusOr<const PropertyColumn*> CorrelationColumn(Projection& projection, const RunRule& rule) {
  if (rule.correlation_property.empty()) return nullptr;
  ASSIGN_OR_RETURN(const auto properties, projection.Properties({&rule.correlation_property, 1}));
  return properties[0].column;
}

EventStatistics NativeEventView::Statistics() const {
  EventStatistics out;
  out.events = snapshot_->watermark;
  out.customers = snapshot_->customer_count;
  if (out.events == 0) return out;
  out.first_event_time = absl::FromUnixMicros(snapshot_->first_time_micros);
  out.last_event_time = absl::FromUnixMicros(snapshot_->last_time_micros);
  for (uint32_t code = 0; code < snapshot_->name_codes(); ++code) {
    out.event_names.push_back({projection_->dictionaries().names[code], snapshot_->name_counts[code]});
  }
  std::sort(out.event_names.begin(), out.event_names.end(), [](const EventNameCount& a, const EventNameCount& b) {
    return a.events != b.events ? a.events > b.events : a.event_name < b.event_name;
  });
  return out;
}

absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> NativeEventView::Volume(const VolumeQuery& query) const {
  return ComputeVolume(*projection_, *snapshot_, query);
}

absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> NativeEventView::Scores(const ScoreQuery& query) const {
  return ComputeScores(*projection_, *snapshot_, query);
}

absl::StatusOr<std::vector<Grouped<StepReach>>> NativeEventView::Steps(const StepQuery& query) const {
  return ComputeSteps(*projection_, *snapshot_, query);
}

absl::StatusOr<std::vector<PairAggregate>> NativeEventView::Pairs(const PairQuery& query) const {
  return ComputePairs(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<TransitionGraph>> NativeEventView::Graph(const GraphQuery& query) const {
  return ComputeGraph(*projection_, *snapshot_, query);
}

absl::StatusOr<RunPositions> NativeEventView::Positions(const PositionQuery& query) const {
  return ComputePositions(*projection_, *snapshot_, query);
}

NativeEventView::CustomerPlace NativeEventView::PlaceOf(uint32_t customer) const {
  const Partition& partition = *snapshot_->partitions[customer / kPartitionCustomers];
  const uint32_t i = customer - partition.first_customer();
  return {&partition, partition.offset(i), partition.offset(i + 1)};
}

CustomerSummary NativeEventView::Summary(uint32_t customer) const {
  const CustomerPlace place = PlaceOf(customer);
  CustomerSummary out;
  out.customer_id = projection_->dictionaries().customers[customer];
  out.ordinal = customer;
  out.first_event_time = absl::FromUnixMicros(place.partition->times()[place.begin]);
  out.last_event_time = absl::FromUnixMicros(place.partition->times()[place.end - 1]);
  out.event_count = place.end - place.begin;
  return out;
}

std::optional<uint32_t> NativeEventView::CodeOf(absl::string_view customer_id) const {
  const std::optional<uint32_t> code = projection_->dictionaries().customers.Find(customer_id);
  // One that came later is not in this view.
  if (!code.has_value() || *code >= snapshot_->customer_count) return std::nullopt;
  return code;
}

std::pair<uint32_t, uint32_t> NativeEventView::Range(int64_t from, int limit) const {
  const int64_t count = snapshot_->customer_count;
  const int64_t begin = std::clamp<int64_t>(from, 0, count);
  const int64_t end = std::min(count, begin + std::max(limit, 0));
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

absl::StatusOr<std::optional<CustomerSummary>> NativeEventView::FindCustomer(absl::string_view customer_id) const {
  const std::optional<uint32_t> code = CodeOf(customer_id);
  if (!code.has_value()) return std::nullopt;
  return Summary(*code);
}

absl::StatusOr<std::vector<CustomerSummary>> NativeEventView::ListCustomers(int64_t from, int limit) const {
  std::vector<CustomerSummary> out;
  const auto [begin, end] = Range(from, limit);
  for (uint32_t customer = begin; customer < end; ++customer) out.push_back(Summary(customer));
  return out;
}

absl::StatusOr<std::vector<std::vector<absl::Time>>> NativeEventView::FirstMatches(
    int64_t from, int limit, const std::vector<EventSelector>& selectors) const {
  ASSIGN_OR_RETURN(const SelectorSet set, SelectorSet::Compile(selectors, *projection_, *snapshot_));
  const auto [begin, end] = Range(from, limit);
  std::vector<std::vector<absl::Time>> out;
  std::optional<SelectorSet::Matcher> matcher;
  const Partition* matched = nullptr;
  for (uint32_t customer = begin; customer < end; ++customer) {
    const CustomerPlace place = PlaceOf(customer);
    if (place.partition != matched) matcher.emplace(set, *(matched = place.partition));
    std::vector<absl::Time>& times = out.emplace_back(selectors.size(), absl::InfiniteFuture());
    for (uint32_t i = place.begin; i < place.end; ++i) {
      matcher->ForEach(i, [&](int selector) {
        if (times[selector] != absl::InfiniteFuture()) return;
        times[selector] = absl::FromUnixMicros(place.partition->times()[i]);
      });
    }
  }
  return out;
}

absl::StatusOr<std::vector<StoredEvent>> NativeEventView::CustomerEvents(absl::string_view customer_id, int64_t offset,
                                                                         int limit) const {
  std::vector<StoredEvent> out;
  const std::optional<uint32_t> code = CodeOf(customer_id);
  if (!code.has_value() || limit <= 0) return out;
  const CustomerPlace place = PlaceOf(*code);
  const int64_t count = place.end - place.begin;
  const int64_t first = std::clamp<int64_t>(offset, 0, count);
  const int64_t last = std::min<int64_t>(count, first + limit);
  std::vector<int64_t> sequences;
  for (int64_t i = first; i < last; ++i) {
    sequences.push_back(static_cast<int64_t>(place.partition->rows()[place.begin + i]) + 1);
  }
  ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, projection_->ReadEvents(sequences));
  for (const EventLog::Record& record : records) {
    StoredEvent& stored = out.emplace_back();
    if (!stored.event.ParseFromString(record.event)) return Internal("a recorded event does not parse");
    stored.sequence = EventSequence{record.sequence};
    stored.record_time = record.record_time;
  }
  return out;
}

std::shared_ptr<const EventView> EmptyEventView() {
  return std::make_shared<NativeEventView>(std::make_shared<Projection>(nullptr, 0), std::make_shared<Snapshot>());
}

}  // namespace throughline
