// The embedded events engine: a RocksDB log as the truth and a columnar projection for the aggregates. Thread-safe.
//
// One directory belongs to one process at a time. The log is what counts: the projection is kept in files, made from
// the log where these are missing or damaged, and appended to as events arrive. Append reports after a synced write;
// batches that wait together share one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "throughline/events.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace throughline {

class Clock;

struct NativeEventStoreLimits {
  // Serialised events that wait for the writer, over all workspaces. More is RESOURCE_EXHAUSTED: at the writer's
  // slowest (a disk of 20 MB/s) a batch still waits less than four seconds.
  size_t waiting_bytes_max = 64 << 20;
  // Batches above this many serialised bytes do not join a group, so that one commit stays below a second of disk.
  size_t group_bytes_max = 8 << 20;
  // Identities of one workspace that are held in memory before they are sealed into a file (identity_index.h).
  size_t open_identities_max = 512 << 10;
  // Events of one workspace that are held in memory before their columns are sealed into files (column_files.h).
  int64_t open_events_max = 1 << 20;
  // What is made of the columns to answer questions faster, and what was read from the log, of all workspaces.
  size_t cache_bytes_max = size_t{512} << 20;
};

struct NativeEventStoreOptions {
  std::string directory;         // created if absent
  const Clock* clock = nullptr;  // record times; must outlive the store. Required.
  NativeEventStoreLimits limits;
  // Threads that one question may use; 0: as many as the machine has.
  int query_threads = 0;
  // The file system that RocksDB uses; tests put a failing one here. Not owned; null: the real one.
  rocksdb::Env* env = nullptr;
};

class NativeEventStore : public EventStore {
 public:
  // Opens or creates the store and loads the projection.
  // FAILED_PRECONDITION: the directory belongs to another process, or was written by a newer version;
  // DATA_LOSS: the log is damaged; UNAVAILABLE: the disk fails; RESOURCE_EXHAUSTED: it is full.
  static absl::StatusOr<std::unique_ptr<EventStore>> Open(const NativeEventStoreOptions& options);
};

}  // namespace throughline
