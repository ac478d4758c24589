// Events: recording and statistics. The stream is in stream_events.h.
#include <algorithm>
#include <memory>
#include <utility>

#include "services/api/event_batch.h"
#include "services/api/field_checks.h"
#include "services/api/handlers.h"
#include "services/api/resource_methods.h"
#include "services/api/stream_events.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/event_service.pb.h"

namespace throughline::api {
namespace {

absl::StatusOr<v1::RecordEventsResponse> RecordEvents(RequestContext& context, const v1::RecordEventsRequest& request) {
  ASSIGN_OR_RETURN(const WorkspaceName workspace, ParseWorkspaceName(request.parent(), "parent"));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), request.parent(), /*for_writing=*/true));
  EventBatch batch;
  RETURN_IF_ERROR(batch.Prepare(request.events(), context.now()));
  if (!batch.good().empty()) {
    ASSIGN_OR_RETURN(const AppendResult result,
                     context.backend().events.AppendAndWait(workspace.workspace, batch.good()));
    batch.SetResult(result);
  }
  v1::RecordEventsResponse response;
  batch.AddAll(*response.mutable_results());
  response.set_recorded_count(batch.recorded_count());
  response.set_duplicate_count(batch.duplicate_count());
  response.set_rejected_count(request.events_size() - batch.recorded_count() - batch.duplicate_count());
  return response;
}

absl::StatusOr<v1::EventStatistics> GetEventStatistics(RequestContext& context,
                                                       const v1::GetEventStatisticsRequest& request) {
  ASSIGN_OR_RETURN(const EventStatisticsName name, ParseEventStatisticsName(request.name()));
  RETURN_IF_ERROR(CheckWorkspace(context.backend(), MakeWorkspaceName(name.workspace), /*for_writing=*/false));
  ASSIGN_OR_RETURN(const auto view, context.backend().events.View(name.workspace));
  const EventStatistics statistics = view->Statistics();
  v1::EventStatistics response;
  response.set_name(name.ToString());
  response.set_event_count(statistics.events);
  response.set_customer_count(statistics.customers);
  if (statistics.events > 0) {
    *response.mutable_first_event_time() = ToTimestamp(statistics.first_event_time);
    *response.mutable_last_event_time() = ToTimestamp(statistics.last_event_time);
  }
  response.set_data_watermark(view->watermark().value);
  const size_t name_count =
      std::min(statistics.event_names.size(), static_cast<size_t>(limits::kEventNameListCountMax));
  for (size_t i = 0; i < name_count; ++i) {
    v1::EventNameCount& count = *response.add_event_names();
    count.set_event_name(statistics.event_names[i].event_name);
    count.set_event_count(statistics.event_names[i].events);
  }
  return response;
}

}  // namespace

void AddEventMethods(RpcService& service, StreamDrain& drain) {
  service.AddUnary("RecordEvents", &RecordEvents, {.request_bytes_max = limits::kEventBatchBytesMax});
  service.AddUnary("GetEventStatistics", &GetEventStatistics);
  const auto parser =
      std::make_shared<const RequestParser>(v1::StreamEventsRequest::descriptor(), limits::kEventBatchBytesMax);
  service.AddStream("StreamEvents",
                    [parser, &drain, &backend = service.backend()](grpc::CallbackServerContext* context) {
                      return StreamEventsReactor::Start(backend, drain, *parser, RequestIdOf(*context));
                    });
}

}  // namespace throughline::api
