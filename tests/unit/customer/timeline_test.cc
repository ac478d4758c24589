#include "services/customer/timeline.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "tests/support/plain_event_view.h"
#include "tests/unit/customer/sample.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::Event;
using ::throughline::testing::HasReason;
using ::throughline::testing::Map;
using ::throughline::testing::ParseProto;
using ::throughline::testing::PlainEventView;
using ::throughline::testing::SampleLifecycle;
using ::throughline::testing::StatusIs;

TimelineRequest Request(int page_size = 100) {
  TimelineRequest request;
  request.customer_id = "anna";
  request.page_size = page_size;
  return request;
}

std::vector<std::string> Names(const TimelinePage& page) {
  std::vector<std::string> names;
  for (const v1::TimelineEntry& entry : page.entries) names.push_back(entry.event().event_name());
  return names;
}

TEST(ListTimelineEntriesTest, EntrySaysStageAndTouchpoints) {
  PlainEventView view;
  view.Add(Event("anna", 5, "buy", R"pb(channel: "web")pb"));
  view.Add(Event("anna", 0, "visit"));
  view.Add(Event("ben", 1, "try"));
  const std::vector<std::shared_ptr<const CompiledMap>> maps = {
      Map("m1", R"pb(touchpoints {
                       id: "x"
                       display_name: "X"
                       event_binding { filter: "channel = web" }
                     }
                     touchpoints {
                       id: "y"
                       event_binding { event_names: "buy" }
                     })pb"),
      Map("m2", R"pb(touchpoints {
                       id: "z"
                       display_name: "Z"
                       event_binding { event_names: "buy" }
                     })pb")};
  ASSERT_OK_AND_ASSIGN(const TimelinePage page,
                       ListTimelineEntries(view, SampleLifecycle(), maps, "workspaces/w", Request()));
  EXPECT_EQ(page.next_cursor, "");
  ASSERT_THAT(page.entries, SizeIs(2));
  EXPECT_EQ(page.entries[0].lifecycle_stage(), "workspaces/w/lifecycleStages/lead");
  EXPECT_TRUE(page.entries[0].enters_lifecycle_stage());
  EXPECT_THAT(page.entries[0].touchpoints(), ::testing::IsEmpty());
  v1::TimelineEntry buy = page.entries[1];
  EXPECT_EQ(buy.record_time().seconds(), 1'000'001);
  buy.clear_event();
  buy.clear_record_time();
  EXPECT_THAT(buy, EqualsProto(R"pb(
                lifecycle_stage: "workspaces/w/lifecycleStages/customer"
                enters_lifecycle_stage: true
                touchpoints { journey_map: "workspaces/w/journeyMaps/m1" touchpoint: "x" display_name: "X" }
                touchpoints { journey_map: "workspaces/w/journeyMaps/m2" touchpoint: "z" display_name: "Z" })pb"));
}

TEST(ListTimelineEntriesTest, HiddenEvents_StillMoveTheCustomer) {
  PlainEventView view;
  view.Add(Event("anna", 0, "buy"));
  view.Add(Event("anna", 1, "visit"));
  TimelineRequest request = Request();
  ASSERT_OK_AND_ASSIGN(request.filter, Filter::ParseAndCheck("event_name = visit", EventFilterFields()));
  ASSERT_OK_AND_ASSIGN(const TimelinePage page,
                       ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", request));
  ASSERT_THAT(page.entries, SizeIs(1));
  EXPECT_EQ(page.entries[0].lifecycle_stage(), "workspaces/w/lifecycleStages/customer");
  EXPECT_FALSE(page.entries[0].enters_lifecycle_stage());
}

// Of the whole customer, whatever the moment of the event.
TEST(ListTimelineEntriesTest, TraitsAndCustomerFields_DecideInFilterMapAndLifecycle) {
  PlainEventView view;
  view.Add(Event("anna", 0, "visit"));
  view.Add(Event("anna", 1, "visit", R"(traits { key: "plan" value { string_value: "pro" } })"));
  const auto map = Map("m", R"pb(touchpoints {
                                   id: "free"
                                   event_binding { filter: "traits.plan = free" }
                                 }
                                 touchpoints {
                                   id: "pro"
                                   event_binding { filter: "traits.plan = pro" }
                                 })pb");
  Lifecycle lifecycle = SampleLifecycle();
  ASSERT_OK_AND_ASSIGN(lifecycle.stages[1].selector,
                       CompileBinding(ParseProto<v1::EventBinding>(R"pb(filter: "traits:plan")pb")));
  const auto count = [&](const std::string& filter) {
    TimelineRequest request = Request();
    const auto parsed = Filter::ParseAndCheck(filter, EventFilterFields());
    EXPECT_OK(parsed);
    request.filter = *parsed;
    const auto page = ListTimelineEntries(view, lifecycle, {map}, "workspaces/w", request);
    EXPECT_OK(page);
    for (const v1::TimelineEntry& entry : page->entries) {
      EXPECT_EQ(entry.lifecycle_stage(), "workspaces/w/lifecycleStages/trial");
      EXPECT_EQ(entry.touchpoints_size() == 1 ? entry.touchpoints(0).touchpoint() : "none", "pro");
    }
    return page->entries.size();
  };
  EXPECT_EQ(count(""), 2);
  EXPECT_EQ(count("traits.plan = pro"), 2);
  EXPECT_EQ(count("traits.plan != pro"), 0);
  EXPECT_EQ(count("customer.event_count = 2 AND customer_id = anna"), 2);
  EXPECT_EQ(count("customer.first_event_time < \"2026-01-01T00:00:01Z\""), 2);
  EXPECT_EQ(count("customer.last_event_time < \"2026-01-01T00:00:01Z\""), 0);
}

TEST(ListTimelineEntriesTest, Pages_JoinToTheWholeLine) {
  PlainEventView view;
  std::vector<std::string> all;
  for (int i = 0; i < 1300; ++i) {  // more than is copied at a time; three at each moment
    view.Add(Event("anna", i / 3, absl::StrCat("e", i), absl::StrCat("sequence: ", i % 3)));
    all.push_back(absl::StrCat("e", i));
  }
  std::vector<std::string> seen;
  TimelineRequest request = Request(400);
  int pages = 0;
  do {
    ASSERT_OK_AND_ASSIGN(const TimelinePage page,
                         ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", request));
    for (const std::string& name : Names(page)) seen.push_back(name);
    request.cursor = page.next_cursor;
    ++pages;
  } while (!request.cursor.empty());
  EXPECT_EQ(pages, 4);
  EXPECT_EQ(seen, all);
}

TEST(ListTimelineEntriesTest, LateEvents_MoveNoOtherAcrossPages) {
  PlainEventView view;
  for (int i = 0; i < 4; ++i) view.Add(Event("anna", 10 * i, absl::StrCat("e", i)));
  TimelineRequest request = Request(2);
  ASSERT_OK_AND_ASSIGN(const TimelinePage first,
                       ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", request));
  EXPECT_THAT(Names(first), ElementsAre("e0", "e1"));
  view.Add(Event("anna", 5, "late"));    // on the page that was read
  view.Add(Event("anna", 15, "later"));  // on the page to come
  request.cursor = first.next_cursor;
  ASSERT_OK_AND_ASSIGN(const TimelinePage second,
                       ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", request));
  EXPECT_THAT(Names(second), ElementsAre("later", "e2"));
}

TEST(ListTimelineEntriesTest, FullLastPage_HasNoNext) {
  PlainEventView view;
  view.Add(Event("anna", 0, "a"));
  view.Add(Event("anna", 1, "b"));
  ASSERT_OK_AND_ASSIGN(const TimelinePage page,
                       ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", Request(2)));
  EXPECT_EQ(page.next_cursor, "");
}

TEST(ListTimelineEntriesTest, ForeignCursor_IsRefused) {
  PlainEventView view;
  view.Add(Event("anna", 0, "a"));
  for (const char* cursor : {"\xFF\xFF", "x"}) {
    TimelineRequest request = Request();
    request.cursor = cursor;
    EXPECT_THAT(ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", request),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_PAGE_TOKEN")));
  }
}

TEST(ListTimelineEntriesTest, UnknownCustomer_IsNotFound) {
  PlainEventView view;
  EXPECT_THAT(ListTimelineEntries(view, SampleLifecycle(), {}, "workspaces/w", Request()),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

}  // namespace
}  // namespace throughline
