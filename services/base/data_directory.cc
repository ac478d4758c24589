#include "services/base/data_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/want_of_room.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

namespace fs = std::filesystem;

constexpr size_t kProbeBytes = 64 << 10;

absl::Status Unusable(const std::string& path, absl::string_view action, int error) {
  if (IsWantOfRoom(error)) return StorageFull(absl::StrCat("the data directory ", path));
  return DataDirectoryUnusable(path, absl::StrCat(action, ": ", std::strerror(error)));
}

// Creates, syncs and removes a file: a directory on a read-only or full disk is found out now, not at the first write.
absl::Status ProbeWriting(const std::string& path) {
  const std::string probe = absl::StrCat(path, "/.probe-", ::getpid());
  const int descriptor = ::open(probe.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return Unusable(path, "no file can be created in it", errno);
  int error = 0;
  // Some blocks, not some bytes: the last block of a full disk would take those.
  const std::string bytes(kProbeBytes, '.');
  const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
  if (written < 0 || ::fsync(descriptor) != 0) {
    error = errno;
  } else if (written != static_cast<ssize_t>(bytes.size())) {
    error = ENOSPC;
  }
  ::close(descriptor);
  ::unlink(probe.c_str());
  return error == 0 ? absl::OkStatus() : Unusable(path, "a file in it cannot be written", error);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(absl::string_view path) {
  if (path.empty()) return DataDirectoryUnusable(path, "its path is empty");
  std::error_code error;
  const std::string absolute = fs::absolute(std::string(path), error).lexically_normal().string();
  if (error) return Unusable(std::string(path), "its path cannot be resolved", error.value());
  fs::create_directories(absolute, error);
  if (error) return Unusable(absolute, "it cannot be created", error.value());
  if (!fs::is_directory(absolute, error)) return DataDirectoryUnusable(absolute, "it is not a directory");
  absl::StatusOr<FileLock::Outcome> outcome = FileLock::TryAcquire(absl::StrCat(absolute, "/LOCK"));
  if (absl::IsResourceExhausted(outcome.status())) return StorageFull(absl::StrCat("the data directory ", absolute));
  if (!outcome.ok()) return DataDirectoryUnusable(absolute, outcome.status().message());
  if (outcome->lock == nullptr) return DataDirectoryInUse(absolute, outcome->owner_pid);
  if (absl::Status status = ProbeWriting(absolute); !status.ok()) return status;
  return std::unique_ptr<DataDirectory>(new DataDirectory(absolute, std::move(outcome->lock)));
}

absl::Status DataDirectory::CheckWritable() const { return ProbeWriting(path_); }

std::string DataDirectory::operator/(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

}  // namespace throughline
