#include "services/gateway/json_reader.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>

// The one translation unit that holds Boost.JSON's code.
#include <boost/json/src.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

namespace json = boost::json;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::string_view View(json::string_view text) { return {text.data(), text.size()}; }

std::string Describe(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::string:
      return absl::StrCat("\"", Excerpt(View(value.get_string())), "\"");
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
    default:
      return Excerpt(json::serialize(value));
  }
}

absl::Status Unfit(absl::string_view path, const json::value& value, absl::string_view expected) {
  return InvalidField(path, absl::StrCat("is ", Describe(value), ", not ", expected));
}

// A number from a JSON number or, as the mapping allows, from a string that holds one.
template <typename Int>
bool ReadInteger(const json::value& value, Int& out) {
  if (value.is_int64()) {
    out = static_cast<Int>(value.get_int64());
    return std::in_range<Int>(value.get_int64());
  }
  if (value.is_uint64()) {
    out = static_cast<Int>(value.get_uint64());
    return std::in_range<Int>(value.get_uint64());
  }
  if (value.is_double()) {
    const double number = value.get_double();
    // 1.0 and 1e3 are integers; doubles hold every integer up to 2^53.
    if (number != std::floor(number) || std::abs(number) > 9007199254740992.0) return false;
    out = static_cast<Int>(static_cast<int64_t>(number));
    return std::in_range<Int>(static_cast<int64_t>(number));
  }
  if (!value.is_string()) return false;
  const absl::string_view text = View(value.get_string());
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size();
}

bool ReadDouble(const json::value& value, double& out) {
  if (value.is_number()) {
    out = value.to_number<double>();
    return true;
  }
  if (!value.is_string()) return false;
  const absl::string_view text = View(value.get_string());
  if (text == "NaN") {
    out = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    out = (text.front() == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
  } else {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size() && std::isfinite(out);
  }
  return true;
}

// `displayName` to `display_name`; text that has underscores already stays as it is.
std::string SnakeCase(absl::string_view text) {
  std::string out;
  const bool snake = text.find('_') != absl::string_view::npos;
  for (const char c : text) {
    if (!snake && c >= 'A' && c <= 'Z') {
      out.push_back('_');
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

// Reads values into one message; `text_mode` takes every scalar from a string, as query parameters are.
class Reader {
 public:
  explicit Reader(bool text_mode) : text_mode_(text_mode) {}

  absl::Status ReadMessage(const json::value& value, Message& message, const std::string& path);
  absl::Status ReadField(const json::value& value, Message& message, const FieldDescriptor& field,
                         const std::string& path);
  absl::Status ReadElement(const json::value& value, Message& message, const FieldDescriptor& field,
                           const std::string& path);

 private:
  absl::Status ReadObject(const json::value& value, Message& message, const std::string& path);
  absl::Status ReadMap(const json::value& value, Message& message, const FieldDescriptor& field,
                       const std::string& path);
  absl::Status ReadScalar(const json::value& value, Message& message, const FieldDescriptor& field,
                          const std::string& path);
  absl::Status ReadString(const json::value& value, Message& message, const FieldDescriptor& field,
                          const std::string& path);
  absl::Status ReadEnum(const json::value& value, Message& message, const FieldDescriptor& field,
                        const std::string& path);
  static absl::Status ReadFieldMask(const json::value& value, Message& message, const std::string& path);
  static absl::Status ReadStructValue(const json::value& value, google::protobuf::Value& out, const std::string& path);

  const bool text_mode_;
};

template <typename T>
void SetOrAdd(Message& message, const FieldDescriptor& field,
              void (Reflection::*set)(Message*, const FieldDescriptor*, T) const,
              void (Reflection::*add)(Message*, const FieldDescriptor*, T) const, std::type_identity_t<T> value) {
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    (reflection.*add)(&message, &field, std::move(value));
  } else {
    (reflection.*set)(&message, &field, std::move(value));
  }
}

absl::Status Reader::ReadMessage(const json::value& value, Message& message, const std::string& path) {
  const std::string& type = message.GetDescriptor()->full_name();
  if (type == "google.protobuf.FieldMask") return ReadFieldMask(value, message, path);
  if (type == "google.protobuf.Timestamp") {
    google::protobuf::Timestamp time;
    if (!value.is_string() ||
        !google::protobuf::util::TimeUtil::FromString(std::string(View(value.get_string())), &time)) {
      return Unfit(path, value, "a time between the years 1 and 9999 such as \"2026-01-31T10:00:00Z\"");
    }
    message.CopyFrom(time);
    return absl::OkStatus();
  }
  if (type == "google.protobuf.Duration") {
    google::protobuf::Duration duration;
    if (!value.is_string() ||
        !google::protobuf::util::TimeUtil::FromString(std::string(View(value.get_string())), &duration)) {
      return Unfit(path, value, "a duration in seconds such as \"3.5s\"");
    }
    message.CopyFrom(duration);
    return absl::OkStatus();
  }
  if (type == "google.protobuf.Value") {
    google::protobuf::Value out;
    RETURN_IF_ERROR(ReadStructValue(value, out, path));
    message.CopyFrom(out);
    return absl::OkStatus();
  }
  if (type == "google.protobuf.Struct" || type == "google.protobuf.ListValue") {
    google::protobuf::Value out;
    RETURN_IF_ERROR(ReadStructValue(value, out, path));
    const bool is_struct = type == "google.protobuf.Struct";
    if (is_struct ? !out.has_struct_value() : !out.has_list_value()) {
      return Unfit(path, value, is_struct ? "an object" : "a list");
    }
    message.CopyFrom(is_struct ? static_cast<const Message&>(out.struct_value()) : out.list_value());
    return absl::OkStatus();
  }
  if (type == "google.protobuf.Any") return InvalidField(path, "cannot be sent as JSON");
  return ReadObject(value, message, path);
}

absl::Status Reader::ReadObject(const json::value& value, Message& message, const std::string& path) {
  if (!value.is_object()) return Unfit(path, value, "an object");
  const Descriptor& descriptor = *message.GetDescriptor();
  std::set<const FieldDescriptor*> seen;
  for (const auto& entry : value.get_object()) {
    const std::string name(View(entry.key()));
    const FieldDescriptor* field = descriptor.FindFieldByName(name);
    for (int i = 0; field == nullptr && i < descriptor.field_count(); ++i) {
      if (descriptor.field(i)->json_name() == name) field = descriptor.field(i);
    }
    if (field == nullptr) return UnknownField(FieldPath(path, name), descriptor.full_name());
    const std::string field_path = FieldPath(path, field->name());
    if (!seen.insert(field).second) return InvalidField(field_path, "is given twice");
    if (const auto* oneof = field->real_containing_oneof(); oneof != nullptr && !entry.value().is_null()) {
      for (const FieldDescriptor* other : seen) {
        if (other != field && other->real_containing_oneof() == oneof &&
            message.GetReflection()->HasField(message, other)) {
          return InvalidField(field_path, absl::StrCat("cannot be given together with ", other->name()));
        }
      }
    }
    RETURN_IF_ERROR(ReadField(entry.value(), message, *field, field_path));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadField(const json::value& value, Message& message, const FieldDescriptor& field,
                               const std::string& path) {
  // null is the default value, except where it is a value.
  const bool holds_null = !field.is_repeated() && field.message_type() != nullptr &&
                          field.message_type()->full_name() == "google.protobuf.Value";
  if (value.is_null() && !holds_null) return absl::OkStatus();
  if (field.is_map()) return ReadMap(value, message, field, path);
  if (!field.is_repeated()) return ReadElement(value, message, field, path);
  if (!value.is_array()) return Unfit(path, value, "a list");
  const json::array& list = value.get_array();
  for (size_t i = 0; i < list.size(); ++i) {
    RETURN_IF_ERROR(ReadElement(list[i], message, field, FieldPath(path, i)));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadMap(const json::value& value, Message& message, const FieldDescriptor& field,
                             const std::string& path) {
  if (!value.is_object()) return Unfit(path, value, "an object");
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  Reader key_reader(/*text_mode=*/true);
  for (const auto& entry : value.get_object()) {
    const std::string entry_path = FieldPath(path, absl::StrCat("[\"", Excerpt(View(entry.key())), "\"]"));
    Message& pair = *message.GetReflection()->AddMessage(&message, &field);
    RETURN_IF_ERROR(key_reader.ReadElement(json::value(json::string(entry.key())), pair, key_field, entry_path));
    if (entry.value().is_null() && value_field.message_type() == nullptr) {
      return Unfit(entry_path, entry.value(), "a value");
    }
    RETURN_IF_ERROR(ReadElement(entry.value(), pair, value_field, entry_path));
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadElement(const json::value& value, Message& message, const FieldDescriptor& field,
                                 const std::string& path) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return ReadScalar(value, message, field, path);
  const Reflection& reflection = *message.GetReflection();
  Message& child =
      field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
  return ReadMessage(value, child, path);
}

absl::Status Reader::ReadScalar(const json::value& value, Message& message, const FieldDescriptor& field,
                                const std::string& path) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!ReadInteger(value, number)) return Unfit(path, value, "a whole number of 32 bits");
      SetOrAdd<int32_t>(message, field, &Reflection::SetInt32, &Reflection::AddInt32, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (!ReadInteger(value, number)) return Unfit(path, value, "a whole number of 64 bits");
      SetOrAdd<int64_t>(message, field, &Reflection::SetInt64, &Reflection::AddInt64, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!ReadInteger(value, number)) return Unfit(path, value, "a whole number of 32 bits, not negative");
      SetOrAdd<uint32_t>(message, field, &Reflection::SetUInt32, &Reflection::AddUInt32, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!ReadInteger(value, number)) return Unfit(path, value, "a whole number of 64 bits, not negative");
      SetOrAdd<uint64_t>(message, field, &Reflection::SetUInt64, &Reflection::AddUInt64, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: {
      double number = 0;
      if (!ReadDouble(value, number)) return Unfit(path, value, "a number");
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
        SetOrAdd<double>(message, field, &Reflection::SetDouble, &Reflection::AddDouble, number);
      } else {
        SetOrAdd<float>(message, field, &Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(number));
      }
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      const bool text = text_mode_ && value.is_string();
      const bool truth = text ? value.get_string() == "true" : value.is_bool() && value.get_bool();
      if (text ? !truth && value.get_string() != "false" : !value.is_bool()) return Unfit(path, value, "true or false");
      SetOrAdd<bool>(message, field, &Reflection::SetBool, &Reflection::AddBool, truth);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(value, message, field, path);
    default:
      return ReadString(value, message, field, path);
  }
}

absl::Status Reader::ReadString(const json::value& value, Message& message, const FieldDescriptor& field,
                                const std::string& path) {
  const bool bytes = field.type() == FieldDescriptor::TYPE_BYTES;
  if (!value.is_string()) return Unfit(path, value, bytes ? "base64 text" : "a text");
  std::string text(View(value.get_string()));
  if (bytes) {
    std::string decoded;
    if (!absl::Base64Unescape(text, &decoded) && !absl::WebSafeBase64Unescape(text, &decoded)) {
      return Unfit(path, value, "base64 text");
    }
    text = std::move(decoded);
  } else if (!IsValidUtf8(text)) {
    return InvalidField(path, "is not valid UTF-8");
  }
  SetOrAdd<std::string>(message, field, &Reflection::SetString, &Reflection::AddString, std::move(text));
  return absl::OkStatus();
}

absl::Status Reader::ReadEnum(const json::value& value, Message& message, const FieldDescriptor& field,
                              const std::string& path) {
  int32_t number = 0;
  if (value.is_string()) {
    const auto* known = field.enum_type()->FindValueByName(std::string(View(value.get_string())));
    if (known != nullptr) {
      SetOrAdd<int>(message, field, &Reflection::SetEnumValue, &Reflection::AddEnumValue, known->number());
      return absl::OkStatus();
    }
  }
  const bool numeric = (!value.is_string() || text_mode_) && ReadInteger(value, number);
  if (!numeric || field.enum_type()->FindValueByNumber(number) == nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < field.enum_type()->value_count(); ++i) names.push_back(field.enum_type()->value(i)->name());
    return Unfit(path, value, absl::StrCat("one of ", absl::StrJoin(names, ", ")));
  }
  SetOrAdd<int>(message, field, &Reflection::SetEnumValue, &Reflection::AddEnumValue, number);
  return absl::OkStatus();
}

absl::Status Reader::ReadFieldMask(const json::value& value, Message& message, const std::string& path) {
  google::protobuf::FieldMask mask;
  if (value.is_string()) {
    // An empty text is an empty mask; an empty part between commas is a path that is no field, and will be refused.
    const absl::string_view text = absl::StripAsciiWhitespace(View(value.get_string()));
    if (!text.empty()) {
      for (const absl::string_view part : absl::StrSplit(text, ',')) {
        mask.add_paths(SnakeCase(absl::StripAsciiWhitespace(part)));
      }
    }
  } else if (const json::object* object = value.if_object()) {
    for (const auto& entry : *object) {
      const json::array* paths = entry.value().if_array();
      if (entry.key() != "paths") return UnknownField(FieldPath(path, View(entry.key())), "google.protobuf.FieldMask");
      if (paths == nullptr) return Unfit(FieldPath(path, "paths"), entry.value(), "a list of texts");
      for (const json::value& element : *paths) {
        if (!element.is_string()) return Unfit(FieldPath(path, "paths"), element, "a text");
        mask.add_paths(SnakeCase(View(element.get_string())));
      }
    }
  } else {
    return Unfit(path, value, "a field mask such as \"displayName,phases\" or {\"paths\": [\"display_name\"]}");
  }
  message.CopyFrom(mask);
  return absl::OkStatus();
}

absl::Status Reader::ReadStructValue(const json::value& value, google::protobuf::Value& out, const std::string& path) {
  switch (value.kind()) {
    case json::kind::null:
      out.set_null_value(google::protobuf::NULL_VALUE);
      return absl::OkStatus();
    case json::kind::bool_:
      out.set_bool_value(value.get_bool());
      return absl::OkStatus();
    case json::kind::string:
      out.set_string_value(std::string(View(value.get_string())));
      return absl::OkStatus();
    case json::kind::array: {
      google::protobuf::ListValue& list = *out.mutable_list_value();
      for (const json::value& element : value.get_array()) {
        RETURN_IF_ERROR(ReadStructValue(element, *list.add_values(), path));
      }
      return absl::OkStatus();
    }
    case json::kind::object: {
      google::protobuf::Struct& object = *out.mutable_struct_value();
      for (const auto& entry : value.get_object()) {
        RETURN_IF_ERROR(
            ReadStructValue(entry.value(), (*object.mutable_fields())[std::string(View(entry.key()))], path));
      }
      return absl::OkStatus();
    }
    default:
      out.set_number_value(value.to_number<double>());
      return absl::OkStatus();
  }
}

absl::StatusOr<json::value> Parse(absl::string_view text) {
  json::parse_options options;
  options.max_depth = limits::kJsonDepthMax;
  json::stream_parser parser(json::storage_ptr(), options);
  json::error_code error;
  // write_some stops after the value or at the offending byte; what is left may only be space.
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  size_t rest = read;
  while (!error && rest < text.size() && absl::string_view(" \t\r\n").find(text[rest]) != absl::string_view::npos)
    ++rest;
  if (!error && rest < text.size()) error = json::error::extra_data;
  if (error && !IsValidUtf8(text)) return MalformedRequest("the body is not JSON: it is not valid UTF-8");
  if (error) {
    return MalformedRequest(absl::StrCat("the body is not JSON: ", error.message(), " at byte ", rest, ", near \"",
                                         Excerpt(text.substr(rest > 10 ? rest - 10 : 0, 30)), "\""));
  }
  return parser.release();
}

}  // namespace

absl::Status ReadJson(absl::string_view text, Message& message) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const json::value value, Parse(text));
  return Reader(/*text_mode=*/false).ReadMessage(value, message, "");
}

absl::Status ReadJsonField(absl::string_view text, Message& message, const FieldDescriptor& field,
                           std::vector<const FieldDescriptor*>& present) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const json::value value, Parse(text));
  RETURN_IF_ERROR(Reader(/*text_mode=*/false).ReadField(value, message, field, field.name()));
  if (const json::object* object = value.if_object(); object != nullptr && field.message_type() != nullptr) {
    const Descriptor& descriptor = *field.message_type();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      if (object->contains(descriptor.field(i)->name()) || object->contains(descriptor.field(i)->json_name())) {
        present.push_back(descriptor.field(i));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status SetFieldFromText(absl::string_view text, Message& message,
                              const std::vector<const FieldDescriptor*>& path) {
  Message* at = &message;
  std::string names;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    names = FieldPath(names, path[i]->name());
    at = at->GetReflection()->MutableMessage(at, path[i]);
  }
  const FieldDescriptor& field = *path.back();
  names = FieldPath(names, field.name());
  if (field.is_map()) return InvalidField(names, "cannot be given in the address");
  return Reader(/*text_mode=*/true).ReadElement(json::value(json::string(text.data(), text.size())), *at, field, names);
}

}  // namespace throughline
