// The real server on a disk that fills up and has room again. What stands for the disk is the kernel's limit on the
// size of the process's files, which can be set from outside and needs no mount: every write that would make a file
// grow fails, with EFBIG instead of ENOSPC.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/throughline_server.h"

namespace throughline::testing {
namespace {

using ::grpc::health::v1::Health;
using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;

constexpr char kWorkspace[] = "workspaces/w";

v1::CustomerEvent Event(const std::string& id) {
  v1::CustomerEvent event;
  event.set_id(id);
  event.set_source("shop");
  event.set_customer_id("c");
  event.set_event_name("visit");
  event.mutable_event_time()->set_seconds(1'760'000'000);
  return event;
}

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    v1::CreateWorkspaceRequest request;
    request.set_workspace_id("w");
    request.mutable_workspace()->set_display_name("W");
    ASSERT_OK(server_.client().Call(&v1::WorkspaceService::Stub::CreateWorkspace, request));
  }

  void SetFileSizeLimit(rlim_t bytes) {
    rlimit limit{};
    ASSERT_EQ(::prlimit(server_.pid(), RLIMIT_FSIZE, nullptr, &limit), 0);
    limit.rlim_cur = bytes;
    ASSERT_EQ(::prlimit(server_.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  }
  void FillDisk() { SetFileSizeLimit(0); }
  void MakeRoom() { SetFileSizeLimit(RLIM_INFINITY); }

  absl::StatusOr<v1::RecordEventsResponse> Record(const std::vector<std::string>& ids) {
    v1::RecordEventsRequest request;
    request.set_parent(kWorkspace);
    for (const std::string& id : ids) *request.add_events() = Event(id);
    return server_.client().Call(&v1::EventService::Stub::RecordEvents, request);
  }
  absl::StatusOr<v1::Persona> Create(const std::string& id) {
    v1::CreatePersonaRequest request;
    request.set_parent(kWorkspace);
    request.set_persona_id(id);
    request.mutable_persona()->set_display_name(id);
    return server_.client().Call(&v1::PersonaService::Stub::CreatePersona, request);
  }
  absl::StatusOr<v1::Persona> Rename(const v1::Persona& persona, const std::string& display_name) {
    v1::UpdatePersonaRequest request;
    *request.mutable_persona() = persona;
    request.mutable_persona()->set_display_name(display_name);
    return server_.client().Call(&v1::PersonaService::Stub::UpdatePersona, request);
  }
  std::vector<std::string> Personas() {
    v1::ListPersonasRequest request;
    request.set_parent(kWorkspace);
    const auto response = server_.client().Call(&v1::PersonaService::Stub::ListPersonas, request);
    EXPECT_OK(response);
    std::vector<std::string> names;
    for (const v1::Persona& persona : response->personas()) names.push_back(persona.display_name());
    return names;
  }
  int64_t EventCount() {
    v1::GetEventStatisticsRequest request;
    request.set_name(absl::StrCat(kWorkspace, "/eventStatistics"));
    const auto response = server_.client().Call(&v1::EventService::Stub::GetEventStatistics, request);
    EXPECT_OK(response);
    return response->event_count();
  }
  // Sends two batches on one stream; how it ended, and how many were acknowledged.
  std::pair<absl::Status, int> Stream(const std::string& first, const std::string& second) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stream = server_.client().stub<v1::EventService::Stub>().StreamEvents(&context);
    for (const std::string& id : {first, second}) {
      v1::StreamEventsRequest request;
      request.set_parent(kWorkspace);
      *request.add_events() = Event(id);
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    v1::StreamEventsResponse response;
    int acknowledged = 0;
    while (stream->Read(&response)) ++acknowledged;
    return {FromGrpcStatus(stream->Finish()), acknowledged};
  }
  // Waits for the next change of the server's health.
  void ExpectHealth(HealthCheckResponse::ServingStatus wanted) {
    const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto watch = Health::NewStub(channel)->Watch(&context, HealthCheckRequest());
    HealthCheckResponse response;
    while (watch->Read(&response) && response.status() != wanted) {
    }
    EXPECT_EQ(response.status(), wanted) << ReadFile(server_.directory() / "log");
    context.TryCancel();
  }

  ThroughlineServer server_;
};

TEST_F(FullDiskTest, WritesAreRefusedInWords_ReadsGoOn_AndNothingAcknowledgedIsLost) {
  ASSERT_OK(Record({"a", "b"}));
  ASSERT_OK_AND_ASSIGN(const v1::Persona anna, Create("anna"));
  const std::string import_file = server_.directory() / "events.jsonl";
  WriteFile(import_file, R"({"id":"i1","customerId":"c","eventTime":"2025-01-01T00:00:00Z","eventName":"visit"})");

  FillDisk();
  const auto is_full = StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL"));
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_THAT(Record({"c", "d"}), is_full);
    EXPECT_THAT(Create("ben"), is_full);
    EXPECT_THAT(Rename(anna, "cleo"), is_full);
    const auto [status, acknowledged] = Stream("e", "f");
    EXPECT_THAT(status, is_full);
    EXPECT_EQ(acknowledged, 0);
  }
  ExpectHealth(HealthCheckResponse::NOT_SERVING);
  const ProgramResult import = server_.Cli({"import", "jsonl", import_file, "-w", "w"});
  EXPECT_EQ(import.exit_code, 1);
  EXPECT_THAT(import.error, HasSubstr("STORAGE_FULL"));
  EXPECT_THAT(import.out, HasSubstr("0  events recorded"));
  // What is there can be read, and what was recorded is known.
  EXPECT_EQ(EventCount(), 2);
  EXPECT_THAT(Personas(), ::testing::ElementsAre("anna"));
  ASSERT_OK_AND_ASSIGN(const v1::RecordEventsResponse again, Record({"a", "b"}));
  EXPECT_EQ(again.duplicate_count(), 2);

  MakeRoom();
  // Nobody writes: the server finds out by itself.
  ExpectHealth(HealthCheckResponse::SERVING);
  ASSERT_OK_AND_ASSIGN(const v1::RecordEventsResponse after, Record({"a", "c", "d"}));
  EXPECT_EQ(after.recorded_count(), 2);
  EXPECT_EQ(after.duplicate_count(), 1);
  EXPECT_OK(Create("ben"));
  EXPECT_OK(Rename(anna, "cleo"));
  EXPECT_EQ(Stream("e", "f").second, 2);
  EXPECT_EQ(server_.Cli({"import", "jsonl", import_file, "-w", "w"}).exit_code, 0);

  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(EventCount(), 7);
    EXPECT_THAT(Personas(), ::testing::ElementsAre("cleo", "ben"));
    if (start == 0) {
      server_.Stop(SIGKILL);
      server_.Start();
    }
  }
}

// The kill comes while the failed writes are still in the files, half.
TEST_F(FullDiskTest, KilledWhileTheDiskIsFull_StartsWithAllThatWasAcknowledged) {
  ASSERT_OK(Record({"a", "b"}));
  ASSERT_OK(Create("anna"));
  FillDisk();
  EXPECT_FALSE(Record({"c"}).ok());
  EXPECT_FALSE(Create("ben").ok());
  server_.Stop(SIGKILL);
  server_.Start();
  EXPECT_EQ(EventCount(), 2);
  EXPECT_THAT(Personas(), ::testing::ElementsAre("anna"));
  ASSERT_OK_AND_ASSIGN(const v1::RecordEventsResponse after, Record({"c"}));
  EXPECT_EQ(after.recorded_count(), 1);
  EXPECT_OK(Create("ben"));
  EXPECT_EQ(server_.Stop(SIGTERM), 0);
}

}  // namespace
}  // namespace throughline::testing
