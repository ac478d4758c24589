#include "services/main/demo/demo_company.h"
#include "services/main/demo/demo_text.h"

namespace throughline::demo {
namespace {

constexpr char kHelp[] = R"pb(
  display_name: "Getting help"
  description: "One support case, from the first word to the rating. Each case is a run of its own."
  state: CURRENT
  kind: MICRO
  personas: "W/personas/hannah-brandt"
  personas: "W/personas/marek-nowak"
  instance_rule {
    correlation_property: "case_id"
    abandon_after { seconds: 2592000 }
  }
  phases { id: "ask" display_name: "Ask" lifecycle_stage: "W/lifecycleStages/retention" }
  phases { id: "wait" display_name: "Wait" lifecycle_stage: "W/lifecycleStages/retention" }
  phases { id: "solve" display_name: "Solve" lifecycle_stage: "W/lifecycleStages/retention" }
  phases { id: "look-back" display_name: "Look back" lifecycle_stage: "W/lifecycleStages/retention" }
  touchpoints {
    id: "contact"
    phase: "ask"
    display_name: "Contacts support"
    channel: "phone"
    department: "W/departments/support"
    description: "Calls, writes, or opens the chat."
    importance: 6
    expected_level: 6
    emotions { level: -0.8 origin: ASSUMED }
    pain_points: "Has to find the customer number first"
    event_binding { event_names: "case_opened" }
  }
  touchpoints {
    id: "first-answer"
    phase: "wait"
    display_name: "Gets a first answer"
    channel: "phone"
    department: "W/departments/support"
    description: "Someone has understood the problem."
    importance: 6
    expected_level: 6
    emotions { level: 0.1 origin: ASSUMED }
    standards: "Chat: within 10 minutes. Phone: within 30 minutes. E-mail: within a day"
    event_binding { event_names: "case_answered" }
  }
  touchpoints {
    id: "escalation"
    phase: "wait"
    display_name: "Is passed on to the engineers"
    channel: "internal"
    department: "W/departments/product"
    description: "One case in five needs the network team: a hand-off from support to product."
    importance: 5
    expected_level: 5
    emotions { level: -1.2 origin: ASSUMED }
    pain_points: "Tells the story again"
    event_binding { event_names: "case_escalated" }
  }
  touchpoints {
    id: "solution"
    phase: "solve"
    display_name: "Has it solved"
    channel: "phone"
    department: "W/departments/support"
    description: "It works again."
    importance: 7
    expected_level: 7
    emotions { level: 1.2 origin: ASSUMED }
    standards: "Within 24 hours"
    event_binding { event_names: "case_resolved" }
    completes_journey: true
  }
  touchpoints {
    id: "relapse"
    phase: "solve"
    display_name: "Has the problem again"
    channel: "phone"
    department: "W/departments/support"
    description: "What was solved was not."
    importance: 6
    expected_level: 6
    emotions { level: -1.7 origin: ASSUMED }
    event_binding { event_names: "case_reopened" }
  }
  touchpoints {
    id: "rating"
    phase: "look-back"
    display_name: "Rates the help"
    channel: "email"
    department: "W/departments/support"
    description: "Five stars or fewer."
    importance: 2
    expected_level: 4
    emotions { level: 0.3 origin: ASSUMED }
    event_binding { event_names: "support_rated" filter: "survey = \"support\"" }
  }
  transitions {
    id: "contact-to-answer"
    from_touchpoint: "contact"
    to_touchpoint: "first-answer"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 86400 }
  }
  transitions {
    id: "answer-to-solution"
    from_touchpoint: "first-answer"
    to_touchpoint: "solution"
    kind: BRANCH
    expected_share: 0.8
    expected_duration { seconds: 86400 }
  }
  transitions {
    id: "answer-to-escalation"
    from_touchpoint: "first-answer"
    to_touchpoint: "escalation"
    kind: BRANCH
    expected_share: 0.2
    expected_duration { seconds: 86400 }
  }
  transitions {
    id: "escalation-to-solution"
    from_touchpoint: "escalation"
    to_touchpoint: "solution"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 345600 }
  }
  transitions {
    id: "solution-to-rating"
    from_touchpoint: "solution"
    to_touchpoint: "rating"
    kind: SEQUENCE
    expected_share: 0.5
    expected_duration { seconds: 172800 }
  }
  transitions {
    id: "solution-to-relapse"
    from_touchpoint: "solution"
    to_touchpoint: "relapse"
    kind: BRANCH
    expected_share: 0.05
    expected_duration { seconds: 604800 }
  }
  transitions {
    id: "relapse-to-solution"
    from_touchpoint: "relapse"
    to_touchpoint: "solution"
    kind: LOOP
    expected_share: 1
    expected_duration { seconds: 345600 }
  }
)pb";

constexpr char kFuture[] = R"pb(
  display_name: "Connected in a day"
  description: "What we want: order in the morning, online in the evening, in every home that already has a fibre socket. A draft."
  state: FUTURE
  kind: MACRO
  personas: "W/personas/hannah-brandt"
  phases { id: "decide" display_name: "Decide" lifecycle_stage: "W/lifecycleStages/purchase" }
  phases { id: "pick-up" display_name: "Pick up" lifecycle_stage: "W/lifecycleStages/onboarding" }
  phases { id: "plug-in" display_name: "Plug in" lifecycle_stage: "W/lifecycleStages/onboarding" }
  phases { id: "enjoy" display_name: "Enjoy" lifecycle_stage: "W/lifecycleStages/adoption" }
  touchpoints {
    id: "address-and-socket"
    phase: "decide"
    display_name: "Photographs the socket"
    channel: "app"
    department: "W/departments/marketing"
    description: "The app recognises the socket and says: today is possible."
    importance: 7
    expected_level: 6
    emotions { level: 1.0 origin: ASSUMED }
    gains: "Knows at once, without a technician"
  }
  touchpoints {
    id: "one-page-order"
    phase: "decide"
    display_name: "Orders on one page"
    channel: "app"
    department: "W/departments/sales"
    description: "Plan, price, set-up fee and the first bill, before the button."
    importance: 7
    expected_level: 6
    emotions { level: 0.9 origin: ASSUMED }
  }
  touchpoints {
    id: "pick-up-point"
    phase: "pick-up"
    display_name: "Picks the router up nearby"
    channel: "store"
    department: "W/departments/product"
    description: "A parcel locker within two kilometres."
    importance: 5
    expected_level: 5
    emotions { level: 0.4 origin: ASSUMED }
    pain_points: "Some will still want it delivered"
  }
  touchpoints {
    id: "guided-set-up"
    phase: "plug-in"
    display_name: "Is guided by the app"
    channel: "app"
    department: "W/departments/product"
    description: "Four steps with pictures of this very router."
    importance: 7
    expected_level: 7
    emotions { level: 0.8 origin: ASSUMED }
  }
  touchpoints {
    id: "video-help"
    phase: "plug-in"
    display_name: "Shows it to a person"
    channel: "video"
    department: "W/departments/support"
    description: "When a step fails, a video call within two minutes."
    importance: 6
    expected_level: 6
    emotions { level: 0.6 origin: ASSUMED }
  }
  touchpoints {
    id: "online-tonight"
    phase: "enjoy"
    display_name: "Is online the same evening"
    channel: "app"
    department: "W/departments/product"
    description: "The film starts."
    importance: 7
    expected_level: 7
    emotions { level: 1.8 origin: ASSUMED }
    completes_journey: true
  }
  transitions {
    id: "socket-to-order"
    from_touchpoint: "address-and-socket"
    to_touchpoint: "one-page-order"
    kind: SEQUENCE
    expected_share: 0.7
    expected_duration { seconds: 1800 }
  }
  transitions {
    id: "order-to-pick-up"
    from_touchpoint: "one-page-order"
    to_touchpoint: "pick-up-point"
    kind: SEQUENCE
    expected_share: 0.95
    expected_duration { seconds: 14400 }
  }
  transitions {
    id: "pick-up-to-set-up"
    from_touchpoint: "pick-up-point"
    to_touchpoint: "guided-set-up"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 14400 }
  }
  transitions {
    id: "set-up-to-online"
    from_touchpoint: "guided-set-up"
    to_touchpoint: "online-tonight"
    kind: SEQUENCE
    expected_share: 0.85
    expected_duration { seconds: 3600 }
  }
  transitions {
    id: "set-up-to-video"
    from_touchpoint: "guided-set-up"
    to_touchpoint: "video-help"
    kind: BRANCH
    expected_share: 0.15
    expected_duration { seconds: 3600 }
  }
  transitions {
    id: "video-to-online"
    from_touchpoint: "video-help"
    to_touchpoint: "online-tonight"
    kind: SEQUENCE
    expected_share: 0.9
    expected_duration { seconds: 3600 }
  }
)pb";

}  // namespace

v1::JourneyMap DemoHelpMap(absl::string_view workspace_name) {
  return ParseDemoText<v1::JourneyMap>({kHelp}, workspace_name);
}

v1::JourneyMap DemoFutureMap(absl::string_view workspace_name) {
  return ParseDemoText<v1::JourneyMap>({kFuture}, workspace_name);
}

}  // namespace throughline::demo
