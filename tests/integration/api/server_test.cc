// What belongs to no resource: health, reflection, request ids, raw bytes, limits, busy and broken servers.
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/rpc/error_details.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class ServerTest : public ApiFixture {
 protected:
  // Sends bytes as they are.
  absl::Status SendBytes(const std::string& method, const std::string& bytes) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    grpc::CompletionQueue queue;
    grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return ToAbslStatus(status);
  }
  v1::CreatePersonaRequest Persona(const std::string& description) {
    v1::CreatePersonaRequest request;
    request.set_parent("workspaces/w");
    request.mutable_persona()->set_display_name("Anna");
    request.mutable_persona()->set_description(description);
    return request;
  }
};

TEST_F(ServerTest, BytesThatAreNoMessage_AreMalformed) {
  for (const std::string& bytes : {std::string("\xff\xff\xff"),
                                   std::string("\x0a\x05"
                                               "ab",
                                               4),
                                   std::string("\x0a\x02\xc3\x28", 4), std::string(100, '\x07')}) {
    for (const char* method :
         {"/throughline.v1.JourneyMapService/GetJourneyMap", "/throughline.v1.EventService/RecordEvents"}) {
      EXPECT_THAT(SendBytes(method, bytes),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")))
          << method;
    }
  }
}

TEST_F(ServerTest, UnknownMethod_IsUnimplemented) {
  EXPECT_THAT(SendBytes("/throughline.v1.JourneyMapService/GetEverything", ""),
              StatusIs(absl::StatusCode::kUnimplemented));
}

TEST_F(ServerTest, UnknownField_IsRefused) {
  EXPECT_THAT(SendBytes("/throughline.v1.JourneyMapService/GetJourneyMap", std::string("\xa8\x01\x01", 3)),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("UNKNOWN_FIELD")), HasFieldViolation("21")));
}

TEST_F(ServerTest, TenMegabyteText_IsRefusedAndTheServerGoesOn) {
  EXPECT_THAT(Call(personas_, &v1::PersonaService::Stub::CreatePersona, Persona(std::string(10 << 20, 'x'))),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
  const absl::Status status =
      Call(personas_, &v1::PersonaService::Stub::CreatePersona, Persona(std::string(3 << 20, 'x'))).status();
  EXPECT_THAT(status, AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("persona.description")));
  EXPECT_LT(status.message().size(), 1000u);
  EXPECT_OK(Call(personas_, &v1::PersonaService::Stub::CreatePersona, Persona("short")));
}

TEST_F(ServerTest, MessageAboveTheTransportsLimit_IsResourceExhausted) {
  const auto channel =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials());
  const auto personas = v1::PersonaService::NewStub(channel);
  EXPECT_THAT(Call(personas, &v1::PersonaService::Stub::CreatePersona, Persona(std::string(30 << 20, 'x'))),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_OK(Call(personas, &v1::PersonaService::Stub::CreatePersona, Persona("short")));
}

TEST_F(ServerTest, RequestId_OfTheClientComesBackInErrors) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "my-request");
  v1::GetPersonaRequest request;
  request.set_name("workspaces/w/personas/none");
  v1::Persona response;
  const grpc::Status status = personas_->GetPersona(&context, request, &response);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::RequestInfo info;
  bool found = false;
  for (const auto& detail : details.details()) found = found || detail.UnpackTo(&info);
  ASSERT_TRUE(found);
  EXPECT_EQ(info.request_id(), "my-request");
}

TEST_F(ServerTest, ExpiredDeadline_WritesNothing) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  v1::Persona response;
  EXPECT_EQ(personas_->CreatePersona(&context, Persona("late"), &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ServerTest, ExecutorGone_SaysShuttingDown) {
  executor_.Shutdown();
  EXPECT_THAT(Call(personas_, &v1::PersonaService::Stub::CreatePersona, Persona("late")),
              StatusIs(absl::StatusCode::kUnavailable, HasReason("SHUTTING_DOWN")));
}

TEST_F(ServerTest, SecondServerOnThePort_IsRefused) {
  EXPECT_THAT(api::ApiServer::Start(*backend_, {.address = absl::StrCat("127.0.0.1:", server_->port())}).status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

// ---- Health ---------------------------------------------------------------------------------------------------------

class HealthTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    health_ = Health::NewStub(channel_);
  }
  absl::StatusOr<HealthCheckResponse> Check(const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    return Call(health_, &Health::Stub::Check, request);
  }
  std::unique_ptr<Health::Stub> health_;
};

TEST_F(HealthTest, Check_KnowsTheServerAndItsServices) {
  EXPECT_EQ(Check("")->status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("throughline.v1.JourneyMapService")->status(), HealthCheckResponse::SERVING);
  EXPECT_THAT(Check("throughline.v1.TeaService"), StatusIs(absl::StatusCode::kNotFound));
  server_->health().SetServing(false, "test");
  EXPECT_EQ(Check("")->status(), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthTest, Watch_SendsEveryChangeOnce) {
  grpc::ClientContext context;
  const auto stream = health_->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  for (int round = 0; round < 5; ++round) {
    server_->health().SetServing(false, "test");
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
    server_->health().SetServing(true, "test");
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  }
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(HealthTest, Watch_UnknownService_SaysSoAndStays) {
  grpc::ClientContext context;
  HealthCheckRequest request;
  request.set_service("throughline.v1.TeaService");
  const auto stream = health_->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  context.TryCancel();
  stream->Finish();
}

TEST_F(HealthTest, Shutdown_EndsWatches) {
  const auto stub = Health::NewStub(NetworkChannel());
  grpc::ClientContext context;
  const auto stream = stub->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const absl::Time start = absl::Now();
  server_->Shutdown(absl::Seconds(30));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  while (stream->Read(&response)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

// ---- Reflection -----------------------------------------------------------------------------------------------------

template <typename Service, typename Request, typename Response>
std::vector<Response> Reflect(const std::shared_ptr<grpc::Channel>& channel, const std::vector<Request>& requests) {
  const auto stub = Service::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stream = stub->ServerReflectionInfo(&context);
  std::vector<Response> responses;
  for (const Request& request : requests) {
    Response response;
    EXPECT_TRUE(stream->Write(request));
    EXPECT_TRUE(stream->Read(&response));
    responses.push_back(response);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  return responses;
}

template <typename Service, typename Request, typename Response>
void TestReflection(const std::shared_ptr<grpc::Channel>& channel) {
  std::vector<Request> requests(7);
  requests[0].set_list_services("");
  requests[1].set_file_containing_symbol("throughline.v1.JourneyMapService");
  requests[2].set_file_by_filename("google/api/annotations.proto");
  requests[3].mutable_file_containing_extension()->set_containing_type("google.protobuf.MethodOptions");
  requests[3].mutable_file_containing_extension()->set_extension_number(72295728);  // google.api.http
  requests[4].set_all_extension_numbers_of_type("google.protobuf.MethodOptions");
  requests[5].set_file_by_filename("nothing.proto");
  const std::vector<Response> responses = Reflect<Service, Request, Response>(channel, requests);

  std::set<std::string> services;
  for (const auto& service : responses[0].list_services_response().service()) services.insert(service.name());
  for (const char* name : {"throughline.v1.WorkspaceService", "throughline.v1.EventService", "grpc.health.v1.Health",
                           "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    EXPECT_THAT(services, Contains(name));
  }
  // The file asked for comes first, and everything that it imports is there.
  std::set<std::string> files;
  std::set<std::string> imports;
  for (const std::string& bytes : responses[1].file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    if (files.empty()) {
      EXPECT_EQ(file.name(), "throughline/v1/journey_map_service.proto");
    }
    EXPECT_TRUE(files.insert(file.name()).second);
    imports.insert(file.dependency().begin(), file.dependency().end());
  }
  for (const std::string& import : imports) EXPECT_THAT(files, Contains(import));
  EXPECT_GT(responses[2].file_descriptor_response().file_descriptor_proto_size(), 0);
  EXPECT_GT(responses[3].file_descriptor_response().file_descriptor_proto_size(), 0);
  EXPECT_THAT(responses[4].all_extension_numbers_response().extension_number(), Contains(72295728));
  EXPECT_EQ(responses[5].error_response().error_code(), static_cast<int>(grpc::StatusCode::NOT_FOUND));
  EXPECT_EQ(responses[6].error_response().error_code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
}

TEST_F(ServerTest, Reflection_V1_DescribesEverything) {
  TestReflection<grpc::reflection::v1::ServerReflection, grpc::reflection::v1::ServerReflectionRequest,
                 grpc::reflection::v1::ServerReflectionResponse>(channel_);
}

TEST_F(ServerTest, Reflection_V1Alpha_DescribesEverything) {
  TestReflection<grpc::reflection::v1alpha::ServerReflection, grpc::reflection::v1alpha::ServerReflectionRequest,
                 grpc::reflection::v1alpha::ServerReflectionResponse>(channel_);
}

}  // namespace
}  // namespace throughline::testing
