// Journey maps from and to elsewhere: discovery from events, export and import as text.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/api/field_checks.h"
#include "services/api/field_mask.h"
#include "services/api/handlers.h"
#include "services/api/journey_map_resource.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "services/catalog/resource_document.h"
#include "services/journey/discover.h"
#include "services/journey/exchange.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"
#include "throughline/v1/journey_map_service.pb.h"

namespace throughline::api {
namespace {

absl::StatusOr<DiscoverOptions> MakeDiscoverOptions(const v1::DiscoverJourneyMapRequest& request) {
  DiscoverOptions options;
  options.workspace_name = request.parent();
  options.correlation_property = request.correlation_property();
  options.filter = request.filter();
  RETURN_IF_ERROR(CheckCorrelationProperty(request.correlation_property()));
  if (!request.display_name().empty()) options.display_name = request.display_name();
  if (CharacterCount(options.display_name) > limits::kDisplayNameLengthMax) {
    return InvalidField("display_name", absl::StrCat("is longer than ", limits::kDisplayNameLengthMax, " characters"));
  }
  options.touchpoint_count_max =
      request.touchpoint_count_max() == 0 ? limits::kDiscoverTouchpointCountDefault : request.touchpoint_count_max();
  if (options.touchpoint_count_max < 1 || options.touchpoint_count_max > limits::kDiscoverTouchpointCountMax) {
    return InvalidField("touchpoint_count_max",
                        absl::StrCat("must be 1 to ", limits::kDiscoverTouchpointCountMax, ", or 0 for the default"));
  }
  options.transition_share_min =
      request.has_transition_share_min() ? request.transition_share_min() : limits::kDiscoverTransitionShareMinDefault;
  // Written so that NaN fails.
  if (!(options.transition_share_min >= 0 && options.transition_share_min <= 1)) {
    return InvalidField("transition_share_min", "must be 0 to 1");
  }
  return options;
}

absl::StatusOr<v1::DiscoverJourneyMapResponse> DiscoverJourneyMap(RequestContext& context,
                                                                  const v1::DiscoverJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  ASSIGN_OR_RETURN(DiscoverOptions options, MakeDiscoverOptions(request));
  GraphQuery query;
  ASSIGN_OR_RETURN(query.scope.filter, Filter::ParseAndCheck(request.filter(), EventFilterFields()));
  query.run.correlation_property = request.correlation_property();
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), request.parent(), /*for_writing=*/false));
  ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read());
  ASSIGN_OR_RETURN(options.department_ids, ReadDepartmentIds(*reader, request.parent()));
  ASSIGN_OR_RETURN(const auto view, context.backend().events.View(workspace.workspace));
  ASSIGN_OR_RETURN(const Grouped<TransitionGraph> answer, view->Graph(query));
  const TransitionGraph& graph = answer.whole();

  v1::DiscoverJourneyMapResponse response;
  *response.mutable_journey_map() = throughline::DiscoverJourneyMap(graph, options);
  response.set_event_count(graph.events);
  response.set_instance_count(graph.runs);
  response.set_event_name_count(static_cast<int64_t>(graph.nodes.size()));
  response.set_transition_count(static_cast<int64_t>(graph.edges.size()));
  response.set_data_watermark(view->watermark().value);
  return response;
}

absl::StatusOr<v1::ExportJourneyMapResponse> ExportJourneyMap(RequestContext& context,
                                                              const v1::ExportJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const JourneyMapName name, ParseJourneyMapName(request.name()));
  ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read());
  ASSIGN_OR_RETURN(const std::optional<Document> document, reader->Find(name.ToString()));
  if (!document.has_value()) return ResourceNotFound(name.ToString());
  ASSIGN_OR_RETURN(const auto map, ToResource<v1::JourneyMap>(*document));
  ASSIGN_OR_RETURN(const auto departments, ReadDepartmentActors(*reader, MakeWorkspaceName(name.workspace)));
  v1::ExportJourneyMapResponse response;
  ASSIGN_OR_RETURN(*response.mutable_text(), throughline::ExportJourneyMap(map, request.format(), departments));
  return response;
}

// Everything that clients can set comes from `map`.
absl::Status ReplaceMap(RequestContext& context, const std::string& name, v1::JourneyMap& map) {
  const auto write = [&](WriteTransaction& transaction) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<Document> existing, transaction.Find(name));
    if (!existing.has_value()) return ResourceNotFound(name);
    ASSIGN_OR_RETURN(const Document document, FindForUpdate(transaction, name, ""));
    ASSIGN_OR_RETURN(auto before, document.Parse<v1::JourneyMap>());
    v1::JourneyMap after = before;
    google::protobuf::FieldMask everything;
    everything.add_paths("*");
    RETURN_IF_ERROR(ApplyUpdate(&everything, map, "", after));
    RETURN_IF_ERROR(JourneyMapType().prepare({transaction, name, JourneyMapType().field}, &before, after));
    RETURN_IF_ERROR(PutAndShow(transaction, name, &document, after));
    map = std::move(after);
    return absl::OkStatus();
  };
  return context.backend().catalog.Write(write).status();
}

absl::StatusOr<v1::JourneyMap> ImportJourneyMap(RequestContext& context, const v1::ImportJourneyMapRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  if (!request.journey_map_id().empty()) RETURN_IF_ERROR(ValidateJourneyMapId(request.journey_map_id()));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), request.parent(), /*for_writing=*/true));
  ASSIGN_OR_RETURN(const auto reader, context.backend().catalog.Read());
  ASSIGN_OR_RETURN(const auto departments, ReadDepartmentActors(*reader, request.parent()));
  ASSIGN_OR_RETURN(v1::JourneyMap map, throughline::ImportJourneyMap(request.text(), request.format(), departments));
  if (request.allow_replace() && !request.journey_map_id().empty()) {
    const absl::Status replaced =
        ReplaceMap(context, MakeJourneyMapName(workspace.workspace, request.journey_map_id()), map);
    if (replaced.ok()) return map;
    if (!absl::IsNotFound(replaced)) return replaced;
  }
  RETURN_IF_ERROR(CreateNamed(context, JourneyMapType(), request.parent(), request.journey_map_id(), map));
  return map;
}

}  // namespace

void AddJourneyMapExchangeMethods(RpcService& service) {
  service.AddUnary("DiscoverJourneyMap", &DiscoverJourneyMap);
  service.AddUnary("ExportJourneyMap", &ExportJourneyMap);
  service.AddUnary("ImportJourneyMap", &ImportJourneyMap);
}

}  // namespace throughline::api
