// Customers that are one person, through the API: linked and unlinked by events, asked for under any of their names.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Events = v1::EventService::Stub;
using Customers = v1::CustomerService::Stub;

class IdentityTest : public ApiFixture {
 protected:
  static v1::CustomerEvent Event(const std::string& id, const std::string& customer, int64_t second) {
    v1::CustomerEvent event;
    event.set_id(id);
    event.set_source("shop");
    event.set_customer_id(customer);
    event.set_event_name("visit");
    event.mutable_event_time()->set_seconds(1760000000 + second);
    return event;
  }
  static v1::CustomerEvent Link(v1::CustomerEvent event, const std::string& other) {
    event.mutable_identity_link()->set_customer_id(other);
    return event;
  }
  static v1::CustomerEvent Unlink(v1::CustomerEvent event, const std::string& linking_id) {
    event.mutable_identity_unlink()->set_event_source("shop");
    event.mutable_identity_unlink()->set_event_id(linking_id);
    return event;
  }
  absl::StatusOr<v1::RecordEventsResponse> Record(const std::vector<v1::CustomerEvent>& events) {
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    for (const v1::CustomerEvent& event : events) *request.add_events() = event;
    return Call(events_stub_, &Events::RecordEvents, request);
  }
  absl::StatusOr<v1::Customer> Get(const std::string& id) {
    v1::GetCustomerRequest request;
    request.set_name("workspaces/w/customers/" + id);
    return Call(customers_, &Customers::GetCustomer, request);
  }
  absl::StatusOr<v1::ListIdentityEdgesResponse> Edges(const std::string& id, int page_size = 0,
                                                      const std::string& token = "") {
    v1::ListIdentityEdgesRequest request;
    request.set_parent("workspaces/w/customers/" + id);
    request.set_page_size(page_size);
    request.set_page_token(token);
    return Call(customers_, &Customers::ListIdentityEdges, request);
  }
};

TEST_F(IdentityTest, LinkedCustomers_AreOneUnderAnyName_UntilUnlinked) {
  ASSERT_OK(Record({Event("a1", "cookie", 1), Event("b1", "ann", 2), Link(Event("a2", "cookie", 3), "ann")}));
  for (const char* id : {"cookie", "ann"}) {
    ASSERT_OK_AND_ASSIGN(const v1::Customer customer, Get(id));
    EXPECT_EQ(customer.name(), "workspaces/w/customers/ann");
    EXPECT_EQ(customer.event_count(), 3);
    EXPECT_THAT(customer.linked_customer_ids(), ElementsAre("cookie"));
    v1::ListTimelineEntriesRequest line;
    line.set_parent(std::string("workspaces/w/customers/") + id);
    ASSERT_OK_AND_ASSIGN(const auto entries, Call(customers_, &Customers::ListTimelineEntries, line));
    ASSERT_THAT(entries.timeline_entries(), SizeIs(3));
    // Events stay as they were recorded.
    EXPECT_EQ(entries.timeline_entries(0).event().customer_id(), "cookie");
    EXPECT_EQ(entries.timeline_entries(1).event().customer_id(), "ann");
  }
  v1::ListCustomersRequest all;
  all.set_parent("workspaces/w");
  ASSERT_OK_AND_ASSIGN(const auto listed, Call(customers_, &Customers::ListCustomers, all));
  EXPECT_THAT(listed.customers(), SizeIs(1));

  ASSERT_OK(Record({Unlink(Event("x", "clerk", 4), "a2")}));
  ASSERT_OK_AND_ASSIGN(const v1::Customer cookie, Get("cookie"));
  EXPECT_EQ(cookie.event_count(), 2);
  EXPECT_THAT(cookie.linked_customer_ids(), SizeIs(0));
  ASSERT_OK_AND_ASSIGN(const auto edges, Edges("ann"));
  ASSERT_THAT(edges.identity_edges(), SizeIs(1));
  EXPECT_EQ(edges.identity_edges(0).customer_id(), "cookie");
  EXPECT_EQ(edges.identity_edges(0).linked_customer_id(), "ann");
  EXPECT_EQ(edges.identity_edges(0).event_id(), "a2");
  EXPECT_EQ(edges.identity_edges(0).link_time().seconds(), 1760000003);
  EXPECT_TRUE(edges.identity_edges(0).revoked());
}

TEST_F(IdentityTest, Edges_ComeInPages) {
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i < 5; ++i) {
    events.push_back(Link(Event("e" + std::to_string(i), "cookie" + std::to_string(i), i), "ann"));
  }
  ASSERT_OK(Record(events));
  std::vector<std::string> ids;
  std::string token;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Edges("ann", 2, token));
    for (const v1::IdentityEdge& edge : page.identity_edges()) ids.push_back(edge.event_id());
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(ids, ElementsAre("e0", "e1", "e2", "e3", "e4"));
  EXPECT_THAT(Edges("nobody"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Edges("ann", 2, "forged"), HasReason("INVALID_PAGE_TOKEN"));
}

TEST_F(IdentityTest, WrongLinks_AreRefusedOneByOne) {
  v1::CustomerEvent empty = Event("e1", "ann", 1);
  empty.mutable_identity_link();
  ASSERT_OK_AND_ASSIGN(const auto response, Record({empty, Link(Event("e2", "ann", 2), "ann"),
                                                    Unlink(Event("e3", "ann", 3), ""), Event("e4", "ann", 4)}));
  ASSERT_THAT(response.results(), SizeIs(4));
  EXPECT_EQ(response.results(3).outcome(), v1::EventResult::RECORDED);
  EXPECT_THAT(response.results(0).error().message(), HasSubstr("identity_link.customer_id: is required"));
  EXPECT_THAT(response.results(1).error().message(), HasSubstr("another customer than the event's own"));
  EXPECT_THAT(response.results(2).error().message(), HasSubstr("identity_unlink.event_id: is required"));
}

}  // namespace
}  // namespace throughline::testing
