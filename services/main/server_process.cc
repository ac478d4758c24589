#include "services/main/server_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/channel.h"
#include "services/api/engine_state.h"
#include "services/api/page_token.h"
#include "services/api/server.h"
#include "services/base/clock.h"
#include "services/base/data_directory.h"
#include "services/base/executor.h"
#include "services/base/ids.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/catalog/history_window.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "services/events/native/native_event_store.h"
#include "services/gateway/gateway.h"
#include "services/journey/published_maps.h"
#include "services/main/demo/demo_workspace.h"
#include "services/main/demo/progress_line.h"
#include "services/metrics/scheduler.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// The key of page tokens lives as long as the data, so that a listing goes on after a restart.
absl::StatusOr<api::PageTokenCodec::Key> LoadPageTokenKey(const std::string& path) {
  api::PageTokenCodec::Key key;
  const int existing = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (existing >= 0) {
    const ssize_t bytes = ::read(existing, key.data(), key.size());
    ::close(existing);
    if (bytes == static_cast<ssize_t>(key.size())) return key;
    LogWarning("the key of page tokens is damaged and made anew; listings under way start again", {{"path", path}});
  }
  key = api::PageTokenCodec::RandomKey();
  const std::string temporary = absl::StrCat(path, ".new");
  const int created = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = created >= 0 && ::write(created, key.data(), key.size()) == static_cast<ssize_t>(key.size()) &&
                       ::fsync(created) == 0 && ::rename(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  if (created >= 0) ::close(created);
  if (!written) return DataDirectoryUnusable(path, absl::StrCat("it cannot be written: ", std::strerror(error)));
  return key;
}

// The program blocks the signals that end it, and looks at them once everything serves.
bool EndingSignalPending() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

class ServerProcessImpl : public ServerProcess {
 public:
  explicit ServerProcessImpl(const ServerOptions& options) : options_(options) {}
  ~ServerProcessImpl() override { ServerProcessImpl::Shutdown(); }

  absl::Status Open() {
    ASSIGN_OR_RETURN(directory_, DataDirectory::Open(options_.data_directory));
    ASSIGN_OR_RETURN(const auto key, LoadPageTokenKey(*directory_ / "page_token.key"));
    page_tokens_.emplace(key);
    RETURN_IF_ERROR(OpenStores());
    published_maps_.emplace(*catalog_);
    scheduler_.emplace(*catalog_, *events_, *published_maps_, SystemClock());
    return absl::OkStatus();
  }

  absl::Status Serve() {
    executor_.emplace("requests", limits::kExecutorThreadCount);
    backend_.emplace(api::Backend{*catalog_, *events_, *published_maps_, SystemClock(), SystemIds(), *executor_,
                                  *page_tokens_, engines_});
    ASSIGN_OR_RETURN(grpc_host_, ParseHostAndPort(options_.grpc_address));
    ASSIGN_OR_RETURN(server_, api::ApiServer::Start(*backend_, {.address = options_.grpc_address}));
    if (!options_.http_address.empty()) RETURN_IF_ERROR(ServeHttp());
    scheduler_->Start();
    history_.emplace(*catalog_, SystemClock(), options_.history);
    RETURN_IF_ERROR(MakeDemo());
    Probe();
    return absl::OkStatus();
  }

  std::string grpc_address() const override { return Address(grpc_host_, server_->port()); }
  std::string http_address() const override { return gateway_ == nullptr ? "" : Address(http_host_, gateway_->port()); }

  void Probe() override {
    // What requests have met lately.
    absl::Status status = engines_.Check(absl::Now());
    const bool remembered = !status.ok();
    // Nobody may have tried since: the disk itself says whether it is still full.
    if (status.ok() && !server_->health().serving()) status = directory_->CheckWritable();
    // A write that changes nothing still passes through the catalog's writer, which refuses it once its disk has
    // failed.
    if (status.ok()) status = catalog_->Write([](WriteTransaction&) { return absl::OkStatus(); }).status();
    // So does an append of nothing through the log's.
    if (status.ok()) status = events_->AppendAndWait("health", {}).status();
    // A full queue is a busy server, not a broken one.
    if (absl::IsResourceExhausted(status) && GetErrorReason(status) == "OVERLOADED") status = absl::OkStatus();
    // So that the disk of a server in trouble is asked every few seconds, not at every look.
    if (!remembered) engines_.Report(status, absl::Now());
    server_->health().SetServing(status.ok(), status.ok() ? "all engines work" : status.message());
  }

  void Shutdown() override {
    if (gateway_ != nullptr) gateway_->Shutdown(options_.grace);
    if (server_ != nullptr) server_->Shutdown(options_.grace);
    gateway_.reset();
    if (executor_.has_value()) executor_->Shutdown();
    server_.reset();
    history_.reset();
    if (scheduler_.has_value()) scheduler_->Shutdown();
    scheduler_.reset();
    published_maps_.reset();
    events_.reset();
    catalog_.reset();
    directory_.reset();
  }

 private:
  absl::Status OpenStores() {
    SqliteCatalogOptions catalog_options;
    catalog_options.path = *directory_ / "catalog.db";
    ASSIGN_OR_RETURN(catalog_, SqliteCatalog::Open(catalog_options));
    NativeEventStoreOptions event_options;
    event_options.directory = *directory_ / "events";
    event_options.clock = &SystemClock();
    event_options.query_threads = options_.query_threads;
    event_options.limits.cache_bytes_max = static_cast<size_t>(options_.event_cache_mib) << 20;
    LogInfo("reading the event log", {{"directory", event_options.directory}});
    const absl::Time start = absl::Now();
    ASSIGN_OR_RETURN(events_, NativeEventStore::Open(event_options));
    LogInfo("event log read", {{"milliseconds", absl::StrCat(absl::ToInt64Milliseconds(absl::Now() - start))}});
    return absl::OkStatus();
  }

  absl::Status ServeHttp() {
    ASSIGN_OR_RETURN(http_host_, ParseHostAndPort(options_.http_address));
    GatewayOptions gateway_options;
    gateway_options.address = http_host_.host;
    gateway_options.port = http_host_.port;
    gateway_options.web_root = options_.web_root;
    ASSIGN_OR_RETURN(gateway_, Gateway::Start(gateway_options, server_->InProcessChannel()));
    return absl::OkStatus();
  }

  // On an empty catalog; and again where the demo was interrupted before it was complete.
  absl::Status MakeDemo() {
    const std::string pending = *directory_ / "demo.pending";
    const bool interrupted = std::filesystem::exists(pending);
    if (!options_.demo || (catalog_->LatestRevision().value != 0 && !interrupted)) return absl::OkStatus();
    std::ofstream(pending) << "The demo workspace is not complete; throughlined --demo goes on with it.\n";
    DemoOptions demo;
    demo.customer_count = options_.demo_customer_count;
    ProgressLine line("Making the demo company");
    const absl::Status status =
        CreateDemoWorkspace(server_->InProcessChannel(), demo, [&](const DemoProgress& progress) {
          line.Show(progress.step, progress.done, progress.total);
          return !EndingSignalPending();
        });
    // Cancelled: the program is about to look at its signal; the mark stays.
    if (absl::IsCancelled(status)) return absl::OkStatus();
    RETURN_IF_ERROR(status);
    std::filesystem::remove(pending);
    return absl::OkStatus();
  }

  static std::string Address(const HostAndPort& host, int port) {
    const bool is_v6 = host.host.find(':') != std::string::npos;
    return is_v6 ? absl::StrCat("[", host.host, "]:", port) : absl::StrCat(host.host, ":", port);
  }

  const ServerOptions options_;
  HostAndPort grpc_host_;
  HostAndPort http_host_;
  std::unique_ptr<DataDirectory> directory_;
  std::optional<api::PageTokenCodec> page_tokens_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<EventStore> events_;
  std::optional<PublishedMaps> published_maps_;
  std::optional<MetricScheduler> scheduler_;
  std::optional<HistoryWindow> history_;
  std::optional<Executor> executor_;
  api::EngineState engines_;
  std::optional<api::Backend> backend_;
  std::unique_ptr<api::ApiServer> server_;
  std::unique_ptr<Gateway> gateway_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const ServerOptions& options) {
  auto process = std::make_unique<ServerProcessImpl>(options);
  RETURN_IF_ERROR(process->Open());
  RETURN_IF_ERROR(process->Serve());
  return process;
}

}  // namespace throughline
