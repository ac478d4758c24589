// This test program, run a second time as another process: `--write DIRECTORY SEED NEXT…` or `--hold DIRECTORY`. With
// `FOLDER OPERATION N` behind them, the writing child kills itself before the Nth such operation on a file of the
// identities or of the columns.
// Used by one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "throughline/v1/event.pb.h"

namespace throughline::testing {

constexpr int kWriters = 3;

// What the writing child says once a batch was reported as recorded: events first … first + count − 1 of the writer.
struct Acknowledgement {
  int32_t writer = 0;
  int32_t count = 0;
  int64_t first = 0;
};

// What is held in memory before it is sealed, so that seals and merges are frequent.
constexpr int kOpenIdentities = 64;
constexpr int kOpenEvents = 100;

std::string CustomerOf(int writer, int64_t number);
std::string IdOf(int writer, int64_t number);
v1::CustomerEvent EventOf(int writer, int64_t number);

class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& arguments);
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  // Reads bytes that the child wrote; false when it ended, or says nothing for 60 s.
  bool Read(void* to, size_t size);
  // kill -9, then waits. False if it had ended by itself.
  bool Kill();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  bool waited_ = false;
};

// What the children do. They return exit codes and only on failure.
int RunWritingChild(const std::vector<std::string>& arguments);
int RunHoldingChild(const std::vector<std::string>& arguments);

}  // namespace throughline::testing
