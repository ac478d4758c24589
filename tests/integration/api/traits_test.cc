// What is known of customers, through the API: recorded with events, asked for in segments, filters and breakdowns.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// c1 is a business in Switzerland, c2 was one and is a household, of c3 it was known and is not any more.
constexpr char kStatements[] = R"({"parent": "workspaces/w", "events": [
  {"id": "t1", "source": "crm", "customerId": "c1", "eventTime": "2025-01-06T00:00:00Z", "eventName": "profile",
   "traits": {"kind": "business", "country": "CH", "seats": 40}},
  {"id": "t2", "source": "crm", "customerId": "c2", "eventTime": "2025-03-01T00:00:00Z", "eventName": "profile",
   "traits": {"kind": "household"}},
  {"id": "t3", "source": "crm", "customerId": "c2", "eventTime": "2025-01-01T00:00:00Z", "eventName": "profile",
   "traits": {"kind": "business", "seats": 3}},
  {"id": "t4", "source": "crm", "customerId": "c3", "eventTime": "2025-02-02T00:00:00Z", "eventName": "profile",
   "traits": {"kind": "household"}},
  {"id": "t5", "source": "crm", "customerId": "c3", "eventTime": "2025-02-03T00:00:00Z", "eventName": "profile",
   "traits": {"kind": null}}]})";

class TraitsTest : public AnalysisTest {
 protected:
  void SetUp() override {
    AnalysisTest::SetUp();
    v1::RecordEventsRequest request;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(kStatements, &request).ok());
    ASSERT_OK_AND_ASSIGN(const auto recorded, Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
    ASSERT_EQ(recorded.recorded_count(), 5);
  }

  std::vector<std::string> CustomersWith(const std::string& filter) {
    v1::ListCustomersRequest request;
    request.set_parent("workspaces/w");
    request.set_filter(filter);
    const auto page = Call(customers_, &v1::CustomerService::Stub::ListCustomers, request);
    EXPECT_OK(page) << filter;
    std::vector<std::string> ids;
    if (page.ok()) {
      for (const v1::Customer& customer : page->customers()) ids.push_back(customer.customer_id());
    }
    return ids;
  }
  absl::Status CreateSegment(const std::string& filter) {
    v1::CreateSegmentRequest request;
    request.set_parent("workspaces/w");
    request.set_segment_id("s");
    request.mutable_segment()->set_display_name("S");
    request.mutable_segment()->set_filter(filter);
    return Call(segments_, &v1::SegmentService::Stub::CreateSegment, request).status();
  }
};

TEST_F(TraitsTest, ListCustomers_ByTrait) {
  EXPECT_THAT(CustomersWith(R"(traits.kind = "business")"), ElementsAre("c1"));
  EXPECT_THAT(CustomersWith(R"(traits.kind = "household")"), ElementsAre("c2"));
  EXPECT_THAT(CustomersWith("traits.kind = null"), ElementsAre("c3", "c4"));
  EXPECT_THAT(CustomersWith("traits.seats >= 3 AND event_count > 5"), ElementsAre("c2"));
  EXPECT_THAT(CustomersWith("traits.never:*"), IsEmpty());
}

TEST_F(TraitsTest, Segment_ByTrait_TakesOnlyItsCustomers) {
  ASSERT_OK(CreateSegment(R"(traits.kind = "business" OR traits.kind = "household")"));
  ASSERT_OK_AND_ASSIGN(const auto volume, Volume(R"pb(segment: "workspaces/w/segments/s")pb"));
  EXPECT_EQ(volume.event_count(), 12);
  EXPECT_EQ(volume.customer_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto funnel, Funnel(absl::StrCat(kSteps, R"(segment: "workspaces/w/segments/s")")));
  EXPECT_THAT(Counts(funnel.steps()), ElementsAre(2, 2, 1));
}

TEST_F(TraitsTest, Segment_WithABadFilter_NamesThePosition) {
  EXPECT_THAT(CreateSegment("event_count > 3 AND trait.kind = business"),
              ::testing::AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasMessage(HasSubstr("position 20"))));
}

TEST_F(TraitsTest, Filter_AsksOfTheCustomer_WhateverTheEvent) {
  ASSERT_OK_AND_ASSIGN(const auto business, Volume(R"pb(filter: "traits.kind = business")pb"));
  EXPECT_EQ(business.event_count(), 5);
  ASSERT_OK_AND_ASSIGN(const auto placed, Funnel(absl::StrCat(kSteps, R"(filter: "NOT traits.country = CH")")));
  EXPECT_THAT(Counts(placed.steps()), ElementsAre(2, 1, 0));
  ASSERT_OK_AND_ASSIGN(const auto busy, Volume(R"pb(filter: "customer.event_count > 6 AND event_name = paid")pb"));
  EXPECT_EQ(busy.event_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto then, Volume(R"pb(filter: "traits.kind = business" known_at: 13)pb"));
  EXPECT_EQ(then.event_count(), 5) << "and of c2 nothing was known yet";
  ASSERT_OK_AND_ASSIGN(const auto later, Volume(R"pb(filter: "traits.kind = household" known_at: 16)pb"));
  EXPECT_EQ(later.event_count(), 9) << "c3 was a household still";
  EXPECT_THAT(Volume(R"pb(filter: "customer.event_count = many")pb"),
              ::testing::AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasMessage(HasSubstr("position 0"))));
}

TEST_F(TraitsTest, Breakdown_AndValues_OfATrait) {
  ASSERT_OK_AND_ASSIGN(const auto volume, Volume(R"pb(breakdown { field: "traits.kind" })pb"));
  ASSERT_THAT(volume.groups(), SizeIs(3));
  EXPECT_THAT(volume.groups(0).values(0), EqualsProto(R"pb(kind: VALUE value: "business")pb"));
  EXPECT_EQ(volume.groups(0).customer_count(), 1);
  EXPECT_THAT(volume.groups(1).values(0), EqualsProto(R"pb(kind: VALUE value: "household")pb"));
  EXPECT_EQ(volume.groups(1).event_count(), 7);
  EXPECT_THAT(volume.groups(2).values(0), EqualsProto(R"pb(kind: MISSING)pb"));
  EXPECT_EQ(volume.groups(2).customer_count(), 2);
  ASSERT_OK_AND_ASSIGN(const auto bounded, Volume(R"pb(breakdown { field: "traits.kind" value_limit: 1 })pb"));
  ASSERT_THAT(bounded.groups(), SizeIs(3));
  EXPECT_THAT(bounded.groups(0).values(0), EqualsProto(R"pb(kind: VALUE value: "household")pb"));
  EXPECT_THAT(bounded.groups(1).values(0), EqualsProto(R"pb(kind: MISSING)pb"));
  EXPECT_THAT(bounded.groups(2).values(0), EqualsProto(R"pb(kind: OTHER other_value_count: 1)pb"));
  ASSERT_OK_AND_ASSIGN(const auto values, Values(R"pb(field: "traits.seats")pb"));
  EXPECT_THAT(values, EqualsProto(R"pb(values { value: "3" event_count: 7 }
                                       values { value: "40" event_count: 5 }
                                       value_count: 2
                                       missing_count: 5
                                       data_watermark: 17)pb"));
  EXPECT_THAT(Values(R"pb(field: "traits.")pb"), Refuses("field"));
}

}  // namespace
}  // namespace throughline::testing
