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
constexpr int kRounds = 3;
constexpr int kInFlight = 8;
constexpr double kRatioMin = 0.5;

// Events per second from the first request to the last acknowledgement, over one stream.
double MeasureStream(Client& client, const std::vector<v1::StreamEventsRequest>& requests) {
  grpc::ClientContext context;
  const auto start = SteadyClock::now();
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
  const double seconds = SecondsSince(start);
  const absl::Status status = FromGrpcStatus(stream->Finish());
  Require(status.ok(), status.ToString());
  Require(recorded == static_cast<int64_t>(kEvents), absl::StrCat("recorded only ", recorded));
  return static_cast<double>(kEvents) / seconds;
}

void Run() {
  std::vector<v1::CustomerEvent> events;
  for (size_t i = 0; i < kEvents; ++i) events.push_back(MakeEvent(static_cast<int64_t>(i)));
  const std::vector<std::string> records = RecordsOf(events);
  std::vector<double> bare, streamed, ratios;
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
    bare.push_back(MeasureBareRocksDb(directory / "bare", records, kBatch));
    streamed.push_back(MeasureStream(**client, requests));
    ratios.push_back(streamed.back() / bare.back());
    client->reset();
    (*server)->Shutdown();
  }
  std::printf("%zu events in batches of %zu, median of %d rounds\n", events.size(), kBatch, kRounds);
  std::printf("  bare RocksDB, synced       %9.0f events/s  1.00\n", Median(bare));
  std::printf("  StreamEvents, one stream   %9.0f events/s  %.2f\n", Median(streamed), Median(ratios));
  Require(Median(ratios) >= kRatioMin, absl::StrCat("below the required ratio of ", kRatioMin));
}

}  // namespace
}  // namespace throughline::bench

int main() { throughline::bench::Run(); }
