// The demo workspace on a real server: complete, honest, made once, and finished after an interruption.
#include "services/main/demo/demo_workspace.h"

#include <chrono>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "services/main/demo/demo_company.h"
#include "services/main/demo/demo_simulator.h"
#include "services/main/server_process.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/client.h"

namespace throughline {
namespace {

using testing::StatusIs;

constexpr char kWorkspace[] = "workspaces/demo";
// Enough for every survey to have its thirty answers.
constexpr int kCustomers = 2000;

class DemoWorkspaceTest : public ::testing::Test {
 protected:
  void Start(bool demo = false) {
    ServerOptions options;
    options.data_directory = directory_ / "data";
    options.grpc_address = "127.0.0.1:0";
    options.http_address = "";
    options.demo = demo;
    options.demo_customer_count = kCustomers;
    auto started = ServerProcess::Start(options);
    ASSERT_OK(started);
    process_ = *std::move(started);
    channel_ = grpc::CreateChannel(process_->grpc_address(), grpc::InsecureChannelCredentials());
    client_ = std::make_unique<Client>(channel_, ClientOptions());
  }
  void Stop() {
    client_.reset();
    channel_.reset();
    process_.reset();
  }

  absl::Status Create(const std::function<bool(const DemoProgress&)>& progress = nullptr) {
    DemoOptions options;
    options.customer_count = kCustomers;
    return CreateDemoWorkspace(channel_, options, progress);
  }

  int64_t EventCount() {
    v1::GetEventStatisticsRequest request;
    request.set_name(absl::StrCat(kWorkspace, "/eventStatistics"));
    const auto statistics = client_->Call(&v1::EventService::Stub::GetEventStatistics, request);
    EXPECT_OK(statistics);
    return statistics.ok() ? statistics->event_count() : -1;
  }

  // What the simulation has for a workspace of this age.
  int64_t SimulatedEventCount() {
    v1::GetWorkspaceRequest request;
    request.set_name(kWorkspace);
    const auto workspace = client_->Call(&v1::WorkspaceService::Stub::GetWorkspace, request);
    EXPECT_OK(workspace);
    if (!workspace.ok()) return -1;
    const absl::Time now = absl::FromUnixSeconds(workspace->create_time().seconds());
    const demo::DemoSimulator simulator({now, kCustomers, DemoOptions().seed});
    int64_t count = 0;
    for (int customer = 0; customer < kCustomers; ++customer) {
      count += static_cast<int64_t>(simulator.EventsOf(customer).size());
    }
    return count;
  }

  // The values of a map by attachment id, once none is pending.
  std::map<std::string, v1::MetricValue> Values(const std::string& map_id) {
    v1::ListMetricValuesRequest request;
    request.set_parent(absl::StrCat(kWorkspace, "/journeyMaps/", map_id));
    request.set_page_size(1000);
    std::map<std::string, v1::MetricValue> values;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    bool pending = true;
    while (pending && std::chrono::steady_clock::now() < deadline) {
      values.clear();
      pending = false;
      const auto list = client_->Call(&v1::MetricService::Stub::ListMetricValues, request);
      EXPECT_OK(list);
      if (!list.ok()) return values;
      for (const v1::MetricValue& value : list->metric_values()) {
        const std::string attachment = value.name().substr(0, value.name().rfind('/'));
        values[attachment.substr(attachment.rfind('/') + 1)] = value;
        pending = pending || value.state() == v1::MetricValue::PENDING;
      }
      if (pending) std::this_thread::yield();
    }
    EXPECT_FALSE(pending) << "values are still pending";
    return values;
  }

  void ExpectComplete() {
    EXPECT_EQ(EventCount(), SimulatedEventCount());
    size_t attachments = 0;
    for (const char* map_id : {demo::kMainMapId, demo::kHelpMapId}) attachments += Values(map_id).size();
    EXPECT_EQ(attachments, demo::DemoAttachments(kWorkspace).size());
  }

  testing::TempDir directory_;
  std::unique_ptr<ServerProcess> process_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Client> client_;
};

TEST_F(DemoWorkspaceTest, CreateDemoWorkspace_OnAnEmptyServer_MeasuresItsMaps) {
  Start();
  int64_t last_done = 0;
  int calls = 0;
  ASSERT_OK(Create([&](const DemoProgress& progress) {
    ++calls;
    if (progress.total > 0) {
      EXPECT_GE(progress.done, last_done);
      EXPECT_LE(progress.done, progress.total);
      last_done = progress.done;
    }
    return true;
  }));
  EXPECT_EQ(last_done, kCustomers);
  EXPECT_GT(calls, 50);
  ExpectComplete();
  for (const auto& [id, value] : Values(demo::kMainMapId)) {
    SCOPED_TRACE(id);
    EXPECT_FALSE(value.method().empty());
    if (id == "referral-csat") {
      // Nobody asks those who refer a friend.
      EXPECT_EQ(value.state(), v1::MetricValue::UNDEFINED);
      EXPECT_FALSE(value.has_value());
      EXPECT_FALSE(value.undefined_reason().empty());
    } else if (id == "order-ease-business") {
      EXPECT_NE(value.state(), v1::MetricValue::OK);
    } else {
      EXPECT_EQ(value.state(), v1::MetricValue::OK) << value.DebugString();
      EXPECT_GE(value.trend_size(), 12);
    }
  }
  for (const auto& [id, value] : Values(demo::kHelpMapId)) EXPECT_EQ(value.state(), v1::MetricValue::OK) << id;
}

TEST_F(DemoWorkspaceTest, CreateDemoWorkspace_Again_ChangesNothing) {
  Start();
  ASSERT_OK(Create());
  const int64_t events = EventCount();
  int calls = 0;
  ASSERT_OK(Create([&](const DemoProgress&) {
    ++calls;
    return true;
  }));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(EventCount(), events);
}

TEST_F(DemoWorkspaceTest, CreateDemoWorkspace_AfterAnInterruption_GoesOnWithoutDoubling) {
  Start();
  EXPECT_THAT(Create([](const DemoProgress& progress) { return progress.done < kCustomers / 2; }),
              StatusIs(absl::StatusCode::kCancelled));
  Stop();
  Start();
  const int64_t half = EventCount();
  ASSERT_OK(Create());
  EXPECT_GT(EventCount(), half);
  ExpectComplete();
}

TEST_F(DemoWorkspaceTest, Server_WithDemoOnAnEmptyDirectory_MakesItOnce) {
  Start(/*demo=*/true);
  ExpectComplete();
  const int64_t events = EventCount();
  Stop();
  Start(/*demo=*/true);
  EXPECT_EQ(EventCount(), events);
}

TEST_F(DemoWorkspaceTest, Server_WithDemoOnAnotherCompanysDirectory_LeavesItAlone) {
  Start();
  v1::CreateWorkspaceRequest request;
  request.set_workspace_id("shop");
  request.mutable_workspace()->set_display_name("A shop");
  ASSERT_OK(client_->Call(&v1::WorkspaceService::Stub::CreateWorkspace, request));
  Stop();
  Start(/*demo=*/true);
  v1::GetWorkspaceRequest get;
  get.set_name(kWorkspace);
  EXPECT_THAT(client_->Call(&v1::WorkspaceService::Stub::GetWorkspace, get), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace throughline
