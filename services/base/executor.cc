#include "services/base/executor.h"

#include <pthread.h>

#include <exception>
#include <utility>

#include "services/base/log.h"
#include "throughline/errors.h"

namespace throughline {

Executor::Executor(std::string name, int thread_count, int queue_max)
    : name_(std::move(name)), queue_max_(static_cast<size_t>(queue_max)) {
  for (int i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Run(); });
}

Executor::~Executor() { Shutdown(); }

absl::Status Executor::TrySubmit(std::function<void()> task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return ShuttingDown();
    if (queue_.size() >= queue_max_) return Overloaded(name_, limits::kRetryAfterDefault);
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return absl::OkStatus();
}

void Executor::Shutdown() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  std::lock_guard<std::mutex> lock(join_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Executor::Run() {
  // Linux cuts thread names at 15 bytes.
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      task();
    } catch (const std::exception& error) {
      LogError("a task threw", {{"executor", name_}, {"what", error.what()}});
    }
  }
}

}  // namespace throughline
