// A small pool of threads with a bounded queue, for work that must not run on gRPC's two callback threads.
// Thread-safe.
//
// A task that was accepted is run, in the order of acceptance, also when the executor shuts down meanwhile. A task that
// throws is logged and forgotten; the thread goes on.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "services/base/limits.h"

namespace throughline {

class Executor {
 public:
  // `name` appears in errors and in the names of the threads.
  explicit Executor(std::string name, int thread_count = 2, int queue_max = limits::kExecutorQueueMax);
  ~Executor();  // Shutdown
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Never waits. RESOURCE_EXHAUSTED (OVERLOADED, with RetryInfo) when `queue_max` tasks wait; UNAVAILABLE
  // (SHUTTING_DOWN) after Shutdown. A task that is refused is not run.
  absl::Status TrySubmit(std::function<void()> task);

  // Accepts no more, runs what was accepted and joins the threads. Idempotent; not from a task.
  void Shutdown();

 private:
  void Run();

  const std::string name_;
  const size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::mutex join_mutex_;  // held while joining; never together with mutex_
  std::vector<std::thread> threads_;
};

}  // namespace throughline
