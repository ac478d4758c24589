#include "services/gateway/api_handler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/api/field_behavior.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "services/base/ids.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "services/gateway/json_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kRequestIdHeader[] = "x-request-id";

std::unique_ptr<Message> NewMessage(const Descriptor* type) {
  const Message* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  return std::unique_ptr<Message>(prototype->New());
}

// The caller's own id where it is one that can travel, else a fresh one.
std::string RequestIdOf(const HttpRequest& request) {
  const absl::string_view given = request.Header(kRequestIdHeader);
  const bool usable = !given.empty() && given.size() <= limits::kRequestIdBytesMax &&
                      std::all_of(given.begin(), given.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  return usable ? std::string(given) : SystemIds().NewRequestId();
}

// Google's X-Server-Timeout, in seconds; never more than the limit.
absl::Duration TimeoutOf(const HttpRequest& request, absl::Duration standard) {
  double seconds = 0;
  if (!absl::SimpleAtod(request.Header("x-server-timeout"), &seconds) || !(seconds > 0)) return standard;
  return std::min(absl::Seconds(seconds), limits::kHttpCallTimeoutMax);
}

// Browsers send Origin with every change that a page asks for; a page of another site has no business here.
bool IsCrossOrigin(const HttpRequest& request) {
  const absl::string_view origin = request.Header("origin");
  if (request.IsRead() || origin.empty()) return false;
  const size_t scheme = origin.find("://");
  return scheme == absl::string_view::npos ||
         !absl::EqualsIgnoreCase(origin.substr(scheme + 3), request.Header("host"));
}

bool IsOutputOnly(const FieldDescriptor& field) {
  const auto& options = field.options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == google::api::OUTPUT_ONLY) return true;
  }
  return false;
}

// A PATCH without a mask changes what its JSON names, also where that is an empty text or a zero, which the message
// itself cannot show.
void FillUpdateMask(const std::vector<const FieldDescriptor*>& present, Message& message) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName("update_mask");
  if (field == nullptr || field->message_type() != google::protobuf::FieldMask::descriptor() ||
      message.GetReflection()->HasField(message, field)) {
    return;
  }
  google::protobuf::FieldMask mask;
  for (const FieldDescriptor* named : present) {
    if (named->name() != "name" && named->name() != "etag" && !IsOutputOnly(*named)) mask.add_paths(named->name());
  }
  if (mask.paths_size() > 0) message.GetReflection()->MutableMessage(&message, field)->CopyFrom(mask);
}

std::string GetText(const Message& message, const std::vector<const FieldDescriptor*>& path) {
  const Message* at = &message;
  for (size_t i = 0; i + 1 < path.size(); ++i) at = &at->GetReflection()->GetMessage(*at, path[i]);
  return at->GetReflection()->GetString(*at, path.back());
}

std::string PathText(const std::vector<const FieldDescriptor*>& path) {
  std::string out;
  for (const FieldDescriptor* field : path) out = FieldPath(out, field->name());
  return out;
}

absl::Status ReadQuery(const Route& route, absl::string_view query, Message& message) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (!ParseQuery(query, parameters)) return MalformedRequest("the query string is not percent-encoded properly");
  if (parameters.size() > static_cast<size_t>(limits::kHttpQueryParameterCountMax)) {
    return LimitExceeded("the query string", limits::kHttpQueryParameterCountMax, "parameters");
  }
  std::vector<std::string> seen;
  for (const auto& [name, value] : parameters) {
    const auto path = ResolveFieldPath(*message.GetDescriptor(), name);
    if (path.empty()) return UnknownField(name, message.GetDescriptor()->full_name());
    const std::string text = PathText(path);
    const bool in_path =
        std::find(route.variable_fields.begin(), route.variable_fields.end(), path) != route.variable_fields.end();
    if (route.body_is_request || path.front() == route.body_field) return InvalidField(text, "belongs in the body");
    if (in_path) return InvalidField(text, "is part of the address already");
    if (!path.back()->is_repeated() && std::find(seen.begin(), seen.end(), text) != seen.end()) {
      return InvalidField(text, "is given twice");
    }
    seen.push_back(text);
    RETURN_IF_ERROR(SetFieldFromText(value, message, path));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Message>> ReadRequest(const Route& route, const RouteMatch& match,
                                                     const HttpRequest& request) {
  std::unique_ptr<Message> message = NewMessage(route.method->input_type());
  std::vector<const FieldDescriptor*> present;
  if (route.body_is_request) {
    RETURN_IF_ERROR(ReadJson(request.body, *message));
  } else if (route.body_field != nullptr) {
    RETURN_IF_ERROR(ReadJsonField(request.body, *message, *route.body_field, present));
  } else if (!request.body.empty()) {
    return MalformedRequest("this request takes no body");
  }
  RETURN_IF_ERROR(ReadQuery(route, request.Query(), *message));
  for (size_t i = 0; i < match.variables.size(); ++i) {
    const auto& path = route.variable_fields[i];
    const std::string given = GetText(*message, path);
    if (!given.empty() && given != match.variables[i]) {
      return InvalidField(PathText(path), absl::StrCat("is \"", Excerpt(given), "\" in the body, but \"",
                                                       Excerpt(match.variables[i]), "\" in the address"));
    }
    RETURN_IF_ERROR(SetFieldFromText(match.variables[i], *message, path));
  }
  if (route.http_method == "PATCH") FillUpdateMask(present, *message);
  return message;
}

// The fields in the order of the bytes, maps by their keys.
std::string DeterministicBytes(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// Equal messages give equal text, maps included, so that an unchanged answer keeps its entity tag. (MessageToJsonString
// would write a map in the order of its hash table, which is another one every time.)
absl::StatusOr<std::string> ToJson(const Message& message) {
  static google::protobuf::util::TypeResolver* const resolver =
      google::protobuf::util::NewTypeResolverForDescriptorPool("type.googleapis.com",
                                                               google::protobuf::DescriptorPool::generated_pool());
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::BinaryToJsonString(
      resolver, absl::StrCat("type.googleapis.com/", message.GetDescriptor()->full_name()), DeterministicBytes(message),
      &json, options);
  if (!status.ok()) return Internal(absl::StrCat("the answer is no JSON: ", status.ToString()));
  return json;
}

google::rpc::Status RpcStatusOf(const grpc::Status& status, const std::string& method) {
  google::rpc::Status out;
  if (!status.error_details().empty() && out.ParseFromString(status.error_details()) &&
      out.code() == static_cast<int>(status.error_code())) {
    return out;
  }
  // Made by gRPC itself, not by a handler.
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ToRpcStatus(DeadlineExceeded(method));
    case grpc::StatusCode::UNAVAILABLE:
      return ToRpcStatus(BackendUnavailable("the API server"));
    case grpc::StatusCode::UNIMPLEMENTED:
      return ToRpcStatus(NotImplemented(absl::StrCat(method, " is not offered by this server")));
    default:
      return ToRpcStatus(
          absl::Status(static_cast<absl::StatusCode>(status.error_code()), ToValidUtf8(status.error_message())));
  }
}

class GrpcCall : public ApiCall {
 public:
  GrpcCall(grpc::GenericStub& stub, const Route& route, const HttpRequest& request, const Message& message,
           std::string request_id, absl::Duration timeout)
      : stub_(stub),
        route_(route),
        read_(request.IsRead()),
        if_none_match_(request.Header("if-none-match")),
        request_id_(std::move(request_id)) {
    const grpc::Slice slice(message.SerializeAsString());
    request_ = grpc::ByteBuffer(&slice, 1);
    context_.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    context_.AddMetadata(kRequestIdHeader, request_id_);
  }

  void Start(std::function<void()> done) override {
    stub_.UnaryCall(&context_, route_.grpc_method, grpc::StubOptions(), &request_, &response_,
                    [this, done = std::move(done)](grpc::Status status) {
                      status_ = std::move(status);
                      done();
                    });
  }

  void Cancel() override { context_.TryCancel(); }

  HttpResponse Finish() override {
    HttpResponse response = status_.ok() ? Success() : ErrorResponse(RpcStatusOf(status_, route_.grpc_method));
    response.headers.emplace_back("X-Request-Id", request_id_);
    return response;
  }

 private:
  HttpResponse Success() {
    std::unique_ptr<Message> message = NewMessage(route_.method->output_type());
    grpc::ProtoBufferReader reader(&response_);
    if (!reader.status().ok() || !message->ParseFromZeroCopyStream(&reader)) {
      return ErrorResponse(Internal(absl::StrCat(route_.grpc_method, " answered with bytes that do not parse")));
    }
    absl::StatusOr<std::string> json = ToJson(*message);
    if (!json.ok()) return ErrorResponse(json.status());
    HttpResponse response;
    if (read_) {
      const std::string tag = EntityTag(*json);
      response.headers = {{"ETag", tag}, {"Cache-Control", "private, no-cache"}};
      if (!if_none_match_.empty() && EntityTagMatches(if_none_match_, tag)) {
        response.status = 304;
        return response;
      }
    } else {
      response.headers.emplace_back("Cache-Control", "no-store");
    }
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = *std::move(json);
    return response;
  }

  grpc::GenericStub& stub_;
  const Route& route_;
  const bool read_;
  const std::string if_none_match_;
  const std::string request_id_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
};

class ApiHandlerImpl : public ApiHandler {
 public:
  ApiHandlerImpl(std::shared_ptr<grpc::Channel> channel, RouteTable routes, absl::Duration call_timeout)
      : stub_(std::move(channel)), routes_(std::move(routes)), call_timeout_(call_timeout) {}

  std::shared_ptr<ApiCall> Prepare(const HttpRequest& request, HttpResponse& response) override {
    const std::string request_id = RequestIdOf(request);
    const auto refuse = [&](HttpResponse answer) {
      response = std::move(answer);
      response.headers.emplace_back("X-Request-Id", request_id);
      return nullptr;
    };
    const RouteMatch match = routes_.Find(request.method, request.Path());
    if (match.route == nullptr) {
      if (match.allow.empty()) return refuse(ErrorResponse(RouteNotFound(request.method, request.Path())));
      if (request.method != "OPTIONS") return refuse(MethodNotAllowedResponse(request.method, match.allow));
      return refuse({204, {{"Allow", match.allow}}, ""});
    }
    if (IsCrossOrigin(request)) return refuse(ErrorResponse(CrossOriginRefused(request.Header("origin"))));
    const Route& route = *match.route;
    if (route.streaming()) {
      return refuse(ErrorResponse(NotImplemented(
          absl::StrCat(route.method->full_name(), " is a stream, which plain HTTP cannot carry; call it by gRPC"))));
    }
    const absl::StatusOr<std::unique_ptr<Message>> message = ReadRequest(route, match, request);
    if (!message.ok()) return refuse(ErrorResponse(message.status()));
    return std::make_shared<GrpcCall>(stub_, route, request, **message, request_id, TimeoutOf(request, call_timeout_));
  }

 private:
  grpc::GenericStub stub_;
  const RouteTable routes_;
  const absl::Duration call_timeout_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ApiHandler>> ApiHandler::Make(std::shared_ptr<grpc::Channel> channel,
                                                             absl::Duration call_timeout) {
  ASSIGN_OR_RETURN(RouteTable routes, RouteTable::Make());
  return std::make_unique<ApiHandlerImpl>(std::move(channel), std::move(routes), call_timeout);
}

bool ApiHandler::IsApiPath(absl::string_view path) { return path == "/v1" || absl::StartsWith(path, "/v1/"); }

}  // namespace throughline
