// Health checking (grpc.health.v1): whether the server, and each of its services, can do its work.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/api/rpc_service.h"
#include "services/api/stream_drain.h"

namespace throughline::api {

class HealthState {
 public:
  // "" (the whole server) and `services`; nothing serves until SetServing.
  explicit HealthState(const std::vector<std::string>& services);

  // All of them at once: they share their engines. `reason` is for the log.
  void SetServing(bool serving, absl::string_view reason);
  bool serving() const;

  // Absent: there is no such service.
  std::optional<bool> IsServing(absl::string_view service) const;

  // Calls `changed` after every change until it is removed; it must not block. Returns a number for RemoveWatcher,
  // which waits until no call is under way.
  int64_t AddWatcher(std::function<void()> changed);
  void RemoveWatcher(int64_t watcher);

 private:
  const std::vector<std::string> services_;
  mutable std::mutex mutex_;
  bool serving_ = false;
  std::mutex watchers_mutex_;  // taken before mutex_
  std::map<int64_t, std::function<void()>> watchers_;
  int64_t next_watcher_ = 1;
};

// Check and Watch. The state and the drain list outlive the service.
void AddHealthMethods(RpcService& service, HealthState& state, StreamDrain& drain);

}  // namespace throughline::api
