// A sorted, immutable file of identities: for every event of a range of sequences, the hash it stands under in the
// index and its sequence. Memory-mapped. Thread-safe.
//
// Layout (version 1, little-endian, everything in pages of 4096 bytes):
//   header   one page: magic, version, workspace, range of sequences, seed of the hashes, sizes; checksum of the page
//   filter   lines of 64 bytes, seven words of bits and the line's checksum: a blocked Bloom filter
//   entries  blocks of 4096 bytes: 340 hashes, their 340 sequences, how many are used, checksum of the block
// Both parts are in the order of the hashes, so that they are written in one pass and found by interpolation.
//
// Every look-up verifies what it reads, every time: a line is hashed in 5 ns and a block, which absent identities
// hardly ever reach, in 0.3 µs. Nothing has to be read when a run is opened, and a byte that turns later is still
// found. The checksums are mixed with the header's own and the place in the file, so that stale or moved blocks do not
// pass.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class Env;
class RandomAccessFile;
}  // namespace rocksdb

namespace throughline {

struct IdentityEntry {
  uint64_t hash = 0;
  uint32_t sequence = 0;
};

// What a run is about.
struct IdentityRunRange {
  uint32_t workspace = 0;
  uint64_t hash_seed = 0;
  int64_t first_sequence = 0;
  int64_t last_sequence = 0;

  int64_t size() const { return last_sequence - first_sequence + 1; }
};

// The parts of the file, as they stand in it.
namespace identity_run {

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kBlockEntries = 340;
inline constexpr size_t kFilterBitsPerEntry = 12;

struct Header {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t workspace;
  uint64_t hash_seed;
  int64_t first_sequence;
  int64_t last_sequence;
  uint64_t filter_lines;
  uint64_t blocks;
  std::array<char, kPageBytes - 64> unused;
  uint64_t check;
};
struct FilterLine {
  std::array<uint64_t, 7> words;
  uint64_t check;

  uint64_t CheckFor(uint64_t header_check, uint64_t line) const;
};
struct Block {
  std::array<uint64_t, kBlockEntries> hashes;
  std::array<uint32_t, kBlockEntries> sequences;
  uint32_t used;
  uint32_t unused;
  uint64_t check;

  uint64_t CheckFor(uint64_t header_check, uint64_t block) const;
};
static_assert(sizeof(Header) == kPageBytes && sizeof(FilterLine) == 64 && sizeof(Block) == kPageBytes);

Header MakeHeader(const IdentityRunRange& range);
// The seven bits of a hash, each as a word.
std::array<uint64_t, 7> FilterBits(uint64_t hash);
uint64_t FilterLineOf(uint64_t hash, uint64_t lines);
// <first>-<last>.run
std::string FileName(int64_t first_sequence, int64_t last_sequence);
inline constexpr char kFileEnding[] = ".run";
inline constexpr char kTemporaryEnding[] = ".new";

}  // namespace identity_run

class IdentityRun {
 public:
  // Reads the header only. DATA_LOSS (STORE_DAMAGED): the file is none, is cut off, is of another version, or is about
  // something else; UNAVAILABLE: the disk fails.
  static absl::StatusOr<std::shared_ptr<const IdentityRun>> Open(rocksdb::Env* env, const std::string& path,
                                                                 uint32_t workspace, uint64_t hash_seed);
  ~IdentityRun();
  IdentityRun(const IdentityRun&) = delete;
  IdentityRun& operator=(const IdentityRun&) = delete;

  // Brings the filter's line of the hash into the processor's cache.
  void Prefetch(uint64_t hash) const { __builtin_prefetch(&filter_[identity_run::FilterLineOf(hash, filter_lines_)]); }
  // 0 if there is none. DATA_LOSS (STORE_DAMAGED) if that cannot be said, as the bytes are not those that were written.
  // A damaged line of the filter does no harm: the entries answer.
  absl::StatusOr<int64_t> Find(uint64_t hash) const;
  // Whether something damaged was met.
  bool damaged() const { return damaged_.load(std::memory_order_relaxed); }
  // Whoever reads the file in another way met it.
  void SetDamaged() const { damaged_.store(true, std::memory_order_relaxed); }
  // Reads everything. DATA_LOSS (STORE_DAMAGED).
  absl::Status Verify() const;

  const IdentityRunRange& range() const { return range_; }
  const std::string& path() const { return path_; }

 private:
  friend class IdentityRunReader;

  IdentityRun(std::string path, std::unique_ptr<rocksdb::RandomAccessFile> file, const identity_run::Header* mapped);
  // False if one is damaged or cannot be read.
  bool ReadBlocks(uint64_t first, size_t count, identity_run::Block* to) const;
  absl::Status Damaged() const;

  const std::string path_;
  const IdentityRunRange range_;
  const uint64_t header_check_;
  const uint64_t filter_lines_;
  const uint64_t blocks_;
  const std::unique_ptr<rocksdb::RandomAccessFile> file_;
  const identity_run::Header* const header_;  // the mapping's begin
  const identity_run::FilterLine* const filter_;
  mutable std::atomic<bool> damaged_ = false;
};

// The entries of a run in order, verified. For one thread.
class IdentityRunReader {
 public:
  // DATA_LOSS (STORE_DAMAGED), also where the disk does not read.
  static absl::StatusOr<IdentityRunReader> Open(std::shared_ptr<const IdentityRun> run);

  bool at_end() const { return at_end_; }
  const IdentityEntry& entry() const { return entry_; }
  // DATA_LOSS (STORE_DAMAGED), also where the disk does not read.
  absl::Status Next();

 private:
  explicit IdentityRunReader(std::shared_ptr<const IdentityRun> run) : run_(std::move(run)) {}

  std::shared_ptr<const IdentityRun> run_;
  std::vector<identity_run::Block> blocks_;
  uint64_t next_block_ = 0;  // of the file
  size_t block_ = 0;         // of blocks_
  size_t place_ = 0;         // in it
  IdentityEntry entry_;
  bool at_end_ = false;
};

}  // namespace throughline
