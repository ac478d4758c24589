// A real throughlined on free ports and an empty data directory, and the real command line against it.
// For tests; one thread. Needs the definitions THROUGHLINED_BINARY and THROUGHLINE_BINARY.
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
  ThroughlineServer() {
    WriteFile(directory_ / "web/index.html", "<!doctype html><title>test</title>");
    Start();
  }

  // Starts on the same data directory and ports; waits until it answers.
  void Start() {
    program_ = std::make_unique<BackgroundProgram>(
        std::vector<std::string>{THROUGHLINED_BINARY, "--data-dir", directory_ / "data", "--grpc-address", address_,
                                 "--http-address", "127.0.0.1:" + std::to_string(FreePort()), "--web-root",
                                 directory_ / "web"},
        directory_ / "log");
    const auto channel = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
    EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(60)))
        << ReadFile(directory_ / "log");
    ClientOptions options;
    options.address = address_;
    client_ = std::make_unique<Client>(channel, options);
  }
  int Stop(int signal_number) {
    client_ = nullptr;
    return program_->Stop(signal_number);
  }

  const std::string& address() const { return address_; }
  Client& client() { return *client_; }
  const TempDir& directory() const { return directory_; }

  // Runs `throughline` with these arguments.
  ProgramResult Cli(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), THROUGHLINE_BINARY);
    return RunProgram(arguments, {{"THROUGHLINE_ADDRESS", address_}, {"THROUGHLINE_WORKSPACE", ""}}, input);
  }

 private:
  const TempDir directory_;
  const std::string address_ = "127.0.0.1:" + std::to_string(FreePort());
  std::unique_ptr<BackgroundProgram> program_;
  std::unique_ptr<Client> client_;
};

}  // namespace throughline::testing
