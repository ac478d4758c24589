#include "services/events/native/projection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
Projection::Projection(std::shared_ptr<const EventLog> log, uint32_t workspace, int query_threads)
    : log_(std::move(log)), workspace_(workspace), query_threads_(query_threads) {}

absl::Status Projection::Damaged(int64_t sequence) const {
  return StoreDamaged("the event store", absl::StrCat("workspace ", workspace_),
                      absl::StrCat("event ", sequence, " cannot be read"));
}

absl::Status Projection::Load(const std::function<void(int64_t, const EventFields&)>& also) {
  const std::lock_guard lock(mutex_);
  return log_->Scan(workspace_, 1, std::numeric_limits<int64_t>::max(),
                    [&](int64_t sequence, absl::string_view event) -> absl::Status {
                      EventFields fields;
                      RETURN_IF_ERROR(AddLocked(sequence, event, fields));
                      also(sequence, fields);
                      return absl::OkStatus();
                    });
}

size_t Projection::Enqueue(RecordedEvents events) {
  const std::lock_guard lock(queue_mutex_);
  queue_bytes_ += events.bytes->size();
  queue_.push_back(std::move(events));
  return queue_bytes_;
}

absl::Status Projection::CatchUp() {
  const std::lock_guard lock(mutex_);
  return CatchUpLocked();
}

absl::Status Projection::CatchUpLocked() {
  while (true) {
    std::vector<RecordedEvents> taken;
    {
      const std::lock_guard lock(queue_mutex_);
      taken.swap(queue_);
      queue_bytes_ = 0;
    }
    if (taken.empty()) return absl::OkStatus();
    for (const RecordedEvents& events : taken) {
      int64_t sequence = events.first_sequence;
      for (const RecordedEvents::Place& place : events.places) {
        EventFields fields;
        RETURN_IF_ERROR(
            AddLocked(sequence++, absl::string_view(*events.bytes).substr(place.offset, place.size), fields));
      }
    }
  }
}

absl::Status Projection::AddLocked(int64_t sequence, absl::string_view event, EventFields& fields) {
  if (sequence != last_sequence_ + 1 || !ReadEventFields(event, fields, properties_.empty() ? nullptr : &scratch_)) {
    return Damaged(sequence);
  }
  last_sequence_ = sequence;
  latest_ = nullptr;
  if (!properties_.empty()) AddPropertiesLocked();

  TailRow row;
  row.customer = dictionaries_.customers.Encode(fields.customer_id);
  row.row = static_cast<uint32_t>(sequence - 1);
  row.time_micros = fields.time_micros;
  row.source_sequence = fields.sequence;
  const std::array<absl::string_view, kCodeColumnCount> texts = {fields.event_name, fields.source, fields.channel,
                                                                 fields.department, fields.survey, fields.currency};
  for (int column = 0; column < kCodeColumnCount; ++column) {
    row.codes[column] = dictionaries_.codes[column].Encode(texts[column]);
  }
  row.value_kind = fields.value_kind;
  row.score = fields.score;
  row.amount_minor = fields.amount_minor;

  const uint32_t partition = row.customer / kPartitionCustomers;
  if (partition >= tails_.size()) tails_.resize(partition + 1);
  Tail& tail = tails_[partition];
  row.id_offset = static_cast<uint32_t>(tail.ids.size());
  row.id_size = static_cast<uint16_t>(fields.id.size());
  tail.ids.append(fields.id.data(), fields.id.size());
  tail.rows.push_back(row);
  tail_id_bytes_ += fields.id.size();

  const uint32_t name = row.codes[kNameColumn];
  if (name >= building_.name_counts.size()) building_.name_counts.resize(name + 1);
  ++building_.name_counts[name];
  building_.first_time_micros = std::min(building_.first_time_micros, row.time_micros);
  building_.last_time_micros = std::max(building_.last_time_micros, row.time_micros);

  if (tail_id_bytes_ > tail_id_bytes_max_) MergeForRoomLocked();
  return absl::OkStatus();
}

void Projection::AddPropertiesLocked() {
  for (const std::unique_ptr<PropertyColumn>& column : properties_) {
    const auto found = std::find_if(scratch_.begin(), scratch_.end(),
                                    [&](const PropertyField& field) { return field.key == column->key; });
    column->Append(found == scratch_.end() ? nullptr : &*found);
  }
}

// The event that brought this about is in its tail, so that a disk that cannot be read now costs memory and no event:
// the next snapshot merges again, and tells whoever asked.
void Projection::MergeForRoomLocked() {
  for (uint32_t i = 0; i < tails_.size(); ++i) {
    if (!MergeLocked(i).ok()) break;
  }
  tail_id_bytes_max_ = tail_id_bytes_ + kTailIdBytesMax;
}

absl::Status Projection::MergeLocked(uint32_t partition) {
  Tail& tail = tails_[partition];
  if (tail.rows.empty()) return absl::OkStatus();
  if (partition >= building_.partitions.size()) building_.partitions.resize(partition + 1);
  const uint32_t first = partition * kPartitionCustomers;
  const uint32_t count = std::min(kPartitionCustomers, dictionaries_.customers.size() - first);
  const auto read_id = [&](uint32_t row) -> absl::StatusOr<std::string> {
    const int64_t sequence = static_cast<int64_t>(row) + 1;
    ASSIGN_OR_RETURN(const std::vector<EventLog::Record> records, log_->Read(workspace_, {&sequence, 1}));
    EventFields fields;
    if (!ReadEventFields(records[0].event, fields)) return Damaged(sequence);
    return std::string(fields.id);
  };
  ASSIGN_OR_RETURN(
      building_.partitions[partition],
      Partition::Merge(first, count, building_.partitions[partition].get(), tail, dictionaries_.sources(), read_id));
  tail_id_bytes_ -= tail.ids.size();
  tail = Tail();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Snapshot>> Projection::Latest() {
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CatchUpLocked());
  if (latest_ != nullptr) return latest_;
  for (uint32_t i = 0; i < tails_.size(); ++i) RETURN_IF_ERROR(MergeLocked(i));
  building_.watermark = last_sequence_;
  building_.customer_count = dictionaries_.customers.size();
  for (int column = 0; column < kCodeColumnCount; ++column) {
    building_.code_counts[column] = dictionaries_.codes[column].size();
  }
  building_.query_threads = query_threads_;
  latest_ = std::make_shared<const Snapshot>(building_);
  return latest_;
}

absl::StatusOr<std::vector<Projection::Property>> Projection::Properties(absl::Span<const std::string> keys) {
  std::vector<Property> out(keys.size());
  // True if all are there.
  const auto find = [&] {
    bool all = true;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = std::find_if(properties_.begin(), properties_.end(),
                                      [&](const auto& column) { return column->key == keys[i]; });
      if (found == properties_.end()) {
        all = false;
      } else {
        out[i] = {found->get(), (*found)->values.size()};
      }
    }
    return all;
  };
  int64_t to;
  {
    const std::lock_guard lock(mutex_);
    if (find()) return out;
    to = last_sequence_;
  }

  const std::lock_guard backfill_lock(backfill_mutex_);
  std::vector<std::unique_ptr<PropertyColumn>> added;
  {
    const std::lock_guard lock(mutex_);
    if (find()) return out;
    for (size_t i = 0; i < keys.size(); ++i) {
      const bool again = std::find(keys.begin(), keys.begin() + i, keys[i]) != keys.begin() + i;
      if (out[i].column == nullptr && !again) added.push_back(std::make_unique<PropertyColumn>(keys[i]));
    }
    if (properties_.size() + added.size() > limits::kPropertyColumnCountMax) {
      return LimitExceeded("properties in filters and run rules", limits::kPropertyColumnCountMax,
                           "properties per workspace");
    }
  }
  std::vector<PropertyField> fields;
  const auto fill = [&](int64_t sequence, absl::string_view event) -> absl::Status {
    EventFields unused;
    if (!ReadEventFields(event, unused, &fields)) return Damaged(sequence);
    for (const std::unique_ptr<PropertyColumn>& column : added) {
      const auto found = std::find_if(fields.begin(), fields.end(),
                                      [&](const PropertyField& field) { return field.key == column->key; });
      column->Append(found == fields.end() ? nullptr : &*found);
    }
    return absl::OkStatus();
  };
  const auto scan = [&](int64_t from, int64_t last) {
    return log_ == nullptr ? absl::OkStatus() : log_->Scan(workspace_, from, last, fill);
  };
  // Nearly everything without the lock, so that views and the projector go on; then what has come in the meantime.
  RETURN_IF_ERROR(scan(1, to));
  const std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(scan(to + 1, last_sequence_));
  for (const std::unique_ptr<PropertyColumn>& column : added) {
    if (column->codes.size() != static_cast<size_t>(last_sequence_)) return Damaged(last_sequence_);
  }
  for (std::unique_ptr<PropertyColumn>& column : added) properties_.push_back(std::move(column));
  find();
  return out;
}

}  // namespace throughline
