#include "services/base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "services/base/text.h"

namespace throughline {
namespace {

using Sink = std::function<void(LogLevel, absl::string_view)>;

struct LogState {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;
  Sink sink;
};

LogState& State() {
  static LogState* const state = new LogState;
  return *state;
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "";
}

void AppendEscaped(std::string& out, absl::string_view text, bool quoted) {
  for (const char c : ToValidUtf8(text)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out.append(c == '\n' ? "\\n" : " ");
    } else {
      if (quoted && (c == '"' || c == '\\')) out.push_back('\\');
      out.push_back(c);
    }
  }
}

}  // namespace

void Log(LogLevel level, absl::string_view message, const LogFields& fields) {
  LogState& state = State();
  if (level < state.level.load(std::memory_order_relaxed)) return;
  std::string line = absl::StrCat(absl::FormatTime("%Y-%m-%d%ET%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone()), " ",
                                  LevelName(level), " ");
  AppendEscaped(line, message, /*quoted=*/false);
  for (const auto& [key, value] : fields) {
    absl::StrAppend(&line, " ", key, "=\"");
    AppendEscaped(line, value, /*quoted=*/true);
    line.push_back('"');
  }
  Sink sink;
  {
    std::lock_guard<std::mutex> lock(state.mutex);
    sink = state.sink;
  }
  if (sink) {
    sink(level, line);
    return;
  }
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void SetLogLevel(LogLevel level) { State().level.store(level, std::memory_order_relaxed); }

void SetLogSink(Sink sink) {
  std::lock_guard<std::mutex> lock(State().mutex);
  State().sink = std::move(sink);
}

}  // namespace throughline
