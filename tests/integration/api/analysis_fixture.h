// A workspace with the events of a few customers, whose answers can be counted by hand, and one call of each question
// of AnalysisService. For tests; one thread.
#pragma once

#include <string>
#include <vector>

#include "google/protobuf/util/json_util.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {

using Analysis = v1::AnalysisService::Stub;

// The clock shows 2026-01-01. c1 goes all the way; c2 comes back in February; c3 only orders, half an hour into
// February (UTC); c4 only looks around. Watermark 4 is all of c1.
inline constexpr char kEvents[] = R"({"parent": "workspaces/w", "events": [
  {"id": "1", "source": "s", "customerId": "c1", "eventTime": "2025-01-05T10:00:00Z", "eventName": "placed",
   "channel": "web", "department": "sales", "properties": {"plan": "pro"}},
  {"id": "2", "source": "s", "customerId": "c1", "eventTime": "2025-01-05T11:00:00Z", "eventName": "paid",
   "moneyMovement": {"amountMinor": 1000, "currencyCode": "EUR"}},
  {"id": "3", "source": "s", "customerId": "c1", "eventTime": "2025-01-07T10:00:00Z", "eventName": "delivered"},
  {"id": "4", "source": "s", "customerId": "c1", "eventTime": "2025-01-08T10:00:00Z", "eventName": "rated",
   "surveyResponse": {"score": 9, "survey": "nps"}},
  {"id": "5", "source": "s", "customerId": "c2", "eventTime": "2025-01-10T00:00:00Z", "eventName": "placed",
   "channel": "phone", "properties": {"plan": "free"}},
  {"id": "6", "source": "s", "customerId": "c2", "eventTime": "2025-01-10T02:00:00Z", "eventName": "paid",
   "moneyMovement": {"amountMinor": 2000, "currencyCode": "EUR"}},
  {"id": "7", "source": "s", "customerId": "c2", "eventTime": "2025-02-10T00:00:00Z", "eventName": "placed",
   "channel": "phone", "properties": {"plan": "free"}},
  {"id": "8", "source": "s", "customerId": "c2", "eventTime": "2025-02-10T02:00:00Z", "eventName": "paid",
   "moneyMovement": {"amountMinor": 3000, "currencyCode": "EUR"}},
  {"id": "9", "source": "s", "customerId": "c2", "eventTime": "2025-02-12T00:00:00Z", "eventName": "rated",
   "surveyResponse": {"score": 7, "survey": "nps"}},
  {"id": "10", "source": "s", "customerId": "c3", "eventTime": "2025-02-01T00:30:00Z", "eventName": "placed",
   "channel": "web", "properties": {"plan": "pro"}},
  {"id": "11", "source": "s", "customerId": "c4", "eventTime": "2025-02-03T00:00:00Z", "eventName": "viewed"},
  {"id": "12", "source": "s", "customerId": "c4", "eventTime": "2025-02-04T00:00:00Z", "eventName": "rated",
   "surveyResponse": {"score": 7.5, "survey": "csat"}}]})";

class AnalysisTest : public ApiFixture {
 protected:
  void SetUp() override {
    ApiFixture::SetUp();
    v1::RecordEventsRequest request;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(kEvents, &request).ok());
    ASSERT_OK_AND_ASSIGN(const auto recorded, Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
    ASSERT_EQ(recorded.recorded_count(), 12);
  }

  void CreateMap(const std::string& id, bool publish) {
    auto request = ParseProto<v1::CreateJourneyMapRequest>(R"pb(
      parent: "workspaces/w"
      journey_map {
        display_name: "Order"
        phases { id: "buy" display_name: "Buy" }
        touchpoints {
          id: "order"
          phase: "buy"
          display_name: "Order"
          event_binding { event_names: "placed" }
        }
        touchpoints {
          id: "pay"
          phase: "buy"
          display_name: "Pay"
          event_binding { event_names: "paid" }
        }
      })pb");
    request.set_journey_map_id(id);
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::CreateJourneyMap, request));
    if (!publish) return;
    v1::PublishJourneyMapRequest publication;
    publication.set_name(absl::StrCat("workspaces/w/journeyMaps/", id));
    ASSERT_OK(Call(maps_, &v1::JourneyMapService::Stub::PublishJourneyMap, publication));
  }

  // One question in text format; `parent` is added.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (Analysis::*method)(grpc::ClientContext*, const Request&, Response*),
                               const std::string& text) {
    auto request = ParseProto<Request>(text);
    if (request.parent().empty()) request.set_parent("workspaces/w");
    return Call(analysis_, method, request);
  }
  auto Funnel(const std::string& text) { return Ask(&Analysis::QueryFunnel, text); }
  auto Graph(const std::string& text) { return Ask(&Analysis::QueryTransitionGraph, text); }
  auto Variants(const std::string& text) { return Ask(&Analysis::QueryVariants, text); }
  auto Cohorts(const std::string& text) { return Ask(&Analysis::QueryCohorts, text); }
  auto Stages(const std::string& text) { return Ask(&Analysis::QueryStageTimes, text); }
  auto Scores(const std::string& text) { return Ask(&Analysis::QueryScores, text); }
  auto Volume(const std::string& text) { return Ask(&Analysis::QueryVolume, text); }
  auto Revenue(const std::string& text) { return Ask(&Analysis::QueryRevenueMovements, text); }
  auto Purchases(const std::string& text) { return Ask(&Analysis::QueryPurchases, text); }
  auto Values(const std::string& text) { return Ask(&Analysis::QueryValues, text); }
  auto Customers(const std::string& text) { return Ask(&Analysis::QueryCellCustomers, text); }

  template <typename Steps>
  static std::vector<int64_t> Counts(const Steps& steps) {
    std::vector<int64_t> counts;
    for (const auto& step : steps) counts.push_back(step.count());
    return counts;
  }
};

MATCHER_P(Refuses, field, "is refused because of a field") {
  return ::testing::ExplainMatchResult(
      ::testing::AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation(std::string(field))), arg,
      result_listener);
}

inline constexpr char kSteps[] = R"(steps { event_names: "placed" } steps { event_names: "paid" }
                             steps { event_names: "delivered" } )";

}  // namespace throughline::testing
