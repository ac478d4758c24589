#include "services/catalog/sqlite/sqlite_connection_pool.h"

#include <chrono>
#include <utility>

#include "services/base/limits.h"
#include "throughline/errors.h"

namespace throughline {

absl::StatusOr<SqliteConnectionPool::Lease> SqliteConnectionPool::Acquire() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool got = released_.wait_for(lock, absl::ToChronoNanoseconds(wait_max_),
                                        [this] { return !free_.empty() || count_ < count_max_; });
    if (!got) return Overloaded("the catalog's readers", limits::kRetryAfterDefault);
    if (!free_.empty()) {
      std::unique_ptr<SqliteConnection> connection = std::move(free_.back());
      free_.pop_back();
      return MakeLease(std::move(connection));
    }
    ++count_;
  }
  absl::StatusOr<std::unique_ptr<SqliteConnection>> opened =
      SqliteConnection::Open(path_, SqliteConnection::Mode::kRead);
  if (!opened.ok()) {
    std::lock_guard<std::mutex> lock(mutex_);
    --count_;
    released_.notify_one();
    return opened.status();
  }
  return MakeLease(*std::move(opened));
}

SqliteConnectionPool::Lease SqliteConnectionPool::MakeLease(std::unique_ptr<SqliteConnection> connection) {
  return Lease(connection.release(),
               [this](SqliteConnection* leased) { Release(std::unique_ptr<SqliteConnection>(leased)); });
}

void SqliteConnectionPool::Release(std::unique_ptr<SqliteConnection> connection) {
  const bool clean = !connection->InTransaction() || connection->Run(SqlStatement::kRollback).ok();
  if (!clean) connection.reset();
  std::lock_guard<std::mutex> lock(mutex_);
  if (connection == nullptr) {
    --count_;
  } else {
    free_.push_back(std::move(connection));
  }
  released_.notify_one();
}

}  // namespace throughline
