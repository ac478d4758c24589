// The revisions of a journey map: list, roll back, compare.
#include <optional>

#include "absl/strings/numbers.h"
#include "services/api/field_mask.h"
#include "services/api/handlers.h"
#include "services/api/journey_map_resource.h"
#include "services/api/page_token.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "services/journey/diff.h"
#include "services/journey/validate.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/journey_map_service.pb.h"

namespace throughline::api {
namespace {

absl::StatusOr<Revision> ParseRevisionId(absl::string_view text, absl::string_view field) {
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 1) return InvalidField(field, "is no revision_id of a map");
  return Revision{value};
}

absl::StatusOr<v1::ListJourneyMapRevisionsResponse> ListJourneyMapRevisions(
    RequestContext& context, const v1::ListJourneyMapRevisionsRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName name, ParseJourneyMapName(request.name()));
  ASSIGN_OR_RETURN(const int page_size, EffectivePageSize(request.page_size()));
  Catalog& catalog = context.backend().catalog;
  Revision before;  // newest first, so that later changes do not disturb the pages
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(const PagePosition position, context.backend().page_tokens.Decode(request, request.page_token()));
    before = Revision{position.snapshot};
  } else {
    ASSIGN_OR_RETURN(const std::optional<Document> document, catalog.FindLatest(name.ToString()));
    if (!document.has_value()) return ResourceNotFound(name.ToString());
  }

  v1::ListJourneyMapRevisionsResponse response;
  size_t bytes = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<Document> history,
                     catalog.History(name.ToString(), before, limits::kListChunkCount));
    if (history.empty()) return response;
    for (const Document& document : history) {
      if (response.journey_maps_size() == page_size || bytes >= limits::kListBytesMax) {
        response.set_next_page_token(
            context.backend().page_tokens.Encode(request, {.snapshot = before.value, .after = name.ToString()}));
        return response;
      }
      ASSIGN_OR_RETURN(*response.add_journey_maps(), ToResource<v1::JourneyMap>(document));
      bytes += document.payload.size();
      before = document.revision;
    }
  }
}

absl::StatusOr<v1::JourneyMap> RollbackJourneyMap(RequestContext& context,
                                                  const v1::RollbackJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName parsed_name, ParseJourneyMapName(request.name()));
  const std::string name = parsed_name.ToString();
  ASSIGN_OR_RETURN(const Revision revision, ParseRevisionId(request.revision_id(), "revision_id"));
  ASSIGN_OR_RETURN(v1::JourneyMap map, ReadJourneyMapRevision(context.backend().catalog, name, revision));
  ClearServerFields(map);
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const Document document, FindForUpdate(transaction, name, request.etag()));
    ASSIGN_OR_RETURN(const auto current, document.Parse<v1::JourneyMap>());
    map.set_published_version(current.published_version());
    map.clear_publish_time();
    if (current.has_publish_time()) *map.mutable_publish_time() = current.publish_time();
    // What the earlier content refers to may be gone by now.
    RETURN_IF_ERROR(ValidateJourneyMap(map, ParentName(name), transaction));
    return PutAndShow(transaction, name, &document, map);
  };
  RETURN_IF_ERROR(context.backend().catalog.Write(write).status());
  return map;
}

absl::StatusOr<v1::DiffJourneyMapResponse> DiffJourneyMap(RequestContext& context,
                                                          const v1::DiffJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName parsed_name, ParseJourneyMapName(request.name()));
  const std::string name = parsed_name.ToString();
  Catalog& catalog = context.backend().catalog;
  ASSIGN_OR_RETURN(const Revision base, ParseRevisionId(request.base_revision_id(), "base_revision_id"));
  ASSIGN_OR_RETURN(const v1::JourneyMap before, ReadJourneyMapRevision(catalog, name, base));
  v1::JourneyMap after;
  if (request.revision_id().empty()) {
    ASSIGN_OR_RETURN(const std::optional<Document> document, catalog.FindLatest(name));
    if (!document.has_value()) return ResourceNotFound(name);
    ASSIGN_OR_RETURN(after, ToResource<v1::JourneyMap>(*document));
  } else {
    ASSIGN_OR_RETURN(const Revision later, ParseRevisionId(request.revision_id(), "revision_id"));
    ASSIGN_OR_RETURN(after, ReadJourneyMapRevision(catalog, name, later));
  }
  v1::DiffJourneyMapResponse response;
  for (v1::JourneyMapChange& change : DiffJourneyMaps(before, after)) *response.add_changes() = std::move(change);
  return response;
}

}  // namespace

void AddJourneyMapRevisionMethods(RpcService& service) {
  service.AddUnary("ListJourneyMapRevisions", &ListJourneyMapRevisions);
  service.AddUnary("RollbackJourneyMap", &RollbackJourneyMap);
  service.AddUnary("DiffJourneyMap", &DiffJourneyMap);
}

}  // namespace throughline::api
