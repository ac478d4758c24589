#include "services/api/request_parser.h"

#include "absl/strings/str_cat.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "throughline/errors.h"
#include "throughline/v1/event.pb.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsRequired(const FieldDescriptor& field) {
  for (int i = 0; i < field.options().ExtensionSize(google::api::field_behavior); ++i) {
    if (field.options().GetExtension(google::api::field_behavior, i) == google::api::REQUIRED) return true;
  }
  return false;
}

bool IsEmpty(const Message& message, const FieldDescriptor& field) {
  return field.is_repeated() ? message.GetReflection()->FieldSize(message, &field) == 0
                             : !message.GetReflection()->HasField(message, &field);
}

}  // namespace

RequestParser::RequestParser(const Descriptor* request_type, size_t bytes_max)
    : request_type_(request_type), bytes_max_(bytes_max) {
  for (int i = 0; i < request_type->field_count(); ++i) {
    if (IsRequired(*request_type->field(i))) required_.push_back(request_type->field(i));
  }
}

absl::Status RequestParser::ParseBytes(const grpc::ByteBuffer& bytes, Message& request) const {
  if (!bytes.Valid()) return MalformedRequest("the call carries no message");
  if (bytes.Length() > bytes_max_) {
    return LimitExceeded("the request", static_cast<int64_t>(bytes_max_), "bytes");
  }
  // The reader only reads, but its constructor takes a mutable buffer.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  if (!reader.status().ok() || !request.ParseFromZeroCopyStream(&reader)) {
    return MalformedRequest(
        absl::StrCat("the bytes are no ", request_type_->full_name(), ", or a text in it is not valid UTF-8"));
  }
  return absl::OkStatus();
}

absl::Status RequestParser::Parse(const grpc::ByteBuffer& bytes, Message& request) const {
  if (absl::Status status = ParseBytes(bytes, request); !status.ok()) return status;
  if (std::string path = FindUnknownField(request); !path.empty()) {
    return UnknownField(path, request_type_->full_name());
  }
  FieldViolations violations;
  for (const FieldDescriptor* field : required_) {
    if (IsEmpty(request, *field)) violations.AddStatus("", MissingField(field->name()));
  }
  return violations.ToStatus();
}

std::string FindUnknownField(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  // Events are checked one by one by whoever records them: a bad event fails alone.
  if (message.GetDescriptor() == v1::CustomerEvent::descriptor()) return "";
  const google::protobuf::UnknownFieldSet& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) return absl::StrCat(unknown.field(0).number());
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      const std::string path = FindUnknownField(reflection.GetMessage(message, field));
      if (!path.empty()) return FieldPath(field->name(), path);
      continue;
    }
    const int count = reflection.FieldSize(message, field);
    for (int i = 0; i < count; ++i) {
      const std::string path = FindUnknownField(reflection.GetRepeatedMessage(message, field, i));
      if (!path.empty()) return FieldPath(FieldPath(field->name(), static_cast<size_t>(i)), path);
    }
  }
  return "";
}

void Serialize(const Message& message, grpc::ByteBuffer& bytes) {
  grpc::Slice slice(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  grpc::ByteBuffer made(&slice, 1);
  bytes.Swap(&made);
}

}  // namespace throughline::api
