// The log of recorded events in RocksDB: the truth. Thread-safe for readers beside one writer.
//
// Layout of the directory (format 1): `FORMAT` names the format; `log/` is a RocksDB database with
//   'w' <workspace id>                              → number of the workspace, u32
//   'e' <workspace number, u32> <sequence, u64>     → record time in microseconds, i64; canonical event
//   (event_record.h)
// Integers are big-endian in keys and little-endian in values. Sequences run from 1 without gaps. The identity of an
// event is inside its bytes, and the index of identities is in files of its own (identity_index.h): a second, randomly
// ordered index in the database costs six times the writer's time (docs/decisions/event-log.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "services/base/data_directory.h"

namespace throughline {

class EventLog {
 public:
  // One event to be written.
  struct Entry {
    uint32_t workspace = 0;
    int64_t sequence = 0;
    absl::string_view event;  // canonical
  };
  // One event as it was read.
  struct Record {
    int64_t sequence = 0;
    absl::Time record_time;
    std::string event;  // canonical
  };
  using ScanFunction = std::function<absl::Status(int64_t sequence, absl::string_view event)>;

  // Opens or creates. FAILED_PRECONDITION (DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_UNUSABLE,
  // STORE_VERSION_UNSUPPORTED), and as MapRocksDbError.
  static absl::StatusOr<std::shared_ptr<EventLog>> Open(const std::string& directory, rocksdb::Env* env);

  // All of it durable, or none of it recorded. After a failure the next call first asks the disk with a small file, and
  // if it takes that, opens the database anew and removes what the failed write may have left in it: RocksDB comes back
  // from few of its errors by itself, and reading must go on while the disk is full. Should the process end before
  // that, a write that failed while syncing may be found after all. Codes as MapRocksDbError.
  absl::Status Write(absl::Time record_time, absl::Span<const Entry> entries,
                     const std::map<std::string, uint32_t>& new_workspaces);
  // Whether the next write could begin: after a failure, makes good what Write would, and codes as Write.
  absl::Status EnsureWritable();

  absl::StatusOr<std::map<std::string, uint32_t>> Workspaces() const;

  // 0 if there are no events.
  absl::StatusOr<int64_t> LastSequence(uint32_t workspace) const;

  // Events with sequences in [from, to], in order. DATA_LOSS if one is missing in between. Any status of `function`
  // ends the scan and is returned.
  absl::Status Scan(uint32_t workspace, int64_t from, int64_t to, const ScanFunction& function) const;

  // The records with these sequences, in the order asked. DATA_LOSS if one is missing.
  absl::StatusOr<std::vector<Record>> Read(uint32_t workspace, absl::Span<const int64_t> sequences) const;

  // How the log configures RocksDB, for programs that compare with it.
  static rocksdb::Options DatabaseOptions();

 private:
  EventLog(std::unique_ptr<DataDirectory> directory, rocksdb::Options options)
      : directory_(std::move(directory)), options_(std::move(options)) {}

  absl::Status OpenDatabase();
  void OpenForReading();
  absl::Status Recover();
  absl::Status ProbeDisk() const;
  // Holds the lock that keeps the database open. UNAVAILABLE if it could not be opened again.
  absl::StatusOr<std::shared_lock<std::shared_mutex>> Reading() const;

  absl::Status Mapped(const rocksdb::Status& status) const;
  absl::Status Damaged(absl::string_view problem) const;

  const std::unique_ptr<DataDirectory> directory_;  // locked for as long as the database is open
  const rocksdb::Options options_;
  mutable std::shared_mutex mutex_;  // exclusive while the database is opened anew
  std::unique_ptr<rocksdb::DB> db_;  // null: could not be opened again
  // The writer's: the keys of a write that failed.
  bool failed_ = false;
  std::vector<std::string> failed_keys_;
};

}  // namespace throughline
