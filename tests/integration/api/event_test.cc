// Recording events, one by one and on the stream, and what can be asked about them afterwards.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::SizeIs;

using Events = v1::EventService::Stub;

class EventTest : public ApiFixture {
 protected:
  v1::CustomerEvent Event(const std::string& id, const std::string& customer = "c1", const std::string& name = "paid",
                          int64_t seconds = 1760000000) {
    v1::CustomerEvent event;
    event.set_id(id);
    event.set_source("shop");
    event.set_customer_id(customer);
    event.set_event_name(name);
    event.mutable_event_time()->set_seconds(seconds);
    return event;
  }
  absl::StatusOr<v1::RecordEventsResponse> Record(const std::vector<v1::CustomerEvent>& events,
                                                  const std::string& parent = "workspaces/w") {
    v1::RecordEventsRequest request;
    request.set_parent(parent);
    for (const v1::CustomerEvent& event : events) *request.add_events() = event;
    return Call(events_stub_, &Events::RecordEvents, request);
  }
  int64_t EventCount() {
    v1::GetEventStatisticsRequest request;
    request.set_name("workspaces/w/eventStatistics");
    const auto statistics = Call(events_stub_, &Events::GetEventStatistics, request);
    EXPECT_OK(statistics);
    return statistics.ok() ? statistics->event_count() : -1;
  }
  v1::StreamEventsRequest Batch(int64_t batch_id, const std::vector<v1::CustomerEvent>& events,
                                const std::string& parent = "") {
    v1::StreamEventsRequest request;
    request.set_parent(parent);
    request.set_batch_id(batch_id);
    for (const v1::CustomerEvent& event : events) *request.add_events() = event;
    return request;
  }
  // Runs one stream: writes all, then reads all acknowledgements.
  absl::Status Stream(const std::vector<v1::StreamEventsRequest>& requests,
                      std::vector<v1::StreamEventsResponse>& responses) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const auto stream = events_stub_->StreamEvents(&context);
    std::thread writer([&] {
      for (const v1::StreamEventsRequest& request : requests) {
        if (!stream->Write(request)) break;
      }
      stream->WritesDone();
    });
    v1::StreamEventsResponse response;
    while (stream->Read(&response)) responses.push_back(response);
    writer.join();
    return ToAbslStatus(stream->Finish());
  }
};

TEST_F(EventTest, Record_ReportsEachEvent) {
  ASSERT_OK_AND_ASSIGN(const auto first, Record({Event("e1"), Event("e2")}));
  EXPECT_EQ(first.recorded_count(), 2);
  v1::CustomerEvent changed = Event("e1");
  changed.set_channel("web");
  ASSERT_OK_AND_ASSIGN(const auto second, Record({Event("e2"), changed, Event(""), Event("e3")}));
  EXPECT_THAT(second, EqualsProto([&] {
                auto expected = ParseProto<v1::RecordEventsResponse>(R"pb(
                  results { index: 0 outcome: DUPLICATE }
                  results { index: 1 outcome: REJECTED }
                  results { index: 2 outcome: REJECTED }
                  results { index: 3 outcome: RECORDED }
                  recorded_count: 1
                  duplicate_count: 1
                  rejected_count: 2
                )pb");
                *expected.mutable_results(1)->mutable_error() = second.results(1).error();
                *expected.mutable_results(2)->mutable_error() = second.results(2).error();
                return expected;
              }()));
  EXPECT_THAT(FromRpcStatus(second.results(1).error()),
              StatusIs(absl::StatusCode::kAlreadyExists, HasReason("EVENT_CONTENT_CONFLICT")));
  EXPECT_THAT(FromRpcStatus(second.results(2).error()),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events[2].id")));
  EXPECT_EQ(EventCount(), 3);
}

TEST_F(EventTest, Record_DuplicateIdInOneBatch_IsJudgedInOrder) {
  v1::CustomerEvent changed = Event("e1");
  changed.set_channel("web");
  ASSERT_OK_AND_ASSIGN(const auto result, Record({Event("e1"), Event("e1"), changed}));
  EXPECT_EQ(result.results(0).outcome(), v1::EventResult::RECORDED);
  EXPECT_EQ(result.results(1).outcome(), v1::EventResult::DUPLICATE);
  EXPECT_EQ(result.results(2).outcome(), v1::EventResult::REJECTED);
  EXPECT_EQ(EventCount(), 1);
}

TEST_F(EventTest, Record_BadEvents_AreRefusedWithTheirPathsAndTheRestIsKept) {
  struct Bad {
    v1::CustomerEvent event;
    const char* field;
  };
  std::vector<Bad> bad;
  const auto add = [&](const char* field, auto change) {
    bad.push_back({Event(absl::StrCat("bad", bad.size())), field});
    change(bad.back().event);
  };
  add("source", [](auto& e) { e.clear_source(); });
  add("customer_id", [](auto& e) { e.set_customer_id(std::string(257, 'c')); });
  add("event_name", [](auto& e) { e.set_event_name(std::string(10 << 20, 'n')); });
  add("event_time", [](auto& e) { e.clear_event_time(); });
  add("event_time", [](auto& e) { e.mutable_event_time()->set_seconds(-62167219200); });  // year 0
  add("event_time", [](auto& e) { e.mutable_event_time()->set_seconds(253402300799); });  // year 9999
  add("event_time", [](auto& e) { e.mutable_event_time()->set_nanos(-1); });
  add("survey_response.score", [](auto& e) { e.mutable_survey_response()->set_score(std::nan("")); });
  add("survey_response.score", [](auto& e) { e.mutable_survey_response()->set_score(HUGE_VAL); });
  add("money_movement.currency_code", [](auto& e) { e.mutable_money_movement()->set_currency_code("euro"); });
  add("hand_off.to_department", [](auto& e) {
    e.mutable_hand_off()->set_from_department("a");
    e.mutable_hand_off()->set_state(v1::HandOff::OFFERED);
  });
  std::vector<v1::CustomerEvent> events = {Event("good1")};
  for (const Bad& one : bad) events.push_back(one.event);
  events.push_back(Event("good2"));
  ASSERT_OK_AND_ASSIGN(const auto result, Record(events));
  EXPECT_EQ(result.recorded_count(), 2);
  EXPECT_EQ(result.rejected_count(), static_cast<int>(bad.size()));
  for (size_t i = 0; i < bad.size(); ++i) {
    const v1::EventResult& one = result.results(static_cast<int>(i) + 1);
    EXPECT_EQ(one.outcome(), v1::EventResult::REJECTED);
    EXPECT_THAT(FromRpcStatus(one.error()),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument),
                      HasFieldViolation(absl::StrCat("events[", i + 1, "].", bad[i].field))))
        << i;
  }
  EXPECT_EQ(EventCount(), 2);
}

TEST_F(EventTest, Record_BadRequest_RecordsNothing) {
  EXPECT_THAT(Record({}), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events")));
  EXPECT_THAT(Record({Event("e")}, "workspaces/none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Record({Event("e")}, "w"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("parent")));
  EXPECT_THAT(Record(std::vector<v1::CustomerEvent>(5001, Event("e"))),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events")));
  EXPECT_EQ(EventCount(), 0);
}

TEST_F(EventTest, Record_InADeletedWorkspace_IsFailedPrecondition) {
  v1::DeleteWorkspaceRequest request;
  request.set_name("workspaces/w");
  ASSERT_OK(Call(workspaces_, &v1::WorkspaceService::Stub::DeleteWorkspace, request));
  EXPECT_THAT(Record({Event("e")}), StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_DELETED")));
}

// ---- The stream -----------------------------------------------------------------------------------------------------

TEST_F(EventTest, Stream_AcknowledgesEachBatchInOrder) {
  std::vector<v1::StreamEventsRequest> requests;
  for (int batch = 0; batch < 50; ++batch) {
    std::vector<v1::CustomerEvent> events;
    // Sizes differ, so that later batches would be done before earlier ones.
    for (int i = 0; i < (batch % 3 == 0 ? 200 : 2); ++i) events.push_back(Event(absl::StrCat(batch, "-", i)));
    requests.push_back(Batch(100 + batch, events, batch == 0 ? "workspaces/w" : ""));
  }
  std::vector<v1::StreamEventsResponse> responses;
  ASSERT_OK(Stream(requests, responses));
  ASSERT_THAT(responses, SizeIs(50));
  int64_t recorded = 0;
  for (int batch = 0; batch < 50; ++batch) {
    EXPECT_EQ(responses[batch].batch_id(), 100 + batch);
    EXPECT_EQ(responses[batch].recorded_count(), requests[batch].events_size());
    recorded += responses[batch].recorded_count();
  }
  EXPECT_EQ(EventCount(), recorded);
}

TEST_F(EventTest, Stream_SentAgain_ChangesNothing) {
  std::vector<v1::StreamEventsResponse> responses;
  const auto requests = {Batch(1, {Event("a"), Event("b")}, "workspaces/w"), Batch(2, {Event("a"), Event("c")})};
  ASSERT_OK(Stream(requests, responses));
  ASSERT_OK(Stream(requests, responses));
  ASSERT_THAT(responses, SizeIs(4));
  EXPECT_EQ(responses[1].duplicate_count(), 1);
  EXPECT_EQ(responses[2].duplicate_count(), 2);
  EXPECT_EQ(responses[3].recorded_count(), 0);
  EXPECT_EQ(EventCount(), 3);
}

TEST_F(EventTest, Stream_BadEvents_AreReportedInTheirBatch) {
  std::vector<v1::StreamEventsResponse> responses;
  ASSERT_OK(
      Stream({Batch(1, {Event("a"), Event(""), Event("b")}, "workspaces/w"), Batch(2, {Event("", "")})}, responses));
  ASSERT_THAT(responses, SizeIs(2));
  ASSERT_THAT(responses[0].rejected(), SizeIs(1));
  EXPECT_EQ(responses[0].rejected(0).index(), 1);
  EXPECT_EQ(responses[0].recorded_count(), 2);
  EXPECT_THAT(FromRpcStatus(responses[1].rejected(0).error()),
              AllOf(HasFieldViolation("events[0].id"), HasFieldViolation("events[0].customer_id")));
}

TEST_F(EventTest, Stream_BadBatch_EndsItAfterTheGoodOnesAreAcknowledged) {
  struct Case {
    v1::StreamEventsRequest request;
    const char* field;
  };
  for (const Case& bad : {Case{Batch(3, {}), "events"}, Case{Batch(3, {Event("x")}, "workspaces/v"), "parent"}}) {
    std::vector<v1::StreamEventsResponse> responses;
    EXPECT_THAT(Stream({Batch(1, {Event("a")}, "workspaces/w"), Batch(2, {Event("b")}), bad.request,
                        Batch(4, {Event("never")})},
                       responses),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation(bad.field)));
    ASSERT_THAT(responses, SizeIs(2));
    EXPECT_EQ(responses[1].batch_id(), 2);
  }
  EXPECT_EQ(EventCount(), 2);
}

TEST_F(EventTest, Stream_BadParent_IsRefused) {
  std::vector<v1::StreamEventsResponse> responses;
  EXPECT_THAT(Stream({Batch(1, {Event("a")})}, responses),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("parent")));
  EXPECT_THAT(Stream({Batch(1, {Event("a")}, "workspaces/none")}, responses), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(responses, SizeIs(0));
}

TEST_F(EventTest, Stream_WithoutABatch_IsFine) {
  std::vector<v1::StreamEventsResponse> responses;
  EXPECT_OK(Stream({}, responses));
}

TEST_F(EventTest, Stream_ClientGoesAway_LeavesEverythingUsable) {
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    const auto stream = events_stub_->StreamEvents(&context);
    // As many as a stream takes in while nobody reads its acknowledgements.
    for (int batch = 0; batch < limits::kStreamBatchCountMax; ++batch) {
      stream->Write(Batch(batch, {Event(absl::StrCat(round, "-", batch))}, "workspaces/w"));
    }
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  std::vector<v1::StreamEventsResponse> responses;
  EXPECT_OK(Stream({Batch(1, {Event("after")}, "workspaces/w")}, responses));
}

TEST_F(EventTest, Stream_ManyAtOnce_AllAreDurable) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      std::vector<v1::StreamEventsRequest> requests;
      for (int batch = 0; batch < 20; ++batch) {
        std::vector<v1::CustomerEvent> events;
        for (int i = 0; i < 25; ++i) events.push_back(Event(absl::StrCat(client, "-", batch, "-", i)));
        requests.push_back(Batch(batch, events, "workspaces/w"));
      }
      std::vector<v1::StreamEventsResponse> responses;
      EXPECT_OK(Stream(requests, responses));
      EXPECT_THAT(responses, SizeIs(20));
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(EventCount(), 8 * 20 * 25);
}

TEST_F(EventTest, Shutdown_TellsIdleStreamsToFinish) {
  const auto stub = v1::EventService::NewStub(NetworkChannel());
  grpc::ClientContext context;
  const auto stream = stub->StreamEvents(&context);
  ASSERT_TRUE(stream->Write(Batch(1, {Event("a")}, "workspaces/w")));
  v1::StreamEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const absl::Time start = absl::Now();
  server_->Shutdown(absl::Seconds(30));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_THAT(ToAbslStatus(stream->Finish()), StatusIs(absl::StatusCode::kUnavailable, HasReason("SHUTTING_DOWN")));
}

// ---- Questions ------------------------------------------------------------------------------------------------------

class QuestionTest : public EventTest {
 protected:
  void SetUp() override {
    EventTest::SetUp();
    std::vector<v1::CustomerEvent> events;
    for (int customer = 0; customer < 10; ++customer) {
      const std::string id = absl::StrCat("c", customer);
      events.push_back(Event(absl::StrCat(id, "-1"), id, "placed", 1760000000 + customer));
      if (customer < 4) events.push_back(Event(absl::StrCat(id, "-2"), id, "paid", 1760000060 + customer));
    }
    ASSERT_OK(Record(events));
  }
  absl::StatusOr<v1::QueryFunnelResponse> Funnel(const std::string& text) {
    return Call(analysis_, &v1::AnalysisService::Stub::QueryFunnel, ParseProto<v1::QueryFunnelRequest>(text));
  }
};

TEST_F(QuestionTest, Statistics_CountEverything) {
  v1::GetEventStatisticsRequest request;
  request.set_name("workspaces/w/eventStatistics");
  ASSERT_OK_AND_ASSIGN(const auto statistics, Call(events_stub_, &Events::GetEventStatistics, request));
  EXPECT_THAT(statistics, EqualsProto(R"pb(
                name: "workspaces/w/eventStatistics"
                event_count: 14
                customer_count: 10
                first_event_time { seconds: 1760000000 }
                last_event_time { seconds: 1760000063 }
                data_watermark: 14
                event_names { event_name: "placed" event_count: 10 }
                event_names { event_name: "paid" event_count: 4 }
              )pb"));
  request.set_name("workspaces/none/eventStatistics");
  EXPECT_THAT(Call(events_stub_, &Events::GetEventStatistics, request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(QuestionTest, Funnel_HasWilsonIntervals) {
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(R"pb(parent: "workspaces/w"
                                                      steps { event_names: "placed" }
                                                      steps { event_names: "paid" })pb"));
  ASSERT_THAT(funnel.steps(), SizeIs(2));
  EXPECT_EQ(funnel.steps(0).count(), 10);
  EXPECT_FALSE(funnel.steps(0).has_conversion());
  EXPECT_EQ(funnel.steps(1).count(), 4);
  EXPECT_THAT(funnel.steps(1).conversion(), DoubleNear(.4, 1e-12));
  // Wilson 95 % of 4/10.
  EXPECT_THAT(funnel.steps(1).conversion_low(), DoubleNear(.168180, 1e-6));
  EXPECT_THAT(funnel.steps(1).conversion_high(), DoubleNear(.687326, 1e-6));
  EXPECT_EQ(funnel.instance_count(), 10);
  EXPECT_EQ(funnel.data_watermark(), 14);
}

TEST_F(QuestionTest, Funnel_BadQuestions_NameTheField) {
  struct Case {
    const char* request;
    const char* field;
  };
  for (const Case& bad : {
           Case{R"pb(parent: "workspaces/w")pb", "steps"},
           Case{R"pb(parent: "workspaces/w"
                     steps {})pb",
                "steps[0]"},
           Case{R"pb(parent: "workspaces/w"
                     steps { filter: "x = 1" })pb",
                "steps[0].filter"},
           Case{R"pb(parent: "workspaces/w"
                     steps { event_names: "a" }
                     window { seconds: -1 })pb",
                "window"},
           Case{R"pb(parent: "workspaces/w"
                     steps { event_names: "a" }
                     window { seconds: 999999999999 })pb",
                "window"},
           Case{R"pb(parent: "workspaces/w"
                     steps { event_names: "a" }
                     interval { start_time { seconds: -62167219200 } })pb",
                "interval.start_time"},
           Case{R"pb(parent: "workspaces/w"
                     steps { event_names: "a" }
                     interval {
                       start_time { seconds: 9 }
                       end_time { seconds: 9 }
                     })pb",
                "interval.end_time"},
           Case{R"pb(parent: "w"
                     steps { event_names: "a" })pb",
                "parent"},
       }) {
    EXPECT_THAT(Funnel(bad.request), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation(bad.field)))
        << bad.request;
  }
  v1::QueryFunnelRequest request;
  request.set_parent("workspaces/w");
  for (int i = 0; i < 33; ++i) request.add_steps()->add_event_names("a");
  EXPECT_THAT(Call(analysis_, &v1::AnalysisService::Stub::QueryFunnel, request), HasFieldViolation("steps"));
  request.mutable_steps()->DeleteSubrange(1, 32);
  request.set_correlation_property(std::string(129, 'p'));
  EXPECT_THAT(Call(analysis_, &v1::AnalysisService::Stub::QueryFunnel, request),
              HasFieldViolation("correlation_property"));
}

TEST_F(QuestionTest, TransitionGraph_IsMostFrequentFirst) {
  v1::QueryTransitionGraphRequest request;
  request.set_parent("workspaces/w");
  ASSERT_OK_AND_ASSIGN(const auto graph, Call(analysis_, &v1::AnalysisService::Stub::QueryTransitionGraph, request));
  EXPECT_THAT(graph, EqualsProto(R"pb(
                nodes { event_name: "placed" event_count: 10 start_count: 10 end_count: 6 instance_count: 10 }
                nodes { event_name: "paid" event_count: 4 end_count: 4 instance_count: 4 }
                edges {
                  from_event_name: "placed"
                  to_event_name: "paid"
                  count: 4
                  median_seconds: 60
                  mean_seconds: 60
                  p90_seconds: 60
                }
                event_count: 14
                instance_count: 10
                data_watermark: 14
              )pb"));
  request.set_filter("nothing = 1");
  EXPECT_THAT(
      Call(analysis_, &v1::AnalysisService::Stub::QueryTransitionGraph, request),
      AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")), HasFieldViolation("filter")));
}

}  // namespace
}  // namespace throughline::testing
