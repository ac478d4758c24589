// Which recorded event of a workspace may have an identity: hash of (source, id) → sequence. Proves absence; presence
// is checked against the log.
//
// Two identities with the same hash are chained: the second stands under hash + 1, and so on. Nothing is removed from
// the middle of a chain.
//
// The newest entries are in memory; when they are many, a thread in the background seals them into a run, a file of its
// own (identity_run.h), and merges runs so that few remain. Runs hold only what is committed in the log, cover it from
// its first event without gaps, and can be made from it again: whatever is wrong with a file costs time and no answer.
//
// One thread, the store's writer, calls everything. It waits for the disk only in Recover and Close.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/events/native/identity_run.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace throughline {

class Executor;

// Entries in memory. Not thread-safe.
class IdentityMap {
 public:
  // 0 if there is none.
  int64_t Find(uint64_t hash) const {
    const Shard& shard = shards_[hash >> kShardShift];
    const auto found = shard.find(hash);
    return found == shard.end() ? 0 : found->second;
  }
  void Prefetch(uint64_t hash) const { shards_[hash >> kShardShift].prefetch(hash); }
  void Insert(uint64_t hash, int64_t sequence) {
    shards_[hash >> kShardShift].emplace(hash, static_cast<uint32_t>(sequence));
  }
  void Remove(uint64_t hash) { shards_[hash >> kShardShift].erase(hash); }
  std::vector<IdentityEntry> Sorted() const;

 private:
  using Shard = absl::flat_hash_map<uint64_t, uint32_t>;
  // Sharded so that no single growth stops the writer for long.
  static constexpr int kShardShift = 58;
  std::array<Shard, 64> shards_;
};

struct IdentityIndexOptions {
  // The hashes of the identities in [first, last] of the log, in order. From any thread.
  using Visit = std::function<absl::Status(int64_t sequence, uint64_t hash)>;
  using ScanLog = std::function<absl::Status(int64_t first, int64_t last, const Visit& visit)>;

  rocksdb::Env* env = nullptr;  // not owned
  std::string directory;        // of this workspace's runs; made when the first is written
  uint32_t workspace = 0;
  uint64_t hash_seed = 0;
  ScanLog scan_log;
  Executor* background = nullptr;  // not owned; must run everything before the index ends
  // So many entries in memory are sealed into a run: 512 Ki take 12 MB and are 6 MB of file.
  size_t open_entries_max = 512 << 10;
  // Closing seals as many; reading fewer from the log again is as quick as two syncs.
  size_t close_entries_min = 16 << 10;
};

class IdentityIndex {
 private:
  using Run = std::shared_ptr<const IdentityRun>;
  using Runs = std::vector<Run>;

 public:
  explicit IdentityIndex(IdentityIndexOptions options);
  // Close must come first where something is to be kept.
  ~IdentityIndex();
  IdentityIndex(const IdentityIndex&) = delete;
  IdentityIndex& operator=(const IdentityIndex&) = delete;

  // At start: takes over the runs that are there, removes what no longer counts or is not usable, and makes what is
  // missing between them from the log, whose last sequence is `last_in_log`. Returns the last sequence that is covered;
  // what is above it must follow by Recover. Codes of `scan_log`.
  absl::StatusOr<int64_t> Open(int64_t last_in_log);
  // At start: the next event of the log. Codes as Find.
  absl::Status Recover(uint64_t hash, int64_t sequence);

  // Brings what Find needs into the processor's cache, where the look-ups of a batch are known some time ahead.
  void Prefetch(uint64_t hash) const {
    for (const Run& run : *runs_view_) run->Prefetch(hash);
    if (sealing_view_ != nullptr) sealing_view_->map.Prefetch(hash);
    open_.map.Prefetch(hash);
  }
  // 0 if there is none. UNAVAILABLE: a run is damaged; it is made anew from the log meanwhile.
  absl::StatusOr<int64_t> Find(uint64_t hash);
  // The next sequence.
  void Insert(uint64_t hash, int64_t sequence);
  // Undoes the last Insert.
  void Remove(uint64_t hash);
  // Everything that was inserted is in the log.
  void Committed();

  // Work in the background ends soon, unfinished. Any thread.
  void StopBackground() { stopping_ = true; }
  // Seals what is in memory, if it is worth it. `background` must have ended; no call may follow.
  void Close();

  // For tests and measurements: waits until nothing is left to do in the background, or it fails.
  void WaitForBackground();
  size_t run_count() const;

 private:
  // What is or was in memory, with its range.
  struct Part {
    IdentityMap map;
    int64_t first_sequence = 1;
    int64_t last_sequence = 0;
    size_t size() const { return static_cast<size_t>(last_sequence - first_sequence + 1); }
  };

  using Retired = std::vector<std::pair<std::shared_ptr<const Runs>, std::shared_ptr<const Part>>>;

  // The writer's side.
  void Refresh();
  void StartWork();
  void StartRepair();

  // The background's side, one thread at a time; and of Open and Close, when there is none.
  void Work();
  absl::StatusOr<bool> WorkOnce();
  absl::StatusOr<bool> SealWaiting();
  absl::Status Repair(const Run& damaged);
  absl::StatusOr<Runs> MakeFromLog(int64_t first, int64_t last, Runs before);
  absl::StatusOr<Run> MakePieceFromLog(int64_t first, int64_t last, const Runs& before);
  absl::StatusOr<Run> Merge(absl::Span<const Run> inputs);
  absl::StatusOr<Run> Write(const Part& part);
  void Replace(absl::Span<const Run> old, absl::Span<const Run> made);
  Runs CurrentRuns() const;
  Runs OpenFiles(int64_t last_in_log);
  absl::Status CheckAgainstLog(const Run& run, const Runs& before) const;
  void RemoveFile(const std::string& path) const;
  IdentityRunRange RangeOf(int64_t first, int64_t last) const;

  const IdentityIndexOptions options_;

  // The writer's.
  Part open_;
  std::shared_ptr<const Part> sealing_view_;
  std::shared_ptr<const Runs> runs_view_;
  uint64_t seen_version_ = 0;
  size_t seal_at_;
  std::chrono::steady_clock::time_point repair_at_;  // not before

  std::atomic<uint64_t> version_ = 0;  // of what mutex_ guards
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  bool working_ = false;
  bool failing_ = false;                 // the last work failed, which was told
  std::shared_ptr<const Part> sealing_;  // null: nothing is to be sealed
  std::shared_ptr<const Runs> runs_;     // in order of their sequences
  Retired retired_;                      // what the writer has let go of
};

// The seed of a store's hashes, kept in the file SEED of `directory`. A new one, with which no run that is there
// agrees, where the file is absent or damaged. Codes as MapRocksDbError.
absl::StatusOr<uint64_t> EnsureIdentitySeed(rocksdb::Env* env, const std::string& directory);

}  // namespace throughline
