// One partition of columns as a file that is used where it lies: mapped into memory, it is the partition
// (docs/decisions/event-segments.md). Immutable. Functions for any thread.
//
// Layout (version 1, little-endian, every part begins at a multiple of 64 bytes):
//   header   1024 bytes: magic, version, workspace, lineage, partition, counts, covered sequence, bounds of the times,
//            and for each column kind, width, constant, place, size, checksum; checksum of the header
//   columns  as PartitionColumns has them, filled up with zeros to 64 bytes; then how many events each name has
// Everything is verified when the file is opened: each byte by a checksum that is mixed with what the file is about,
// and then that the numbers cannot lead anyone outside of the columns and dictionaries.
//
// The file has a temporary name until it is whole and on the disk: a crash leaves a whole segment or none.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/events/native/partition.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace throughline {

// What a segment is about.
struct SegmentIdentity {
  uint32_t workspace = 0;
  uint64_t lineage = 0;    // of the dictionaries whose codes it has (dictionary_file.h)
  uint32_t partition = 0;  // begins with customer partition × kPartitionCustomers
  int64_t covered = 0;     // all events of its customers up to this sequence are in it, and no others
};

// A name's code and how many events have it, ascending.
using NameCounts = std::vector<std::pair<uint32_t, uint32_t>>;

struct Segment {
  std::shared_ptr<const Partition> partition;
  NameCounts name_counts;
  size_t file_bytes = 0;
};

namespace segment_file {

// <partition>-<covered>.segment
std::string FileName(uint32_t partition, int64_t covered);
// False if the name is not of this form.
bool ParseFileName(absl::string_view name, uint32_t& partition, int64_t& covered);
inline constexpr char kFileEnding[] = ".segment";
inline constexpr char kTemporaryEnding[] = ".new";

}  // namespace segment_file

// Writes the segment into `directory`, which exists, and syncs it, but not the directory. Codes as MapRocksDbError.
absl::Status WriteSegment(rocksdb::Env* env, const std::string& directory, const SegmentIdentity& identity,
                          const Partition& partition);

// Reads and verifies everything, then maps it. `code_counts` and `customer_count` are of the dictionaries. DATA_LOSS
// (STORE_DAMAGED): it is none, is cut off, is of another version, is damaged, or is about something else; UNAVAILABLE:
// the disk fails.
absl::StatusOr<Segment> OpenSegment(rocksdb::Env* env, const std::string& directory, const SegmentIdentity& identity,
                                    const std::array<uint32_t, kCodeColumnCount>& code_counts, uint32_t customer_count);

}  // namespace throughline
