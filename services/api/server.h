// The gRPC server: every service of throughline.v1, health checking and reflection, on one port and in process.
// Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/api/backend.h"
#include "services/api/health.h"
#include "services/api/rpc_service.h"
#include "services/api/stream_drain.h"

namespace grpc {
class Channel;
class Server;
}  // namespace grpc

namespace throughline::api {

struct ServerOptions {
  // "127.0.0.1:7420"; port 0: any free one. Empty: only in process.
  std::string address;
};

class ApiServer {
 public:
  // Serves until Shutdown; health is NOT_SERVING until somebody says otherwise. The backend outlives the server.
  // UNAVAILABLE (ADDRESS_UNAVAILABLE) if the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Start(const Backend& backend, const ServerOptions& options);
  ~ApiServer();  // Shutdown without grace
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // The port that was bound; 0 without an address.
  int port() const { return port_; }
  HealthState& health() { return health_; }
  // A channel to this server within the process, without message limits of its own.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // NOT_SERVING, then: streams are told to finish, running calls may complete for up to `grace`, the rest is
  // cancelled. When it returns no handler runs. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  explicit ApiServer(const Backend& backend);

  StreamDrain drain_;
  std::vector<std::unique_ptr<RpcService>> services_;
  HealthState health_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace throughline::api
