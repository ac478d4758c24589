#include "services/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/base/want_of_room.h"

namespace throughline {
namespace {

absl::Status SystemError(absl::string_view call, const std::string& path, int error) {
  const std::string text = absl::StrCat(call, " ", path, ": ", std::strerror(error));
  return IsWantOfRoom(error) ? absl::ResourceExhaustedError(text) : absl::UnknownError(text);
}

int64_t ReadOwner(int descriptor) {
  char text[32] = {};
  const ssize_t size = ::pread(descriptor, text, sizeof(text) - 1, 0);
  int64_t pid = 0;
  if (size <= 0 || !absl::SimpleAtoi(absl::StripAsciiWhitespace(absl::string_view(text, size)), &pid)) return 0;
  return pid;
}

}  // namespace

absl::StatusOr<FileLock::Outcome> FileLock::TryAcquire(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return SystemError("open", path, errno);
  std::unique_ptr<FileLock> lock(new FileLock(descriptor));
  // flock, not fcntl: its lock belongs to this open file, so that it excludes a second holder in the same process, and
  // closing some other descriptor of the file does not drop it.
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("flock", path, errno);
    return Outcome{nullptr, ReadOwner(descriptor)};
  }
  const std::string pid = absl::StrCat(::getpid(), "\n");
  if (::ftruncate(descriptor, 0) != 0) return SystemError("ftruncate", path, errno);
  if (::pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return SystemError("write", path, errno);
  }
  return Outcome{std::move(lock), 0};
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace throughline
