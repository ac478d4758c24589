#include "services/api/message_filter.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Operator = FilterNode::Operator;

}  // namespace

// A filter's node with its path resolved and its value read as the field's type.
struct MessageFilter::Node {
  FilterNode::Kind kind = FilterNode::Kind::kComparison;
  std::vector<std::shared_ptr<const Node>> children;
  std::vector<const FieldDescriptor*> path;
  FilterNode comparison;
  bool presence = false;  // `field:*`
};

namespace {

using Node = MessageFilter::Node;

enum class ValueType { kString, kNumber, kBool, kEnum, kTime, kDuration, kMessage };

ValueType TypeOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return ValueType::kString;
    case FieldDescriptor::CPPTYPE_BOOL:
      return ValueType::kBool;
    case FieldDescriptor::CPPTYPE_ENUM:
      return ValueType::kEnum;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type() == google::protobuf::Timestamp::descriptor()) return ValueType::kTime;
      if (field.message_type() == google::protobuf::Duration::descriptor()) return ValueType::kDuration;
      return ValueType::kMessage;
    default:
      return ValueType::kNumber;
  }
}

// "90s", "1.5s" as protobuf's JSON writes durations.
std::optional<double> ParseSeconds(absl::string_view text) {
  double seconds = 0;
  if (text.empty() || text.back() != 's' || !absl::SimpleAtod(text.substr(0, text.size() - 1), &seconds)) {
    return std::nullopt;
  }
  return seconds;
}

class Compiler {
 public:
  Compiler(absl::string_view text, const Descriptor& descriptor) : text_(text), descriptor_(descriptor) {}

  absl::StatusOr<std::shared_ptr<const Node>> Compile(const FilterNode& node) const {
    auto compiled = std::make_shared<Node>();
    compiled->kind = node.kind;
    if (node.kind == FilterNode::Kind::kComparison) {
      RETURN_IF_ERROR(CompileComparison(node, *compiled));
      return compiled;
    }
    for (const auto& child : node.children) {
      ASSIGN_OR_RETURN(auto compiled_child, Compile(*child));
      compiled->children.push_back(std::move(compiled_child));
    }
    return compiled;
  }

 private:
  absl::Status Expected(const FilterNode& node, absl::string_view expected) const {
    return InvalidFilter(text_, static_cast<size_t>(node.position), expected);
  }

  absl::Status CompileComparison(const FilterNode& node, Node& compiled) const {
    const Descriptor* descriptor = &descriptor_;
    bool in_list = false;
    for (const std::string& name : node.path) {
      const FieldDescriptor* field = descriptor == nullptr ? nullptr : descriptor->FindFieldByName(name);
      if (field == nullptr) {
        return Expected(node, absl::StrCat("a field of ", descriptor == nullptr ? "a message" : descriptor->name()));
      }
      compiled.path.push_back(field);
      in_list = in_list || field->is_repeated();
      descriptor = TypeOf(*field) == ValueType::kMessage ? field->message_type() : nullptr;
    }
    compiled.comparison = node;
    const auto* text = std::get_if<std::string>(&node.value);
    compiled.presence = node.op == Operator::kHas && !node.quoted && text != nullptr && *text == "*";
    if (compiled.presence) return absl::OkStatus();
    if (in_list && node.op != Operator::kHas) return Expected(node, "`:` after a list's field");
    return CheckValue(node, *compiled.path.back(), compiled);
  }

  // That the operator and value suit the field; brings the value into the form that Compare… takes.
  absl::Status CheckValue(const FilterNode& node, const FieldDescriptor& field, Node& compiled) const {
    const bool is_equality = node.op == Operator::kEqual || node.op == Operator::kNotEqual;
    if (std::holds_alternative<FilterNode::Null>(node.value)) {
      return is_equality ? absl::OkStatus() : Expected(node, "= or != before null");
    }
    const auto* text = std::get_if<std::string>(&node.value);
    // `:` with a value means "contains" for strings alone; a list has the number, and CURRENT must not match
    // NOT_CURRENT.
    if (node.op == Operator::kHas && TypeOf(field) != ValueType::kString) compiled.comparison.op = Operator::kEqual;
    switch (TypeOf(field)) {
      case ValueType::kString:
        return text != nullptr ? absl::OkStatus() : Expected(node, "a string in quotes as the value");
      case ValueType::kNumber:
        return std::holds_alternative<double>(node.value) ? absl::OkStatus() : Expected(node, "a number as the value");
      case ValueType::kBool:
        if (!is_equality && node.op != Operator::kHas) return Expected(node, "= or != with true or false");
        return std::holds_alternative<bool>(node.value) ? absl::OkStatus()
                                                        : Expected(node, "true or false as the value");
      case ValueType::kEnum:
        if (!is_equality && node.op != Operator::kHas) return Expected(node, "= or != with one of the enum's names");
        if (text == nullptr || field.enum_type()->FindValueByName(*text) == nullptr) {
          return Expected(node, absl::StrCat("one of the names of ", field.enum_type()->name(), " as the value"));
        }
        return absl::OkStatus();
      case ValueType::kTime: {
        absl::Time time;
        return text != nullptr && absl::ParseTime(absl::RFC3339_full, *text, &time, nullptr)
                   ? absl::OkStatus()
                   : Expected(node, "a time such as \"2026-01-01T00:00:00Z\" as the value");
      }
      case ValueType::kDuration: {
        const std::optional<double> seconds = text != nullptr ? ParseSeconds(*text) : std::nullopt;
        if (!seconds.has_value()) return Expected(node, "a duration in seconds such as \"90s\" as the value");
        compiled.comparison.value = *seconds;
        return absl::OkStatus();
      }
      case ValueType::kMessage:
        return Expected(node, "one of the message's fields, `:*` or null");
    }
    return absl::OkStatus();
  }

  const absl::string_view text_;
  const Descriptor& descriptor_;
};

bool CompareSingle(const FilterNode& comparison, const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  if (field.has_presence() && !reflection.HasField(message, &field)) return CompareMissing(comparison);
  switch (TypeOf(field)) {
    case ValueType::kString:
      return CompareString(comparison, reflection.GetString(message, &field));
    case ValueType::kBool:
      return CompareBool(comparison, reflection.GetBool(message, &field));
    case ValueType::kEnum:
      return CompareString(comparison, reflection.GetEnum(message, &field)->name());
    case ValueType::kTime: {
      const auto& time = static_cast<const google::protobuf::Timestamp&>(reflection.GetMessage(message, &field));
      return CompareTime(comparison, absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()));
    }
    case ValueType::kDuration: {
      const auto& duration = static_cast<const google::protobuf::Duration&>(reflection.GetMessage(message, &field));
      return CompareNumber(comparison, static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9);
    }
    case ValueType::kMessage:
      return comparison.op == Operator::kNotEqual;  // it is set, and null is all that it is compared with
    case ValueType::kNumber:
      break;
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return CompareNumber(comparison, reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return CompareNumber(comparison, static_cast<double>(reflection.GetInt64(message, &field)));
    case FieldDescriptor::CPPTYPE_UINT32:
      return CompareNumber(comparison, reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return CompareNumber(comparison, static_cast<double>(reflection.GetUInt64(message, &field)));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return CompareNumber(comparison, static_cast<double>(reflection.GetFloat(message, &field)));
    default:
      return CompareNumber(comparison, reflection.GetDouble(message, &field));
  }
}

// One element of a list of scalars. Our resources have lists of strings and of messages only; other scalars compare by
// their text.
bool CompareElement(const FilterNode& comparison, const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return CompareString(comparison, reflection.GetRepeatedString(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return CompareString(comparison, reflection.GetRepeatedEnum(message, &field, index)->name());
    case FieldDescriptor::CPPTYPE_INT32:
      return CompareNumber(comparison, reflection.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return CompareNumber(comparison, static_cast<double>(reflection.GetRepeatedInt64(message, &field, index)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return CompareNumber(comparison, reflection.GetRepeatedDouble(message, &field, index));
    default:
      return false;
  }
}

bool IsPresent(const Message& message, const FieldDescriptor& field) {
  return field.is_repeated() ? message.GetReflection()->FieldSize(message, &field) > 0
                             : message.GetReflection()->HasField(message, &field);
}

bool MatchesComparison(const Node& node, const Message& message, size_t depth) {
  const FieldDescriptor& field = *node.path[depth];
  const Reflection& reflection = *message.GetReflection();
  if (depth + 1 == node.path.size()) {
    if (node.presence) return IsPresent(message, field);
    if (!field.is_repeated()) return CompareSingle(node.comparison, message, field);
    const int count = reflection.FieldSize(message, &field);
    for (int i = 0; i < count; ++i) {
      if (CompareElement(node.comparison, message, field, i)) return true;
    }
    return false;
  }
  if (!field.is_repeated()) {
    if (!reflection.HasField(message, &field)) return !node.presence && CompareMissing(node.comparison);
    return MatchesComparison(node, reflection.GetMessage(message, &field), depth + 1);
  }
  const int count = reflection.FieldSize(message, &field);
  for (int i = 0; i < count; ++i) {
    if (MatchesComparison(node, reflection.GetRepeatedMessage(message, &field, i), depth + 1)) return true;
  }
  return false;
}

bool MatchesNode(const Node& node, const Message& message) {
  const auto matches = [&](const std::shared_ptr<const Node>& child) { return MatchesNode(*child, message); };
  switch (node.kind) {
    case FilterNode::Kind::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), matches);
    case FilterNode::Kind::kOr:
      return std::any_of(node.children.begin(), node.children.end(), matches);
    case FilterNode::Kind::kNot:
      return !matches(node.children.front());
    case FilterNode::Kind::kComparison:
      return MatchesComparison(node, message, 0);
  }
  return false;
}

}  // namespace

absl::StatusOr<MessageFilter> MessageFilter::Make(absl::string_view text, const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(const Filter filter, Filter::Parse(text));
  if (filter.empty()) return MessageFilter(nullptr);
  ASSIGN_OR_RETURN(std::shared_ptr<const Node> root, Compiler(text, descriptor).Compile(*filter.root()));
  return MessageFilter(std::move(root));
}

bool MessageFilter::Matches(const Message& message) const { return root_ == nullptr || MatchesNode(*root_, message); }

}  // namespace throughline::api
