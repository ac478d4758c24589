#include "services/catalog/sqlite/sqlite_writer.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/catalog/sqlite/sqlite_transaction.h"
#include "throughline/errors.h"

namespace throughline {

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteConnection> connection, const SqliteState& state, const Clock& clock,
                           DocumentCache& cache)
    : connection_(std::move(connection)), clock_(clock), cache_(cache), state_(state) {
  cache_.Reset(state.latest, state.horizon);
  thread_ = std::thread([this] { Run(); });
}

SqliteWriter::~SqliteWriter() { Stop(); }

absl::StatusOr<Revision> SqliteWriter::Write(Catalog::WriteFunction function) {
  if (!function) return Internal("a write without a function");
  auto job = std::make_shared<Job>();
  job->function = std::move(function);
  return Submit(std::move(job));
}

absl::Status SqliteWriter::Maintain(Maintenance maintenance) {
  auto job = std::make_shared<Job>();
  job->maintenance = std::move(maintenance);
  return Submit(std::move(job)).status();
}

void SqliteWriter::RequestStop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

void SqliteWriter::Stop() {
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

size_t SqliteWriter::waiting() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return queue_.size();
}

void SqliteWriter::AddObserver(std::function<void(Revision)> observer) {
  std::lock_guard<std::mutex> lock(mutex_);
  observers_.push_back(std::move(observer));
}

SqliteWriter::Counters SqliteWriter::counters() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

absl::StatusOr<Revision> SqliteWriter::Submit(std::shared_ptr<Job> job) {
  // Would wait for itself.
  if (std::this_thread::get_id() == thread_.get_id()) return Internal("a write was asked for inside a write");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return ShuttingDown();
    if (queue_.size() >= limits::kCatalogQueueMax) {
      return Overloaded("the catalog's writer", limits::kRetryAfterDefault);
    }
    queue_.push_back(job);
    wake_.notify_one();
  }
  std::unique_lock<std::mutex> lock(job->mutex);
  job->finished.wait(lock, [&] { return job->done; });
  return std::move(job->result);
}

void SqliteWriter::Run() {
  for (;;) {
    Group group;
    bool stopping = false;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      stopping = stopping_;
      const size_t count = stopping ? queue_.size() : std::min(queue_.size(), limits::kCatalogGroupMax);
      group.assign(queue_.begin(), queue_.begin() + count);
      queue_.erase(queue_.begin(), queue_.begin() + count);
    }
    if (stopping) {
      for (const std::shared_ptr<Job>& job : group) job->result = ShuttingDown();
    } else {
      RunGroup(group);
    }
    for (const std::shared_ptr<Job>& job : group) Finish(*job);
    if (stopping) return;
  }
}

void SqliteWriter::RunGroup(const Group& group) {
  for (size_t next = 0; next < group.size();) next = RunTransaction(group, next);
}

size_t SqliteWriter::RunTransaction(const Group& group, size_t first) {
  absl::Status status = recovery_needed_ ? Recover() : absl::OkStatus();
  if (status.ok()) status = connection_->Run(SqlStatement::kBeginImmediate);
  if (!status.ok()) {
    for (size_t i = first; i < group.size(); ++i) group[i]->result = status;
    return group.size();
  }
  Pending pending;
  pending.state = state_;
  size_t next = first;
  while (next < group.size() && status.ok()) {
    Job& job = *group[next++];
    job.result = RunMember(job, pending);
    // Some failures end SQLite's whole transaction: what ran before is undone with it.
    if (!connection_->InTransaction()) status = job.result.ok() ? Internal("transaction lost") : job.result.status();
  }
  if (status.ok()) status = Commit(std::move(pending));
  if (!status.ok()) {
    // Also those that failed or changed nothing: they may have seen what now never was.
    for (size_t i = first; i < next; ++i) group[i]->result = status;
    recovery_needed_ = true;
  }
  return next;
}

absl::StatusOr<Revision> SqliteWriter::RunMember(Job& job, Pending& pending) {
  if (absl::Status status = connection_->Run(SqlStatement::kSavepoint); !status.ok()) {
    if (connection_->InTransaction()) (void)connection_->Run(SqlStatement::kRollback);
    return status;
  }
  absl::StatusOr<Revision> result;
  if (job.function) {
    result = RunFunction(job.function, pending);
  } else {
    result = job.maintenance(*connection_, pending.state);
    if (result.ok()) pending.state.horizon = *result;
  }
  if (result.ok() || !connection_->InTransaction()) {
    if (!result.ok()) return result;
    if (absl::Status status = connection_->Run(SqlStatement::kReleaseSavepoint); status.ok()) return result;
    result = Internal("a savepoint was not released");
  } else if (connection_->Run(SqlStatement::kRollbackToSavepoint).ok() &&
             connection_->Run(SqlStatement::kReleaseSavepoint).ok()) {
    return result;
  }
  // What the member did cannot be told apart from the rest any more.
  (void)connection_->Run(SqlStatement::kRollback);
  return result;
}

absl::StatusOr<Revision> SqliteWriter::RunFunction(const Catalog::WriteFunction& function, Pending& pending) {
  // Time never runs backwards from one revision to the next, whatever the clock does.
  const absl::Time now = std::max(absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now())), pending.state.latest_time);
  const Revision revision{pending.state.latest.value + 1};
  SqliteTransaction transaction(*connection_, revision, pending.state.horizon, now);
  absl::Status status;
  try {
    status = function(transaction);
  } catch (const std::exception& exception) {
    status = Internal(absl::StrCat("a write function threw: ", exception.what()));
  } catch (...) {
    status = Internal("a write function threw");
  }
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(transaction.failure());
  if (!transaction.changed()) return pending.state.latest;
  RETURN_IF_ERROR(transaction.Finish());
  for (DocumentCache::Update& update : transaction.TakeUpdates()) pending.updates.push_back(std::move(update));
  pending.state.latest = revision;
  pending.state.latest_time = now;
  ++pending.transactions;
  return revision;
}

absl::Status SqliteWriter::Commit(Pending pending) {
  if (absl::Status status = connection_->Run(SqlStatement::kCommit); !status.ok()) {
    if (connection_->InTransaction()) (void)connection_->Run(SqlStatement::kRollback);
    return status;
  }
  const bool compacted = pending.state.horizon != state_.horizon;
  state_ = pending.state;
  if (pending.transactions > 0) cache_.Commit(state_.latest, std::move(pending.updates));
  if (compacted) cache_.Compact(state_.horizon);
  if (pending.transactions == 0) return absl::OkStatus();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    counters_.transactions += pending.transactions;
    ++counters_.groups;
  }
  Notify(state_.latest);
  return absl::OkStatus();
}

absl::Status SqliteWriter::Recover() {
  ASSIGN_OR_RETURN(const SqliteState state, ReadSqliteState(*connection_));
  const bool more = state.latest > state_.latest;
  state_ = state;
  cache_.Reset(state.latest, state.horizon);
  recovery_needed_ = false;
  if (more) Notify(state.latest);
  return absl::OkStatus();
}

void SqliteWriter::Notify(Revision revision) {
  std::vector<std::function<void(Revision)>> observers;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    observers = observers_;
  }
  for (const auto& observer : observers) {
    try {
      observer(revision);
    } catch (const std::exception& exception) {
      LogError("an observer of the catalog threw", {{"what", exception.what()}});
    }
  }
}

void SqliteWriter::Finish(Job& job) {
  std::lock_guard<std::mutex> lock(job.mutex);
  job.done = true;
  job.finished.notify_one();
}

}  // namespace throughline
