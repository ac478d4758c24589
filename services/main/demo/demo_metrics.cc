#include "services/main/demo/demo_company.h"
#include "services/main/demo/demo_text.h"

namespace throughline::demo {
namespace {

struct DefinitionText {
  const char* id;
  const char* text;
};
constexpr DefinitionText kDefinitions[] = {
    {"nps",
     R"pb(display_name: "Net Promoter Score"
          kind: NPS
          respondent_policy: LATEST
          target: 25
          description: "Would you recommend Fernway? 0 to 10; each customer's latest answer in the window.")pb"},
    {"csat",
     R"pb(display_name: "Satisfaction"
          kind: CSAT
          scale_points: 5
          target: 0.8
          description: "How satisfied were you? 1 to 5; the share of 4 and 5.")pb"},
    {"ces",
     R"pb(display_name: "Ease"
          kind: CES
          ces_version: 2
          target: 5.8
          description: "It was easy to get this done. 1 to 7; the mean.")pb"},
    {"volume", R"pb(display_name: "Volume" kind: VOLUME description: "How often it happens.")pb"},
    {"conversion",
     R"pb(display_name: "Conversion"
          kind: CONVERSION
          description: "Share of those who come here and then reach the later touchpoint.")pb"},
    {"drop-off",
     R"pb(display_name: "Drop-off"
          kind: DROP_OFF
          description: "Share of those who come here and do not reach the later touchpoint.")pb"},
    {"time-between",
     R"pb(display_name: "Time between"
          kind: TIME_BETWEEN
          direction: LOWER_IS_BETTER
          description: "From here to the later touchpoint: the median and the 90th percentile.")pb"},
};

struct AttachmentText {
  const char* map_id;
  const char* id;
  const char* definition;
  const char* text;
};
// Windows: 31104000 s = 360 days, twelve points of 30 days each; 7776000 s = 90 days; 1209600 s = 14 days. Without a
// window the trend is by calendar month. Two of them are honest about what they do not know: nobody asks those who
// refer a friend (UNDEFINED), and few small businesses order in two weeks (INSUFFICIENT_DATA). The last of the list is
// created last: it tells a finished demo from an interrupted one.
constexpr AttachmentText kAttachments[] = {
    {kMainMapId, "relationship-nps-all", "nps", R"pb(whole_map: true filter: "survey = \"relationship-nps\"")pb"},
    {kMainMapId, "ad-volume", "volume", R"pb(touchpoint: "see-ad"
                                             rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "visit-volume", "volume", R"pb(touchpoint: "first-visit"
                                                rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "check-to-order", "conversion",
     R"pb(touchpoint: "coverage-check"
          target_touchpoint: "order"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 2592000 })pb"},
    {kMainMapId, "plans-drop-off", "drop-off",
     R"pb(touchpoint: "compare-plans"
          target_touchpoint: "order"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 2592000 })pb"},
    {kMainMapId, "quote-answer-time", "time-between", R"pb(transition: "quote-to-consultation"
                                                           rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "quote-to-order", "conversion",
     R"pb(touchpoint: "request-quote"
          target_touchpoint: "order"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 2592000 })pb"},
    {kMainMapId, "adviser-to-order", "conversion",
     R"pb(transition: "consultation-to-order"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 1209600 })pb"},
    {kMainMapId, "order-volume", "volume", R"pb(touchpoint: "order"
                                                rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "time-to-connection", "time-between", R"pb(touchpoint: "order" target_touchpoint: "activation")pb"},
    {kMainMapId, "order-ease", "ces", R"pb(touchpoint: "order-feedback"
                                           rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "order-ease-business", "ces",
     R"pb(touchpoint: "order-feedback"
          filter: "properties.segment = \"business\""
          rolling_window { seconds: 1209600 })pb"},
    {kMainMapId, "installation-csat", "csat", R"pb(touchpoint: "installation" filter: "survey = \"installation\"")pb"},
    {kMainMapId, "app-adoption", "conversion",
     R"pb(touchpoint: "activation"
          target_touchpoint: "app-setup"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 1209600 })pb"},
    {kMainMapId, "checkup-adoption", "conversion",
     R"pb(touchpoint: "app-setup"
          target_touchpoint: "wifi-checkup"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 2592000 })pb"},
    {kMainMapId, "help-volume", "volume", R"pb(touchpoint: "get-help"
                                               filter: "event_name = \"case_opened\""
                                               rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "help-csat", "csat", R"pb(touchpoint: "get-help"
                                           rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "relationship-nps", "nps", R"pb(touchpoint: "relationship-survey"
                                                 rolling_window { seconds: 7776000 })pb"},
    {kMainMapId, "cancellations", "volume", R"pb(touchpoint: "cancellation"
                                                 rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "upgrades", "volume", R"pb(touchpoint: "upgrade"
                                            rolling_window { seconds: 31104000 })pb"},
    {kMainMapId, "review-rate", "conversion", R"pb(transition: "survey-to-review"
                                                   rolling_window { seconds: 31104000 }
                                                   conversion_window { seconds: 2592000 })pb"},
    {kMainMapId, "referral-csat", "csat", R"pb(touchpoint: "referral"
                                               rolling_window { seconds: 31104000 })pb"},
    {kHelpMapId, "cases", "volume", R"pb(touchpoint: "contact"
                                         rolling_window { seconds: 31104000 })pb"},
    {kHelpMapId, "answer-time", "time-between", R"pb(transition: "contact-to-answer"
                                                     rolling_window { seconds: 31104000 })pb"},
    {kHelpMapId, "solution-time", "time-between", R"pb(touchpoint: "contact"
                                                       target_touchpoint: "solution"
                                                       rolling_window { seconds: 31104000 })pb"},
    {kHelpMapId, "escalation-rate", "conversion",
     R"pb(touchpoint: "first-answer"
          target_touchpoint: "escalation"
          rolling_window { seconds: 31104000 }
          conversion_window { seconds: 604800 })pb"},
    {kHelpMapId, "rating-csat", "csat", R"pb(touchpoint: "rating")pb"},
};

}  // namespace

std::vector<Named<v1::MetricDefinition>> DemoMetricDefinitions() {
  std::vector<Named<v1::MetricDefinition>> definitions;
  for (const DefinitionText& definition : kDefinitions) {
    definitions.push_back({definition.id, ParseDemoText<v1::MetricDefinition>({definition.text}, "")});
  }
  return definitions;
}

std::vector<DemoAttachment> DemoAttachments(absl::string_view workspace_name) {
  std::vector<DemoAttachment> attachments;
  for (const AttachmentText& text : kAttachments) {
    DemoAttachment& added = attachments.emplace_back();
    added.map_id = text.map_id;
    added.id = text.id;
    added.attachment = ParseDemoText<v1::MetricAttachment>({text.text}, workspace_name);
    added.attachment.set_metric_definition(absl::StrCat(workspace_name, "/metricDefinitions/", text.definition));
  }
  return attachments;
}

}  // namespace throughline::demo
