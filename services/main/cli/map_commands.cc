#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/base/status_macros.h"
#include "services/main/cli/map_drawing.h"
#include "services/main/cli/metric_text.h"
#include "services/main/cli/session.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

struct MapOptions {
  std::string map;
  std::string file;
  std::string file_format;
  bool replace = false;
  std::string filter;
  std::string correlation;
  std::string display_name;
  std::string create_id;
  int touchpoints_max = 0;
  double share_min = -1;
};

absl::StatusOr<v1::JourneyMapFormat> FormatOf(const MapOptions& options) {
  std::string format = options.file_format;
  if (format.empty()) {
    const bool mermaid = absl::EndsWith(options.file, ".mmd") || absl::EndsWith(options.file, ".mermaid");
    format = mermaid ? "mermaid" : "json";
  }
  return format == "mermaid" ? v1::MERMAID : v1::JSON;
}

absl::StatusOr<ExitCode> Discover(Session& session, const MapOptions& options) {
  v1::DiscoverJourneyMapRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.WorkspaceName());
  request.set_filter(options.filter);
  request.set_correlation_property(options.correlation);
  request.set_display_name(options.display_name);
  request.set_touchpoint_count_max(options.touchpoints_max);
  if (options.share_min >= 0) request.set_transition_share_min(options.share_min);
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(v1::DiscoverJourneyMapResponse response,
                   client->Call(&v1::JourneyMapService::Stub::DiscoverJourneyMap, request));
  if (!options.create_id.empty()) {
    v1::CreateJourneyMapRequest create;
    create.set_parent(request.parent());
    create.set_journey_map_id(options.create_id);
    *create.mutable_journey_map() = response.journey_map();
    ASSIGN_OR_RETURN(*response.mutable_journey_map(),
                     client->Call(&v1::JourneyMapService::Stub::CreateJourneyMap, create));
  }
  if (session.json()) {
    session.PrintJson(response);
    return kSuccess;
  }
  std::cout << "Read " << FormatCount(response.event_count(), "event", "events") << " in "
            << FormatCount(response.instance_count(), "run", "runs") << ", with "
            << FormatCount(response.event_name_count(), "event name", "event names") << " and "
            << FormatCount(response.transition_count(), "transition", "transitions") << ".\n\n";
  DrawMap(response.journey_map(), {}, nullptr, session.paint(), std::cout);
  if (options.create_id.empty()) {
    std::cout << "\nThis is a draft and was not stored; add --create ID to store it.\n";
  } else {
    std::cout << "\nStored as " << response.journey_map().name() << "; edit it, then `throughline map publish "
              << options.create_id << "`.\n";
  }
  return kSuccess;
}

absl::StatusOr<v1::JourneyMap> GetMap(Session& session, Client& client, const std::string& id) {
  v1::GetJourneyMapRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), session.NameBelowWorkspace("journeyMaps", id));
  return client.Call(&v1::JourneyMapService::Stub::GetJourneyMap, request);
}

absl::StatusOr<ExitCode> Show(Session& session, const MapOptions& options) {
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::JourneyMap map, GetMap(session, *client, options.map));
  if (session.json()) {
    session.PrintJson(map);
    return kSuccess;
  }
  ASSIGN_OR_RETURN(const std::vector<AttachedMetric> metrics, ListAttachedMetrics(*client, map.name()));
  std::optional<v1::JourneyMapPositions> positions;
  if (!map.published_version().empty()) {
    v1::GetJourneyMapPositionsRequest request;
    request.set_name(absl::StrCat(map.name(), "/positions"));
    ASSIGN_OR_RETURN(positions, client->Call(&v1::CustomerService::Stub::GetJourneyMapPositions, request));
  }
  DrawMap(map, metrics, positions.has_value() ? &*positions : nullptr, session.paint(), std::cout);
  return kSuccess;
}

absl::StatusOr<ExitCode> List(Session& session) {
  ASSIGN_OR_RETURN(const std::string workspace, session.WorkspaceName());
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  v1::ListJourneyMapsResponse all;
  RETURN_IF_ERROR(ForEachPage([&](const std::string& token) -> absl::StatusOr<std::string> {
    v1::ListJourneyMapsRequest request;
    request.set_parent(workspace);
    request.set_page_size(1000);
    request.set_page_token(token);
    ASSIGN_OR_RETURN(const v1::ListJourneyMapsResponse page,
                     client->Call(&v1::JourneyMapService::Stub::ListJourneyMaps, request));
    all.mutable_journey_maps()->MergeFrom(page.journey_maps());
    return page.next_page_token();
  }));
  if (session.json()) {
    session.PrintJson(all);
    return kSuccess;
  }
  if (all.journey_maps().empty()) {
    std::cout << "There is no map yet. Start from what was recorded with `throughline map discover`.\n";
    return kSuccess;
  }
  Table table(
      {{"ID"}, {"NAME"}, {"PHASES", Table::Align::kRight}, {"TOUCHPOINTS", Table::Align::kRight}, {"PUBLISHED"}});
  for (const v1::JourneyMap& map : all.journey_maps()) {
    table.AddRow(
        {std::string(LastSegment(map.name())), map.display_name(), FormatCount(map.phases_size()),
         FormatCount(map.touchpoints_size()),
         map.published_version().empty() ? "no" : absl::StrCat("version ", LastSegment(map.published_version()))});
  }
  table.Print(std::cout, session.paint());
  return kSuccess;
}

absl::StatusOr<ExitCode> Export(Session& session, const MapOptions& options) {
  v1::ExportJourneyMapRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), session.NameBelowWorkspace("journeyMaps", options.map));
  v1::JourneyMapFormat format;
  ASSIGN_OR_RETURN(format, FormatOf(options));
  request.set_format(format);
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::ExportJourneyMapResponse response,
                   client->Call(&v1::JourneyMapService::Stub::ExportJourneyMap, request));
  if (options.file.empty()) {
    std::cout << response.text();
    if (!absl::EndsWith(response.text(), "\n")) std::cout << '\n';
    return kSuccess;
  }
  RETURN_IF_ERROR(WriteTextFile(options.file, response.text()));
  std::cout << "Wrote " << options.file << ".\n";
  return kSuccess;
}

// A map that was exported from one workspace names that workspace's departments and personas; here they are those of
// this one.
std::string MovedTo(const std::string& workspace, absl::string_view json) {
  constexpr absl::string_view kStart = "\"workspaces/";
  std::string moved;
  for (size_t at = json.find(kStart); at != absl::string_view::npos; at = json.find(kStart)) {
    const size_t id_end = json.find_first_of("/\"", at + kStart.size());
    if (id_end == absl::string_view::npos) break;
    absl::StrAppend(&moved, json.substr(0, at), "\"", workspace);
    json.remove_prefix(id_end);
  }
  return absl::StrCat(moved, json);
}

absl::StatusOr<ExitCode> Import(Session& session, const MapOptions& options) {
  v1::ImportJourneyMapRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.WorkspaceName());
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(options.file));
  v1::JourneyMapFormat format;
  ASSIGN_OR_RETURN(format, FormatOf(options));
  request.set_format(format);
  request.set_text(format == v1::JSON ? MovedTo(request.parent(), text) : text);
  request.set_journey_map_id(options.map);
  request.set_allow_replace(options.replace);
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::JourneyMap map, client->Call(&v1::JourneyMapService::Stub::ImportJourneyMap, request));
  if (session.json()) {
    session.PrintJson(map);
    return kSuccess;
  }
  std::cout << "Imported " << session.paint()(Color::kBold, map.display_name()) << " as " << map.name() << ": "
            << FormatCount(map.phases_size(), "phase", "phases") << ", "
            << FormatCount(map.touchpoints_size(), "touchpoint", "touchpoints") << ", "
            << FormatCount(map.transitions_size(), "transition", "transitions") << ".\n";
  return kSuccess;
}

absl::StatusOr<ExitCode> Publish(Session& session, const MapOptions& options) {
  v1::PublishJourneyMapRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), session.NameBelowWorkspace("journeyMaps", options.map));
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::JourneyMap map, client->Call(&v1::JourneyMapService::Stub::PublishJourneyMap, request));
  if (session.json()) {
    session.PrintJson(map);
  } else {
    std::cout << "Published " << session.paint()(Color::kBold, map.display_name()) << " as version "
              << std::string(LastSegment(map.published_version()))
              << "; every event, past and coming, is now held against it.\n";
  }
  return kSuccess;
}

void AddDiscover(CLI::App& group, Command& command) {
  auto options = std::make_shared<MapOptions>();
  CLI::App* const discover = group.add_subcommand("discover", "Draft a map from what was recorded");
  discover->add_option("--filter", options->filter, "Only events that match, for example 'source = \"shop\"'");
  discover->add_option("--correlation", options->correlation, "Property that tells the runs of one customer apart");
  discover->add_option("--touchpoints", options->touchpoints_max, "At most this many touchpoints; default 40")
      ->check(CLI::Range(1, 200));
  discover->add_option("--share", options->share_min, "Leave out ways that fewer take; default 0.05")
      ->check(CLI::Range(0.0, 1.0));
  discover->add_option("--name", options->display_name, "Name of the drafted map");
  discover->add_option("--create", options->create_id, "Store the draft under this id");
  discover->footer(
      "Example:\n  throughline map discover --workspace loans --touchpoints 12 --create loan --name \"Loan\"");
  discover->callback([options, &command] { command = [options](Session& s) { return Discover(s, *options); }; });
}

void AddExchange(CLI::App& group, Command& command) {
  auto export_options = std::make_shared<MapOptions>();
  CLI::App* const export_command =
      group.add_subcommand("export", "Write a map as JSON or as a Mermaid journey diagram");
  export_command->add_option("MAP", export_options->map, "The map's id")->required();
  export_command->add_option("-o,--output", export_options->file, "Write to this file; default: the standard output");
  export_command
      ->add_option("--as", export_options->file_format, "json or mermaid; default: by the file's ending, else json")
      ->check(CLI::IsMember({"json", "mermaid"}));
  export_command->footer("Example:\n  throughline map export order-to-review --workspace shop --as mermaid");
  export_command->callback(
      [export_options, &command] { command = [export_options](Session& s) { return Export(s, *export_options); }; });

  auto import_options = std::make_shared<MapOptions>();
  CLI::App* const import_command = group.add_subcommand("import", "Store a map that was written as JSON or Mermaid");
  import_command->add_option("FILE", import_options->file, "The file; `-` is the standard input")->required();
  import_command->add_option("--id", import_options->map, "Id of the map; default: chosen by the server");
  import_command
      ->add_option("--as", import_options->file_format, "json or mermaid; default: by the file's ending, else json")
      ->check(CLI::IsMember({"json", "mermaid"}));
  import_command->add_flag("--replace", import_options->replace, "Replace the map if it exists");
  import_command->footer(
      "Departments, personas and stages that a JSON map names are taken from the workspace it is imported into.\n\n"
      "Example:\n  throughline map import order-to-review.json --id order-to-review --workspace shop");
  import_command->callback(
      [import_options, &command] { command = [import_options](Session& s) { return Import(s, *import_options); }; });
}

}  // namespace

void AddMapCommands(CLI::App& app, Command& command) {
  CLI::App* const group = app.add_subcommand("map", "Journey maps: draft, show, exchange, publish");
  group->require_subcommand(1);
  AddDiscover(*group, command);

  auto show_options = std::make_shared<MapOptions>();
  CLI::App* const show = group->add_subcommand("show", "Draw a map with its numbers");
  show->add_option("MAP", show_options->map, "The map's id")->required();
  show->footer("Example:\n  throughline map show order-to-review --workspace shop");
  show->callback([show_options, &command] { command = [show_options](Session& s) { return Show(s, *show_options); }; });

  CLI::App* const list = group->add_subcommand("list", "List the maps of a workspace");
  list->footer("Example:\n  throughline map list --workspace shop");
  list->callback([&command] { command = List; });

  AddExchange(*group, command);

  auto publish_options = std::make_shared<MapOptions>();
  CLI::App* const publish = group->add_subcommand("publish", "Freeze a map as its next version and measure it");
  publish->add_option("MAP", publish_options->map, "The map's id")->required();
  publish->footer("Example:\n  throughline map publish order-to-review --workspace shop");
  publish->callback([publish_options, &command] {
    command = [publish_options](Session& s) { return Publish(s, *publish_options); };
  });
}

}  // namespace throughline::cli
