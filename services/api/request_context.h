// What a handler knows about the request that it serves: who it is (id), how long it may take (deadline, cancellation)
// and what it works on (backend).
// Used by one thread at a time; `Cancel` may be called from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/api/backend.h"
#include "throughline/event_queries.h"

namespace throughline::api {

class RequestContext {
 public:
  // `request_id` is the client's, or empty: then one is made when somebody asks for it.
  RequestContext(const Backend& backend, absl::string_view method, std::string request_id, absl::Time deadline);

  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  const Backend& backend() const { return backend_; }
  // "throughline.v1.JourneyMapService/GetJourneyMap".
  absl::string_view method() const { return method_; }
  const std::string& request_id();
  absl::Time now() const;

  // CANCELLED when the client has gone, DEADLINE_EXCEEDED when its deadline has passed. Handlers ask between two pieces
  // of long work.
  absl::Status CheckAlive() const;

  void Cancel() { cancelled_->store(true, std::memory_order_relaxed); }
  // The same for work that looks for itself, such as a scan.
  Patience patience() const { return {deadline_, cancelled_}; }

 private:
  const Backend& backend_;
  const absl::string_view method_;
  std::string request_id_;
  const absl::Time deadline_;
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace throughline::api
