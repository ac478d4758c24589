// Bytes of a file, unpacked on the way where the file is gzipped. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace throughline {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Puts up to `size_max` bytes into `buffer` and returns how many; 0 is the end, for ever. DATA_LOSS: a gzipped file
  // is cut off or damaged here, and all bytes before were returned; UNAVAILABLE: the disk failed.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size_max) = 0;

  // Bytes consumed, as they lie on the disk.
  virtual int64_t position() const = 0;
};

// Opens a file, gzipped or not: its first bytes tell, not its name. `-` is the standard input. NOT_FOUND,
// PERMISSION_DENIED or INVALID_ARGUMENT (a folder) with the path and what to do.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path);

// The same over bytes in memory.
absl::StatusOr<std::unique_ptr<ByteSource>> MakeByteSource(std::string bytes);

}  // namespace throughline
