// Into which group of a breakdown an event falls. Immutable; any thread. A Breakdown::Reader belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/events/native/periods.h"
#include "services/events/native/selectors.h"
#include "throughline/aggregates.h"
#include "throughline/event_queries.h"

namespace throughline {

// The texts of a field's codes.
struct FieldValues {
  int column = kNameColumn;  // a CodeColumn, or kCodeColumnCount for `property`
  const PropertyColumn* property = nullptr;
  uint32_t codes = 0;
  const Dictionaries* dictionaries = nullptr;

  // Lives as long as the partition.
  std::shared_ptr<const PackedColumn> In(const Partition& partition) const {
    if (property != nullptr) return partition.property(*property);
    return {std::shared_ptr<const void>(), &partition.codes(static_cast<CodeColumn>(column))};
  }
  // Of a trait with many: by code, whether it is a customer's in the snapshot. Empty: any code may be.
  std::vector<bool> held;
  bool IsHeld(uint32_t code) const { return held.empty() || held[code]; }
  bool IsMissing(uint32_t code) const;
  std::string Text(uint32_t code) const;
};
// INVALID_ARGUMENT with `name` for a path that is no such field.
absl::StatusOr<FieldValues> FindField(absl::string_view path, absl::string_view name, const Scope& scope,
                                      Projection& projection, const Snapshot& snapshot);

// An alphabet: selectors whose numbers are symbols.
struct CompiledAlphabet {
  Selectors selectors;
  std::vector<std::string> names;
};
// `selector` limits what is a symbol, as the scope does.
absl::StatusOr<CompiledAlphabet> CompileAlphabet(const Alphabet& alphabet, const Scope& scope, Projection& projection,
                                                 const Snapshot& snapshot);

class Breakdown {
 public:
  class Reader;

  static absl::StatusOr<Breakdown> Compile(const Scope& scope, Projection& projection, const Snapshot& snapshot);

  bool empty() const { return parts_.empty(); }
  int group_count() const { return group_count_; }
  GroupKey KeyOf(int group) const;
  // That of the question, its customers limited to those that may have a group.
  const Scope& scope() const { return scope_; }

 private:
  friend class Reader;
  struct Part {
    std::vector<GroupValue> values;
    // One of:
    std::optional<FieldValues> field;
    std::vector<int32_t> numbers;  // of the field's codes
    std::shared_ptr<const Selectors> symbols;
    std::optional<Periods> periods;
    std::optional<uint32_t> first_customer;
  };
  static absl::StatusOr<Part> CompilePart(const EventField& dimension, const std::string& name, const Scope& scope,
                                          Projection& projection, const Snapshot& snapshot);
  static absl::StatusOr<Part> CompilePart(const EventSymbols& dimension, const std::string& name, const Scope& scope,
                                          Projection& projection, const Snapshot& snapshot);
  static absl::StatusOr<Part> CompilePart(const EventCalendar& dimension, const std::string& name, const Scope& scope,
                                          Projection& projection, const Snapshot& snapshot);
  static absl::StatusOr<Part> CompilePart(const EventCustomer& dimension, const std::string& name, const Scope& scope,
                                          Projection& projection, const Snapshot& snapshot);
  void LimitTo(uint32_t first_customer, uint32_t count);

  Scope scope_;
  std::vector<Part> parts_;
  int group_count_ = 1;
};

// The groups of the events of one partition.
class Breakdown::Reader {
 public:
  Reader(const Breakdown& breakdown, const Partition& partition);

  // The group of each place, −1 for none. Places ascend.
  void Of(const uint32_t* places, size_t count, int32_t* groups);
  int32_t At(uint32_t place) {
    int32_t group = 0;
    if (!parts_.empty()) Of(&place, 1, &group);
    return group;
  }

 private:
  struct Part {
    std::shared_ptr<const PackedColumn> kept;
    const PackedColumn* codes = nullptr;  // kept
    const int32_t* numbers = nullptr;
    std::unique_ptr<Selectors::Reader> symbols;
    std::unique_ptr<PeriodTable<uint32_t>> seconds;
    std::unique_ptr<PeriodTable<int64_t>> micros;
    std::optional<uint32_t> first_customer;
    int32_t value_count = 0;
  };
  void Add(Part& part, const uint32_t* places, size_t count, int32_t* groups);
  // Counted from the partition's first.
  uint32_t CustomerOf(uint32_t place);

  const Partition& partition_;
  std::vector<Part> parts_;
  std::vector<uint16_t> symbols_;
  uint32_t customer_ = 0;  // of the place that was asked for last
};

// An aggregate for each group, made when first asked for.
template <typename Aggregate>
class Groups {
 public:
  Groups(const Breakdown& breakdown, Aggregate empty)
      : breakdown_(&breakdown), empty_(std::move(empty)), groups_(static_cast<size_t>(breakdown.group_count())) {}

  Aggregate& operator[](int32_t group) {
    std::unique_ptr<Aggregate>& aggregate = groups_[static_cast<size_t>(group)];
    if (aggregate == nullptr) aggregate = std::make_unique<Aggregate>(empty_);
    return *aggregate;
  }
  void Merge(const Groups& other) {
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (other.groups_[i] != nullptr) (*this)[static_cast<int32_t>(i)].Merge(*other.groups_[i]);
    }
  }
  // Those that were asked for; without a breakdown always the one.
  template <typename Finish>
  auto Finished(const Finish& finish) {
    Grouped<decltype(finish(empty_))> out;
    if (breakdown_->empty()) (*this)[0];
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (groups_[i] != nullptr) out.groups.emplace(breakdown_->KeyOf(static_cast<int>(i)), finish(*groups_[i]));
    }
    return out;
  }
  Grouped<Aggregate> Finished() {
    return Finished([](Aggregate& aggregate) { return std::move(aggregate); });
  }

 private:
  const Breakdown* breakdown_;
  Aggregate empty_;
  std::vector<std::unique_ptr<Aggregate>> groups_;
};

// Groups for each of `count` windows.
template <typename Aggregate>
std::vector<Groups<Aggregate>> GroupsPerWindow(size_t count, const Breakdown& breakdown, const Aggregate& empty) {
  std::vector<Groups<Aggregate>> out;
  for (size_t i = 0; i < count; ++i) out.emplace_back(breakdown, empty);
  return out;
}

}  // namespace throughline
