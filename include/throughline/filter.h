// Filters in the language of AIP-160 (https://google.aip.dev/160), parsed into a tree that each store evaluates in its
// own way. A Filter is an immutable value, cheap to copy; any thread.
//
// Grammar: comparisons `field = value` with = != < <= > >= and `:` (has), AND, OR, NOT, `-`, parentheses; juxtaposed
// terms are AND, and OR binds tighter than AND, as AIP-160 says. Values are quoted strings, numbers, true, false, null
// and bare words; `*` at the end or beginning of a string in = and != is a wildcard. A field is a path such as
// `properties.plan` or `properties."my key"`. Bare values without a field and functions are refused.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace throughline {

struct FilterNode {
  enum class Kind { kAnd, kOr, kNot, kComparison };
  enum class Operator { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kHas };
  struct Null {};
  // A value as written. Bare words other than true, false and null are strings; `quoted` tells them apart. A string is
  // read as a time or duration only where the field has that type.
  using Value = std::variant<std::string, double, bool, Null>;

  Kind kind = Kind::kComparison;
  std::vector<std::shared_ptr<const FilterNode>> children;  // kAnd, kOr: two or more; kNot: one
  // kComparison:
  std::vector<std::string> path;  // {"properties", "plan"}
  Operator op = Operator::kEqual;
  Value value;
  bool quoted = false;
  std::optional<absl::Time> time;  // the value, where it is a string that reads as an RFC 3339 time or a date (UTC)
  int position = 0;                // of the comparison in the text, in bytes from 0; for messages
};

// The type of a field, for checks before anything is evaluated.
enum class FilterFieldType { kString, kNumber, kBool, kTime, kAny };

// The fields that a filter may name. A path that ends with "*" stands for every field below it: {"properties.*", kAny}.
struct FilterField {
  std::string path;
  FilterFieldType type = FilterFieldType::kString;
};

class Filter {
 public:
  Filter() = default;  // empty: everything matches

  // INVALID_ARGUMENT (INVALID_FILTER) with the position and what was expected; also for texts over the limits of length
  // and depth (services/base/limits.h).
  static absl::StatusOr<Filter> Parse(absl::string_view text);
  // Parses, and checks that every field is known, its operator makes sense and its value has the field's type. A bare
  // number or truth value for a string field is that string, and `properties:key` is `properties.key:*`.
  static absl::StatusOr<Filter> ParseAndCheck(absl::string_view text, const std::vector<FilterField>& fields);
  // Both hold.
  static Filter And(const Filter& left, const Filter& right);

  bool empty() const { return root_ == nullptr; }
  const std::shared_ptr<const FilterNode>& root() const { return root_; }  // null when empty
  // Canonical text: two filters with equal text match the same.
  std::string ToString() const;

 private:
  std::shared_ptr<const FilterNode> root_;
};

// The fields of EventBinding.filter.
const std::vector<FilterField>& EventFilterFields();

// How a comparison holds for one value; what every store agrees on. Strings compare by bytes, with wildcards in = and
// != (kHas on a string: contains, ignoring ASCII case). A missing value: only != and `= null` hold. `field:*` holds
// where the field is present. A type that does not fit the operator or value never matches.
bool CompareString(const FilterNode& comparison, absl::string_view actual);
bool CompareNumber(const FilterNode& comparison, double actual);
bool CompareBool(const FilterNode& comparison, bool actual);
bool CompareTime(const FilterNode& comparison, absl::Time actual);
bool CompareMissing(const FilterNode& comparison);

// Evaluates the tree: `compare(comparison)` says whether one comparison holds. Null holds.
template <typename Compare>
bool EvaluateFilter(const FilterNode* node, const Compare& compare) {
  if (node == nullptr) return true;
  switch (node->kind) {
    case FilterNode::Kind::kAnd:
      for (const auto& child : node->children) {
        if (!EvaluateFilter(child.get(), compare)) return false;
      }
      return true;
    case FilterNode::Kind::kOr:
      for (const auto& child : node->children) {
        if (EvaluateFilter(child.get(), compare)) return true;
      }
      return false;
    case FilterNode::Kind::kNot:
      return !EvaluateFilter(node->children.front().get(), compare);
    case FilterNode::Kind::kComparison:
      return compare(*node);
  }
  return false;
}

}  // namespace throughline
