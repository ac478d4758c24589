#include <algorithm>
#include <cstring>

#include "services/events/native/byte_scan.h"
#include "services/events/native/selectors.h"

namespace throughline {
namespace {

// Bytes that are written may be any object: where the compiler is told that they are not, these loops take a vector at
// a time. Masks have 1 where the scope holds.

template <typename Number>
void WriteOutside(const uint8_t* __restrict mask, size_t count, Number* __restrict out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<Number>(mask[i] - 1);
}

// All bits where the scope does not hold.
template <typename Number>
void AddOutside(const uint8_t* __restrict mask, size_t count, Number* __restrict out) {
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<Number>(out[i] | static_cast<Number>(mask[i] - 1));
}

void KeepInside(const uint8_t* __restrict mask, size_t count, uint64_t* __restrict out) {
  for (size_t i = 0; i < count; ++i) out[i] &= uint64_t{0} - mask[i];
}

void And(const uint8_t* __restrict other, size_t count, uint8_t* __restrict mask) {
  for (size_t i = 0; i < count; ++i) mask[i] &= other[i];
}

void Or(const uint8_t* __restrict other, size_t count, uint8_t* __restrict mask) {
  for (size_t i = 0; i < count; ++i) mask[i] |= other[i];
}

void Not(size_t count, uint8_t* mask) {
  for (size_t i = 0; i < count; ++i) mask[i] ^= 1;
}

}  // namespace

Selectors::Reader::Reader(const Selectors& selectors, const Partition& partition)
    : selectors_(selectors), partition_(partition), asked_(selectors.lists_.size()) {
  for (const PropertyColumn* column : selectors.properties_) properties_.push_back(partition.property(*column));
}

const PackedColumn& Selectors::Reader::column(int number) const {
  return number < kCodeColumnCount ? partition_.codes(static_cast<CodeColumn>(number))
                                   : *properties_[static_cast<size_t>(number - kCodeColumnCount)];
}

// Calls f(place of) with one of two functions, so that the loops inside are made for each.
template <typename F>
void Selectors::Reader::WithPlaces(const Places& places, F&& f) const {
  if (places.list == nullptr) {
    f([begin = places.begin](size_t i) { return begin + i; });
  } else {
    f([list = places.list](size_t i) { return size_t{list[i]}; });
  }
}

std::vector<uint8_t>& Selectors::Reader::Scratch(size_t size) {
  if (scratch_depth_ == scratch_.size()) scratch_.push_back(std::make_unique<std::vector<uint8_t>>());
  std::vector<uint8_t>& scratch = *scratch_[scratch_depth_++];
  if (scratch.size() < size) scratch.resize(size);
  return scratch;
}

void Selectors::Reader::EvaluateTable(const Node& node, const Places& places, uint8_t* mask) const {
  const uint8_t* table = node.table.data();
  const PackedColumn& looked_up = column(node.column);
  if (places.list == nullptr && looked_up.width() == 1) {
    return LookUpBytes(table, looked_up.data<uint8_t>() + places.begin, places.count, mask);
  }
  const size_t count = places.count;  // no object that bytes might be written to
  looked_up.Visit([&](auto codes) {
    WithPlaces(places, [&](auto place_of) {
      for (size_t i = 0; i < count; ++i) mask[i] = table[static_cast<size_t>(codes[place_of(i)])];
    });
  });
}

void Selectors::Reader::EvaluateScore(const Node& node, const Places& places, uint8_t* mask) const {
  const uint8_t* scores = partition_.scores();
  if (scores == nullptr) {
    std::memset(mask, node.table[kNoScore], places.count);
    return;
  }
  bool any_odd = false;
  WithPlaces(places, [&](auto place_of) {
    for (size_t i = 0; i < places.count; ++i) {
      const uint8_t score = scores[place_of(i)];
      mask[i] = node.table[score];
      any_odd |= score == kOddScore;
    }
  });
  if (!any_odd) return;
  for (size_t i = 0; i < places.count; ++i) {
    if (scores[places[i]] == kOddScore) {
      mask[i] = CompareNumber(*node.compare, *partition_.odd_scores().Find(places[i]));
    }
  }
}

void Selectors::Reader::EvaluateAmount(const Node& node, const Places& places, uint8_t* mask) const {
  std::memset(mask, node.when_missing, places.count);
  const SparseColumn<int64_t>& amounts = partition_.amounts();
  if (places.count == 0) return;
  auto next = static_cast<size_t>(std::lower_bound(amounts.places.begin(), amounts.places.end(), places[0]) -
                                  amounts.places.begin());
  for (size_t i = 0; i < places.count && next < amounts.places.size(); ++i) {
    while (next < amounts.places.size() && amounts.places[next] < places[i]) ++next;
    if (next < amounts.places.size() && amounts.places[next] == places[i]) {
      mask[i] = CompareNumber(*node.compare, static_cast<double>(amounts.values[next]));
    }
  }
}

void Selectors::Reader::EvaluateTime(const Node& node, const Places& places, uint8_t* mask) const {
  const TimeColumn& times = partition_.times();
  const size_t count = places.count;
  WithPlaces(places, [&](auto place_of) {
    for (size_t i = 0; i < count; ++i) {
      const int64_t time = times[place_of(i)];
      mask[i] = (time >= node.from_micros && time < node.to_micros) != node.outside;
    }
  });
}

// `customer` counts from the partition's first.
bool Selectors::Reader::HoldsFor(const Node& node, uint32_t customer) const {
  const uint32_t begin = partition_.offset(customer), end = partition_.offset(customer + 1);
  switch (node.field) {
    case CustomerField::kId:
      return CompareString(*node.compare, selectors_.snapshot_->NameOf(partition_.first_customer() + customer,
                                                                       *selectors_.dictionaries_));
    case CustomerField::kEventCount:
      return CompareNumber(*node.compare, end - begin);
    case CustomerField::kFirstEventTime:
      return CompareTime(*node.compare, absl::FromUnixMicros(partition_.times()[begin]));
    case CustomerField::kLastEventTime:
      return CompareTime(*node.compare, absl::FromUnixMicros(partition_.times()[end - 1]));
  }
  return false;
}

// Once for each customer that places are of.
void Selectors::Reader::EvaluateCustomer(const Node& node, const Places& places, uint8_t* mask) const {
  const uint32_t* const offsets = partition_.offsets();
  const uint32_t* const offsets_end = offsets + partition_.customer_count() + 1;
  for (size_t i = 0; i < places.count;) {
    const uint32_t* const next = std::upper_bound(offsets, offsets_end, places[i]);
    const bool holds = HoldsFor(node, static_cast<uint32_t>(next - offsets) - 1);
    for (; i < places.count && places[i] < *next; ++i) mask[i] = holds;
  }
}

void Selectors::Reader::EvaluateJoin(const Node& node, const Places& places, uint8_t* mask) {
  Evaluate(node.children[0], places, mask);
  std::vector<uint8_t>& other = Scratch(places.count);
  for (size_t child = 1; child < node.children.size(); ++child) {
    Evaluate(node.children[child], places, other.data());
    (node.kind == Node::Kind::kAnd ? And : Or)(other.data(), places.count, mask);
  }
  ReleaseScratch();
}

void Selectors::Reader::Evaluate(int index, const Places& places, uint8_t* mask) {
  const Node& node = selectors_.nodes_[static_cast<size_t>(index)];
  switch (node.kind) {
    case Node::Kind::kFalse:
    case Node::Kind::kTrue:
      std::memset(mask, node.kind == Node::Kind::kTrue, places.count);
      return;
    case Node::Kind::kTable:
      return EvaluateTable(node, places, mask);
    case Node::Kind::kScore:
      return EvaluateScore(node, places, mask);
    case Node::Kind::kAmount:
      return EvaluateAmount(node, places, mask);
    case Node::Kind::kTime:
      return EvaluateTime(node, places, mask);
    case Node::Kind::kCustomer:
      return EvaluateCustomer(node, places, mask);
    case Node::Kind::kAnd:
    case Node::Kind::kOr:
      return EvaluateJoin(node, places, mask);
    case Node::Kind::kNot:
      Evaluate(node.children[0], places, mask);
      return Not(places.count, mask);
  }
}

// The candidates of those that the leading column does not decide; `asked_` has their indices.
template <typename Number>
void Selectors::Reader::Ask(const Places& places, Number* out) {
  for (size_t list = 0; list < asked_.size(); ++list) {
    const std::vector<uint32_t>& asked = asked_[list];
    if (asked.empty()) continue;
    asked_places_.resize(asked.size());
    for (size_t i = 0; i < asked.size(); ++i) asked_places_[i] = places[asked[i]];
    std::vector<uint8_t>& mask = Scratch(asked.size());
    const std::vector<Candidate>& candidates = selectors_.lists_[list];
    // From the last to the first, so that the first wins.
    for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
      if (candidate->node == kAlways) {
        for (const uint32_t index : asked) out[index] = static_cast<Number>(candidate->selector);
        continue;
      }
      Evaluate(candidate->node, {asked_places_.data(), 0, asked.size()}, mask.data());
      for (size_t i = 0; i < asked.size(); ++i) {
        if (mask[i] != 0) out[asked[i]] = static_cast<Number>(candidate->selector);
      }
    }
    ReleaseScratch();
  }
}

template <typename Number>
void Selectors::Reader::FirstOf(const Places& places, Number* out) {
  if (places.count == 0) return;  // there may be no room for nothing
  if (selectors_.all_are_first_) {
    if (selectors_.scope_ == kAlways) {
      std::fill_n(out, places.count, Number{0});
      return;
    }
    WriteOutside(EvaluateScope(places), places.count, out);
    return;
  }
  const uint16_t* lead = selectors_.lead_first_.data();
  for (std::vector<uint32_t>& indices : asked_) indices.clear();
  const PackedColumn& leading = column(selectors_.lead_);
  if (std::is_same_v<Number, uint8_t> && asked_.empty() && places.list == nullptr && leading.width() == 1) {
    LookUpBytes(selectors_.lead_bytes_.data(), leading.data<uint8_t>() + places.begin, places.count,
                reinterpret_cast<uint8_t*>(out));
  } else
    leading.Visit([&](auto codes) {
      WithPlaces(places, [&](auto place_of) {
        if (asked_.empty()) {
          // Nothing (0xffff) becomes "no selector" by losing its upper byte.
          const size_t count = places.count;
          for (size_t i = 0; i < count; ++i) {
            out[i] = static_cast<Number>(lead[static_cast<size_t>(codes[place_of(i)])]);
          }
          return;
        }
        for (size_t i = 0; i < places.count; ++i) {
          const uint16_t number = lead[static_cast<size_t>(codes[place_of(i)])];
          out[i] = static_cast<Number>(number);
          if (number >= kAsk && number != kNothing) {
            out[i] = kNoSelector<Number>;
            asked_[number - kAsk].push_back(static_cast<uint32_t>(i));
          }
        }
      });
    });
  Ask(places, out);
  if (selectors_.scope_ == kAlways) return;
  AddOutside(EvaluateScope(places), places.count, out);
}

template <typename Number>
const Number* Selectors::Reader::First(uint32_t begin, uint32_t end, Number* out) {
  // All events count as their code: the column is the answer.
  if (selectors_.lead_is_identity_ && column(selectors_.lead_).width() == sizeof(Number)) {
    return column(selectors_.lead_).data<Number>() + begin;
  }
  FirstOf<Number>({nullptr, begin, end - begin}, out);
  return out;
}

void Selectors::Reader::First(const uint32_t* places, size_t count, uint16_t* out) {
  FirstOf<uint16_t>({places, 0, count}, out);
}

template const uint8_t* Selectors::Reader::First(uint32_t begin, uint32_t end, uint8_t* out);
template const uint16_t* Selectors::Reader::First(uint32_t begin, uint32_t end, uint16_t* out);

void Selectors::Reader::All(uint32_t begin, uint32_t end, uint64_t* out) {
  const size_t count = end - begin;
  all_asked_.resize(selectors_.all_lists_.size());
  for (std::vector<uint32_t>& places : all_asked_) places.clear();
  column(selectors_.lead_).Visit([&](auto codes) {
    for (size_t i = 0; i < count; ++i) {
      const Selectors::LeadAll& lead = selectors_.lead_all_[static_cast<size_t>(codes[begin + i])];
      out[i] = lead.known;
      if (lead.list >= 0) all_asked_[static_cast<size_t>(lead.list)].push_back(begin + static_cast<uint32_t>(i));
    }
  });
  for (size_t list = 0; list < all_asked_.size(); ++list) {
    const std::vector<uint32_t>& asked = all_asked_[list];
    if (asked.empty()) continue;
    std::vector<uint8_t>& mask = Scratch(asked.size());
    for (const Candidate& candidate : selectors_.all_lists_[list]) {
      Evaluate(candidate.node, {asked.data(), 0, asked.size()}, mask.data());
      for (size_t i = 0; i < asked.size(); ++i) out[asked[i] - begin] |= uint64_t{mask[i]} << candidate.selector;
    }
    ReleaseScratch();
  }
  if (selectors_.scope_ == kAlways) return;
  KeepInside(EvaluateScope({nullptr, begin, count}), count, out);
}

const uint8_t* Selectors::Reader::EvaluateScope(const Places& places) {
  if (scope_mask_.size() < places.count) scope_mask_.resize(places.count);
  Evaluate(selectors_.scope_, places, scope_mask_.data());
  return scope_mask_.data();
}

size_t Selectors::Reader::Keep(uint32_t* places, size_t count) {
  if (first_.size() < count) first_.resize(count);
  First(places, count, first_.data());
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    places[kept] = places[i];
    kept += first_[i] != kNoSelector<uint16_t>;
  }
  return kept;
}

int Selectors::Reader::FirstAt(uint32_t place) {
  uint16_t number;
  First(&place, 1, &number);
  return number == kNoSelector<uint16_t> ? -1 : number;
}

}  // namespace throughline
