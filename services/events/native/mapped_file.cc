#include "services/events/native/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "rocksdb/env.h"
#include "throughline/errors.h"

namespace throughline {

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return BackendUnavailable("the event store");
  struct stat status;
  const bool known = ::fstat(descriptor, &status) == 0 && status.st_size > 0;
  const auto size = known ? static_cast<size_t>(status.st_size) : 0;
  void* const mapping = known ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0) : MAP_FAILED;
  ::close(descriptor);
  if (mapping == MAP_FAILED) return BackendUnavailable("the event store");
  return std::make_shared<const MappedFile>(static_cast<const char*>(mapping), size);
}

MappedFile::~MappedFile() { ::munmap(const_cast<char*>(data_), size_); }

bool ReadBytes(const rocksdb::RandomAccessFile& file, uint64_t offset, size_t size, char* to) {
  constexpr size_t kPieceBytes = 1 << 20;
  for (size_t read = 0; read < size;) {
    rocksdb::Slice piece;
    if (!file.Read(offset + read, std::min(size - read, kPieceBytes), &piece, to + read).ok()) return false;
    if (piece.empty()) return false;
    if (piece.data() != to + read) std::memcpy(to + read, piece.data(), piece.size());
    read += piece.size();
  }
  return true;
}

}  // namespace throughline
