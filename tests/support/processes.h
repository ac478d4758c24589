// Programs for tests: runs one to its end and keeps what it wrote, or keeps a server running while the test needs it.
// For tests; one thread.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

extern char** environ;

namespace throughline::testing {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct ProgramResult {
  int exit_code = -1;  // -1: killed, by us after the deadline or by a signal
  std::string out;
  std::string error;
};

namespace internal {

// This process's environment with some variables set.
class EnvironmentBlock {
 public:
  explicit EnvironmentBlock(const Environment& extra) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      bool replaced = false;
      for (const auto& [name, value] : extra) replaced = replaced || text.rfind(name + "=", 0) == 0;
      if (!replaced) texts_.push_back(text);
    }
    for (const auto& [name, value] : extra) texts_.push_back(name + "=" + value);
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  char** get() { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

// Starts a program with the descriptors as its input, output and errors. -1 if that fails.
inline pid_t Start(std::vector<std::string> arguments, const Environment& environment, int in, int out, int error,
                   const std::string& directory = "") {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  EnvironmentBlock block(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
  if (!directory.empty()) posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  pid_t pid = -1;
  const int failure = posix_spawnp(&pid, pointers[0], &actions, nullptr, pointers.data(), block.get());
  posix_spawn_file_actions_destroy(&actions);
  return failure == 0 ? pid : -1;
}

inline void CloseAll(std::initializer_list<int> descriptors) {
  for (const int descriptor : descriptors) close(descriptor);
}

}  // namespace internal

// Runs a program with `input` on its standard input, at most `deadline` long.
inline ProgramResult RunProgram(const std::vector<std::string>& arguments, const Environment& environment = {},
                                const std::string& input = "", const std::string& directory = "",
                                std::chrono::seconds deadline = std::chrono::seconds(240)) {
  ProgramResult result;
  int in[2], out[2], error[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(error, O_CLOEXEC) != 0) return result;
  const pid_t pid = internal::Start(arguments, environment, in[0], out[1], error[1], directory);
  internal::CloseAll({in[0], out[1], error[1]});
  EXPECT_GT(pid, 0) << "cannot start " << arguments[0];
  // Inputs of tests fit into a pipe's buffer.
  EXPECT_LT(input.size(), 60000u);
  EXPECT_EQ(write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  close(in[1]);
  const auto end = std::chrono::steady_clock::now() + deadline;
  pollfd polls[2] = {{out[0], POLLIN, 0}, {error[0], POLLIN, 0}};
  std::string* texts[2] = {&result.out, &result.error};
  bool killed = pid <= 0;
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0 || poll(polls, 2, static_cast<int>(left.count())) == 0) {
      ADD_FAILURE() << arguments[0] << " ran longer than " << deadline.count() << " s";
      if (pid > 0) kill(pid, SIGKILL);
      killed = true;
      break;
    }
    for (int i = 0; i < 2; ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t count = read(polls[i].fd, buffer, sizeof(buffer));
      if (count > 0) {
        texts[i]->append(buffer, static_cast<size_t>(count));
      } else {
        polls[i].fd = -1;
      }
    }
  }
  internal::CloseAll({out[0], error[0]});
  int status = 0;
  if (pid > 0) waitpid(pid, &status, 0);
  if (!killed && WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

// A program that runs until it is stopped: its errors go to a file, its output is read line by line.
class BackgroundProgram {
 public:
  BackgroundProgram(const std::vector<std::string>& arguments, std::string log_file) : log_file_(std::move(log_file)) {
    const int log = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    pid_ = internal::Start(arguments, {}, null, out[1], log);
    internal::CloseAll({log, null, out[1]});
    out_ = out[0];
    EXPECT_GT(pid_, 0) << "cannot start " << arguments[0];
  }
  ~BackgroundProgram() {
    Stop(SIGTERM);
    close(out_);
  }
  BackgroundProgram(const BackgroundProgram&) = delete;
  BackgroundProgram& operator=(const BackgroundProgram&) = delete;

  // The next line of its output. Fails the test, and gives an empty one, if it ends or the deadline passes before.
  std::string ReadLine(std::chrono::seconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    std::string line;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      pollfd poll_out{out_, POLLIN, 0};
      char c = 0;
      if (left.count() <= 0 || poll(&poll_out, 1, static_cast<int>(left.count())) <= 0 || read(out_, &c, 1) != 1) {
        ADD_FAILURE() << "no line of output; its log is " << log_file_;
        return "";
      }
      if (c == '\n') return line;
      line.push_back(c);
    }
  }

  pid_t pid() const { return pid_; }

  // Sends the signal and waits for the end. The exit code, or -1.
  int Stop(int signal_number) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal_number);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  const std::string log_file_;
  pid_t pid_ = -1;
  int out_ = -1;
};

}  // namespace throughline::testing
