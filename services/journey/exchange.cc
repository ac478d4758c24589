#include "services/journey/exchange.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "services/catalog/resource_document.h"
#include "services/journey/element_ids.h"
#include "services/journey/mermaid.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

constexpr char kFormatExpected[] = "must be JSON or MERMAID";
// Actors who are no department stand on a line of their own in the touchpoint's description.
constexpr char kActorsLine[] = "Actors: ";
// Score 3 is a neutral emotion.
constexpr double kNeutralScore = 3;
constexpr char kUnnamedMap[] = "Imported journey";
constexpr char kUnnamedPhase[] = "Journey";

// ---- JSON -----------------------------------------------------------------------------------------------------------

// What the catalog says about a map, and what publishing does; none of it travels.
void ClearOutputFields(v1::JourneyMap& map) {
  ClearDerivedFields(map);
  map.clear_name();
  map.clear_published_version();
  map.clear_publish_time();
}

absl::StatusOr<std::string> ExportJson(const v1::JourneyMap& map) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(map, &text, options);
  if (!status.ok()) return Internal(status.ToString());
  return text;
}

// The JSON reader says where and what in its message: "(touchpoints[0]): invalid name bogus: Cannot find field."
absl::Status JsonError(absl::string_view message) {
  static constexpr char kUnknown[] = ": Cannot find field.";
  if (!absl::EndsWith(message, kUnknown)) return MalformedRequest(message);
  absl::string_view what = absl::StripSuffix(message, kUnknown);
  std::string path;
  if (absl::ConsumePrefix(&what, "(")) {
    const size_t end = what.find(')');
    path = std::string(what.substr(0, end));
    what = end == absl::string_view::npos ? "" : what.substr(end + 1);
  }
  // The unknown name is the last word; it cannot hold a space and be a field of ours.
  const size_t space = what.rfind(' ');
  const absl::string_view name = space == absl::string_view::npos ? what : what.substr(space + 1);
  return UnknownField(FieldPath(path, name), v1::JourneyMap::descriptor()->full_name());
}

absl::StatusOr<v1::JourneyMap> ImportJson(absl::string_view text) {
  v1::JourneyMap map;
  const auto status = google::protobuf::util::JsonStringToMessage(std::string(text), &map);
  if (!status.ok()) return JsonError(std::string(status.message().data(), status.message().size()));
  ClearOutputFields(map);
  return map;
}

// ---- Mermaid --------------------------------------------------------------------------------------------------------

// How everybody feels: the emotion without a persona, else the mean over personas.
double Score(const v1::Touchpoint& touchpoint) {
  if (touchpoint.emotions_size() == 0) return kNeutralScore;
  double sum = 0;
  for (const v1::Emotion& emotion : touchpoint.emotions()) {
    if (emotion.persona().empty()) return emotion.level() + kNeutralScore;
    sum += emotion.level();
  }
  return sum / touchpoint.emotions_size() + kNeutralScore;
}

std::vector<std::string> Actors(const v1::Touchpoint& touchpoint, const std::vector<DepartmentActor>& departments) {
  std::vector<std::string> actors;
  if (!touchpoint.department().empty()) {
    std::string actor(LastSegment(touchpoint.department()));
    for (const DepartmentActor& department : departments) {
      if (department.name == touchpoint.department() && !department.display_name.empty()) {
        actor = department.display_name;
      }
    }
    actors.push_back(std::move(actor));
  }
  for (absl::string_view line : absl::StrSplit(touchpoint.description(), '\n')) {
    if (!absl::ConsumePrefix(&line, kActorsLine)) continue;
    for (const absl::string_view actor : absl::StrSplit(line, ", ", absl::SkipEmpty())) actors.emplace_back(actor);
  }
  return actors;
}

std::string ExportMermaid(const v1::JourneyMap& map, const std::vector<DepartmentActor>& departments) {
  MermaidJourney journey;
  journey.title = map.display_name();
  journey.description = map.description();
  for (const v1::Phase& phase : map.phases()) {
    MermaidSection& section = journey.sections.emplace_back();
    section.name = phase.display_name();
    for (const v1::Touchpoint& touchpoint : map.touchpoints()) {
      if (touchpoint.phase() != phase.id()) continue;
      section.tasks.push_back({touchpoint.display_name(), Score(touchpoint), Actors(touchpoint, departments)});
    }
  }
  return WriteMermaid(journey);
}

const DepartmentActor* FindDepartment(absl::string_view actor, const std::vector<DepartmentActor>& departments) {
  for (const DepartmentActor& department : departments) {
    if (absl::EqualsIgnoreCase(actor, department.display_name) ||
        absl::EqualsIgnoreCase(actor, LastSegment(department.name))) {
      return &department;
    }
  }
  return nullptr;
}

void SetActors(const std::vector<std::string>& actors, const std::vector<DepartmentActor>& departments,
               v1::Touchpoint& touchpoint) {
  std::vector<std::string> others;
  for (const std::string& actor : actors) {
    const DepartmentActor* department = FindDepartment(actor, departments);
    if (department != nullptr && touchpoint.department().empty()) {
      touchpoint.set_department(department->name);
    } else {
      others.push_back(actor);
    }
  }
  if (!others.empty()) touchpoint.set_description(absl::StrCat(kActorsLine, absl::StrJoin(others, ", ")));
}

absl::StatusOr<v1::JourneyMap> ImportMermaid(absl::string_view text, const std::vector<DepartmentActor>& departments) {
  ASSIGN_OR_RETURN(const MermaidJourney journey, ParseMermaid(text));
  v1::JourneyMap map;
  map.set_display_name(journey.title.empty() ? kUnnamedMap : journey.title);
  map.set_description(journey.description);
  ElementIds ids;
  for (const MermaidSection& section : journey.sections) {
    v1::Phase& phase = *map.add_phases();
    phase.set_display_name(section.name.empty() ? kUnnamedPhase : section.name);
    phase.set_id(ids.Take(phase.display_name(), "phase"));
    for (const MermaidTask& task : section.tasks) {
      v1::Touchpoint& touchpoint = *map.add_touchpoints();
      touchpoint.set_id(ids.Take(task.name, "touchpoint"));
      touchpoint.set_phase(phase.id());
      touchpoint.set_display_name(task.name);
      v1::Emotion& emotion = *touchpoint.add_emotions();
      // 3.1 − 3 is .1 and not .10000000000000009.
      emotion.set_level(std::round((task.score - kNeutralScore) * 1e9) / 1e9);
      emotion.set_origin(v1::Emotion::ASSUMED);
      SetActors(task.actors, departments, touchpoint);
    }
  }
  return map;
}

}  // namespace

absl::StatusOr<std::vector<DepartmentActor>> ReadDepartmentActors(CatalogReader& reader,
                                                                  absl::string_view workspace_name) {
  ASSIGN_OR_RETURN(const auto documents, reader.ListByType(v1::Department::descriptor()->full_name(),
                                                           absl::StrCat(workspace_name, "/departments/")));
  std::vector<DepartmentActor> actors;
  for (const Document& document : documents) {
    ASSIGN_OR_RETURN(const auto department, document.Parse<v1::Department>());
    actors.push_back({document.name, department.display_name()});
  }
  return actors;
}

absl::StatusOr<std::string> ExportJourneyMap(const v1::JourneyMap& map, v1::JourneyMapFormat format,
                                             const std::vector<DepartmentActor>& departments) {
  if (format == v1::JSON) return ExportJson(map);
  if (format == v1::MERMAID) return ExportMermaid(map, departments);
  return InvalidField("format", kFormatExpected);
}

absl::StatusOr<v1::JourneyMap> ImportJourneyMap(absl::string_view text, v1::JourneyMapFormat format,
                                                const std::vector<DepartmentActor>& departments) {
  if (text.size() > limits::kImportTextBytesMax) {
    return InvalidField("text", absl::StrCat("has ", text.size(), " bytes, more than ", limits::kImportTextBytesMax));
  }
  if (!IsValidUtf8(text)) return InvalidField("text", "is not valid UTF-8");
  if (format == v1::JSON) return ImportJson(text);
  if (format == v1::MERMAID) return ImportMermaid(text, departments);
  return InvalidField("format", kFormatExpected);
}

}  // namespace throughline
