// HistoryWindow: keeps the history of a catalog to a window of time, on a thread of its own.
// Thread-safe.
//
// Promises:
//  - What left the window at least kCatalogCompactionInterval ago is gone, unless the catalog fails: then it is tried
//    again with the next interval, and the log says why.
//  - Destruction waits for one small step at most.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "services/base/clock.h"
#include "throughline/catalog.h"

namespace throughline {

class HistoryWindow {
 public:
  // Compacts at once, and from then on regularly. Catalog and clock outlive it.
  HistoryWindow(Catalog& catalog, const Clock& clock, absl::Duration window);
  ~HistoryWindow();
  HistoryWindow(const HistoryWindow&) = delete;
  HistoryWindow& operator=(const HistoryWindow&) = delete;

 private:
  void Run();
  void Compact();

  Catalog& catalog_;
  const Clock& clock_;
  const absl::Duration window_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace throughline
