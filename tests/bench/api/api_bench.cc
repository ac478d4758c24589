// Calls per second of GetJourneyMap as a ratio to an empty echo, and writes per fsync of 64 concurrent writers.
// README.md says what varies.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/method_handler.h"
#include "grpcpp/support/slice.h"
#include "services/api/engine_state.h"
#include "services/api/page_token.h"
#include "services/api/server.h"
#include "services/base/clock.h"
#include "services/base/executor.h"
#include "services/base/ids.h"
#include "services/base/limits.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "services/events/native/native_event_store.h"
#include "services/journey/published_maps.h"
#include "tests/support/files.h"
#include "throughline/v1/journey_map_service.grpc.pb.h"
#include "throughline/v1/workspace_service.grpc.pb.h"

namespace throughline {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kRoundDuration = std::chrono::milliseconds(1500);
constexpr int kRounds = 5;
constexpr int kInFlight = 64;
constexpr int kChannels = 4;
constexpr int kWriters = 64;
constexpr int kTouchpoints = 12;
constexpr double kReadRatioMin = 0.5;
constexpr double kWritesPerFsyncMin = 8;
constexpr char kGetMethod[] = "/throughline.v1.JourneyMapService/GetJourneyMap";
constexpr char kEchoMethod[] = "/bench.Echo/Echo";

void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "bench_api: %s\n", what.c_str());
  std::exit(1);
}

// ---- The server's process -------------------------------------------------------------------------------------------

// The fastest answer that this gRPC can give by its callback API: no parsing, no thread of its own.
class EchoService : public grpc::Service {
 public:
  EchoService() {
    AddMethod(new grpc::internal::RpcServiceMethod(kEchoMethod, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRawCallback(
        0, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
               [](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
                 *response = *request;
                 grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
                 reactor->Finish(grpc::Status::OK);
                 return reactor;
               }));
  }
};

struct Ports {
  int api = 0;
  int echo = 0;
};

// Serves until its input ends; writes the ports at first and the catalog's statistics whenever a byte comes in.
[[noreturn]] void Serve(int in, int out) {
  const testing::TempDir directory;
  SqliteCatalogOptions catalog_options;
  catalog_options.path = directory / "catalog.db";
  auto catalog = SqliteCatalog::Open(catalog_options);
  Require(catalog.ok(), "the catalog does not open");
  NativeEventStoreOptions event_options;
  event_options.directory = directory / "events";
  event_options.clock = &SystemClock();
  auto events = NativeEventStore::Open(event_options);
  Require(events.ok(), "the event store does not open");
  PublishedMaps maps(**catalog);
  Executor executor("bench", limits::kExecutorThreadCount);
  const api::PageTokenCodec tokens(api::PageTokenCodec::RandomKey());
  api::EngineState engines;
  const api::Backend backend{**catalog, **events, maps, SystemClock(), SystemIds(), executor, tokens, engines};
  auto server = api::ApiServer::Start(backend, {.address = "127.0.0.1:0"});
  Require(server.ok(), "the server does not start");

  EchoService echo;
  Ports ports{.api = (*server)->port()};
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &ports.echo);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> echo_server = builder.BuildAndStart();
  Require(write(out, &ports, sizeof(ports)) == sizeof(ports), "the client is gone");
  for (char byte = 0; read(in, &byte, 1) == 1;) {
    const SqliteCatalog::Statistics statistics = (*catalog)->Stats();
    Require(write(out, &statistics, sizeof(statistics)) == sizeof(statistics), "the client is gone");
  }
  echo_server->Shutdown();
  (*server)->Shutdown(absl::Seconds(1));
  executor.Shutdown();
  std::exit(0);
}

// ---- The client's process -------------------------------------------------------------------------------------------

// Keeps kInFlight calls going for one round; calls per second. `check` sees every answer.
double MeasureCalls(const std::vector<std::shared_ptr<grpc::Channel>>& channels, const std::string& method,
                    const std::string& request, const std::function<bool(const grpc::ByteBuffer&)>& check) {
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (const auto& channel : channels) stubs.push_back(std::make_unique<grpc::GenericStub>(channel));
  std::vector<Call> calls(kInFlight);
  std::atomic<int64_t> done = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::condition_variable idle;
  int running = kInFlight;

  std::function<void(int)> start = [&](int index) {
    Call& call = calls[index];
    call.context = std::make_unique<grpc::ClientContext>();
    grpc::Slice slice(request);
    call.request = grpc::ByteBuffer(&slice, 1);
    call.response.Clear();
    stubs[index % stubs.size()]->UnaryCall(call.context.get(), method, grpc::StubOptions(), &call.request,
                                           &call.response, [&, index](const grpc::Status& status) {
                                             Require(status.ok(), status.error_message());
                                             Require(check(calls[index].response), "a wrong answer");
                                             ++done;
                                             if (!stop) return start(index);
                                             std::lock_guard<std::mutex> lock(mutex);
                                             if (--running == 0) idle.notify_one();
                                           });
  };
  const auto begin = SteadyClock::now();
  for (int i = 0; i < kInFlight; ++i) start(i);
  std::this_thread::sleep_for(kRoundDuration);
  const double calls_per_second =
      static_cast<double>(done.load()) / std::chrono::duration<double>(SteadyClock::now() - begin).count();
  stop = true;
  std::unique_lock<std::mutex> lock(mutex);
  idle.wait(lock, [&] { return running == 0; });
  return calls_per_second;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

v1::JourneyMap MakeMap() {
  v1::JourneyMap map;
  map.set_display_name("Order to review");
  map.set_description("From the first click to the review, as customers live it.");
  for (int phase = 0; phase < 4; ++phase) {
    v1::Phase& added = *map.add_phases();
    added.set_id(absl::StrCat("phase-", phase));
    added.set_display_name(absl::StrCat("Phase ", phase));
  }
  for (int i = 0; i < kTouchpoints; ++i) {
    v1::Touchpoint& touchpoint = *map.add_touchpoints();
    touchpoint.set_id(absl::StrCat("touchpoint-", i));
    touchpoint.set_phase(absl::StrCat("phase-", i / 3));
    touchpoint.set_display_name(absl::StrCat("Touchpoint ", i));
    touchpoint.set_description("What happens here, in the words of those who were asked.");
    touchpoint.set_channel("web");
    touchpoint.set_importance(5);
    touchpoint.add_pain_points("It takes too long.");
    touchpoint.add_emotions()->set_level(0.5);
    touchpoint.mutable_event_binding()->add_event_names(absl::StrCat("event_", i));
    if (i == 0) continue;
    v1::Transition& transition = *map.add_transitions();
    transition.set_id(absl::StrCat("transition-", i));
    transition.set_from_touchpoint(absl::StrCat("touchpoint-", i - 1));
    transition.set_to_touchpoint(touchpoint.id());
    transition.set_expected_share(0.8);
  }
  return map;
}

void CreateMaps(const std::shared_ptr<grpc::Channel>& channel) {
  const auto workspaces = v1::WorkspaceService::NewStub(channel);
  const auto maps = v1::JourneyMapService::NewStub(channel);
  v1::CreateWorkspaceRequest workspace;
  workspace.set_workspace_id("w");
  workspace.mutable_workspace()->set_display_name("Bench");
  v1::Workspace created;
  grpc::ClientContext context;
  Require(workspaces->CreateWorkspace(&context, workspace, &created).ok(), "the workspace is not created");
  for (int i = 0; i < kWriters; ++i) {
    v1::CreateJourneyMapRequest request;
    request.set_parent("workspaces/w");
    request.set_journey_map_id(absl::StrCat("m", i));
    *request.mutable_journey_map() = MakeMap();
    v1::JourneyMap map;
    grpc::ClientContext map_context;
    const grpc::Status status = maps->CreateJourneyMap(&map_context, request, &map);
    Require(status.ok(), status.error_message());
  }
}

// Every writer changes its own map and waits for the answer before it goes on. Returns writes per second.
double MeasureWrites(const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  std::atomic<int64_t> writes = 0;
  std::vector<std::thread> writers;
  const auto begin = SteadyClock::now();
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      const auto maps = v1::JourneyMapService::NewStub(channels[writer % channels.size()]);
      v1::UpdateJourneyMapRequest request;
      request.mutable_journey_map()->set_name(absl::StrCat("workspaces/w/journeyMaps/m", writer));
      request.mutable_update_mask()->add_paths("description");
      for (int i = 0; SteadyClock::now() - begin < 2 * kRoundDuration; ++i) {
        request.mutable_journey_map()->set_description(absl::StrCat("Change ", i));
        grpc::ClientContext context;
        v1::JourneyMap map;
        const grpc::Status status = maps->UpdateJourneyMap(&context, request, &map);
        Require(status.ok(), status.error_message());
        ++writes;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  return static_cast<double>(writes.load()) / std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

SqliteCatalog::Statistics AskStatistics(int to_server, int from_server) {
  SqliteCatalog::Statistics statistics;
  Require(write(to_server, "?", 1) == 1 && read(from_server, &statistics, sizeof(statistics)) == sizeof(statistics),
          "the server is gone");
  return statistics;
}

std::vector<std::shared_ptr<grpc::Channel>> Connect(int port) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < kChannels; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("bench.channel", i);  // one connection each
    channels.push_back(
        grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials(), arguments));
  }
  return channels;
}

// The reads, by how much of an answer the client takes up; each beside the echoes of the same rounds.
struct ReadVariant {
  const char* name;
  std::function<bool(const grpc::ByteBuffer&)> take;
  double ratio_min;  // 0: for information
  std::vector<double> calls_per_second;
};

bool ParseMap(const grpc::ByteBuffer& bytes, v1::JourneyMap& map) {
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  return map.ParseFromZeroCopyStream(&reader) && map.touchpoints_size() == kTouchpoints;
}

std::vector<ReadVariant> ReadVariants() {
  const auto whole = [](const grpc::ByteBuffer& bytes) { return bytes.Length() > 0; };
  const auto arena = [](const grpc::ByteBuffer& bytes) {
    google::protobuf::Arena arena;
    return ParseMap(bytes, *google::protobuf::Arena::CreateMessage<v1::JourneyMap>(&arena));
  };
  const auto heap = [](const grpc::ByteBuffer& bytes) {
    v1::JourneyMap map;
    return ParseMap(bytes, map);
  };
  return {{"bytes only", whole, 0, {}},
          {"parsed into an arena", arena, kReadRatioMin, {}},
          {"parsed as by a stub", heap, 0, {}}};
}

bool MeasureReads(const std::vector<std::shared_ptr<grpc::Channel>>& api,
                  const std::vector<std::shared_ptr<grpc::Channel>>& echo) {
  v1::GetJourneyMapRequest get;
  get.set_name("workspaces/w/journeyMaps/m0");
  const std::string request = get.SerializeAsString();
  std::vector<ReadVariant> variants = ReadVariants();
  std::vector<double> echoes;
  for (int round = 0; round < kRounds; ++round) {
    echoes.push_back(MeasureCalls(echo, kEchoMethod, "", [](const grpc::ByteBuffer&) { return true; }));
    for (ReadVariant& variant : variants) {
      variant.calls_per_second.push_back(MeasureCalls(api, kGetMethod, request, variant.take));
    }
  }
  std::printf("empty echo                           %6.0f calls/s\n", Median(echoes));
  bool reached = true;
  for (const ReadVariant& variant : variants) {
    const double ratio = Median(variant.calls_per_second) / Median(echoes);
    std::printf("GetJourneyMap, %-20s  %6.0f calls/s  %.2f", variant.name, Median(variant.calls_per_second), ratio);
    std::printf(variant.ratio_min > 0 ? "  (at least %.2f)\n" : "\n", variant.ratio_min);
    reached = reached && ratio >= variant.ratio_min;
  }
  return reached;
}

int Measure(int to_server, int from_server) {
  Ports ports;
  Require(read(from_server, &ports, sizeof(ports)) == sizeof(ports), "the server does not start");
  const auto api = Connect(ports.api);
  const auto echo = Connect(ports.echo);
  CreateMaps(api[0]);
  const bool fast_reads = MeasureReads(api, echo);

  const SqliteCatalog::Statistics before = AskStatistics(to_server, from_server);
  const double writes = MeasureWrites(api);
  const SqliteCatalog::Statistics after = AskStatistics(to_server, from_server);
  const double per_fsync =
      static_cast<double>(after.transactions - before.transactions) / static_cast<double>(after.groups - before.groups);
  std::printf("UpdateJourneyMap, %d writers: %.0f writes/s; %.1f writes per fsync (at least %.1f)\n", kWriters, writes,
              per_fsync, kWritesPerFsyncMin);
  return fast_reads && per_fsync >= kWritesPerFsyncMin ? 0 : 1;
}

int Main() {
  int to_server[2];
  int to_client[2];
  Require(pipe(to_server) == 0 && pipe(to_client) == 0, "no pipes");
  // Before anything of gRPC runs in this process: it does not survive a fork.
  const pid_t server = fork();
  Require(server >= 0, "no second process");
  if (server == 0) {
    close(to_server[1]);
    close(to_client[0]);
    Serve(to_server[0], to_client[1]);
  }
  close(to_server[0]);
  close(to_client[1]);
  const int result = Measure(to_server[1], to_client[0]);
  close(to_server[1]);
  int status = 0;
  waitpid(server, &status, 0);
  return result;
}

}  // namespace
}  // namespace throughline

int main() { return throughline::Main(); }
