#include "services/api/health.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "services/api/request_parser.h"
#include "services/api/status_conversion.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

HealthCheckResponse::ServingStatus ToServingStatus(std::optional<bool> serving) {
  if (!serving.has_value()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return *serving ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

// One Watch: the status at first, and then whenever it has changed.
class WatchReactor final : public grpc::ServerGenericBidiReactor,
                           public DrainableStream,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  static WatchReactor* Start(HealthState& state, StreamDrain& drain, std::string request_id) {
    std::shared_ptr<WatchReactor> watch(new WatchReactor(state, drain, std::move(request_id)));
    watch->self_ = watch;
    watch->watcher_ = state.AddWatcher([raw = watch.get()] { raw->MaybeNext(); });
    drain.Add(watch);
    watch->StartRead(&watch->request_bytes_);
    return watch.get();
  }

  void Drain() override { End(ShuttingDown()); }
  void OnCancel() override { End(absl::CancelledError()); }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError());
    {
      std::lock_guard<std::mutex> lock(mutex_);
      writing_ = false;
    }
    MaybeNext();
  }
  void OnReadDone(bool ok) override {
    HealthCheckRequest request;
    const RequestParser parser(HealthCheckRequest::descriptor(), limits::kRequestBytesMax);
    absl::Status status = ok ? parser.Parse(request_bytes_, request) : MalformedRequest("the call carries no message");
    if (!status.ok()) return End(std::move(status));
    {
      std::lock_guard<std::mutex> lock(mutex_);
      service_ = request.service();
    }
    MaybeNext();
  }
  void OnDone() override {
    state_.RemoveWatcher(watcher_);
    drain_.Remove(this);
    self_.reset();
  }

 private:
  WatchReactor(HealthState& state, StreamDrain& drain, std::string request_id)
      : state_(state), drain_(drain), request_id_(std::move(request_id)) {}

  void End(absl::Status status) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!ended_.has_value()) ended_ = std::move(status);
    }
    MaybeNext();
  }

  void MaybeNext() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (finished_) return;
    if (!ended_.has_value()) {
      if (!service_.has_value() || writing_) return;
      const HealthCheckResponse::ServingStatus status = ToServingStatus(state_.IsServing(*service_));
      if (status == shown_) return;
      shown_ = status;
      writing_ = true;
      HealthCheckResponse response;
      response.set_status(status);
      Serialize(response, response_bytes_);
      StartWrite(&response_bytes_);
      return;
    }
    // A write that is under way completes, or fails, by itself.
    finished_ = true;
    lock.unlock();
    Finish(ToGrpcStatus(*ended_, request_id_));
  }

  HealthState& state_;
  StreamDrain& drain_;
  const std::string request_id_;
  std::shared_ptr<WatchReactor> self_;
  int64_t watcher_ = 0;
  grpc::ByteBuffer request_bytes_;
  grpc::ByteBuffer response_bytes_;

  std::mutex mutex_;
  std::optional<std::string> service_;  // once the request is read
  std::optional<HealthCheckResponse::ServingStatus> shown_;
  std::optional<absl::Status> ended_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace

HealthState::HealthState(const std::vector<std::string>& services) : services_(services) {}

void HealthState::SetServing(bool serving, absl::string_view reason) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (serving_ == serving) return;
    serving_ = serving;
  }
  Log(serving ? LogLevel::kInfo : LogLevel::kWarning, serving ? "serving" : "not serving",
      {{"reason", std::string(reason)}});
  std::lock_guard<std::mutex> lock(watchers_mutex_);
  for (const auto& [unused, changed] : watchers_) changed();
}

bool HealthState::serving() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return serving_;
}

std::optional<bool> HealthState::IsServing(absl::string_view service) const {
  if (!service.empty() && std::find(services_.begin(), services_.end(), service) == services_.end()) {
    return std::nullopt;
  }
  return serving();
}

int64_t HealthState::AddWatcher(std::function<void()> changed) {
  std::lock_guard<std::mutex> lock(watchers_mutex_);
  watchers_.emplace(next_watcher_, std::move(changed));
  return next_watcher_++;
}

void HealthState::RemoveWatcher(int64_t watcher) {
  std::lock_guard<std::mutex> lock(watchers_mutex_);
  watchers_.erase(watcher);
}

void AddHealthMethods(RpcService& service, HealthState& state, StreamDrain& drain) {
  service.AddUnaryByReflection(
      "Check",
      [&state](RequestContext&, const google::protobuf::Message& request, google::protobuf::Message& response) {
        const std::string& name = static_cast<const HealthCheckRequest&>(request).service();
        const std::optional<bool> serving = state.IsServing(name);
        if (!serving.has_value()) return ResourceNotFound(absl::StrCat("service ", name));
        static_cast<HealthCheckResponse&>(response).set_status(ToServingStatus(serving));
        return absl::OkStatus();
      },
      {.run = Run::kInline});
  service.AddStream("Watch", [&state, &drain](grpc::CallbackServerContext* context) {
    return WatchReactor::Start(state, drain, RequestIdOf(*context));
  });
}

}  // namespace throughline::api
