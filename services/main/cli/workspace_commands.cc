#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/base/status_macros.h"
#include "services/main/cli/session.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

struct CreateOptions {
  std::string id;
  std::string display_name;
  std::string time_zone;
  std::vector<std::string> departments;
};

// `customer-care` → `Customer care`.
std::string TitleOf(absl::string_view id) {
  std::string title(id);
  for (char& c : title) c = c == '-' ? ' ' : c;
  if (!title.empty()) title[0] = absl::ascii_toupper(title[0]);
  return title;
}

// `id` or `id=Name`; one that exists is left as it is.
absl::Status EnsureDepartment(Client& client, const std::string& workspace, const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  v1::CreateDepartmentRequest request;
  request.set_parent(workspace);
  request.set_department_id(parts.first);
  request.mutable_department()->set_display_name(parts.second.empty() ? TitleOf(parts.first) : parts.second);
  const absl::Status status = client.Call(&v1::WorkspaceService::Stub::CreateDepartment, request).status();
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

absl::StatusOr<ExitCode> Create(Session& session, const CreateOptions& options) {
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  v1::CreateWorkspaceRequest request;
  request.set_workspace_id(options.id);
  request.mutable_workspace()->set_display_name(options.display_name.empty() ? TitleOf(options.id)
                                                                             : options.display_name);
  request.mutable_workspace()->set_time_zone(options.time_zone);
  ASSIGN_OR_RETURN(const v1::Workspace workspace, client->Call(&v1::WorkspaceService::Stub::CreateWorkspace, request));
  for (const std::string& department : options.departments) {
    RETURN_IF_ERROR(EnsureDepartment(*client, workspace.name(), department));
  }
  if (session.json()) {
    session.PrintJson(workspace);
  } else {
    std::cout << "Created " << session.paint()(Color::kBold, workspace.display_name()) << " (" << workspace.name()
              << ").\n";
  }
  return kSuccess;
}

absl::StatusOr<ExitCode> List(Session& session) {
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  v1::ListWorkspacesResponse all;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token) -> absl::StatusOr<std::string> {
    v1::ListWorkspacesRequest request;
    request.set_page_size(1000);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(const v1::ListWorkspacesResponse page,
                     client->Call(&v1::WorkspaceService::Stub::ListWorkspaces, request));
    all.mutable_workspaces()->MergeFrom(page.workspaces());
    return page.next_page_token();
  }));
  if (session.json()) {
    session.PrintJson(all);
    return kSuccess;
  }
  if (all.workspaces().empty()) {
    std::cout << "There is no workspace yet. Make one with `throughline workspace create ID`.\n";
    return kSuccess;
  }
  Table table({{"ID"}, {"NAME"}, {"EVENTS", Table::Align::kRight}, {"CUSTOMERS", Table::Align::kRight}});
  for (const v1::Workspace& workspace : all.workspaces()) {
    v1::GetEventStatisticsRequest request;
    request.set_name(absl::StrCat(workspace.name(), "/eventStatistics"));
    ASSIGN_OR_RETURN(const v1::EventStatistics statistics,
                     client->Call(&v1::EventService::Stub::GetEventStatistics, request));
    table.AddRow({std::string(LastSegment(workspace.name())), workspace.display_name(),
                  FormatCount(statistics.event_count()), FormatCount(statistics.customer_count())});
  }
  table.Print(std::cout, session.paint());
  return kSuccess;
}

}  // namespace

void AddWorkspaceCommands(CLI::App& app, Command& command) {
  CLI::App* const group = app.add_subcommand("workspace", "Workspaces: one company's data each");
  group->require_subcommand(1);

  CLI::App* const create = group->add_subcommand("create", "Make a workspace");
  auto options = std::make_shared<CreateOptions>();
  create->add_option("ID", options->id, "Its id: lower-case letters, digits and hyphens")->required();
  create->add_option("--name", options->display_name, "Name shown to people; default: the id");
  create->add_option("--time-zone", options->time_zone, "IANA time zone of calendar days and months");
  create->add_option("--department", options->departments, "Also make this department: `id` or `id=Name`; repeatable")
      ->allow_extra_args(false);
  create->footer(
      "Example:\n  throughline workspace create olist --name \"Olist\" --department sales --department support");
  create->callback([options, &command] { command = [options](Session& s) { return Create(s, *options); }; });

  CLI::App* const list = group->add_subcommand("list", "List workspaces, with what they have recorded");
  list->footer("Example:\n  throughline workspace list");
  list->callback([&command] { command = List; });
}

}  // namespace throughline::cli
