// The command-line client. An ordinary client of the gRPC API; everything it can do, any program can.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "services/main/cli/session.h"

namespace {

constexpr char kFooter[] = R"(Exit codes:
  0  done
  1  the server refused, or a file could not be opened
  2  the command line is wrong
  3  an import read its file to the end, but some of it was left out; the summary says what
  4  an import recorded what came before the place where the file is cut off or damaged
  5  no server answers, or it went away and did not come back

Environment: THROUGHLINE_ADDRESS, THROUGHLINE_WORKSPACE, NO_COLOR

Example:
  throughline --workspace demo map list)";

int Run(int argc, char** argv) {
  using namespace throughline::cli;
  CLI::App app("Throughline on the command line: import events, draw and publish maps, read numbers.", "throughline");
  CommonOptions options;
  app.add_option("--address", options.address, "Where the server listens for gRPC")
      ->envname("THROUGHLINE_ADDRESS")
      ->capture_default_str();
  app.add_option("-w,--workspace", options.workspace, "The workspace, by its id")->envname("THROUGHLINE_WORKSPACE");
  app.add_option("--format", options.format, "How results are written: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);

  Command command;
  AddImportCommands(app, command);
  AddWorkspaceCommands(app, command);
  AddMapCommands(app, command);
  AddMetricCommands(app, command);
  AddCustomerCommands(app, command);
  AddAnalysisCommands(app, command);
  // `throughline map show x --workspace w` reads as well as `throughline --workspace w map show x`.
  for (CLI::App* group : app.get_subcommands({})) {
    group->fallthrough();
    for (CLI::App* leaf : group->get_subcommands({})) leaf->fallthrough();
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help is a success; everything else is a wrong command line.
    return app.exit(error) == 0 ? kSuccess : kUsage;
  }
  Session session(options);
  const absl::StatusOr<ExitCode> code = command(session);
  if (code.ok()) return *code;
  session.PrintError(code.status());
  return ExitCodeOf(code.status());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return throughline::cli::kFailure;
  }
}
