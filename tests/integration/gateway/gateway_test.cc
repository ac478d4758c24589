#include "services/gateway/gateway.h"

#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/integration/gateway/http_client.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"
#include "throughline/v1/customer_service.grpc.pb.h"
#include "throughline/v1/journey_map_service.grpc.pb.h"
#include "throughline/v1/metric_service.grpc.pb.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using throughline::testing::EqualsProto;
using throughline::testing::HasFieldViolation;
using throughline::testing::HasReason;
using throughline::testing::HttpAnswer;
using throughline::testing::HttpClient;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;
using throughline::testing::TempDir;
using throughline::testing::WriteFile;

grpc::Status ToGrpc(const absl::Status& status) {
  const google::rpc::Status rpc = ToRpcStatus(status);
  return {static_cast<grpc::StatusCode>(rpc.code()), rpc.message(), rpc.SerializeAsString()};
}

// A test's own implementation of three services: remembers what arrived and answers as told.
class Recorder {
 public:
  template <typename Request>
  grpc::ServerUnaryReactor* Take(grpc::CallbackServerContext* context, const Request& request) {
    std::unique_lock<std::mutex> lock(mutex);
    last_request = request.ShortDebugString();
    ++calls;
    const auto id = context->client_metadata().find("x-request-id");
    request_id = id == context->client_metadata().end() ? "" : std::string(id->second.data(), id->second.size());
    deadline = absl::FromChrono(context->deadline());
    auto* reactor = new Reactor(*this);
    if (hold) {
      held = reactor;
      changed.notify_all();
    } else {
      reactor->Finish(status);
    }
    return reactor;
  }

  // Waits until a call is held; fails the test after ten seconds.
  bool AwaitHeld() {
    std::unique_lock<std::mutex> lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [this] { return held != nullptr; });
  }
  bool AwaitCancelled() {
    std::unique_lock<std::mutex> lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [this] { return cancelled; });
  }
  void Release() {
    std::lock_guard<std::mutex> lock(mutex);
    held->Finish(status);
    held = nullptr;
  }

  struct Reactor : grpc::ServerUnaryReactor {
    explicit Reactor(Recorder& recorder) : recorder(recorder) {}
    void OnCancel() override {
      std::lock_guard<std::mutex> lock(recorder.mutex);
      recorder.cancelled = true;
      if (recorder.held == this) {
        recorder.held = nullptr;
        Finish(grpc::Status::CANCELLED);
      }
      recorder.changed.notify_all();
    }
    void OnDone() override { delete this; }
    Recorder& recorder;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::string last_request;
  std::string request_id;
  absl::Time deadline;
  int calls = 0;
  bool hold = false;
  bool cancelled = false;
  Reactor* held = nullptr;
  grpc::Status status;
  v1::JourneyMap map;
  v1::MetricValue value;
};

class JourneyMaps : public v1::JourneyMapService::CallbackService {
 public:
  explicit JourneyMaps(Recorder& recorder) : recorder_(recorder) {}
  grpc::ServerUnaryReactor* GetJourneyMap(grpc::CallbackServerContext* context, const v1::GetJourneyMapRequest* request,
                                          v1::JourneyMap* response) override {
    *response = recorder_.map;
    return recorder_.Take(context, *request);
  }
  grpc::ServerUnaryReactor* ListJourneyMaps(grpc::CallbackServerContext* context,
                                            const v1::ListJourneyMapsRequest* request,
                                            v1::ListJourneyMapsResponse*) override {
    return recorder_.Take(context, *request);
  }
  grpc::ServerUnaryReactor* CreateJourneyMap(grpc::CallbackServerContext* context,
                                             const v1::CreateJourneyMapRequest* request,
                                             v1::JourneyMap* response) override {
    *response = request->journey_map();
    return recorder_.Take(context, *request);
  }
  grpc::ServerUnaryReactor* UpdateJourneyMap(grpc::CallbackServerContext* context,
                                             const v1::UpdateJourneyMapRequest* request, v1::JourneyMap*) override {
    return recorder_.Take(context, *request);
  }
  grpc::ServerUnaryReactor* DeleteJourneyMap(grpc::CallbackServerContext* context,
                                             const v1::DeleteJourneyMapRequest* request, v1::JourneyMap*) override {
    return recorder_.Take(context, *request);
  }
  grpc::ServerUnaryReactor* PublishJourneyMap(grpc::CallbackServerContext* context,
                                              const v1::PublishJourneyMapRequest* request, v1::JourneyMap*) override {
    return recorder_.Take(context, *request);
  }

 private:
  Recorder& recorder_;
};

class Customers : public v1::CustomerService::CallbackService {
 public:
  explicit Customers(Recorder& recorder) : recorder_(recorder) {}
  grpc::ServerUnaryReactor* GetCustomer(grpc::CallbackServerContext* context, const v1::GetCustomerRequest* request,
                                        v1::Customer*) override {
    return recorder_.Take(context, *request);
  }

 private:
  Recorder& recorder_;
};

class Metrics : public v1::MetricService::CallbackService {
 public:
  explicit Metrics(Recorder& recorder) : recorder_(recorder) {}
  grpc::ServerUnaryReactor* GetMetricValue(grpc::CallbackServerContext* context,
                                           const v1::GetMetricValueRequest* request,
                                           v1::MetricValue* response) override {
    *response = recorder_.value;
    return recorder_.Take(context, *request);
  }

 private:
  Recorder& recorder_;
};

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() : maps_(recorder_), customers_(recorder_), metrics_(recorder_) {}

  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&maps_);
    builder.RegisterService(&customers_);
    builder.RegisterService(&metrics_);
    server_ = builder.BuildAndStart();
    WriteFile(web_ / "index.html", "<html>app</html>");
    WriteFile(web_ / "assets/a-1.js", "code()");
    options_.web_root = web_.path();
    Start();
  }
  void Start() {
    gateway_.reset();
    absl::StatusOr<std::unique_ptr<Gateway>> gateway = Gateway::Start(options_, server_->InProcessChannel({}));
    ASSERT_THAT(gateway, IsOk());
    gateway_ = *std::move(gateway);
  }
  void TearDown() override {
    gateway_.reset();
    server_->Shutdown();
  }

  HttpAnswer Call(const std::string& method, const std::string& target, const std::string& body = "",
                  const std::string& headers = "") {
    return HttpClient(gateway_->port()).Call(method, target, body, headers);
  }
  HttpAnswer Raw(const std::string& bytes) {
    HttpClient client(gateway_->port());
    client.Send(bytes);
    return client.Receive();
  }
  std::string LastRequest() {
    std::lock_guard<std::mutex> lock(recorder_.mutex);
    return recorder_.last_request;
  }

  // The answer's google.rpc.Status, read back from JSON.
  static absl::Status StatusOf(const HttpAnswer& answer) {
    boost::json::error_code error;
    const boost::json::value json = boost::json::parse(answer.body, error);
    EXPECT_FALSE(error) << answer.body;
    if (error) return absl::UnknownError(answer.body);
    absl::Status status(static_cast<absl::StatusCode>(json.at("code").to_number<int>()),
                        json.at("message").as_string().c_str());
    for (const auto& detail : json.at("details").as_array()) {
      const std::string type = detail.at("@type").as_string().c_str();
      if (type == "type.googleapis.com/google.rpc.ErrorInfo") reason_ = detail.at("reason").as_string().c_str();
      if (type == "type.googleapis.com/google.rpc.BadRequest") {
        fields_.clear();
        for (const auto& violation : detail.at("fieldViolations").as_array()) {
          fields_.push_back(violation.at("field").as_string().c_str());
        }
      }
    }
    return status;
  }
  void ExpectError(const HttpAnswer& answer, int http_status, absl::StatusCode code, const std::string& reason,
                   const std::string& field = "") {
    reason_.clear();
    fields_.clear();
    EXPECT_EQ(answer.status, http_status) << answer.body;
    EXPECT_EQ(answer.headers.count("content-type") ? answer.headers.at("content-type") : "", "application/json");
    EXPECT_EQ(StatusOf(answer).code(), code) << answer.body;
    EXPECT_EQ(reason_, reason) << answer.body;
    if (!field.empty()) {
      EXPECT_THAT(fields_, ::testing::Contains(field)) << answer.body;
    }
  }

  static inline std::string reason_;
  static inline std::vector<std::string> fields_;
  Recorder recorder_;
  JourneyMaps maps_;
  Customers customers_;
  Metrics metrics_;
  TempDir web_;
  GatewayOptions options_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Gateway> gateway_;
};

// ---- Requests ----

TEST_F(GatewayTest, PathAndQuery_BecomeFields) {
  EXPECT_EQ(Call("GET", "/v1/workspaces/w/journeyMaps/m@12?readRevision=7").status, 200);
  EXPECT_EQ(LastRequest(), "name: \"workspaces/w/journeyMaps/m@12\" read_revision: 7");
  EXPECT_EQ(
      Call("GET", "/v1/workspaces/w/journeyMaps?pageSize=5&page_token=a%2Bb&filter=state+%3D+CURRENT&showDeleted=true")
          .status,
      200);
  EXPECT_EQ(LastRequest(),
            "parent: \"workspaces/w\" page_size: 5 page_token: \"a+b\" filter: \"state = CURRENT\" show_deleted: true");
}

TEST_F(GatewayTest, EncodedCustomerIds_KeepTheirSlash) {
  EXPECT_EQ(Call("GET", "/v1/workspaces/w/customers/a%2Fb%20%C3%BC").status, 200);
  EXPECT_EQ(LastRequest(), "name: \"workspaces/w/customers/a%2Fb \\303\\274\"");
  EXPECT_EQ(Call("GET", "/v1/workspaces/w/customers/a:b").status, 200);
  EXPECT_EQ(LastRequest(), "name: \"workspaces/w/customers/a:b\"");
}

TEST_F(GatewayTest, BodyField_IsReadIntoTheRequest) {
  const HttpAnswer answer =
      Call("POST", "/v1/workspaces/w/journeyMaps?journeyMapId=m", R"({"displayName": "Map", "phases": [{"id": "p"}]})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(
      LastRequest(),
      "parent: \"workspaces/w\" journey_map_id: \"m\" journey_map { display_name: \"Map\" phases { id: \"p\" } }");
}

TEST_F(GatewayTest, BodyStar_IsTheRequest) {
  EXPECT_EQ(Call("POST", "/v1/workspaces/w/journeyMaps/m:publish", R"({"etag": "3"})").status, 200);
  EXPECT_EQ(LastRequest(), "name: \"workspaces/w/journeyMaps/m\" etag: \"3\"");
  EXPECT_EQ(Call("POST", "/v1/workspaces/w/journeyMaps/m:publish").status, 200);
  EXPECT_EQ(LastRequest(), "name: \"workspaces/w/journeyMaps/m\"");
}

TEST_F(GatewayTest, UpdateMask_InBothSpellings_OrFromTheBody) {
  const std::string target = "/v1/workspaces/w/journeyMaps/m";
  const std::string map = "journey_map { name: \"workspaces/w/journeyMaps/m\" display_name: \"x\" } ";
  EXPECT_EQ(Call("PATCH", target + "?updateMask=displayName,phases", R"({"displayName": "x"})").status, 200);
  EXPECT_EQ(LastRequest(), map + "update_mask { paths: \"display_name\" paths: \"phases\" }");
  EXPECT_EQ(Call("PATCH", target + "?update_mask=display_name", R"({"displayName": "x"})").status, 200);
  EXPECT_EQ(LastRequest(), map + "update_mask { paths: \"display_name\" }");
  EXPECT_EQ(Call("PATCH", target + "?updateMask=*", R"({"displayName": "x"})").status, 200);
  EXPECT_EQ(LastRequest(), map + "update_mask { paths: \"*\" }");
  // Without a mask: what the JSON names, empty or not, but neither the name nor what only the server sets.
  EXPECT_EQ(
      Call(
          "PATCH", target,
          R"({"name": "workspaces/w/journeyMaps/m", "etag": "3", "description": "", "createTime": "2026-01-01T00:00:00Z"})")
          .status,
      200);
  EXPECT_THAT(LastRequest(), HasSubstr("update_mask { paths: \"description\" }"));
}

TEST_F(GatewayTest, RequestIdAndDeadline_TravelAlong) {
  const HttpAnswer answer =
      Call("GET", "/v1/workspaces/w/journeyMaps/m", "", "X-Request-Id: abc-1\r\nX-Server-Timeout: 3\r\n");
  EXPECT_EQ(answer.headers.at("x-request-id"), "abc-1");
  EXPECT_EQ(recorder_.request_id, "abc-1");
  EXPECT_LT(recorder_.deadline - absl::Now(), absl::Seconds(4));
  const HttpAnswer other = Call("GET", "/v1/workspaces/w/journeyMaps/m", "", "X-Request-Id: a b\r\n");
  EXPECT_EQ(other.headers.at("x-request-id").size(), 32u);
  EXPECT_EQ(recorder_.request_id, other.headers.at("x-request-id"));
  EXPECT_GT(recorder_.deadline - absl::Now(), absl::Seconds(4));
}

TEST_F(GatewayTest, WrongFields_AreInvalid_ByPath) {
  const std::string target = "/v1/workspaces/w/journeyMaps";
  const auto invalid = absl::StatusCode::kInvalidArgument;
  ExpectError(Call("POST", target, R"({"nmae": 1})"), 400, invalid, "UNKNOWN_FIELD", "journey_map.nmae");
  ExpectError(Call("POST", target, R"({"touchpoints": [{"importance": "high"}]})"), 400, invalid, "INVALID_FIELD",
              "journey_map.touchpoints[0].importance");
  ExpectError(Call("POST", target + "?nonsense=1", "{}"), 400, invalid, "UNKNOWN_FIELD", "nonsense");
  ExpectError(Call("POST", target + "?journeyMap.displayName=x", "{}"), 400, invalid, "INVALID_FIELD",
              "journey_map.display_name");
  ExpectError(Call("GET", target + "?pageSize=many"), 400, invalid, "INVALID_FIELD", "page_size");
  ExpectError(Call("GET", target + "?pageSize=1&page_size=2"), 400, invalid, "INVALID_FIELD", "page_size");
  ExpectError(Call("GET", target + "?parent=workspaces/x"), 400, invalid, "INVALID_FIELD", "parent");
  ExpectError(Call("GET", target + "?filter=%FF"), 400, invalid, "INVALID_FIELD", "filter");
  ExpectError(Call("GET", "/v1/workspaces/%FF/journeyMaps"), 400, invalid, "INVALID_FIELD", "parent");
  ExpectError(Call("GET", target + "?filter=%F"), 400, invalid, "MALFORMED_REQUEST");
  ExpectError(Call("GET", target, "{}"), 400, invalid, "MALFORMED_REQUEST");
  ExpectError(Call("POST", target, "{\"displayName\""), 400, invalid, "MALFORMED_REQUEST");
  ExpectError(Call("PATCH", target + "/m", R"({"name": "workspaces/w/journeyMaps/other"})"), 400, invalid,
              "INVALID_FIELD", "journey_map.name");
  EXPECT_EQ(recorder_.calls, 0);
}

// ---- Answers ----

TEST_F(GatewayTest, Json_ShowsZeros_ButNotAbsentOptionals) {
  recorder_.value.set_name("workspaces/w/journeyMaps/m/metricAttachments/a/value");
  recorder_.value.set_n(5'000'000'000);
  (*recorder_.value.mutable_details())["mean"] = 3.271611;
  const HttpAnswer answer = Call("GET", "/v1/workspaces/w/journeyMaps/m/metricAttachments/a/value");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  const boost::json::value json = boost::json::parse(answer.body);
  EXPECT_FALSE(json.as_object().contains("value")) << "an undefined number must not look like 0";
  EXPECT_FALSE(json.as_object().contains("intervalLow"));
  EXPECT_EQ(json.at("state").as_string(), "STATE_UNSPECIFIED");
  EXPECT_EQ(json.at("undefinedReason").as_string(), "");
  EXPECT_EQ(json.at("n").as_string(), "5000000000");
  EXPECT_EQ(json.at("definitionVersion").to_number<int>(), 0);
  EXPECT_EQ(json.at("trend").as_array().size(), 0u);
  EXPECT_EQ(json.at("details").at("mean").as_double(), 3.271611);
  recorder_.value.set_value(0);
  EXPECT_EQ(boost::json::parse(Call("GET", "/v1/workspaces/w/journeyMaps/m/metricAttachments/a/value").body)
                .at("value")
                .to_number<double>(),
            0);
}

TEST_F(GatewayTest, Errors_KeepTheirDetails) {
  recorder_.status = ToGrpc(InvalidField("touchpoints[3].phase", "names no phase"));
  const HttpAnswer invalid = Call("POST", "/v1/workspaces/w/journeyMaps", "{}");
  ExpectError(invalid, 400, absl::StatusCode::kInvalidArgument, "INVALID_FIELD", "touchpoints[3].phase");
  EXPECT_THAT(invalid.body, HasSubstr("\"domain\":\"throughline.dev\""));
  recorder_.status = ToGrpc(ResourceNotFound("workspaces/w/journeyMaps/m"));
  ExpectError(Call("GET", "/v1/workspaces/w/journeyMaps/m"), 404, absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND");
  recorder_.status = ToGrpc(StaleEtag("m", "1", "2"));
  ExpectError(Call("DELETE", "/v1/workspaces/w/journeyMaps/m?etag=1"), 409, absl::StatusCode::kAborted, "STALE_ETAG");
  recorder_.status = ToGrpc(Overloaded("the writer", absl::Milliseconds(1500)));
  const HttpAnswer busy = Call("GET", "/v1/workspaces/w/journeyMaps/m");
  ExpectError(busy, 429, absl::StatusCode::kResourceExhausted, "OVERLOADED");
  EXPECT_EQ(busy.headers.at("retry-after"), "2");
  recorder_.status = grpc::Status(grpc::StatusCode::INTERNAL, "segment file /data/x");
  const HttpAnswer internal = Call("GET", "/v1/workspaces/w/journeyMaps/m");
  ExpectError(internal, 500, absl::StatusCode::kInternal, "INTERNAL");
  EXPECT_THAT(internal.body, Not(HasSubstr("/data/x")));
}

TEST_F(GatewayTest, ReadsCarryATag_AndPollingIsCheap) {
  recorder_.map.set_display_name("Map");
  const HttpAnswer first = Call("GET", "/v1/workspaces/w/journeyMaps/m");
  const std::string tag = first.headers.at("etag");
  EXPECT_EQ(first.headers.at("cache-control"), "private, no-cache");
  const HttpAnswer same = Call("GET", "/v1/workspaces/w/journeyMaps/m", "", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.headers.at("etag"), tag);
  EXPECT_EQ(same.headers.count("content-length"), 0u);
  recorder_.map.set_display_name("Other");
  EXPECT_EQ(Call("GET", "/v1/workspaces/w/journeyMaps/m", "", "If-None-Match: " + tag + "\r\n").status, 200);
  const HttpAnswer post = Call("POST", "/v1/workspaces/w/journeyMaps", "{}");
  EXPECT_EQ(post.headers.count("etag"), 0u);
  EXPECT_EQ(post.headers.at("cache-control"), "no-store");
}

TEST_F(GatewayTest, EqualAnswersWithMaps_HaveEqualTextAndTag) {
  for (int i = 0; i < 32; ++i) (*recorder_.value.mutable_details())["number_" + std::to_string(i)] = i;
  const std::string path = "/v1/workspaces/w/journeyMaps/m/metricAttachments/a/value";
  const HttpAnswer first = Call("GET", path);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(Call("GET", path).body, first.body);
    EXPECT_EQ(Call("GET", path, "", "If-None-Match: " + first.headers.at("etag") + "\r\n").status, 304);
  }
}

TEST_F(GatewayTest, Head_IsGetWithoutItsBody) {
  const HttpAnswer get = Call("GET", "/v1/workspaces/w/journeyMaps/m");
  HttpClient client(gateway_->port());
  const HttpAnswer head = client.Call("HEAD", "/v1/workspaces/w/journeyMaps/m");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), absl::StrCat(get.body.size()));
  EXPECT_EQ(head.headers.at("etag"), get.headers.at("etag"));
  EXPECT_EQ(client.Call("GET", "/v1/workspaces/w/journeyMaps/m").body, get.body);  // nothing was left over
}

TEST_F(GatewayTest, RoutesThatAreNot) {
  ExpectError(Call("GET", "/v1/nothing"), 404, absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND");
  ExpectError(Call("GET", "/v1"), 404, absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND");
  ExpectError(Call("GET", "/v1/"), 404, absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND");
  const HttpAnswer wrong = Call("PUT", "/v1/workspaces/w/journeyMaps/m");
  ExpectError(wrong, 405, absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED");
  EXPECT_EQ(wrong.headers.at("allow"), "DELETE, GET, HEAD, PATCH");
  const HttpAnswer options = Call("OPTIONS", "/v1/workspaces/w/journeyMaps/m");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("allow"), "DELETE, GET, HEAD, PATCH");
  const HttpAnswer stream = Call("POST", "/v1/workspaces/w/events:stream", "{}");
  ExpectError(stream, 501, absl::StatusCode::kUnimplemented, "NOT_IMPLEMENTED");
  EXPECT_THAT(stream.body, HasSubstr("call it by gRPC"));
  // A service that this server does not have.
  ExpectError(Call("GET", "/v1/workspaces/w/personas/p"), 501, absl::StatusCode::kUnimplemented, "NOT_IMPLEMENTED");
}

TEST_F(GatewayTest, ChangesFromOtherSitesPages_AreRefused) {
  const std::string target = "/v1/workspaces/w/journeyMaps/m";
  ExpectError(Call("DELETE", target, "", "Origin: http://evil.example\r\n"), 403, absl::StatusCode::kPermissionDenied,
              "CROSS_ORIGIN");
  ExpectError(Call("POST", target + ":publish", "", "Origin: null\r\n"), 403, absl::StatusCode::kPermissionDenied,
              "CROSS_ORIGIN");
  EXPECT_EQ(recorder_.calls, 0);
  EXPECT_EQ(Call("DELETE", target, "", "Origin: http://localhost\r\n").status, 200);
  EXPECT_EQ(Call("GET", target, "", "Origin: http://evil.example\r\n").status, 200);
}

// ---- The connection ----

TEST_F(GatewayTest, KeepAlive_ServesManyRequests_AlsoPipelined) {
  HttpClient client(gateway_->port());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.Call("GET", "/v1/workspaces/w/journeyMaps/m").status, 200);
  const std::string request = "GET /v1/workspaces/w/journeyMaps/m HTTP/1.1\r\nHost: x\r\n\r\n";
  client.Send(request + request + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_EQ(client.Receive().body, "<html>app</html>");
  EXPECT_TRUE(client.ClosedByServer());
}

TEST_F(GatewayTest, Http10_ClosesAfterTheAnswer) {
  HttpClient client(gateway_->port());
  client.Send("GET /v1/workspaces/w/journeyMaps/m HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.ClosedByServer());
}

TEST_F(GatewayTest, ChunkedBodies_AreRead) {
  const HttpAnswer answer =
      Raw("POST /v1/workspaces/w/journeyMaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
          "11\r\n{\"displayName\": \"\r\n5\r\nMap\"}\r\n0\r\n\r\n");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(LastRequest(), HasSubstr("display_name: \"Map\""));
}

TEST_F(GatewayTest, Expect100_IsAnsweredBeforeTheBody) {
  HttpClient client(gateway_->port());
  client.Send(
      "POST /v1/workspaces/w/journeyMaps HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("{}");
  EXPECT_EQ(client.Receive().status, 200);
}

TEST_F(GatewayTest, WhatIsNotHttp_IsRefused) {
  for (const char* bytes :
       {"NONSENSE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "\x16\x03\x01\x02\x01\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"}) {
    ExpectError(Raw(bytes), 400, absl::StatusCode::kInvalidArgument, "MALFORMED_REQUEST");
  }
}

TEST_F(GatewayTest, Limits_AreAnsweredInWords) {
  const auto exhausted = absl::StatusCode::kResourceExhausted;
  // Announced as too long, and found too long on the way.
  ExpectError(Raw("POST /v1/workspaces/w/journeyMaps HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n"), 413,
              exhausted, "LIMIT_EXCEEDED");
  HttpClient client(gateway_->port());
  client.Send("POST /v1/workspaces/w/journeyMaps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
  for (int i = 0; i < 5 && client.Send(chunk); ++i) {
  }
  ExpectError(client.Receive(), 413, exhausted, "LIMIT_EXCEEDED");
  EXPECT_TRUE(client.ClosedByServer());
  ExpectError(Raw("GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n"), 431, exhausted,
              "LIMIT_EXCEEDED");
  ExpectError(Call("GET", "/v1/workspaces/w/journeyMaps?filter=" + std::string(9000, 'x')), 414, exhausted,
              "LIMIT_EXCEEDED");
  EXPECT_EQ(Call("GET", "/v1/workspaces/w/journeyMaps?filter=" + std::string(6000, 'x')).status, 200);
}

TEST_F(GatewayTest, BigBodies_UpToTheLimit_Arrive) {
  const std::string text(3'900'000, 'x');
  const HttpAnswer answer =
      Call("POST", "/v1/workspaces/w/journeyMaps", absl::StrCat("{\"description\": \"", text, "\"}"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(text.substr(0, 1000)));
  EXPECT_GT(answer.body.size(), text.size());
}

TEST_F(GatewayTest, SilentConnections_AreClosed) {
  options_.limits.idle_timeout = absl::Milliseconds(200);
  options_.limits.read_timeout = absl::Milliseconds(200);
  Start();
  HttpClient idle(gateway_->port());
  HttpClient slow(gateway_->port());
  slow.Send("GET / HTTP/1.1\r\nHost:");
  HttpClient between(gateway_->port());
  EXPECT_EQ(between.Call("GET", "/").status, 200);
  EXPECT_TRUE(idle.ClosedByServer());
  EXPECT_TRUE(slow.ClosedByServer());
  EXPECT_TRUE(between.ClosedByServer());
}

TEST_F(GatewayTest, ConnectionsOverTheLimit_AreToldToRetry) {
  options_.limits.connection_count_max = 2;
  Start();
  HttpClient one(gateway_->port());
  HttpClient two(gateway_->port());
  EXPECT_EQ(one.Call("GET", "/").status, 200);
  EXPECT_EQ(two.Call("GET", "/").status, 200);
  HttpClient three(gateway_->port());
  const HttpAnswer answer = three.Receive();
  ExpectError(answer, 503, absl::StatusCode::kResourceExhausted, "OVERLOADED");
  EXPECT_EQ(answer.headers.at("retry-after"), "1");
  EXPECT_EQ(one.Call("GET", "/").status, 200);
  one.Close();
  two.Close();
  // The places are free again as soon as the server has noticed.
  int status = 0;
  for (const absl::Time end = absl::Now() + absl::Seconds(10); status != 200 && absl::Now() < end;) {
    status = HttpClient(gateway_->port()).Call("GET", "/").status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(GatewayTest, Deadline_IsATimeout) {
  options_.limits.call_timeout = absl::Milliseconds(200);
  Start();
  recorder_.hold = true;
  ExpectError(Call("GET", "/v1/workspaces/w/journeyMaps/m"), 504, absl::StatusCode::kDeadlineExceeded,
              "DEADLINE_EXCEEDED");
}

TEST_F(GatewayTest, ClientThatLeaves_CancelsItsCall) {
  recorder_.hold = true;
  HttpClient client(gateway_->port());
  client.Send("GET /v1/workspaces/w/journeyMaps/m HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(recorder_.AwaitHeld());
  client.Close();
  EXPECT_TRUE(recorder_.AwaitCancelled());
}

TEST_F(GatewayTest, Shutdown_LetsTheRunningRequestFinish_AndClosesTheIdle) {
  HttpClient idle(gateway_->port());
  EXPECT_EQ(idle.Call("GET", "/").status, 200);
  recorder_.hold = true;
  HttpClient busy(gateway_->port());
  busy.Send("GET /v1/workspaces/w/journeyMaps/m HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(recorder_.AwaitHeld());
  std::thread stopper([&] { gateway_->Shutdown(absl::Seconds(30)); });
  EXPECT_TRUE(idle.ClosedByServer());
  recorder_.Release();
  EXPECT_EQ(busy.Receive().status, 200);
  EXPECT_TRUE(busy.ClosedByServer());
  stopper.join();
}

TEST_F(GatewayTest, Shutdown_CutsOffWhatOutlastsTheGrace) {
  recorder_.hold = true;
  HttpClient busy(gateway_->port());
  busy.Send("GET /v1/workspaces/w/journeyMaps/m HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(recorder_.AwaitHeld());
  gateway_->Shutdown(absl::Milliseconds(50));
  EXPECT_TRUE(recorder_.AwaitCancelled());
  EXPECT_TRUE(busy.ClosedByServer());
}

TEST_F(GatewayTest, ManyClientsAtOnce_AreAllServed) {
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int c = 0; c < 16; ++c) {
    clients.emplace_back([&] {
      HttpClient client(gateway_->port());
      for (int i = 0; i < 50; ++i) {
        if (client.Call("GET", "/v1/workspaces/w/journeyMaps/m").status == 200) ++good;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 16 * 50);
}

// ---- The app ----

TEST_F(GatewayTest, App_IsServedBesideTheApi) {
  const HttpAnswer index = Call("GET", "/workspaces/demo/maps/m");
  EXPECT_EQ(index.status, 200);
  EXPECT_EQ(index.body, "<html>app</html>");
  EXPECT_EQ(index.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(index.headers.at("referrer-policy"), "same-origin");
  EXPECT_THAT(index.headers.at("content-security-policy"), HasSubstr("default-src 'self'"));
  const HttpAnswer asset = Call("GET", "/assets/a-1.js");
  EXPECT_THAT(asset.headers.at("cache-control"), HasSubstr("immutable"));
  EXPECT_EQ(Call("GET", "/assets/a-1.js", "", "If-None-Match: " + asset.headers.at("etag") + "\r\n").status, 304);
  EXPECT_EQ(Call("GET", "/../../etc/passwd").status, 404);
  EXPECT_EQ(Call("POST", "/", "{}").status, 405);
}

// ---- Starting ----

TEST_F(GatewayTest, AddressesThatCannotBe_AreErrors) {
  const auto channel = server_->InProcessChannel({});
  GatewayOptions options;
  options.address = "localhost";
  EXPECT_THAT(Gateway::Start(options, channel).status(), HasFieldViolation("http_address"));
  options.address = "127.0.0.1";
  options.port = 70000;
  EXPECT_THAT(Gateway::Start(options, channel).status(), HasFieldViolation("http_address"));
  options.port = 0;
  options.web_root = "/nonexistent/web";
  EXPECT_THAT(Gateway::Start(options, channel).status(), HasFieldViolation("web_root"));
  options.web_root = "";
  options.port = gateway_->port();
  EXPECT_THAT(Gateway::Start(options, channel).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasReason("ADDRESS_UNUSABLE")));
}

}  // namespace
}  // namespace throughline
