// The web gateway: an HTTP/1.1 server that offers every unary RPC of throughline.v1 as JSON, under the routes of the
// protos' google.api.http annotations, and the web app's files.
// Thread-safe.
//
// Every call takes the gRPC path: the gateway is a client of the channel it is given and has no logic of its own.
// Errors are google.rpc.Status as JSON. Streaming RPCs are answered 501. What is not an API route is a file of
// `web_root`, or its index.html, so that the app's own addresses can be opened directly.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/base/limits.h"

namespace grpc {
class Channel;
}

namespace throughline {

struct GatewayLimits {
  size_t body_bytes_max = limits::kRequestBytesMax;
  size_t header_bytes_max = limits::kHttpHeaderBytesMax;
  int connection_count_max = limits::kHttpConnectionCountMax;
  absl::Duration read_timeout = limits::kHttpReadTimeout;    // for a whole request to arrive
  absl::Duration idle_timeout = limits::kHttpIdleTimeout;    // between requests of one connection
  absl::Duration write_timeout = limits::kHttpWriteTimeout;  // for a whole answer to leave
  absl::Duration call_timeout = limits::kHttpCallTimeoutDefault;
};

struct GatewayOptions {
  // A numeric address, "127.0.0.1" or "::1", and a port; 0: any free one.
  std::string address = "127.0.0.1";
  int port = 0;
  // Directory of the built web app; empty: no files are served.
  std::string web_root;
  GatewayLimits limits;
};

class Gateway {
 public:
  // Serves until Shutdown or destruction. INVALID_ARGUMENT if the address is not one or the web root is no directory,
  // UNAVAILABLE if the port is taken.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(const GatewayOptions& options,
                                                        std::shared_ptr<grpc::Channel> channel);
  virtual ~Gateway() = default;

  virtual int port() const = 0;

  // Takes no new connections, lets running requests finish for up to `grace`, then cuts them off. Call it before the
  // gRPC server's Shutdown. Idempotent.
  virtual void Shutdown(absl::Duration grace = absl::Seconds(5)) = 0;
};

}  // namespace throughline
