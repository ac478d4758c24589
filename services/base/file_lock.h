// A file that one process at a time holds locked; the lock ends with the process, however it ends.
// Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace throughline {

class FileLock {
 public:
  struct Outcome {
    std::unique_ptr<FileLock> lock;  // null: another holder has it
    int64_t owner_pid = 0;           // of that holder; 0: unknown
  };

  // Creates the file where it is absent, locks it without waiting and writes the process id into it. Two locks of one
  // file exclude each other within one process too. A failed system call is its errno as UNKNOWN with words; callers
  // say what it means for them.
  static absl::StatusOr<Outcome> TryAcquire(const std::string& path);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  const int descriptor_;
};

}  // namespace throughline
