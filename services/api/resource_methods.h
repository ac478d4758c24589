// The standard methods (AIP-131 to 135 and 164) of any resource, by reflection over its requests: Get, List, Create,
// Update, Delete, Undelete. What a resource adds to them is a ResourceType.
// Stateless functions; any thread.
//
// Requests follow the AIP rules (tests/protocol/aip checks the protos), so their fields are found by name: `name`,
// `parent`, `{resource}`, `{resource}_id`, `update_mask`, `etag`, `page_size`, `page_token`, `filter`, `show_deleted`,
// `read_revision`.
//
// Codes, beside those of the catalog and of ResourceType::prepare: INVALID_ARGUMENT (INVALID_RESOURCE_NAME,
// INVALID_RESOURCE_ID, INVALID_FIELD_MASK, INVALID_FILTER, INVALID_PAGE_TOKEN, INVALID_FIELD); NOT_FOUND for a resource
// or parent that is absent; ALREADY_EXISTS; FAILED_PRECONDITION (RESOURCE_DELETED) for writing what is deleted, or
// below what is; ABORTED (STALE_ETAG).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "services/api/request_context.h"
#include "services/api/rpc_service.h"
#include "throughline/catalog.h"

namespace throughline::api {

// What is being created, updated or undeleted, inside its write transaction.
struct Preparation {
  WriteTransaction& transaction;
  absl::string_view name;
  // The field of the request that holds the resource, for messages: "persona".
  absl::string_view field;
};

struct ResourceType {
  // Completes and checks `after` before it is stored: defaults, limits, references, unique fields. `before` is null
  // when the resource is created, and equal to `after` when it is undeleted. Field paths in its errors are relative to
  // the resource.
  using Prepare = std::function<absl::Status(const Preparation&, const google::protobuf::Message* before,
                                             google::protobuf::Message& after)>;

  ResourceType(const google::protobuf::Descriptor* descriptor, Prepare prepare);

  // INVALID_ARGUMENT (INVALID_RESOURCE_NAME) if `name` is not one of this type.
  absl::Status CheckName(absl::string_view name, absl::string_view field) const;
  // The same for the name of what holds it; always OK for resources that nothing holds.
  absl::Status CheckParentName(absl::string_view parent, absl::string_view field = "parent") const;
  // "workspaces/w/personas", of the parent "workspaces/w".
  std::string Collection(absl::string_view parent) const;
  const std::string& pattern() const { return pattern_; }

  const google::protobuf::Descriptor* const descriptor;
  const std::string field;  // "journey_map"
  const Prepare prepare;

 private:
  std::string pattern_;         // "workspaces/{workspace}/personas/{persona}"
  std::string parent_pattern_;  // empty: nothing holds it
  std::string collection_id_;   // "personas"
};

// A ResourceType::Prepare from a function of the resource's own type.
template <typename T>
ResourceType MakeResourceType(absl::Status (*prepare)(const Preparation&, const T* before, T& after)) {
  return ResourceType(T::descriptor(),
                      [prepare](const Preparation& preparation, const google::protobuf::Message* before,
                                google::protobuf::Message& after) {
                        return prepare(preparation, static_cast<const T*>(before), static_cast<T&>(after));
                      });
}

absl::StatusOr<Document> GetResource(RequestContext& context, const ResourceType& type,
                                     const google::protobuf::Message& request);
absl::Status ListResources(RequestContext& context, const ResourceType& type, const google::protobuf::Message& request,
                           google::protobuf::Message& response);
absl::Status CreateResource(RequestContext& context, const ResourceType& type, const google::protobuf::Message& request,
                            google::protobuf::Message& response);
absl::Status UpdateResource(RequestContext& context, const ResourceType& type, const google::protobuf::Message& request,
                            google::protobuf::Message& response);
absl::Status DeleteResource(RequestContext& context, const ResourceType& type, const google::protobuf::Message& request,
                            google::protobuf::Message& response);
absl::Status UndeleteResource(RequestContext& context, const ResourceType& type,
                              const google::protobuf::Message& request, google::protobuf::Message& response);

// Registers the six. `plural` is the resource's name in ListPersonas. The type outlives the service.
void AddStandardMethods(RpcService& service, const ResourceType& type, absl::string_view plural);
// All but Get, for a resource that has a Get of its own.
void AddStandardMethodsButGet(RpcService& service, const ResourceType& type, absl::string_view plural);

// ---- What other handlers share --------------------------------------------------------------------------------------

// The living document of `name`, in a write transaction that is about to change it. NOT_FOUND; FAILED_PRECONDITION
// (RESOURCE_DELETED) if it, or what holds it, is deleted; ABORTED unless `etag` is empty or the current one.
absl::StatusOr<Document> FindForUpdate(WriteTransaction& transaction, absl::string_view name, absl::string_view etag);
// NOT_FOUND or FAILED_PRECONDITION unless every resource that holds `name` lives.
absl::Status CheckAncestorsLive(CatalogReader& reader, absl::string_view name);
// Stores `resource` under `name` unless it says what is stored already; `resource` then shows what is stored, with the
// fields that its document knows set. INVALID_ARGUMENT if it is too large.
absl::Status PutAndShow(WriteTransaction& transaction, absl::string_view name, const Document* before,
                        google::protobuf::Message& resource);
// Creates a resource: the core of Create, also for handlers that make one from something else. `id` empty: chosen here.
absl::Status CreateNamed(RequestContext& context, const ResourceType& type, absl::string_view parent,
                         absl::string_view id, google::protobuf::Message& resource);

// NOT_FOUND unless the workspace exists, FAILED_PRECONDITION (RESOURCE_DELETED) if it is deleted and `for_writing`.
absl::Status CheckWorkspace(const Backend& backend, absl::string_view workspace_name, bool for_writing);

// FAILED_PRECONDITION (REFERENCE_NOT_FOUND) unless `reference`, a name that `field` holds, is empty or names a living
// resource of the same workspace.
absl::Status CheckReference(const Preparation& preparation, absl::string_view field, absl::string_view reference);

// The page size to use: the default for 0, at most the maximum. INVALID_ARGUMENT if it is negative.
absl::StatusOr<int> EffectivePageSize(int page_size);

}  // namespace throughline::api
