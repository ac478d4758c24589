// What every command shares: the options of the program, the connection, and how results and errors are written.
// Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "services/main/cli/exit_codes.h"
#include "services/main/cli/terminal.h"
#include "throughline/client.h"

namespace CLI {
class App;
}

namespace throughline::cli {

// The options of the program, the same for every command.
struct CommonOptions {
  std::string address = "127.0.0.1:7420";
  std::string workspace;
  std::string format = "table";
};

class Session {
 public:
  explicit Session(const CommonOptions& options);

  // Connects on first use. UNAVAILABLE with what to do.
  absl::StatusOr<Client*> Connect();

  // `workspaces/{workspace}` of --workspace, which may be given as id or name. INVALID_ARGUMENT if it is missing or no
  // id.
  absl::StatusOr<std::string> WorkspaceName() const;
  // The full name of something that the user gave as id or full name: `maps/x` below the workspace.
  absl::StatusOr<std::string> NameBelowWorkspace(absl::string_view collection, absl::string_view id_or_name) const;

  bool json() const { return options_.format == "json"; }
  const Paint& paint() const { return paint_; }
  const CommonOptions& options() const { return options_; }

  // Writes a message as indented JSON to the standard output.
  void PrintJson(const google::protobuf::Message& message) const;
  // Writes an error in words, with the fields that are wrong and what to do, to the standard error.
  void PrintError(const absl::Status& status) const;

 private:
  const CommonOptions options_;
  const Paint paint_;
  const Paint error_paint_;
  std::unique_ptr<Client> client_;
};

// A command line that was understood and is to be run.
using Command = std::function<absl::StatusOr<ExitCode>(Session&)>;

// Each adds its commands to the program; the one that is chosen sets `command`.
void AddImportCommands(CLI::App& app, Command& command);
void AddWorkspaceCommands(CLI::App& app, Command& command);
void AddMapCommands(CLI::App& app, Command& command);
void AddMetricCommands(CLI::App& app, Command& command);
void AddCustomerCommands(CLI::App& app, Command& command);
void AddAnalysisCommands(CLI::App& app, Command& command);

// Every page of a list: `list` is called with a page token and returns the next one.
absl::Status ForEachPage(const std::function<absl::StatusOr<std::string>(const std::string& page_token)>& list);

// Reads a whole small file (at most 8 MiB); `-` is the standard input.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);
absl::Status WriteTextFile(const std::string& path, absl::string_view text);

// An error of the command line itself, as INVALID_ARGUMENT.
absl::Status UsageError(absl::string_view what);
// The exit code that an error ends the program with.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace throughline::cli
