// The embedded catalog engine: the catalog port on one SQLite file.
// Thread-safe.
//
// One writer thread commits in groups: everything that waits runs in one SQLite transaction (WAL, synchronous=FULL),
// each write function in a savepoint of its own, and one fsync makes the group durable. A function that fails is undone
// alone; if the commit itself fails, every transaction of the group fails. Readers use connections of a bounded pool
// and see WAL snapshots; they wait for a free connection, never for the writer. One process at a time: the file is
// locked while it is open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/base/clock.h"
#include "throughline/catalog.h"

namespace throughline {

struct SqliteCatalogOptions {
  // The database file; created where there is none. Its directory must exist.
  std::string path;
  // Where the times of changes come from; must live as long as the catalog.
  const Clock* clock = &SystemClock();
};

class SqliteCatalog : public Catalog {
 public:
  // What the writer has done since Open. transactions / groups is the number of writes that shared one fsync.
  struct Statistics {
    int64_t transactions = 0;  // that changed something and were committed
    int64_t groups = 0;        // commits to disk that carried them
  };

  // Opens the file, or creates it. FAILED_PRECONDITION if another process has it open (STORE_LOCKED) or a newer
  // version of the program wrote it (STORE_VERSION_UNSUPPORTED); DATA_LOSS if it is damaged or not a catalog;
  // UNAVAILABLE, RESOURCE_EXHAUSTED as Write.
  static absl::StatusOr<std::unique_ptr<SqliteCatalog>> Open(SqliteCatalogOptions options);

  virtual Statistics Stats() const = 0;
};

}  // namespace throughline
