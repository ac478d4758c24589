// The log of recorded events in RocksDB: the truth. Thread-safe for readers beside one writer, and one that purges.
//
// Layout of the directory (format 1; 2 once something was erased): `FORMAT` names the format; `log/` is a RocksDB
// database with these keys, where <number> is a workspace's, u32, and <sequence> is u64:
//   'w' <workspace id>          number of the workspace, u32
//   'e' <number> <sequence>     record time in microseconds, i64; canonical event, or a mark in its place
//                               (event_record.h)
//   'x' <number> <sequence>     of an erasure that files may still know of: the sequences of the events that it erased,
//                               the first and then the differences, as varints
//   'u' <number> <sequence>     of an erasure: what the erased events had taken back, each as its row, u32, and the key
//                               of the link, two u64 (identity_graph.h)
//   'h' <number>                how many sequences have marks instead of events, i64
// Integers are big-endian in keys and little-endian in values. Sequences run from 1 without gaps. The identity of an
// event is inside its bytes, and the index of identities is in files of its own (identity_index.h): a second, randomly
// ordered index in the database costs six times the writer's time (docs/decisions/event-log.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
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
#include "rocksdb/write_batch.h"
#include "services/base/data_directory.h"
#include "services/events/native/identity_graph.h"

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
  static absl::StatusOr<std::shared_ptr<EventLog>> Open(const std::string& directory, rocksdb::Env* env,
                                                        std::shared_ptr<rocksdb::Cache> blocks = nullptr);

  // All of it durable, or none of it recorded. After a failure the next call first asks the disk with a small file, and
  // if it takes that, opens the database anew and removes what the failed write may have left in it: RocksDB comes back
  // from few of its errors by itself, and reading must go on while the disk is full. Should the process end before
  // that, a write that failed while syncing may be found after all. Codes as MapRocksDbError.
  absl::Status Write(absl::Time record_time, absl::Span<const Entry> entries,
                     const std::map<std::string, uint32_t>& new_workspaces);
  // Whether the next write could begin: after a failure, makes good what Write would, and codes as Write.
  absl::Status EnsureWritable();

  // Of one workspace.
  struct Erasure {
    int64_t sequence = 0;             // its own
    std::vector<int64_t> erased;      // sequences of the events, ascending; not empty
    std::vector<KeptUnlink> unlinks;  // that these events state; not filled by PendingErasures
  };
  // Puts tombstones in the place of events and adds the erasure with its sequence, which is the next: all of it
  // durable, or nothing. `marks` are the tombstones in the order of `erased`, and at last the erasure. After a failure
  // the events are there, and whether they still are when the log was opened anew, HasErasure tells. Codes as Write.
  absl::Status WriteErasure(absl::Time record_time, uint32_t workspace, const Erasure& erasure,
                            absl::Span<const std::string> marks);
  absl::StatusOr<bool> HasErasure(uint32_t workspace, int64_t sequence) const;
  // Those after which something may be left in files, in order.
  absl::StatusOr<std::vector<Erasure>> PendingErasures(uint32_t workspace) const;
  // Of all erasures.
  absl::StatusOr<std::vector<KeptUnlink>> KeptUnlinks(uint32_t workspace) const;
  // How many sequences have no event.
  absl::StatusOr<int64_t> Holes(uint32_t workspace) const;
  // Rewrites what the database has of [first, last], until no file has anything but what can be read. Takes as long as
  // that is much. UNAVAILABLE also where it is interrupted, or a reader holds on to older files for long. One thread at
  // a time.
  absl::Status Purge(uint32_t workspace, int64_t first, int64_t last) const;
  // Nothing of these is left. Durable.
  absl::Status ForgetErasures(uint32_t workspace, absl::Span<const int64_t> sequences) const;
  // Ends what purges, now and later. The writer must have ended. Any thread.
  void StopPurging() const { interrupted_ = true; }

  absl::StatusOr<std::map<std::string, uint32_t>> Workspaces() const;

  // 0 if there are no events.
  absl::StatusOr<int64_t> LastSequence(uint32_t workspace) const;

  // Events with sequences in [from, to], in order. DATA_LOSS if one is missing in between. Any status of `function`
  // ends the scan and is returned.
  absl::Status Scan(uint32_t workspace, int64_t from, int64_t to, const ScanFunction& function) const;

  // The records with these sequences, in the order asked. DATA_LOSS if one is missing.
  absl::StatusOr<std::vector<Record>> Read(uint32_t workspace, absl::Span<const int64_t> sequences) const;

  // How the log configures RocksDB, for programs that compare with it.
  static rocksdb::Options DatabaseOptions(std::shared_ptr<rocksdb::Cache> blocks = nullptr);

 private:
  EventLog(std::unique_ptr<DataDirectory> directory, rocksdb::Options options)
      : directory_(std::move(directory)), options_(std::move(options)) {}

  // While there is one, nothing is purged.
  class Interruption {
   public:
    explicit Interruption(std::atomic<bool>& flag) : flag_(flag), before_(flag.exchange(true)) {}
    ~Interruption() { flag_ = before_; }
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

   private:
    std::atomic<bool>& flag_;
    const bool before_;
  };

  static void AddEntries(absl::Time record_time, absl::Span<const Entry> entries, rocksdb::WriteBatch& batch);
  absl::Status CompactRange(uint32_t workspace, int64_t first, int64_t last) const;
  std::vector<std::string> FilesOf(absl::string_view ending) const;
  // Files in use: all, and those that have keys of the range.
  std::set<std::string> LiveTables() const;
  std::vector<std::string> LiveTables(uint32_t workspace, int64_t first, int64_t last) const;
  rocksdb::Status RemoveUnused() const;
  absl::Status AwaitRemoval(const std::vector<std::string>& files, bool unless_live) const;
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
  mutable std::shared_mutex mutex_;                // exclusive while the database is opened anew
  std::unique_ptr<rocksdb::DB> db_;                // null: could not be opened again
  mutable std::atomic<bool> interrupted_ = false;  // what purges ends
  // The writer's: the keys of a write that failed.
  bool failed_ = false;
  std::vector<std::string> failed_keys_;
};

}  // namespace throughline
