#include "services/api/resource_methods.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/api/resource.pb.h"
#include "services/api/field_mask.h"
#include "services/api/message_filter.h"
#include "services/api/page_token.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;

const FieldDescriptor& Field(const Message& message, absl::string_view name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  // A request without a standard field is a mistake in our protos, which the descriptor test finds.
  if (field == nullptr) std::abort();
  return *field;
}

// Empty, 0 and false where the request has no such field.
std::string GetString(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? "" : message.GetReflection()->GetString(message, field);
}
bool GetBool(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && message.GetReflection()->GetBool(message, field);
}
int64_t GetInt64(const Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  return field == nullptr ? 0 : message.GetReflection()->GetInt64(message, field);
}
const Message& GetMessage(const Message& message, absl::string_view name) {
  return message.GetReflection()->GetMessage(message, &Field(message, name));
}

bool MatchesPattern(absl::string_view name, absl::string_view pattern) {
  const std::vector<absl::string_view> segments = absl::StrSplit(name, '/');
  const std::vector<absl::string_view> wanted = absl::StrSplit(pattern, '/');
  if (segments.size() != wanted.size()) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool is_variable = absl::StartsWith(wanted[i], "{");
    if (is_variable ? !IsResourceId(segments[i]) : segments[i] != wanted[i]) return false;
  }
  return true;
}

// The document as the client sees it.
absl::Status Show(const Document& document, Message& response) {
  RETURN_IF_ERROR(document.ParseTo(response));
  SetDerivedFields(document, response);
  return absl::OkStatus();
}

absl::Status CheckEtag(const Document& document, absl::string_view etag) {
  const std::string current = MakeEtag(document.revision);
  if (!etag.empty() && etag != current) return StaleEtag(document.name, etag, current);
  return absl::OkStatus();
}

// Runs the type's checks; the paths in their errors become paths of the request.
absl::Status RunPrepare(const ResourceType& type, WriteTransaction& transaction, absl::string_view name,
                        const Message* before, Message& after) {
  absl::Status status = type.prepare({transaction, name, type.field}, before, after);
  return status.ok() ? status : WithFieldPrefix(type.field, status);
}

struct ListState {
  int page_size = 0;
  Revision revision;
  std::string after_name;
};

absl::StatusOr<ListState> BeginList(RequestContext& context, const Message& request) {
  ListState state;
  ASSIGN_OR_RETURN(state.page_size,
                   EffectivePageSize(request.GetReflection()->GetInt32(request, &Field(request, "page_size"))));
  const int64_t read_revision = GetInt64(request, "read_revision");
  if (read_revision < 0) return InvalidField("read_revision", "must not be negative");
  state.revision = Revision{read_revision};
  const std::string token = GetString(request, "page_token");
  if (!token.empty()) {
    ASSIGN_OR_RETURN(PagePosition position, context.backend().page_tokens.Decode(request, token));
    state.revision = Revision{position.snapshot};
    state.after_name = std::move(position.after);
  }
  return state;
}

void SetNextPageToken(Message& response, std::string token) {
  response.GetReflection()->SetString(&response, &Field(response, "next_page_token"), std::move(token));
}

// The field of a list's response that holds the page.
const FieldDescriptor& PageField(const Message& response) {
  const Descriptor& descriptor = *response.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.is_repeated() && field.message_type() != nullptr) return field;
  }
  std::abort();  // see Field
}

}  // namespace

ResourceType::ResourceType(const Descriptor* descriptor_in, Prepare prepare_in)
    : descriptor(descriptor_in),
      field([&] {
        const std::string& pattern = descriptor_in->options().GetExtension(google::api::resource).pattern(0);
        const size_t open = pattern.rfind('{');
        return pattern.substr(open + 1, pattern.size() - open - 2);
      }()),
      prepare(std::move(prepare_in)),
      pattern_(descriptor_in->options().GetExtension(google::api::resource).pattern(0)) {
  std::vector<std::string> segments = absl::StrSplit(pattern_, '/');
  collection_id_ = segments[segments.size() - 2];
  parent_pattern_ = std::string(ParentName(pattern_));
}

absl::Status ResourceType::CheckName(absl::string_view name, absl::string_view field_path) const {
  return MatchesPattern(name, pattern_) ? absl::OkStatus() : InvalidResourceName(field_path, name, pattern_);
}

absl::Status ResourceType::CheckParentName(absl::string_view parent, absl::string_view field_path) const {
  if (parent_pattern_.empty() || MatchesPattern(parent, parent_pattern_)) return absl::OkStatus();
  return InvalidResourceName(field_path, parent, parent_pattern_);
}

std::string ResourceType::Collection(absl::string_view parent) const {
  return parent.empty() ? collection_id_ : absl::StrCat(parent, "/", collection_id_);
}

absl::StatusOr<Document> GetResource(RequestContext& context, const ResourceType& type, const Message& request) {
  const std::string name = GetString(request, "name");
  RETURN_IF_ERROR(type.CheckName(name, "name"));
  ASSIGN_OR_RETURN(std::optional<Document> document, context.backend().catalog.FindLatest(name));
  if (!document.has_value()) return ResourceNotFound(name);
  return *std::move(document);
}

absl::Status ListResources(RequestContext& context, const ResourceType& type, const Message& request,
                           Message& response) {
  const std::string parent = GetString(request, "parent");
  RETURN_IF_ERROR(type.CheckParentName(parent));
  ASSIGN_OR_RETURN(ListState state, BeginList(context, request));
  ASSIGN_OR_RETURN(const MessageFilter filter, MessageFilter::Make(GetString(request, "filter"), *type.descriptor));
  ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader, context.backend().catalog.Read(state.revision));
  if (!parent.empty()) {
    ASSIGN_OR_RETURN(const std::optional<Document> holder, reader->Find(parent));
    if (!holder.has_value()) return ResourceNotFound(parent);
  }

  const FieldDescriptor& page_field = PageField(response);
  ListOptions options{
      .collection = type.Collection(parent),
      .after_name = state.after_name,
      .limit = filter.empty() ? std::min(state.page_size + 1, limits::kListChunkCount) : limits::kListChunkCount,
      .include_deleted = GetBool(request, "show_deleted")};
  int shown = 0;
  int scanned = 0;
  size_t bytes = 0;
  bool more = true;
  while (more) {
    RETURN_IF_ERROR(context.CheckAlive());
    ASSIGN_OR_RETURN(const std::vector<Document> documents, reader->List(options));
    more = documents.size() == static_cast<size_t>(options.limit);
    for (size_t i = 0; i < documents.size(); ++i) {
      const Document& document = documents[i];
      // A page ends early rather than outgrowing a message, or scanning for longer than anybody waits; it then has a
      // next one, even when it is empty.
      if (shown == state.page_size || bytes >= limits::kListBytesMax || scanned == limits::kListScanCountMax) {
        SetNextPageToken(response, context.backend().page_tokens.Encode(
                                       request, {.snapshot = reader->revision().value, .after = options.after_name}));
        return absl::OkStatus();
      }
      Message& item = *response.GetReflection()->AddMessage(&response, &page_field);
      RETURN_IF_ERROR(Show(document, item));
      ++scanned;
      options.after_name = document.name;
      if (!filter.Matches(item)) {
        response.GetReflection()->RemoveLast(&response, &page_field);
        continue;
      }
      ++shown;
      bytes += document.payload.size();
    }
  }
  return absl::OkStatus();
}

absl::Status CreateResource(RequestContext& context, const ResourceType& type, const Message& request,
                            Message& response) {
  const std::string parent = GetString(request, "parent");
  RETURN_IF_ERROR(type.CheckParentName(parent));
  const std::string id_field = absl::StrCat(type.field, "_id");
  const std::string id = GetString(request, id_field.c_str());
  if (!id.empty()) RETURN_IF_ERROR(ValidateResourceId(id, id_field));
  response.CopyFrom(GetMessage(request, type.field));
  return CreateNamed(context, type, parent, id, response);
}

absl::Status CreateNamed(RequestContext& context, const ResourceType& type, absl::string_view parent,
                         absl::string_view id, Message& resource) {
  const std::string name =
      absl::StrCat(type.Collection(parent), "/", id.empty() ? context.backend().ids.NewResourceId() : std::string(id));
  ClearServerFields(resource);
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(CheckAncestorsLive(transaction, name));
    ASSIGN_OR_RETURN(const std::optional<Document> existing, transaction.Find(name));
    if (existing.has_value()) return ResourceAlreadyExists(name);
    RETURN_IF_ERROR(RunPrepare(type, transaction, name, nullptr, resource));
    return PutAndShow(transaction, name, nullptr, resource);
  };
  return context.backend().catalog.Write(write).status();
}

absl::Status UpdateResource(RequestContext& context, const ResourceType& type, const Message& request,
                            Message& response) {
  const Message& update = GetMessage(request, type.field);
  const std::string name = GetString(update, "name");
  RETURN_IF_ERROR(type.CheckName(name, FieldPath(type.field, "name")));
  const FieldDescriptor& mask_field = Field(request, "update_mask");
  const FieldMask* mask =
      request.GetReflection()->HasField(request, &mask_field)
          ? static_cast<const FieldMask*>(&request.GetReflection()->GetMessage(request, &mask_field))
          : nullptr;
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Document document, FindForUpdate(transaction, name, GetString(update, "etag")));
    std::unique_ptr<Message> before(update.New());
    RETURN_IF_ERROR(document.ParseTo(*before));
    response.CopyFrom(*before);
    RETURN_IF_ERROR(ApplyUpdate(mask, update, type.field, response));
    RETURN_IF_ERROR(RunPrepare(type, transaction, name, before.get(), response));
    return PutAndShow(transaction, name, &document, response);
  };
  return context.backend().catalog.Write(write).status();
}

absl::Status DeleteResource(RequestContext& context, const ResourceType& type, const Message& request,
                            Message& response) {
  const std::string name = GetString(request, "name");
  RETURN_IF_ERROR(type.CheckName(name, "name"));
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<Document> document, transaction.Find(name));
    if (!document.has_value() || document->deleted()) return ResourceNotFound(name);
    RETURN_IF_ERROR(CheckAncestorsLive(transaction, name));
    RETURN_IF_ERROR(CheckEtag(*document, GetString(request, "etag")));
    RETURN_IF_ERROR(transaction.Delete(name));
    ASSIGN_OR_RETURN(document, transaction.Find(name));
    return Show(*document, response);
  };
  return context.backend().catalog.Write(write).status();
}

absl::Status UndeleteResource(RequestContext& context, const ResourceType& type, const Message& request,
                              Message& response) {
  const std::string name = GetString(request, "name");
  RETURN_IF_ERROR(type.CheckName(name, "name"));
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(std::optional<Document> document, transaction.Find(name));
    if (!document.has_value()) return ResourceNotFound(name);
    if (!document->deleted()) return ResourceNotDeleted(name);
    RETURN_IF_ERROR(CheckEtag(*document, GetString(request, "etag")));
    RETURN_IF_ERROR(CheckAncestorsLive(transaction, name));
    RETURN_IF_ERROR(transaction.Undelete(name));
    // What it refers to, or shares a unique number with, may have changed while it was away.
    std::unique_ptr<Message> before(response.New());
    RETURN_IF_ERROR(document->ParseTo(*before));
    response.CopyFrom(*before);
    RETURN_IF_ERROR(RunPrepare(type, transaction, name, before.get(), response));
    ASSIGN_OR_RETURN(document, transaction.Find(name));
    return Show(*document, response);
  };
  return context.backend().catalog.Write(write).status();
}

void AddStandardMethods(RpcService& service, const ResourceType& type, absl::string_view plural) {
  const auto get = [&type](RequestContext& context, const Message& request) {
    return GetResource(context, type, request);
  };
  service.AddDocumentReadByReflection(absl::StrCat("Get", type.descriptor->name()), get, {.run = Run::kInline});
  AddStandardMethodsButGet(service, type, plural);
}

void AddStandardMethodsButGet(RpcService& service, const ResourceType& type, absl::string_view plural) {
  const auto add = [&](absl::string_view verb, absl::string_view noun, auto method) {
    service.AddUnaryByReflection(absl::StrCat(verb, noun),
                                 [&type, method](RequestContext& context, const Message& request, Message& response) {
                                   return method(context, type, request, response);
                                 });
  };
  const std::string& singular = type.descriptor->name();
  add("List", plural, &ListResources);
  add("Create", singular, &CreateResource);
  add("Update", singular, &UpdateResource);
  add("Delete", singular, &DeleteResource);
  add("Undelete", singular, &UndeleteResource);
}

absl::Status CheckAncestorsLive(CatalogReader& reader, absl::string_view name) {
  for (absl::string_view holder = ParentName(name); !holder.empty(); holder = ParentName(holder)) {
    ASSIGN_OR_RETURN(const std::optional<Document> document, reader.Find(holder));
    if (!document.has_value()) return ResourceNotFound(holder);
    if (document->deleted()) return ResourceDeleted(holder);
  }
  return absl::OkStatus();
}

absl::StatusOr<Document> FindForUpdate(WriteTransaction& transaction, absl::string_view name, absl::string_view etag) {
  ASSIGN_OR_RETURN(std::optional<Document> document, transaction.Find(name));
  if (!document.has_value()) return ResourceNotFound(name);
  if (document->deleted()) return ResourceDeleted(name);
  RETURN_IF_ERROR(CheckAncestorsLive(transaction, name));
  RETURN_IF_ERROR(CheckEtag(*document, etag));
  return *std::move(document);
}

absl::Status PutAndShow(WriteTransaction& transaction, absl::string_view name, const Document* before,
                        Message& resource) {
  ClearDerivedFields(resource);
  resource.GetReflection()->SetString(&resource, &Field(resource, "name"), std::string(name));
  const std::string payload = resource.SerializeAsString();
  if (payload.size() > limits::kDocumentBytesMax) {
    return InvalidField("", absl::StrCat("the resource has ", payload.size(), " bytes; at most ",
                                         limits::kDocumentBytesMax, " can be stored"));
  }
  // Saying again what is stored makes no revision, so that a repeated request leaves the etag as it is.
  if (before != nullptr && before->payload == payload) {
    SetDerivedFields(*before, resource);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(transaction.Put(name, resource));
  ASSIGN_OR_RETURN(const std::optional<Document> stored, transaction.Find(name));
  SetDerivedFields(*stored, resource);
  return absl::OkStatus();
}

absl::Status CheckWorkspace(const Backend& backend, absl::string_view workspace_name, bool for_writing) {
  ASSIGN_OR_RETURN(const std::optional<Document> document, backend.catalog.FindLatest(workspace_name));
  if (!document.has_value()) return ResourceNotFound(workspace_name);
  if (document->deleted() && for_writing) return ResourceDeleted(workspace_name);
  return absl::OkStatus();
}

absl::Status CheckReference(const Preparation& preparation, absl::string_view field, absl::string_view reference) {
  if (reference.empty()) return absl::OkStatus();
  if (WorkspaceNameOf(reference) != WorkspaceNameOf(preparation.name)) {
    return InvalidField(field, "names a resource of another workspace");
  }
  ASSIGN_OR_RETURN(const std::optional<Document> document, preparation.transaction.Find(reference));
  if (!document.has_value() || document->deleted()) return ReferenceNotFound(field, reference);
  return absl::OkStatus();
}

absl::StatusOr<int> EffectivePageSize(int page_size) {
  if (page_size < 0) return InvalidPageSize(page_size);
  return page_size == 0 ? limits::kPageSizeDefault : std::min(page_size, limits::kPageSizeMax);
}

}  // namespace throughline::api
