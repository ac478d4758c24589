#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/base/status_macros.h"
#include "services/events/time_text.h"
#include "services/events/value_text.h"
#include "services/main/cli/durations.h"
#include "services/main/cli/session.h"

namespace throughline::cli {
namespace {

struct AnalysisOptions {
  std::vector<std::string> steps;
  std::string window;
  std::string correlation;
  std::string filter;
  std::string from, to;
  int edges_max = 40;
};

// `order_placed`, `placed|bought` (any of these names), or `filter:channel = "web"`.
v1::EventBinding StepOf(const std::string& text) {
  v1::EventBinding step;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "filter:")) {
    step.set_filter(std::string(absl::StripAsciiWhitespace(rest)));
    return step;
  }
  for (const absl::string_view name : absl::StrSplit(rest, '|')) step.add_event_names(std::string(name));
  return step;
}

absl::Status SetInterval(const AnalysisOptions& options, v1::TimeInterval& interval) {
  const auto set = [](const std::string& option, const std::string& text, google::protobuf::Timestamp& timestamp) {
    const TimeTextResult time = ParseIsoTime(text, absl::UTCTimeZone());
    if (time.kind != TimeTextKind::kOk) {
      return UsageError(absl::StrCat(option, ": '", text, "' is no time; write 2018-01-31 or 2018-01-31T13:45:00Z"));
    }
    SetTimestamp(time.time, timestamp);
    return absl::OkStatus();
  };
  if (!options.from.empty()) RETURN_IF_ERROR(set("--from", options.from, *interval.mutable_start_time()));
  if (!options.to.empty()) RETURN_IF_ERROR(set("--to", options.to, *interval.mutable_end_time()));
  return absl::OkStatus();
}

void PrintFunnel(const Session& session, const AnalysisOptions& options, const v1::QueryFunnelResponse& funnel) {
  const int64_t entrants = funnel.steps().empty() ? 0 : funnel.steps(0).count();
  Table table({{"STEP"},
               {"RUNS", Table::Align::kRight},
               {"OF STEP BEFORE", Table::Align::kRight},
               {"95 % INTERVAL", Table::Align::kRight},
               {"OF FIRST", Table::Align::kRight},
               {""}});
  constexpr int kBarWidth = 30;
  for (int i = 0; i < funnel.steps_size(); ++i) {
    const v1::FunnelStep& step = funnel.steps(i);
    std::string bar;
    const int64_t cells = entrants == 0 ? 0 : (step.count() * kBarWidth + entrants / 2) / entrants;
    for (int64_t c = 0; c < cells; ++c) bar += "█";
    table.AddRow({static_cast<size_t>(i) < options.steps.size() ? options.steps[i] : absl::StrCat(i + 1),
                  FormatCount(step.count()),
                  step.has_conversion() ? absl::StrFormat("%.2f %%", step.conversion() * 100) : "",
                  step.has_conversion_low()
                      ? absl::StrFormat("%.2f – %.2f %%", step.conversion_low() * 100, step.conversion_high() * 100)
                      : "",
                  step.has_overall_conversion() ? absl::StrFormat("%.2f %%", step.overall_conversion() * 100) : "",
                  session.paint()(Color::kCyan, bar)});
  }
  table.Print(std::cout, session.paint());
  std::cout << '\n' << FormatCount(funnel.instance_count(), "run", "runs") << " read";
  if (funnel.immature_count() > 0) {
    std::cout << "; " << FormatCount(funnel.immature_count()) << " of them may still convert (their window is open)";
  }
  std::cout << '\n';
}

absl::StatusOr<ExitCode> Funnel(Session& session, const AnalysisOptions& options) {
  v1::QueryFunnelRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.WorkspaceName());
  request.set_correlation_property(options.correlation);
  for (const std::string& step : options.steps) *request.add_steps() = StepOf(step);
  if (!options.window.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_window(), ParseDurationOption("--window", options.window));
  }
  if (!options.from.empty() || !options.to.empty()) {
    RETURN_IF_ERROR(SetInterval(options, *request.mutable_interval()));
  }
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::QueryFunnelResponse response,
                   client->Call(&v1::AnalysisService::Stub::QueryFunnel, request));
  if (session.json()) {
    session.PrintJson(response);
  } else {
    PrintFunnel(session, options, response);
  }
  return kSuccess;
}

void PrintGraph(const Session& session, const AnalysisOptions& options, const v1::QueryTransitionGraphResponse& graph) {
  std::cout << FormatCount(graph.event_count(), "event", "events") << ", "
            << FormatCount(graph.instance_count(), "run", "runs") << ", "
            << FormatCount(graph.nodes_size(), "event name", "event names") << ", "
            << FormatCount(graph.edges_size(), "transition", "transitions") << "\n\n";
  Table table({{"FROM"}, {"TO"}, {"COUNT", Table::Align::kRight}, {"MEDIAN TIME", Table::Align::kRight}});
  int shown = 0;
  for (const v1::TransitionGraphEdge& edge : graph.edges()) {
    if (shown++ == options.edges_max) break;
    table.AddRow({edge.from_event_name(), edge.to_event_name(), FormatCount(edge.count()),
                  DurationText(absl::Seconds(edge.median_seconds()))});
  }
  table.Print(std::cout, session.paint());
  if (graph.edges_size() > options.edges_max) {
    std::cout << session.paint()(Color::kDim, absl::StrCat("… and ", graph.edges_size() - options.edges_max,
                                                           " rarer transitions; see --top"))
              << '\n';
  }
}

absl::StatusOr<ExitCode> Graph(Session& session, const AnalysisOptions& options) {
  v1::QueryTransitionGraphRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.WorkspaceName());
  request.set_correlation_property(options.correlation);
  request.set_filter(options.filter);
  if (!options.from.empty() || !options.to.empty()) {
    RETURN_IF_ERROR(SetInterval(options, *request.mutable_interval()));
  }
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::QueryTransitionGraphResponse response,
                   client->Call(&v1::AnalysisService::Stub::QueryTransitionGraph, request));
  if (session.json()) {
    session.PrintJson(response);
  } else {
    PrintGraph(session, options, response);
  }
  return kSuccess;
}

void AddCommonOptions(CLI::App& app, AnalysisOptions& options) {
  app.add_option("--correlation", options.correlation,
                 "Property that tells the runs of one customer apart, for example order_id");
  app.add_option("--from", options.from, "Only events from this time on, for example 2018-01-31");
  app.add_option("--to", options.to, "Only events before this time");
}

}  // namespace

void AddAnalysisCommands(CLI::App& app, Command& command) {
  auto funnel_options = std::make_shared<AnalysisOptions>();
  CLI::App* const funnel = app.add_subcommand("funnel", "How many runs take steps in order");
  funnel
      ->add_option("--step", funnel_options->steps,
                   "A step, repeated in order: an event name, several with | between, or filter:EXPRESSION")
      ->required()
      ->allow_extra_args(false);
  funnel->add_option("--window", funnel_options->window,
                     "The last step must come within this time of the first: 30d, 12h");
  AddCommonOptions(*funnel, *funnel_options);
  funnel->footer(
      "Example:\n  throughline funnel --workspace shop --step order_placed --step order_delivered --window 30d");
  funnel->callback(
      [funnel_options, &command] { command = [funnel_options](Session& s) { return Funnel(s, *funnel_options); }; });

  auto graph_options = std::make_shared<AnalysisOptions>();
  CLI::App* const graph = app.add_subcommand("graph", "Which events follow each other, how often and how fast");
  graph->add_option("--filter", graph_options->filter, "Only events that match, for example 'channel = \"web\"'");
  graph->add_option("--top", graph_options->edges_max, "Show this many transitions")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  AddCommonOptions(*graph, *graph_options);
  graph->footer("Example:\n  throughline graph --workspace loans --top 10");
  graph->callback(
      [graph_options, &command] { command = [graph_options](Session& s) { return Graph(s, *graph_options); }; });
}

}  // namespace throughline::cli
