// A whole API server in process, on the real embedded engines in a temporary directory, and stubs to call it with.
// For tests; one thread, but for what a test makes itself.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "services/api/engine_state.h"
#include "services/api/page_token.h"
#include "services/api/server.h"
#include "services/base/executor.h"
#include "services/base/ids.h"
#include "services/base/limits.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "services/events/native/native_event_store.h"
#include "services/journey/published_maps.h"
#include "services/metrics/scheduler.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"
#include "throughline/v1/analysis_service.grpc.pb.h"
#include "throughline/v1/customer_service.grpc.pb.h"
#include "throughline/v1/event_service.grpc.pb.h"
#include "throughline/v1/journey_map_service.grpc.pb.h"
#include "throughline/v1/metric_service.grpc.pb.h"
#include "throughline/v1/persona_service.grpc.pb.h"
#include "throughline/v1/segment_service.grpc.pb.h"
#include "throughline/v1/workspace_service.grpc.pb.h"

namespace throughline::testing {

// The status as the handler made it: with its details as payloads.
inline absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) return FromRpcStatus(details);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

class ApiFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    SqliteCatalogOptions catalog_options;
    catalog_options.path = directory_ / "catalog.db";
    catalog_options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<SqliteCatalog>> catalog = SqliteCatalog::Open(catalog_options);
    ASSERT_OK(catalog);
    catalog_ = *std::move(catalog);
    NativeEventStoreOptions event_options;
    event_options.directory = directory_ / "events";
    event_options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<EventStore>> events = NativeEventStore::Open(event_options);
    ASSERT_OK(events);
    events_ = *std::move(events);
    published_maps_ = std::make_unique<PublishedMaps>(*catalog_);
    scheduler_ = std::make_unique<MetricScheduler>(*catalog_, *events_, *published_maps_, clock_);
    backend_ = std::make_unique<api::Backend>(
        api::Backend{*catalog_, *events_, *published_maps_, clock_, SystemIds(), executor_, page_tokens_, engines_});
    absl::StatusOr<std::unique_ptr<api::ApiServer>> server =
        api::ApiServer::Start(*backend_, {.address = "127.0.0.1:0"});
    ASSERT_OK(server);
    server_ = *std::move(server);
    server_->health().SetServing(true, "test");
    channel_ = server_->InProcessChannel();
    workspaces_ = v1::WorkspaceService::NewStub(channel_);
    personas_ = v1::PersonaService::NewStub(channel_);
    segments_ = v1::SegmentService::NewStub(channel_);
    maps_ = v1::JourneyMapService::NewStub(channel_);
    events_stub_ = v1::EventService::NewStub(channel_);
    customers_ = v1::CustomerService::NewStub(channel_);
    metrics_ = v1::MetricService::NewStub(channel_);
    analysis_ = v1::AnalysisService::NewStub(channel_);
    ASSERT_OK(Call(workspaces_, &v1::WorkspaceService::Stub::CreateWorkspace,
                   ParseProto<v1::CreateWorkspaceRequest>(R"pb(workspace_id: "w"
                                                               workspace { display_name: "Test" })pb")));
  }

  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(absl::Seconds(5));
    executor_.Shutdown();
    if (scheduler_ != nullptr) scheduler_->Shutdown();
  }

  // Over TCP. The transport within a process takes no message and no status that nobody waits for yet: tests of what
  // the server sends by itself need a network between.
  std::shared_ptr<grpc::Channel> NetworkChannel() {
    return grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials());
  }

  // One unary call: Call(personas_, &v1::PersonaService::Stub::GetPersona, request).
  template <typename Stub, typename Class, typename Request, typename Response>
  absl::StatusOr<Response> Call(const std::unique_ptr<Stub>& stub,
                                grpc::Status (Class::*method)(grpc::ClientContext*, const Request&, Response*),
                                const std::common_type_t<Request>& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return ToAbslStatus(status);
    return response;
  }

  FakeClock clock_;
  TempDir directory_;
  std::unique_ptr<SqliteCatalog> catalog_;
  std::unique_ptr<EventStore> events_;
  std::unique_ptr<PublishedMaps> published_maps_;
  std::unique_ptr<MetricScheduler> scheduler_;
  Executor executor_{"test", limits::kExecutorThreadCount};
  const api::PageTokenCodec page_tokens_{api::PageTokenCodec::RandomKey()};
  api::EngineState engines_;
  std::unique_ptr<api::Backend> backend_;
  std::unique_ptr<api::ApiServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::WorkspaceService::Stub> workspaces_;
  std::unique_ptr<v1::PersonaService::Stub> personas_;
  std::unique_ptr<v1::SegmentService::Stub> segments_;
  std::unique_ptr<v1::JourneyMapService::Stub> maps_;
  std::unique_ptr<v1::EventService::Stub> events_stub_;
  std::unique_ptr<v1::CustomerService::Stub> customers_;
  std::unique_ptr<v1::MetricService::Stub> metrics_;
  std::unique_ptr<v1::AnalysisService::Stub> analysis_;
};

}  // namespace throughline::testing
