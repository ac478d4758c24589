#include "services/api/server.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "grpc/grpc.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "services/api/handlers.h"
#include "services/api/reflection.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

// A client may ping this often to keep a quiet connection through proxies; more often is taken for an attack.
constexpr absl::Duration kPingIntervalMin = absl::Seconds(10);
// A peer that is gone without a word is noticed after interval and timeout together.
constexpr absl::Duration kKeepaliveInterval = absl::Minutes(1);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(20);

std::vector<std::string> NamesOf(const std::vector<std::unique_ptr<RpcService>>& services) {
  std::vector<std::string> names;
  for (const auto& service : services) names.push_back(service->descriptor().full_name());
  return names;
}

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

// A method without a handler is our mistake, and better noticed at once than by a client.
void CheckComplete(const std::vector<std::unique_ptr<RpcService>>& services) {
  for (const auto& service : services) {
    const std::vector<std::string> missing = service->MissingMethods();
    if (missing.empty()) continue;
    LogError("methods without a handler", {{"methods", absl::StrJoin(missing, " ")}});
    std::abort();
  }
}

}  // namespace

ApiServer::ApiServer(const Backend& backend) : services_(MakeServices(backend, drain_)), health_(NamesOf(services_)) {
  const auto add = [&](const google::protobuf::FileDescriptor* file) -> RpcService& {
    services_.push_back(std::make_unique<RpcService>(file->service(0), backend));
    return *services_.back();
  };
  AddHealthMethods(add(grpc::health::v1::HealthCheckRequest::descriptor()->file()), health_, drain_);
  RpcService& v1 = add(grpc::reflection::v1::ServerReflectionRequest::descriptor()->file());
  RpcService& v1alpha = add(grpc::reflection::v1alpha::ServerReflectionRequest::descriptor()->file());
  std::vector<std::string> names = NamesOf(services_);
  std::sort(names.begin(), names.end());
  const auto shared_names = std::make_shared<const std::vector<std::string>>(std::move(names));
  AddReflectionMethods(v1, shared_names, drain_);
  AddReflectionMethods(v1alpha, shared_names, drain_);
  CheckComplete(services_);
}

ApiServer::~ApiServer() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Start(const Backend& backend, const ServerOptions& options) {
  std::unique_ptr<ApiServer> server(new ApiServer(backend));
  grpc::ServerBuilder builder;
  if (!options.address.empty()) {
    builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(), &server->port_);
  }
  // The transport's limit is that of the largest request; each method's own is checked where there are words for it.
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits::kEventBatchBytesMax + limits::kRequestBytesMax));
  builder.SetMaxSendMessageSize(-1);
  // Without this a second server would share the port in silence, and get half of the first one's calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kStreamsPerConnectionMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveInterval));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Milliseconds(kPingIntervalMin));
  for (const auto& service : server->services_) builder.RegisterService(service.get());
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || (!options.address.empty() && server->port_ == 0)) {
    return AddressUnusable(options.address, "the port is taken, or it is no address of this machine; choose another");
  }
  return server;
}

std::shared_ptr<grpc::Channel> ApiServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return server_->InProcessChannel(arguments);
}

void ApiServer::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  const absl::Time deadline = absl::Now() + grace;
  health_.SetServing(false, "shutting down");
  drain_.DrainAll(deadline);
  server_->Shutdown(absl::ToChronoTime(deadline));
  server_.reset();
}

}  // namespace throughline::api
