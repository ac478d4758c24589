#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/base/status_macros.h"
#include "services/main/cli/durations.h"
#include "services/main/cli/session.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

struct CustomerOptions {
  std::string customer;
  std::string filter;
  int limit = 50;
};

absl::StatusOr<ExitCode> List(Session& session, const CustomerOptions& options) {
  ASSIGN_OR_RETURN(const std::string workspace, session.WorkspaceName());
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  v1::ListCustomersRequest request;
  request.set_parent(workspace);
  request.set_filter(options.filter);
  v1::ListCustomersResponse all;
  do {
    request.set_page_size(std::min(options.limit - all.customers_size(), 1000));
    ASSIGN_OR_RETURN(const v1::ListCustomersResponse page,
                     client->Call(&v1::CustomerService::Stub::ListCustomers, request));
    all.mutable_customers()->MergeFrom(page.customers());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && all.customers_size() < options.limit);
  if (session.json()) {
    session.PrintJson(all);
    return kSuccess;
  }
  Table table({{"CUSTOMER"}, {"EVENTS", Table::Align::kRight}, {"FIRST (UTC)"}, {"LAST (UTC)"}, {"STAGE"}});
  for (const v1::Customer& customer : all.customers()) {
    table.AddRow({customer.customer_id(), FormatCount(customer.event_count()),
                  TimeText(FromProto(customer.first_event_time())), TimeText(FromProto(customer.last_event_time())),
                  std::string(LastSegment(customer.lifecycle_stage()))});
  }
  table.Print(std::cout, session.paint());
  if (!request.page_token().empty()) {
    std::cout << session.paint()(Color::kDim, absl::StrCat("… the first ", options.limit, "; see --limit")) << '\n';
  }
  return kSuccess;
}

// What the event carries besides its name: a score, money, a hand-off, a case.
std::string PayloadText(const v1::CustomerEvent& event) {
  switch (event.payload_case()) {
    case v1::CustomerEvent::kSurveyResponse: {
      std::string text = absl::StrFormat("score %g", event.survey_response().score());
      if (!event.survey_response().survey().empty()) absl::StrAppend(&text, " in ", event.survey_response().survey());
      if (!event.survey_response().comment().empty()) {
        absl::StrAppend(&text, ": “", event.survey_response().comment(), "”");
      }
      return text;
    }
    case v1::CustomerEvent::kMoneyMovement:
      return absl::StrCat(event.money_movement().amount_minor(), " minor units of ",
                          event.money_movement().currency_code());
    case v1::CustomerEvent::kHandOff:
      return absl::StrCat(event.hand_off().from_department(), " → ", event.hand_off().to_department(), " ",
                          v1::HandOff::State_Name(event.hand_off().state()));
    case v1::CustomerEvent::kCaseChange:
      return absl::StrCat("case ", event.case_change().case_id(), " ", event.case_change().status());
    case v1::CustomerEvent::PAYLOAD_NOT_SET:
      break;
  }
  return "";
}

void PrintTimeline(const Session& session, const v1::ListTimelineEntriesResponse& timeline) {
  const Paint& paint = session.paint();
  Table table({{"TIME (UTC)"}, {"DEPARTMENT"}, {"CHANNEL"}, {"EVENT"}, {"TOUCHPOINTS"}, {"STAGE"}, {""}});
  for (const v1::TimelineEntry& entry : timeline.timeline_entries()) {
    std::vector<std::string> touchpoints;
    for (const v1::TouchpointReference& touchpoint : entry.touchpoints()) {
      touchpoints.push_back(touchpoint.display_name());
    }
    std::string stage(LastSegment(entry.lifecycle_stage()));
    if (entry.enters_lifecycle_stage()) stage = paint(Color::kGreen, absl::StrCat("↗ ", stage));
    table.AddRow({TimeText(FromProto(entry.event().event_time())), paint(Color::kBlue, entry.event().department()),
                  entry.event().channel(), paint(Color::kBold, entry.event().event_name()),
                  absl::StrJoin(touchpoints, ", "), stage, PayloadText(entry.event())});
  }
  table.Print(std::cout, paint);
}

absl::StatusOr<ExitCode> Timeline(Session& session, const CustomerOptions& options) {
  ASSIGN_OR_RETURN(const std::string workspace, session.WorkspaceName());
  ASSIGN_OR_RETURN(const WorkspaceName parsed, ParseWorkspaceName(workspace));
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  v1::ListTimelineEntriesRequest request;
  request.set_parent(MakeCustomerName(parsed.workspace, options.customer));
  request.set_filter(options.filter);
  v1::ListTimelineEntriesResponse all;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token) -> absl::StatusOr<std::string> {
    request.set_page_size(1000);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(const v1::ListTimelineEntriesResponse page,
                     client->Call(&v1::CustomerService::Stub::ListTimelineEntries, request));
    all.mutable_timeline_entries()->MergeFrom(page.timeline_entries());
    return page.next_page_token();
  }));
  if (session.json()) {
    session.PrintJson(all);
  } else {
    PrintTimeline(session, all);
  }
  return kSuccess;
}

}  // namespace

void AddCustomerCommands(CLI::App& app, Command& command) {
  CLI::App* const group = app.add_subcommand("customer", "Customers, and their line across all departments");
  group->require_subcommand(1);

  auto list_options = std::make_shared<CustomerOptions>();
  CLI::App* const list = group->add_subcommand("list", "List customers, in the order in which they were first seen");
  list->add_option("--filter", list_options->filter, "Only customers that match, for example 'event_count > 10'");
  list->add_option("--limit", list_options->limit, "At most this many")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  list->footer("Example:\n  throughline customer list --workspace shop --limit 10");
  list->callback([list_options, &command] { command = [list_options](Session& s) { return List(s, *list_options); }; });

  auto timeline_options = std::make_shared<CustomerOptions>();
  CLI::App* const timeline = group->add_subcommand("timeline", "Everything that one customer did, on one line");
  timeline->add_option("CUSTOMER", timeline_options->customer, "The customer_id")->required();
  timeline->add_option("--filter", timeline_options->filter,
                       "Only events that match, for example 'department = \"sales\"'");
  timeline->footer("Example:\n  throughline customer timeline c-17 --workspace shop");
  timeline->callback([timeline_options, &command] {
    command = [timeline_options](Session& s) { return Timeline(s, *timeline_options); };
  });
}

}  // namespace throughline::cli
