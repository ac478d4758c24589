#include "services/customer/instances.h"

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
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::Event;
using ::throughline::testing::HasReason;
using ::throughline::testing::Map;
using ::throughline::testing::Second;
using ::throughline::testing::StatusIs;

using Instance = v1::JourneyInstance;

// a → b (10 s) or c (30 s); b → c, whenever; c completes. Abandoned after 100 s.
constexpr char kMapText[] = R"pb(
  touchpoints {
    id: "a"
    event_binding { event_names: "a" }
  }
  touchpoints {
    id: "b"
    event_binding { event_names: "b" }
  }
  touchpoints {
    id: "c"
    event_binding { event_names: "c" }
    completes_journey: true
  }
  transitions {
    id: "ab"
    from_touchpoint: "a"
    to_touchpoint: "b"
    kind: SEQUENCE
    expected_share: 0.6
    expected_duration { seconds: 10 }
  }
  transitions {
    id: "ac"
    from_touchpoint: "a"
    to_touchpoint: "c"
    kind: BRANCH
    expected_share: 0.4
    expected_duration { seconds: 30 }
  }
  transitions { id: "bc" from_touchpoint: "b" to_touchpoint: "c" }
  instance_rule { abandon_after { seconds: 100 } })pb";

std::vector<Instance> Runs(const CompiledMap& map, const std::vector<v1::CustomerEvent>& events, absl::Time now) {
  const CustomerFacts anna;
  InstanceBuilder builder(map, "workspaces/w/customers/anna", anna);
  for (const v1::CustomerEvent& event : events) builder.Add(event);
  return std::move(builder).Finish(now);
}

TEST(InstanceBuilderTest, RunHasVisitsPositionAndWhatIsExpected) {
  const auto map = Map("m", kMapText);
  EXPECT_THAT(Runs(*map, {Event("anna", 0, "a"), Event("anna", 1, "noise")}, Second(10)), ElementsAre(EqualsProto(R"pb(
                journey_map: "workspaces/w/journeyMaps/m"
                version: "workspaces/w/journeyMaps/m/versions/1"
                customer: "workspaces/w/customers/anna"
                status: ACTIVE
                position: "a"
                visits {
                  touchpoint: "a"
                  visit_time { seconds: 1767225600 }
                  event_source: "test"
                  event_id: "anna-a-0"
                }
                next_touchpoint: "b"
                next_expected_time { seconds: 1767225610 })pb")));
}

TEST(InstanceBuilderTest, NoVisit_IsNoRun) {
  EXPECT_THAT(Runs(*Map("m", kMapText), {Event("anna", 0, "noise")}, Second(10)), IsEmpty());
}

TEST(InstanceBuilderTest, Status_FollowsTheTimeSinceTheLastVisit) {
  const auto map = Map("m", kMapText);
  const auto status = [&](const std::vector<v1::CustomerEvent>& events, int64_t now) {
    return Runs(*map, events, Second(now)).at(0).status();
  };
  const std::vector<v1::CustomerEvent> at_a = {Event("anna", 0, "a")};
  EXPECT_EQ(status(at_a, 30), Instance::ACTIVE) << "the longest way out takes 30 s";
  EXPECT_EQ(status(at_a, 31), Instance::STALLED);
  EXPECT_EQ(status(at_a, 100), Instance::STALLED);
  EXPECT_EQ(status(at_a, 101), Instance::ABANDONED) << "abandoned comes before stalled";
  const std::vector<v1::CustomerEvent> at_b = {Event("anna", 0, "a"), Event("anna", 50, "b")};
  EXPECT_EQ(status(at_b, 150), Instance::ACTIVE) << "the way out of b states no duration";
  EXPECT_EQ(status(at_b, 151), Instance::ABANDONED);
  EXPECT_EQ(status({Event("anna", 0, "c")}, 1000), Instance::COMPLETED) << "completed comes before abandoned";
  EXPECT_EQ(status({Event("anna", 0, "c"), Event("anna", 1, "a")}, 1000), Instance::COMPLETED)
      << "what follows does not undo it";
  EXPECT_EQ(status(at_a, -5), Instance::ACTIVE) << "events may lie ahead of the clock";
}

TEST(InstanceBuilderTest, FinishedRuns_ExpectNothing) {
  const auto map = Map("m", kMapText);
  for (const auto& [events, now] : {std::pair{std::vector{Event("anna", 0, "c"), Event("anna", 1, "a")}, 2},
                                    {std::vector{Event("anna", 0, "a")}, 101}}) {
    const Instance run = Runs(*map, events, Second(now)).at(0);
    EXPECT_EQ(run.position(), "a");
    EXPECT_EQ(run.next_touchpoint(), "");
    EXPECT_FALSE(run.has_next_expected_time());
  }
  EXPECT_EQ(Runs(*map, {Event("anna", 0, "a")}, Second(50)).at(0).next_touchpoint(), "b") << "stalled: overdue";
}

TEST(InstanceBuilderTest, NextTouchpoint_IsTheLikeliestWayOn) {
  const auto next = [&](const std::string& transitions) {
    const auto map = Map("m", absl::StrCat(R"pb(touchpoints {
                                                  id: "a"
                                                  event_binding { event_names: "a" }
                                                }
                                                touchpoints { id: "b" }
                                                touchpoints { id: "c" }
                                                touchpoints { id: "d" })pb",
                                           transitions));
    return Runs(*map, {Event("anna", 0, "a")}, Second(1)).at(0).next_touchpoint();
  };
  EXPECT_EQ(next(""), "");
  EXPECT_EQ(next(R"pb(transitions { from_touchpoint: "a" to_touchpoint: "b" kind: LOOP expected_share: 0.9 }
                      transitions { from_touchpoint: "a" kind: EXIT expected_share: 0.05 }
                      transitions { from_touchpoint: "a" to_touchpoint: "c" kind: BRANCH expected_share: 0.05 })pb"),
            "c")
      << "neither back nor out";
  EXPECT_EQ(next(R"pb(transitions { from_touchpoint: "a" to_touchpoint: "b" kind: BRANCH expected_share: 0.3 }
                      transitions { from_touchpoint: "a" to_touchpoint: "c" kind: SEQUENCE })pb"),
            "c")
      << "what is left over is .7";
  EXPECT_EQ(next(R"pb(transitions { from_touchpoint: "a" to_touchpoint: "b" kind: BRANCH expected_share: 0.6 }
                      transitions { from_touchpoint: "a" to_touchpoint: "c" }
                      transitions { from_touchpoint: "a" to_touchpoint: "d" })pb"),
            "b")
      << ".2 each for the others";
}

TEST(InstanceBuilderTest, CorrelationProperty_TellsRunsApart) {
  const auto map = Map("m", R"pb(touchpoints {
                                   id: "a"
                                   event_binding { event_names: "a" }
                                 }
                                 touchpoints {
                                   id: "b"
                                   event_binding { event_names: "b" }
                                   completes_journey: true
                                 }
                                 instance_rule { correlation_property: "order" })pb");
  const auto order = [](const std::string& value) {
    return absl::StrCat("properties { key: \"order\" value { ", value, " } }");
  };
  const std::vector<Instance> runs =
      Runs(*map,
           {Event("anna", 0, "a", order("string_value: \"x\"")), Event("anna", 1, "a", order("string_value: \"5\"")),
            Event("anna", 2, "b", order("string_value: \"x\"")), Event("anna", 3, "a", order("number_value: 5")),
            Event("anna", 4, "b"), Event("anna", 5, "b", order("null_value: NULL_VALUE"))},
           Second(10));
  ASSERT_THAT(runs, SizeIs(3));
  EXPECT_EQ(runs[0].correlation_value(), "x");
  EXPECT_THAT(runs[0].visits(), SizeIs(2));
  EXPECT_EQ(runs[0].status(), Instance::COMPLETED);
  EXPECT_EQ(runs[1].correlation_value(), "5");
  EXPECT_EQ(runs[2].correlation_value(), "5") << "the number is another value than the text";
  EXPECT_EQ(runs[2].status(), Instance::ACTIVE) << "events without the property belong to no run";
}

TEST(ListJourneyInstancesTest, PagesRunThroughAllMaps) {
  testing::PlainEventView view;
  for (int i = 0; i < 5; ++i) {
    view.Add(Event("anna", i, "a", absl::StrCat("properties { key: \"o\" value { number_value: ", i, " } }")));
  }
  const char* const rule = R"pb(touchpoints {
                                  id: "a"
                                  event_binding { event_names: "a" }
                                }
                                instance_rule { correlation_property: "o" })pb";
  const std::vector<std::shared_ptr<const CompiledMap>> maps = {Map("m1", rule), Map("m2", kMapText), Map("m3", rule)};
  std::vector<std::string> seen;
  int64_t offset = 0;
  int pages = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const InstancePage page,
                         ListJourneyInstances(view, maps, "workspaces/w", "anna", offset, 4, Second(10)));
    ++pages;
    for (const Instance& run : page.instances) {
      seen.push_back(run.journey_map().substr(25) + "/" + run.correlation_value());
    }
    if (!page.next_offset.has_value()) break;
    offset = *page.next_offset;
  }
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(seen, ElementsAre("m1/0", "m1/1", "m1/2", "m1/3", "m1/4", "m2/", "m3/0", "m3/1", "m3/2", "m3/3", "m3/4"));
}

TEST(ListJourneyInstancesTest, UnknownCustomer_IsNotFound) {
  testing::PlainEventView view;
  EXPECT_THAT(ListJourneyInstances(view, {}, "workspaces/w", "anna", 0, 10, Second(0)),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

}  // namespace
}  // namespace throughline
