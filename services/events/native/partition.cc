#include "services/events/native/partition.h"

#include <algorithm>
#include <tuple>

#include "services/base/status_macros.h"

namespace throughline {
namespace {

template <typename T>
void AppendRange(std::vector<T>& out, const std::vector<T>& in, uint32_t from, uint32_t to) {
  out.insert(out.end(), in.begin() + from, in.begin() + to);
}

}  // namespace

// Copies ranges of the base and single rows of the tail to the end of a new partition.
class Partition::Builder {
 public:
  Builder(Partition& out, const Partition* base, size_t added) : out_(out), base_(base) {
    const size_t size = added + (base == nullptr ? 0 : base->size());
    ForEachColumn([&](auto& column, const auto*) { column.reserve(size); });
  }

  void AddBase(uint32_t from, uint32_t to) {
    if (from == to) return;
    ForEachColumn([&](auto& column, const auto* base) { AppendRange(column, *base, from, to); });
  }

  void AddTail(const TailRow& row) {
    out_.times_.push_back(row.time_micros);
    out_.source_sequences_.push_back(row.source_sequence);
    out_.rows_.push_back(row.row);
    out_.names_.push_back(row.name);
    out_.channels_.push_back(row.channel);
    out_.departments_.push_back(row.department);
    out_.sources_.push_back(row.source);
    out_.surveys_.push_back(row.survey);
    out_.value_kinds_.push_back(row.value_kind);
    out_.values_.push_back(row.value);
  }

 private:
  template <typename F>
  void ForEachColumn(const F& f) {
    const auto each = [&](auto Partition::*column) { f(out_.*column, base_ == nullptr ? nullptr : &(base_->*column)); };
    each(&Partition::times_);
    each(&Partition::source_sequences_);
    each(&Partition::rows_);
    each(&Partition::names_);
    each(&Partition::channels_);
    each(&Partition::departments_);
    each(&Partition::sources_);
    each(&Partition::surveys_);
    each(&Partition::value_kinds_);
    each(&Partition::values_);
  }

  Partition& out_;
  const Partition* const base_;
};

absl::StatusOr<std::shared_ptr<const Partition>> Partition::Merge(uint32_t first_customer, uint32_t customer_count,
                                                                  const Partition* base, Tail& tail,
                                                                  const StringDictionary& sources,
                                                                  const ReadId& read_id) {
  const auto source_order = [&](uint32_t a, uint32_t b) { return a == b ? 0 : sources[a].compare(sources[b]); };
  std::sort(tail.rows.begin(), tail.rows.end(), [&](const TailRow& a, const TailRow& b) {
    if (a.customer != b.customer) return a.customer < b.customer;
    if (a.time_micros != b.time_micros) return a.time_micros < b.time_micros;
    if (a.source_sequence != b.source_sequence) return a.source_sequence < b.source_sequence;
    if (const int order = source_order(a.source, b.source); order != 0) return order < 0;
    return tail.IdOf(a) < tail.IdOf(b);
  });

  std::shared_ptr<Partition> out(new Partition());
  out->first_customer_ = first_customer;
  out->offsets_.reserve(customer_count + 1);
  Builder builder(*out, base, tail.rows.size());
  const uint32_t base_customers = base == nullptr ? 0 : base->customer_count();

  // Whether the base's event `i` comes before the tail's row, both of one customer.
  const auto before = [&](uint32_t i, const TailRow& row) -> absl::StatusOr<bool> {
    if (base->times_[i] != row.time_micros) return base->times_[i] < row.time_micros;
    if (base->source_sequences_[i] != row.source_sequence) return base->source_sequences_[i] < row.source_sequence;
    if (const int order = source_order(base->sources_[i], row.source); order != 0) return order < 0;
    ASSIGN_OR_RETURN(const std::string id, read_id(base->rows_[i]));
    return absl::string_view(id) < tail.IdOf(row);
  };

  uint32_t taken = 0;   // of the base
  uint32_t copied = 0;  // of these; ranges without a new event between them are copied in one piece
  auto row = tail.rows.begin();
  for (uint32_t i = 0; i < customer_count; ++i) {
    out->offsets_.push_back(taken + static_cast<uint32_t>(row - tail.rows.begin()));
    const uint32_t end = i < base_customers ? base->offsets_[i + 1] : taken;
    for (; row != tail.rows.end() && row->customer == first_customer + i; ++row) {
      // The first event of the base after the row. New events mostly belong at the end: that is asked first.
      uint32_t low = taken, high = end;
      for (uint32_t middle = high - 1; low < high; middle = low + (high - low) / 2) {
        ASSIGN_OR_RETURN(const bool is_before, before(middle, *row));
        (is_before ? low : high) = is_before ? middle + 1 : middle;
      }
      taken = low;
      builder.AddBase(copied, taken);
      copied = taken;
      builder.AddTail(*row);
    }
    taken = end;
  }
  builder.AddBase(copied, taken);
  out->offsets_.push_back(taken + static_cast<uint32_t>(tail.rows.size()));
  return std::shared_ptr<const Partition>(std::move(out));
}

const uint32_t* Partition::property(const PropertyColumn& column) const {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<const std::vector<uint32_t>>& gathered = properties_[&column];
  if (gathered == nullptr) {
    auto codes = std::make_unique<std::vector<uint32_t>>(rows_.size());
    for (size_t i = 0; i < rows_.size(); ++i) (*codes)[i] = column.codes[rows_[i]];
    gathered = std::move(codes);
  }
  return gathered->data();
}

}  // namespace throughline
