// Durable recording through EventService.StreamEvents, as a ratio to a bare synced RocksDB loop of the same bytes and
// batch sizes. README.md says what varies.
#include <semaphore>
#include <thread>

#include "services/main/server_process.h"
#include "tests/bench/events/bench_support.h"
#include "tests/support/files.h"
#include "throughline/client.h"

namespace throughline::bench {
namespace {

constexpr size_t kBatch = 500;
constexpr size_t kEvents = 250'000;
constexpr int kRounds = 7;
constexpr int kInFlight = 8;
constexpr double kRatioMin = 0.5;

// From the first request to the last acknowledgement, over one stream.
Rate MeasureStream(Client& client, const std::vector<v1::StreamEventsRequest>& requests) {
  grpc::ClientContext context;
  const Stopwatch watch;
  const auto stream = client.stub<v1::EventService::Stub>().StreamEvents(&context);
  std::counting_semaphore<> room(kInFlight);
  int64_t recorded = 0;
  std::thread reader([&] {
    v1::StreamEventsResponse response;
    while (stream->Read(&response)) {
      recorded += response.recorded_count();
      room.release();
    }
  });
  for (const v1::StreamEventsRequest& request : requests) {
    room.acquire();
    Require(stream->Write(request), "the stream broke");
  }
  stream->WritesDone();
  reader.join();
  const Rate rate = watch.Stop(kEvents);
  const absl::Status status = FromGrpcStatus(stream->Finish());
  Require(status.ok(), status.ToString());
  Require(recorded == static_cast<int64_t>(kEvents), absl::StrCat("recorded only ", recorded));
  return rate;
}

void Run() {
  std::vector<v1::CustomerEvent> events;
  for (size_t i = 0; i < kEvents; ++i) events.push_back(MakeEvent(static_cast<int64_t>(i)));
  const std::vector<std::string> records = RecordsOf(events);
  Rounds bare, streamed;
  for (int round = 0; round < kRounds; ++round) {
    const testing::TempDir directory;
    ServerOptions options;
    options.data_directory = directory / "data";
    options.grpc_address = "127.0.0.1:0";
    options.http_address = "";
    options.demo = false;
    auto server = ServerProcess::Start(options);
    Require(server.ok(), server.status().ToString());
    ClientOptions client_options;
    client_options.address = (*server)->grpc_address();
    auto client = Client::Connect(client_options);
    Require(client.ok(), client.status().ToString());
    v1::CreateWorkspaceRequest create;
    create.set_workspace_id("bench");
    create.mutable_workspace()->set_display_name("Bench");
    const auto created = (*client)->Call(&v1::WorkspaceService::Stub::CreateWorkspace, create);
    Require(created.ok(), created.status().ToString());

    std::vector<v1::StreamEventsRequest> requests;
    for (size_t from = 0; from < events.size(); from += kBatch) {
      v1::StreamEventsRequest& request = requests.emplace_back();
      request.set_parent("workspaces/bench");
      request.set_batch_id(static_cast<int64_t>(requests.size()));
      for (size_t i = from; i < std::min(events.size(), from + kBatch); ++i) *request.add_events() = events[i];
    }
    const Rate limit = MeasureBareRocksDb(directory / "bare", records, kBatch);
    bare.Add(limit, limit);
    streamed.Add(MeasureStream(**client, requests), limit);
    client->reset();
    (*server)->Shutdown();
  }
  std::printf("%zu events in batches of %zu, median of %d rounds\n", events.size(), kBatch, kRounds);
  bare.Print("bare RocksDB, 1 thread");
  streamed.Print("StreamEvents, 1 stream");
  Require(streamed.ratio() >= kRatioMin, absl::StrCat("below the required ratio of ", kRatioMin));
}

}  // namespace
}  // namespace throughline::bench

int main() { throughline::bench::Run(); }
