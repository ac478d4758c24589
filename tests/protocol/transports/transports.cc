#include "tests/protocol/transports/transports.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "tests/integration/gateway/http_client.h"
#include "tests/support/files.h"
#include "tests/support/processes.h"
#include "throughline/errors.h"
#include "throughline/v1/analysis_service.pb.h"
#include "throughline/v1/customer_service.pb.h"
#include "throughline/v1/event_service.pb.h"
#include "throughline/v1/journey_map_service.pb.h"
#include "throughline/v1/metric_service.pb.h"
#include "throughline/v1/persona_service.pb.h"
#include "throughline/v1/segment_service.pb.h"
#include "throughline/v1/workspace_service.pb.h"

namespace throughline::testing {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::util::JsonStringToMessage;

constexpr auto kStartDeadline = std::chrono::seconds(60);

const MethodDescriptor& FindMethod(const std::string& method) {
  // Makes sure that the generated files are linked in.
  v1::GetWorkspaceRequest::descriptor();
  v1::GetPersonaRequest::descriptor();
  v1::GetSegmentRequest::descriptor();
  v1::GetJourneyMapRequest::descriptor();
  v1::RecordEventsRequest::descriptor();
  v1::GetCustomerRequest::descriptor();
  v1::GetMetricValueRequest::descriptor();
  v1::QueryFunnelRequest::descriptor();
  google::rpc::ErrorInfo::descriptor();
  const MethodDescriptor* found =
      DescriptorPool::generated_pool()->FindMethodByName(absl::StrReplaceAll(method, {{"/", "."}}));
  if (found == nullptr) {
    ADD_FAILURE() << "no method " << method;
    std::abort();
  }
  return *found;
}

std::unique_ptr<Message> New(const google::protobuf::Descriptor* type) {
  return std::unique_ptr<Message>(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

absl::Status FromJsonStatus(const std::string& json) {
  google::rpc::Status status;
  if (!JsonStringToMessage(json, &status).ok()) return absl::DataLossError("no google.rpc.Status: " + json);
  return FromRpcStatus(status);
}

absl::Status ParseAnswer(const std::string& json, Message& response) {
  if (JsonStringToMessage(json, &response).ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("no ", response.GetTypeName(), ": ", json));
}

class GrpcTransport : public Transport {
 public:
  std::string name() const override { return "grpc"; }

  absl::Status Call(const Request& request, Message& response) override {
    std::unique_ptr<Message> message = New(FindMethod(request.method).input_type());
    if (!JsonStringToMessage(request.json, message.get()).ok()) return absl::DataLossError("the test's JSON is bad");
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    grpc::CompletionQueue queue;
    grpc::Slice slice(message->SerializeAsString());
    const grpc::ByteBuffer bytes(&slice, 1);
    grpc::ByteBuffer answer;
    grpc::Status status;
    const auto call = stub_.PrepareUnaryCall(&context, "/" + request.method, bytes, &queue);
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (!status.ok()) {
      google::rpc::Status details;
      if (!details.ParseFromString(status.error_details())) return absl::DataLossError(status.error_message());
      return FromRpcStatus(details);
    }
    grpc::ProtoBufferReader reader(&answer);
    return response.ParseFromZeroCopyStream(&reader) ? absl::OkStatus() : absl::DataLossError("no message");
  }

 private:
  grpc::GenericStub stub_{
      grpc::CreateChannel(ServerUnderTest::Get().grpc_address(), grpc::InsecureChannelCredentials())};
};

class GrpcurlTransport : public Transport {
 public:
  std::string name() const override { return "grpcurl"; }

  std::string unavailable() const override {
    return grpcurl_.empty() ? "grpcurl is neither in $THROUGHLINE_GRPCURL nor on PATH" : "";
  }

  absl::Status Call(const Request& request, Message& response) override {
    const ProgramResult result = RunProgram({grpcurl_, "-plaintext", "-format-error", "-emit-defaults", "-d", "@",
                                             ServerUnderTest::Get().grpc_address(), request.method},
                                            {}, request.grpcurl_json.empty() ? request.json : request.grpcurl_json);
    if (result.exit_code == 0) return ParseAnswer(result.out, response);
    return FromJsonStatus(result.error);
  }

 private:
  const std::string grpcurl_ = FindGrpcurl();
};

class HttpTransport : public Transport {
 public:
  std::string name() const override { return "http"; }

  absl::Status Call(const Request& request, Message& response) override {
    const std::string& address = ServerUnderTest::Get().http_address();
    int port = 0;
    EXPECT_TRUE(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    HttpClient client(port);
    std::string text = absl::StrCat(request.verb, " ", request.path, " HTTP/1.1\r\nHost: ", address, "\r\n");
    if (!request.body.empty()) {
      absl::StrAppend(&text, "Content-Type: application/json\r\nContent-Length: ", request.body.size(), "\r\n");
    }
    EXPECT_TRUE(client.Send(absl::StrCat(text, "\r\n", request.body)));
    const HttpAnswer answer = client.Receive();
    if (answer.status == 200) return ParseAnswer(answer.body, response);
    return FromJsonStatus(answer.body);
  }
};

}  // namespace

struct ServerUnderTest::Impl {
  TempDir directory;
  std::unique_ptr<BackgroundProgram> program;
};

ServerUnderTest& ServerUnderTest::Get() {
  static ServerUnderTest server;
  return server;
}

ServerUnderTest::ServerUnderTest() : impl_(std::make_unique<Impl>()) {
  const std::string ready = impl_->directory / "ready";
  impl_->program = std::make_unique<BackgroundProgram>(
      std::vector<std::string>{ThroughlinedBinary(), "--data-dir", impl_->directory / "data", "--grpc-address",
                               "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--ready-file", ready},
      impl_->directory / "log");
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  while (!std::filesystem::exists(ready) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(std::filesystem::exists(ready)) << ReadFile(impl_->directory / "log");
  for (const absl::string_view word : absl::StrSplit(ReadFile(ready), absl::ByAnyChar(" \n"))) {
    if (absl::StartsWith(word, "grpc=")) grpc_address_ = std::string(word.substr(5));
    if (absl::StartsWith(word, "http=")) http_address_ = std::string(word.substr(5));
  }
}

ServerUnderTest::~ServerUnderTest() = default;

std::string ServerUnderTest::data_directory() const { return impl_->directory / "data"; }

const std::vector<std::unique_ptr<Transport>>& Transports() {
  static const auto* const transports = [] {
    auto* all = new std::vector<std::unique_ptr<Transport>>();
    all->push_back(std::make_unique<GrpcTransport>());
    all->push_back(std::make_unique<GrpcurlTransport>());
    all->push_back(std::make_unique<HttpTransport>());
    return all;
  }();
  return *transports;
}

std::string FindGrpcurl() {
  if (const char* named = std::getenv("THROUGHLINE_GRPCURL"); named != nullptr && *named != '\0') return named;
  const char* path = std::getenv("PATH");
  for (const absl::string_view directory : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    const std::string candidate = absl::StrCat(directory, "/grpcurl");
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

std::unique_ptr<Message> NewResponse(const std::string& method) { return New(FindMethod(method).output_type()); }

}  // namespace throughline::testing
