// One gRPC service, registered method by method from its descriptor. Handlers see parsed requests and return StatusOr;
// this is the only place where bytes become messages and absl::Status becomes grpc::Status.
// Built by one thread before the server starts; afterwards immutable.
//
// Methods are registered as raw callback methods (bytes in, bytes out), because gRPC 1.51 answers bytes that do not
// parse with UNIMPLEMENTED and no words, has one message limit for all methods, and cannot parse into an arena.
//
// The chain of a unary request is fixed: request id → size limit → parse and validate → handler → log → answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "services/api/request_context.h"
#include "services/api/request_parser.h"
#include "services/base/limits.h"
#include "throughline/catalog.h"

namespace throughline::api {

// Where a unary handler runs.
enum class Run {
  // On the gRPC callback thread: only for bounded reads of one or two documents. There are only as many of these
  // threads as cores, and each one that waits halves the server.
  kInline,
  // On the bounded executor: everything that writes, scans or computes.
  kExecutor,
};

struct UnaryOptions {
  Run run = Run::kExecutor;
  size_t request_bytes_max = limits::kRequestBytesMax;
};

class RpcService : public grpc::Service {
 public:
  template <typename Request, typename Response>
  using UnaryHandler = absl::StatusOr<Response> (*)(RequestContext&, const Request&);
  // For methods that are handled by reflection; `response` comes empty.
  using MessageHandler = std::function<absl::Status(RequestContext&, const google::protobuf::Message& request,
                                                    google::protobuf::Message& response)>;
  // For methods that answer with a stored resource as it is: its bytes go out without being parsed.
  template <typename Request>
  using DocumentHandler = absl::StatusOr<Document> (*)(RequestContext&, const Request&);
  using DocumentByReflectionHandler =
      std::function<absl::StatusOr<Document>(RequestContext&, const google::protobuf::Message& request)>;
  // Makes the reactor of one call, which deletes itself in OnDone.
  using StreamHandler = std::function<grpc::ServerGenericBidiReactor*(grpc::CallbackServerContext*)>;

  // The backend outlives the service.
  RpcService(const google::protobuf::ServiceDescriptor* descriptor, const Backend& backend);
  ~RpcService() override;

  template <typename Request, typename Response>
  void AddUnary(absl::string_view method, UnaryHandler<Request, Response> handler, UnaryOptions options = {}) {
    AddUnaryMethod(
        method, Request::descriptor(), Response::descriptor(), options.run,
        [handler, parser = RequestParser(Request::descriptor(), options.request_bytes_max)](
            RequestContext& context, const grpc::ByteBuffer& request_bytes, grpc::ByteBuffer& response_bytes) {
          google::protobuf::Arena arena;
          auto* request = google::protobuf::Arena::CreateMessage<Request>(&arena);
          absl::Status status = parser.Parse(request_bytes, *request);
          if (!status.ok()) return status;
          absl::StatusOr<Response> response = handler(context, *request);
          if (!response.ok()) return response.status();
          Serialize(*response, response_bytes);
          return absl::OkStatus();
        });
  }

  void AddUnaryByReflection(absl::string_view method, MessageHandler handler, UnaryOptions options = {});

  template <typename Request>
  void AddDocumentRead(absl::string_view method, DocumentHandler<Request> handler, UnaryOptions options = {}) {
    AddDocumentReadByReflection(
        method,
        [handler](RequestContext& context, const google::protobuf::Message& request) {
          return handler(context, static_cast<const Request&>(request));
        },
        options);
  }
  void AddDocumentReadByReflection(absl::string_view method, DocumentByReflectionHandler handler,
                                   UnaryOptions options = {});

  // Streaming in one direction or both: the reactor reads and writes as the method's kind asks for.
  void AddStream(absl::string_view method, StreamHandler handler);

  const google::protobuf::ServiceDescriptor& descriptor() const { return *descriptor_; }
  const Backend& backend() const { return backend_; }
  // Methods of the descriptor that nobody has added; empty when the service is complete.
  std::vector<std::string> MissingMethods() const;

 private:
  using ByteHandler = std::function<absl::Status(RequestContext&, const grpc::ByteBuffer&, grpc::ByteBuffer&)>;
  // Fills the answer's bytes; the prototype is an empty message of the answer's type.
  using ParsedHandler = std::function<absl::Status(RequestContext&, const google::protobuf::Message& request,
                                                   const google::protobuf::Message& response_prototype,
                                                   grpc::ByteBuffer& response_bytes)>;
  struct UnaryMethod;
  class ExecutorCall;

  void AddParsedMethod(absl::string_view method, ParsedHandler handler, UnaryOptions options);
  // A wrong name or type is our mistake and ends the program.
  void AddUnaryMethod(absl::string_view method, const google::protobuf::Descriptor* request,
                      const google::protobuf::Descriptor* response, Run run, ByteHandler handler);
  const google::protobuf::MethodDescriptor& Claim(absl::string_view method);
  // "/package.Service/Method" as the library keeps it: without copying.
  const char* KeepPath(const google::protobuf::MethodDescriptor& method);

  const google::protobuf::ServiceDescriptor* const descriptor_;
  const Backend& backend_;
  std::vector<std::unique_ptr<const std::string>> paths_;
  std::vector<std::unique_ptr<const UnaryMethod>> unary_methods_;
  std::vector<const google::protobuf::MethodDescriptor*> claimed_;
};

// The client's `x-request-id`, if it is one: at most kRequestIdBytesMax visible ASCII characters. Else empty.
std::string RequestIdOf(const grpc::CallbackServerContext& context);

}  // namespace throughline::api
