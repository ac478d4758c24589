#include "services/events/native/selectors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Operator = FilterNode::Operator;

// A property's key: the path below `properties`. A key with dots may be written without quotes.
std::string PropertyKey(const FilterNode& comparison) {
  std::string key;
  for (size_t i = 1; i < comparison.path.size(); ++i) {
    if (i > 1) key += '.';
    key += comparison.path[i];
  }
  return key;
}

void CollectPropertyKeys(const FilterNode& node, std::vector<std::string>& keys) {
  if (node.kind != FilterNode::Kind::kComparison) {
    for (const auto& child : node.children) CollectPropertyKeys(*child, keys);
  } else if (!node.path.empty() && node.path[0] == "properties") {
    keys.push_back(PropertyKey(node));
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
  const bool is_property = node.path.size() > 1 && node.path[0] == "properties";
  FilterFieldType type = FilterFieldType::kAny;
  if (!is_property) {
    const std::vector<FilterField>& fields = EventFilterFields();
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const FilterField& candidate) {
      return node.path.size() == 1 && candidate.path == node.path[0];
    });
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
  }
  return false;
}

// The first microsecond from 1970 to 10000 at which the comparison, monotone in time, does not hold.
int64_t FirstNot(const FilterNode& comparison) {
  int64_t low = 0, high = 253'402'300'800'000'000;
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

class SelectorSet::Compiler {
 public:
  Compiler(SelectorSet& set, const Dictionaries& dictionaries, const Snapshot& snapshot, std::vector<std::string> keys,
           std::vector<Projection::Property> properties)
      : set_(set),
        dictionaries_(dictionaries),
        snapshot_(snapshot),
        keys_(std::move(keys)),
        properties_(std::move(properties)) {}

  void Compile(absl::Span<const EventSelector> selectors) {
    std::vector<int> roots;
    for (const EventSelector& selector : selectors) roots.push_back(Selector(selector));
    set_.selector_count_ = static_cast<int>(roots.size());
    for (const Projection::Property& property : properties_) set_.properties_.push_back(property.column);
    set_.begins_.push_back(0);
    for (uint32_t name = 0; name < snapshot_.name_codes(); ++name) {
      for (int i = 0; i < set_.selector_count_; ++i) {
        const std::optional<bool> known = KnownByName(roots[i], name);
        if (known.value_or(true)) set_.candidates_.push_back({i, known.has_value() ? kAlways : roots[i]});
      }
      set_.begins_.push_back(static_cast<uint32_t>(set_.candidates_.size()));
    }
  }

 private:
  using Kind = Node::Kind;

  int Add(Node node) {
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
    node.column = kName;
    node.table.assign(snapshot_.name_codes(), 0);
    for (const std::string& name : names) {
      const std::optional<uint32_t> code = dictionaries_.names.Find(name);
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
    const std::string& field = comparison.path[0];
    if (field == "properties") return Property(comparison);
    if (field == "event_name") return Text(comparison, kName, dictionaries_.names, snapshot_.name_codes());
    if (field == "source") return Text(comparison, kSource, dictionaries_.sources, snapshot_.source_codes);
    if (field == "channel") return Text(comparison, kChannel, dictionaries_.channels, snapshot_.channel_codes);
    if (field == "survey") return Text(comparison, kSurvey, dictionaries_.surveys, snapshot_.survey_codes);
    if (field == "department") {
      return Text(comparison, kDepartment, dictionaries_.departments, snapshot_.department_codes);
    }
    if (field == "event_time") return Time(comparison);
    if (field != "score" && field != "amount_minor") return Constant(false);
    Node node;
    node.kind = field == "score" ? Kind::kScore : Kind::kAmount;
    node.compare = std::make_shared<const FilterNode>(comparison);
    node.when_missing = CompareMissing(comparison);
    return Add(std::move(node));
  }

  int Text(const FilterNode& comparison, Column column, const StringDictionary& dictionary, uint32_t codes) {
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

  int Property(const FilterNode& comparison) {
    const auto index = std::find(keys_.begin(), keys_.end(), PropertyKey(comparison)) - keys_.begin();
    const Projection::Property& property = properties_[index];
    Node node;
    node.kind = Kind::kTable;
    node.column = kColumnCount + static_cast<int>(index);
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
        if (node.column == kName) return node.table[name] != 0;
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

  SelectorSet& set_;
  const Dictionaries& dictionaries_;
  const Snapshot& snapshot_;
  const std::vector<std::string> keys_;
  const std::vector<Projection::Property> properties_;
};

absl::StatusOr<SelectorSet> SelectorSet::Compile(absl::Span<const EventSelector> selectors, Projection& projection,
                                                 const Snapshot& snapshot) {
  std::vector<std::string> keys;
  for (const EventSelector& selector : selectors) RETURN_IF_ERROR(Inspect(selector, keys));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<Projection::Property> properties;
  if (!keys.empty()) {
    ASSIGN_OR_RETURN(properties, projection.Properties(keys));
  }
  SelectorSet set;
  Compiler(set, projection.dictionaries(), snapshot, std::move(keys), std::move(properties)).Compile(selectors);
  return set;
}

SelectorSet::Matcher::Matcher(const SelectorSet& set, const Partition& partition)
    : set_(set),
      names_(partition.names()),
      begins_(set.begins_.data()),
      candidates_(set.candidates_.data()),
      columns_{partition.names(), partition.sources(), partition.channels(), partition.departments(),
               partition.surveys()},
      value_kinds_(partition.value_kinds()),
      values_(partition.values()),
      times_(partition.times()) {
  for (const PropertyColumn* column : set.properties_) columns_.push_back(partition.property(*column));
}

bool SelectorSet::Matcher::Evaluate(int index, uint32_t i) const {
  const Node& node = set_.nodes_[index];
  switch (node.kind) {
    case Node::Kind::kFalse:
      return false;
    case Node::Kind::kTrue:
      return true;
    case Node::Kind::kTable:
      return node.table[columns_[node.column][i]] != 0;
    case Node::Kind::kScore:
      return value_kinds_[i] == ValueKind::kScore ? CompareNumber(*node.compare, values_[i]) : node.when_missing;
    case Node::Kind::kAmount:
      return value_kinds_[i] == ValueKind::kAmount ? CompareNumber(*node.compare, values_[i]) : node.when_missing;
    case Node::Kind::kTime: {
      const bool inside = times_[i] >= node.from_micros && times_[i] < node.to_micros;
      return inside != node.outside;
    }
    case Node::Kind::kAnd:
      for (const int child : node.children) {
        if (!Evaluate(child, i)) return false;
      }
      return true;
    case Node::Kind::kOr:
      for (const int child : node.children) {
        if (Evaluate(child, i)) return true;
      }
      return false;
    case Node::Kind::kNot:
      return !Evaluate(node.children[0], i);
  }
  return false;
}

}  // namespace throughline
