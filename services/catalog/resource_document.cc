#include "services/catalog/resource_document.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/timestamp.pb.h"

namespace throughline {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

constexpr const char* kDerivedFields[] = {"etag", "revision_id", "create_time", "update_time", "delete_time"};

void SetString(const char* field_name, const std::string& value, Message& resource) {
  const FieldDescriptor* field = resource.GetDescriptor()->FindFieldByName(field_name);
  if (field == nullptr || field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  resource.GetReflection()->SetString(&resource, field, value);
}

void SetTime(const char* field_name, absl::Time time, Message& resource) {
  const FieldDescriptor* field = resource.GetDescriptor()->FindFieldByName(field_name);
  if (field == nullptr || field->is_repeated() || field->message_type() != Timestamp::descriptor()) return;
  // The field's class is the generated Timestamp: every resource is a generated message.
  auto* timestamp = static_cast<Timestamp*>(resource.GetReflection()->MutableMessage(&resource, field));
  const int64_t seconds = absl::ToUnixSeconds(time);  // floors, so that the nanoseconds are never negative
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace

std::string MakeEtag(Revision revision) { return absl::StrCat(revision.value); }

void ClearDerivedFields(Message& resource) {
  for (const char* field_name : kDerivedFields) {
    const FieldDescriptor* field = resource.GetDescriptor()->FindFieldByName(field_name);
    if (field != nullptr) resource.GetReflection()->ClearField(&resource, field);
  }
}

void SetDerivedFields(const Document& document, Message& resource) {
  const std::string revision = MakeEtag(document.revision);
  SetString("name", document.name, resource);
  SetString("etag", revision, resource);
  SetString("revision_id", revision, resource);
  SetTime("create_time", document.create_time, resource);
  SetTime("update_time", document.update_time, resource);
  if (document.delete_time.has_value()) SetTime("delete_time", *document.delete_time, resource);
}

}  // namespace throughline
