#include "services/metrics/scheduler.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "services/base/log.h"
#include "services/metrics/refresher.h"

namespace throughline {
namespace {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

// After a pass of this length times the factor the next one may start; but nobody waits longer than the maximum.
constexpr int kRestPerPass = 3;
constexpr auto kRestMax = std::chrono::seconds(30);
// After a failure of a store.
constexpr auto kRetryMin = std::chrono::milliseconds(200);
constexpr auto kRetryMax = std::chrono::seconds(30);

SteadyClock::duration ToSteady(absl::Duration duration) {
  return std::chrono::duration_cast<SteadyClock::duration>(absl::ToChronoNanoseconds(duration));
}

// What observers report and waiters ask. Shared with the observers, which may outlive the scheduler.
struct Signals {
  std::mutex mutex;
  std::condition_variable changed;  // anything below
  bool running = false;
  bool pending = false;           // something changed since the latest pass began
  std::set<std::string> touched;  // workspaces with new events, by id
  SteadyTime first_signal;        // of those that are pending
  SteadyTime last_signal;
  uint64_t full_pass_asked = 0;  // tickets of WaitUntilIdle
  uint64_t full_pass_done = 0;
  std::atomic<bool> stop{false};

  // Requires the mutex.
  void Touch() {
    last_signal = SteadyClock::now();
    if (!pending) first_signal = last_signal;
    pending = true;
    changed.notify_all();
  }
};

}  // namespace

class MetricScheduler::Impl {
 public:
  Impl(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock, const Options& options)
      : options_(options), refresher_(catalog, events, maps, clock), signals_(std::make_shared<Signals>()) {
    catalog.AddCommitObserver([signals = signals_](Revision) {
      std::lock_guard<std::mutex> lock(signals->mutex);
      signals->Touch();
    });
    events.AddAppendObserver([signals = signals_](const AppendNotice& notice) {
      std::lock_guard<std::mutex> lock(signals->mutex);
      signals->touched.insert(notice.workspace);
      signals->Touch();
    });
  }
  ~Impl() { Shutdown(); }

  void Start() {
    {
      std::lock_guard<std::mutex> lock(signals_->mutex);
      if (signals_->running || signals_->stop) return;
      signals_->running = true;
    }
    thread_ = std::thread([this] { Run(); });
  }

  void Shutdown() {
    {
      std::lock_guard<std::mutex> lock(signals_->mutex);
      signals_->stop = true;
      signals_->running = false;
      signals_->changed.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

  bool WaitUntilIdle(absl::Duration timeout) {
    std::unique_lock<std::mutex> lock(signals_->mutex);
    if (!signals_->running) return false;
    const uint64_t ticket = ++signals_->full_pass_asked;
    signals_->changed.notify_all();
    signals_->changed.wait_until(lock, SteadyClock::now() + ToSteady(timeout),
                                 [&] { return !signals_->running || signals_->full_pass_done >= ticket; });
    return signals_->full_pass_done >= ticket;
  }

 private:
  // One pass's reasons, taken from the signals.
  struct Work {
    std::set<std::string> touched;
    bool everywhere = false;
    uint64_t full_pass_ticket = 0;
  };

  // When the next pass may start. Requires the mutex.
  SteadyTime DueTime() const {
    if (signals_->full_pass_asked > signals_->full_pass_done) return failed_ ? not_before_ : SteadyTime::min();
    SteadyTime due = next_look_at_time_;
    if (signals_->pending) {
      due = std::min({due, signals_->last_signal + ToSteady(options_.debounce),
                      signals_->first_signal + ToSteady(options_.delay_max)});
    }
    return std::max(due, not_before_);
  }

  void Run() {
    Work work;
    work.everywhere = true;  // what changed while nobody looked is not known
    next_look_at_time_ = SteadyClock::now();
    std::unique_lock<std::mutex> lock(signals_->mutex);
    while (!signals_->stop) {
      const SteadyTime due = DueTime();
      if (SteadyClock::now() < due) {
        signals_->changed.wait_until(lock, due);
        continue;  // signals may have moved it
      }
      TakeWork(work);
      lock.unlock();
      const SteadyTime begin = SteadyClock::now();
      const auto counts = refresher_.Refresh(work.touched, work.everywhere, signals_->stop);
      const SteadyTime end = SteadyClock::now();
      lock.lock();
      FinishPass(counts.status(), begin, end, work);
    }
  }

  // Adds what is pending to `work`, which still holds what an earlier pass failed to do. Requires the mutex.
  void TakeWork(Work& work) {
    const SteadyTime now = SteadyClock::now();
    work.touched.merge(signals_->touched);
    signals_->touched.clear();
    signals_->pending = false;
    if (now >= next_look_at_time_) next_look_at_time_ = now + ToSteady(options_.time_interval);
    if (signals_->full_pass_asked > signals_->full_pass_done) work.everywhere = true;
    work.full_pass_ticket = signals_->full_pass_asked;
  }

  // Requires the mutex.
  void FinishPass(const absl::Status& status, SteadyTime begin, SteadyTime end, Work& work) {
    failed_ = !status.ok();
    if (failed_) {
      retry_ = std::clamp<SteadyClock::duration>(retry_ * 2, kRetryMin, kRetryMax);
      not_before_ = end + retry_;
      if (!signals_->pending) signals_->Touch();
      LogWarning("metric values could not be brought up to date; trying again", {{"status", status.ToString()}});
      return;
    }
    retry_ = SteadyClock::duration::zero();
    not_before_ = end + std::min<SteadyClock::duration>((end - begin) * kRestPerPass, kRestMax);
    if (!signals_->stop && work.everywhere) {
      signals_->full_pass_done = std::max(signals_->full_pass_done, work.full_pass_ticket);
      signals_->changed.notify_all();
    }
    work = Work();
  }

  const Options options_;
  MetricRefresher refresher_;  // used by the thread only
  std::shared_ptr<Signals> signals_;
  std::thread thread_;
  // Of the thread:
  SteadyTime next_look_at_time_;                                 // for values that change with time
  SteadyTime not_before_ = SteadyTime::min();                    // rest after a pass or a failure
  SteadyClock::duration retry_ = SteadyClock::duration::zero();  // latest wait after a failure
  bool failed_ = false;                                          // the latest pass
};

MetricScheduler::MetricScheduler(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock)
    : MetricScheduler(catalog, events, maps, clock, Options()) {}

MetricScheduler::MetricScheduler(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock,
                                 Options options)
    : impl_(std::make_unique<Impl>(catalog, events, maps, clock, options)) {}

MetricScheduler::~MetricScheduler() = default;

void MetricScheduler::Start() { impl_->Start(); }

void MetricScheduler::Shutdown() { impl_->Shutdown(); }

bool MetricScheduler::WaitUntilIdle(absl::Duration timeout) { return impl_->WaitUntilIdle(timeout); }

}  // namespace throughline
