// throughlined: the server program. Reads its flags, runs a ServerProcess, and stops it at SIGTERM or SIGINT.
//
// Exit codes: 0 after an orderly stop, 1 if it cannot start (the reason is on standard error), 2 for wrong flags.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/stubs/logging.h"
#include "services/base/log.h"
#include "services/main/server_options.h"
#include "services/main/server_process.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kExitCannotStart = 1;
constexpr int kExitWrongFlags = 2;

void PrintError(const absl::Status& status) {
  const std::string reason = GetErrorReason(status);
  std::fprintf(stderr, "throughlined: %s (%s%s%s)\n", std::string(status.message()).c_str(),
               absl::StatusCodeToString(status.code()).c_str(), reason.empty() ? "" : ", ", reason.c_str());
}

// Whole or not at all: whoever waits for the file never reads half a line.
bool WriteReadyFile(const std::string& path, const std::string& line) {
  const std::string temporary = absl::StrCat(path, ".new");
  std::FILE* file = std::fopen(temporary.c_str(), "w");
  if (file == nullptr) return false;
  const bool written = std::fputs(line.c_str(), file) >= 0;
  return std::fclose(file) == 0 && written && std::rename(temporary.c_str(), path.c_str()) == 0;
}

// The signals that end the server are taken by sigtimedwait in the main thread alone; every other thread inherits the
// mask.
sigset_t BlockEndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A write beyond the process's limit on the size of files fails like one to a full disk, instead of ending the
  // server.
  std::signal(SIGXFSZ, SIG_IGN);
  return signals;
}

void UnblockEndingSignals(const sigset_t& signals) {
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

// What protobuf says about the bytes of clients is no news to the server's operator.
void LogProtobuf(google::protobuf::LogLevel level, const char*, int, const std::string& message) {
  Log(level == google::protobuf::LOGLEVEL_FATAL ? LogLevel::kError : LogLevel::kDebug, message);
}

int Run(const ServerOptions& options) {
  if (options.verbose) SetLogLevel(LogLevel::kDebug);
  google::protobuf::SetLogHandler(&LogProtobuf);
  const sigset_t signals = BlockEndingSignals();
  const absl::Time start = absl::Now();
  absl::StatusOr<std::unique_ptr<ServerProcess>> process = ServerProcess::Start(options);
  if (!process.ok()) {
    PrintError(process.status());
    return kExitCannotStart;
  }
  const std::string http = (*process)->http_address();
  const std::string line =
      absl::StrCat("throughlined ready grpc=", (*process)->grpc_address(), http.empty() ? "" : " http=", http, "\n");
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
  if (!options.ready_file.empty() && !WriteReadyFile(options.ready_file, line)) {
    std::fprintf(stderr, "throughlined: cannot write the ready file %s\n", options.ready_file.c_str());
    return kExitCannotStart;
  }
  LogInfo("ready", {{"data_directory", options.data_directory},
                    {"milliseconds", absl::StrCat(absl::ToInt64Milliseconds(absl::Now() - start))}});

  const timespec interval = {.tv_sec = 1, .tv_nsec = 0};
  int signal = -1;
  while ((signal = sigtimedwait(&signals, nullptr, &interval)) < 0) (*process)->Probe();
  LogInfo("stopping; a second signal stops at once", {{"signal", strsignal(signal)}});
  // Whoever does not want to wait ends the process with the signal's usual effect; nothing acknowledged is lost by it.
  UnblockEndingSignals(signals);
  (*process)->Shutdown();
  LogInfo("stopped");
  return 0;
}

}  // namespace
}  // namespace throughline

int main(int argc, char** argv) {
  const absl::StatusOr<throughline::ServerOptions> options =
      throughline::ParseServerOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    std::fprintf(stderr, "throughlined: %s\n", std::string(options.status().message()).c_str());
    return throughline::kExitWrongFlags;
  }
  if (options->help) {
    std::fputs(throughline::ServerUsage().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts("throughlined " THROUGHLINE_VERSION);
    return 0;
  }
  return throughline::Run(*options);
}
