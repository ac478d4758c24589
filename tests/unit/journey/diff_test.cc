#include "services/journey/diff.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::ParseProto;

v1::JourneyMap MapOf(const std::vector<std::string>& touchpoints, const std::string& phase = "buy") {
  v1::JourneyMap map;
  map.set_display_name("Map");
  map.add_phases()->set_id(phase);
  for (const std::string& id : touchpoints) {
    v1::Touchpoint& touchpoint = *map.add_touchpoints();
    touchpoint.set_id(id);
    touchpoint.set_display_name("T " + id);
    touchpoint.set_phase(phase);
  }
  return map;
}

TEST(DiffJourneyMapsTest, SameMap_IsEmpty) {
  const v1::JourneyMap map = MapOf({"a", "b"});
  EXPECT_THAT(DiffJourneyMaps(map, map), IsEmpty());
}

TEST(DiffJourneyMapsTest, DerivedFieldsAlone_AreNoChange) {
  v1::JourneyMap before = MapOf({"a"});
  v1::JourneyMap after = before;
  after.set_etag("7");
  after.set_revision_id("7");
  after.mutable_update_time()->set_seconds(5);
  EXPECT_THAT(DiffJourneyMaps(before, after), IsEmpty());
}

TEST(DiffJourneyMapsTest, FieldsOfTheMap_ComeFirstWithValuesAsJson) {
  v1::JourneyMap before = MapOf({"a"});
  v1::JourneyMap after = before;
  after.set_display_name("New \"name\"");
  after.set_kind(v1::JourneyMap::MICRO);
  after.mutable_instance_rule()->set_correlation_property("order_id");
  after.mutable_touchpoints(0)->set_completes_journey(true);
  EXPECT_THAT(DiffJourneyMaps(before, after),
              ElementsAre(EqualsProto(R"pb(kind: CHANGED
                                           display_name: "New \"name\""
                                           field: "display_name"
                                           before: "\"Map\""
                                           after: "\"New \\\"name\\\"\"")pb"),
                          EqualsProto(R"pb(kind: CHANGED
                                           display_name: "New \"name\""
                                           field: "kind"
                                           before: "\"KIND_UNSPECIFIED\""
                                           after: "\"MICRO\"")pb"),
                          EqualsProto(R"pb(kind: CHANGED
                                           display_name: "New \"name\""
                                           field: "instance_rule"
                                           before: "null"
                                           after: "{\"correlation_property\":\"order_id\"}")pb"),
                          EqualsProto(R"pb(kind: CHANGED
                                           subject: "touchpoints/a"
                                           display_name: "T a"
                                           field: "completes_journey"
                                           before: "false"
                                           after: "true")pb")));
}

TEST(DiffJourneyMapsTest, ElementsAreMatchedById) {
  const v1::JourneyMap before = MapOf({"a", "b", "c"});
  const v1::JourneyMap after = MapOf({"a", "d", "c"});
  EXPECT_THAT(DiffJourneyMaps(before, after),
              ElementsAre(EqualsProto(R"pb(kind: ADDED subject: "touchpoints/d" display_name: "T d")pb"),
                          EqualsProto(R"pb(kind: REMOVED subject: "touchpoints/b" display_name: "T b")pb")));
}

TEST(DiffJourneyMapsTest, RepeatedFieldsAndPresence_AreCompared) {
  v1::JourneyMap before = MapOf({"a"});
  v1::Transition& transition = *before.add_transitions();
  transition.set_id("x");
  v1::JourneyMap after = before;
  after.mutable_touchpoints(0)->add_gains("fast");
  after.mutable_transitions(0)->set_expected_share(0);
  EXPECT_THAT(DiffJourneyMaps(before, after), ElementsAre(EqualsProto(R"pb(kind: CHANGED
                                                                           subject: "touchpoints/a"
                                                                           display_name: "T a"
                                                                           field: "gains"
                                                                           before: "[]"
                                                                           after: "[\"fast\"]")pb"),
                                                          EqualsProto(R"pb(kind: CHANGED
                                                                           subject: "transitions/x"
                                                                           display_name: "x"
                                                                           field: "expected_share"
                                                                           before: "null"
                                                                           after: "0")pb")));
}

TEST(DiffJourneyMapsTest, OneElementPastOthers_IsOneMove) {
  const v1::JourneyMap before = MapOf({"a", "b", "c", "d", "e"});
  EXPECT_THAT(DiffJourneyMaps(before, MapOf({"b", "c", "d", "e", "a"})),
              ElementsAre(EqualsProto(R"pb(kind: MOVED
                                           subject: "touchpoints/a"
                                           display_name: "T a"
                                           before: "{\"phase\":\"buy\",\"index\":0}"
                                           after: "{\"phase\":\"buy\",\"index\":4}")pb")));
  EXPECT_THAT(DiffJourneyMaps(before, MapOf({"e", "a", "b", "c", "d"})),
              ElementsAre(EqualsProto(R"pb(kind: MOVED
                                           subject: "touchpoints/e"
                                           display_name: "T e"
                                           before: "{\"phase\":\"buy\",\"index\":4}"
                                           after: "{\"phase\":\"buy\",\"index\":0}")pb")));
}

TEST(DiffJourneyMapsTest, AddedAndRemovedNeighbours_MoveNothing) {
  EXPECT_THAT(DiffJourneyMaps(MapOf({"a", "b", "c"}), MapOf({"x", "b", "y", "c"})),
              ElementsAre(EqualsProto(R"pb(kind: ADDED subject: "touchpoints/x" display_name: "T x")pb"),
                          EqualsProto(R"pb(kind: ADDED subject: "touchpoints/y" display_name: "T y")pb"),
                          EqualsProto(R"pb(kind: REMOVED subject: "touchpoints/a" display_name: "T a")pb")));
}

TEST(DiffJourneyMapsTest, AnotherPhase_IsOneMoveWhateverTheOrder) {
  v1::JourneyMap before = MapOf({"a", "b", "c"});
  before.add_phases()->set_id("use");
  v1::JourneyMap after = before;
  after.mutable_touchpoints(0)->set_phase("use");
  after.mutable_touchpoints()->SwapElements(0, 2);  // c b a
  after.mutable_touchpoints()->SwapElements(0, 1);  // b c a
  EXPECT_THAT(DiffJourneyMaps(before, after),
              ElementsAre(EqualsProto(R"pb(kind: MOVED
                                           subject: "touchpoints/a"
                                           display_name: "T a"
                                           before: "{\"phase\":\"buy\",\"index\":0}"
                                           after: "{\"phase\":\"use\",\"index\":2}")pb")));
}

// Fewest moves: for random orders, as many as elements outside a longest increasing subsequence, found by trying all.
TEST(DiffJourneyMapsTest, RandomOrders_ReportFewestMoves) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> ids = {"a", "b", "c", "d", "e", "f", "g"};
    const v1::JourneyMap before = MapOf(ids);
    std::shuffle(ids.begin(), ids.end(), random);
    size_t longest = 0;
    for (unsigned subset = 0; subset < 1u << ids.size(); ++subset) {
      std::vector<std::string> kept;
      for (size_t i = 0; i < ids.size(); ++i) {
        if (subset >> i & 1) kept.push_back(ids[i]);
      }
      if (std::is_sorted(kept.begin(), kept.end())) longest = std::max(longest, kept.size());
    }
    const std::vector<v1::JourneyMapChange> changes = DiffJourneyMaps(before, MapOf(ids));
    EXPECT_EQ(changes.size(), ids.size() - longest) << round;
    for (const v1::JourneyMapChange& change : changes) EXPECT_EQ(change.kind(), v1::JourneyMapChange::MOVED);
  }
}

}  // namespace
}  // namespace throughline
