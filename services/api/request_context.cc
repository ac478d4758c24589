#include "services/api/request_context.h"

#include <utility>

#include "services/base/ids.h"
#include "throughline/errors.h"

namespace throughline::api {

RequestContext::RequestContext(const Backend& backend, absl::string_view method, std::string request_id,
                               absl::Time deadline)
    : backend_(backend), method_(method), request_id_(std::move(request_id)), deadline_(deadline) {}

const std::string& RequestContext::request_id() {
  if (request_id_.empty()) request_id_ = backend_.ids.NewRequestId();
  return request_id_;
}

absl::Time RequestContext::now() const { return backend_.clock.Now(); }

absl::Status RequestContext::CheckAlive() const {
  if (cancelled_->load(std::memory_order_relaxed)) return absl::CancelledError("the client has cancelled the request");
  // The client's deadline is a real one, whatever time the backend's clock shows.
  if (absl::Now() > deadline_) return DeadlineExceeded(method_);
  return absl::OkStatus();
}

}  // namespace throughline::api
