#include "services/main/demo/demo_company.h"

#include <set>

#include "absl/time/civil_time.h"
#include "services/events/event_match.h"
#include "services/journey/validate.h"
#include "services/main/demo/demo_simulator.h"
#include "tests/support/matchers.h"
#include "throughline/filter.h"

namespace throughline::demo {
namespace {

constexpr char kWorkspace[] = "workspaces/demo";

template <typename T>
std::set<std::string> NamesOf(const std::vector<Named<T>>& resources, const std::string& collection) {
  std::set<std::string> names;
  for (const Named<T>& named : resources) names.insert(std::string(kWorkspace) + "/" + collection + "/" + named.id);
  EXPECT_EQ(names.size(), resources.size());
  return names;
}

std::vector<v1::JourneyMap> Maps() {
  return {DemoMainMap(kWorkspace), DemoHelpMap(kWorkspace), DemoFutureMap(kWorkspace)};
}

TEST(DemoCompanyTest, Maps_AreValidAndReferToWhatThereIs) {
  const auto departments = NamesOf(DemoDepartments(), "departments");
  const auto stages = NamesOf(DemoLifecycleStages(kWorkspace), "lifecycleStages");
  const auto personas = NamesOf(DemoPersonas(kWorkspace), "personas");
  for (const v1::JourneyMap& map : Maps()) {
    SCOPED_TRACE(map.display_name());
    EXPECT_GT(map.touchpoints_size(), 5);  // an empty map is one whose text does not parse
    EXPECT_OK(ValidateJourneyMapContent(map, kWorkspace));
    for (const std::string& persona : map.personas()) EXPECT_TRUE(personas.contains(persona)) << persona;
    for (const v1::Phase& phase : map.phases()) EXPECT_TRUE(stages.contains(phase.lifecycle_stage())) << phase.id();
    for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
      EXPECT_TRUE(departments.contains(touchpoint.department())) << touchpoint.id();
    }
  }
}

TEST(DemoCompanyTest, MainMap_CoversEveryStageAndDepartment) {
  const v1::JourneyMap map = DemoMainMap(kWorkspace);
  EXPECT_EQ(map.phases_size(), 8);
  EXPECT_EQ(map.touchpoints_size(), 22);
  std::set<std::string> stages;
  for (const v1::Phase& phase : map.phases()) stages.insert(phase.lifecycle_stage());
  EXPECT_EQ(stages, NamesOf(DemoLifecycleStages(kWorkspace), "lifecycleStages"));
  std::set<std::string> departments;
  for (const v1::Touchpoint& touchpoint : map.touchpoints()) departments.insert(touchpoint.department());
  EXPECT_EQ(departments, NamesOf(DemoDepartments(), "departments"));
}

// Every touchpoint with a binding, and every lifecycle stage, is met by the simulated customers.
TEST(DemoCompanyTest, BindingsAndEntryRules_MatchWhatCustomersDo) {
  SimulatorOptions options;
  options.now = absl::FromCivil(absl::CivilDay(2026, 3, 20), absl::UTCTimeZone());
  options.customer_count = 1500;
  const DemoSimulator simulator(options);
  std::set<std::string> expected;
  std::vector<std::pair<std::string, EventSelector>> selectors;
  const auto add = [&](const std::string& id, const v1::EventBinding& binding) {
    EventSelector selector;
    selector.event_names.assign(binding.event_names().begin(), binding.event_names().end());
    ASSERT_OK_AND_ASSIGN(selector.filter, Filter::ParseAndCheck(binding.filter(), EventFilterFields()));
    expected.insert(id);
    selectors.emplace_back(id, selector);
  };
  for (const v1::JourneyMap& map : {DemoMainMap(kWorkspace), DemoHelpMap(kWorkspace)}) {
    for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
      add(map.display_name() + " " + touchpoint.id(), touchpoint.event_binding());
    }
  }
  for (const auto& stage : DemoLifecycleStages(kWorkspace)) add(stage.id, stage.resource.entry_rule());
  std::set<std::string> met;
  for (int customer = 0; customer < simulator.customer_count(); ++customer) {
    for (const v1::CustomerEvent& event : simulator.EventsOf(customer)) {
      for (const auto& [id, selector] : selectors) {
        if (MatchesSelector(selector, event, CustomerFacts())) met.insert(id);
      }
    }
  }
  EXPECT_EQ(met, expected);
}

TEST(DemoCompanyTest, Attachments_NameWhatThereIs) {
  std::set<std::string> definitions = NamesOf(DemoMetricDefinitions(), "metricDefinitions");
  std::set<std::string> ids;
  for (const DemoAttachment& attachment : DemoAttachments(kWorkspace)) {
    SCOPED_TRACE(attachment.id);
    EXPECT_TRUE(ids.insert(attachment.map_id + "/" + attachment.id).second);
    EXPECT_TRUE(definitions.contains(attachment.attachment.metric_definition()));
    EXPECT_NE(attachment.attachment.subject_case(), v1::MetricAttachment::SUBJECT_NOT_SET);
    const v1::JourneyMap map = attachment.map_id == kMainMapId ? DemoMainMap(kWorkspace) : DemoHelpMap(kWorkspace);
    std::set<std::string> elements = {""};
    for (const auto& touchpoint : map.touchpoints()) elements.insert(touchpoint.id());
    for (const auto& transition : map.transitions()) elements.insert(transition.id());
    EXPECT_TRUE(elements.contains(attachment.attachment.touchpoint()));
    EXPECT_TRUE(elements.contains(attachment.attachment.transition()));
    EXPECT_TRUE(elements.contains(attachment.attachment.target_touchpoint()));
    EXPECT_OK(Filter::ParseAndCheck(attachment.attachment.filter(), EventFilterFields()));
  }
}

TEST(DemoCompanyTest, Definitions_ParseAndSayWhatTheyMeasure) {
  for (const auto& definition : DemoMetricDefinitions()) {
    EXPECT_NE(definition.resource.kind(), v1::MetricDefinition::KIND_UNSPECIFIED) << definition.id;
    EXPECT_FALSE(definition.resource.display_name().empty()) << definition.id;
  }
}

}  // namespace
}  // namespace throughline::demo
