// The `FORMAT` file of an events directory: which version of this store wrote it. Not thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace throughline {

inline constexpr int kStoreFormat = 2;  // the newest that is read
// Stores are made in the first format, and stay readable for earlier versions until they have tombstones.
inline constexpr int kStoreFormatFirst = 1;
inline constexpr int kStoreFormatWithErasures = 2;

// Creates the FORMAT file of a new store, or checks the one that is there. FAILED_PRECONDITION
// (STORE_VERSION_UNSUPPORTED) if a newer version wrote it; DATA_LOSS (STORE_DAMAGED) if the file is not readable as
// one, or is missing beside a log; RESOURCE_EXHAUSTED, UNAVAILABLE by what the disk says.
absl::Status EnsureStoreFormat(const std::string& directory);

// Makes it at least `format`, durably. Codes as EnsureStoreFormat.
absl::Status RaiseStoreFormat(const std::string& directory, int format);

}  // namespace throughline
