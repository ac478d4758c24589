#include "services/events/native/native_event_view.h"

#include <algorithm>
#include <bit>
#include <string>
#include <tuple>

#include "services/base/status_macros.h"
#include "services/events/native/queries.h"
#include "throughline/errors.h"

namespace throughline {

absl::StatusOr<const PropertyColumn*> CorrelationColumn(Projection& projection, const RunRule& rule,
                                                        const Scope& scope) {
  if (rule.correlation_property.empty()) return nullptr;
  const std::string key = PropertyColumnKey(rule.correlation_property);
  ASSIGN_OR_RETURN(const auto properties, projection.Properties({&key, 1}, scope));
  return properties[0].column;
}

absl::StatusOr<std::shared_ptr<const EventView>> NativeEventView::KnownAt(EventSequence watermark) const {
  if (watermark.value < 0 || watermark.value > snapshot_->watermark) {
    return WatermarkOutOfRange(watermark.value, snapshot_->watermark);
  }
  if (watermark.value == snapshot_->watermark) {
    return std::make_shared<const NativeEventView>(projection_, snapshot_);
  }
  ASSIGN_OR_RETURN(Snapshot past, throughline::KnownAt(*snapshot_, watermark.value, projection_->dictionaries(),
                                                       projection_->merge_sources()));
  return std::make_shared<const NativeEventView>(projection_, std::make_shared<const Snapshot>(std::move(past)));
}

EventStatistics NativeEventView::Statistics() const {
  EventStatistics out;
  out.events = snapshot_->events;
  out.customers = snapshot_->customers;
  out.ordinals = snapshot_->customer_codes;
  if (out.events == 0) return out;
  out.first_event_time = absl::FromUnixMicros(snapshot_->first_time_micros);
  out.last_event_time = absl::FromUnixMicros(snapshot_->last_time_micros);
  for (uint32_t code = 0; code < snapshot_->name_counts.size(); ++code) {
    if (snapshot_->name_counts[code] == 0) continue;  // not known yet
    out.event_names.push_back({projection_->dictionaries().names()[code], snapshot_->name_counts[code]});
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

absl::StatusOr<Grouped<VariantCounts>> NativeEventView::Variants(const VariantQuery& query) const {
  return ComputeVariants(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<CohortMatrix>> NativeEventView::Cohorts(const CohortQuery& query) const {
  return ComputeCohorts(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<StageTimes>> NativeEventView::Stages(const StageQuery& query) const {
  return ComputeStages(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<RevenueMovements>> NativeEventView::Revenue(const RevenueQuery& query) const {
  return ComputeRevenue(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<PurchaseSummary>> NativeEventView::Purchases(const PurchaseQuery& query) const {
  return ComputePurchases(*projection_, *snapshot_, query);
}

absl::StatusOr<Grouped<CustomerFeatures>> NativeEventView::Features(const FeatureQuery& query) const {
  return ComputeFeatures(*projection_, *snapshot_, query);
}

absl::StatusOr<RunSample> NativeEventView::Runs(const RunsQuery& query) const {
  return ComputeRuns(*projection_, *snapshot_, query);
}

absl::StatusOr<ValueCounts> NativeEventView::Values(const ValueQuery& query) const {
  return ComputeValues(*projection_, *snapshot_, query);
}

absl::StatusOr<RunPositions> NativeEventView::Positions(const PositionQuery& query) const {
  return ComputePositions(*projection_, *snapshot_, query);
}

absl::StatusOr<NativeEventView::CustomerPlace> NativeEventView::PlaceOf(uint32_t customer) const {
  ASSIGN_OR_RETURN(std::shared_ptr<const Partition> partition, snapshot_->At(customer / kPartitionCustomers));
  const auto [begin, end] = partition->RangeOf(customer);
  return CustomerPlace{std::move(partition), begin, end};
}

CustomerSummary NativeEventView::Summary(uint32_t customer, const CustomerPlace& place) const {
  CustomerSummary out;
  out.customer_id = snapshot_->NameOf(customer, projection_->dictionaries());
  out.ordinal = customer;
  out.first_event_time = absl::FromUnixMicros(place.partition->times()[place.begin]);
  out.last_event_time = absl::FromUnixMicros(place.partition->times()[place.end - 1]);
  out.event_count = place.end - place.begin;
  return out;
}

absl::StatusOr<std::optional<uint32_t>> NativeEventView::HomeOf(absl::string_view customer_id) const {
  std::optional<uint32_t> code = projection_->dictionaries().customers.Find(customer_id);
  // One that came later is not in this view.
  if (code.has_value() && *code < snapshot_->customer_codes) return snapshot_->HomeOf(*code);
  // It may have no event of its own, and be another name of one that has.
  code.reset();
  if (snapshot_->people.empty()) return code;
  RETURN_IF_ERROR(projection_->ReadPeople(*snapshot_, customer_id, [&](const People& people) {
    const auto person = people.graph().FindPerson(customer_id);
    // Of a customer that came later nothing is known.
    if (person.has_value() && person->home < snapshot_->customer_codes) code = person->home;
  }));
  return code;
}

std::pair<uint32_t, uint32_t> NativeEventView::Range(int64_t from, int limit) const {
  const int64_t count = snapshot_->customer_codes;
  const int64_t begin = std::clamp<int64_t>(from, 0, count);
  const int64_t end = std::min(count, begin + std::max(limit, 0));
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

absl::StatusOr<std::optional<CustomerSummary>> NativeEventView::FindCustomer(absl::string_view customer_id) const {
  ASSIGN_OR_RETURN(const std::optional<uint32_t> code, HomeOf(customer_id));
  if (!code.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const CustomerPlace place, PlaceOf(*code));
  if (place.begin == place.end) return std::nullopt;
  CustomerSummary out = Summary(*code, place);
  if (snapshot_->people.empty()) return out;
  RETURN_IF_ERROR(projection_->ReadPeople(*snapshot_, out.customer_id, [&](const People& people) {
    const auto person = people.graph().FindPerson(out.customer_id);
    if (!person.has_value()) return;
    for (const absl::string_view other : person->others) out.linked_customer_ids.emplace_back(other);
  }));
  return out;
}

absl::StatusOr<std::vector<CustomerSummary>> NativeEventView::ListCustomers(int64_t from, int limit) const {
  std::vector<CustomerSummary> out;
  const auto begin = static_cast<uint32_t>(std::clamp<int64_t>(from, 0, snapshot_->customer_codes));
  CustomerPlace place;
  for (uint32_t customer = begin; customer < snapshot_->customer_codes && std::ssize(out) < limit; ++customer) {
    // Of a past view, a partition is made each time that it is asked for.
    if (place.partition == nullptr || customer - place.partition->first_customer() >= kPartitionCustomers) {
      ASSIGN_OR_RETURN(place.partition, snapshot_->At(customer / kPartitionCustomers));
    }
    std::tie(place.begin, place.end) = place.partition->RangeOf(customer);
    if (place.begin != place.end) out.push_back(Summary(customer, place));
  }
  return out;
}

absl::StatusOr<std::vector<std::vector<absl::Time>>> NativeEventView::FirstMatches(
    int64_t from, int limit, const std::vector<EventSelector>& selectors, const Patience& patience) const {
  const auto [begin, end] = Range(from, limit);
  Scope scope;
  static_cast<Patience&>(scope) = patience;
  std::vector<std::vector<absl::Time>> out(end - begin,
                                           std::vector<absl::Time>(selectors.size(), absl::InfiniteFuture()));
  constexpr size_t kPerPass = 64;  // as many as a mask has bits
  for (size_t first = 0; first < selectors.size(); first += kPerPass) {
    const size_t count = std::min(kPerPass, selectors.size() - first);
    ASSIGN_OR_RETURN(const Selectors set,
                     Selectors::Compile({selectors.data() + first, count}, scope, *projection_, *snapshot_));
    std::shared_ptr<const Partition> partition;
    std::optional<Selectors::Reader> reader;
    std::vector<uint64_t> masks;
    for (uint32_t customer = begin; customer < end; ++customer) {
      if (partition == nullptr || customer / kPartitionCustomers != partition->first_customer() / kPartitionCustomers) {
        RETURN_IF_ERROR(StillWanted(patience));
        ASSIGN_OR_RETURN(partition, snapshot_->At(customer / kPartitionCustomers));
        reader.emplace(set, *partition);
      }
      const auto [first_event, last_event] = partition->RangeOf(customer);
      masks.resize(last_event - first_event);
      reader->All(first_event, last_event, masks.data());
      uint64_t found = 0;
      for (uint32_t k = first_event; k < last_event; ++k) {
        for (uint64_t left = masks[k - first_event] & ~found; left != 0; left &= left - 1) {
          out[customer - begin][first + static_cast<size_t>(std::countr_zero(left))] =
              absl::FromUnixMicros(partition->times()[k]);
        }
        found |= masks[k - first_event];
      }
    }
  }
  return out;
}

absl::StatusOr<std::vector<StoredEvent>> NativeEventView::CustomerEvents(absl::string_view customer_id, int64_t offset,
                                                                         int limit) const {
  std::vector<StoredEvent> out;
  ASSIGN_OR_RETURN(const std::optional<uint32_t> code, HomeOf(customer_id));
  if (!code.has_value() || limit <= 0) return out;
  ASSIGN_OR_RETURN(const CustomerPlace place, PlaceOf(*code));
  const int64_t count = place.end - place.begin;
  const int64_t first = std::clamp<int64_t>(offset, 0, count);
  const int64_t last = std::min<int64_t>(count, first + limit);
  std::vector<int64_t> sequences;
  for (int64_t i = first; i < last; ++i) {
    sequences.push_back(static_cast<int64_t>(place.partition->rows()[place.begin + i]) + 1);
  }
  ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, projection_->ReadEvents(sequences));
  for (const EventLog::Record& record : records) {
    if (IsLogMark(record.event)) continue;  // erased after the view was opened
    StoredEvent& stored = out.emplace_back();
    if (!stored.event.ParseFromString(record.event)) return Internal("a recorded event does not parse");
    stored.sequence = EventSequence{record.sequence};
    stored.record_time = record.record_time;
  }
  return out;
}

absl::StatusOr<std::vector<IdentityEdge>> NativeEventView::IdentityEdges(absl::string_view customer_id, int64_t offset,
                                                                         int limit) const {
  std::vector<IdentityEdge> out;
  std::vector<int64_t> sequences;
  bool too_many = false;
  RETURN_IF_ERROR(projection_->ReadPeople(*snapshot_, customer_id, [&](const People& people) {
    const std::optional<std::vector<IdentityGraph::Edge>> edges = people.graph().EdgesAround(customer_id);
    too_many = !edges.has_value();
    if (too_many) return;
    const int64_t count = std::ssize(*edges);
    const int64_t first = std::clamp<int64_t>(offset, 0, count);
    for (int64_t i = first; i < std::min<int64_t>(count, first + std::max(limit, 0)); ++i) {
      const IdentityGraph::Edge& edge = (*edges)[static_cast<size_t>(i)];
      IdentityEdge& told = out.emplace_back();
      told.customer_id = people.graph().NameOf(edge.from);
      told.linked_customer_id = people.graph().NameOf(edge.to);
      told.revoked = edge.revoked;
      sequences.push_back(int64_t{edge.row} + 1);
    }
  }));
  if (too_many) {
    return LimitExceeded("the links around one customer", static_cast<int64_t>(IdentityGraph::kEdgesAroundMax),
                         "links");
  }
  if (out.empty()) return out;
  ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, projection_->ReadEvents(sequences));
  std::vector<IdentityEdge> kept;
  for (size_t i = 0; i < out.size(); ++i) {
    if (IsLogMark(records[i].event)) continue;  // erased after the view was opened
    EventFields fields;
    if (!ReadEventFields(records[i].event, fields)) return Internal("a recorded event does not parse");
    out[i].link_time = absl::FromUnixMicros(fields.time_micros);
    out[i].event_source = std::string(fields.source);
    out[i].event_id = std::string(fields.id);
    kept.push_back(std::move(out[i]));
  }
  return kept;
}

std::shared_ptr<const EventView> EmptyEventView() {
  return std::make_shared<NativeEventView>(std::make_shared<Projection>(nullptr, 0), std::make_shared<Snapshot>());
}

}  // namespace throughline
