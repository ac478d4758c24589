// Makes the demo workspace through the public API: a company, its maps and metrics, and eighteen months of customers.
// Any thread; one call at a time per workspace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/grpcpp.h"

namespace throughline {

struct DemoOptions {
  std::string workspace_id = "demo";
  int customer_count = 20'000;
  uint64_t seed = 7;
};

struct DemoProgress {
  std::string step;  // "recording events"
  int64_t done = 0;
  int64_t total = 0;  // 0: the step is not counted
};

// Creates what is not there yet. The events end at the moment at which the workspace was created, so that a call that
// was interrupted can be repeated: what exists stays, what was recorded is recorded once. When the demo is complete the
// call returns at once. `progress` (may be empty) is called on the calling thread, about a hundred times; when it
// returns false the call ends there.
//
// The codes are those of the API; UNAVAILABLE if the server goes away, CANCELLED if `progress` said so.
absl::Status CreateDemoWorkspace(std::shared_ptr<grpc::Channel> channel, const DemoOptions& options,
                                 const std::function<bool(const DemoProgress&)>& progress);

}  // namespace throughline
