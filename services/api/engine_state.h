// What requests have learned about the engines behind them: whether one failed lately. Health follows it.
// Thread-safe.
//
// A failure counts for kFailureMemory: then clients may try again, and either succeed or report the next failure.
#pragma once

#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace throughline::api {

class EngineState {
 public:
  static constexpr absl::Duration kFailureMemory = absl::Seconds(10);

  // The outcome of any request; only failures of an engine (UNAVAILABLE from a store, a full disk) are remembered.
  void Report(const absl::Status& status, absl::Time now);

  // Not OK, with what failed, while the latest failure is remembered.
  absl::Status Check(absl::Time now) const;

 private:
  mutable std::mutex mutex_;
  absl::Time failed_at_ = absl::InfinitePast();
  absl::Status failure_;
};

}  // namespace throughline::api
