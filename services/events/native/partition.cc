#include "services/events/native/partition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "services/base/status_macros.h"
#include "throughline/aggregates.h"

namespace throughline {
namespace {

constexpr int64_t kMicrosPerSecond = TimeColumn::kMicrosPerSecond;

int64_t FloorSeconds(int64_t micros) { return micros / kMicrosPerSecond - (micros % kMicrosPerSecond < 0 ? 1 : 0); }

uint8_t ScoreCode(const TailRow& row) {
  if (row.value_kind != ValueKind::kScore) return kNoScore;
  const bool whole = row.score >= 0 && row.score <= ScoreHistogram::kScoreMax && row.score == std::floor(row.score);
  return whole ? static_cast<uint8_t>(row.score) : kOddScore;
}

}  // namespace

void Tail::Append(const Tail& later) {
  const auto shift = static_cast<uint32_t>(ids.size());
  ids += later.ids;
  rows.reserve(rows.size() + later.rows.size());
  for (TailRow row : later.rows) {
    row.id_offset += shift;
    rows.push_back(row);
  }
}

// Decides where each event goes: ranges of the base and single rows of the tail, in order; then makes each column.
class Partition::Merger {
 public:
  Merger(uint32_t first_customer, uint32_t customer_count, const Partition* base, const Tail& tail,
         const StringDictionary& sources, const ReadId& read_id)
      : first_customer_(first_customer),
        customer_count_(customer_count),
        base_(base == nullptr ? nullptr : &base->columns()),
        tail_(tail),
        sources_(sources),
        read_id_(read_id) {}

  // Of the customers who leave, ascending, the base's events are left out.
  absl::Status Plan(absl::Span<const uint32_t> leaving = {}) {
    RETURN_IF_ERROR(SortTail());
    const auto base_customers = base_ == nullptr ? 0 : static_cast<uint32_t>(base_->offsets.size() - 1);
    offsets_.reserve(customer_count_ + 1);
    uint32_t taken = 0;   // of the base
    uint32_t copied = 0;  // of these; ranges without a new event between them are copied in one piece
    uint32_t left = 0;    // of these: left out
    auto row = order_.begin();
    for (uint32_t i = 0; i < customer_count_; ++i) {
      offsets_.push_back(taken - left + static_cast<uint32_t>(row - order_.begin()));
      const uint32_t end = i < base_customers ? base_->offsets[i + 1] : taken;
      if (!leaving.empty() && leaving.front() == first_customer_ + i) {
        leaving.remove_prefix(1);
        AddPiece(copied, taken, kNoRow);
        left += end - taken;
        copied = taken = end;
        continue;
      }
      for (; row != order_.end() && tail_.rows[*row].customer == first_customer_ + i; ++row) {
        // The first event of the base after the row. New events mostly belong at the end: that is asked first.
        uint32_t low = taken, high = end;
        for (uint32_t middle = high - 1; low < high; middle = low + (high - low) / 2) {
          ASSIGN_OR_RETURN(const bool is_before, BaseIsBefore(middle, tail_.rows[*row]));
          (is_before ? low : high) = is_before ? middle + 1 : middle;
        }
        taken = low;
        AddPiece(copied, taken, *row);
        copied = taken;
      }
      taken = end;
    }
    AddPiece(copied, taken, kNoRow);
    offsets_.push_back(taken - left + static_cast<uint32_t>(order_.size()));
    size_ = offsets_.back();
    return absl::OkStatus();
  }

  // The base's events below `row_end` only.
  void PlanBefore(uint32_t row_end) {
    PlanKept([row_end](uint32_t, uint32_t row) { return row < row_end; });
  }

  // The base's events but for those with these rows. Bounds of the times are those of what is left.
  void PlanWithout(absl::Span<const uint32_t> rows) {
    bounds_ = {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
    PlanKept([&](uint32_t place, uint32_t row) {
      if (std::binary_search(rows.begin(), rows.end(), row)) return false;
      const int64_t time = base_->times[place];
      bounds_ = {std::min(bounds_->first, time), std::max(bounds_->second, time)};
      return true;
    });
  }

  // The base's events for which keep(place, row).
  template <typename Keep>
  void PlanKept(const Keep& keep) {
    offsets_.push_back(0);
    for (uint32_t i = 0; i < customer_count_; ++i) {
      for (uint32_t k = base_->offsets[i]; k < base_->offsets[i + 1]; ++k) {
        if (!keep(k, static_cast<uint32_t>(base_->rows[k]))) continue;
        ++size_;
        if (!pieces_.empty() && pieces_.back().to == k) {
          ++pieces_.back().to;
        } else {
          pieces_.push_back({k, k + 1, kNoRow});
        }
      }
      offsets_.push_back(static_cast<uint32_t>(size_));
    }
  }

  // A column of codes of the base's events and the tail's.
  std::shared_ptr<const PackedColumn> MakeProperty(const PropertyColumn& column, const PackedColumn& base) const {
    auto out = std::make_shared<PackedColumn>();
    const auto reading = column.codes.Reading();
    MakePacked(&base, *out, [&](const TailRow& row) { return int64_t{column.codes[row.row]}; });
    return out;
  }

  std::shared_ptr<Partition> Make() {
    PartitionColumns out;
    out.first_customer = first_customer_;
    out.row_max = base_ == nullptr ? 0 : base_->row_max;
    for (const TailRow& row : tail_.rows) out.row_max = std::max(out.row_max, row.row);
    out.offsets = std::move(offsets_);
    MakeTimes(out);
    MakeColumn(&PartitionColumns::source_sequences, out.source_sequences,
               [](const TailRow& row) { return row.source_sequence; });
    MakeColumn(&PartitionColumns::rows, out.rows, [](const TailRow& row) { return int64_t{row.row}; });
    for (int column = 0; column < kCodeColumnCount; ++column) {
      MakePacked(base_ == nullptr ? nullptr : &base_->codes[column], out.codes[column],
                 [column](const TailRow& row) { return int64_t{row.codes[column]}; });
    }
    MakeScores(out);
    MakeAmounts(out);
    return std::make_shared<Partition>(std::move(out));
  }

 private:
  static constexpr uint32_t kNoRow = std::numeric_limits<uint32_t>::max();
  // [from, to) of the base, then a row of the tail.
  struct Piece {
    uint32_t from;
    uint32_t to;
    uint32_t row;
  };

  void AddPiece(uint32_t from, uint32_t to, uint32_t row) {
    if (from != to || row != kNoRow) pieces_.push_back({from, to, row});
  }

  int SourceOrder(uint32_t a, uint32_t b) const { return a == b ? 0 : sources_[a].compare(sources_[b]); }

  // By customer without comparing; most customers' events come in order.
  absl::Status SortTail() {
    std::vector<uint32_t> begins(customer_count_ + 1, 0);
    for (const TailRow& row : tail_.rows) ++begins[row.customer - first_customer_ + 1];
    for (uint32_t i = 0; i < customer_count_; ++i) begins[i + 1] += begins[i];
    order_.resize(tail_.rows.size());
    std::vector<uint32_t> next(begins.begin(), begins.end() - 1);
    for (uint32_t i = 0; i < tail_.rows.size(); ++i) order_[next[tail_.rows[i].customer - first_customer_]++] = i;
    const auto less = [&](uint32_t left, uint32_t right) {
      const TailRow& a = tail_.rows[left];
      const TailRow& b = tail_.rows[right];
      if (const int order = OrderWithoutId(a, b); order != 0) return order < 0;
      return IdOf(a) < IdOf(b);
    };
    const auto less_without_id = [&](uint32_t left, uint32_t right) {
      return OrderWithoutId(tail_.rows[left], tail_.rows[right]) < 0;
    };
    const bool with_ids =
        std::all_of(tail_.rows.begin(), tail_.rows.end(), [](const TailRow& row) { return row.id_size > 0; });
    for (uint32_t i = 0; i < customer_count_; ++i) {
      const auto begin = order_.begin() + begins[i], end = order_.begin() + begins[i + 1];
      if (!with_ids) {
        if (!std::is_sorted(begin, end, less_without_id)) std::stable_sort(begin, end, less_without_id);
        RETURN_IF_ERROR(ReadIdsOfEqual(begin, end));
      }
      if (!std::is_sorted(begin, end, less)) std::sort(begin, end, less);
    }
    return absl::OkStatus();
  }

  int OrderWithoutId(const TailRow& a, const TailRow& b) const {
    if (a.time_micros != b.time_micros) return a.time_micros < b.time_micros ? -1 : 1;
    if (a.source_sequence != b.source_sequence) return a.source_sequence < b.source_sequence ? -1 : 1;
    return SourceOrder(a.codes[kSourceColumn], b.codes[kSourceColumn]);
  }

  // Of one customer's rows, sorted but for their ids.
  absl::Status ReadIdsOfEqual(std::vector<uint32_t>::const_iterator begin, std::vector<uint32_t>::const_iterator end) {
    for (auto at = begin; at != end; ++at) {
      const TailRow& row = tail_.rows[*at];
      const bool equal = (at != begin && OrderWithoutId(tail_.rows[at[-1]], row) == 0) ||
                         (at + 1 != end && OrderWithoutId(row, tail_.rows[at[1]]) == 0);
      if (equal) RETURN_IF_ERROR(ReadTailId(row));
    }
    return absl::OkStatus();
  }

  absl::Status ReadTailId(const TailRow& row) {
    if (row.id_size > 0 || read_ids_.contains(row.row)) return absl::OkStatus();
    ASSIGN_OR_RETURN(read_ids_[row.row], read_id_(row.row));
    return absl::OkStatus();
  }

  // Those that no other could be equal to were not read.
  absl::string_view IdOf(const TailRow& row) const {
    if (row.id_size > 0) return tail_.IdOf(row);
    const auto found = read_ids_.find(row.row);
    return found == read_ids_.end() ? absl::string_view() : absl::string_view(found->second);
  }

  // Whether the base's event `i` comes before the tail's row, both of one customer.
  absl::StatusOr<bool> BaseIsBefore(uint32_t i, const TailRow& row) {
    if (const int64_t time = base_->times[i]; time != row.time_micros) return time < row.time_micros;
    if (const int64_t sequence = base_->source_sequences[i]; sequence != row.source_sequence) {
      return sequence < row.source_sequence;
    }
    const auto source = static_cast<uint32_t>(base_->codes[kSourceColumn][i]);
    if (const int order = SourceOrder(source, row.codes[kSourceColumn]); order != 0) return order < 0;
    RETURN_IF_ERROR(ReadTailId(row));
    ASSIGN_OR_RETURN(const std::string id, read_id_(static_cast<uint32_t>(base_->rows[i])));
    return absl::string_view(id) < IdOf(row);
  }

  size_t size() const { return size_; }

  template <typename ValueOf>
  void MakeColumn(PackedColumn PartitionColumns::*column, PackedColumn& out, const ValueOf& value_of) const {
    MakePacked(base_ == nullptr ? nullptr : &(base_->*column), out, value_of);
  }

  template <typename ValueOf>
  void MakePacked(const PackedColumn* base, PackedColumn& out, const ValueOf& value_of) const {
    PackedColumn::Builder builder(size(), base);
    for (const TailRow& row : tail_.rows) builder.Announce(value_of(row));
    builder.Start();
    for (const Piece& piece : pieces_) {
      if (piece.from != piece.to) builder.AddBase(piece.from, piece.to);
      if (piece.row != kNoRow) builder.Add(value_of(tail_.rows[piece.row]));
    }
    out = builder.Finish();
  }

  void MakeTimes(PartitionColumns& out) const {
    int64_t first = std::numeric_limits<int64_t>::max(), last = std::numeric_limits<int64_t>::min();
    bool whole = base_ == nullptr || base_->offsets.back() == 0 || base_->times.in_seconds;
    const auto see = [&](int64_t micros) {
      first = std::min(first, micros);
      last = std::max(last, micros);
    };
    for (const TailRow& row : tail_.rows) {
      see(row.time_micros);
      whole = whole && row.time_micros % kMicrosPerSecond == 0;
    }
    if (bounds_.has_value()) {
      first = bounds_->first;
      last = bounds_->second;
    } else if (base_ != nullptr && base_->offsets.back() > 0) {
      see(base_->times.first_micros);
      see(base_->times.last_micros);
    }
    TimeColumn& times = out.times;
    if (size() > 0) {
      times.first_micros = first;
      times.last_micros = last;
    }
    times.in_seconds = whole && (size() == 0 || FloorSeconds(last) - FloorSeconds(first) <= 0xffffffff);
    times.base_seconds = size() == 0 ? 0 : FloorSeconds(first);
    if (!times.in_seconds) {
      std::vector<int64_t> micros;
      micros.reserve(size());
      ForEachPiece(
          [&](uint32_t from, uint32_t to) {
            if (!base_->times.in_seconds) {
              const int64_t* const base = base_->times.micros.data();
              micros.insert(micros.end(), base + from, base + to);
              return;
            }
            for (uint32_t i = from; i < to; ++i) micros.push_back(base_->times[i]);
          },
          [&](const TailRow& row) { micros.push_back(row.time_micros); });
      times.micros = std::move(micros);
      return;
    }
    std::vector<uint32_t> seconds;
    seconds.reserve(size());
    const auto shift = static_cast<uint32_t>(base_ == nullptr ? 0 : base_->times.base_seconds - times.base_seconds);
    ForEachPiece(
        [&](uint32_t from, uint32_t to) {
          const size_t begin = seconds.size();
          seconds.insert(seconds.end(), base_->times.seconds.data() + from, base_->times.seconds.data() + to);
          if (shift == 0) return;
          for (size_t i = begin; i < seconds.size(); ++i) seconds[i] += shift;
        },
        [&](const TailRow& row) {
          seconds.push_back(static_cast<uint32_t>(FloorSeconds(row.time_micros) - times.base_seconds));
        });
    times.seconds = std::move(seconds);
  }

  // Calls from_base(from, to) for ranges of the base and from_tail(row) for single rows, in order.
  template <typename FromBase, typename FromTail>
  void ForEachPiece(const FromBase& from_base, const FromTail& from_tail) const {
    for (const Piece& piece : pieces_) {
      if (piece.from != piece.to) from_base(piece.from, piece.to);
      if (piece.row != kNoRow) from_tail(tail_.rows[piece.row]);
    }
  }

  void MakeScores(PartitionColumns& out) const {
    const bool base_has = base_ != nullptr && !base_->scores.empty();
    const bool any = base_has || std::any_of(tail_.rows.begin(), tail_.rows.end(),
                                             [](const TailRow& row) { return row.value_kind == ValueKind::kScore; });
    if (!any) return;
    std::vector<uint8_t> scores;
    scores.reserve(size());
    ForEachPiece(
        [&](uint32_t from, uint32_t to) {
          if (base_has) {
            scores.insert(scores.end(), base_->scores.data() + from, base_->scores.data() + to);
          } else {
            scores.insert(scores.end(), to - from, kNoScore);
          }
        },
        [&](const TailRow& row) { scores.push_back(ScoreCode(row)); });
    out.scores = std::move(scores);
    out.odd_scores = Sparse(
        &PartitionColumns::odd_scores, [](const TailRow& row) { return ScoreCode(row) == kOddScore; },
        [](const TailRow& row) { return row.score; });
  }

  void MakeAmounts(PartitionColumns& out) const {
    out.amounts = Sparse(
        &PartitionColumns::amounts, [](const TailRow& row) { return row.value_kind == ValueKind::kAmount; },
        [](const TailRow& row) { return row.amount_minor; });
  }

  template <typename T, typename Has, typename ValueOf>
  SparseColumn<T> Sparse(SparseColumn<T> PartitionColumns::*column, const Has& has, const ValueOf& value_of) const {
    uint32_t place = 0;
    size_t next = 0;  // in the base's
    std::vector<uint32_t> places;
    std::vector<T> values;
    ForEachPiece(
        [&](uint32_t from, uint32_t to) {
          const SparseColumn<T>& base = base_->*column;
          while (next < base.places.size() && base.places[next] < from) ++next;
          for (; next < base.places.size() && base.places[next] < to; ++next) {
            places.push_back(place + (base.places[next] - from));
            values.push_back(base.values[next]);
          }
          place += to - from;
        },
        [&](const TailRow& row) {
          if (has(row)) {
            places.push_back(place);
            values.push_back(value_of(row));
          }
          ++place;
        });
    return {std::move(places), std::move(values)};
  }

  const uint32_t first_customer_;
  const uint32_t customer_count_;
  const PartitionColumns* const base_;
  const Tail& tail_;
  const StringDictionary& sources_;
  const ReadId& read_id_;
  size_t size_ = 0;
  absl::flat_hash_map<uint32_t, std::string> read_ids_;  // of the tail's rows, from the log
  std::vector<uint32_t> order_;                          // of the tail's rows
  std::vector<uint32_t> offsets_;
  std::vector<Piece> pieces_;
  std::optional<std::pair<int64_t, int64_t>> bounds_;  // of the times, where they are known
};

absl::StatusOr<std::shared_ptr<const Partition>> Partition::Merge(uint32_t first_customer, uint32_t customer_count,
                                                                  const Partition* base, const Tail& tail,
                                                                  const StringDictionary& sources,
                                                                  const ReadId& read_id) {
  Merger merger(first_customer, customer_count, base, tail, sources, read_id);
  RETURN_IF_ERROR(merger.Plan());
  const std::shared_ptr<Partition> out = merger.Make();
  if (base == nullptr) return out;
  const std::lock_guard lock(base->mutex_);
  for (const Gathered& kept : base->gathered_) {
    const auto gathered = kept.cache->Find<PackedColumn>(kept.key);
    // A new event may state a trait of events that were there before.
    if (gathered == nullptr || kept.column->is_trait()) continue;
    out->KeepGathered(*kept.column, merger.MakeProperty(*kept.column, *gathered));
  }
  return out;
}

absl::StatusOr<std::shared_ptr<const Partition>> Partition::Rejoin(const Partition& base,
                                                                   absl::Span<const uint32_t> leaving, const Tail& tail,
                                                                   const StringDictionary& sources,
                                                                   const ReadId& read_id) {
  Merger merger(base.first_customer(), base.customer_count(), &base, tail, sources, read_id);
  RETURN_IF_ERROR(merger.Plan(leaving));
  return merger.Make();
}

void Partition::CopyTo(uint32_t customer, uint32_t home, uint32_t row_end, Tail& tail) const {
  const uint32_t i = customer - first_customer();
  if (i >= customer_count()) return;
  for (uint32_t k = offset(i); k < offset(i + 1); ++k) {
    TailRow row;
    row.row = static_cast<uint32_t>(rows()[k]);
    if (row.row >= row_end) continue;
    row.customer = home;
    row.time_micros = times()[k];
    row.source_sequence = columns_.source_sequences[k];
    for (size_t column = 0; column < row.codes.size(); ++column) {
      row.codes[column] = static_cast<uint32_t>(columns_.codes[column][k]);
    }
    const uint8_t score = scores() == nullptr ? kNoScore : scores()[k];
    if (score != kNoScore) {
      row.value_kind = ValueKind::kScore;
      row.score = score == kOddScore ? *odd_scores().Find(k) : score;
    } else if (const int64_t* const amount = amounts().Find(k); amount != nullptr) {
      row.value_kind = ValueKind::kAmount;
      row.amount_minor = *amount;
    }
    tail.rows.push_back(row);
  }
}

std::shared_ptr<const Partition> Partition::Before(const Partition& whole, uint32_t row_end) {
  const Tail none;
  const StringDictionary no_sources;
  const ReadId read_nothing;
  uint32_t customers = 0;
  for (uint32_t i = 0; i < whole.customer_count(); ++i) {
    for (uint32_t k = whole.offset(i); k < whole.offset(i + 1); ++k) {
      if (whole.rows()[k] < row_end) customers = i + 1;
    }
  }
  Merger merger(whole.first_customer(), customers, &whole, none, no_sources, read_nothing);
  merger.PlanBefore(row_end);
  return merger.Make();
}

std::shared_ptr<const Partition> Partition::Without(const Partition& whole, absl::Span<const uint32_t> rows) {
  const Tail none;
  const StringDictionary no_sources;
  const ReadId read_nothing;
  Merger merger(whole.first_customer(), whole.customer_count(), &whole, none, no_sources, read_nothing);
  merger.PlanWithout(rows);
  return merger.Make();
}

size_t Partition::owned_bytes() const {
  const PartitionColumns& c = columns_;
  size_t bytes = sizeof(*this) + c.offsets.owned_bytes() + c.times.seconds.owned_bytes() +
                 c.times.micros.owned_bytes() + c.scores.owned_bytes() + c.source_sequences.bytes().owned_bytes() +
                 c.rows.bytes().owned_bytes() + c.odd_scores.places.owned_bytes() + c.odd_scores.values.owned_bytes() +
                 c.amounts.places.owned_bytes() + c.amounts.values.owned_bytes();
  for (const PackedColumn& column : c.codes) bytes += column.bytes().owned_bytes();
  return bytes;
}

std::vector<uint32_t> Partition::GatherProperty(const PropertyColumn& column) const {
  std::vector<uint32_t> codes(size());
  const auto reading = column.codes.Reading();
  rows().Visit([&](auto rows) {
    for (size_t i = 0; i < size(); ++i) codes[i] = column.codes[static_cast<size_t>(rows[i])];
  });
  return codes;
}

std::vector<uint32_t> Partition::GatherTrait(const PropertyColumn& column) const {
  std::vector<uint32_t> codes(size(), kMissingCode);
  const auto reading = column.codes.Reading();
  rows().Visit([&](auto rows) {
    for (uint32_t customer = 0; customer < customer_count(); ++customer) {
      const uint32_t begin = offset(customer), end = offset(customer + 1);
      uint32_t last = kMissingCode;
      for (uint32_t i = end; i > begin && last == kMissingCode; --i) {
        last = column.codes[static_cast<size_t>(rows[i - 1])];
      }
      if (last == kMissingCode || column.IsNull(last)) continue;
      std::fill(codes.begin() + begin, codes.begin() + end, last);
    }
  });
  return codes;
}

Partition::~Partition() {
  for (const Gathered& kept : gathered_) kept.cache->Drop(kept.key);
}

void Partition::KeepGathered(const PropertyColumn& column, std::shared_ptr<const PackedColumn> gathered) const {
  const ColumnCache::Key key = {id_, column.id};
  const size_t bytes = sizeof(PackedColumn) + gathered->bytes().owned_bytes();
  column.cache->Keep(key, std::move(gathered), bytes);
  const bool known = std::any_of(gathered_.begin(), gathered_.end(), [&](const Gathered& kept) {
    return kept.key.source == key.source && kept.key.also == key.also;
  });
  if (!known) gathered_.push_back({&column, column.cache, key});
}

std::shared_ptr<const PackedColumn> Partition::property(const PropertyColumn& column) const {
  const auto find = [&] {
    return column.cache == nullptr ? nullptr : column.cache->Find<PackedColumn>({id_, column.id});
  };
  if (auto kept = find(); kept != nullptr) return kept;
  const std::lock_guard lock(mutex_);
  // Whoever had the lock may have gathered it.
  if (auto kept = find(); kept != nullptr) return kept;
  PackedColumn::Builder builder(size(), nullptr);
  const std::vector<uint32_t> codes = column.is_trait() ? GatherTrait(column) : GatherProperty(column);
  for (const uint32_t code : codes) builder.Announce(code);
  builder.Start();
  for (const uint32_t code : codes) builder.Add(code);
  auto gathered = std::make_shared<const PackedColumn>(builder.Finish());
  if (column.cache != nullptr) KeepGathered(column, gathered);
  return gathered;
}

void Partition::AdoptProperties(const Partition& same) const {
  const std::lock_guard lock(same.mutex_);
  id_ = same.id_;
  gathered_ = std::exchange(same.gathered_, {});
}

}  // namespace throughline
