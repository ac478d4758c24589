// The dictionaries of one workspace as a file that only grows, and what the segments beside it cover. Not thread-safe.
//
// Layout of `dictionaries` (version 2, little-endian):
//   header   64 bytes: magic, version, workspace, lineage; checksum
//   blocks   header of 72 bytes, then the new strings of each dictionary, then numbers of partitions. The last block of
//            a seal says that it is complete, up to which event of the log, and a hash of that event
// A block's checksum is mixed with that of the block before, so that none can be missing, stale or in another place.
// What follows the last complete seal, which a crash has left behind, is cut off.
//
// A seal lists the partitions that have events since their last segment. So a segment that no seal after it lists
// covers everything up to the last one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/events/native/dictionaries.h"

namespace rocksdb {
class Env;
class RandomRWFile;
class Status;
}  // namespace rocksdb

namespace throughline {

// How many strings the dictionaries had when an event was the last: customers, then by CodeColumn.
struct DictionarySizes {
  uint32_t customers = 0;
  std::array<uint32_t, kCodeColumnCount> codes{};

  static DictionarySizes Of(const Dictionaries& dictionaries);
  friend bool operator==(const DictionarySizes& a, const DictionarySizes& b) {
    return a.customers == b.customers && a.codes == b.codes;
  }
};

class DictionaryFile {
 public:
  struct Loaded {
    std::unique_ptr<Dictionaries> dictionaries;
    int64_t watermark = 0;               // they are as they were when this event was the last; 0: there is nothing
    uint64_t anchor = 0;                 // hash of that event
    std::map<uint32_t, int64_t> listed;  // the last seal that lists a partition
    std::string problem;                 // empty: nothing was wrong
  };

  DictionaryFile(rocksdb::Env* env, std::string directory, uint32_t workspace)
      : env_(env), directory_(std::move(directory)), workspace_(workspace) {}

  // What can be used of the file. Without a file, an empty result.
  Loaded Load();

  // Whether there is a file to which can be added.
  bool exists() const { return exists_; }
  uint64_t lineage() const { return lineage_; }
  int64_t watermark() const { return watermark_; }
  uint64_t bytes() const { return end_; }
  static bool IsFile(absl::string_view name);  // whether it is the name of such a file

  // A file without strings, of a new lineage: no segment that is there agrees with it. Codes as MapRocksDbError.
  absl::Status Create();
  // Adds what is new up to event `watermark`, durably. After a failure it is as before. Codes as MapRocksDbError.
  absl::Status Append(int64_t watermark, uint64_t anchor, const Dictionaries& dictionaries,
                      const DictionarySizes& sizes, const std::vector<uint32_t>& partitions);
  // Partitions that have no event since one of the log, and so need no new segment.
  struct Rest {
    std::vector<uint32_t> partitions;
    int64_t since = 0;
    uint64_t anchor = 0;  // hash of that event
  };
  // As Append, into a file that takes the place of this one, in which strings that were forgotten are empty. Of the
  // same lineage, as codes stay what they are.
  absl::Status Rewrite(int64_t watermark, uint64_t anchor, const Dictionaries& dictionaries,
                       const DictionarySizes& sizes, const std::vector<uint32_t>& partitions, const Rest& at_rest);
  // Removes the file. Nothing that it knew is used again.
  void Discard();

 private:
  class BlockWriter;
  std::string Path() const;
  absl::Status WriteHeader(const std::string& path) const;
  absl::Status MoveIntoPlace(const std::string& temporary) const;

  rocksdb::Env* const env_;
  const std::string directory_;
  const uint32_t workspace_;
  bool exists_ = false;
  uint64_t lineage_ = 0;
  int64_t watermark_ = 0;
  DictionarySizes sizes_;
  uint64_t end_ = 0;    // of the last complete seal
  uint64_t check_ = 0;  // of its last block
};

}  // namespace throughline
