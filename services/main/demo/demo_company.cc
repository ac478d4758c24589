#include "services/main/demo/demo_company.h"

#include "absl/strings/str_cat.h"

namespace throughline::demo {

v1::Workspace DemoWorkspace() {
  v1::Workspace workspace;
  workspace.set_display_name("Fernway Home Internet");
  workspace.set_description(
      "A demo company: fibre at home by monthly subscription. Everything here is simulated; no real person or company "
      "is "
      "meant. Delete the workspace, or start with an empty data directory, when you do not need it any more.");
  workspace.set_time_zone("UTC");
  return workspace;
}

std::vector<Named<v1::Department>> DemoDepartments() {
  const auto make = [](const char* id, const char* name, const char* color, const char* description) {
    Named<v1::Department> department{id, {}};
    department.resource.set_display_name(name);
    department.resource.set_color(color);
    department.resource.set_description(description);
    return department;
  };
  return {
      make("marketing", "Marketing", "#7c5cff", "Brings people to Fernway, and gives those who love it a voice."),
      make("sales", "Sales", "#e8833a", "Advises, sells, bills, and grows contracts."),
      make("support", "Support", "#1f9d8b", "Answers customers who need help."),
      make("product", "Product", "#3b82f6", "Connects homes, runs the network and builds the app."),
  };
}

std::vector<Named<v1::LifecycleStage>> DemoLifecycleStages(absl::string_view workspace_name) {
  struct Stage {
    const char* id;
    const char* name;
    const char* department;
    const char* description;
    std::vector<const char*> event_names;
    const char* filter;
  };
  const std::vector<Stage> stages = {
      {"awareness", "Awareness", "marketing", "Has seen us.", {"ad_clicked", "site_visited"}, ""},
      {"consideration",
       "Consideration",
       "marketing",
       "Wants to know whether we fit.",
       {"coverage_checked", "plans_compared", "quote_requested"},
       ""},
      {"purchase", "Purchase", "sales", "Has ordered.", {"order_placed"}, ""},
      {"onboarding",
       "Onboarding",
       "product",
       "Is being connected.",
       {"router_delivered", "installation_completed"},
       ""},
      {"adoption",
       "Adoption",
       "product",
       "Uses what was bought.",
       {"app_set_up", "wifi_checkup_run", "speed_tested"},
       ""},
      {"retention", "Retention", "support", "Stays, month after month.", {"monthly_charged"}, "properties.month >= 3"},
      {"expansion", "Expansion", "sales", "Buys more.", {"plan_upgraded", "booster_added"}, ""},
      {"advocacy", "Advocacy", "marketing", "Tells others.", {"review_written", "friend_referred"}, ""},
  };
  std::vector<Named<v1::LifecycleStage>> out;
  for (const Stage& stage : stages) {
    Named<v1::LifecycleStage>& added = out.emplace_back();
    added.id = stage.id;
    added.resource.set_display_name(stage.name);
    added.resource.set_description(stage.description);
    added.resource.set_position(10 * static_cast<int>(out.size()));
    added.resource.set_department(absl::StrCat(workspace_name, "/departments/", stage.department));
    for (const char* event_name : stage.event_names) added.resource.mutable_entry_rule()->add_event_names(event_name);
    added.resource.mutable_entry_rule()->set_filter(stage.filter);
  }
  return out;
}

std::vector<Named<v1::Segment>> DemoSegments() {
  Named<v1::Segment> households{"households", {}};
  households.resource.set_display_name("Households");
  households.resource.set_description("People who want the internet at home.");
  households.resource.set_filter("customer_id = \"household-*\"");
  Named<v1::Segment> businesses{"small-businesses", {}};
  businesses.resource.set_display_name("Small businesses");
  businesses.resource.set_description("Shops, cafés and practices on a pro plan.");
  businesses.resource.set_filter("customer_id = \"business-*\"");
  return {households, businesses};
}

std::vector<Named<v1::Persona>> DemoPersonas(absl::string_view workspace_name) {
  Named<v1::Persona> hannah{"hannah-brandt", {}};
  hannah.resource.set_display_name("Hannah Brandt, works from home");
  hannah.resource.set_description(
      "36, two children, moved in last month. Works three days a week from the kitchen table, and everyone streams at "
      "seven.");
  hannah.resource.set_segment(absl::StrCat(workspace_name, "/segments/households"));
  hannah.resource.add_goals("Be online on the day she moves in");
  hannah.resource.add_goals("One bill that she understands at a glance");
  hannah.resource.add_goals("Wi-Fi in every room without calling anyone");
  hannah.resource.add_frustrations("Waiting at home for a technician who does not come");
  hannah.resource.add_frustrations("Telling the same story to three people");
  Named<v1::Persona> marek{"marek-nowak", {}};
  marek.resource.set_display_name("Marek Nowak, runs a café");
  marek.resource.set_description(
      "48, owns a café with twelve tables. The card terminal and the music hang on the line, and when it is down he "
      "loses a morning's money.");
  marek.resource.set_segment(absl::StrCat(workspace_name, "/segments/small-businesses"));
  marek.resource.add_goals("A line that does not fail during opening hours");
  marek.resource.add_goals("A person with a name whom he can call");
  marek.resource.add_frustrations("Being treated like a private customer");
  marek.resource.add_frustrations("Outages that nobody announces");
  return {hannah, marek};
}

}  // namespace throughline::demo
