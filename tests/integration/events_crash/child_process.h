// This test program, run a second time as another process: `--write DIRECTORY SEED NEXT…`, `--erase DIRECTORY` or
// `--hold DIRECTORY`. With `FOLDER OPERATION N` behind them, the writing and the erasing child kill themselves before
// the Nth such operation on a file of a folder: the identities, the columns or the log.
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

// Who is erased. No other customer has a text with this in it, and every text of this one has it.
inline constexpr char kSecret[] = "qzxwvkjh73";

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
  // Waits until it ends: its exit code, or minus the signal that ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  bool waited_ = false;
};

// What the children do. They return exit codes and only on failure.
int RunWritingChild(const std::vector<std::string>& arguments);
// Returns 0 when the erasure is over, which it says by its end only.
int RunErasingChild(const std::vector<std::string>& arguments);
int RunHoldingChild(const std::vector<std::string>& arguments);

}  // namespace throughline::testing
