#include "tests/integration/events_crash/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/events/native/native_event_store.h"
#include "tests/contract/events/event_builder.h"
#include "tests/support/hooked_file_system.h"

extern char** environ;

namespace throughline::testing {
namespace {

constexpr int kPipe = 3;  // the child's end

void WriteBatches(EventStore& store, int writer, uint64_t seed, int64_t next) {
  std::mt19937_64 random(seed + static_cast<uint64_t>(writer));
  for (;;) {
    const int count = 1 + static_cast<int>(random() % 40);
    const int64_t first = next;
    next += count;
    std::vector<v1::CustomerEvent> events;
    // The last of the batch before are sent again.
    for (int64_t number = std::max<int64_t>(1, first - 3); number < next; ++number) {
      events.push_back(EventOf(writer, number));
    }
    std::vector<const v1::CustomerEvent*> pointers;
    for (const v1::CustomerEvent& event : events) pointers.push_back(&event);
    const auto result = store.AppendAndWait("w", pointers);
    if (!result.ok()) ::_exit(3);
    for (const AppendOutcome outcome : result->outcomes) {
      if (outcome == AppendOutcome::kConflict) ::_exit(4);
    }
    const Acknowledgement acknowledgement{writer, count, first};
    if (::write(kPipe, &acknowledgement, sizeof(acknowledgement)) != sizeof(acknowledgement)) ::_exit(5);
  }
}

// `env` may be null.
absl::StatusOr<std::unique_ptr<EventStore>> OpenStore(const std::string& directory, rocksdb::Env* env) {
  NativeEventStoreOptions options;
  options.directory = directory;
  options.limits.open_identities_max = kOpenIdentities;
  options.limits.open_events_max = kOpenEvents;
  options.env = env;
  return NativeEventStore::Open(options);
}

// kill -9 from within, as no signal from outside hits the moment.
std::unique_ptr<rocksdb::Env> EnvThatEndsAt(const std::string& folder, const std::string& operation, int64_t count) {
  const auto left = std::make_shared<std::atomic<int64_t>>(count);
  return HookedFileSystem::MakeEnv([=](const char* what, const std::string& path) {
    if (absl::StrContains(path, folder) && operation == what && --*left == 0) ::raise(SIGKILL);
    return rocksdb::IOStatus::OK();
  });
}

}  // namespace

std::string CustomerOf(int writer, int64_t number) { return absl::StrCat("customer-", writer, "-", number % 50); }
std::string IdOf(int writer, int64_t number) { return absl::StrCat("event-", writer, "-", number); }
v1::CustomerEvent EventOf(int writer, int64_t number) {
  return Event(IdOf(writer, number))
      .Customer(CustomerOf(writer, number))
      .Name(number % 2 == 0 ? "even" : "odd")
      .Property("text", std::string(static_cast<size_t>(number * 37 % 700), 'x'))
      .At(number % 1000)
      .Sequence(number);
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  // dup2 onto itself would keep the close-on-exec flag.
  const int child_end = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kPipe + 1);
  ::close(ends[1]);
  pipe_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, child_end, kPipe);
  std::vector<std::string> words = {"child"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  if (::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, pointers.data(), environ) != 0) std::abort();
  posix_spawn_file_actions_destroy(&actions);
  ::close(child_end);
}

ChildProcess::~ChildProcess() {
  if (!waited_) Kill();
  ::close(pipe_);
}

bool ChildProcess::Read(void* to, size_t size) {
  auto* out = static_cast<char*>(to);
  while (size > 0) {
    pollfd ready{pipe_, POLLIN, 0};
    if (::poll(&ready, 1, 60'000) <= 0) return false;
    const ssize_t count = ::read(pipe_, out, size);
    if (count <= 0) return false;
    out += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

bool ChildProcess::Kill() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  waited_ = true;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

int ChildProcess::Wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  waited_ = true;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int RunErasingChild(const std::vector<std::string>& arguments) {
  std::unique_ptr<rocksdb::Env> env;
  if (arguments.size() > 1) {
    env = EnvThatEndsAt(arguments[1], arguments[2], std::strtoll(arguments[3].c_str(), nullptr, 10));
  }
  auto store = OpenStore(arguments[0], env.get());
  if (!store.ok()) return 2;
  std::promise<absl::StatusOr<ErasureResult>> promise;
  (*store)->Erase("w", kSecret, [&](absl::StatusOr<ErasureResult> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get().ok() ? 0 : 3;
}

int RunWritingChild(const std::vector<std::string>& arguments) {
  std::unique_ptr<rocksdb::Env> env;
  if (arguments.size() > 2 + kWriters) {
    env = EnvThatEndsAt(arguments[2 + kWriters], arguments[3 + kWriters],
                        std::strtoll(arguments[4 + kWriters].c_str(), nullptr, 10));
  }
  auto store = OpenStore(arguments[0], env.get());
  if (!store.ok()) return 2;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      WriteBatches(**store, writer, std::strtoull(arguments[1].c_str(), nullptr, 10),
                   std::strtoll(arguments[2 + writer].c_str(), nullptr, 10));
    });
  }
  // Views and columns are made while events arrive.
  for (;;) {
    const auto view = (*store)->View("w");
    if (!view.ok()) return 6;
    GraphQuery query;
    query.run.correlation_property = "text";
    if (!(*view)->Graph(query).ok()) return 7;
  }
}

int RunHoldingChild(const std::vector<std::string>& arguments) {
  auto store = OpenStore(arguments[0], nullptr);
  if (!store.ok()) return 2;
  const char ready = 1;
  if (::write(kPipe, &ready, 1) != 1) return 5;
  for (;;) ::pause();
}

}  // namespace throughline::testing

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  using Run = int (*)(const std::vector<std::string>&);
  const std::map<std::string, Run> children = {{"--write", &throughline::testing::RunWritingChild},
                                               {"--erase", &throughline::testing::RunErasingChild},
                                               {"--hold", &throughline::testing::RunHoldingChild}};
  if (!arguments.empty()) {
    const auto child = children.find(arguments[0]);
    if (child != children.end()) return child->second({arguments.begin() + 1, arguments.end()});
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
