#include "absl/strings/str_cat.h"
#include "throughline/catalog.h"

namespace throughline {

absl::Status Document::ParseTo(google::protobuf::Message& message) const {
  if (type != message.GetDescriptor()->full_name()) {
    return absl::InternalError(
        absl::StrCat(name, " holds a ", type, ", not a ", message.GetDescriptor()->full_name()));
  }
  if (!message.ParseFromString(payload)) {
    return absl::InternalError(absl::StrCat(name, ": the stored ", type, " does not parse"));
  }
  return absl::OkStatus();
}

}  // namespace throughline
