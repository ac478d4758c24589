// Between an API resource and its catalog document. What the document itself knows (name, etag, times, revision) is not
// stored in the payload, and is filled in on the way out.
// Stateless; any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "throughline/catalog.h"

namespace throughline {

// The etag of a resource: its document's revision as a decimal number.
std::string MakeEtag(Revision revision);

// Clears etag, revision_id, create_time, update_time and delete_time of `resource`, where it has these fields. Messages
// inside it keep theirs: they are part of what was said, such as the map inside a published version.
void ClearDerivedFields(google::protobuf::Message& resource);

// Sets name, etag, revision_id, create_time, update_time and delete_time from the document, where `resource` has these
// fields.
void SetDerivedFields(const Document& document, google::protobuf::Message& resource);

// The document's resource as it is shown to clients. INTERNAL as Document::ParseTo.
template <typename T>
absl::StatusOr<T> ToResource(const Document& document) {
  T resource;
  if (absl::Status status = document.ParseTo(resource); !status.ok()) return status;
  SetDerivedFields(document, resource);
  return resource;
}

}  // namespace throughline
