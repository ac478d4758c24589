#include "services/base/filter_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Kind = FilterNode::Kind;
using Operator = FilterNode::Operator;
using NodePtr = std::shared_ptr<const FilterNode>;

bool IsOrdering(Operator op) { return op != Operator::kEqual && op != Operator::kNotEqual && op != Operator::kHas; }

// A decimal number as JSON writes it, with an optional plus sign less and leading zeros more.
bool LooksLikeNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  const auto digits = [&text] {
    size_t count = 0;
    while (!text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text.front()))) {
      text.remove_prefix(1);
      ++count;
    }
    return count;
  };
  if (digits() == 0) return false;
  if (absl::ConsumePrefix(&text, ".") && digits() == 0) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::optional<absl::Time> ReadTime(absl::string_view text) {
  // ParseTime also reads "infinite-past" and spaces around; neither is RFC 3339.
  if (text.size() < 10 || !absl::ascii_isdigit(static_cast<unsigned char>(text.front())) ||
      absl::ascii_isspace(static_cast<unsigned char>(text.back()))) {
    return std::nullopt;
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  if (text.size() == 10 && absl::ParseTime("%Y-%m-%d", text, &time, &error)) return time;
  return std::nullopt;
}

int TreeDepth(const FilterNode& node) {
  int depth = 0;
  for (const NodePtr& child : node.children) depth = std::max(depth, TreeDepth(*child));
  return depth + (node.kind == Kind::kComparison ? 0 : 1);
}

size_t ValidPrefixLength(absl::string_view text) {
  size_t good = 0;
  for (size_t length = 1; length <= 4 && good + length <= text.size(); ++length) {
    if (!IsValidUtf8(text.substr(good, length))) continue;
    good += length;
    length = 0;
  }
  return good;
}

// Recursive descent over the bytes; the depth of recursion is limited.
class Parser {
 public:
  Parser(absl::string_view text, const std::vector<FilterField>* fields) : text_(text), fields_(fields) {}

  absl::StatusOr<NodePtr> Run() {
    SkipSpace();
    if (AtEnd()) return NodePtr();
    ASSIGN_OR_RETURN(NodePtr root, Expression(0));
    SkipSpace();
    if (!AtEnd()) return Error(at_, "AND, OR, another comparison or the end");
    if (TreeDepth(*root) > limits::kFilterDepthMax) return DepthError();
    return root;
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Next() const { return AtEnd() ? '\0' : text_[at_]; }
  void SkipSpace() {
    while (!AtEnd() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool Take(absl::string_view symbol) {
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    return true;
  }
  // A keyword stands alone: `AND` but not `ANDROID`.
  bool PeekKeyword(absl::string_view keyword) const {
    if (text_.substr(at_, keyword.size()) != keyword) return false;
    const size_t after = at_ + keyword.size();
    return after == text_.size() || (!IsFilterWordByte(text_[after]) && text_[after] != '.' && text_[after] != '-');
  }
  bool TakeKeyword(absl::string_view keyword) {
    if (!PeekKeyword(keyword)) return false;
    at_ += keyword.size();
    return true;
  }
  absl::Status Error(size_t position, absl::string_view expected) const {
    return InvalidFilter(text_, position, expected);
  }
  absl::Status DepthError() const {
    return Error(at_, absl::StrCat("at most ", limits::kFilterDepthMax, " levels of parentheses, AND, OR and NOT"));
  }

  absl::StatusOr<NodePtr> Expression(int depth);
  absl::StatusOr<NodePtr> Factor(int depth);
  absl::StatusOr<NodePtr> Term(int depth);
  absl::StatusOr<NodePtr> Comparison();
  absl::Status Path(FilterNode& node);
  absl::Status ReadOperator(FilterNode& node);
  absl::Status ReadValue(FilterNode& node);
  absl::Status BareValue(FilterNode& node);
  absl::StatusOr<std::string> QuotedText();
  absl::Status Check(FilterNode& node) const;
  absl::Status CheckField(FilterNode& node) const;

  const absl::string_view text_;
  const std::vector<FilterField>* const fields_;
  size_t at_ = 0;
  int comparisons_ = 0;
  absl::string_view bare_value_;  // of the comparison being read, as written; empty if quoted
};

// expression = factor { [AND] factor }
absl::StatusOr<NodePtr> Parser::Expression(int depth) {
  if (depth > limits::kFilterDepthMax) return DepthError();
  std::vector<NodePtr> parts;
  while (true) {
    ASSIGN_OR_RETURN(NodePtr part, Factor(depth));
    parts.push_back(std::move(part));
    SkipSpace();
    const bool explicit_and = TakeKeyword("AND");
    SkipSpace();
    if (!explicit_and && (AtEnd() || Next() == ')')) break;
  }
  return MakeFilterGroup(Kind::kAnd, std::move(parts));
}

// factor = term { OR term }
absl::StatusOr<NodePtr> Parser::Factor(int depth) {
  std::vector<NodePtr> parts;
  do {
    ASSIGN_OR_RETURN(NodePtr part, Term(depth));
    parts.push_back(std::move(part));
    SkipSpace();
  } while (TakeKeyword("OR"));
  return MakeFilterGroup(Kind::kOr, std::move(parts));
}

// term = [NOT | "-"] term | "(" expression ")" | comparison
absl::StatusOr<NodePtr> Parser::Term(int depth) {
  if (depth > limits::kFilterDepthMax) return DepthError();
  SkipSpace();
  if (TakeKeyword("NOT") || Take("-")) {
    ASSIGN_OR_RETURN(NodePtr inner, Term(depth + 1));
    auto node = std::make_shared<FilterNode>();
    node->kind = Kind::kNot;
    node->children.push_back(std::move(inner));
    return NodePtr(std::move(node));
  }
  if (Take("(")) {
    ASSIGN_OR_RETURN(NodePtr inner, Expression(depth + 1));
    SkipSpace();
    if (!Take(")")) return Error(at_, "a closing parenthesis");
    return inner;
  }
  return Comparison();
}

absl::StatusOr<NodePtr> Parser::Comparison() {
  auto node = std::make_shared<FilterNode>();
  node->position = static_cast<int>(at_);
  if (++comparisons_ > limits::kFilterComparisonCountMax) {
    return Error(at_, absl::StrCat("at most ", limits::kFilterComparisonCountMax, " comparisons"));
  }
  RETURN_IF_ERROR(Path(*node));
  SkipSpace();
  RETURN_IF_ERROR(ReadOperator(*node));
  SkipSpace();
  RETURN_IF_ERROR(ReadValue(*node));
  RETURN_IF_ERROR(Check(*node));
  if (const auto* text = std::get_if<std::string>(&node->value)) node->time = ReadTime(*text);
  return NodePtr(std::move(node));
}

absl::Status Parser::Path(FilterNode& node) {
  const char first = Next();
  if (AtEnd() || !IsFilterWordByte(first) || absl::ascii_isdigit(static_cast<unsigned char>(first)) ||
      PeekKeyword("AND") || PeekKeyword("OR")) {
    return Error(at_, "a field name");
  }
  while (true) {
    if (!node.path.empty() && (Next() == '"' || Next() == '\'')) {
      ASSIGN_OR_RETURN(std::string segment, QuotedText());
      node.path.push_back(std::move(segment));
    } else {
      const size_t start = at_;
      while (!AtEnd() && (IsFilterWordByte(Next()) || (Next() == '-' && at_ > start))) ++at_;
      if (at_ == start) return Error(at_, "a field name after the dot");
      node.path.emplace_back(text_.substr(start, at_ - start));
    }
    if (!Take(".")) return absl::OkStatus();
  }
}

absl::Status Parser::ReadOperator(FilterNode& node) {
  static constexpr std::pair<const char*, Operator> kOperators[] = {
      {"!=", Operator::kNotEqual}, {"<=", Operator::kLessEqual}, {">=", Operator::kGreaterEqual},
      {"=", Operator::kEqual},     {"<", Operator::kLess},       {">", Operator::kGreater},
      {":", Operator::kHas},
  };
  for (const auto& [symbol, op] : kOperators) {
    if (!Take(symbol)) continue;
    node.op = op;
    return absl::OkStatus();
  }
  if (Next() == '(') return Error(at_, "=, !=, <, <=, >, >= or : (functions are not supported)");
  return Error(at_, "=, !=, <, <=, >, >= or : after the field");
}

absl::Status Parser::ReadValue(FilterNode& node) {
  const size_t start = at_;
  bare_value_ = {};
  if (Next() == '"' || Next() == '\'') {
    ASSIGN_OR_RETURN(std::string text, QuotedText());
    node.value = std::move(text);
    node.quoted = true;
  } else {
    RETURN_IF_ERROR(BareValue(node));
  }
  const bool equality = node.op == Operator::kEqual || node.op == Operator::kNotEqual;
  if (std::holds_alternative<FilterNode::Null>(node.value) && !equality)
    return Error(start, "null only after = and !=");
  if (std::holds_alternative<bool>(node.value) && IsOrdering(node.op)) {
    return Error(start, "true and false only after = and !=");
  }
  return absl::OkStatus();
}

absl::Status Parser::BareValue(FilterNode& node) {
  const size_t start = at_;
  static constexpr absl::string_view kEndsValue = "()\"',=<>!\\";
  while (!AtEnd() && static_cast<unsigned char>(Next()) > 0x20 && Next() != 0x7F &&
         kEndsValue.find(Next()) == absl::string_view::npos) {
    ++at_;
  }
  if (at_ == start) return Error(at_, "a value: a quoted string, a number, true, false or null");
  if (!AtEnd() && Next() != ')' && !absl::ascii_isspace(static_cast<unsigned char>(Next()))) {
    return Error(at_, "a space after the value; put values with other characters in quotes");
  }
  bare_value_ = text_.substr(start, at_ - start);
  if (bare_value_ == "true" || bare_value_ == "false") {
    node.value = bare_value_ == "true";
  } else if (bare_value_ == "null") {
    node.value = FilterNode::Null();
  } else if (LooksLikeNumber(bare_value_)) {
    double number = 0;
    const auto result = std::from_chars(bare_value_.data(), bare_value_.data() + bare_value_.size(), number);
    if (result.ec != std::errc() || !std::isfinite(number)) return Error(start, "a number that a double can hold");
    node.value = number;
  } else {
    node.value = std::string(bare_value_);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Parser::QuotedText() {
  const size_t start = at_;
  const char quote = text_[at_++];
  std::string out;
  while (!AtEnd()) {
    char c = text_[at_++];
    if (c == quote) return out;
    if (c == '\\') {
      if (AtEnd()) break;
      c = text_[at_++];
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
      if (c == 'r') c = '\r';
    }
    out.push_back(c);
  }
  return Error(start, absl::StrCat("a closing ", absl::string_view(&quote, 1), " for this quote"));
}

// ---- Checks against the fields --------------------------------------------------------------------------------------

absl::Status Parser::Check(FilterNode& node) const {
  if (fields_ == nullptr) return absl::OkStatus();
  // `properties:key` asks whether the map has the key.
  if (node.op == Operator::kHas && std::holds_alternative<std::string>(node.value)) {
    const std::string map = absl::StrCat(absl::StrJoin(node.path, "."), ".*");
    for (const FilterField& field : *fields_) {
      if (field.path != map) continue;
      node.path.push_back(std::get<std::string>(node.value));
      node.value = std::string("*");
      node.quoted = false;
      return absl::OkStatus();
    }
  }
  return CheckField(node);
}

absl::Status Parser::CheckField(FilterNode& node) const {
  const std::string path = absl::StrJoin(node.path, ".");
  const FilterField* found = nullptr;
  bool found_below = false;
  std::vector<std::string> known;
  for (const FilterField& field : *fields_) {
    known.push_back(field.path);
    absl::string_view prefix = field.path;
    const bool below = absl::ConsumeSuffix(&prefix, "*");
    if (below ? path.size() > prefix.size() && absl::string_view(path).substr(0, prefix.size()) == prefix
              : path == field.path) {
      found = &field;
      found_below = below;
    }
  }
  const auto error = [&](absl::string_view expected) { return Error(static_cast<size_t>(node.position), expected); };
  if (found == nullptr) return error(absl::StrCat("one of the fields ", absl::StrJoin(known, ", ")));
  if (found_below) {
    // Below a map there is one key, dots or not: {"properties", "a.b"}.
    const size_t parents = static_cast<size_t>(std::count(found->path.begin(), found->path.end(), '.'));
    const std::string key =
        absl::StrJoin(node.path.begin() + static_cast<std::ptrdiff_t>(parents), node.path.end(), ".");
    node.path.resize(parents);
    node.path.push_back(key);
  }
  if (std::holds_alternative<FilterNode::Null>(node.value)) return absl::OkStatus();
  const auto* text = std::get_if<std::string>(&node.value);
  if (node.op == Operator::kHas && !node.quoted && text != nullptr && *text == "*") return absl::OkStatus();
  switch (found->type) {
    case FilterFieldType::kAny:
      return absl::OkStatus();
    case FilterFieldType::kString:
      if (text == nullptr) node.value = std::string(bare_value_);
      return absl::OkStatus();
    case FilterFieldType::kNumber:
      if (node.op == Operator::kHas) return error(absl::StrCat(path, " with =, !=, <, <=, >, >= or :*"));
      if (!std::holds_alternative<double>(node.value)) return error(absl::StrCat("a number for ", path));
      return absl::OkStatus();
    case FilterFieldType::kBool:
      if (node.op == Operator::kHas || IsOrdering(node.op)) return error(absl::StrCat(path, " with =, != or :*"));
      if (!std::holds_alternative<bool>(node.value)) return error(absl::StrCat("true or false for ", path));
      return absl::OkStatus();
    case FilterFieldType::kTime:
      if (node.op == Operator::kHas) return error(absl::StrCat(path, " with =, !=, <, <=, >, >= or :*"));
      if (text == nullptr || !ReadTime(*text).has_value()) {
        return error(absl::StrCat("a time for ", path, ", such as \"2026-01-31T10:00:00Z\""));
      }
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace

bool IsFilterWordByte(char c) {
  // Bytes of characters beyond ASCII belong to words: property keys may be in any language.
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

absl::StatusOr<NodePtr> ParseFilterText(absl::string_view text, const std::vector<FilterField>* fields) {
  if (text.size() > limits::kFilterBytesMax) {
    return InvalidFilter(text, limits::kFilterBytesMax,
                         absl::StrCat("at most ", limits::kFilterBytesMax, " bytes; the filter has ", text.size()));
  }
  if (!IsValidUtf8(text)) {
    const size_t good = ValidPrefixLength(text);
    return InvalidFilter(text, good, "valid UTF-8");
  }
  return Parser(text, fields).Run();
}

NodePtr MakeFilterGroup(Kind kind, std::vector<NodePtr> parts) {
  if (parts.size() == 1) return std::move(parts.front());
  auto node = std::make_shared<FilterNode>();
  node->kind = kind;
  for (NodePtr& part : parts) {
    if (part->kind == kind) {
      node->children.insert(node->children.end(), part->children.begin(), part->children.end());
    } else {
      node->children.push_back(std::move(part));
    }
  }
  return node;
}

}  // namespace throughline
