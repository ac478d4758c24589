// Journey maps: the standard methods, reading of earlier revisions, and publishing.
#include "services/api/journey_map_resource.h"

#include <memory>
#include <optional>

#include "services/api/handlers.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "services/journey/publish.h"
#include "services/journey/validate.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/journey_map_service.pb.h"

namespace throughline::api {
namespace {

absl::Status PrepareJourneyMap(const Preparation& preparation, const v1::JourneyMap*, v1::JourneyMap& map) {
  return ValidateJourneyMap(map, ParentName(preparation.name), preparation.transaction);
}

absl::StatusOr<Document> GetJourneyMap(RequestContext& context, const v1::GetJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapRevisionName name, ParseJourneyMapRevisionName(request.name()));
  if (request.read_revision() < 0) return InvalidField("read_revision", "must not be negative");
  if (name.revision.value != 0 && request.read_revision() != 0) {
    return InvalidField("read_revision", "cannot stand beside a name with a revision");
  }
  const Revision revision{name.revision.value + request.read_revision()};
  const std::string map_name = name.journey_map.ToString();
  std::optional<Document> document;
  if (revision.value == 0) {
    ASSIGN_OR_RETURN(document, context.backend().catalog.FindLatest(map_name));
  } else {
    ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read(revision));
    ASSIGN_OR_RETURN(document, reader->Find(map_name));
  }
  if (!document.has_value()) return ResourceNotFound(map_name);
  return *std::move(document);
}

absl::StatusOr<v1::JourneyMap> PublishJourneyMap(RequestContext& context, const v1::PublishJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName name, ParseJourneyMapName(request.name()));
  v1::JourneyMap published;
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(FindForUpdate(transaction, name.ToString(), request.etag()).status());
    ASSIGN_OR_RETURN(published, throughline::PublishJourneyMap(transaction, name.ToString(), request.etag()));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(context.backend().catalog.Write(write).status());
  return published;
}

absl::StatusOr<Document> GetJourneyMapVersion(RequestContext& context, const v1::GetJourneyMapVersionRequest& request) {
  RETURN_IF_ERROR(ParseJourneyMapVersionName(request.name()).status());
  ASSIGN_OR_RETURN(std::optional<Document> document, context.backend().catalog.FindLatest(request.name()));
  if (!document.has_value()) return ResourceNotFound(request.name());
  return *std::move(document);
}

}  // namespace

const ResourceType& JourneyMapType() {
  static const ResourceType* const type = new ResourceType(MakeResourceType(&PrepareJourneyMap));
  return *type;
}

absl::StatusOr<v1::JourneyMap> ReadJourneyMapRevision(Catalog& catalog, absl::string_view map_name, Revision revision) {
  ASSIGN_OR_RETURN(const std::vector<Document> history,
                   catalog.History(map_name, Revision{revision.value + 1}, /*limit=*/1));
  if (history.empty() || history.front().revision != revision) {
    return RevisionNotFound(map_name, MakeEtag(revision));
  }
  return ToResource<v1::JourneyMap>(history.front());
}

void AddJourneyMapMethods(RpcService& service) {
  service.AddDocumentRead("GetJourneyMap", &GetJourneyMap, {.run = Run::kInline});
  AddStandardMethodsButGet(service, JourneyMapType(), "JourneyMaps");
  service.AddUnary("PublishJourneyMap", &PublishJourneyMap);
  service.AddDocumentRead("GetJourneyMapVersion", &GetJourneyMapVersion, {.run = Run::kInline});
}

}  // namespace throughline::api
