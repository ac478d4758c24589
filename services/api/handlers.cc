#include "services/api/handlers.h"

#include <utility>

#include "throughline/v1/analysis_service.pb.h"
#include "throughline/v1/customer_service.pb.h"
#include "throughline/v1/event_service.pb.h"
#include "throughline/v1/journey_map_service.pb.h"
#include "throughline/v1/metric_service.pb.h"
#include "throughline/v1/persona_service.pb.h"
#include "throughline/v1/segment_service.pb.h"
#include "throughline/v1/workspace_service.pb.h"

namespace throughline::api {

std::vector<std::unique_ptr<RpcService>> MakeServices(const Backend& backend, StreamDrain& drain) {
  std::vector<std::unique_ptr<RpcService>> services;
  // Each file has one service.
  const auto add = [&](const google::protobuf::FileDescriptor* file) -> RpcService& {
    services.push_back(std::make_unique<RpcService>(file->service(0), backend));
    return *services.back();
  };
  RpcService& workspaces = add(v1::GetWorkspaceRequest::descriptor()->file());
  AddWorkspaceMethods(workspaces);
  AddDepartmentMethods(workspaces);
  AddLifecycleStageMethods(workspaces);
  AddPersonaMethods(add(v1::GetPersonaRequest::descriptor()->file()));
  AddSegmentMethods(add(v1::GetSegmentRequest::descriptor()->file()));
  RpcService& maps = add(v1::GetJourneyMapRequest::descriptor()->file());
  AddJourneyMapMethods(maps);
  AddJourneyMapRevisionMethods(maps);
  AddJourneyMapExchangeMethods(maps);
  AddEventMethods(add(v1::RecordEventsRequest::descriptor()->file()), drain);
  AddCustomerMethods(add(v1::GetCustomerRequest::descriptor()->file()));
  RpcService& metrics = add(v1::GetMetricValueRequest::descriptor()->file());
  AddMetricDefinitionMethods(metrics);
  AddMetricAttachmentMethods(metrics);
  AddMetricValueMethods(metrics);
  RpcService& analysis = add(v1::QueryFunnelRequest::descriptor()->file());
  AddAnalysisFunnelMethods(analysis);
  AddAnalysisPathMethods(analysis);
  AddAnalysisTimeMethods(analysis);
  AddAnalysisCountMethods(analysis);
  AddAnalysisMoneyMethods(analysis);
  AddAnalysisCellMethods(analysis);
  AddAnalysisWayMethods(analysis);
  AddAnalysisConformanceMethods(analysis);
  AddAnalysisDriverMethods(analysis);
  AddAnalysisValueMethods(analysis);
  AddAnalysisSurvivalMethods(analysis);
  AddAnalysisAttributionMethods(analysis);
  return services;
}

}  // namespace throughline::api
