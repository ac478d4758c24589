// The server's data directory: created where it is absent, checked, and locked for one process.
// Any thread.
//
// The lock is a LOCK file that holds the owner's process id; it ends with the process, however it ends.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/base/file_lock.h"

namespace throughline {

class DataDirectory {
 public:
  // FAILED_PRECONDITION: DATA_DIRECTORY_IN_USE, naming the owner's process id, or DATA_DIRECTORY_UNUSABLE, saying why
  // (it cannot be created, is no directory, cannot be written). RESOURCE_EXHAUSTED (STORAGE_FULL).
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(absl::string_view path);

  // Whether a file of some blocks can be written in it. RESOURCE_EXHAUSTED (STORAGE_FULL), or FAILED_PRECONDITION
  // (DATA_DIRECTORY_UNUSABLE). Any thread, one at a time.
  absl::Status CheckWritable() const;

  // The absolute path.
  const std::string& path() const { return path_; }
  // The path of a file or directory in it.
  std::string operator/(absl::string_view name) const;

 private:
  DataDirectory(std::string path, std::unique_ptr<FileLock> lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
};

}  // namespace throughline
