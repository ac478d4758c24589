#include "services/api/message_filter.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/metric.pb.h"

namespace throughline::api {
namespace {

using ::testing::AllOf;
using testing::HasFieldViolation;
using testing::HasReason;
using testing::ParseProto;
using testing::StatusIs;

v1::JourneyMap Map() {
  return ParseProto<v1::JourneyMap>(R"pb(
    name: "workspaces/w/journeyMaps/order"
    display_name: "Order to review"
    kind: MACRO
    personas: "workspaces/w/personas/anna"
    phases { id: "buy" display_name: "Buy" }
    touchpoints {
      id: "pay"
      channel: "web"
      importance: 7
      emotions { level: -1.5 }
    }
    touchpoints {
      id: "call"
      channel: "phone"
      completes_journey: true
      event_binding { event_names: "called" }
    }
    transitions {
      id: "t"
      expected_duration { seconds: 90 }
    }
    instance_rule {
      correlation_property: "order_id"
      abandon_after { seconds: 86400 }
    }
    create_time { seconds: 1767225600 }
  )pb");
}

struct Case {
  const char* filter;
  bool matches;
};
class MessageFilterMatches : public ::testing::TestWithParam<Case> {};

TEST_P(MessageFilterMatches, AsAip160Says) {
  absl::StatusOr<MessageFilter> filter = MessageFilter::Make(GetParam().filter, *v1::JourneyMap::descriptor());
  ASSERT_OK(filter);
  EXPECT_EQ(filter->Matches(Map()), GetParam().matches) << GetParam().filter;
}

INSTANTIATE_TEST_SUITE_P(
    Filters, MessageFilterMatches,
    ::testing::Values(
        Case{"", true}, Case{R"(display_name = "Order to review")", true}, Case{R"(display_name = "Order")", false},
        Case{R"(display_name = "Order*")", true}, Case{R"(display_name:"review")", true},
        Case{R"(display_name != "Order to review")", false}, Case{"kind = MACRO", true}, Case{"kind = MICRO", false},
        Case{"kind != MICRO", true}, Case{"kind:MACRO", true},
        Case{R"(instance_rule.correlation_property = "order_id")", true},
        Case{R"(instance_rule.abandon_after > "3600s")", true},
        Case{R"(instance_rule.abandon_after <= "3600s")", false}, Case{R"(create_time < "2026-06-01T00:00:00Z")", true},
        Case{R"(create_time > "2026-06-01T00:00:00Z")", false}, Case{R"(create_time = "2026-01-01T00:00:00Z")", true},
        Case{"delete_time:*", false}, Case{"create_time:*", true}, Case{"delete_time = null", true},
        Case{"delete_time != null", false}, Case{R"(delete_time > "2020-01-01T00:00:00Z")", false},
        Case{R"(personas:"workspaces/w/personas/anna")", true}, Case{R"(personas:"ben")", false},
        Case{"personas:*", true}, Case{"touchpoints:*", true}, Case{R"(touchpoints.channel:"phone")", true},
        Case{R"(touchpoints.channel:"email")", false}, Case{"touchpoints.importance:7", true},
        Case{"touchpoints.importance:6", false}, Case{"touchpoints.emotions.level:-1.5", true},
        Case{"touchpoints.completes_journey:true", true},
        Case{R"(touchpoints.event_binding.event_names:"called")", true},
        Case{R"(touchpoints.event_binding.event_names:"sent")", false}, Case{"touchpoints.linked_map:*", false},
        Case{R"(kind = MACRO AND touchpoints.channel:"web")", true}, Case{R"(kind = MICRO OR phases.id:"buy")", true},
        Case{"NOT kind = MACRO", false}, Case{"-kind = MICRO", true}, Case{"instance_rule:*", true},
        Case{"instance_rule != null", true}));

class MessageFilterRefuses : public ::testing::TestWithParam<const char*> {};

TEST_P(MessageFilterRefuses, WithInvalidFilter) {
  EXPECT_THAT(
      MessageFilter::Make(GetParam(), *v1::JourneyMap::descriptor()),
      AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")), HasFieldViolation("filter")));
}

INSTANTIATE_TEST_SUITE_P(Filters, MessageFilterRefuses,
                         ::testing::Values("display_name =", "(", "nothing = 1", "display_name.x = 1",
                                           "display_name = 4", "kind = LARGE", "kind > MICRO", "create_time > 5",
                                           R"(create_time > "yesterday")", R"(instance_rule.abandon_after > "1h")",
                                           R"(touchpoints.channel = "web")", "touchpoints:x",
                                           R"(touchpoints.importance:"seven")", "instance_rule = 4",
                                           "touchpoints.completes_journey:maybe", "lonely"));

TEST(MessageFilter, UnsetOptionalNumber_IsMissingNotZero) {
  const v1::MetricDefinition definition;
  for (const char* text : {"target = 0", "target < 1", "target > -1"}) {
    ASSERT_OK_AND_ASSIGN(const MessageFilter filter, MessageFilter::Make(text, *definition.GetDescriptor()));
    EXPECT_FALSE(filter.Matches(definition)) << text;
  }
  ASSERT_OK_AND_ASSIGN(const MessageFilter filter, MessageFilter::Make("target = null", *definition.GetDescriptor()));
  EXPECT_TRUE(filter.Matches(definition));
}

TEST(MessageFilter, TooLong_IsInvalidFilter) {
  const std::string text = "display_name = \"" + std::string(5000, 'x') + "\"";
  EXPECT_THAT(MessageFilter::Make(text, *v1::JourneyMap::descriptor()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")));
}

}  // namespace
}  // namespace throughline::api
