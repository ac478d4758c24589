#include "services/main/demo/demo_workspace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/status_macros.h"
#include "services/main/demo/demo_company.h"
#include "services/main/demo/demo_simulator.h"
#include "throughline/client.h"

namespace throughline {
namespace {

using demo::Named;

// What an earlier call has made stays as it is.
template <typename T>
absl::Status Created(const absl::StatusOr<T>& result) {
  return absl::IsAlreadyExists(result.status()) ? absl::OkStatus() : result.status();
}

class DemoMaker {
 public:
  DemoMaker(std::shared_ptr<grpc::Channel> channel, const DemoOptions& options,
            const std::function<bool(const DemoProgress&)>& progress)
      : options_(options),
        workspace_name_(absl::StrCat("workspaces/", options.workspace_id)),
        progress_(progress),
        client_(std::move(channel), ClientOptions()) {}

  absl::Status Make() {
    ASSIGN_OR_RETURN(const bool complete, IsComplete());
    if (complete) return absl::OkStatus();
    RETURN_IF_ERROR(Report("creating the company", 0, 0));
    RETURN_IF_ERROR(EnsureWorkspace());
    RETURN_IF_ERROR(CreatePeople());
    RETURN_IF_ERROR(Report("drawing the maps", 0, 0));
    RETURN_IF_ERROR(CreateMap(demo::kHelpMapId, demo::DemoHelpMap(workspace_name_)));
    RETURN_IF_ERROR(CreateMap(demo::kMainMapId, demo::DemoMainMap(workspace_name_)));
    RETURN_IF_ERROR(CreateMap(demo::kFutureMapId, demo::DemoFutureMap(workspace_name_)));
    // Events before metrics: numbers are then computed once, not while the ground moves.
    RETURN_IF_ERROR(RecordEvents());
    RETURN_IF_ERROR(Report("publishing the maps", 0, 0));
    RETURN_IF_ERROR(Publish(demo::kHelpMapId));
    RETURN_IF_ERROR(Publish(demo::kMainMapId));
    RETURN_IF_ERROR(Report("attaching the metrics", 0, 0));
    return CreateMetrics();
  }

 private:
  std::string MapName(absl::string_view map_id) const { return absl::StrCat(workspace_name_, "/journeyMaps/", map_id); }

  absl::Status Report(const char* step, int64_t done, int64_t total) {
    if (!progress_ || progress_({step, done, total})) return absl::OkStatus();
    return absl::CancelledError("the demo was not finished; the next call goes on with it");
  }

  // The last attachment is created last.
  absl::StatusOr<bool> IsComplete() {
    const demo::DemoAttachment last = demo::DemoAttachments(workspace_name_).back();
    v1::GetMetricAttachmentRequest request;
    request.set_name(absl::StrCat(MapName(last.map_id), "/metricAttachments/", last.id));
    const auto found = client_.Call(&v1::MetricService::Stub::GetMetricAttachment, request);
    if (absl::IsNotFound(found.status())) return false;
    if (!found.ok()) return found.status();
    return true;
  }

  absl::Status EnsureWorkspace() {
    v1::CreateWorkspaceRequest create;
    create.set_workspace_id(options_.workspace_id);
    *create.mutable_workspace() = demo::DemoWorkspace();
    RETURN_IF_ERROR(Created(client_.Call(&v1::WorkspaceService::Stub::CreateWorkspace, create)));
    v1::GetWorkspaceRequest get;
    get.set_name(workspace_name_);
    ASSIGN_OR_RETURN(const v1::Workspace workspace, client_.Call(&v1::WorkspaceService::Stub::GetWorkspace, get));
    now_ = absl::FromUnixSeconds(workspace.create_time().seconds());
    return absl::OkStatus();
  }

  absl::Status CreatePeople() {
    for (const Named<v1::Department>& department : demo::DemoDepartments()) {
      v1::CreateDepartmentRequest request;
      request.set_parent(workspace_name_);
      request.set_department_id(department.id);
      *request.mutable_department() = department.resource;
      RETURN_IF_ERROR(Created(client_.Call(&v1::WorkspaceService::Stub::CreateDepartment, request)));
    }
    for (const Named<v1::LifecycleStage>& stage : demo::DemoLifecycleStages(workspace_name_)) {
      v1::CreateLifecycleStageRequest request;
      request.set_parent(workspace_name_);
      request.set_lifecycle_stage_id(stage.id);
      *request.mutable_lifecycle_stage() = stage.resource;
      RETURN_IF_ERROR(Created(client_.Call(&v1::WorkspaceService::Stub::CreateLifecycleStage, request)));
    }
    for (const Named<v1::Segment>& segment : demo::DemoSegments()) {
      v1::CreateSegmentRequest request;
      request.set_parent(workspace_name_);
      request.set_segment_id(segment.id);
      *request.mutable_segment() = segment.resource;
      RETURN_IF_ERROR(Created(client_.Call(&v1::SegmentService::Stub::CreateSegment, request)));
    }
    for (const Named<v1::Persona>& persona : demo::DemoPersonas(workspace_name_)) {
      v1::CreatePersonaRequest request;
      request.set_parent(workspace_name_);
      request.set_persona_id(persona.id);
      *request.mutable_persona() = persona.resource;
      RETURN_IF_ERROR(Created(client_.Call(&v1::PersonaService::Stub::CreatePersona, request)));
    }
    return absl::OkStatus();
  }

  absl::Status CreateMap(absl::string_view map_id, v1::JourneyMap map) {
    v1::CreateJourneyMapRequest request;
    request.set_parent(workspace_name_);
    request.set_journey_map_id(std::string(map_id));
    *request.mutable_journey_map() = std::move(map);
    return Created(client_.Call(&v1::JourneyMapService::Stub::CreateJourneyMap, request));
  }

  absl::Status RecordEvents() {
    const demo::DemoSimulator simulator({now_, options_.customer_count, options_.seed});
    absl::Status refused;
    EventWriter writer(client_, workspace_name_, EventWriterOptions(), [&](const RejectedEvent& event) {
      if (refused.ok()) refused = event.status;
    });
    int64_t tag = 0;
    for (int customer = 0; customer < simulator.customer_count(); ++customer) {
      // About a hundred times in all.
      if (customer % std::max(1, simulator.customer_count() / 100) == 0) {
        RETURN_IF_ERROR(Report("recording events", customer, simulator.customer_count()));
      }
      for (v1::CustomerEvent& event : simulator.EventsOf(customer)) {
        RETURN_IF_ERROR(writer.Write(std::move(event), tag++));
      }
    }
    RETURN_IF_ERROR(writer.Finish());
    RETURN_IF_ERROR(Report("recording events", simulator.customer_count(), simulator.customer_count()));
    return refused;
  }

  absl::Status Publish(absl::string_view map_id) {
    v1::GetJourneyMapRequest get;
    get.set_name(MapName(map_id));
    ASSIGN_OR_RETURN(const v1::JourneyMap map, client_.Call(&v1::JourneyMapService::Stub::GetJourneyMap, get));
    if (!map.published_version().empty()) return absl::OkStatus();
    v1::PublishJourneyMapRequest publish;
    publish.set_name(map.name());
    publish.set_etag(map.etag());
    return client_.Call(&v1::JourneyMapService::Stub::PublishJourneyMap, publish).status();
  }

  absl::Status CreateMetrics() {
    for (const Named<v1::MetricDefinition>& definition : demo::DemoMetricDefinitions()) {
      v1::CreateMetricDefinitionRequest request;
      request.set_parent(workspace_name_);
      request.set_metric_definition_id(definition.id);
      *request.mutable_metric_definition() = definition.resource;
      RETURN_IF_ERROR(Created(client_.Call(&v1::MetricService::Stub::CreateMetricDefinition, request)));
    }
    for (const demo::DemoAttachment& attachment : demo::DemoAttachments(workspace_name_)) {
      v1::CreateMetricAttachmentRequest request;
      request.set_parent(MapName(attachment.map_id));
      request.set_metric_attachment_id(attachment.id);
      *request.mutable_metric_attachment() = attachment.attachment;
      RETURN_IF_ERROR(Created(client_.Call(&v1::MetricService::Stub::CreateMetricAttachment, request)));
    }
    return absl::OkStatus();
  }

  const DemoOptions options_;
  const std::string workspace_name_;
  const std::function<bool(const DemoProgress&)>& progress_;
  Client client_;
  absl::Time now_;  // when the workspace was created
};

}  // namespace

absl::Status CreateDemoWorkspace(std::shared_ptr<grpc::Channel> channel, const DemoOptions& options,
                                 const std::function<bool(const DemoProgress&)>& progress) {
  return DemoMaker(std::move(channel), options, progress).Make();
}

}  // namespace throughline
