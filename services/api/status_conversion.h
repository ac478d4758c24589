// absl::Status → grpc::Status, the one place where errors leave the process.
// Pure function; any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

namespace throughline::api {

// Code and message as clients see them (throughline/errors.h, ToRpcStatus), with google.rpc.Status in
// grpc-status-details-bin: ErrorInfo, BadRequest …, and RequestInfo where there is a request id.
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

}  // namespace throughline::api
