// One property of all events of a workspace as a file that only grows: the codes in the order of the log, and what the
// codes stand for (docs/decisions/event-segments.md). Belongs to one thread at a time.
//
// Layout (version 1, little-endian, every part begins at a multiple of 64 bytes):
//   header   64 bytes: magic, version, workspace, size of the key, checksum; then the key
//   blocks   header 64 bytes: first row, width, new values, bytes, a hash of the last event, checksum; then
//            CodeSequence::kChunkCodes codes; then the new values, each as its length and its bytes
// A checksum is mixed with that of what comes before. Only whole chunks are written: the rest is read from the log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/events/native/dictionaries.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace throughline {

class PropertyFile {
 public:
  // What tells one event of the log from another that was given its sequence in another log.
  using HashEvent = std::function<absl::StatusOr<uint64_t>(int64_t sequence)>;

  struct Loaded {
    std::unique_ptr<PropertyColumn> column;  // null: nothing can be used
    uint64_t anchor = 0;                     // hash of event codes.size(), if there is one
    std::string problem;                     // empty: nothing was wrong
  };

  PropertyFile(rocksdb::Env* env, std::string path, uint32_t workspace)
      : env_(env), path_(std::move(path)), workspace_(workspace) {}

  // What can be used of the file, which is cut off behind it.
  Loaded Load();
  // Adds what is new of the first `rows` events, of which only whole chunks are taken; makes the file if there is
  // none. Durable, except for its name. After a failure it is as before. `erased` are rows, ascending, that have no
  // value in the file whatever the column says. Codes as MapRocksDbError and of `hash_event`.
  absl::Status Append(const PropertyColumn& column, int64_t rows, const HashEvent& hash_event,
                      absl::Span<const uint32_t> erased = {});
  // Puts in its place a file with as many rows that has nothing of erased rows and forgotten values. Codes as Append.
  absl::Status Rewrite(const PropertyColumn& column, const HashEvent& hash_event, absl::Span<const uint32_t> erased);

  // The codes of all its rows where they lie in the file. UNAVAILABLE: the disk fails, or nothing more can be mapped.
  absl::StatusOr<CodeSequence::KeptChunks> Map() const;

  const std::string& path() const { return path_; }
  int64_t rows() const { return rows_; }

 private:
  struct BlockHeader;
  // Where the codes of a chunk are.
  struct Place {
    uint64_t offset;
    int width;
  };
  absl::Status Create(const PropertyColumn& column);
  bool ReadHeader(std::string& key, std::string& problem);

  rocksdb::Env* env_;
  std::string path_;
  uint32_t workspace_;
  bool exists_ = false;
  int64_t rows_ = 0;
  uint32_t values_ = 0;  // how many the file has
  uint64_t end_ = 0;     // of the last block
  uint64_t check_ = 0;   // of it
  std::vector<Place> places_;
};

}  // namespace throughline
