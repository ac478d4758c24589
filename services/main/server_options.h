// What throughlined is told on its command line.
// A plain value and pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/base/limits.h"

namespace throughline {

struct ServerOptions {
  std::string data_directory;                   // required
  std::string grpc_address = "127.0.0.1:7420";  // port 0: any free one
  std::string http_address = "127.0.0.1:7480";  // empty: no HTTP
  std::string web_root;                         // the built app; empty: the API alone
  // Once everything serves, one line with the addresses that were bound is written here, whole; empty: nowhere.
  std::string ready_file;
  // Create the demo workspace if the catalog is empty.
  bool demo = false;
  // How many customers the demo has.
  int demo_customer_count = 20'000;
  // How long running calls may take to complete at shutdown.
  absl::Duration grace = absl::Seconds(10);
  // How far back revisions, and what was deleted, can be read.
  absl::Duration history = limits::kCatalogHistoryDefault;
  // Threads that one question may use; 0: as many as the machine has.
  int query_threads = 0;
  // What the event engine may keep of what it can make again.
  int64_t event_cache_mib = 512;
  bool verbose = false;
  bool help = false;
  bool version = false;
};

// `arguments` without the program's name. INVALID_ARGUMENT, saying what is wrong and what would be right.
absl::StatusOr<ServerOptions> ParseServerOptions(const std::vector<std::string>& arguments);

// What --help prints.
std::string ServerUsage();

// "127.0.0.1:7480", "[::1]:7480", "localhost:7480".
struct HostAndPort {
  std::string host;  // numeric, without brackets
  int port = 0;
};
absl::StatusOr<HostAndPort> ParseHostAndPort(const std::string& address);

}  // namespace throughline
