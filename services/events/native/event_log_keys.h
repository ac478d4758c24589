// The keys of the log's database (event_log.h says what stands under them). Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/base/internal/endian.h"
#include "rocksdb/slice.h"

namespace throughline {

inline constexpr char kWorkspacePrefix = 'w';
inline constexpr char kEventPrefix = 'e';
inline constexpr char kErasurePrefix = 'x';
inline constexpr char kHolesPrefix = 'h';
inline constexpr char kUnlinksPrefix = 'u';

// A prefix, the number of a workspace, and a sequence. Big-endian, so that RocksDB's byte order is the order of
// sequences.
class SequenceKey {
 public:
  static constexpr size_t kPrefixSize = 1 + sizeof(uint32_t);

  SequenceKey(char prefix, uint32_t workspace, int64_t sequence) {
    bytes_[0] = prefix;
    absl::big_endian::Store32(&bytes_[1], workspace);
    absl::big_endian::Store64(&bytes_[kPrefixSize], static_cast<uint64_t>(sequence));
  }
  rocksdb::Slice slice() const { return {bytes_.data(), bytes_.size()}; }
  // Of all sequences of the workspace.
  rocksdb::Slice prefix() const { return {bytes_.data(), kPrefixSize}; }

 private:
  std::array<char, kPrefixSize + sizeof(uint64_t)> bytes_;
};

inline SequenceKey KeyOfEvent(uint32_t workspace, int64_t sequence) { return {kEventPrefix, workspace, sequence}; }

// Of a key with the size of a SequenceKey.
inline int64_t SequenceOf(rocksdb::Slice key) {
  return static_cast<int64_t>(absl::big_endian::Load64(key.data() + SequenceKey::kPrefixSize));
}

}  // namespace throughline
