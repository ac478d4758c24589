#include "absl/strings/str_cat.h"
#include "throughline/catalog.h"

namespace throughline {

absl::Status Document::CheckType(const google::protobuf::Descriptor& descriptor) const {
  if (type == descriptor.full_name()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(name, " holds a ", type, ", not a ", descriptor.full_name()));
}

absl::Status Document::ParseTo(google::protobuf::Message& message) const {
  if (absl::Status status = CheckType(*message.GetDescriptor()); !status.ok()) return status;
  if (!message.ParseFromString(payload)) {
    return absl::InternalError(absl::StrCat(name, ": the stored ", type, " does not parse"));
  }
  return absl::OkStatus();
}

}  // namespace throughline
