// The events of a range of customers as columns, sorted by (customer, time, source sequence, source, id).
// Immutable; any thread.
//
// A workspace is cut into partitions by the order in which customers were first recorded: new customers fill the last
// one, so that an append rebuilds few. A view is a list of partitions.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "services/events/native/dictionaries.h"
#include "services/events/native/event_record.h"

namespace throughline {

// Customers per partition: at twenty events each a partition is 5 MB, which one thread merges in a few milliseconds.
inline constexpr uint32_t kPartitionCustomers = 4096;

// An event that is not yet in a partition.
struct TailRow {
  uint32_t customer = 0;
  uint32_t row = 0;  // sequence - 1
  int64_t time_micros = 0;
  int64_t source_sequence = 0;
  uint32_t name = 0;
  uint32_t channel = 0;
  uint32_t department = 0;
  uint32_t source = 0;
  uint32_t survey = 0;
  uint32_t id_offset = 0;  // in Tail::ids
  uint16_t id_size = 0;
  ValueKind value_kind = ValueKind::kNone;
  double value = 0;
};

// What a partition will take up next, in order of recording.
struct Tail {
  std::vector<TailRow> rows;
  std::string ids;

  absl::string_view IdOf(const TailRow& row) const { return absl::string_view(ids).substr(row.id_offset, row.id_size); }
};

class Partition {
 public:
  // The id of a recorded event, read from the log: needed only where two events of a customer agree in time, source
  // sequence and source.
  using ReadId = std::function<absl::StatusOr<std::string>(uint32_t row)>;

  // The partition that begins with customer `first_customer` and has `customer_count`: the events of `base` (may be
  // null) and those of the tail, which is sorted on the way.
  static absl::StatusOr<std::shared_ptr<const Partition>> Merge(uint32_t first_customer, uint32_t customer_count,
                                                                const Partition* base, Tail& tail,
                                                                const StringDictionary& sources, const ReadId& read_id);

  uint32_t first_customer() const { return first_customer_; }
  uint32_t customer_count() const { return static_cast<uint32_t>(offsets_.size() - 1); }
  uint32_t size() const { return static_cast<uint32_t>(times_.size()); }

  // The events of customer first_customer() + i are [offset(i), offset(i + 1)).
  uint32_t offset(uint32_t i) const { return offsets_[i]; }

  const int64_t* times() const { return times_.data(); }
  const uint32_t* rows() const { return rows_.data(); }  // sequence - 1
  const uint32_t* names() const { return names_.data(); }
  const uint32_t* channels() const { return channels_.data(); }
  const uint32_t* departments() const { return departments_.data(); }
  const uint32_t* sources() const { return sources_.data(); }
  const uint32_t* surveys() const { return surveys_.data(); }
  const ValueKind* value_kinds() const { return value_kinds_.data(); }
  const double* values() const { return values_.data(); }

  // The column of a property in this partition's order; gathered on first use.
  const uint32_t* property(const PropertyColumn& column) const;

 private:
  class Builder;
  Partition() = default;

  uint32_t first_customer_ = 0;
  std::vector<uint32_t> offsets_;
  std::vector<int64_t> times_;
  std::vector<int64_t> source_sequences_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> names_;
  std::vector<uint32_t> channels_;
  std::vector<uint32_t> departments_;
  std::vector<uint32_t> sources_;
  std::vector<uint32_t> surveys_;
  std::vector<ValueKind> value_kinds_;
  std::vector<double> values_;

  mutable std::mutex mutex_;
  mutable absl::flat_hash_map<const PropertyColumn*, std::unique_ptr<const std::vector<uint32_t>>> properties_;
};

}  // namespace throughline
