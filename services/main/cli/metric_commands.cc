#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "services/base/status_macros.h"
#include "services/main/cli/durations.h"
#include "services/main/cli/metric_text.h"
#include "services/main/cli/session.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

struct DefineOptions {
  std::string id, display_name, kind, respondents, direction;
  int scale_points = 0, ces_version = 0, min_n = 0;
  double confidence = 0;
  std::optional<double> target;
};

struct AttachOptions {
  std::string id, map, metric, touchpoint, phase, transition, to, filter, window, conversion_window;
  bool whole_map = false;
};

struct ValuesOptions {
  std::string map;
  bool wait = false;
};

// Values that follow an import within the time that a pass over a large store takes.
constexpr absl::Duration kWaitMax = absl::Seconds(60);
constexpr absl::Duration kLook = absl::Milliseconds(200);
// Values that depend on nothing new are not written again; after this long without change they are taken as final.
constexpr absl::Duration kQuiet = absl::Seconds(3);

std::string UpperSnake(absl::string_view text) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}}));
}

absl::StatusOr<ExitCode> Define(Session& session, const DefineOptions& options) {
  v1::CreateMetricDefinitionRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.WorkspaceName());
  request.set_metric_definition_id(options.id);
  v1::MetricDefinition& definition = *request.mutable_metric_definition();
  v1::MetricDefinition::Kind kind;
  if (!v1::MetricDefinition::Kind_Parse(UpperSnake(options.kind), &kind)) {
    return UsageError(absl::StrCat("--kind: '", options.kind,
                                   "' is none of nps, csat, ces, volume, conversion, drop-off, time-between"));
  }
  definition.set_kind(kind);
  definition.set_display_name(options.display_name.empty() ? KindName(kind) : options.display_name);
  definition.set_scale_points(options.scale_points);
  definition.set_ces_version(options.ces_version);
  definition.set_min_n(options.min_n);
  definition.set_confidence_level(options.confidence);
  if (options.target.has_value()) definition.set_target(*options.target);
  if (!options.respondents.empty()) {
    v1::MetricDefinition::RespondentPolicy policy = v1::MetricDefinition::RESPONDENT_POLICY_UNSPECIFIED;
    v1::MetricDefinition::RespondentPolicy_Parse(UpperSnake(options.respondents), &policy);
    definition.set_respondent_policy(policy);
  }
  if (!options.direction.empty()) {
    definition.set_direction(options.direction == "higher" ? v1::MetricDefinition::HIGHER_IS_BETTER
                                                           : v1::MetricDefinition::LOWER_IS_BETTER);
  }
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::MetricDefinition stored,
                   client->Call(&v1::MetricService::Stub::CreateMetricDefinition, request));
  if (session.json()) {
    session.PrintJson(stored);
  } else {
    std::cout << "Defined " << session.paint()(Color::kBold, stored.display_name()) << " (" << stored.name()
              << ", version " << stored.version() << ").\n";
  }
  return kSuccess;
}

absl::StatusOr<ExitCode> Attach(Session& session, const AttachOptions& options) {
  v1::CreateMetricAttachmentRequest request;
  ASSIGN_OR_RETURN(*request.mutable_parent(), session.NameBelowWorkspace("journeyMaps", options.map));
  request.set_metric_attachment_id(options.id);
  v1::MetricAttachment& attachment = *request.mutable_metric_attachment();
  ASSIGN_OR_RETURN(*attachment.mutable_metric_definition(),
                   session.NameBelowWorkspace("metricDefinitions", options.metric));
  if (options.whole_map) attachment.set_whole_map(true);
  if (!options.phase.empty()) attachment.set_phase(options.phase);
  if (!options.touchpoint.empty()) attachment.set_touchpoint(options.touchpoint);
  if (!options.transition.empty()) attachment.set_transition(options.transition);
  attachment.set_target_touchpoint(options.to);
  attachment.set_filter(options.filter);
  if (!options.window.empty()) {
    ASSIGN_OR_RETURN(*attachment.mutable_rolling_window(), ParseDurationOption("--window", options.window));
  }
  if (!options.conversion_window.empty()) {
    ASSIGN_OR_RETURN(*attachment.mutable_conversion_window(),
                     ParseDurationOption("--conversion-window", options.conversion_window));
  }
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  ASSIGN_OR_RETURN(const v1::MetricAttachment stored,
                   client->Call(&v1::MetricService::Stub::CreateMetricAttachment, request));
  if (session.json()) {
    session.PrintJson(stored);
  } else {
    std::cout << "Attached " << stored.name() << ".\n";
  }
  return kSuccess;
}

std::string SubjectText(const v1::MetricAttachment& attachment) {
  std::string subject;
  switch (attachment.subject_case()) {
    case v1::MetricAttachment::kWholeMap:
      return "whole map";
    case v1::MetricAttachment::kPhase:
      return absl::StrCat("phase ", attachment.phase());
    case v1::MetricAttachment::kTouchpoint:
      subject = attachment.touchpoint();
      break;
    case v1::MetricAttachment::kTransition:
      return absl::StrCat("transition ", attachment.transition());
    case v1::MetricAttachment::SUBJECT_NOT_SET:
      break;
  }
  if (!attachment.target_touchpoint().empty()) absl::StrAppend(&subject, " → ", attachment.target_touchpoint());
  return subject;
}

// Waits until every value was computed with the published version of the map and covers all that is recorded now. A
// value that says nothing new is not written again, so values that have not changed for a while are taken too.
absl::StatusOr<std::vector<AttachedMetric>> WaitForValues(Session& session, Client& client, const std::string& map) {
  v1::GetEventStatisticsRequest request;
  request.set_name(absl::StrCat(WorkspaceNameOf(map), "/eventStatistics"));
  ASSIGN_OR_RETURN(const v1::EventStatistics statistics,
                   client.Call(&v1::EventService::Stub::GetEventStatistics, request));
  v1::GetJourneyMapRequest map_request;
  map_request.set_name(map);
  ASSIGN_OR_RETURN(const v1::JourneyMap current, client.Call(&v1::JourneyMapService::Stub::GetJourneyMap, map_request));
  const absl::Time start = absl::Now();
  absl::Time changed = start;
  std::string seen;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<AttachedMetric> metrics, ListAttachedMetrics(client, map));
    bool pending = false, behind = false;
    std::string now_seen;
    for (const AttachedMetric& metric : metrics) {
      pending = pending || metric.value.state() == v1::MetricValue::PENDING;
      behind = behind || metric.value.data_watermark() < statistics.data_watermark() ||
               metric.value.journey_map_version() != current.published_version();
      absl::StrAppend(&now_seen, metric.value.SerializeAsString());
    }
    const absl::Time now = absl::Now();
    if (now_seen != seen) changed = now;
    seen = now_seen;
    if (!pending && (!behind || now - changed > kQuiet)) return metrics;
    if (now - start > kWaitMax) {
      std::cerr << session.paint()(Color::kYellow, "The values are not yet up to date; ask again later.") << '\n';
      return metrics;
    }
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kLook));
  }
}

absl::StatusOr<ExitCode> Values(Session& session, const ValuesOptions& options) {
  ASSIGN_OR_RETURN(const std::string map, session.NameBelowWorkspace("journeyMaps", options.map));
  ASSIGN_OR_RETURN(Client* const client, session.Connect());
  std::vector<AttachedMetric> metrics;
  if (options.wait) {
    ASSIGN_OR_RETURN(metrics, WaitForValues(session, *client, map));
  } else {
    ASSIGN_OR_RETURN(metrics, ListAttachedMetrics(*client, map));
  }
  if (session.json()) {
    v1::ListMetricValuesResponse response;
    for (const AttachedMetric& metric : metrics) *response.add_metric_values() = metric.value;
    session.PrintJson(response);
    return kSuccess;
  }
  if (metrics.empty()) {
    std::cout << "Nothing is measured on this map yet. See `throughline metric attach --help`.\n";
    return kSuccess;
  }
  Table table({{"SUBJECT"},
               {"METRIC"},
               {"VALUE", Table::Align::kRight},
               {"INTERVAL", Table::Align::kRight},
               {"N", Table::Align::kRight},
               {"ALSO"},
               {"METHOD"},
               {"STATE"},
               {"LEFT OUT"}});
  for (const AttachedMetric& metric : metrics) {
    const v1::MetricValue& value = metric.value;
    const Paint& paint = session.paint();
    table.AddRow({SubjectText(metric.attachment), metric.definition.display_name(),
                  paint(Color::kBold, ValueText(value)), IntervalText(value), FormatCount(value.n()),
                  DetailsText(value), value.method(), paint(StateColor(value), StateText(value)),
                  paint(Color::kYellow, ExcludedText(value))});
  }
  table.Print(std::cout, session.paint());
  return kSuccess;
}

void AddDefine(CLI::App& group, Command& command) {
  auto options = std::make_shared<DefineOptions>();
  CLI::App* const define = group.add_subcommand("define", "Say what a number means");
  define->add_option("ID", options->id, "Id of the definition")->required();
  define->add_option("--kind", options->kind, "nps, csat, ces, volume, conversion, drop-off or time-between")
      ->required();
  define->add_option("--name", options->display_name, "Name shown to people; default: the kind");
  define->add_option("--scale", options->scale_points, "Points of the scale of a CSAT: 5, 7 or 10");
  define->add_option("--ces-version", options->ces_version, "1 (effort, 1–5) or 2 (ease, 1–7)");
  define->add_option("--respondents", options->respondents, "Which answers of one customer count: all, first or latest")
      ->check(CLI::IsMember({"all", "first", "latest"}));
  define->add_option("--direction", options->direction, "Which way is better: higher or lower")
      ->check(CLI::IsMember({"higher", "lower"}));
  define->add_option("--target", options->target, "The level to reach, in the unit of the value");
  define->add_option("--min-n", options->min_n, "Below this many the value is marked; default 30");
  define->add_option("--confidence", options->confidence, "Confidence level of the interval; default 0.95");
  define->footer("Example:\n  throughline metric define csat --kind csat --name \"Review CSAT\" --workspace shop");
  define->callback([options, &command] { command = [options](Session& s) { return Define(s, *options); }; });
}

void AddAttach(CLI::App& group, Command& command) {
  auto options = std::make_shared<AttachOptions>();
  CLI::App* const attach = group.add_subcommand("attach", "Measure something on a map");
  attach->add_option("ID", options->id, "Id of the attachment")->required();
  attach->add_option("--map", options->map, "The map's id")->required();
  attach->add_option("--metric", options->metric, "Id of the definition")->required();
  CLI::Option_group* const subject = attach->add_option_group("subject", "What is measured, one of");
  subject->add_option("--touchpoint", options->touchpoint, "Id of a touchpoint");
  subject->add_option("--phase", options->phase, "Id of a phase");
  subject->add_option("--transition", options->transition, "Id of a transition");
  subject->add_flag("--whole-map", options->whole_map, "Everything");
  subject->require_option(1);
  attach->add_option("--to", options->to, "Id of the later touchpoint, for conversion, drop-off and time between");
  attach->add_option("--filter", options->filter, "Only events that match, for example 'channel = \"web\"'");
  attach->add_option("--window", options->window, "Only the last so much time: 30d");
  attach->add_option("--conversion-window", options->conversion_window, "The target must follow within this time: 7d");
  attach->footer(
      "Example:\n  throughline metric attach review-csat --map order-to-review --metric csat --touchpoint review "
      "--workspace shop");
  attach->callback([options, &command] { command = [options](Session& s) { return Attach(s, *options); }; });
}

}  // namespace

void AddMetricCommands(CLI::App& app, Command& command) {
  CLI::App* const group =
      app.add_subcommand("metric", "Numbers: what they mean, where they are measured, what they are");
  group->require_subcommand(1);
  AddDefine(*group, command);
  AddAttach(*group, command);

  auto options = std::make_shared<ValuesOptions>();
  CLI::App* const values = group->add_subcommand("values", "The numbers of a map, with n, interval and method");
  values->add_option("MAP", options->map, "The map's id")->required();
  values->add_flag("--wait", options->wait, "Wait until they cover everything that is recorded, up to a minute");
  values->footer("Example:\n  throughline metric values order-to-review --workspace shop --wait");
  values->callback([options, &command] { command = [options](Session& s) { return Values(s, *options); }; });
}

}  // namespace throughline::cli
