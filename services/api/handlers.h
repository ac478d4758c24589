// The services of throughline.v1, complete: every method of every service descriptor with its handler.
// The functions are called once, by the server that is being built.
#pragma once

#include <memory>
#include <vector>

#include "services/api/rpc_service.h"

namespace throughline::api {

class StreamDrain;

// One file each: the methods of one resource, added to the service that holds them.
void AddWorkspaceMethods(RpcService& service);
void AddDepartmentMethods(RpcService& service);
void AddLifecycleStageMethods(RpcService& service);
void AddPersonaMethods(RpcService& service);
void AddSegmentMethods(RpcService& service);
void AddJourneyMapMethods(RpcService& service);
void AddJourneyMapRevisionMethods(RpcService& service);
void AddJourneyMapExchangeMethods(RpcService& service);
void AddMetricDefinitionMethods(RpcService& service);
void AddMetricAttachmentMethods(RpcService& service);
void AddMetricValueMethods(RpcService& service);
void AddEventMethods(RpcService& service, StreamDrain& drain);
void AddCustomerMethods(RpcService& service);
void AddAnalysisFunnelMethods(RpcService& service);
void AddAnalysisPathMethods(RpcService& service);
void AddAnalysisTimeMethods(RpcService& service);
void AddAnalysisCountMethods(RpcService& service);
void AddAnalysisMoneyMethods(RpcService& service);
void AddAnalysisCellMethods(RpcService& service);
void AddAnalysisWayMethods(RpcService& service);
void AddAnalysisConformanceMethods(RpcService& service);
void AddAnalysisDriverMethods(RpcService& service);
void AddAnalysisValueMethods(RpcService& service);
void AddAnalysisSurvivalMethods(RpcService& service);
void AddAnalysisAttributionMethods(RpcService& service);

// The backend and the drain list outlive the services.
std::vector<std::unique_ptr<RpcService>> MakeServices(const Backend& backend, StreamDrain& drain);

}  // namespace throughline::api
