// A file that is read where it lies. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace rocksdb {
class RandomAccessFile;
}  // namespace rocksdb

namespace throughline {

class MappedFile {
 public:
  // All of it. UNAVAILABLE: the disk fails, or nothing more can be mapped.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  const char* const data_;
  const size_t size_;
};

// The bytes [offset, offset + size) of a file. False if it is shorter or cannot be read.
bool ReadBytes(const rocksdb::RandomAccessFile& file, uint64_t offset, size_t size, char* to);

}  // namespace throughline
