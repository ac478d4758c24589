#include "services/journey/discover.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/journey/validate.h"
#include "tests/support/matchers.h"
#include "tests/unit/journey/graph_of_runs.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::throughline::testing::AddRun;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::GraphOf;

constexpr char kWorkspace[] = "workspaces/w";

DiscoverOptions Options() {
  DiscoverOptions options;
  options.workspace_name = kWorkspace;
  return options;
}

const v1::Transition* FindTransition(const v1::JourneyMap& map, const std::string& id) {
  for (const v1::Transition& transition : map.transitions()) {
    if (transition.id() == id) return &transition;
  }
  return nullptr;
}

std::vector<std::string> TouchpointIds(const v1::JourneyMap& map) {
  std::vector<std::string> ids;
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) ids.push_back(touchpoint.id());
  return ids;
}

TEST(DiscoverJourneyMapTest, StraightRun_BecomesItsMap) {
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf({{"visit", "order_placed", "delivered"}}), Options());
  EXPECT_THAT(map, EqualsProto(R"pb(
                display_name: "Discovered journey"
                description: "Drafted from 3 events of 1 runs: 3 of 3 event names, 3 ways."
                state: CURRENT
                kind: MACRO
                phases { id: "phase-1" display_name: "Visit" }
                phases { id: "phase-2" display_name: "Order placed" }
                phases { id: "phase-3" display_name: "Delivered" }
                touchpoints {
                  id: "visit"
                  phase: "phase-1"
                  display_name: "Visit"
                  event_binding { event_names: "visit" }
                }
                touchpoints {
                  id: "order-placed"
                  phase: "phase-2"
                  display_name: "Order placed"
                  event_binding { event_names: "order_placed" }
                }
                touchpoints {
                  id: "delivered"
                  phase: "phase-3"
                  display_name: "Delivered"
                  completes_journey: true
                  event_binding { event_names: "delivered" }
                }
                transitions {
                  id: "visit-to-order-placed"
                  from_touchpoint: "visit"
                  to_touchpoint: "order-placed"
                  kind: SEQUENCE
                  expected_share: 1
                  expected_duration { seconds: 1 }
                }
                transitions {
                  id: "order-placed-to-delivered"
                  from_touchpoint: "order-placed"
                  to_touchpoint: "delivered"
                  kind: SEQUENCE
                  expected_share: 1
                  expected_duration { seconds: 1 }
                }
                transitions { id: "delivered-exit" from_touchpoint: "delivered" kind: EXIT expected_share: 1 }
                instance_rule {})pb"));
}

TEST(DiscoverJourneyMapTest, EmptyGraph_IsAMapWithoutTouchpoints) {
  const v1::JourneyMap map = DiscoverJourneyMap(TransitionGraph(), Options());
  EXPECT_THAT(map.touchpoints(), IsEmpty());
  EXPECT_THAT(map.phases(), IsEmpty());
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

TEST(DiscoverJourneyMapTest, WaysAreNamedByWhereTheyLead) {
  // a → b → c → d → e; back from c to b; c skips to e; b branches to d; runs end in b, too.
  std::vector<std::vector<std::string>> runs;
  for (int i = 0; i < 50; ++i) runs.push_back({"a", "b", "c", "d", "e"});
  for (int i = 0; i < 20; ++i) runs.push_back({"a", "b", "c", "b", "c", "d", "e"});
  for (int i = 0; i < 10; ++i) runs.push_back({"a", "b", "c", "e"});
  for (int i = 0; i < 20; ++i) runs.push_back({"a", "b"});
  runs.push_back({"a", "b", "b", "d", "e"});
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf(runs), Options());
  EXPECT_THAT(TouchpointIds(map), ElementsAre("a", "b", "c", "d", "e"));
  const auto kind = [&](const std::string& id) {
    const v1::Transition* transition = FindTransition(map, id);
    return transition == nullptr ? v1::Transition::KIND_UNSPECIFIED : transition->kind();
  };
  EXPECT_EQ(kind("a-to-b"), v1::Transition::SEQUENCE);
  EXPECT_EQ(kind("b-to-c"), v1::Transition::SEQUENCE);
  EXPECT_EQ(kind("c-to-b"), v1::Transition::LOOP);
  EXPECT_EQ(kind("c-to-d"), v1::Transition::SEQUENCE);
  EXPECT_EQ(kind("c-to-e"), v1::Transition::SKIP);
  EXPECT_EQ(kind("b-exit"), v1::Transition::EXIT);
  EXPECT_EQ(FindTransition(map, "b-to-d"), nullptr) << "less than 5 % of those who leave b";
  EXPECT_DOUBLE_EQ(FindTransition(map, "c-to-b")->expected_share(), 20.0 / 100);
  EXPECT_DOUBLE_EQ(FindTransition(map, "b-exit")->expected_share(), 20.0 / 122);
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

TEST(DiscoverJourneyMapTest, Completion_IsWhereRunsMostlyEnd_NotWhereCustomersDropOut) {
  std::vector<std::vector<std::string>> runs;
  for (int i = 0; i < 60; ++i) runs.push_back({"signup"});
  for (int i = 0; i < 20; ++i) runs.push_back({"signup", "try", "buy"});
  for (int i = 0; i < 20; ++i) runs.push_back({"signup", "try", "cancel"});
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf(runs), Options());
  std::vector<std::string> completing;
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
    if (touchpoint.completes_journey()) completing.push_back(touchpoint.id());
  }
  EXPECT_THAT(completing, ElementsAre("buy", "cancel"));
}

TEST(DiscoverJourneyMapTest, Phases_AreCutAtTheGaps) {
  // Three groups of three, each run in a random order within its groups: the groups' places hardly differ.
  std::mt19937 random(1);
  std::vector<std::vector<std::string>> runs;
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> run;
    for (const char* group : {"a", "b", "c"}) {
      std::vector<std::string> part;
      for (int k = 0; k < 3; ++k) part.push_back(absl::StrCat(group, k));
      std::shuffle(part.begin(), part.end(), random);
      run.insert(run.end(), part.begin(), part.end());
    }
    runs.push_back(run);
  }
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf(runs), Options());
  ASSERT_EQ(map.phases_size(), 3);
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
    EXPECT_EQ(touchpoint.phase(), absl::StrCat("phase-", touchpoint.id()[0] - 'a' + 1)) << touchpoint.id();
  }
  EXPECT_THAT(map.phases(0).display_name(), ::testing::StartsWith("Beginning with A"));
  EXPECT_THAT(map.phases(1).display_name(), ::testing::StartsWith("Around B"));
  EXPECT_THAT(map.phases(2).display_name(), ::testing::StartsWith("Ending with C"));
}

TEST(DiscoverJourneyMapTest, WhatOnlyLongRunsReach_ComesAfterWhatItFollows) {
  // Most runs end after the check, which is the middle of those; in the long ones it stands at the beginning.
  std::vector<std::vector<std::string>> runs;
  for (int i = 0; i < 70; ++i) runs.push_back({"submit", "check", "decline"});
  for (int i = 0; i < 30; ++i) {
    runs.push_back({"submit", "check", "accept", "offer", "call", "call", "call", "call", "call", "pay"});
  }
  const TransitionGraph graph = GraphOf(runs);
  const auto place = [&](const char* name) {
    const TransitionGraph::Node& node = graph.nodes.at(name);
    return static_cast<double>(node.place_millionths) / static_cast<double>(node.events);
  };
  ASSERT_LT(place("accept"), place("check")) << "by place alone the order would be wrong";
  EXPECT_THAT(TouchpointIds(DiscoverJourneyMap(graph, Options())),
              ElementsAre("submit", "check", "accept", "offer", "call", "pay", "decline"));
}

TEST(DiscoverJourneyMapTest, Circles_DoNotBreakTheOrder) {
  // Every run goes round three times: each step is mostly reached from the one behind it.
  std::vector<std::vector<std::string>> runs(10, {"in", "a", "b", "c", "a", "b", "c", "a", "b", "c", "out"});
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf(runs), Options());
  EXPECT_THAT(TouchpointIds(map), ElementsAre("in", "a", "b", "c", "out"));
  EXPECT_EQ(FindTransition(map, "c-to-a")->kind(), v1::Transition::LOOP);
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

TEST(DiscoverJourneyMapTest, EvenRun_HasThreeToSevenPhasesInOrder) {
  for (const int length : {1, 2, 3, 4, 8, 20, 40}) {
    std::vector<std::string> run;
    for (int i = 0; i < length; ++i) run.push_back(absl::StrCat("step", 100 + i));
    const v1::JourneyMap map = DiscoverJourneyMap(GraphOf({run}), Options());
    EXPECT_GE(map.phases_size(), std::min(length, 3)) << length;
    EXPECT_LE(map.phases_size(), 7) << length;
    EXPECT_EQ(map.touchpoints_size(), length);
    EXPECT_TRUE(std::is_sorted(map.touchpoints().begin(), map.touchpoints().end(),
                               [](const auto& left, const auto& right) { return left.phase() < right.phase(); }));
  }
}

TEST(DiscoverJourneyMapTest, RunsOfOneEvent_AreOnePhase) {
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf({{"a"}, {"b"}, {"c"}, {"c"}}), Options());
  EXPECT_EQ(map.phases_size(), 1);
  EXPECT_THAT(TouchpointIds(map), ElementsAre("c", "a", "b"));  // most starts first
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

TEST(DiscoverJourneyMapTest, OnlyTheMostFrequent_BecomeTouchpoints) {
  DiscoverOptions options = Options();
  options.touchpoint_count_max = 2;
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf({{"a", "rare", "b"}, {"a", "b"}, {"a", "b"}}), options);
  EXPECT_THAT(TouchpointIds(map), ElementsAre("a", "b"));
  // Shares are of all who leave, also those whose next event is no touchpoint.
  EXPECT_DOUBLE_EQ(FindTransition(map, "a-to-b")->expected_share(), 2.0 / 3);
}

TEST(DiscoverJourneyMapTest, ChannelAndDepartment_AreTheTypicalOnes) {
  TransitionGraph graph;
  AddRun({{"a", 0, "web", "sales"}, {"b", 1, "web", "nobody"}, {"c", 2, "phone", "support"}}, graph);
  AddRun({{"a", 0, "app", "sales"}, {"b", 1, "web", "nobody"}, {"c", 2, "mail", "support"}}, graph);
  AddRun({{"a", 0, "web", "sales"}, {"b", 1, "web", "nobody"}, {"c", 2, "web", ""}}, graph);
  DiscoverOptions options = Options();
  options.department_ids = {"sales", "support"};
  const v1::JourneyMap map = DiscoverJourneyMap(graph, options);
  EXPECT_EQ(map.touchpoints(0).channel(), "web");
  EXPECT_EQ(map.touchpoints(0).department(), "workspaces/w/departments/sales");
  EXPECT_EQ(map.touchpoints(1).department(), "") << "no such department";
  EXPECT_EQ(map.touchpoints(2).channel(), "") << "no channel has half of the events";
  EXPECT_EQ(map.touchpoints(2).department(), "workspaces/w/departments/support");
}

TEST(DiscoverJourneyMapTest, FilterAndRunRule_BecomePartOfTheMap) {
  DiscoverOptions options = Options();
  options.display_name = "Orders";
  options.filter = "source = \"shop\"";
  options.correlation_property = "order_id";
  const v1::JourneyMap map = DiscoverJourneyMap(GraphOf({{"a", "b"}}), options);
  EXPECT_EQ(map.display_name(), "Orders");
  EXPECT_EQ(map.instance_rule().correlation_property(), "order_id");
  EXPECT_EQ(map.touchpoints(0).event_binding().filter(), "source = \"shop\"");
}

TEST(DiscoverJourneyMapTest, NamesThatReadAlike_GetIdsOfTheirOwn) {
  const v1::JourneyMap map =
      DiscoverJourneyMap(GraphOf({{"order.placed", "order_placed", "phase-1", "注文", "__"}}), Options());
  EXPECT_THAT(TouchpointIds(map),
              ElementsAre("order-placed", "order-placed-2", "phase-1", "touchpoint", "touchpoint-2"));
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

// Random graphs with loops, ties and rare names: always valid, and the same whatever order the runs came in.
TEST(DiscoverJourneyMapTest, RandomRuns_GiveAValidMapWhateverTheirOrder) {
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    const int names = 1 + static_cast<int>(random() % 30);
    std::vector<std::vector<std::string>> runs(1 + random() % 60);
    for (std::vector<std::string>& run : runs) {
      run.resize(1 + random() % 12);
      for (std::string& name : run) name = absl::StrCat("Event_", random() % static_cast<unsigned>(names));
    }
    DiscoverOptions options = Options();
    options.touchpoint_count_max = 1 + static_cast<int>(random() % 20);
    options.transition_share_min = round % 3 == 0 ? 0 : 0.1;
    const v1::JourneyMap map = DiscoverJourneyMap(GraphOf(runs), options);
    EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
    EXPECT_LE(map.phases_size(), 7);
    EXPECT_TRUE(std::any_of(map.touchpoints().begin(), map.touchpoints().end(),
                            [](const v1::Touchpoint& touchpoint) { return touchpoint.completes_journey(); }) ||
                options.touchpoint_count_max < names);
    std::shuffle(runs.begin(), runs.end(), random);
    EXPECT_EQ(DiscoverJourneyMap(GraphOf(runs), options).SerializeAsString(), map.SerializeAsString());
  }
}

}  // namespace
}  // namespace throughline
