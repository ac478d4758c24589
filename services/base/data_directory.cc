#include "services/base/data_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

namespace fs = std::filesystem;

absl::Status Unusable(const std::string& path, absl::string_view action, int error) {
  if (error == ENOSPC || error == EDQUOT) return StorageFull(absl::StrCat("the data directory ", path));
  return DataDirectoryUnusable(path, absl::StrCat(action, ": ", std::strerror(error)));
}

// Creates, syncs and removes a file: a directory on a read-only or full disk is found out now, not at the first write.
absl::Status ProbeWriting(const std::string& path) {
  const std::string probe = absl::StrCat(path, "/.probe-", ::getpid());
  const int descriptor = ::open(probe.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) return Unusable(path, "no file can be created in it", errno);
  int error = 0;
  if (::write(descriptor, "probe", 5) != 5 || ::fsync(descriptor) != 0) error = errno == 0 ? ENOSPC : errno;
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
  if (!outcome.ok()) return DataDirectoryUnusable(absolute, outcome.status().message());
  if (outcome->lock == nullptr) return DataDirectoryInUse(absolute, outcome->owner_pid);
  if (absl::Status status = ProbeWriting(absolute); !status.ok()) return status;
  return std::unique_ptr<DataDirectory>(new DataDirectory(absolute, std::move(outcome->lock)));
}

std::string DataDirectory::operator/(absl::string_view name) const { return absl::StrCat(path_, "/", name); }

}  // namespace throughline
