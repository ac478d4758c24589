// Durable recording by several clients at once, as ratios to PostgreSQL and to a bare synced RocksDB loop in the same
// run. README.md says what varies.
#include <thread>

#include "absl/strings/numbers.h"
#include "services/main/server_process.h"
#include "tests/bench/events/bench_support.h"
#include "tests/bench/stream_events/postgres_peer.h"
#include "tests/support/files.h"
#include "throughline/client.h"

namespace throughline::bench {
namespace {

constexpr size_t kEvents = 400'000;
constexpr size_t kBatch = 100;
constexpr size_t kClients = 8;
// Per client; the same for both sides.
constexpr int kInFlight = 8;
constexpr int kRounds = 5;
constexpr char kWorkspace[] = "workspaces/bench";

// The events, dealt to the clients in batches.
std::vector<ClientBatches> MakeBatches(size_t event_count) {
  std::vector<ClientBatches> clients(kClients);
  for (size_t from = 0, batch = 0; from < event_count; from += kBatch, ++batch) {
    ClientBatches& client = clients[batch % kClients];
    v1::StreamEventsRequest& request = client.requests.emplace_back();
    request.set_parent(kWorkspace);
    request.set_batch_id(static_cast<int64_t>(client.requests.size()));
    for (size_t i = from; i < std::min(event_count, from + kBatch); ++i) {
      *request.add_events() = MakeEvent(static_cast<int64_t>(i));
      AppendCanonicalEvent(*request.mutable_events()->rbegin(), client.contents.emplace_back());
    }
  }
  return clients;
}

// A connection of its own, as another process would have: channels to one address share one unless told otherwise.
std::unique_ptr<Client> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  auto channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  Require(channel->WaitForConnected(absl::ToChronoTime(absl::Now() + absl::Seconds(10))), "cannot connect");
  return std::make_unique<Client>(std::move(channel), ClientOptions());
}

// Sends all batches over one stream, no more than kInFlight of them unacknowledged; returns how many events were
// recorded. Each acknowledgement says that its batch is durable.
int64_t SendBatches(Client& client, const std::vector<v1::StreamEventsRequest>& requests) {
  grpc::ClientContext context;
  const auto stream = client.stub<v1::EventService::Stub>().StreamEvents(&context);
  int64_t recorded = 0, acknowledged = 0;
  v1::StreamEventsResponse response;
  const auto take = [&] {
    Require(stream->Read(&response) && response.batch_id() == ++acknowledged, "an acknowledgement is missing");
    recorded += response.recorded_count();
  };
  for (const v1::StreamEventsRequest& request : requests) {
    if (request.batch_id() - acknowledged > kInFlight) take();
    Require(stream->Write(request), "the stream broke");
  }
  stream->WritesDone();
  while (acknowledged < static_cast<int64_t>(requests.size())) take();
  const absl::Status status = FromGrpcStatus(stream->Finish());
  Require(status.ok(), status.ToString());
  return recorded;
}

// From the first request to the last acknowledgement of all clients.
Rate MeasureStreams(const std::string& directory, const std::vector<ClientBatches>& batches, size_t event_count) {
  ServerOptions options;
  options.data_directory = directory;
  options.grpc_address = "127.0.0.1:0";
  options.http_address = "";
  options.demo = false;
  auto server = ServerProcess::Start(options);
  Require(server.ok(), server.status().ToString());
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < batches.size(); ++i) clients.push_back(Connect((*server)->grpc_address()));
  v1::CreateWorkspaceRequest create;
  create.set_workspace_id("bench");
  create.mutable_workspace()->set_display_name("Bench");
  const auto created = clients.front()->Call(&v1::WorkspaceService::Stub::CreateWorkspace, create);
  Require(created.ok(), created.status().ToString());

  std::atomic<int64_t> recorded{0};
  const Stopwatch watch;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < clients.size(); ++i) {
    threads.emplace_back([&, i] { recorded += SendBatches(*clients[i], batches[i].requests); });
  }
  for (std::thread& thread : threads) thread.join();
  const Rate rate = watch.Stop(event_count);

  Require(recorded == static_cast<int64_t>(event_count), absl::StrCat("recorded only ", recorded.load()));
  v1::GetEventStatisticsRequest ask;
  ask.set_name(absl::StrCat(kWorkspace, "/eventStatistics"));
  const auto statistics = clients.front()->Call(&v1::EventService::Stub::GetEventStatistics, ask);
  Require(statistics.ok(), statistics.status().ToString());
  Require(statistics->event_count() == static_cast<int64_t>(event_count), "events are missing");
  clients.clear();
  (*server)->Shutdown();
  return rate;
}

void Run(size_t event_count) {
  const std::vector<ClientBatches> batches = MakeBatches(event_count);
  std::vector<std::string> records;
  for (const ClientBatches& client : batches) {
    for (const std::string& content : client.contents) records.push_back(std::string(8, '\0') + content);
  }
  auto postgres = PostgresPeer::Start();
  Rounds bare, streams, inserts, copies, by_inserts, by_copies;
  for (int round = 0; round < kRounds; ++round) {
    const testing::TempDir directory;
    const Rate limit = MeasureBareRocksDb(directory / "bare", records, kBatch, kClients);
    bare.Add(limit, limit);
    const Rate stream = MeasureStreams(directory / "data", batches, event_count);
    streams.Add(stream, limit);
    if (!postgres.ok()) continue;
    const Rate insert = (*postgres)->Write(PostgresWay::kInsert, batches, kInFlight);
    inserts.Add(insert, limit);
    by_inserts.Add(stream, insert);
    const Rate copy = (*postgres)->Write(PostgresWay::kCopy, batches, kInFlight);
    copies.Add(copy, limit);
    by_copies.Add(stream, copy);
  }
  std::printf("%zu events in batches of %zu from %zu clients, median of %d rounds\n", event_count, kBatch, kClients,
              kRounds);
  bare.Print("bare RocksDB, 8 threads");
  streams.Print("StreamEvents, 8 streams");
  if (!postgres.ok()) {
    std::printf("  PostgreSQL is left out: %s\n", std::string(postgres.status().message()).c_str());
    return;
  }
  inserts.Print("PostgreSQL INSERT");
  copies.Print("PostgreSQL COPY");
  std::printf("StreamEvents is %.2f x INSERT and %.2f x COPY of PostgreSQL %s\n", by_inserts.ratio(), by_copies.ratio(),
              (*postgres)->version().c_str());
}

}  // namespace
}  // namespace throughline::bench

// bench_stream_clients [EVENTS]
int main(int argc, char** argv) {
  size_t events = throughline::bench::kEvents;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &events) || events == 0)) {
    std::fprintf(stderr, "bench_stream_clients: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  throughline::bench::Run(events);
}
