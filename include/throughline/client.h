// Client of the Throughline API: one channel, the services' stubs, and a bulk writer of events.
// Client is thread-safe; EventWriter belongs to one thread.
//
// Errors are the server's: code, message and the google.rpc details as payloads, read with GetErrorReason,
// GetFieldViolations and GetErrorMetadata of errors.h.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "throughline/v1/analysis_service.grpc.pb.h"
#include "throughline/v1/customer_service.grpc.pb.h"
#include "throughline/v1/event_service.grpc.pb.h"
#include "throughline/v1/journey_map_service.grpc.pb.h"
#include "throughline/v1/metric_service.grpc.pb.h"
#include "throughline/v1/persona_service.grpc.pb.h"
#include "throughline/v1/segment_service.grpc.pb.h"
#include "throughline/v1/workspace_service.grpc.pb.h"

namespace throughline {

// The status of an RPC with the details that came with it.
absl::Status FromGrpcStatus(const grpc::Status& status);

struct ClientOptions {
  // Where the server listens for gRPC, `host:port`.
  std::string address = "127.0.0.1:7420";
  // How long Connect waits for a server that is on its way up.
  absl::Duration connect_timeout = absl::Seconds(5);
  // Deadline of each unary call.
  absl::Duration call_timeout = absl::Minutes(2);
};

class Client {
 public:
  // UNAVAILABLE, naming the address, if no server answers there in time.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const ClientOptions& options);
  // Over a channel that exists, such as one to a server in the same process.
  Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options);

  // Makes one unary call: `client.Call(&v1::EventService::Stub::RecordEvents, request)`.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + options_.call_timeout));
    Response response;
    const grpc::Status status = (stub<Stub>().*method)(&context, request, &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response;
  }

  // The stub itself, for what Call does not do: `client.stub<v1::EventService::Stub>()`.
  template <typename Stub>
  Stub& stub() {
    return *std::get<std::unique_ptr<Stub>>(stubs_);
  }

  const ClientOptions& options() const { return options_; }

 private:
  const ClientOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  std::tuple<std::unique_ptr<v1::AnalysisService::Stub>, std::unique_ptr<v1::CustomerService::Stub>,
             std::unique_ptr<v1::EventService::Stub>, std::unique_ptr<v1::JourneyMapService::Stub>,
             std::unique_ptr<v1::MetricService::Stub>, std::unique_ptr<v1::PersonaService::Stub>,
             std::unique_ptr<v1::SegmentService::Stub>, std::unique_ptr<v1::WorkspaceService::Stub>>
      stubs_;
};

// An event that the server refused.
struct RejectedEvent {
  int64_t tag = 0;  // as given to Write
  v1::CustomerEvent event;
  absl::Status status;
};

struct EventWriterOptions {
  // A batch is sent when it has this many events or bytes; the server takes at most 5000 events.
  int batch_events_max = 1000;
  size_t batch_bytes_max = 512 * 1024;
  // Batches that are sent and not yet acknowledged: enough to keep both sides busy; what is more waits in Write.
  int batches_in_flight_max = 8;
  // Streams that may be lost one after the other without any acknowledgement in between before the writer gives up.
  int attempts_max = 6;
  // Wait before the second attempt; it doubles with each, up to the maximum, and varies by ±25 %.
  absl::Duration backoff_initial = absl::Milliseconds(200);
  absl::Duration backoff_max = absl::Seconds(5);
  // A stream without any acknowledgement for this long is taken for lost.
  absl::Duration acknowledgement_timeout = absl::Seconds(60);
};

struct EventWriterTotals {
  int64_t written = 0;  // given to Write
  int64_t recorded = 0;
  int64_t duplicates = 0;
  int64_t rejected = 0;
  int64_t lost_streams = 0;  // that were replaced
};

// Records any number of events over StreamEvents. Batches are acknowledged when they are durable; what was not
// acknowledged when a stream is lost is sent again, which changes nothing where it had arrived.
class EventWriter {
 public:
  // Called from within Write and Finish, once for each event that the server refused.
  using RejectCallback = std::function<void(const RejectedEvent&)>;

  // `client` must outlive the writer.
  EventWriter(Client& client, absl::string_view workspace_name, const EventWriterOptions& options,
              RejectCallback on_reject);
  // Gives up what is not acknowledged, unless Finish returned.
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // Takes an event; blocks while too many batches wait for their acknowledgement. `tag` comes back with a rejection. An
  // error is final: the server refused the whole stream (NOT_FOUND: no such workspace), or stayed away (UNAVAILABLE).
  absl::Status Write(v1::CustomerEvent event, int64_t tag);

  // Sends what is left and waits for every acknowledgement. OK: every event written is durable or was rejected.
  absl::Status Finish();

  EventWriterTotals totals() const;

 private:
  class Implementation;
  const std::unique_ptr<Implementation> implementation_;
};

}  // namespace throughline
