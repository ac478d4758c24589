#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/base/status_macros.h"
#include "services/events/byte_source.h"
#include "services/events/csv_reader.h"
#include "services/events/import_mapping.h"
#include "services/events/json_lines_reader.h"
#include "services/events/xes_reader.h"
#include "services/main/cli/import_report.h"
#include "services/main/cli/session.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

struct ImportOptions {
  std::string file;
  bool create_workspace = false;
  std::string problems_file;
};

// Opens the file; fails before anything is recorded if it, or what describes it, cannot be used.
using OpenReader = std::function<absl::StatusOr<std::unique_ptr<EventReader>>()>;

// `logs/bpi_2012.xes.gz` → `bpi_2012`: a name for the source that stays the same when the file is imported again.
std::string SourceOf(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const char* ending : {".gz", ".xes", ".jsonl", ".ndjson", ".json"}) {
    if (absl::EndsWith(name, ending) && name.size() > std::string(ending).size()) {
      name.resize(name.size() - std::string(ending).size());
    }
  }
  return name == "-" ? "import" : name;
}

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

absl::Status EnsureWorkspace(Client& client, const std::string& workspace, bool create) {
  v1::GetWorkspaceRequest get;
  get.set_name(workspace);
  const absl::Status status = client.Call(&v1::WorkspaceService::Stub::GetWorkspace, get).status();
  if (!absl::IsNotFound(status)) return status;
  const std::string id(LastSegment(workspace));
  if (!create) {
    return absl::NotFoundError(absl::StrCat("there is no workspace '", id,
                                            "'; add --create-workspace to make it, or see "
                                            "`throughline workspace list`"));
  }
  v1::CreateWorkspaceRequest request;
  request.set_workspace_id(id);
  request.mutable_workspace()->set_display_name(id);
  RETURN_IF_ERROR(client.Call(&v1::WorkspaceService::Stub::CreateWorkspace, request).status());
  std::cerr << "Created workspace '" << id << "'.\n";
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Import(Session& session, const ImportOptions& options, const OpenReader& open) {
  ImportSummary summary;
  summary.file = options.file == "-" ? "standard input" : options.file;
  ASSIGN_OR_RETURN(summary.workspace, session.WorkspaceName());
  ASSIGN_OR_RETURN(const std::unique_ptr<EventReader> reader, open());
  ASSIGN_OR_RETURN(ProblemLog problems, ProblemLog::Make(options.problems_file));
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  RETURN_IF_ERROR(EnsureWorkspace(*client, summary.workspace, options.create_workspace));

  const absl::Time start = absl::Now();
  Progress progress(SizeOf(options.file));
  EventWriter writer(*client, summary.workspace, {}, [&](const RejectedEvent& rejected) { problems.Add(rejected); });
  absl::Status status;
  v1::CustomerEvent event;
  RowProblem problem;
  for (bool more = true; more && status.ok();) {
    switch (reader->Next(event, problem)) {
      case EventReader::Outcome::kEvent:
        status = writer.Write(std::move(event), reader->line());
        break;
      case EventReader::Outcome::kProblem:
        problems.Add(problem);
        break;
      case EventReader::Outcome::kEnd:
        more = false;
        break;
    }
    progress.Update(*reader);
  }
  if (status.ok()) status = writer.Finish();
  progress.Finish();
  summary.rows = reader->rows_read();
  summary.totals = writer.totals();
  summary.elapsed = absl::Now() - start;
  summary.notes = reader->Notes();
  PrintImportSummary(session, summary, problems);
  RETURN_IF_ERROR(problems.Close());
  if (!status.ok()) {
    std::cerr << "The import broke off; what the summary counts as recorded is durable, and importing the file again "
                 "records only the rest.\n";
    return status;
  }
  if (problems.file_incomplete()) return kFileIncomplete;
  return problems.total() > 0 ? kSomeRowsLeftOut : kSuccess;
}

void AddCommonOptions(CLI::App& app, ImportOptions& options) {
  app.add_option("FILE", options.file, "The file, also gzipped; `-` is the standard input")->required();
  app.add_flag("--create-workspace", options.create_workspace, "Make the workspace if there is none");
  app.add_option("--problems", options.problems_file, "Write every problem to this CSV file");
}

void AddCsv(CLI::App& group, Command& command) {
  CLI::App* const csv = group.add_subcommand("csv", "A CSV file, with a mapping that says what its rows are");
  auto options = std::make_shared<ImportOptions>();
  auto mapping_file = std::make_shared<std::string>();
  AddCommonOptions(*csv, *options);
  csv->add_option("-m,--mapping", *mapping_file, "The mapping, a JSON file; see docs/import.md")->required();
  csv->footer(
      "A mapping for a file with the columns order_id, customer_id and placed_at:\n"
      "  {\"source\": \"shop\", \"events\": [{\"eventName\": \"order_placed\", \"id\": \"{order_id}\",\n"
      "   \"customerId\": \"{customer_id}\", \"eventTime\": \"{placed_at}\"}]}\n\n"
      "Example:\n  throughline import csv orders.csv.gz --mapping orders.mapping.json --workspace shop");
  csv->callback([options, mapping_file, &command] {
    command = [options, mapping_file](Session& session) {
      return Import(session, *options, [&]() -> absl::StatusOr<std::unique_ptr<EventReader>> {
        ASSIGN_OR_RETURN(const std::string json, ReadTextFile(*mapping_file));
        ASSIGN_OR_RETURN(const v1::ImportMapping mapping, ParseImportMapping(json));
        ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(options->file));
        return MakeCsvEventReader(std::move(source), mapping,
                                  std::filesystem::path(options->file).parent_path().string());
      });
    };
  });
}

void AddXes(CLI::App& group, Command& command) {
  CLI::App* const xes = group.add_subcommand("xes", "An XES event log: each trace becomes a customer");
  auto options = std::make_shared<ImportOptions>();
  auto xes_options = std::make_shared<XesOptions>();
  auto no_trace_properties = std::make_shared<bool>(false);
  AddCommonOptions(*xes, *options);
  xes->add_option("--source", xes_options->source, "Name of the source; default: the file's name without its endings");
  xes->add_option("--customer-attribute", xes_options->customer_attribute, "Trace attribute that names the customer")
      ->capture_default_str();
  xes->add_option("--event-name-attribute", xes_options->event_name_attribute, "Event attribute that is the event name")
      ->capture_default_str();
  xes->add_option("--department-attribute", xes_options->department_attribute,
                  "Event attribute that names the department, for example org:group");
  xes->add_option("--department", xes_options->department, "Department of events that name none");
  xes->add_option("--channel", xes_options->channel, "Channel of all events");
  xes->add_flag("--no-trace-properties", *no_trace_properties, "Do not copy the trace's attributes to its events");
  xes->footer(
      "Attributes become properties, with `:` written `_`: lifecycle:transition → lifecycle_transition; those of the\n"
      "trace get `trace_` in front.\n\n"
      "Example:\n  throughline import xes log.xes.gz --workspace loans --create-workspace");
  xes->callback([options, xes_options, no_trace_properties, &command] {
    command = [options, xes_options, no_trace_properties](Session& session) {
      return Import(session, *options, [&]() -> absl::StatusOr<std::unique_ptr<EventReader>> {
        XesOptions used = *xes_options;
        if (used.source.empty()) used.source = SourceOf(options->file);
        used.trace_properties = !*no_trace_properties;
        ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(options->file));
        return MakeXesEventReader(std::move(source), used);
      });
    };
  });
}

void AddJsonLines(CLI::App& group, Command& command) {
  CLI::App* const jsonl = group.add_subcommand("jsonl", "A file with one CustomerEvent as JSON on each line");
  auto options = std::make_shared<ImportOptions>();
  auto source_name = std::make_shared<std::string>();
  AddCommonOptions(*jsonl, *options);
  jsonl->add_option("--source", *source_name, "Source of events that name none; default: the file's name");
  jsonl->footer(
      "A line:\n  {\"id\": \"e1\", \"source\": \"shop\", \"customerId\": \"c1\", \"eventTime\": "
      "\"2026-01-01T10:00:00Z\", "
      "\"eventName\": \"order_placed\"}\n\n"
      "Example:\n  throughline import jsonl events.jsonl --workspace shop");
  jsonl->callback([options, source_name, &command] {
    command = [options, source_name](Session& session) {
      return Import(session, *options, [&]() -> absl::StatusOr<std::unique_ptr<EventReader>> {
        ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, OpenByteSource(options->file));
        return MakeJsonLinesEventReader(std::move(source),
                                        source_name->empty() ? SourceOf(options->file) : *source_name);
      });
    };
  });
}

}  // namespace

void AddImportCommands(CLI::App& app, Command& command) {
  CLI::App* const group = app.add_subcommand("import", "Record the events of a file; doing it again changes nothing");
  group->require_subcommand(1);
  AddCsv(*group, command);
  AddXes(*group, command);
  AddJsonLines(*group, command);
}

}  // namespace throughline::cli
