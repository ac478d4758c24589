#include "services/main/demo/demo_company.h"
#include "services/main/demo/demo_text.h"

namespace throughline::demo {
namespace {

// "W" stands for the workspace's name.
constexpr char kPhases[] = R"pb(
  display_name: "From first visit to advocate"
  description: "How someone who looks for internet at home becomes a customer who recommends us: across marketing, sales, support and product."
  state: CURRENT
  kind: LIFECYCLE
  personas: "W/personas/hannah-brandt"
  personas: "W/personas/marek-nowak"
  instance_rule { abandon_after { seconds: 5184000 } }
  phases {
    id: "discover"
    display_name: "Discover"
    description: "Hears of us and has a first look."
    lifecycle_stage: "W/lifecycleStages/awareness"
  }
  phases {
    id: "compare"
    display_name: "Compare"
    description: "Finds out whether we fit: address, speed, price."
    lifecycle_stage: "W/lifecycleStages/consideration"
  }
  phases {
    id: "order-phase"
    display_name: "Order"
    description: "Decides and signs."
    lifecycle_stage: "W/lifecycleStages/purchase"
  }
  phases {
    id: "get-connected"
    display_name: "Get connected"
    description: "Waits for the line to work."
    lifecycle_stage: "W/lifecycleStages/onboarding"
  }
  phases {
    id: "settle-in"
    display_name: "Settle in"
    description: "Makes it part of the home."
    lifecycle_stage: "W/lifecycleStages/adoption"
  }
  phases {
    id: "stay"
    display_name: "Stay"
    description: "Pays every month, and needs us now and then."
    lifecycle_stage: "W/lifecycleStages/retention"
  }
  phases { id: "grow" display_name: "Grow" description: "Wants more." lifecycle_stage: "W/lifecycleStages/expansion" }
  phases {
    id: "recommend"
    display_name: "Recommend"
    description: "Tells friends and neighbours."
    lifecycle_stage: "W/lifecycleStages/advocacy"
  }
)pb";

constexpr char kBeforeOrder[] = R"pb(
  touchpoints {
    id: "see-ad"
    phase: "discover"
    display_name: "Sees an ad"
    channel: "social"
    department: "W/departments/marketing"
    description: "A search result, a post or a banner that promises fast internet in the neighbourhood."
    importance: 3
    expected_level: 4
    emotions { level: 0.2 origin: ASSUMED }
    pain_points: "Promises speeds that the address may not get"
    backstage_systems: "Ad network"
    event_binding { event_names: "ad_clicked" }
  }
  touchpoints {
    id: "first-visit"
    phase: "discover"
    display_name: "Visits the website"
    channel: "web"
    department: "W/departments/marketing"
    description: "Wants two answers within a minute: can I get it, and what does it cost?"
    importance: 5
    expected_level: 5
    emotions { persona: "W/personas/hannah-brandt" level: 0.5 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: -0.2 origin: ASSUMED }
    pain_points: "Business plans are three clicks away"
    gains: "Prices without small print"
    backstage_systems: "Website"
    event_binding { event_names: "site_visited" }
  }
  touchpoints {
    id: "coverage-check"
    phase: "compare"
    display_name: "Checks the address"
    channel: "web"
    department: "W/departments/marketing"
    description: "Types the address and learns which speeds are there."
    importance: 7
    expected_level: 6
    emotions { persona: "W/personas/hannah-brandt" level: 0.8 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: 0.6 origin: ASSUMED }
    gains: "The answer comes at once, with a date"
    standards: "The answer is right for 99 of 100 addresses"
    backstage_systems: "Network inventory"
    event_binding { event_names: "coverage_checked" }
  }
  touchpoints {
    id: "compare-plans"
    phase: "compare"
    display_name: "Compares plans"
    channel: "web"
    department: "W/departments/marketing"
    description: "Reads the table, looks at other providers, comes back."
    importance: 6
    expected_level: 5
    emotions { level: -0.3 origin: ASSUMED }
    pain_points: "Which speed do I need? Nobody says"
    pain_points: "The set-up fee appears late"
    evidence: "Interviews with 14 households, spring"
    backstage_systems: "Website"
    event_binding { event_names: "plans_compared" }
  }
  touchpoints {
    id: "request-quote"
    phase: "compare"
    display_name: "Asks for a quote"
    channel: "web"
    department: "W/departments/marketing"
    description: "Leaves a number; marketing hands over to sales."
    importance: 5
    expected_level: 5
    emotions { level: 0.1 origin: ASSUMED }
    pain_points: "Some requests are never answered: the hand-off expires after three days"
    standards: "Sales answers within one working day"
    backstage_systems: "CRM"
    event_binding { event_names: "quote_requested" }
  }
  touchpoints {
    id: "consultation"
    phase: "order-phase"
    display_name: "Talks to an adviser"
    channel: "phone"
    department: "W/departments/sales"
    description: "Someone explains which plan fits and what happens next."
    importance: 6
    expected_level: 6
    emotions { persona: "W/personas/hannah-brandt" level: 0.9 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: 1.3 origin: ASSUMED }
    gains: "A person who knows the street"
    backstage_systems: "CRM"
    backstage_systems: "Telephony"
    event_binding { event_names: "consultation_held" }
  }
  touchpoints {
    id: "order"
    phase: "order-phase"
    display_name: "Places the order"
    channel: "web"
    department: "W/departments/sales"
    description: "Picks a plan, pays the set-up fee, gets a confirmation."
    importance: 7
    expected_level: 6
    emotions { level: 0.7 origin: ASSUMED }
    pain_points: "The date of the appointment is not known yet"
    standards: "Confirmation within five minutes"
    backstage_systems: "Shop"
    backstage_systems: "Billing"
    event_binding { event_names: "order_placed" }
  }
  touchpoints {
    id: "order-feedback"
    phase: "order-phase"
    display_name: "Says how easy it was"
    channel: "email"
    department: "W/departments/sales"
    description: "One question after the order: how easy was it?"
    importance: 2
    expected_level: 4
    emotions { level: 0.2 origin: ASSUMED }
    backstage_systems: "Surveys"
    event_binding { event_names: "order_effort_rated" filter: "survey = \"order-effort\"" }
  }
)pb";

constexpr char kConnecting[] = R"pb(
  touchpoints {
    id: "router-delivery"
    phase: "get-connected"
    display_name: "Receives the router"
    channel: "parcel"
    department: "W/departments/product"
    description: "The parcel comes before the technician does."
    importance: 4
    expected_level: 5
    emotions { level: 0.6 origin: ASSUMED }
    gains: "A card with a name and a phone number"
    backstage_systems: "Logistics"
    event_binding { event_names: "router_delivered" }
  }
  touchpoints {
    id: "installation"
    phase: "get-connected"
    display_name: "Technician connects the home"
    channel: "visit"
    department: "W/departments/product"
    description: "The appointment that everything waits for. One in twenty is missed."
    importance: 7
    expected_level: 6
    emotions { persona: "W/personas/hannah-brandt" level: -0.9 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: -1.3 origin: ASSUMED }
    pain_points: "Weeks without a date when technicians are booked out"
    pain_points: "A missed appointment costs a day off"
    gains: "Technicians explain what they do"
    evidence: "Comments of the installation survey"
    standards: "Connected within 12 days of the order"
    backstage_systems: "Field service planning"
    event_binding { event_names: "installation_completed" event_names: "installation_rated" }
  }
  touchpoints {
    id: "activation"
    phase: "get-connected"
    display_name: "Goes online"
    channel: "app"
    department: "W/departments/product"
    description: "The light turns green."
    importance: 7
    expected_level: 7
    emotions { level: 1.6 origin: ASSUMED }
    backstage_systems: "Network"
    event_binding { event_names: "service_activated" }
  }
  touchpoints {
    id: "app-setup"
    phase: "settle-in"
    display_name: "Sets up the app"
    channel: "app"
    department: "W/departments/product"
    description: "Names the Wi-Fi, adds the family, finds the bill."
    importance: 4
    expected_level: 5
    emotions { level: 0.5 origin: ASSUMED }
    pain_points: "The activation code is on a letter that many have thrown away"
    backstage_systems: "App"
    event_binding { event_names: "app_set_up" }
  }
  touchpoints {
    id: "wifi-checkup"
    phase: "settle-in"
    display_name: "Runs the Wi-Fi check-up"
    channel: "app"
    department: "W/departments/product"
    description: "Walks through the rooms; the app says where the router should stand."
    importance: 4
    expected_level: 4
    emotions { level: 1.1 origin: ASSUMED }
    gains: "Fixes most slow rooms without a call"
    backstage_systems: "App"
    backstage_systems: "Network"
    event_binding { event_names: "wifi_checkup_run" }
  }
  touchpoints {
    id: "first-bill"
    phase: "settle-in"
    display_name: "Reads the first bill"
    channel: "email"
    department: "W/departments/sales"
    description: "The first month, the part of the month before, and the set-up fee on one page."
    importance: 6
    expected_level: 6
    emotions { persona: "W/personas/hannah-brandt" level: -0.8 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: -0.4 origin: ASSUMED }
    pain_points: "It is higher than the advertised price, and does not say why"
    backstage_systems: "Billing"
    event_binding { event_names: "monthly_charged" filter: "properties.month = 1" }
  }
)pb";

constexpr char kLiving[] = R"pb(
  touchpoints {
    id: "monthly-bill"
    phase: "stay"
    display_name: "Pays the monthly bill"
    channel: "email"
    department: "W/departments/sales"
    description: "Should go unnoticed."
    importance: 4
    expected_level: 6
    emotions { level: 0.0 origin: ASSUMED }
    backstage_systems: "Billing"
    event_binding { event_names: "monthly_charged" filter: "properties.month > 1" }
  }
  touchpoints {
    id: "get-help"
    phase: "stay"
    display_name: "Gets help"
    channel: "phone"
    department: "W/departments/support"
    description: "Something does not work, or a bill is not understood. Drawn in detail in its own map."
    importance: 7
    expected_level: 6
    emotions { persona: "W/personas/hannah-brandt" level: -0.7 origin: ASSUMED }
    emotions { persona: "W/personas/marek-nowak" level: -1.4 origin: ASSUMED }
    pain_points: "Explains the problem again after every escalation"
    gains: "The chat answers within minutes"
    standards: "Solved within 24 hours"
    backstage_systems: "Help desk"
    event_binding { event_names: "case_opened" event_names: "support_rated" }
    linked_map: "W/journeyMaps/getting-help"
  }
  touchpoints {
    id: "relationship-survey"
    phase: "stay"
    display_name: "Is asked for a recommendation"
    channel: "email"
    department: "W/departments/marketing"
    description: "After two months and then twice a year: would you recommend us?"
    importance: 2
    expected_level: 4
    emotions { level: 0.3 origin: ASSUMED }
    backstage_systems: "Surveys"
    event_binding { event_names: "recommendation_rated" }
  }
  touchpoints {
    id: "cancellation"
    phase: "stay"
    display_name: "Cancels"
    channel: "phone"
    department: "W/departments/support"
    description: "Leaves. We ask why."
    importance: 5
    expected_level: 5
    emotions { level: -1.5 origin: ASSUMED }
    pain_points: "Has to call to get a confirmation"
    backstage_systems: "CRM"
    event_binding { event_names: "subscription_cancelled" }
  }
  touchpoints {
    id: "upgrade"
    phase: "grow"
    display_name: "Moves to a faster plan"
    channel: "app"
    department: "W/departments/sales"
    description: "One tap in the app; faster from the next day."
    importance: 4
    expected_level: 5
    emotions { level: 1.0 origin: ASSUMED }
    backstage_systems: "App"
    backstage_systems: "Billing"
    event_binding { event_names: "plan_upgraded" }
  }
  touchpoints {
    id: "booster"
    phase: "grow"
    display_name: "Adds a Wi-Fi booster"
    channel: "app"
    department: "W/departments/sales"
    description: "For the room at the end of the hall."
    importance: 3
    expected_level: 4
    emotions { level: 0.8 origin: ASSUMED }
    backstage_systems: "App"
    event_binding { event_names: "booster_added" }
  }
  touchpoints {
    id: "review"
    phase: "recommend"
    display_name: "Writes a review"
    channel: "web"
    department: "W/departments/marketing"
    description: "On a comparison site, in their own words."
    importance: 3
    expected_level: 3
    emotions { level: 1.2 origin: ASSUMED }
    event_binding { event_names: "review_written" }
  }
  touchpoints {
    id: "referral"
    phase: "recommend"
    display_name: "Refers a friend"
    channel: "app"
    department: "W/departments/marketing"
    description: "Shares a code; both get a month free. We do not yet ask how it went."
    importance: 4
    expected_level: 4
    emotions { level: 1.7 origin: ASSUMED }
    gains: "A month free for both"
    backstage_systems: "App"
    backstage_systems: "Billing"
    event_binding { event_names: "friend_referred" }
    completes_journey: true
  }
)pb";

constexpr char kTransitions[] = R"pb(
  transitions {
    id: "ad-to-visit"
    from_touchpoint: "see-ad"
    to_touchpoint: "first-visit"
    kind: SEQUENCE
    expected_share: 0.95
    expected_duration { seconds: 86400 }
  }
  transitions {
    id: "visit-to-check"
    from_touchpoint: "first-visit"
    to_touchpoint: "coverage-check"
    kind: SEQUENCE
    expected_share: 0.8
    expected_duration { seconds: 259200 }
  }
  transitions { id: "visit-exit" from_touchpoint: "first-visit" kind: EXIT expected_share: 0.2 }
  transitions {
    id: "check-to-plans"
    from_touchpoint: "coverage-check"
    to_touchpoint: "compare-plans"
    kind: SEQUENCE
    expected_share: 0.85
    expected_duration { seconds: 172800 }
  }
  transitions {
    id: "plans-to-quote"
    from_touchpoint: "compare-plans"
    to_touchpoint: "request-quote"
    kind: BRANCH
    expected_share: 0.6
    expected_duration { seconds: 432000 }
  }
  transitions {
    id: "plans-to-order"
    from_touchpoint: "compare-plans"
    to_touchpoint: "order"
    kind: BRANCH
    expected_share: 0.2
    expected_duration { seconds: 432000 }
  }
  transitions {
    id: "quote-to-consultation"
    from_touchpoint: "request-quote"
    to_touchpoint: "consultation"
    kind: SEQUENCE
    expected_share: 0.85
    expected_duration { seconds: 259200 }
  }
  transitions {
    id: "consultation-to-order"
    from_touchpoint: "consultation"
    to_touchpoint: "order"
    kind: SEQUENCE
    expected_share: 0.8
    expected_duration { seconds: 432000 }
  }
  transitions {
    id: "order-to-feedback"
    from_touchpoint: "order"
    to_touchpoint: "order-feedback"
    kind: BRANCH
    expected_share: 0.35
    expected_duration { seconds: 259200 }
  }
  transitions {
    id: "order-to-router"
    from_touchpoint: "order"
    to_touchpoint: "router-delivery"
    kind: SEQUENCE
    expected_share: 0.65
    expected_duration { seconds: 864000 }
  }
  transitions {
    id: "feedback-to-router"
    from_touchpoint: "order-feedback"
    to_touchpoint: "router-delivery"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 864000 }
  }
  transitions {
    id: "router-to-installation"
    from_touchpoint: "router-delivery"
    to_touchpoint: "installation"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 691200 }
  }
  transitions {
    id: "installation-to-activation"
    from_touchpoint: "installation"
    to_touchpoint: "activation"
    kind: SEQUENCE
    expected_share: 1
    expected_duration { seconds: 86400 }
  }
  transitions {
    id: "activation-to-app"
    from_touchpoint: "activation"
    to_touchpoint: "app-setup"
    kind: SEQUENCE
    expected_share: 0.75
    expected_duration { seconds: 345600 }
  }
  transitions {
    id: "activation-to-bill"
    from_touchpoint: "activation"
    to_touchpoint: "first-bill"
    kind: SKIP
    expected_share: 0.25
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "app-to-checkup"
    from_touchpoint: "app-setup"
    to_touchpoint: "wifi-checkup"
    kind: BRANCH
    expected_share: 0.6
    expected_duration { seconds: 1209600 }
  }
  transitions {
    id: "app-to-bill"
    from_touchpoint: "app-setup"
    to_touchpoint: "first-bill"
    kind: BRANCH
    expected_share: 0.4
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "checkup-to-bill"
    from_touchpoint: "wifi-checkup"
    to_touchpoint: "first-bill"
    kind: SEQUENCE
    expected_share: 0.95
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "first-to-monthly-bill"
    from_touchpoint: "first-bill"
    to_touchpoint: "monthly-bill"
    kind: SEQUENCE
    expected_share: 0.85
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "bill-to-bill"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "monthly-bill"
    kind: LOOP
    expected_share: 0.8
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "bill-to-help"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "get-help"
    kind: BRANCH
    expected_share: 0.06
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "help-to-bill"
    from_touchpoint: "get-help"
    to_touchpoint: "monthly-bill"
    kind: LOOP
    expected_share: 0.8
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "bill-to-survey"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "relationship-survey"
    kind: BRANCH
    expected_share: 0.1
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "survey-to-bill"
    from_touchpoint: "relationship-survey"
    to_touchpoint: "monthly-bill"
    kind: LOOP
    expected_share: 0.8
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "survey-to-review"
    from_touchpoint: "relationship-survey"
    to_touchpoint: "review"
    kind: BRANCH
    expected_share: 0.1
    expected_duration { seconds: 1209600 }
  }
  transitions {
    id: "survey-to-referral"
    from_touchpoint: "relationship-survey"
    to_touchpoint: "referral"
    kind: BRANCH
    expected_share: 0.05
    expected_duration { seconds: 2592000 }
  }
  transitions {
    id: "bill-to-upgrade"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "upgrade"
    kind: BRANCH
    expected_share: 0.01
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "upgrade-to-bill"
    from_touchpoint: "upgrade"
    to_touchpoint: "monthly-bill"
    kind: LOOP
    expected_share: 0.95
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "bill-to-booster"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "booster"
    kind: BRANCH
    expected_share: 0.01
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "booster-to-bill"
    from_touchpoint: "booster"
    to_touchpoint: "monthly-bill"
    kind: LOOP
    expected_share: 0.95
    expected_duration { seconds: 2764800 }
  }
  transitions {
    id: "bill-to-cancellation"
    from_touchpoint: "monthly-bill"
    to_touchpoint: "cancellation"
    kind: BRANCH
    expected_share: 0.02
    expected_duration { seconds: 2764800 }
  }
  transitions { id: "cancellation-exit" from_touchpoint: "cancellation" kind: EXIT expected_share: 1 }
)pb";

}  // namespace

v1::JourneyMap DemoMainMap(absl::string_view workspace_name) {
  return ParseDemoText<v1::JourneyMap>({kPhases, kBeforeOrder, kConnecting, kLiving, kTransitions}, workspace_name);
}

}  // namespace throughline::demo
