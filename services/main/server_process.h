// Everything that makes up a running server, opened in order and closed in the opposite one.
// Used by one thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/main/server_options.h"

namespace throughline {

class ServerProcess {
 public:
  // Opens the data directory and the stores, creates the demo if asked for, and serves.
  //
  // A store that cannot be opened is the end: there is no server without its data. Codes: those of DataDirectory,
  // SqliteCatalog, NativeEventStore, ApiServer and Gateway.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerOptions& options);
  virtual ~ServerProcess() = default;

  // "127.0.0.1:7420", with the port that was bound; http is empty without one.
  virtual std::string grpc_address() const = 0;
  virtual std::string http_address() const = 0;

  // Looks at the engines; health is NOT_SERVING while one of them fails. Called about once a second.
  virtual void Probe() = 0;

  // Finishes what is under way, at most for the grace of the options, and closes everything.
  virtual void Shutdown() = 0;
};

}  // namespace throughline
