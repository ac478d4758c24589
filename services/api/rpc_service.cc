#include "services/api/rpc_service.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/support/method_handler.h"
#include "services/api/engine_state.h"
#include "services/api/resource_bytes.h"
#include "services/api/status_conversion.h"
#include "services/base/log.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr char kRequestIdKey[] = "x-request-id";
// Slower answers are worth a line in the log.
constexpr absl::Duration kSlow = absl::Seconds(1);

// For mistakes in our own tables, which no client can bring about.
[[noreturn]] void Fail(absl::string_view message) {
  LogError(message);
  std::abort();
}

void LogCall(RequestContext& context, const absl::Status& status, absl::Duration duration) {
  const bool our_fault = absl::IsInternal(status) || absl::IsUnknown(status) || absl::IsDataLoss(status);
  if (!our_fault && duration < kSlow) return;
  LogFields fields = {{"method", std::string(context.method())},
                      {"request_id", context.request_id()},
                      {"code", absl::StatusCodeToString(status.code())},
                      {"milliseconds", absl::StrCat(absl::ToInt64Milliseconds(duration))}};
  if (!status.ok()) fields.emplace_back("message", std::string(status.message()));
  Log(our_fault ? LogLevel::kError : LogLevel::kWarning, our_fault ? "request failed" : "slow request", fields);
}

}  // namespace

struct RpcService::UnaryMethod {
  std::string name;  // "throughline.v1.PersonaService/GetPersona"
  Run run;
  ByteHandler handler;
  const Backend& backend;

  // The chain, once the request is on the thread where it is handled.
  grpc::Status Serve(RequestContext& context, const grpc::ByteBuffer& request, grpc::ByteBuffer& response) const {
    const absl::Time start = absl::Now();
    absl::Status status = context.CheckAlive();
    if (status.ok()) status = handler(context, request, response);
    LogCall(context, status, absl::Now() - start);
    if (status.ok()) return grpc::Status::OK;
    backend.engines.Report(status, absl::Now());
    return ToGrpcStatus(status, context.request_id());
  }
};

// A unary call that waits for, or runs on, the executor.
class RpcService::ExecutorCall : public grpc::ServerUnaryReactor {
 public:
  ExecutorCall(const UnaryMethod& method, grpc::CallbackServerContext& context, const grpc::ByteBuffer& request,
               grpc::ByteBuffer& response)
      : method_(method),
        request_(request),
        response_(response),
        context_(method.backend, method.name, RequestIdOf(context), absl::FromChrono(context.deadline())) {}

  void Start() {
    absl::Status status =
        method_.backend.executor.TrySubmit([this] { Finish(method_.Serve(context_, request_, response_)); });
    if (!status.ok()) Finish(ToGrpcStatus(status, context_.request_id()));
  }

  void OnCancel() override { context_.Cancel(); }
  void OnDone() override { delete this; }

 private:
  const UnaryMethod& method_;
  const grpc::ByteBuffer& request_;
  grpc::ByteBuffer& response_;
  RequestContext context_;
};

RpcService::RpcService(const google::protobuf::ServiceDescriptor* descriptor, const Backend& backend)
    : descriptor_(descriptor), backend_(backend) {}

RpcService::~RpcService() = default;

void RpcService::AddUnaryMethod(absl::string_view method, const Descriptor* request, const Descriptor* response,
                                Run run, ByteHandler handler) {
  const MethodDescriptor& descriptor = Claim(method);
  if (descriptor.input_type() != request || descriptor.output_type() != response || descriptor.client_streaming() ||
      descriptor.server_streaming()) {
    Fail(absl::StrCat(descriptor.full_name(), " has another signature than its handler"));
  }
  unary_methods_.push_back(std::make_unique<UnaryMethod>(
      UnaryMethod{absl::StrCat(descriptor_->full_name(), "/", descriptor.name()), run, std::move(handler), backend_}));
  const UnaryMethod& added = *unary_methods_.back();
  auto start = [&added](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request_bytes,
                        grpc::ByteBuffer* response_bytes) -> grpc::ServerUnaryReactor* {
    if (added.run == Run::kExecutor) {
      auto* call = new ExecutorCall(added, *context, *request_bytes, *response_bytes);
      call->Start();
      return call;
    }
    RequestContext request_context(added.backend, added.name, RequestIdOf(*context), absl::InfiniteFuture());
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(added.Serve(request_context, *request_bytes, *response_bytes));
    return reactor;
  };
  const int index = static_cast<int>(claimed_.size()) - 1;
  AddMethod(new grpc::internal::RpcServiceMethod(KeepPath(descriptor), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRawCallback(index,
                        new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(std::move(start)));
}

void RpcService::AddParsedMethod(absl::string_view method, ParsedHandler handler, UnaryOptions options) {
  const MethodDescriptor* descriptor = descriptor_->FindMethodByName(std::string(method));
  if (descriptor == nullptr) Fail(absl::StrCat(descriptor_->full_name(), " has no method ", method));
  auto* factory = google::protobuf::MessageFactory::generated_factory();
  const Message* request_prototype = factory->GetPrototype(descriptor->input_type());
  const Message* response_prototype = factory->GetPrototype(descriptor->output_type());
  AddUnaryMethod(method, descriptor->input_type(), descriptor->output_type(), options.run,
                 [handler = std::move(handler), request_prototype, response_prototype,
                  parser = RequestParser(descriptor->input_type(), options.request_bytes_max)](
                     RequestContext& context, const grpc::ByteBuffer& request_bytes, grpc::ByteBuffer& response_bytes) {
                   google::protobuf::Arena arena;
                   Message& request = *request_prototype->New(&arena);
                   absl::Status status = parser.Parse(request_bytes, request);
                   if (status.ok()) status = handler(context, request, *response_prototype, response_bytes);
                   return status;
                 });
}

void RpcService::AddUnaryByReflection(absl::string_view method, MessageHandler handler, UnaryOptions options) {
  AddParsedMethod(
      method,
      [handler = std::move(handler)](RequestContext& context, const Message& request, const Message& prototype,
                                     grpc::ByteBuffer& response_bytes) {
        google::protobuf::Arena arena;
        Message& response = *prototype.New(&arena);
        absl::Status status = handler(context, request, response);
        if (status.ok()) Serialize(response, response_bytes);
        return status;
      },
      options);
}

void RpcService::AddDocumentReadByReflection(absl::string_view method, DocumentByReflectionHandler handler,
                                             UnaryOptions options) {
  AddParsedMethod(
      method,
      [handler = std::move(handler)](RequestContext& context, const Message& request, const Message& prototype,
                                     grpc::ByteBuffer& response_bytes) {
        absl::StatusOr<Document> document = handler(context, request);
        if (!document.ok()) return document.status();
        return SerializeResource(*std::move(document), prototype, response_bytes);
      },
      options);
}

void RpcService::AddStream(absl::string_view method, StreamHandler handler) {
  const MethodDescriptor& descriptor = Claim(method);
  if (!descriptor.server_streaming()) Fail(absl::StrCat(descriptor.full_name(), " does not stream"));
  const int index = static_cast<int>(claimed_.size()) - 1;
  // Server streaming is served as a stream in both directions on which the client writes once: it looks the same on
  // the wire, and one kind of reactor does for all.
  AddMethod(
      new grpc::internal::RpcServiceMethod(KeepPath(descriptor), grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(
      index, new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(std::move(handler)));
}

std::vector<std::string> RpcService::MissingMethods() const {
  std::vector<std::string> missing;
  for (int i = 0; i < descriptor_->method_count(); ++i) {
    if (std::find(claimed_.begin(), claimed_.end(), descriptor_->method(i)) == claimed_.end()) {
      missing.push_back(descriptor_->method(i)->full_name());
    }
  }
  return missing;
}

const MethodDescriptor& RpcService::Claim(absl::string_view method) {
  const MethodDescriptor* descriptor = descriptor_->FindMethodByName(std::string(method));
  if (descriptor == nullptr) Fail(absl::StrCat(descriptor_->full_name(), " has no method ", method));
  if (std::find(claimed_.begin(), claimed_.end(), descriptor) != claimed_.end()) {
    Fail(absl::StrCat(descriptor->full_name(), " is added twice"));
  }
  claimed_.push_back(descriptor);
  return *descriptor;
}

const char* RpcService::KeepPath(const MethodDescriptor& method) {
  paths_.push_back(
      std::make_unique<const std::string>(absl::StrCat("/", descriptor_->full_name(), "/", method.name())));
  return paths_.back()->c_str();
}

std::string RequestIdOf(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find(kRequestIdKey);
  if (found == context.client_metadata().end()) return "";
  const absl::string_view id(found->second.data(), found->second.size());
  const bool good = !id.empty() && id.size() <= limits::kRequestIdBytesMax &&
                    std::all_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
  return good ? std::string(id) : "";
}

}  // namespace throughline::api
