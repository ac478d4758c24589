#include "services/events/native/selectors.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Operator = FilterNode::Operator;

bool NamesProperty(const FilterNode& comparison) {
  return comparison.path.size() > 1 && (comparison.path[0] == "properties" || comparison.path[0] == "traits");
}

// The key of the column: of the path below `properties` or `traits`. A key with dots may be written without quotes.
std::string ColumnKey(const FilterNode& comparison) {
  std::string key;
  for (size_t i = 1; i < comparison.path.size(); ++i) {
    if (i > 1) key += '.';
    key += comparison.path[i];
  }
  return comparison.path[0] == "traits" ? TraitColumnKey(key) : PropertyColumnKey(key);
}

void CollectPropertyKeys(const FilterNode& node, std::vector<std::string>& keys) {
  if (node.kind != FilterNode::Kind::kComparison) {
    for (const auto& child : node.children) CollectPropertyKeys(*child, keys);
  } else if (NamesProperty(node)) {
    keys.push_back(ColumnKey(node));
  }
}

// A filter that was parsed without a check of its fields must not quietly match nothing.
absl::Status CheckTypes(const Filter& filter, const FilterNode& node) {
  for (const auto& child : node.children) RETURN_IF_ERROR(CheckTypes(filter, *child));
  if (node.kind != FilterNode::Kind::kComparison) return absl::OkStatus();
  const auto refuse = [&](absl::string_view expected) {
    return InvalidFilter(filter.ToString(), static_cast<size_t>(node.position),
                         absl::StrCat(absl::StrJoin(node.path, "."), " ", expected));
  };
  FilterFieldType type = FilterFieldType::kAny;
  if (!NamesProperty(node)) {
    const std::vector<FilterField>& fields = EventFilterFields();
    const std::string path = absl::StrJoin(node.path, ".");
    const auto field = std::find_if(fields.begin(), fields.end(),
                                    [&](const FilterField& candidate) { return candidate.path == path; });
    if (field == fields.end()) return refuse("to be a field of events");
    type = field->type;
  }
  const bool any_value = std::holds_alternative<FilterNode::Null>(node.value) || node.op == Operator::kHas;
  const bool is_text = std::holds_alternative<std::string>(node.value);
  if (any_value || type == FilterFieldType::kAny) return absl::OkStatus();
  if (type == FilterFieldType::kNumber && !std::holds_alternative<double>(node.value)) {
    return refuse("to be compared with a number");
  }
  if (type == FilterFieldType::kString && !is_text) return refuse("to be compared with a string");
  if (type == FilterFieldType::kTime && !is_text) return refuse("to be compared with a time");
  return absl::OkStatus();
}

// Also checks what the filters compare.
absl::Status Inspect(const EventSelector& selector, std::vector<std::string>& keys) {
  if (!selector.filter.empty()) {
    RETURN_IF_ERROR(CheckTypes(selector.filter, *selector.filter.root()));
    CollectPropertyKeys(*selector.filter.root(), keys);
  }
  for (const EventSelector& other : selector.unless) RETURN_IF_ERROR(Inspect(other, keys));
  return absl::OkStatus();
}

bool CompareProperty(const FilterNode& comparison, const PropertyField& value) {
  switch (value.kind) {
    case PropertyField::Kind::kString:
      return CompareString(comparison, value.text);
    case PropertyField::Kind::kNumber:
      return CompareNumber(comparison, value.number);
    case PropertyField::Kind::kBool:
      return CompareBool(comparison, value.boolean);
    case PropertyField::Kind::kNull:
      return CompareMissing(comparison);
  }
  return false;
}

// The first microsecond of the years 0 to 9999, those that a filter can name, at which the comparison, monotone in
// time, does not hold.
int64_t FirstNot(const FilterNode& comparison) {
  int64_t low = -62'167'219'200'000'000, high = 253'402'300'800'000'000;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (CompareTime(comparison, absl::FromUnixMicros(middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

class Selectors::Compiler {
 public:
  Compiler(Selectors& set, const Dictionaries& dictionaries, const Snapshot& snapshot, std::vector<std::string> keys,
           std::vector<Projection::Property> properties)
      : set_(set),
        dictionaries_(dictionaries),
        snapshot_(snapshot),
        keys_(std::move(keys)),
        properties_(std::move(properties)) {}

  void SetScope(const Filter& scope) {
    set_.dictionaries_ = &dictionaries_;
    set_.snapshot_ = &snapshot_;
    for (const Projection::Property& property : properties_) set_.properties_.push_back(property.column);
    if (scope.empty()) return;
    set_.scope_ = FilterTree(*scope.root());
    if (set_.nodes_[set_.scope_].kind == Kind::kTrue) set_.scope_ = kAlways;
  }

  void Compile(absl::Span<const EventSelector> selectors) {
    std::vector<int> roots;
    for (const EventSelector& selector : selectors) roots.push_back(Selector(selector));
    set_.selector_count_ = static_cast<int>(roots.size());
    std::vector<std::vector<Candidate>> candidates(snapshot_.name_codes());
    for (uint32_t name = 0; name < snapshot_.name_codes(); ++name) {
      for (int i = 0; i < set_.selector_count_; ++i) {
        const std::optional<bool> known = KnownByName(roots[i], name);
        if (known.value_or(true)) candidates[name].push_back({i, known.has_value() ? kAlways : roots[i]});
      }
    }
    set_.Lead(candidates);
  }

 private:
  using Kind = Node::Kind;

  int Add(Node node) {
    if (node.table.size() < 256 && !node.table.empty()) node.table.resize(256);  // LookUpBytes wants so many
    set_.nodes_.push_back(std::move(node));
    return static_cast<int>(set_.nodes_.size()) - 1;
  }
  int Constant(bool value) {
    Node node;
    node.kind = value ? Kind::kTrue : Kind::kFalse;
    return Add(std::move(node));
  }

  int Selector(const EventSelector& selector) {
    std::vector<int> parts;
    if (!selector.event_names.empty()) parts.push_back(Names(selector.event_names));
    if (!selector.filter.empty()) parts.push_back(FilterTree(*selector.filter.root()));
    for (const EventSelector& other : selector.unless) parts.push_back(Not(Selector(other)));
    return Join(Kind::kAnd, std::move(parts));
  }

  int Names(const std::vector<std::string>& names) {
    Node node;
    node.kind = Kind::kTable;
    node.column = kNameColumn;
    node.table.assign(snapshot_.name_codes(), 0);
    for (const std::string& name : names) {
      const std::optional<uint32_t> code = dictionaries_.names().Find(name);
      if (code.has_value() && *code < node.table.size()) node.table[*code] = 1;
    }
    return Add(std::move(node));
  }

  int FilterTree(const FilterNode& node) {
    std::vector<int> children;
    for (const auto& child : node.children) children.push_back(FilterTree(*child));
    switch (node.kind) {
      case FilterNode::Kind::kAnd:
        return Join(Kind::kAnd, std::move(children));
      case FilterNode::Kind::kOr:
        return Join(Kind::kOr, std::move(children));
      case FilterNode::Kind::kNot:
        return Not(children[0]);
      case FilterNode::Kind::kComparison:
        return Comparison(node);
    }
    return Constant(false);
  }

  // AND or OR. What concerns one column alone becomes one table.
  int Join(Kind kind, std::vector<int> parts) {
    const bool neutral = kind == Kind::kAnd;
    std::vector<int> kept;
    for (const int part : parts) {
      const Node& node = set_.nodes_[part];
      if (node.kind == (neutral ? Kind::kTrue : Kind::kFalse)) continue;
      if (node.kind == (neutral ? Kind::kFalse : Kind::kTrue)) return Constant(!neutral);
      const auto same = std::find_if(kept.begin(), kept.end(), [&](int other) {
        return node.kind == Kind::kTable && set_.nodes_[other].kind == Kind::kTable &&
               set_.nodes_[other].column == node.column;
      });
      if (same == kept.end()) {
        kept.push_back(part);
        continue;
      }
      Node joined = set_.nodes_[*same];
      for (size_t i = 0; i < joined.table.size(); ++i) {
        joined.table[i] = neutral ? joined.table[i] & node.table[i] : joined.table[i] | node.table[i];
      }
      *same = Add(std::move(joined));
    }
    if (kept.empty()) return Constant(neutral);
    if (kept.size() == 1) return kept[0];
    // Tables first: they cost the least.
    std::stable_partition(kept.begin(), kept.end(), [&](int i) { return set_.nodes_[i].kind == Kind::kTable; });
    Node node;
    node.kind = kind;
    node.children = std::move(kept);
    return Add(std::move(node));
  }

  int Not(int child) {
    Node node = set_.nodes_[child];
    if (node.kind == Kind::kTrue || node.kind == Kind::kFalse) return Constant(node.kind == Kind::kFalse);
    if (node.kind == Kind::kTable) {
      for (uint8_t& value : node.table) value ^= 1;
      return Add(std::move(node));
    }
    Node negation;
    negation.kind = Kind::kNot;
    negation.children = {child};
    return Add(std::move(negation));
  }

  int Comparison(const FilterNode& comparison) {
    if (NamesProperty(comparison)) return Property(comparison);
    const std::string& field = comparison.path[0];
    if (const std::optional<CodeColumn> column = FieldColumn(field); column.has_value()) {
      return Text(comparison, *column, dictionaries_.codes[*column], snapshot_.code_counts[*column]);
    }
    // Can be compared, but is no field that events are called or grouped by.
    if (field == "currency_code") {
      return Text(comparison, kCurrencyColumn, dictionaries_.codes[kCurrencyColumn],
                  snapshot_.code_counts[kCurrencyColumn]);
    }
    if (field == "event_time") return Time(comparison);
    if (field == "customer_id" || field == "customer") return Customer(comparison);
    if (field != "score" && field != "amount_minor") return Constant(false);
    Node node;
    node.compare = std::make_shared<const FilterNode>(comparison);
    if (field == "amount_minor") {
      node.kind = Kind::kAmount;
      node.when_missing = CompareMissing(comparison);
      return Add(std::move(node));
    }
    node.kind = Kind::kScore;
    node.table.assign(kNoScore + 1, 0);
    for (int score = 0; score <= ScoreHistogram::kScoreMax; ++score) {
      node.table[static_cast<size_t>(score)] = CompareNumber(comparison, score);
    }
    node.table[kNoScore] = CompareMissing(comparison);
    return Add(std::move(node));
  }

  int Text(const FilterNode& comparison, CodeColumn column, const StringDictionary& dictionary, uint32_t codes) {
    Node node;
    node.kind = Kind::kTable;
    node.column = column;
    node.table.resize(codes);
    for (uint32_t code = 0; code < codes; ++code) {
      const std::string& text = dictionary[code];
      node.table[code] = text.empty() ? CompareMissing(comparison) : CompareString(comparison, text);
    }
    return Add(std::move(node));
  }

  int Customer(const FilterNode& comparison) {
    const std::string& field = comparison.path.back();
    Node node;
    node.kind = Kind::kCustomer;
    node.compare = std::make_shared<const FilterNode>(comparison);
    node.field = field == "event_count"        ? CustomerField::kEventCount
                 : field == "first_event_time" ? CustomerField::kFirstEventTime
                 : field == "last_event_time"  ? CustomerField::kLastEventTime
                                               : CustomerField::kId;
    return Add(std::move(node));
  }

  int Property(const FilterNode& comparison) {
    const auto index = std::find(keys_.begin(), keys_.end(), ColumnKey(comparison)) - keys_.begin();
    const Projection::Property& property = properties_[index];
    Node node;
    node.kind = Kind::kTable;
    node.column = kCodeColumnCount + static_cast<int>(index);
    node.table.resize(property.value_codes);
    node.table[kMissingCode] = CompareMissing(comparison);
    for (uint32_t code = 1; code < property.value_codes; ++code) {
      node.table[code] = CompareProperty(comparison, PropertyColumn::Decoded(property.column->values[code]));
    }
    return Add(std::move(node));
  }

  // Whatever CompareTime reads as a time, its comparisons are intervals of microseconds: found once, by bisection.
  int Time(const FilterNode& comparison) {
    if (comparison.op == Operator::kHas || std::holds_alternative<FilterNode::Null>(comparison.value)) {
      return Constant(CompareTime(comparison, absl::UnixEpoch()));
    }
    FilterNode probe = comparison;
    probe.op = Operator::kLess;
    const int64_t at = FirstNot(probe);
    probe.op = Operator::kLessEqual;
    const int64_t after = FirstNot(probe);
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min(), kMax = std::numeric_limits<int64_t>::max();
    Node node;
    node.kind = Kind::kTime;
    node.outside = comparison.op == Operator::kNotEqual;
    node.from_micros = kMin;
    node.to_micros = kMax;
    switch (comparison.op) {
      case Operator::kLess:
        node.to_micros = at;
        break;
      case Operator::kLessEqual:
        node.to_micros = after;
        break;
      case Operator::kGreater:
        node.from_micros = after;
        break;
      case Operator::kGreaterEqual:
        node.from_micros = at;
        break;
      default:
        node.from_micros = at;
        node.to_micros = after;
    }
    return Add(std::move(node));
  }

  // What the node says of every event of this name; absent where it depends on more.
  std::optional<bool> KnownByName(int index, uint32_t name) const {
    const Node& node = set_.nodes_[index];
    switch (node.kind) {
      case Kind::kTrue:
      case Kind::kFalse:
        return node.kind == Kind::kTrue;
      case Kind::kTable:
        if (node.column == kNameColumn) return node.table[name] != 0;
        return std::nullopt;
      case Kind::kNot: {
        const std::optional<bool> child = KnownByName(node.children[0], name);
        if (child.has_value()) return !*child;
        return std::nullopt;
      }
      case Kind::kAnd:
      case Kind::kOr: {
        const bool decides = node.kind == Kind::kOr;
        bool all_known = true;
        for (const int child : node.children) {
          const std::optional<bool> known = KnownByName(child, name);
          if (known == decides) return decides;
          all_known = all_known && known.has_value();
        }
        if (all_known) return !decides;
        return std::nullopt;
      }
      default:
        return std::nullopt;
    }
  }

  Selectors& set_;
  const Dictionaries& dictionaries_;
  const Snapshot& snapshot_;
  const std::vector<std::string> keys_;
  const std::vector<Projection::Property> properties_;
};

namespace {

// Numbers for lists of candidates; many codes have the same.
template <typename Candidate>
class ListNumbers {
 public:
  explicit ListNumbers(std::vector<std::vector<Candidate>>& lists) : lists_(lists) {}
  int Of(const std::vector<Candidate>& candidates) {
    std::vector<std::pair<int, int>> key;
    for (const Candidate& candidate : candidates) key.emplace_back(candidate.selector, candidate.node);
    const auto [found, is_new] = known_.try_emplace(std::move(key), static_cast<int>(lists_.size()));
    if (is_new) lists_.push_back(candidates);
    return found->second;
  }

 private:
  std::vector<std::vector<Candidate>>& lists_;
  std::map<std::vector<std::pair<int, int>>, int> known_;
};

}  // namespace

// By code of the leading column.
void Selectors::Lead(const std::vector<std::vector<Candidate>>& candidates_by_code) {
  ListNumbers numbers(lists_);
  lead_is_identity_ = scope_ == kAlways;
  all_are_first_ = true;
  for (size_t code = 0; code < candidates_by_code.size(); ++code) {
    const std::vector<Candidate>& candidates = candidates_by_code[code];
    disjoint_ = disjoint_ && candidates.size() <= 1;
    uint16_t first = kNothing;
    if (!candidates.empty()) {
      first =
          static_cast<uint16_t>(candidates[0].node == kAlways ? candidates[0].selector : kAsk + numbers.Of(candidates));
    }
    lead_first_.push_back(first);
    lead_is_identity_ = lead_is_identity_ && first == code;
    all_are_first_ = all_are_first_ && first == 0;
  }
  for (size_t code = 0; code < std::min(lead_first_.size(), lead_bytes_.size()); ++code) {
    lead_bytes_[code] = static_cast<uint8_t>(lead_first_[code]);
  }
  if (selector_count_ <= 64) LeadToAll(candidates_by_code);
}

void Selectors::LeadToAll(const std::vector<std::vector<Candidate>>& candidates_by_code) {
  ListNumbers numbers(all_lists_);
  for (const std::vector<Candidate>& candidates : candidates_by_code) {
    LeadAll& lead = lead_all_.emplace_back();
    std::vector<Candidate> ask;
    for (const Candidate& candidate : candidates) {
      if (candidate.node == kAlways) {
        lead.known |= uint64_t{1} << candidate.selector;
      } else {
        ask.push_back(candidate);
      }
    }
    if (!ask.empty()) lead.list = numbers.Of(ask);
  }
}

namespace {

struct Named {
  std::vector<std::string> keys;
  std::vector<Projection::Property> properties;
};

absl::StatusOr<Named> NamedProperties(std::vector<std::string> keys, Projection& projection, const Scope& scope) {
  Named out;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  out.keys = std::move(keys);
  if (out.keys.empty()) return out;
  ASSIGN_OR_RETURN(out.properties, projection.Properties(out.keys, scope));
  return out;
}

}  // namespace

absl::StatusOr<Selectors> Selectors::Compile(absl::Span<const EventSelector> selectors, const Scope& scope,
                                             Projection& projection, const Snapshot& snapshot) {
  if (selectors.size() >= kAsk) return LimitExceeded("the question", kAsk, "selectors");
  std::vector<std::string> keys;
  for (const EventSelector& selector : selectors) RETURN_IF_ERROR(Inspect(selector, keys));
  EventSelector scoped;
  scoped.filter = scope.filter;
  RETURN_IF_ERROR(Inspect(scoped, keys));
  ASSIGN_OR_RETURN(Named named, NamedProperties(std::move(keys), projection, scope));
  Selectors out;
  Compiler compiler(out, projection.dictionaries(), snapshot, std::move(named.keys), std::move(named.properties));
  compiler.SetScope(scope.filter);
  compiler.Compile(selectors);
  if (out.lists_.size() >= kNothing - kAsk) return Internal("too many names need more than their name");
  return out;
}

absl::StatusOr<Selectors> Selectors::CompileField(const Field& field, const Scope& scope, Projection& projection,
                                                  const Snapshot& snapshot) {
  ASSIGN_OR_RETURN(Selectors out, Compile({}, scope, projection, snapshot));
  out.selector_count_ = field.count;
  out.lead_ = field.column;
  if (field.property != nullptr) {
    out.lead_ = kCodeColumnCount + static_cast<int>(out.properties_.size());
    out.properties_.push_back(field.property);
  }
  out.lead_first_.clear();
  out.lead_all_.clear();
  out.lists_.clear();
  std::vector<std::vector<Candidate>> candidates(field.value_numbers.size());
  for (size_t code = 0; code < candidates.size(); ++code) {
    if (field.value_numbers[code] >= 0) candidates[code].push_back({field.value_numbers[code], kAlways});
  }
  out.Lead(candidates);
  return out;
}

std::optional<CodeColumn> FieldColumn(absl::string_view field) {
  if (field == "event_name") return kNameColumn;
  if (field == "source") return kSourceColumn;
  if (field == "channel") return kChannelColumn;
  if (field == "department") return kDepartmentColumn;
  if (field == "survey") return kSurveyColumn;
  return std::nullopt;
}

}  // namespace throughline
