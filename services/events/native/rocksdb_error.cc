#include "services/events/native/rocksdb_error.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/status.h"
#include "services/base/log.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kWhat[] = "the event store";

// RocksDB reports a held lock as a plain IOError; only the text tells.
bool IsLockHeld(const std::string& text) {
  return absl::StrContains(text, "LOCK:") || absl::StrContains(text, "lock hold by current process");
}

// A quota or a file-size limit is as full as a full disk; only the text tells.
bool IsFull(const std::string& text) {
  return absl::StrContains(text, "No space left") || absl::StrContains(text, "quota exceeded") ||
         absl::StrContains(text, "File too large");
}

}  // namespace

absl::Status MapRocksDbError(const rocksdb::Status& status, absl::string_view directory) {
  using Code = rocksdb::Status::Code;
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  LogError("RocksDB failed", {{"directory", std::string(directory)}, {"status", text}});
  switch (status.code()) {
    case Code::kIOError:
      if (status.IsNoSpace() || IsFull(text)) return StorageFull(kWhat);
      if (IsLockHeld(text)) return StoreLocked(kWhat, directory);
      return BackendUnavailable(kWhat);
    case Code::kCorruption:
      return StoreDamaged(kWhat, directory, text);
    case Code::kTimedOut:
    case Code::kBusy:
    case Code::kTryAgain:
    case Code::kAborted:
    case Code::kIncomplete:
      return BackendUnavailable(kWhat);
    case Code::kShutdownInProgress:
      return ShuttingDown();
    default:
      return Internal(absl::StrCat("RocksDB: ", text));
  }
}

}  // namespace throughline
