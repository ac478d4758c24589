// A PostgreSQL server of the benchmark's own, and the same events written into it as its users would: durable before
// the answer, and once even if they are sent twice. Used by one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tests/bench/events/bench_support.h"
#include "throughline/v1/event_service.pb.h"

namespace throughline::bench {

// What one client writes: batches, and the canonical bytes of their events, one after the other.
struct ClientBatches {
  std::vector<v1::StreamEventsRequest> requests;
  std::vector<std::string> contents;
};

enum class PostgresWay {
  // INSERT … SELECT FROM unnest(arrays) ON CONFLICT DO NOTHING: prepared, binary, several in a connection's pipeline.
  kInsert,
  // Binary COPY into the same table, one at a time: it cannot leave out what is there already. The upper bound.
  kCopy,
};

class PostgresPeer {
 public:
  // Makes a cluster in a temporary directory and starts its server there, on a Unix socket, with every write synced.
  // UNAVAILABLE, saying why: it is not installed here, or does not start.
  static absl::StatusOr<std::unique_ptr<PostgresPeer>> Start();
  // Stops the server.
  virtual ~PostgresPeer() = default;

  virtual std::string version() const = 0;

  // Empties the table; then each client writes its batches over a connection of its own, each batch a transaction,
  // until all are committed. The CPU time is that of the clients and of the server. Ends the program where an event is
  // missing.
  virtual Rate Write(PostgresWay way, absl::Span<const ClientBatches> clients, int in_flight) = 0;
};

}  // namespace throughline::bench
