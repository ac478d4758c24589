// A bounded pool of reading connections, opened when they are first needed.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/catalog/sqlite/sqlite_connection.h"

namespace throughline {

class SqliteConnectionPool {
 public:
  // Gives the connection back to the pool when it goes, outside any transaction.
  using Lease = std::unique_ptr<SqliteConnection, std::function<void(SqliteConnection*)>>;

  SqliteConnectionPool(std::string path, int count_max, absl::Duration wait_max)
      : path_(std::move(path)), count_max_(count_max), wait_max_(wait_max) {}

  // Waits for a free connection at most `wait_max`, then RESOURCE_EXHAUSTED (OVERLOADED). Leases must end before the
  // pool does.
  absl::StatusOr<Lease> Acquire();

 private:
  Lease MakeLease(std::unique_ptr<SqliteConnection> connection);
  void Release(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  const int count_max_;
  const absl::Duration wait_max_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<SqliteConnection>> free_;
  int count_ = 0;  // free or leased
};

}  // namespace throughline
