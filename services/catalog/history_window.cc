#include "services/catalog/history_window.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/base/limits.h"
#include "services/base/log.h"

namespace throughline {

HistoryWindow::HistoryWindow(Catalog& catalog, const Clock& clock, absl::Duration window)
    : catalog_(catalog), clock_(clock), window_(window), thread_([this] { Run(); }) {}

HistoryWindow::~HistoryWindow() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void HistoryWindow::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    Compact();
    lock.lock();
    wake_.wait_for(lock, absl::ToChronoSeconds(limits::kCatalogCompactionInterval), [this] { return stopping_; });
  }
}

void HistoryWindow::Compact() {
  const auto keep_going = [this] {
    std::lock_guard<std::mutex> lock(mutex_);
    return !stopping_;
  };
  const Revision before = catalog_.CompactionHorizon();
  const absl::Time start = absl::Now();
  const absl::Status status = catalog_.CompactOlderThan(clock_.Now() - window_, keep_going);
  if (absl::IsCancelled(status)) return;
  if (!status.ok()) {
    LogWarning("old history is not removed; it will be tried again", {{"reason", std::string(status.message())}});
    return;
  }
  const Revision after = catalog_.CompactionHorizon();
  if (after == before) return;
  LogInfo("old history removed", {{"revisions_from", absl::StrCat(after.value)},
                                  {"milliseconds", absl::StrCat(absl::ToInt64Milliseconds(absl::Now() - start))}});
}

}  // namespace throughline
