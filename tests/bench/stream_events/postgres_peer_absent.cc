// Stands in for postgres_peer.cc where PostgreSQL's client library is not installed.
#include "tests/bench/stream_events/postgres_peer.h"

namespace throughline::bench {

absl::StatusOr<std::unique_ptr<PostgresPeer>> PostgresPeer::Start() {
  return absl::UnavailableError("built without libpq; `tools/dev bench stream_clients` installs it");
}

}  // namespace throughline::bench
