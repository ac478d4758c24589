// The bulk writer against a small server in this process that loses streams, refuses events and goes away as told.
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/client.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using throughline::testing::HasMessage;
using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

grpc::Status ToGrpcStatus(const absl::Status& status) {
  const google::rpc::Status details = ToRpcStatus(status);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      details.SerializeAsString());
}

using Stream = grpc::ServerReaderWriter<v1::StreamEventsResponse, v1::StreamEventsRequest>;

// Records by id; refuses events named `bad`. `before_ack` may end the stream before a batch is acknowledged, after it
// was recorded or not.
class FakeEventService : public v1::EventService::Service {
 public:
  struct Verdict {
    bool record = true;
    bool acknowledge = true;
    grpc::Status end;  // with acknowledge false: how the stream ends
  };
  std::function<Verdict(int stream, int batch)> judge = [](int, int) { return Verdict{}; };

  grpc::Status StreamEvents(grpc::ServerContext*, Stream* stream) override {
    const int number = NewStream();
    v1::StreamEventsRequest request;
    for (int batch = 0; stream->Read(&request); ++batch) {
      const Verdict verdict = judge(number, batch);
      v1::StreamEventsResponse response;
      if (verdict.record) Record(request, response);
      if (!verdict.acknowledge) return verdict.end;
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  std::map<std::string, int> seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  int streams() const {
    std::lock_guard lock(mutex_);
    return streams_;
  }

 private:
  int NewStream() {
    std::lock_guard lock(mutex_);
    return streams_++;
  }

  void Record(const v1::StreamEventsRequest& request, v1::StreamEventsResponse& response) {
    std::lock_guard lock(mutex_);
    response.set_batch_id(request.batch_id());
    for (int i = 0; i < request.events_size(); ++i) {
      if (request.events(i).event_name() == "bad") {
        v1::EventResult& result = *response.add_rejected();
        result.set_index(i);
        result.set_outcome(v1::EventResult::REJECTED);
        *result.mutable_error() = ToRpcStatus(InvalidField("event_name", "is bad"));
      } else if (++seen_[request.events(i).id()] == 1) {
        response.set_recorded_count(response.recorded_count() + 1);
      } else {
        response.set_duplicate_count(response.duplicate_count() + 1);
      }
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, int> seen_;
  int streams_ = 0;
};

class EventWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    ClientOptions options;
    options.address = absl::StrCat("127.0.0.1:", port);
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
    ASSERT_THAT(client, IsOk());
    client_ = *std::move(client);
    options_.batch_events_max = 10;
    options_.batches_in_flight_max = 4;
    options_.backoff_initial = absl::Milliseconds(1);
    options_.backoff_max = absl::Milliseconds(2);
  }

  void TearDown() override {
    client_ = nullptr;
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  std::unique_ptr<EventWriter> MakeWriter() {
    return std::make_unique<EventWriter>(*client_, "workspaces/w", options_,
                                         [this](const RejectedEvent& rejected) { rejects_.push_back(rejected); });
  }

  static v1::CustomerEvent Event(int number, const std::string& name = "fine") {
    v1::CustomerEvent event;
    event.set_id(absl::StrCat("e", number));
    event.set_event_name(name);
    return event;
  }

  absl::Status WriteAll(EventWriter& writer, int count) {
    for (int i = 0; i < count; ++i) {
      if (absl::Status status = writer.Write(Event(i), i); !status.ok()) return status;
    }
    return writer.Finish();
  }

  FakeEventService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
  EventWriterOptions options_;
  std::vector<RejectedEvent> rejects_;
};

TEST_F(EventWriterTest, EveryEvent_IsRecordedOnce) {
  const auto writer = MakeWriter();
  ASSERT_THAT(WriteAll(*writer, 995), IsOk());
  EXPECT_THAT(service_.seen(), SizeIs(995));
  EXPECT_EQ(writer->totals().written, 995);
  EXPECT_EQ(writer->totals().recorded, 995);
  EXPECT_EQ(writer->totals().duplicates, 0);
  EXPECT_EQ(service_.streams(), 1);
}

TEST_F(EventWriterTest, NothingWritten_FinishesWithoutAStream) {
  EXPECT_THAT(MakeWriter()->Finish(), IsOk());
  EXPECT_EQ(service_.streams(), 0);
}

TEST_F(EventWriterTest, RefusedEvents_ComeBackWithTagEventAndReason_AndTheOthersAreRecorded) {
  const auto writer = MakeWriter();
  for (int i = 0; i < 50; ++i) ASSERT_THAT(writer->Write(Event(i, i % 20 == 7 ? "bad" : "fine"), 1000 + i), IsOk());
  ASSERT_THAT(writer->Finish(), IsOk());
  ASSERT_THAT(rejects_, SizeIs(3));
  EXPECT_EQ(rejects_[1].tag, 1027);
  EXPECT_EQ(rejects_[1].event.id(), "e27");
  EXPECT_THAT(rejects_[1].status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
  EXPECT_EQ(writer->totals().recorded, 47);
  EXPECT_EQ(writer->totals().rejected, 3);
}

TEST_F(EventWriterTest, LostStream_IsReplaced_AndWhatWasNotAcknowledgedIsSentAgain) {
  // Each stream dies after five batches: the sixth was recorded but not acknowledged, so it comes again as duplicates.
  service_.judge = [](int stream, int batch) {
    FakeEventService::Verdict verdict;
    verdict.acknowledge = stream >= 4 || batch < 5;
    verdict.record = verdict.acknowledge || stream % 2 == 0;
    verdict.end = grpc::Status(grpc::StatusCode::UNAVAILABLE, "going down");
    return verdict;
  };
  const auto writer = MakeWriter();
  ASSERT_THAT(WriteAll(*writer, 1000), IsOk());
  EXPECT_THAT(service_.seen(), SizeIs(1000)) << "nothing is lost";
  EXPECT_EQ(writer->totals().recorded + writer->totals().duplicates, 1000) << "nothing is counted twice";
  EXPECT_EQ(writer->totals().duplicates, 20);
  EXPECT_EQ(writer->totals().lost_streams, 4);
  EXPECT_EQ(service_.streams(), 5);
}

TEST_F(EventWriterTest, StreamEndedInPeaceTooEarly_IsReplaced) {
  service_.judge = [](int stream, int batch) {
    FakeEventService::Verdict verdict;
    verdict.acknowledge = verdict.record = stream > 0 || batch < 2;
    return verdict;
  };
  const auto writer = MakeWriter();
  ASSERT_THAT(WriteAll(*writer, 100), IsOk());
  EXPECT_THAT(service_.seen(), SizeIs(100));
}

TEST_F(EventWriterTest, RefusedStream_IsFinal_WithTheServersError) {
  service_.judge = [](int, int) {
    return FakeEventService::Verdict{false, false, ToGrpcStatus(ResourceNotFound("workspaces/w"))};
  };
  const auto writer = MakeWriter();
  EXPECT_THAT(WriteAll(*writer, 1000), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
  EXPECT_THAT(writer->Write(Event(1), 1), StatusIs(absl::StatusCode::kNotFound)) << "for ever";
  EXPECT_EQ(service_.streams(), 1);
}

TEST_F(EventWriterTest, Overload_IsTriedAgain_OtherExhaustionIsNot) {
  service_.judge = [](int stream, int) {
    return stream == 0 ? FakeEventService::Verdict{false, false, ToGrpcStatus(Overloaded("log", absl::Milliseconds(1)))}
                       : FakeEventService::Verdict{};
  };
  EXPECT_THAT(WriteAll(*MakeWriter(), 20), IsOk());
  service_.judge = [](int, int) { return FakeEventService::Verdict{false, false, ToGrpcStatus(StorageFull("log"))}; };
  EXPECT_THAT(WriteAll(*MakeWriter(), 20), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("STORAGE_FULL")));
}

TEST_F(EventWriterTest, ServerThatStaysAway_EndsTheTries) {
  service_.judge = [](int, int) {
    return FakeEventService::Verdict{false, false, grpc::Status(grpc::StatusCode::UNAVAILABLE, "away")};
  };
  options_.attempts_max = 3;
  const auto writer = MakeWriter();
  EXPECT_THAT(WriteAll(*writer, 1000),
              StatusIs(absl::StatusCode::kUnavailable, HasMessage(HasSubstr("gave up after 3 lost streams"))));
  EXPECT_EQ(service_.streams(), 3);
}

TEST_F(EventWriterTest, ServerThatDisappears_EndsTheTries) {
  const auto writer = MakeWriter();
  ASSERT_THAT(writer->Write(Event(0), 0), IsOk());
  server_->Shutdown(std::chrono::system_clock::now());
  server_ = nullptr;
  EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(EventWriterTest, SilentServer_IsTakenForLost) {
  options_.acknowledgement_timeout = absl::Milliseconds(100);
  options_.attempts_max = 2;
  // Shared with the server's threads, which may outlive this function.
  struct Gate {
    std::mutex mutex;
    std::condition_variable condition;
    bool open = false;
  };
  const auto gate = std::make_shared<Gate>();
  service_.judge = [gate](int, int) {
    std::unique_lock lock(gate->mutex);
    gate->condition.wait(lock, [&] { return gate->open; });
    return FakeEventService::Verdict{};
  };
  EXPECT_THAT(WriteAll(*MakeWriter(), 20), StatusIs(absl::StatusCode::kUnavailable, HasMessage(HasSubstr("nothing"))));
  std::lock_guard lock(gate->mutex);
  gate->open = true;
  gate->condition.notify_all();
}

TEST_F(EventWriterTest, HugeEvent_IsRefusedAlone) {
  const auto writer = MakeWriter();
  v1::CustomerEvent huge = Event(1);
  huge.set_channel(std::string(10 << 20, 'x'));
  ASSERT_THAT(writer->Write(Event(0), 0), IsOk());
  ASSERT_THAT(writer->Write(huge, 1), IsOk());
  ASSERT_THAT(writer->Write(Event(2), 2), IsOk());
  ASSERT_THAT(writer->Finish(), IsOk());
  ASSERT_THAT(rejects_, SizeIs(1));
  EXPECT_THAT(rejects_[0].status, HasReason("LIMIT_EXCEEDED"));
  EXPECT_EQ(writer->totals().recorded, 2);
}

// Takes one connection and says nothing for a while, as a busy or distant server does; then greets as HTTP/2 asks.
class SlowServer {
 public:
  SlowServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const int connection = ::accept(listener_, nullptr, nullptr);
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      const char empty_settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
      EXPECT_EQ(::write(connection, empty_settings, sizeof(empty_settings)), 9);
      char byte = 0;
      while (::read(connection, &byte, 1) > 0) {
      }
      ::close(connection);
    });
  }
  ~SlowServer() {
    thread_.join();
    ::close(listener_);
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

TEST(ClientTest, SlowServer_IsNoAbsentServer) {
  const SlowServer server;
  ClientOptions options;
  options.address = server.address();
  options.connect_timeout = absl::Seconds(30);
  EXPECT_THAT(Client::Connect(options), IsOk());
}

TEST(ClientTest, NoServer_IsUnavailable_NamingTheAddress) {
  ClientOptions options;
  options.address = "127.0.0.1:1";
  EXPECT_THAT(Client::Connect(options), StatusIs(absl::StatusCode::kUnavailable, HasMessage(HasSubstr("127.0.0.1:1"))));
}

}  // namespace
}  // namespace throughline
