#include "services/events/native/store_format.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/base/want_of_room.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kTitle[] = "throughline events ";
constexpr char kFileName[] = "/FORMAT";

absl::Status SystemError(int error, const std::string& path) {
  LogError("the event store's directory cannot be used",
           {{"path", path}, {"error", std::generic_category().message(error)}});
  if (IsWantOfRoom(error)) return StorageFull("the event store");
  return BackendUnavailable("the event store");
}

// Durable before it has its name: a crash leaves a whole FORMAT file or none.
absl::Status WriteFormat(const std::string& path, int format) {
  const std::string temporary = path + ".new";
  const std::string text = absl::StrCat(kTitle, format, "\n");
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return SystemError(errno, temporary);
  bool fine = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  const int error = fine ? 0 : (errno != 0 ? errno : ENOSPC);
  fine = close(file) == 0 && fine;
  if (!fine) return SystemError(error, temporary);
  if (rename(temporary.c_str(), path.c_str()) != 0) return SystemError(errno, path);
  return absl::OkStatus();
}

absl::StatusOr<int> ReadFormat(const std::string& directory) {
  std::ifstream in(directory + kFileName);
  std::string line;
  std::getline(in, line);
  absl::string_view text = line;
  int format = 0;
  if (!absl::ConsumePrefix(&text, kTitle) || !absl::SimpleAtoi(text, &format) || format < 1) {
    return StoreDamaged("the event store", directory, "its FORMAT file is not one");
  }
  return format;
}

// So that the file's name is durable.
absl::Status SyncDirectory(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return SystemError(errno, directory);
  const int error = fsync(file) == 0 ? 0 : errno;
  close(file);
  return error == 0 ? absl::OkStatus() : SystemError(error, directory);
}

}  // namespace

absl::Status EnsureStoreFormat(const std::string& directory) {
  std::error_code error;
  const std::string path = directory + kFileName;
  if (!std::filesystem::exists(path, error)) {
    // A log without its FORMAT: half a copy, or something else's directory. Neither is ours to write to.
    if (std::filesystem::exists(directory + "/log", error)) {
      return StoreDamaged("the event store", directory, "there is a log, but no FORMAT file beside it");
    }
    return WriteFormat(path, kStoreFormatFirst);
  }
  ASSIGN_OR_RETURN(const int format, ReadFormat(directory));
  if (format > kStoreFormat) return StoreVersionUnsupported("the event store", directory, format, kStoreFormat);
  return absl::OkStatus();
}

absl::Status RaiseStoreFormat(const std::string& directory, int format) {
  ASSIGN_OR_RETURN(const int current, ReadFormat(directory));
  if (current >= format) return absl::OkStatus();
  RETURN_IF_ERROR(WriteFormat(directory + kFileName, format));
  return SyncDirectory(directory);
}

}  // namespace throughline
