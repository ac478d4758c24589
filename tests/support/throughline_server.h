// A real throughlined on free ports and an empty data directory, and the real command line against it.
// For tests; one thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/processes.h"
#include "throughline/client.h"

namespace throughline::testing {

class ThroughlineServer {
 public:
  ThroughlineServer() { Start(); }

  // Starts on the same data directory, and once it was started on the same port.
  void Start() {
    program_ = std::make_unique<BackgroundProgram>(
        std::vector<std::string>{ThroughlinedBinary(), "--data-dir", directory_ / "data", "--grpc-address", address_,
                                 "--http-address", ""},
        directory_ / "log");
    // "throughlined ready grpc=127.0.0.1:34567"
    const std::string line = program_->ReadLine(std::chrono::seconds(60));
    const size_t at = line.find("grpc=");
    ASSERT_NE(at, std::string::npos) << line << ReadFile(directory_ / "log");
    address_ = line.substr(at + 5, line.find(' ', at) - at - 5);
    ClientOptions options;
    options.address = address_;
    options.connect_timeout = absl::Seconds(30);
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  int Stop(int signal_number) {
    client_ = nullptr;
    return program_->Stop(signal_number);
  }

  pid_t pid() const { return program_->pid(); }
  const std::string& address() const { return address_; }
  Client& client() { return *client_; }
  const TempDir& directory() const { return directory_; }

  // Runs `throughline` with these arguments.
  ProgramResult Cli(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), ThroughlineBinary());
    return RunProgram(arguments, {{"THROUGHLINE_ADDRESS", address_}, {"THROUGHLINE_WORKSPACE", ""}}, input);
  }

 private:
  const TempDir directory_;
  std::string address_ = "127.0.0.1:0";
  std::unique_ptr<BackgroundProgram> program_;
  std::unique_ptr<Client> client_;
};

}  // namespace throughline::testing
