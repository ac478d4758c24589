#include "services/events/native/rocksdb_logger.h"

#include <cstdio>
#include <string>

#include "absl/strings/ascii.h"
#include "services/base/log.h"

namespace throughline {

void RocksDbLogger::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
  char text[1024];  // what is longer is cut
  std::vsnprintf(text, sizeof(text), format, arguments);
  // What it warns of it deals with by itself.
  Log(level == rocksdb::InfoLogLevel::WARN_LEVEL ? LogLevel::kDebug : LogLevel::kWarning, "RocksDB says",
      {{"text", std::string(absl::StripAsciiWhitespace(text))}});
}

void RocksDbLogger::Logv(const char* format, va_list arguments) {
  Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
}

}  // namespace throughline
