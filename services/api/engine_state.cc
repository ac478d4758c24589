#include "services/api/engine_state.h"

#include "throughline/errors.h"

namespace throughline::api {

void EngineState::Report(const absl::Status& status, absl::Time now) {
  if (status.ok()) return;
  const std::string reason = GetErrorReason(status);
  if (reason != "BACKEND_UNAVAILABLE" && reason != "STORAGE_FULL") return;
  std::lock_guard<std::mutex> lock(mutex_);
  failed_at_ = now;
  failure_ = status;
}

absl::Status EngineState::Check(absl::Time now) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return now - failed_at_ < kFailureMemory ? failure_ : absl::OkStatus();
}

}  // namespace throughline::api
