#include "throughline/resource_names.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/base/limits.h"
#include "services/base/text.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

bool IsLowerLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the segments that stand where the pattern has `{…}`. False if the name has another shape, or if one of them is
// empty; whether they are ids is for the caller to say.
bool Match(absl::string_view name, absl::string_view pattern, std::vector<absl::string_view>& variables) {
  if (name.size() > limits::kResourceNameLengthMax) return false;
  const std::vector<absl::string_view> segments = absl::StrSplit(name, '/');
  const std::vector<absl::string_view> expected = absl::StrSplit(pattern, '/');
  if (segments.size() != expected.size()) return false;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (expected[i].front() == '{') {
      if (segments[i].empty()) return false;
      variables.push_back(segments[i]);
    } else if (segments[i] != expected[i]) {
      return false;
    }
  }
  return true;
}

bool MatchIds(absl::string_view name, absl::string_view pattern, std::vector<absl::string_view>& ids) {
  if (!Match(name, pattern, ids)) return false;
  for (const absl::string_view id : ids) {
    if (!IsResourceId(id)) return false;
  }
  return true;
}

bool ParsePositive(absl::string_view text, int64_t& value) {
  // Only the canonical spelling: a resource has one name.
  return !text.empty() && text.front() >= '1' && text.front() <= '9' && absl::SimpleAtoi(text, &value) && value > 0;
}

constexpr char kJourneyMapRevisionPattern[] = "workspaces/{workspace}/journeyMaps/{journey_map}[@{revision_id}]";

bool StandsForItself(char c) {
  return IsLowerLetter(c) || IsDigit(c) || (c >= 'A' && c <= 'Z') ||
         absl::string_view("-_.~:@+").find(c) != absl::string_view::npos;
}

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string PercentEncode(absl::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (StandsForItself(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

bool PercentDecode(absl::string_view text, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace

bool IsResourceId(absl::string_view id) {
  if (id.empty() || id.size() > limits::kResourceIdLengthMax) return false;
  if (!IsLowerLetter(id.front()) || id.back() == '-') return false;
  for (const char c : id) {
    if (!IsLowerLetter(c) && !IsDigit(c) && c != '-') return false;
  }
  return true;
}

absl::Status ValidateResourceId(absl::string_view id, absl::string_view field) {
  return IsResourceId(id) ? absl::OkStatus() : InvalidResourceId(field, id);
}

absl::string_view ParentName(absl::string_view name) {
  // A singleton (`…/value`, `…/positions`) has one segment of its own, every other resource two.
  const size_t segments = 1 + static_cast<size_t>(std::count(name.begin(), name.end(), '/'));
  size_t drop = segments % 2 == 1 ? 1 : 2;
  if (segments <= drop) return {};
  for (; drop > 0; --drop) name = name.substr(0, name.rfind('/'));
  return name;
}

absl::string_view WorkspaceNameOf(absl::string_view name) {
  constexpr absl::string_view kPrefix = "workspaces/";
  if (name.substr(0, kPrefix.size()) != kPrefix) return {};
  const absl::string_view workspace = name.substr(0, name.find('/', kPrefix.size()));
  return workspace.size() > kPrefix.size() ? workspace : absl::string_view();
}

absl::string_view LastSegment(absl::string_view name) {
  const size_t slash = name.rfind('/');
  return slash == absl::string_view::npos ? name : name.substr(slash + 1);
}

// ---- Workspace ----

std::string MakeWorkspaceName(absl::string_view workspace) { return absl::StrCat("workspaces/", workspace); }

std::string WorkspaceName::ToString() const { return MakeWorkspaceName(workspace); }

absl::StatusOr<WorkspaceName> ParseWorkspaceName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kWorkspacePattern, ids)) return InvalidResourceName(field, name, kWorkspacePattern);
  return WorkspaceName{std::string(ids[0])};
}

absl::Status ValidateWorkspaceId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- Department ----

std::string MakeDepartmentName(absl::string_view workspace, absl::string_view department) {
  return absl::StrCat("workspaces/", workspace, "/departments/", department);
}

std::string DepartmentName::ToString() const { return MakeDepartmentName(workspace, department); }

absl::StatusOr<DepartmentName> ParseDepartmentName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kDepartmentPattern, ids)) return InvalidResourceName(field, name, kDepartmentPattern);
  return DepartmentName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidateDepartmentId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- LifecycleStage ----

std::string MakeLifecycleStageName(absl::string_view workspace, absl::string_view lifecycle_stage) {
  return absl::StrCat("workspaces/", workspace, "/lifecycleStages/", lifecycle_stage);
}

std::string LifecycleStageName::ToString() const { return MakeLifecycleStageName(workspace, lifecycle_stage); }

absl::StatusOr<LifecycleStageName> ParseLifecycleStageName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kLifecycleStagePattern, ids)) return InvalidResourceName(field, name, kLifecycleStagePattern);
  return LifecycleStageName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidateLifecycleStageId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- Persona ----

std::string MakePersonaName(absl::string_view workspace, absl::string_view persona) {
  return absl::StrCat("workspaces/", workspace, "/personas/", persona);
}

std::string PersonaName::ToString() const { return MakePersonaName(workspace, persona); }

absl::StatusOr<PersonaName> ParsePersonaName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kPersonaPattern, ids)) return InvalidResourceName(field, name, kPersonaPattern);
  return PersonaName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidatePersonaId(absl::string_view id, absl::string_view field) { return ValidateResourceId(id, field); }

// ---- Segment ----

std::string MakeSegmentName(absl::string_view workspace, absl::string_view segment) {
  return absl::StrCat("workspaces/", workspace, "/segments/", segment);
}

std::string SegmentName::ToString() const { return MakeSegmentName(workspace, segment); }

absl::StatusOr<SegmentName> ParseSegmentName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kSegmentPattern, ids)) return InvalidResourceName(field, name, kSegmentPattern);
  return SegmentName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidateSegmentId(absl::string_view id, absl::string_view field) { return ValidateResourceId(id, field); }

// ---- MetricDefinition ----

std::string MakeMetricDefinitionName(absl::string_view workspace, absl::string_view metric_definition) {
  return absl::StrCat("workspaces/", workspace, "/metricDefinitions/", metric_definition);
}

std::string MetricDefinitionName::ToString() const { return MakeMetricDefinitionName(workspace, metric_definition); }

absl::StatusOr<MetricDefinitionName> ParseMetricDefinitionName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kMetricDefinitionPattern, ids)) return InvalidResourceName(field, name, kMetricDefinitionPattern);
  return MetricDefinitionName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidateMetricDefinitionId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- JourneyMap ----

std::string MakeJourneyMapName(absl::string_view workspace, absl::string_view journey_map) {
  return absl::StrCat("workspaces/", workspace, "/journeyMaps/", journey_map);
}

std::string JourneyMapName::ToString() const { return MakeJourneyMapName(workspace, journey_map); }

absl::StatusOr<JourneyMapName> ParseJourneyMapName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kJourneyMapPattern, ids)) return InvalidResourceName(field, name, kJourneyMapPattern);
  return JourneyMapName{std::string(ids[0]), std::string(ids[1])};
}

absl::Status ValidateJourneyMapId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- Touchpoint ----

std::string MakeTouchpointName(absl::string_view workspace, absl::string_view journey_map,
                               absl::string_view touchpoint) {
  return absl::StrCat("workspaces/", workspace, "/journeyMaps/", journey_map, "/touchpoints/", touchpoint);
}

std::string TouchpointName::ToString() const { return MakeTouchpointName(workspace, journey_map, touchpoint); }

absl::StatusOr<TouchpointName> ParseTouchpointName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kTouchpointPattern, ids)) return InvalidResourceName(field, name, kTouchpointPattern);
  return TouchpointName{std::string(ids[0]), std::string(ids[1]), std::string(ids[2])};
}

absl::Status ValidateTouchpointId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- JourneyMapPositions ----

std::string MakeJourneyMapPositionsName(absl::string_view workspace, absl::string_view journey_map) {
  return absl::StrCat("workspaces/", workspace, "/journeyMaps/", journey_map, "/positions");
}

std::string JourneyMapPositionsName::ToString() const { return MakeJourneyMapPositionsName(workspace, journey_map); }

std::string JourneyMapPositionsName::JourneyMapResource() const { return MakeJourneyMapName(workspace, journey_map); }

absl::StatusOr<JourneyMapPositionsName> ParseJourneyMapPositionsName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kJourneyMapPositionsPattern, ids))
    return InvalidResourceName(field, name, kJourneyMapPositionsPattern);
  return JourneyMapPositionsName{std::string(ids[0]), std::string(ids[1])};
}

// ---- MetricAttachment ----

std::string MakeMetricAttachmentName(absl::string_view workspace, absl::string_view journey_map,
                                     absl::string_view metric_attachment) {
  return absl::StrCat("workspaces/", workspace, "/journeyMaps/", journey_map, "/metricAttachments/", metric_attachment);
}

std::string MetricAttachmentName::ToString() const {
  return MakeMetricAttachmentName(workspace, journey_map, metric_attachment);
}

absl::StatusOr<MetricAttachmentName> ParseMetricAttachmentName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kMetricAttachmentPattern, ids)) return InvalidResourceName(field, name, kMetricAttachmentPattern);
  return MetricAttachmentName{std::string(ids[0]), std::string(ids[1]), std::string(ids[2])};
}

absl::Status ValidateMetricAttachmentId(absl::string_view id, absl::string_view field) {
  return ValidateResourceId(id, field);
}

// ---- MetricValue ----

std::string MakeMetricValueName(absl::string_view workspace, absl::string_view journey_map,
                                absl::string_view metric_attachment) {
  return absl::StrCat("workspaces/", workspace, "/journeyMaps/", journey_map, "/metricAttachments/", metric_attachment,
                      "/value");
}

std::string MetricValueName::ToString() const { return MakeMetricValueName(workspace, journey_map, metric_attachment); }

std::string MetricValueName::MetricAttachmentResource() const {
  return MakeMetricAttachmentName(workspace, journey_map, metric_attachment);
}

absl::StatusOr<MetricValueName> ParseMetricValueName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kMetricValuePattern, ids)) return InvalidResourceName(field, name, kMetricValuePattern);
  return MetricValueName{std::string(ids[0]), std::string(ids[1]), std::string(ids[2])};
}

// ---- EventStatistics ----

std::string MakeEventStatisticsName(absl::string_view workspace) {
  return absl::StrCat("workspaces/", workspace, "/eventStatistics");
}

std::string EventStatisticsName::ToString() const { return MakeEventStatisticsName(workspace); }

absl::StatusOr<EventStatisticsName> ParseEventStatisticsName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> ids;
  if (!MatchIds(name, kEventStatisticsPattern, ids)) return InvalidResourceName(field, name, kEventStatisticsPattern);
  return EventStatisticsName{std::string(ids[0])};
}

// ---- Revisions and versions of maps ----

std::string MakeJourneyMapRevisionName(absl::string_view journey_map_name, Revision revision) {
  return revision.value == 0 ? std::string(journey_map_name) : absl::StrCat(journey_map_name, "@", revision.value);
}

std::string JourneyMapRevisionName::ToString() const {
  return MakeJourneyMapRevisionName(journey_map.ToString(), revision);
}

absl::StatusOr<JourneyMapRevisionName> ParseJourneyMapRevisionName(absl::string_view name, absl::string_view field) {
  JourneyMapRevisionName out;
  const size_t at = name.find('@');
  if (at != absl::string_view::npos && !ParsePositive(name.substr(at + 1), out.revision.value)) {
    return InvalidResourceName(field, name, kJourneyMapRevisionPattern);
  }
  absl::StatusOr<JourneyMapName> journey_map = ParseJourneyMapName(name.substr(0, at), field);
  if (!journey_map.ok()) return InvalidResourceName(field, name, kJourneyMapRevisionPattern);
  out.journey_map = *std::move(journey_map);
  return out;
}

std::string MakeJourneyMapVersionName(absl::string_view workspace, absl::string_view journey_map, int64_t version) {
  return absl::StrCat(MakeJourneyMapName(workspace, journey_map), "/versions/", version);
}

std::string JourneyMapVersionName::ToString() const {
  return MakeJourneyMapVersionName(workspace, journey_map, version);
}

absl::StatusOr<JourneyMapVersionName> ParseJourneyMapVersionName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> variables;
  JourneyMapVersionName out;
  if (!Match(name, kJourneyMapVersionPattern, variables) || !IsResourceId(variables[0]) ||
      !IsResourceId(variables[1]) || !ParsePositive(variables[2], out.version)) {
    return InvalidResourceName(field, name, kJourneyMapVersionPattern);
  }
  out.workspace = std::string(variables[0]);
  out.journey_map = std::string(variables[1]);
  return out;
}

// ---- Customer ----

std::string MakeCustomerName(absl::string_view workspace, absl::string_view customer_id) {
  return absl::StrCat("workspaces/", workspace, "/customers/", PercentEncode(customer_id));
}

std::string CustomerName::ToString() const { return MakeCustomerName(workspace, customer_id); }

absl::StatusOr<CustomerName> ParseCustomerName(absl::string_view name, absl::string_view field) {
  std::vector<absl::string_view> variables;
  CustomerName out;
  if (!Match(name, kCustomerPattern, variables) || !IsResourceId(variables[0]) ||
      !PercentDecode(variables[1], out.customer_id) || !ValidateCustomerId(out.customer_id, field).ok()) {
    return InvalidResourceName(field, name, kCustomerPattern);
  }
  out.workspace = std::string(variables[0]);
  return out;
}

absl::Status ValidateCustomerId(absl::string_view id, absl::string_view field) {
  if (id.empty()) return MissingField(field);
  if (id.size() > limits::kCustomerIdBytesMax) {
    return InvalidField(field, absl::StrCat("has ", id.size(), " bytes; at most ", limits::kCustomerIdBytesMax));
  }
  return IsValidUtf8(id) ? absl::OkStatus() : InvalidField(field, "is not valid UTF-8");
}

// ---- Collections ----

std::string DepartmentCollection(absl::string_view workspace_name) {
  return absl::StrCat(workspace_name, "/departments");
}
std::string LifecycleStageCollection(absl::string_view workspace_name) {
  return absl::StrCat(workspace_name, "/lifecycleStages");
}
std::string PersonaCollection(absl::string_view workspace_name) { return absl::StrCat(workspace_name, "/personas"); }
std::string SegmentCollection(absl::string_view workspace_name) { return absl::StrCat(workspace_name, "/segments"); }
std::string MetricDefinitionCollection(absl::string_view workspace_name) {
  return absl::StrCat(workspace_name, "/metricDefinitions");
}
std::string JourneyMapCollection(absl::string_view workspace_name) {
  return absl::StrCat(workspace_name, "/journeyMaps");
}
std::string JourneyMapVersionCollection(absl::string_view journey_map_name) {
  return absl::StrCat(journey_map_name, "/versions");
}
std::string MetricAttachmentCollection(absl::string_view journey_map_name) {
  return absl::StrCat(journey_map_name, "/metricAttachments");
}

}  // namespace throughline
