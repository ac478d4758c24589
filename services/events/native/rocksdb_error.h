// RocksDB's errors in the words of the catalogue. Pure functions; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class Status;
}  // namespace rocksdb

namespace throughline {

// What became of an operation on the store in `directory`:
//   OK → OK · NoSpace, full or over quota → RESOURCE_EXHAUSTED (STORAGE_FULL) · lock held by another process →
//   FAILED_PRECONDITION (STORE_LOCKED) · Corruption → DATA_LOSS (STORE_DAMAGED) · other IOError, TimedOut, Busy,
//   TryAgain, Aborted, Incomplete → UNAVAILABLE (BACKEND_UNAVAILABLE) · ShutdownInProgress → UNAVAILABLE
//   (SHUTTING_DOWN) · everything else → INTERNAL.
// RocksDB's own text goes to the log only, except where it says what is damaged.
absl::Status MapRocksDbError(const rocksdb::Status& status, absl::string_view directory);

}  // namespace throughline
