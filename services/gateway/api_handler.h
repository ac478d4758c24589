// Answers API requests: from HTTP and JSON to a gRPC call and back.
// Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/http_message.h"
#include "services/gateway/route_table.h"

namespace grpc {
class ByteBuffer;
class Channel;
class Status;
}  // namespace grpc

namespace throughline {

// One request on its way through gRPC.
class ApiCall {
 public:
  virtual ~ApiCall() = default;
  // Starts the call; `done` runs once, on a thread of gRPC, and must be quick.
  virtual void Start(std::function<void()> done) = 0;
  // Ends it early, with CANCELLED; any thread, any time.
  virtual void Cancel() = 0;
  // The answer, after done. Turns the message into JSON, so not on a thread of gRPC.
  virtual HttpResponse Finish() = 0;
};

class ApiHandler {
 public:
  static absl::StatusOr<std::unique_ptr<ApiHandler>> Make(std::shared_ptr<grpc::Channel> channel,
                                                          absl::Duration call_timeout);
  virtual ~ApiHandler() = default;

  // Whether a path belongs to the API, known or not: `/v1` and what is below it.
  static bool IsApiPath(absl::string_view path);

  // A call to start, or null with `response` filled when the answer is known without one.
  virtual std::shared_ptr<ApiCall> Prepare(const HttpRequest& request, HttpResponse& response) = 0;
};

}  // namespace throughline
