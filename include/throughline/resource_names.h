// Resource names: what each looks like, read and written in one place.
// Plain values and pure functions; any thread.
//
// Ids are 1 to 63 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen; a
// customer's segment is the customer_id, percent-encoded. Parse…Name gives the ids, or INVALID_ARGUMENT
// (INVALID_RESOURCE_NAME) with `field` as the field's path; Make…Name writes a name from valid ids and checks nothing;
// Validate…Id gives INVALID_ARGUMENT (INVALID_RESOURCE_ID).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "throughline/types.h"

namespace throughline {

// What every id of ours looks like; also the ids of phases, touchpoints and transitions within a map.
bool IsResourceId(absl::string_view id);
absl::Status ValidateResourceId(absl::string_view id, absl::string_view field);

// The name of the resource that holds this one: "workspaces/w" of "workspaces/w/personas/p"; empty where there is none.
absl::string_view ParentName(absl::string_view name);
// The workspace's name at the beginning of any name: "workspaces/w". Empty if it does not begin so.
absl::string_view WorkspaceNameOf(absl::string_view name);
// The last segment: "p" of "workspaces/w/personas/p".
absl::string_view LastSegment(absl::string_view name);

// `workspaces/{workspace}`
inline constexpr char kWorkspacePattern[] = "workspaces/{workspace}";
struct WorkspaceName {
  std::string workspace;
  std::string ToString() const;
  bool operator==(const WorkspaceName&) const = default;
};
std::string MakeWorkspaceName(absl::string_view workspace);
absl::StatusOr<WorkspaceName> ParseWorkspaceName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateWorkspaceId(absl::string_view id, absl::string_view field = "workspace_id");

// `workspaces/{workspace}/departments/{department}`
inline constexpr char kDepartmentPattern[] = "workspaces/{workspace}/departments/{department}";
struct DepartmentName {
  std::string workspace;
  std::string department;
  std::string ToString() const;
  bool operator==(const DepartmentName&) const = default;
};
std::string MakeDepartmentName(absl::string_view workspace, absl::string_view department);
absl::StatusOr<DepartmentName> ParseDepartmentName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateDepartmentId(absl::string_view id, absl::string_view field = "department_id");

// `workspaces/{workspace}/lifecycleStages/{lifecycle_stage}`
inline constexpr char kLifecycleStagePattern[] = "workspaces/{workspace}/lifecycleStages/{lifecycle_stage}";
struct LifecycleStageName {
  std::string workspace;
  std::string lifecycle_stage;
  std::string ToString() const;
  bool operator==(const LifecycleStageName&) const = default;
};
std::string MakeLifecycleStageName(absl::string_view workspace, absl::string_view lifecycle_stage);
absl::StatusOr<LifecycleStageName> ParseLifecycleStageName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateLifecycleStageId(absl::string_view id, absl::string_view field = "lifecycle_stage_id");

// `workspaces/{workspace}/personas/{persona}`
inline constexpr char kPersonaPattern[] = "workspaces/{workspace}/personas/{persona}";
struct PersonaName {
  std::string workspace;
  std::string persona;
  std::string ToString() const;
  bool operator==(const PersonaName&) const = default;
};
std::string MakePersonaName(absl::string_view workspace, absl::string_view persona);
absl::StatusOr<PersonaName> ParsePersonaName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidatePersonaId(absl::string_view id, absl::string_view field = "persona_id");

// `workspaces/{workspace}/segments/{segment}`
inline constexpr char kSegmentPattern[] = "workspaces/{workspace}/segments/{segment}";
struct SegmentName {
  std::string workspace;
  std::string segment;
  std::string ToString() const;
  bool operator==(const SegmentName&) const = default;
};
std::string MakeSegmentName(absl::string_view workspace, absl::string_view segment);
absl::StatusOr<SegmentName> ParseSegmentName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateSegmentId(absl::string_view id, absl::string_view field = "segment_id");

// `workspaces/{workspace}/metricDefinitions/{metric_definition}`
inline constexpr char kMetricDefinitionPattern[] = "workspaces/{workspace}/metricDefinitions/{metric_definition}";
struct MetricDefinitionName {
  std::string workspace;
  std::string metric_definition;
  std::string ToString() const;
  bool operator==(const MetricDefinitionName&) const = default;
};
std::string MakeMetricDefinitionName(absl::string_view workspace, absl::string_view metric_definition);
absl::StatusOr<MetricDefinitionName> ParseMetricDefinitionName(absl::string_view name,
                                                               absl::string_view field = "name");
absl::Status ValidateMetricDefinitionId(absl::string_view id, absl::string_view field = "metric_definition_id");

// `workspaces/{workspace}/journeyMaps/{journey_map}`
inline constexpr char kJourneyMapPattern[] = "workspaces/{workspace}/journeyMaps/{journey_map}";
struct JourneyMapName {
  std::string workspace;
  std::string journey_map;
  std::string ToString() const;
  bool operator==(const JourneyMapName&) const = default;
};
std::string MakeJourneyMapName(absl::string_view workspace, absl::string_view journey_map);
absl::StatusOr<JourneyMapName> ParseJourneyMapName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateJourneyMapId(absl::string_view id, absl::string_view field = "journey_map_id");

// `workspaces/{workspace}/journeyMaps/{journey_map}` or `…@{revision_id}`: a map as of one of its revisions.
struct JourneyMapRevisionName {
  JourneyMapName journey_map;
  Revision revision;  // 0: the latest
  std::string ToString() const;
  bool operator==(const JourneyMapRevisionName&) const = default;
};
std::string MakeJourneyMapRevisionName(absl::string_view journey_map_name, Revision revision);
absl::StatusOr<JourneyMapRevisionName> ParseJourneyMapRevisionName(absl::string_view name,
                                                                   absl::string_view field = "name");

// `workspaces/{workspace}/journeyMaps/{journey_map}/versions/{version}`; versions count from 1.
inline constexpr char kJourneyMapVersionPattern[] =
    "workspaces/{workspace}/journeyMaps/{journey_map}/versions/{version}";
struct JourneyMapVersionName {
  std::string workspace;
  std::string journey_map;
  int64_t version = 0;
  std::string ToString() const;
  bool operator==(const JourneyMapVersionName&) const = default;
};
std::string MakeJourneyMapVersionName(absl::string_view workspace, absl::string_view journey_map, int64_t version);
absl::StatusOr<JourneyMapVersionName> ParseJourneyMapVersionName(absl::string_view name,
                                                                 absl::string_view field = "name");

// `workspaces/{workspace}/journeyMaps/{journey_map}/touchpoints/{touchpoint}`
inline constexpr char kTouchpointPattern[] =
    "workspaces/{workspace}/journeyMaps/{journey_map}/touchpoints/{touchpoint}";
struct TouchpointName {
  std::string workspace;
  std::string journey_map;
  std::string touchpoint;
  std::string ToString() const;
  bool operator==(const TouchpointName&) const = default;
};
std::string MakeTouchpointName(absl::string_view workspace, absl::string_view journey_map,
                               absl::string_view touchpoint);
absl::StatusOr<TouchpointName> ParseTouchpointName(absl::string_view name, absl::string_view field = "name");
absl::Status ValidateTouchpointId(absl::string_view id, absl::string_view field = "touchpoint_id");

// `workspaces/{workspace}/journeyMaps/{journey_map}/positions`
inline constexpr char kJourneyMapPositionsPattern[] = "workspaces/{workspace}/journeyMaps/{journey_map}/positions";
struct JourneyMapPositionsName {
  std::string workspace;
  std::string journey_map;
  std::string ToString() const;
  std::string JourneyMapResource() const;  // name of the map
  bool operator==(const JourneyMapPositionsName&) const = default;
};
std::string MakeJourneyMapPositionsName(absl::string_view workspace, absl::string_view journey_map);
absl::StatusOr<JourneyMapPositionsName> ParseJourneyMapPositionsName(absl::string_view name,
                                                                     absl::string_view field = "name");

// `workspaces/{workspace}/journeyMaps/{journey_map}/metricAttachments/{metric_attachment}`
inline constexpr char kMetricAttachmentPattern[] =
    "workspaces/{workspace}/journeyMaps/{journey_map}/metricAttachments/{metric_attachment}";
struct MetricAttachmentName {
  std::string workspace;
  std::string journey_map;
  std::string metric_attachment;
  std::string ToString() const;
  bool operator==(const MetricAttachmentName&) const = default;
};
std::string MakeMetricAttachmentName(absl::string_view workspace, absl::string_view journey_map,
                                     absl::string_view metric_attachment);
absl::StatusOr<MetricAttachmentName> ParseMetricAttachmentName(absl::string_view name,
                                                               absl::string_view field = "name");
absl::Status ValidateMetricAttachmentId(absl::string_view id, absl::string_view field = "metric_attachment_id");

// `workspaces/{workspace}/journeyMaps/{journey_map}/metricAttachments/{metric_attachment}/value`
inline constexpr char kMetricValuePattern[] =
    "workspaces/{workspace}/journeyMaps/{journey_map}/metricAttachments/{metric_attachment}/value";
struct MetricValueName {
  std::string workspace;
  std::string journey_map;
  std::string metric_attachment;
  std::string ToString() const;
  std::string MetricAttachmentResource() const;  // name of the attachment
  bool operator==(const MetricValueName&) const = default;
};
std::string MakeMetricValueName(absl::string_view workspace, absl::string_view journey_map,
                                absl::string_view metric_attachment);
absl::StatusOr<MetricValueName> ParseMetricValueName(absl::string_view name, absl::string_view field = "name");

// `workspaces/{workspace}/eventStatistics`
inline constexpr char kEventStatisticsPattern[] = "workspaces/{workspace}/eventStatistics";
struct EventStatisticsName {
  std::string workspace;
  std::string ToString() const;
  bool operator==(const EventStatisticsName&) const = default;
};
std::string MakeEventStatisticsName(absl::string_view workspace);
absl::StatusOr<EventStatisticsName> ParseEventStatisticsName(absl::string_view name, absl::string_view field = "name");

// `workspaces/{workspace}/customers/{customer}`. The segment is the customer_id, each byte percent-encoded that is not
// a letter, a digit or one of `-_.~:@+`. Reading also takes other bytes but `/` and `%` as themselves, because HTTP
// clients differ in how often they encode.
inline constexpr char kCustomerPattern[] = "workspaces/{workspace}/customers/{customer}";
struct CustomerName {
  std::string workspace;
  std::string customer_id;  // decoded
  std::string ToString() const;
  bool operator==(const CustomerName&) const = default;
};
std::string MakeCustomerName(absl::string_view workspace, absl::string_view customer_id);
absl::StatusOr<CustomerName> ParseCustomerName(absl::string_view name, absl::string_view field = "name");
// 1 to 256 bytes of valid UTF-8.
absl::Status ValidateCustomerId(absl::string_view id, absl::string_view field = "customer_id");

// Names of collections, for listing: `parent` is the name of the resource that holds them.
std::string DepartmentCollection(absl::string_view workspace_name);
std::string LifecycleStageCollection(absl::string_view workspace_name);
std::string PersonaCollection(absl::string_view workspace_name);
std::string SegmentCollection(absl::string_view workspace_name);
std::string MetricDefinitionCollection(absl::string_view workspace_name);
std::string JourneyMapCollection(absl::string_view workspace_name);
std::string JourneyMapVersionCollection(absl::string_view journey_map_name);
std::string MetricAttachmentCollection(absl::string_view journey_map_name);
inline constexpr char kWorkspaceCollection[] = "workspaces";

}  // namespace throughline
