// The log: one line of text per entry on standard error, with a time, a level and named values.
// Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace throughline {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<std::string, std::string>>;

// Writes `2026-01-01T10:00:00.000000Z INFO message key="value" …`. Values are made valid UTF-8 and quoted.
void Log(LogLevel level, absl::string_view message, const LogFields& fields = {});

inline void LogInfo(absl::string_view message, const LogFields& fields = {}) { Log(LogLevel::kInfo, message, fields); }
inline void LogWarning(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(absl::string_view message, const LogFields& fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Entries below this level are dropped; kInfo at start.
void SetLogLevel(LogLevel level);

// Sends the lines (without the line break) elsewhere; an empty function sends them to standard error again.
void SetLogSink(std::function<void(LogLevel, absl::string_view line)> sink);

}  // namespace throughline
