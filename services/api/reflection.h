// Server reflection: what the server offers, as descriptors, for grpcurl and other tools that have no protos.
// Thread-safe.
//
// v1 and v1alpha have the same messages on the wire, so one reactor serves both. Our own, because Debian's plugin
// serves v1alpha only and brings descriptors that collide with ours.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/api/rpc_service.h"
#include "services/api/stream_drain.h"

namespace throughline::api {

// `services`: full names of what the server offers. The drain list outlives the service.
void AddReflectionMethods(RpcService& service, std::shared_ptr<const std::vector<std::string>> services,
                          StreamDrain& drain);

}  // namespace throughline::api
