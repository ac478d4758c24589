// The writer of the SQLite engine: one thread that runs waiting transactions in groups, one commit to disk per group.
// Thread-safe.
//
// A group is one SQLite transaction with a savepoint for each member. A member that fails is undone alone and gets no
// revision; those that change something get consecutive revisions in the order in which they were queued. When the
// commit fails, or SQLite itself gives the transaction up, every member that ran in it fails with that error.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "services/base/clock.h"
#include "services/catalog/sqlite/document_cache.h"
#include "services/catalog/sqlite/sqlite_connection.h"
#include "services/catalog/sqlite/sqlite_reader.h"
#include "throughline/catalog.h"

namespace throughline {

class SqliteWriter {
 public:
  // Work on the catalog's own rows. Gives the compaction horizon as it is afterwards.
  using Maintenance = std::function<absl::StatusOr<Revision>(SqliteConnection&, const SqliteState&)>;
  struct Counters {
    int64_t transactions = 0;
    int64_t groups = 0;
  };

  // `cache` is told of every commit. `state` is the file's at start.
  SqliteWriter(std::unique_ptr<SqliteConnection> connection, const SqliteState& state, const Clock& clock,
               DocumentCache& cache);
  // Stops first.
  ~SqliteWriter();

  // Codes as Catalog::Write. INTERNAL when called by a function that the writer runs.
  absl::StatusOr<Revision> Write(Catalog::WriteFunction function);
  absl::Status Maintain(Maintenance maintenance);

  // From now on writes are UNAVAILABLE, those that wait too; the group that is being worked on is finished.
  void RequestStop();
  // The same, and waits for the thread's end.
  void Stop();
  // How many transactions wait for their group.
  size_t waiting() const;
  void AddObserver(std::function<void(Revision)> observer);
  Counters counters() const;

 private:
  struct Job {
    Catalog::WriteFunction function;  // or
    Maintenance maintenance;
    absl::StatusOr<Revision> result = absl::UnknownError("has not run");  // guarded by mutex once queued
    std::mutex mutex;
    std::condition_variable finished;
    bool done = false;
  };
  using Group = std::vector<std::shared_ptr<Job>>;
  // What the members of a group have done so far; becomes true with its commit.
  struct Pending {
    SqliteState state;
    std::vector<DocumentCache::Update> updates;
    int64_t transactions = 0;
  };

  absl::StatusOr<Revision> Submit(std::shared_ptr<Job> job);
  void Run();
  void RunGroup(const Group& group);
  // Runs members from `first` on in one transaction; gives the first that did not run.
  size_t RunTransaction(const Group& group, size_t first);
  absl::StatusOr<Revision> RunMember(Job& job, Pending& pending);
  absl::StatusOr<Revision> RunFunction(const Catalog::WriteFunction& function, Pending& pending);
  absl::Status Commit(Pending pending);
  // Learns from the file what has been committed, after a commit of unknown outcome.
  absl::Status Recover();
  void Notify(Revision revision);
  static void Finish(Job& job);

  const std::unique_ptr<SqliteConnection> connection_;  // the thread's own
  const Clock& clock_;
  DocumentCache& cache_;
  SqliteState state_;             // as committed; the thread's own
  bool recovery_needed_ = false;  // the thread's own
  mutable std::mutex mutex_;      // guards what follows; never held while a job's mutex is
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<std::function<void(Revision)>> observers_;
  Counters counters_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace throughline
