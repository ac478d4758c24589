#include "throughline/client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// Listing pages end below 4 MB; drafts and exports of large maps may be longer.
constexpr int kReceiveBytesMax = 64 * 1024 * 1024;

absl::Status NoServerError(const std::string& address) {
  return absl::UnavailableError(absl::StrCat("no Throughline server answers at ", address));
}

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details()) && details.code() != 0) {
    return FromRpcStatus(details);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceiveBytesMax);
  // A lost server is looked for again quickly: after a restart it is back within a second.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Despite its name: how long one attempt may take before it counts as failed. A busy or distant server needs more
  // than the first backoff.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(options.address, grpc::InsecureChannelCredentials(), arguments);
  // A refused connection is known at once; only a silent one is worth the wait.
  const auto deadline = absl::ToChronoTime(absl::Now() + options.connect_timeout);
  for (grpc_connectivity_state state = channel->GetState(true); state != GRPC_CHANNEL_READY;
       state = channel->GetState(true)) {
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN ||
        !channel->WaitForStateChange(state, deadline)) {
      return NoServerError(options.address);
    }
  }
  return std::make_unique<Client>(std::move(channel), options);
}

Client::Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : options_(options),
      channel_(std::move(channel)),
      stubs_(v1::AnalysisService::NewStub(channel_), v1::CustomerService::NewStub(channel_),
             v1::EventService::NewStub(channel_), v1::JourneyMapService::NewStub(channel_),
             v1::MetricService::NewStub(channel_), v1::PersonaService::NewStub(channel_),
             v1::SegmentService::NewStub(channel_), v1::WorkspaceService::NewStub(channel_)) {}

}  // namespace throughline
