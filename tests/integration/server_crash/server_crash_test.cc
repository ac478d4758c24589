// kill -9 of the whole server while events stream in and a map is edited, again and again on one data directory: what
// was acknowledged is there after the restart, and nothing is there twice.
#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/processes.h"
#include "throughline/v1/analysis_service.grpc.pb.h"
#include "throughline/v1/customer_service.grpc.pb.h"
#include "throughline/v1/event_service.grpc.pb.h"
#include "throughline/v1/journey_map_service.grpc.pb.h"
#include "throughline/v1/workspace_service.grpc.pb.h"

namespace throughline::testing {
namespace {

constexpr int kRounds = 25;
constexpr int kCustomers = 7;
constexpr int kEventsPerBatch = 20;
constexpr char kMap[] = "workspaces/w/journeyMaps/m";

class Server {
 public:
  explicit Server(const TempDir& directory) {
    const std::string ready = directory / "ready";
    std::filesystem::remove(ready);
    program_ = std::make_unique<BackgroundProgram>(
        std::vector<std::string>{ThroughlinedBinary(), "--data-dir", directory / "data", "--grpc-address",
                                 "127.0.0.1:0", "--http-address=", "--ready-file", ready},
        directory / "log");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!std::filesystem::exists(ready) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(std::filesystem::exists(ready)) << ReadFile(directory / "log");
    const std::string line = ReadFile(ready);
    const size_t at = line.find("grpc=");
    channel_ = grpc::CreateChannel(line.substr(at + 5, line.find_first_of(" \n", at) - at - 5),
                                   grpc::InsecureChannelCredentials());
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  void Kill() { program_->Stop(SIGKILL); }
  int Stop() { return program_->Stop(SIGTERM); }

 private:
  std::unique_ptr<BackgroundProgram> program_;
  std::shared_ptr<grpc::Channel> channel_;
};

template <typename Response, typename Request, typename Stub>
Response Call(const std::unique_ptr<Stub>& stub,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  Response response;
  const grpc::Status status = (stub.get()->*method)(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

// Event `number`: whatever is sent again under this number is the same.
v1::CustomerEvent Event(int64_t number) {
  v1::CustomerEvent event;
  event.set_id(absl::StrCat("e", number));
  event.set_source("crash");
  event.set_customer_id(absl::StrCat("c", number % kCustomers));
  event.set_event_name(number % 2 == 0 ? "even" : "odd");
  event.mutable_event_time()->set_seconds(1'760'000'000 + number);
  return event;
}

v1::StreamEventsRequest Batch(int64_t batch) {
  v1::StreamEventsRequest request;
  request.set_parent("workspaces/w");
  request.set_batch_id(batch);
  for (int64_t i = 0; i < kEventsPerBatch; ++i) *request.add_events() = Event(batch * kEventsPerBatch + i);
  return request;
}

class ServerCrashTest : public ::testing::Test {
 protected:
  // Streams batches from `next_batch_` on until the connection breaks; counts the acknowledged ones.
  void StreamUntilKilled(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::EventService::NewStub(channel);
    grpc::ClientContext context;
    const auto stream = stub->StreamEvents(&context);
    std::thread reader([&] {
      v1::StreamEventsResponse response;
      while (stream->Read(&response)) {
        EXPECT_EQ(response.batch_id(), acknowledged_batches_);
        EXPECT_EQ(response.recorded_count() + response.duplicate_count(), kEventsPerBatch);
        EXPECT_EQ(response.rejected_size(), 0);
        ++acknowledged_batches_;
      }
    });
    // What was sent and not acknowledged before the crash is sent again, as clients do.
    int64_t batch = acknowledged_batches_;
    while (stream->Write(Batch(batch))) {
      sent_batches_ = std::max<int64_t>(sent_batches_, ++batch);
    }
    sent_batches_ = std::max<int64_t>(sent_batches_, batch + 1);
    reader.join();
    stream->Finish();
  }
  // Edits the map until the connection breaks; each edit has a number.
  void EditUntilKilled(const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::JourneyMapService::NewStub(channel);
    while (true) {
      v1::UpdateJourneyMapRequest request;
      request.mutable_journey_map()->set_name(kMap);
      request.mutable_journey_map()->set_description(absl::StrCat(++attempted_edit_));
      request.mutable_update_mask()->add_paths("description");
      grpc::ClientContext context;
      v1::JourneyMap response;
      if (!stub->UpdateJourneyMap(&context, request, &response).ok()) return;
      acknowledged_edit_ = attempted_edit_.load();
    }
  }
  void CheckEvents(const std::shared_ptr<grpc::Channel>& channel);
  void CheckMap(const std::shared_ptr<grpc::Channel>& channel);

  const TempDir directory_;
  std::atomic<int64_t> acknowledged_batches_ = 0;
  int64_t sent_batches_ = 0;
  std::atomic<int64_t> attempted_edit_ = 0;
  std::atomic<int64_t> acknowledged_edit_ = 0;
  int64_t revisions_ = 1;
  int64_t stored_edit_ = 0;
};

void ServerCrashTest::CheckEvents(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::EventService::NewStub(channel);
  v1::GetEventStatisticsRequest request;
  request.set_name("workspaces/w/eventStatistics");
  const v1::EventStatistics statistics = Call(stub, &v1::EventService::Stub::GetEventStatistics, request);
  EXPECT_GE(statistics.event_count(), acknowledged_batches_ * kEventsPerBatch) << "acknowledged events are lost";
  EXPECT_LE(statistics.event_count(), sent_batches_ * kEventsPerBatch) << "events are doubled";

  // The projection agrees with the log: every acknowledged event is a duplicate now, none is new …
  for (const int64_t batch : {int64_t{0}, acknowledged_batches_ / 2, acknowledged_batches_ - 1}) {
    v1::RecordEventsRequest again;
    again.set_parent("workspaces/w");
    *again.mutable_events() = Batch(batch).events();
    const auto result = Call(stub, &v1::EventService::Stub::RecordEvents, again);
    EXPECT_EQ(result.duplicate_count(), kEventsPerBatch) << "batch " << batch;
  }
  // … and its customers' lines have as many events as its statistics.
  const auto analysis = v1::AnalysisService::NewStub(channel);
  v1::QueryTransitionGraphRequest graph;
  graph.set_parent("workspaces/w");
  const auto answer = Call(analysis, &v1::AnalysisService::Stub::QueryTransitionGraph, graph);
  EXPECT_EQ(answer.event_count(), statistics.event_count());
  int64_t transitions = 0;
  for (const auto& edge : answer.edges()) transitions += edge.count();
  EXPECT_EQ(transitions, statistics.event_count() - statistics.customer_count());
}

void ServerCrashTest::CheckMap(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::JourneyMapService::NewStub(channel);
  v1::GetJourneyMapRequest get;
  get.set_name(kMap);
  const v1::JourneyMap map = Call(stub, &v1::JourneyMapService::Stub::GetJourneyMap, get);
  int64_t edit = 0;
  ASSERT_TRUE(absl::SimpleAtoi(map.description(), &edit));
  EXPECT_GE(edit, acknowledged_edit_) << "an acknowledged edit is lost";
  EXPECT_LE(edit, attempted_edit_);

  // Every edit is one revision: those of the rounds before, and those of this one without gap or repetition.
  v1::ListJourneyMapRevisionsRequest list;
  list.set_name(kMap);
  list.set_page_size(1000);
  std::vector<std::string> descriptions;
  do {
    const auto page = Call(stub, &v1::JourneyMapService::Stub::ListJourneyMapRevisions, list);
    for (const v1::JourneyMap& revision : page.journey_maps()) descriptions.push_back(revision.description());
    list.set_page_token(page.next_page_token());
  } while (!list.page_token().empty());
  ASSERT_FALSE(descriptions.empty());
  for (size_t i = 0; i + 1 < descriptions.size(); ++i) {
    int64_t later = 0;
    int64_t earlier = 0;
    ASSERT_TRUE(absl::SimpleAtoi(descriptions[i], &later) && absl::SimpleAtoi(descriptions[i + 1], &earlier));
    // An edit that was attempted and lost in a crash leaves its number unused.
    EXPECT_GT(later, earlier);
    EXPECT_LE(later - earlier, 2);
  }
  EXPECT_GE(static_cast<int64_t>(descriptions.size()), revisions_);
  revisions_ = static_cast<int64_t>(descriptions.size());
}

TEST_F(ServerCrashTest, KilledAgainAndAgain_LosesAndDoublesNothing) {
  {
    Server server(directory_);
    v1::CreateWorkspaceRequest workspace;
    workspace.set_workspace_id("w");
    workspace.mutable_workspace()->set_display_name("Crash");
    Call(v1::WorkspaceService::NewStub(server.channel()), &v1::WorkspaceService::Stub::CreateWorkspace, workspace);
    v1::CreateJourneyMapRequest map;
    map.set_parent("workspaces/w");
    map.set_journey_map_id("m");
    map.mutable_journey_map()->set_display_name("Map");
    map.mutable_journey_map()->set_description("0");
    Call(v1::JourneyMapService::NewStub(server.channel()), &v1::JourneyMapService::Stub::CreateJourneyMap, map);
    EXPECT_EQ(server.Stop(), 0);
  }
  const unsigned seed = std::random_device()();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round, ", seed ", seed));
    const int64_t batches_before = acknowledged_batches_;
    const int64_t edits_before = acknowledged_edit_;
    Server server(directory_);
    std::thread streamer([&] { StreamUntilKilled(server.channel()); });
    std::thread editor([&] { EditUntilKilled(server.channel()); });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while ((acknowledged_batches_ == batches_before || acknowledged_edit_ == edits_before) &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
    server.Kill();
    streamer.join();
    editor.join();
    ASSERT_GT(acknowledged_batches_, batches_before);
    ASSERT_GT(acknowledged_edit_, edits_before);

    Server again(directory_);
    CheckEvents(again.channel());
    CheckMap(again.channel());
    if (HasFailure()) return;
    again.Kill();
  }
  Server server(directory_);
  // Sent again as a whole, the events are exactly as many as were ever made.
  const auto stub = v1::EventService::NewStub(server.channel());
  for (int64_t batch = acknowledged_batches_; batch < sent_batches_; ++batch) {
    v1::RecordEventsRequest rest;
    rest.set_parent("workspaces/w");
    *rest.mutable_events() = Batch(batch).events();
    Call(stub, &v1::EventService::Stub::RecordEvents, rest);
  }
  v1::GetEventStatisticsRequest request;
  request.set_name("workspaces/w/eventStatistics");
  EXPECT_EQ(Call(stub, &v1::EventService::Stub::GetEventStatistics, request).event_count(),
            sent_batches_ * kEventsPerBatch);
  EXPECT_EQ(server.Stop(), 0);
}

}  // namespace
}  // namespace throughline::testing
