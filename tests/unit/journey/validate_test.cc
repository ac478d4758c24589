#include "services/journey/validate.h"

#include <functional>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using ::throughline::testing::HasFieldViolation;
using ::throughline::testing::ParseProto;
using ::throughline::testing::StatusIs;

constexpr char kWorkspace[] = "workspaces/w";

v1::JourneyMap ValidMap() {
  return ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/journeyMaps/m"
    display_name: "Order to review"
    personas: "workspaces/w/personas/anna"
    phases { id: "buy" display_name: "Buy" lifecycle_stage: "workspaces/w/lifecycleStages/purchase" }
    touchpoints {
      id: "order"
      phase: "buy"
      display_name: "Order"
      channel: "web"
      department: "workspaces/w/departments/sales"
      importance: 7
      expected_level: 1
      pain_points: "slow"
      backstage_systems: "shop"
      emotions { level: -2 }
      emotions { persona: "workspaces/w/personas/anna" level: 2 origin: MEASURED }
      event_binding { event_names: "ordered" filter: "channel = \"web\" AND properties.plan = pro" }
      linked_map: "workspaces/w/journeyMaps/other"
    }
    touchpoints { id: "review" phase: "buy" display_name: "Review" completes_journey: true }
    transitions {
      id: "t1"
      from_touchpoint: "order"
      to_touchpoint: "review"
      kind: SEQUENCE
      expected_share: 0.7
      expected_duration { seconds: 86400 }
    }
    transitions { id: "t2" from_touchpoint: "order" kind: EXIT expected_share: 0.3 }
    instance_rule {
      correlation_property: "order_id"
      abandon_after { seconds: 864000 }
    })pb");
}

TEST(ValidateJourneyMapTest, ValidMap_IsOk) { EXPECT_OK(ValidateJourneyMapContent(ValidMap(), kWorkspace)); }

struct Mistake {
  const char* field;
  std::function<void(v1::JourneyMap&)> make;
};

class ValidateJourneyMapMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ValidateJourneyMapMistakeTest, OneMistake_IsTheOnlyViolation) {
  v1::JourneyMap map = ValidMap();
  GetParam().make(map);
  const absl::Status status = ValidateJourneyMapContent(map, kWorkspace);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation(GetParam().field)));
  EXPECT_EQ(GetFieldViolations(status).size(), 1u) << status;
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

v1::Touchpoint& T0(v1::JourneyMap& map) { return *map.mutable_touchpoints(0); }
v1::Transition& W0(v1::JourneyMap& map) { return *map.mutable_transitions(0); }

std::vector<Mistake> Mistakes() {
  using M = v1::JourneyMap;
  return {
      {"display_name", [](M& m) { m.clear_display_name(); }},
      {"display_name", [](M& m) { m.set_display_name("  "); }},
      {"display_name", [](M& m) { m.set_display_name("two\nlines"); }},
      {"display_name", [](M& m) { m.set_display_name(std::string(201, 'x')); }},
      {"display_name", [](M& m) { m.set_display_name("\xC3"); }},
      {"description", [](M& m) { m.set_description(std::string(10001, 'x')); }},
      {"state", [](M& m) { m.set_state(static_cast<M::State>(9)); }},
      {"kind", [](M& m) { m.set_kind(static_cast<M::Kind>(9)); }},
      {"personas[1]", [](M& m) { m.add_personas("workspaces/other/personas/anna"); }},
      {"personas[1]", [](M& m) { m.add_personas("workspaces/w/personas/anna"); }},
      {"phases[0].lifecycle_stage", [](M& m) { m.mutable_phases(0)->set_lifecycle_stage("purchase"); }},
      {"phases[1].id", [](M& m) { *m.add_phases() = m.phases(0); }},
      {"touchpoints[0].id",
       [](M& m) {
         T0(m).set_id("buy"), W0(m).set_from_touchpoint("buy"), m.mutable_transitions(1)->set_from_touchpoint("buy");
       }},
      {"touchpoints[1].id",
       [](M& m) { m.mutable_touchpoints(1)->set_id("Review"), W0(m).set_to_touchpoint("Review"); }},
      {"touchpoints[1].phase", [](M& m) { m.mutable_touchpoints(1)->set_phase("use"); }},
      {"touchpoints[1].phase", [](M& m) { m.mutable_touchpoints(1)->clear_phase(); }},
      {"touchpoints[0].channel", [](M& m) { T0(m).set_channel(std::string(129, 'c')); }},
      {"touchpoints[0].department", [](M& m) { T0(m).set_department("workspaces/v/departments/sales"); }},
      {"touchpoints[0].department", [](M& m) { T0(m).set_department("workspaces/w/personas/anna"); }},
      {"touchpoints[0].importance", [](M& m) { T0(m).set_importance(8); }},
      {"touchpoints[0].expected_level", [](M& m) { T0(m).set_expected_level(-1); }},
      {"touchpoints[0].emotions[1].level", [](M& m) { T0(m).mutable_emotions(1)->set_level(2.01); }},
      {"touchpoints[0].emotions[0].level", [](M& m) { T0(m).mutable_emotions(0)->set_level(kNan); }},
      {"touchpoints[0].emotions[0].level", [](M& m) { T0(m).mutable_emotions(0)->set_level(-kInfinity); }},
      {"touchpoints[0].emotions[2].persona", [](M& m) { T0(m).add_emotions(); }},
      {"touchpoints[0].pain_points[1]", [](M& m) { T0(m).add_pain_points(std::string(1001, 'x')); }},
      {"touchpoints[0].gains",
       [](M& m) {
         for (int i = 0; i < 51; ++i) T0(m).add_gains("g");
       }},
      {"touchpoints[0].backstage_systems[1]", [](M& m) { T0(m).add_backstage_systems(std::string(201, 'x')); }},
      {"touchpoints[0].event_binding.event_names[1]", [](M& m) { T0(m).mutable_event_binding()->add_event_names(""); }},
      {"touchpoints[0].event_binding.filter", [](M& m) { T0(m).mutable_event_binding()->set_filter("channel ="); }},
      {"touchpoints[0].event_binding.filter", [](M& m) { T0(m).mutable_event_binding()->set_filter("color = red"); }},
      {"touchpoints[0].event_binding.filter", [](M& m) { T0(m).mutable_event_binding()->set_filter("score = \"x\""); }},
      {"touchpoints[0].linked_map", [](M& m) { T0(m).set_linked_map(m.name()); }},
      {"transitions[0].id", [](M& m) { W0(m).clear_id(); }},
      {"transitions[1].id", [](M& m) { m.mutable_transitions(1)->set_id("t1"); }},
      {"transitions[0].from_touchpoint", [](M& m) { W0(m).set_from_touchpoint("nowhere"); }},
      {"transitions[0].to_touchpoint", [](M& m) { W0(m).clear_to_touchpoint(); }},
      {"transitions[1].to_touchpoint", [](M& m) { m.mutable_transitions(1)->set_to_touchpoint("nowhere"); }},
      {"transitions[0].kind", [](M& m) { W0(m).set_kind(static_cast<v1::Transition::Kind>(17)); }},
      {"transitions[0].expected_share", [](M& m) { W0(m).set_expected_share(1.1); }},
      {"transitions[0].expected_share", [](M& m) { W0(m).set_expected_share(kNan); }},
      {"transitions[1].expected_share", [](M& m) { m.mutable_transitions(1)->set_expected_share(0.31); }},
      {"transitions[0].expected_duration", [](M& m) { W0(m).mutable_expected_duration()->set_seconds(0); }},
      {"transitions[0].expected_duration", [](M& m) { W0(m).mutable_expected_duration()->set_seconds(-1); }},
      {"transitions[0].expected_duration",
       [](M& m) { W0(m).mutable_expected_duration()->set_seconds(std::numeric_limits<int64_t>::min()); }},
      {"transitions[0].expected_duration", [](M& m) { W0(m).mutable_expected_duration()->set_nanos(-1); }},
      {"instance_rule.abandon_after",
       [](M& m) { m.mutable_instance_rule()->mutable_abandon_after()->set_seconds(400'000'000'000); }},
      {"instance_rule.correlation_property",
       [](M& m) { m.mutable_instance_rule()->set_correlation_property(std::string(129, 'p')); }},
      {"",
       [](M& m) {
         for (int i = 0; i < 400; ++i) m.add_phases()->set_description(std::string(10000, 'x'));
       }},
  };
}

INSTANTIATE_TEST_SUITE_P(, ValidateJourneyMapMistakeTest, ::testing::ValuesIn(Mistakes()));

TEST(ValidateJourneyMapTest, EveryMistake_IsReportedAtOnce) {
  v1::JourneyMap map = ValidMap();
  map.clear_display_name();
  map.mutable_touchpoints(0)->set_importance(9);
  map.mutable_touchpoints(1)->set_phase("nowhere");
  map.mutable_transitions(0)->set_expected_share(-1);
  const absl::Status status = ValidateJourneyMapContent(map, kWorkspace);
  for (const char* field :
       {"display_name", "touchpoints[0].importance", "touchpoints[1].phase", "transitions[0].expected_share"}) {
    EXPECT_THAT(status, HasFieldViolation(field));
  }
  EXPECT_EQ(GetFieldViolations(status).size(), 4u);
}

TEST(ValidateJourneyMapTest, SharesThatMissOneByRounding_AreFine) {
  v1::JourneyMap map = ValidMap();
  map.clear_transitions();
  for (int i = 0; i < 10; ++i) {
    v1::Transition& transition = *map.add_transitions();
    transition.set_id(absl::StrCat("t", i));
    transition.set_from_touchpoint("order");
    transition.set_to_touchpoint("review");
    transition.set_expected_share(0.1);
  }
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

TEST(ValidateJourneyMapTest, LimitsCountCharactersNotBytes) {
  v1::JourneyMap map = ValidMap();
  std::string name;
  for (int i = 0; i < 200; ++i) name += "ü";
  map.set_display_name(name);
  EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
}

}  // namespace
}  // namespace throughline
