// Event selectors compiled against the dictionary codes of one snapshot. A comparison with a dictionary column is
// decided once for each distinct value, and what the event's name decides alone once for each name; what is left is
// evaluated column by column over many events at a time.
//
// A Selectors is immutable; any thread. The snapshot must outlive it. A Selectors::Reader belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/events/native/projection.h"
#include "services/events/native/snapshot.h"
#include "throughline/events.h"

namespace throughline {

// The column of a field of events that is a dictionary column; absent for all others.
std::optional<CodeColumn> FieldColumn(absl::string_view field);

// The number of a selector, or that none matches. One byte where that is enough: it is read for every event.
template <typename Number>
inline constexpr Number kNoSelector = std::numeric_limits<Number>::max();

class Selectors {
 public:
  class Reader;

  // Events that the scope's filter leaves out match nothing. INVALID_ARGUMENT (INVALID_FILTER) for a comparison with a
  // value of another type; as Projection::Properties for the properties that the filters name.
  static absl::StatusOr<Selectors> Compile(absl::Span<const EventSelector> selectors, const Scope& scope,
                                           Projection& projection, const Snapshot& snapshot);
  // One selector for each value of a field that `value_numbers` has a number for, by code: Reader::First gives those
  // numbers. A negative number: none.
  struct Field {
    int column = 0;  // a CodeColumn, or kCodeColumnCount for `property`
    const PropertyColumn* property = nullptr;
    std::vector<int32_t> value_numbers;
    int count = 0;
  };
  static absl::StatusOr<Selectors> CompileField(const Field& field, const Scope& scope, Projection& projection,
                                                const Snapshot& snapshot);

  int size() const { return selector_count_; }
  // Whether First's numbers fit a byte.
  bool fits_byte() const { return selector_count_ < kNoSelector<uint8_t>; }
  // Whether no event can match two of them.
  bool disjoint() const { return disjoint_; }

 private:
  friend class Reader;
  class Compiler;

  // Fields of the event's customer.
  enum class CustomerField { kId, kEventCount, kFirstEventTime, kLastEventTime };

  struct Node {
    enum class Kind { kFalse, kTrue, kTable, kScore, kAmount, kTime, kCustomer, kAnd, kOr, kNot };
    Kind kind = Kind::kFalse;
    int column = 0;                             // kTable: a CodeColumn, or kCodeColumnCount + place in properties_
    std::vector<uint8_t> table;                 // kTable: by code, at least 256; kScore: by byte of the score; 0 or 1
    std::shared_ptr<const FilterNode> compare;  // kScore: for odd scores; kAmount; kCustomer
    CustomerField field = CustomerField::kId;   // kCustomer
    bool when_missing = false;                  // kAmount
    int64_t from_micros = 0, to_micros = 0;     // kTime: holds in [from, to) …
    bool outside = false;                       // … or only outside of it
    std::vector<int> children;                  // kAnd, kOr, kNot
  };
  static constexpr int kAlways = -1;
  struct Candidate {
    int selector = 0;
    int node = kAlways;  // what still has to be asked of the event
  };
  // What the leading column says of an event: a selector's number, nothing, or that candidates have to be asked.
  static constexpr uint16_t kNothing = std::numeric_limits<uint16_t>::max();
  static constexpr uint16_t kAsk = 0x8000;  // and the number of a list of candidates

  void Lead(const std::vector<std::vector<Candidate>>& candidates_by_code);
  void LeadToAll(const std::vector<std::vector<Candidate>>& candidates_by_code);

  std::vector<Node> nodes_;
  int selector_count_ = 0;
  bool disjoint_ = true;
  std::vector<const PropertyColumn*> properties_;
  // What customers are called.
  const Dictionaries* dictionaries_ = nullptr;
  const Snapshot* snapshot_ = nullptr;
  int scope_ = kAlways;  // node
  int lead_ = kNameColumn;
  std::vector<uint16_t> lead_first_;       // by code of the leading column
  std::array<uint8_t, 256> lead_bytes_{};  // the lower bytes of the first of them
  std::vector<std::vector<Candidate>> lists_;
  bool all_are_first_ = false;     // every event matches the first selector, if it is in the scope
  bool lead_is_identity_ = false;  // codes are the numbers, and there is nothing else to ask
  // For All, if there are at most 64 selectors.
  struct LeadAll {
    uint64_t known = 0;
    int list = -1;
  };
  std::vector<LeadAll> lead_all_;  // by code
  std::vector<std::vector<Candidate>> all_lists_;
};

// The events of one partition.
class Selectors::Reader {
 public:
  Reader(const Selectors& selectors, const Partition& partition);

  // The first selector that each of the events [begin, end) matches. Returns out, or, where the column has it so, the
  // column itself.
  template <typename Number>
  const Number* First(uint32_t begin, uint32_t end, Number* out);

  // The same for a list of places.
  void First(const uint32_t* places, size_t count, uint16_t* out);

  // Bit s of out[i − begin]: selector s matches. For at most 64 selectors.
  void All(uint32_t begin, uint32_t end, uint64_t* out);

  // Keeps the places whose event matches any; places ascend. Returns how many are left.
  size_t Keep(uint32_t* places, size_t count);

  // What First and All found of the scope: a byte for each event of the last call; null: everything is in it.
  const uint8_t* in_scope() const { return selectors_.scope_ == kAlways ? nullptr : scope_mask_.data(); }

  // Number of the first selector that the event matches, −1: none. For single events.
  int FirstAt(uint32_t place);

 private:
  // What is looked at: [begin, end), or a list of places.
  struct Places {
    const uint32_t* list = nullptr;
    uint32_t begin = 0;
    size_t count = 0;
    uint32_t operator[](size_t i) const { return list == nullptr ? begin + static_cast<uint32_t>(i) : list[i]; }
  };

  const PackedColumn& column(int number) const;
  template <typename F>
  void WithPlaces(const Places& places, F&& f) const;
  void Evaluate(int node, const Places& places, uint8_t* mask);
  void EvaluateTable(const Node& node, const Places& places, uint8_t* mask) const;
  void EvaluateScore(const Node& node, const Places& places, uint8_t* mask) const;
  void EvaluateAmount(const Node& node, const Places& places, uint8_t* mask) const;
  void EvaluateTime(const Node& node, const Places& places, uint8_t* mask) const;
  bool HoldsFor(const Node& node, uint32_t customer) const;
  void EvaluateCustomer(const Node& node, const Places& places, uint8_t* mask) const;
  void EvaluateJoin(const Node& node, const Places& places, uint8_t* mask);
  template <typename Number>
  void FirstOf(const Places& places, Number* out);
  template <typename Number>
  void Ask(const Places& places, Number* out);
  const uint8_t* EvaluateScope(const Places& places);
  std::vector<uint8_t>& Scratch(size_t size);
  void ReleaseScratch() { --scratch_depth_; }

  const Selectors& selectors_;
  const Partition& partition_;
  std::vector<std::shared_ptr<const PackedColumn>> properties_;
  std::vector<std::unique_ptr<std::vector<uint8_t>>> scratch_;
  size_t scratch_depth_ = 0;
  std::vector<std::vector<uint32_t>> asked_;  // indices by list of candidates
  std::vector<std::vector<uint32_t>> all_asked_;
  std::vector<uint32_t> asked_places_;
  std::vector<uint8_t> scope_mask_;
  std::vector<uint16_t> first_;
};

}  // namespace throughline
