// The events of a range of customers as columns, sorted by (customer, time, source sequence, source, id).
// Immutable; any thread.
//
// A workspace is cut into partitions by the order in which customers were first recorded: new customers fill the last
// one, so that an append rebuilds few. A view is a list of partitions. An event of whole seconds takes 4 bytes for its
// time, 4 for its place in the log, and one for each of name, channel, department and score as long as their codes are
// small; a column in which all events agree takes none.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/events/native/column_array.h"
#include "services/events/native/dictionaries.h"
#include "services/events/native/event_record.h"
#include "services/events/native/packed_column.h"

namespace throughline {

// Customers per partition: at twenty events each a partition is 1 MB, which stays in a core's cache while it is read.
inline constexpr uint32_t kPartitionCustomers = 4096;

// An event that is not yet in a partition.
struct TailRow {
  uint32_t customer = 0;
  uint32_t row = 0;  // sequence - 1
  int64_t time_micros = 0;
  int64_t source_sequence = 0;
  std::array<uint32_t, kCodeColumnCount> codes{};
  uint32_t id_offset = 0;  // in Tail::ids
  uint16_t id_size = 0;    // 0: it is only in the log
  ValueKind value_kind = ValueKind::kNone;
  double score = 0;
  int64_t amount_minor = 0;
};

// What a partition will take up next, in order of recording.
struct Tail {
  std::vector<TailRow> rows;
  std::string ids;

  absl::string_view IdOf(const TailRow& row) const { return absl::string_view(ids).substr(row.id_offset, row.id_size); }
  // Adds what came later.
  void Append(const Tail& later);
};

// Scores as one byte: whole ones from 0 to 100 stand for themselves.
inline constexpr uint8_t kOddScore = 254;  // any other: Partition::odd_scores
inline constexpr uint8_t kNoScore = 255;

// The times of a partition. Where all are whole seconds and near enough to each other, as seconds since `base`.
struct TimeColumn {
  static constexpr int64_t kMicrosPerSecond = 1'000'000;
  bool in_seconds = true;
  int64_t first_micros = 0;  // bounds of all times; both 0 if there are none
  int64_t last_micros = 0;
  int64_t base_seconds = 0;
  ColumnArray<uint32_t> seconds;
  ColumnArray<int64_t> micros;  // since 1970; empty if in seconds

  int64_t operator[](size_t i) const { return in_seconds ? (base_seconds + seconds[i]) * kMicrosPerSecond : micros[i]; }
};

// Values that few events have: the places that have one, ascending, and the values.
template <typename T>
struct SparseColumn {
  ColumnArray<uint32_t> places;
  ColumnArray<T> values;
  const T* Find(uint32_t place) const {
    const auto found = std::lower_bound(places.begin(), places.end(), place);
    return found == places.end() || *found != place ? nullptr : &values[static_cast<size_t>(found - places.begin())];
  }
};

// Everything that a partition is, as it stands in memory and in its file (segment_file.h).
struct PartitionColumns {
  uint32_t first_customer = 0;
  uint32_t row_max = 0;
  ColumnArray<uint32_t> offsets;
  TimeColumn times;
  PackedColumn source_sequences;
  PackedColumn rows;
  std::array<PackedColumn, kCodeColumnCount> codes;
  ColumnArray<uint8_t> scores;
  SparseColumn<double> odd_scores;
  SparseColumn<int64_t> amounts;
};

class Partition {
 public:
  // The id of a recorded event, read from the log: needed only where two events of a customer agree in time, source
  // sequence and source.
  using ReadId = std::function<absl::StatusOr<std::string>(uint32_t row)>;

  // The partition that begins with customer `first_customer` and has `customer_count`: the events of `base` (may be
  // null) and those of the tail. The columns of properties that the base has gathered are carried on; not of traits.
  static absl::StatusOr<std::shared_ptr<const Partition>> Merge(uint32_t first_customer, uint32_t customer_count,
                                                                const Partition* base, const Tail& tail,
                                                                const StringDictionary& sources, const ReadId& read_id);

  explicit Partition(PartitionColumns columns) : columns_(std::move(columns)) {}
  ~Partition();

  // The events of `base` without those of the customers who leave (ascending), and those of the tail, whose customers
  // are the base's. The tail's events need not have their ids: those that matter are read.
  static absl::StatusOr<std::shared_ptr<const Partition>> Rejoin(const Partition& base,
                                                                 absl::Span<const uint32_t> leaving, const Tail& tail,
                                                                 const StringDictionary& sources,
                                                                 const ReadId& read_id);
  // Adds the customer's events below a row to the tail, without their ids, as those of customer `home`.
  void CopyTo(uint32_t customer, uint32_t home, uint32_t row_end, Tail& tail) const;

  // The events of `whole` below a row, as they were before the others came; the customers of which nothing is left are
  // cut off at the end.
  static std::shared_ptr<const Partition> Before(const Partition& whole, uint32_t row_end);

  // The events of `whole` but for those with these rows, which ascend. Its customers stay, with events or without.
  static std::shared_ptr<const Partition> Without(const Partition& whole, absl::Span<const uint32_t> rows);

  uint32_t first_customer() const { return columns_.first_customer; }
  uint32_t customer_count() const { return static_cast<uint32_t>(columns_.offsets.size() - 1); }
  uint32_t size() const { return columns_.offsets.back(); }
  uint32_t row_max() const { return columns_.row_max; }
  const PartitionColumns& columns() const { return columns_; }
  size_t owned_bytes() const;  // on the heap, without properties

  // The events of customer first_customer() + i are [offset(i), offset(i + 1)).
  uint32_t offset(uint32_t i) const { return columns_.offsets[i]; }
  // The same of any customer from first_customer() on; nothing of those whom the partition does not have.
  std::pair<uint32_t, uint32_t> RangeOf(uint32_t customer) const {
    const uint32_t i = customer - first_customer();
    if (i >= customer_count()) return {0, 0};
    return {offset(i), offset(i + 1)};
  }
  const uint32_t* offsets() const { return columns_.offsets.data(); }

  const TimeColumn& times() const { return columns_.times; }
  const PackedColumn& rows() const { return columns_.rows; }  // sequence - 1
  const PackedColumn& codes(CodeColumn column) const { return columns_.codes[column]; }
  // Null if no event has a score.
  const uint8_t* scores() const { return columns_.scores.data(); }
  const SparseColumn<double>& odd_scores() const { return columns_.odd_scores; }
  const SparseColumn<int64_t>& amounts() const { return columns_.amounts; }

  // The column of a property in this partition's order: gathered on first use, and again when there was no room to keep
  // it. Of a trait every event has what its customer's events, these and no others, say in the end: kMissingCode where
  // nothing is known or not any more.
  std::shared_ptr<const PackedColumn> property(const PropertyColumn& column) const;
  // Takes over what `same`, which has the same events, has gathered. Before anyone else has this partition.
  void AdoptProperties(const Partition& same) const;

 private:
  class Merger;

  std::vector<uint32_t> GatherProperty(const PropertyColumn& column) const;
  std::vector<uint32_t> GatherTrait(const PropertyColumn& column) const;

  // What was gathered lies in the column's cache, under these numbers.
  struct Gathered {
    const PropertyColumn* column = nullptr;  // of the projection, which outlives it or has forgotten it
    std::shared_ptr<const ColumnCache> cache;
    ColumnCache::Key key;
  };
  void KeepGathered(const PropertyColumn& column, std::shared_ptr<const PackedColumn> gathered) const;

  const PartitionColumns columns_;

  mutable std::mutex mutex_;
  mutable uint64_t id_ = ColumnCache::NextId();
  mutable std::vector<Gathered> gathered_;
};

}  // namespace throughline
