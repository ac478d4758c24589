#include "throughline/filter.h"

#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/base/filter_parser.h"

namespace throughline {
namespace {

using Operator = FilterNode::Operator;
using Kind = FilterNode::Kind;

const char* OperatorText(Operator op) {
  switch (op) {
    case Operator::kEqual:
      return " = ";
    case Operator::kNotEqual:
      return " != ";
    case Operator::kLess:
      return " < ";
    case Operator::kLessEqual:
      return " <= ";
    case Operator::kGreater:
      return " > ";
    case Operator::kGreaterEqual:
      return " >= ";
    case Operator::kHas:
      return ":";
  }
  return "";
}

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out.append("\\n");
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

std::string PathText(const std::vector<std::string>& path) {
  return absl::StrJoin(path, ".", [](std::string* out, const std::string& segment) {
    // Quoted where the parser would not read the same segment bare; the first one always is bare.
    bool plain = !segment.empty() && segment.front() != '-';
    for (const char c : segment) plain = plain && (IsFilterWordByte(c) || c == '-');
    absl::StrAppend(out, plain ? segment : Quote(segment));
  });
}

bool IsPresenceTest(const FilterNode& comparison) {
  if (comparison.op != Operator::kHas || comparison.quoted) return false;
  const auto* text = std::get_if<std::string>(&comparison.value);
  return text != nullptr && *text == "*";
}

std::string ValueText(const FilterNode& node) {
  if (IsPresenceTest(node)) return "*";
  if (const auto* text = std::get_if<std::string>(&node.value)) return Quote(*text);
  if (const auto* truth = std::get_if<bool>(&node.value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<double>(&node.value)) {
    char buffer[64];
    const auto result = std::to_chars(buffer, buffer + sizeof(buffer), *number);  // the shortest that reads the same
    return std::string(buffer, result.ptr);
  }
  return "null";
}

// `inner`: parentheses are needed around AND and OR.
void AppendText(const FilterNode& node, bool inner, std::string& out) {
  if (node.kind == Kind::kComparison) {
    absl::StrAppend(&out, PathText(node.path), OperatorText(node.op), ValueText(node));
    return;
  }
  if (node.kind == Kind::kNot) {
    out.append("NOT ");
    AppendText(*node.children.front(), /*inner=*/true, out);
    return;
  }
  if (inner) out.push_back('(');
  for (size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out.append(node.kind == Kind::kAnd ? " AND " : " OR ");
    AppendText(*node.children[i], /*inner=*/true, out);
  }
  if (inner) out.push_back(')');
}

// What holds whatever the type of a present value is; absent: it depends on the value.
std::optional<bool> CompareAnyPresent(const FilterNode& comparison) {
  if (std::holds_alternative<FilterNode::Null>(comparison.value)) return comparison.op == Operator::kNotEqual;
  if (IsPresenceTest(comparison)) return true;
  return std::nullopt;
}

// A value of another type is not equal and not ordered.
bool CompareOtherType(const FilterNode& comparison) { return comparison.op == Operator::kNotEqual; }

template <typename T>
bool CompareOrdered(Operator op, const T& actual, const T& expected) {
  switch (op) {
    case Operator::kEqual:
      return actual == expected;
    case Operator::kNotEqual:
      return actual != expected;
    case Operator::kLess:
      return actual < expected;
    case Operator::kLessEqual:
      return actual <= expected;
    case Operator::kGreater:
      return actual > expected;
    case Operator::kGreaterEqual:
      return actual >= expected;
    case Operator::kHas:
      return false;
  }
  return false;
}

bool ContainsIgnoringCase(absl::string_view text, absl::string_view part) {
  if (part.size() > text.size()) return false;
  for (size_t start = 0; start + part.size() <= text.size(); ++start) {
    size_t i = 0;
    while (i < part.size() && absl::ascii_tolower(static_cast<unsigned char>(text[start + i])) ==
                                  absl::ascii_tolower(static_cast<unsigned char>(part[i]))) {
      ++i;
    }
    if (i == part.size()) return true;
  }
  return false;
}

bool MatchesPattern(absl::string_view actual, absl::string_view pattern) {
  const bool open_start = !pattern.empty() && pattern.front() == '*';
  if (open_start) pattern.remove_prefix(1);
  const bool open_end = !pattern.empty() && pattern.back() == '*';
  if (open_end) pattern.remove_suffix(1);
  // A lone "*" is open at both ends.
  if (open_start && (open_end || pattern.empty())) return actual.find(pattern) != absl::string_view::npos;
  if (actual.size() < pattern.size()) return false;
  if (open_start) return actual.substr(actual.size() - pattern.size()) == pattern;
  if (open_end) return actual.substr(0, pattern.size()) == pattern;
  return actual == pattern;
}

}  // namespace

std::string FilterNodeText(const FilterNode& node) {
  std::string out;
  AppendText(node, /*inner=*/false, out);
  return out;
}

absl::StatusOr<Filter> Filter::Parse(absl::string_view text) {
  absl::StatusOr<std::shared_ptr<const FilterNode>> root = ParseFilterText(text, nullptr);
  if (!root.ok()) return root.status();
  Filter filter;
  filter.root_ = *std::move(root);
  return filter;
}

absl::StatusOr<Filter> Filter::ParseAndCheck(absl::string_view text, const std::vector<FilterField>& fields) {
  absl::StatusOr<std::shared_ptr<const FilterNode>> root = ParseFilterText(text, &fields);
  if (!root.ok()) return root.status();
  Filter filter;
  filter.root_ = *std::move(root);
  return filter;
}

Filter Filter::And(const Filter& left, const Filter& right) {
  if (left.empty()) return right;
  if (right.empty()) return left;
  Filter both;
  both.root_ = MakeFilterGroup(Kind::kAnd, {left.root_, right.root_});
  return both;
}

std::string Filter::ToString() const { return root_ == nullptr ? std::string() : FilterNodeText(*root_); }

const std::vector<FilterField>& EventFilterFields() {
  static const std::vector<FilterField>* const fields =
      new std::vector<FilterField>{{"event_name", FilterFieldType::kString},
                                   {"source", FilterFieldType::kString},
                                   {"channel", FilterFieldType::kString},
                                   {"department", FilterFieldType::kString},
                                   {"event_time", FilterFieldType::kTime},
                                   {"score", FilterFieldType::kNumber},
                                   {"survey", FilterFieldType::kString},
                                   {"amount_minor", FilterFieldType::kNumber},
                                   {"currency_code", FilterFieldType::kString},
                                   {"properties.*", FilterFieldType::kAny},
                                   {"traits.*", FilterFieldType::kAny},
                                   {"customer_id", FilterFieldType::kString},
                                   {"customer.event_count", FilterFieldType::kNumber},
                                   {"customer.first_event_time", FilterFieldType::kTime},
                                   {"customer.last_event_time", FilterFieldType::kTime}};
  return *fields;
}

bool CompareString(const FilterNode& comparison, absl::string_view actual) {
  if (const std::optional<bool> known = CompareAnyPresent(comparison)) return *known;
  const auto* expected = std::get_if<std::string>(&comparison.value);
  if (expected == nullptr) return CompareOtherType(comparison);
  switch (comparison.op) {
    case Operator::kEqual:
      return MatchesPattern(actual, *expected);
    case Operator::kNotEqual:
      return !MatchesPattern(actual, *expected);
    case Operator::kHas:
      return ContainsIgnoringCase(actual, *expected);
    default:
      return CompareOrdered(comparison.op, actual, absl::string_view(*expected));
  }
}

bool CompareNumber(const FilterNode& comparison, double actual) {
  if (const std::optional<bool> known = CompareAnyPresent(comparison)) return *known;
  const auto* expected = std::get_if<double>(&comparison.value);
  if (expected == nullptr) return CompareOtherType(comparison);
  return CompareOrdered(comparison.op, actual, *expected);
}

bool CompareBool(const FilterNode& comparison, bool actual) {
  if (const std::optional<bool> known = CompareAnyPresent(comparison)) return *known;
  const auto* expected = std::get_if<bool>(&comparison.value);
  if (expected == nullptr) return CompareOtherType(comparison);
  return comparison.op == Operator::kEqual      ? actual == *expected
         : comparison.op == Operator::kNotEqual ? actual != *expected
                                                : false;
}

bool CompareTime(const FilterNode& comparison, absl::Time actual) {
  if (const std::optional<bool> known = CompareAnyPresent(comparison)) return *known;
  if (!comparison.time.has_value()) return CompareOtherType(comparison);
  return CompareOrdered(comparison.op, actual, *comparison.time);
}

bool CompareMissing(const FilterNode& comparison) {
  const bool null = std::holds_alternative<FilterNode::Null>(comparison.value);
  return null ? comparison.op == Operator::kEqual : comparison.op == Operator::kNotEqual;
}

}  // namespace throughline
