// RocksDB's own messages, in our log instead of a file of its own. Thread-safe.
//
// A file would stand on the same disk as the data, and RocksDB, as Debian builds it, ends the process when it writes to
// a log file that could not be written before: a full disk would take the server with it.
#pragma once

#include <cstdarg>

#include "rocksdb/env.h"

namespace throughline {

class RocksDbLogger : public rocksdb::Logger {
 public:
  RocksDbLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  // Errors become warnings of ours, warnings are shown with --verbose; the settings that RocksDB prints at each start
  // are left out.
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void Logv(const char* format, va_list arguments) override;
};

}  // namespace throughline
