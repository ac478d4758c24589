// The files of one workspace's columns: a segment for each partition (segment_file.h), the dictionaries
// (dictionary_file.h), and one for each property that is asked for (property_file.h). The log is the truth: whatever is
// wrong with a file costs time and no answer. Not thread-safe; whoever reads what was loaded or sealed needs no lock.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/events/native/dictionary_file.h"
#include "services/events/native/partition_version.h"
#include "services/events/native/property_file.h"
#include "services/events/native/segment_file.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace throughline {

struct ColumnFilesOptions {
  rocksdb::Env* env = nullptr;  // not owned
  std::string directory;        // of all workspaces; made, as is this one's in it, when there is something to write
  uint32_t workspace = 0;
  int threads = 1;  // that read and verify at start
  PropertyFile::HashEvent hash_event;
};

class ColumnFiles {
 public:
  struct Part {
    std::shared_ptr<const Partition> partition;  // null: is to be made from the log
    NameCounts name_counts;
    int64_t covered = 0;  // the log need not be read for its customers up to here
  };
  struct Loaded {
    std::unique_ptr<Dictionaries> dictionaries;  // as they were when event `watermark` was the last
    int64_t watermark = 0;
    std::vector<Part> parts;                                  // of all customers of the dictionaries
    std::vector<std::unique_ptr<PropertyColumn>> properties;  // each up to a row of its own
    bool damaged = false;                                     // something is to be made anew
  };
  // What was erased since files were written, which must not be in them.
  struct Erased {
    bool any = false;                  // the dictionaries are written anew, and nothing is left over
    std::set<uint32_t> partitions;     // whose segments have erased events
    std::set<std::string> properties;  // whose files have erased values
    std::vector<std::shared_ptr<const PropertyColumn>> columns;  // all that there are
  };
  struct State {
    int64_t watermark = 0;
    DictionarySizes sizes;  // as they were then
    std::vector<std::shared_ptr<const PartitionVersion>> partitions;
    std::vector<const PropertyColumn*> properties;  // up to the watermark; live as long as this
    std::vector<uint32_t> erased_rows;              // ascending: values of these are in no file
    std::vector<std::string> dropped_properties;    // whose columns are gone
    Erased erased;
  };
  // A partition has become a segment, which has the same events.
  using OnSealed = std::function<void(uint32_t i, const Partition& old, std::shared_ptr<const Partition> mapped)>;

  explicit ColumnFiles(ColumnFilesOptions options);

  // At start: what can be used of the files. Removes what is left over, damaged, or ahead of the log, and says so in
  // the process's log. Codes of `hash_event`.
  absl::StatusOr<Loaded> Load(int64_t last_in_log);
  // The files do not fit the log after all.
  void Discard();

  // Makes segments of the partitions that have events which are in none, and adds to the files of properties.
  // Everything in `state` was reported as recorded. After a failure, what was sealed stays sealed. Where something was
  // erased, success means that no file has anything of it. Codes as MapRocksDbError, of `hash_event` and as
  // PartitionVersion::Get.
  absl::Status Seal(State state, const Dictionaries& dictionaries, const OnSealed& on_sealed);
  // The files have everything up to this event. A store that is too small for files has none after an erasure.
  int64_t watermark() const { return dictionaries_.watermark(); }

  // The codes of a property that its file has; none if there is no file. As PropertyFile::Map.
  absl::StatusOr<CodeSequence::KeptChunks> MapProperty(const std::string& key) const;

 private:
  SegmentIdentity IdentityOf(uint32_t partition, int64_t covered) const;
  std::string PathOf(uint32_t partition, int64_t covered) const;
  std::map<uint32_t, std::vector<int64_t>> FindSegments();
  void DiscardSegments();
  Part OpenPart(uint32_t partition, const std::vector<int64_t>& found, const DictionarySizes& sizes) const;
  absl::Status LoadProperties(int64_t last_in_log, std::vector<std::unique_ptr<PropertyColumn>>& out);
  absl::Status EnsureDictionaries();
  absl::Status SealDictionaries(const State& state, const Dictionaries& dictionaries,
                                const std::vector<uint32_t>& changed);
  absl::Status SealProperties(const State& state);
  absl::Status EraseInProperties(const State& state);
  bool AnyFile() const;
  absl::Status RemoveLeftovers() const;
  absl::Status SyncDirectory() const;
  void Remove(const std::string& path) const;

  const ColumnFilesOptions options_;
  const std::string directory_;  // this workspace's
  DictionaryFile dictionaries_;
  std::vector<int64_t> sealed_;  // by partition: what its segment covers by itself; 0: it has none
  // Segments that newer ones replace: partitions, and what they cover.
  std::vector<std::pair<uint32_t, int64_t>> stale_;
  std::map<std::string, PropertyFile> properties_;  // by key
  uint32_t last_property_ = 0;                      // number in the name of its file
};

}  // namespace throughline
