#include "services/metrics/metric_resources.h"

#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "services/metrics/metric_kinds.h"
#include "services/metrics/proto_time.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline {
namespace {

using v1::MetricAttachment;
using v1::MetricDefinition;

MetricDefinition::Direction UsualDirection(const MetricDefinition& definition) {
  switch (definition.kind()) {
    case MetricDefinition::CES:
      return definition.ces_version() == 1 ? MetricDefinition::LOWER_IS_BETTER : MetricDefinition::HIGHER_IS_BETTER;
    case MetricDefinition::DROP_OFF:
    case MetricDefinition::TIME_BETWEEN:
      return MetricDefinition::LOWER_IS_BETTER;
    default:
      return MetricDefinition::HIGHER_IS_BETTER;
  }
}

void CheckText(absl::string_view field, absl::string_view text, size_t length_max, FieldViolations& violations) {
  if (!IsValidUtf8(text)) {
    violations.Add(field, "is not valid UTF-8");
  } else if (CharacterCount(text) > length_max) {
    violations.Add(field, absl::StrCat("has more than ", length_max, " characters"));
  }
}

// Fields that only some kinds read: set for another kind they would promise something that is not done.
void CheckKindFields(const MetricDefinition& definition, FieldViolations& violations) {
  const MetricDefinition::Kind kind = definition.kind();
  const int points = definition.scale_points();
  if (kind == MetricDefinition::CSAT && points != 5 && points != 7 && points != 10) {
    violations.Add("scale_points", "must be 5, 7 or 10");
  } else if (kind != MetricDefinition::CSAT && points != 0) {
    violations.Add("scale_points", "can be chosen for CSAT only: NPS is always 0 to 10 and CES follows ces_version");
  }
  if (kind == MetricDefinition::CES && definition.ces_version() != 1 && definition.ces_version() != 2) {
    violations.Add("ces_version", "must be 1 (effort, 1 to 5) or 2 (ease, 1 to 7)");
  } else if (kind != MetricDefinition::CES && definition.ces_version() != 0) {
    violations.Add("ces_version", "can be set for CES only");
  }
  if (!MetricDefinition::RespondentPolicy_IsValid(definition.respondent_policy())) {
    violations.Add("respondent_policy", "must be ALL, FIRST or LATEST");
  } else if (!IsSurvey(kind) && definition.respondent_policy() != MetricDefinition::RESPONDENT_POLICY_UNSPECIFIED) {
    violations.Add("respondent_policy", "can be set for NPS, CSAT and CES only");
  }
  if (definition.direction() != MetricDefinition::HIGHER_IS_BETTER &&
      definition.direction() != MetricDefinition::LOWER_IS_BETTER) {
    violations.Add("direction", "must be HIGHER_IS_BETTER or LOWER_IS_BETTER");
  } else if (IsSurvey(kind) && definition.direction() != UsualDirection(definition)) {
    violations.Add("direction", absl::StrCat("is fixed by the scale of this kind: ",
                                             MetricDefinition::Direction_Name(UsualDirection(definition))));
  }
}

void CheckTarget(const MetricDefinition& definition, FieldViolations& violations) {
  if (!definition.has_target()) return;
  const ValueRange range = RangeOf(definition);
  if (!std::isfinite(definition.target())) {
    violations.Add("target", "must be a finite number");
  } else if (definition.target() < range.low || definition.target() > range.high) {
    violations.Add("target", std::isfinite(range.high)
                                 ? absl::StrFormat("must be between %g and %g, in the metric's unit (%s)", range.low,
                                                   range.high, UnitOf(definition.kind()))
                                 : absl::StrFormat("must be at least %g", range.low));
  }
}

// What a definition says, without what the server derives.
std::string MeaningOf(MetricDefinition definition) {
  definition.clear_name();
  definition.clear_version();
  definition.clear_unit();
  definition.clear_etag();
  definition.clear_create_time();
  definition.clear_update_time();
  definition.clear_delete_time();
  return definition.SerializeAsString();
}

// The map's current content, and its published content where it is published.
struct MapContent {
  v1::JourneyMap current;
  std::optional<v1::JourneyMap> published;
};

absl::StatusOr<MapContent> LoadMap(absl::string_view map_name, CatalogReader& catalog) {
  ASSIGN_OR_RETURN(const std::optional<Document> document, catalog.Find(map_name));
  if (!document.has_value() || document->deleted()) return ResourceNotFound(map_name);
  MapContent content;
  RETURN_IF_ERROR(document->ParseTo(content.current));
  if (content.current.published_version().empty()) return content;
  ASSIGN_OR_RETURN(const std::optional<Document> version, catalog.Find(content.current.published_version()));
  if (!version.has_value()) return content;
  ASSIGN_OR_RETURN(v1::JourneyMapVersion frozen, version->Parse<v1::JourneyMapVersion>());
  content.published = std::move(*frozen.mutable_journey_map());
  return content;
}

// The element with this id, of the published content if it is there: that is what is measured.
template <typename List>
auto FindById(const MapContent& content, List list, absl::string_view id) -> decltype(&*list(content.current).begin()) {
  if (content.published.has_value()) {
    for (const auto& element : list(*content.published)) {
      if (absl::string_view(element.id()) == id) return &element;
    }
  }
  for (const auto& element : list(content.current)) {
    if (absl::string_view(element.id()) == id) return &element;
  }
  return nullptr;
}
const v1::Phase* FindPhase(const MapContent& content, absl::string_view id) {
  return FindById(
      content, [](const v1::JourneyMap& map) -> const auto& { return map.phases(); }, id);
}
const v1::Touchpoint* FindTouchpoint(const MapContent& content, absl::string_view id) {
  return FindById(
      content, [](const v1::JourneyMap& map) -> const auto& { return map.touchpoints(); }, id);
}
const v1::Transition* FindTransition(const MapContent& content, absl::string_view id) {
  return FindById(
      content, [](const v1::JourneyMap& map) -> const auto& { return map.transitions(); }, id);
}

std::string NoSuch(absl::string_view what, absl::string_view id) {
  return absl::StrCat("the map has no ", what, " with the id \"", Excerpt(id), "\"");
}

void CheckSubject(const MetricAttachment& attachment, const MapContent& content, FieldViolations& violations) {
  switch (attachment.subject_case()) {
    case MetricAttachment::SUBJECT_NOT_SET:
      violations.Add("subject", "is required: one of whole_map, phase, touchpoint and transition");
      break;
    case MetricAttachment::kWholeMap:
      if (!attachment.whole_map()) violations.Add("whole_map", "must be true where it is set");
      break;
    case MetricAttachment::kPhase:
      if (FindPhase(content, attachment.phase()) == nullptr) {
        violations.Add("phase", NoSuch("phase", attachment.phase()));
      }
      break;
    case MetricAttachment::kTouchpoint:
      if (FindTouchpoint(content, attachment.touchpoint()) == nullptr) {
        violations.Add("touchpoint", NoSuch("touchpoint", attachment.touchpoint()));
      }
      break;
    case MetricAttachment::kTransition:
      if (FindTransition(content, attachment.transition()) == nullptr) {
        violations.Add("transition", NoSuch("transition", attachment.transition()));
      }
      break;
  }
}

// From where to where CONVERSION, DROP_OFF and TIME_BETWEEN measure.
void CheckPair(const MetricAttachment& attachment, const MapContent& content, FieldViolations& violations) {
  const std::string& target = attachment.target_touchpoint();
  switch (attachment.subject_case()) {
    case MetricAttachment::kWholeMap:
    case MetricAttachment::kPhase:
      violations.Add(attachment.has_whole_map() ? "whole_map" : "phase",
                     "this kind of metric takes a touchpoint with target_touchpoint, or a transition");
      break;
    case MetricAttachment::kTouchpoint:
      if (target.empty()) {
        violations.Add("target_touchpoint", "is required for this kind of metric on a touchpoint");
      } else if (target == attachment.touchpoint()) {
        violations.Add("target_touchpoint", "must be another touchpoint than the subject");
      } else if (FindTouchpoint(content, target) == nullptr) {
        violations.Add("target_touchpoint", NoSuch("touchpoint", target));
      }
      break;
    case MetricAttachment::kTransition: {
      if (!target.empty()) violations.Add("target_touchpoint", "must be empty: the transition has its own target");
      const v1::Transition* transition = FindTransition(content, attachment.transition());
      if (transition == nullptr) break;  // reported with the subject
      if (transition->to_touchpoint().empty()) {
        violations.Add("transition", "leads out of the map: there is no touchpoint to convert to");
      } else if (transition->to_touchpoint() == transition->from_touchpoint()) {
        violations.Add("transition", "leads back to the touchpoint it leaves: every visit would be its own target");
      }
      break;
    }
    case MetricAttachment::SUBJECT_NOT_SET:
      break;
  }
}

// A positive duration within bounds, or absent with a violation.
std::optional<absl::Duration> CheckDuration(absl::string_view field, const google::protobuf::Duration& duration,
                                            absl::Duration shortest, FieldViolations& violations) {
  if (!IsValid(duration)) {
    violations.Add(field, "is not a valid duration");
    return std::nullopt;
  }
  const absl::Duration value = ToDuration(duration);
  if (value < shortest || value <= absl::ZeroDuration() || value > limits::kWindowMax) {
    violations.Add(
        field, absl::StrCat("must be ",
                            shortest > absl::ZeroDuration() ? absl::StrCat("at least ", absl::FormatDuration(shortest))
                                                            : "positive",
                            " and at most 100 years"));
    return std::nullopt;
  }
  return value;
}

void CheckFixedWindow(const v1::TimeInterval& window, FieldViolations& violations) {
  bool valid = true;
  if (window.has_start_time() && !IsValid(window.start_time())) {
    violations.Add("fixed_window.start_time", "is not a valid time");
    valid = false;
  }
  if (window.has_end_time() && !IsValid(window.end_time())) {
    violations.Add("fixed_window.end_time", "is not a valid time");
    valid = false;
  }
  if (valid && window.has_start_time() && window.has_end_time() &&
      ToTime(window.start_time()) >= ToTime(window.end_time())) {
    violations.Add("fixed_window.end_time", "must be later than start_time");
  }
}

void CheckWindows(const MetricAttachment& attachment, FieldViolations& violations) {
  std::optional<absl::Duration> rolling;
  if (attachment.has_rolling_window()) {
    rolling = CheckDuration("rolling_window", attachment.rolling_window(), limits::kRollingWindowMin, violations);
  }
  if (attachment.has_fixed_window()) CheckFixedWindow(attachment.fixed_window(), violations);
  if (!attachment.has_conversion_window()) return;
  const std::optional<absl::Duration> conversion =
      CheckDuration("conversion_window", attachment.conversion_window(), absl::ZeroDuration(), violations);
  if (conversion.has_value() && rolling.has_value() && *conversion >= *rolling) {
    violations.Add("conversion_window",
                   "must be shorter than rolling_window: no run would ever have had its full time to convert");
  }
}

// The definition, if it lives in the map's workspace; otherwise a violation.
absl::StatusOr<std::optional<MetricDefinition>> FindDefinition(const MetricAttachment& attachment,
                                                               absl::string_view map_name, CatalogReader& catalog,
                                                               FieldViolations& violations) {
  const std::string& name = attachment.metric_definition();
  if (name.empty()) {
    violations.Add("metric_definition", "is required");
    return std::nullopt;
  }
  if (absl::Status status = ParseMetricDefinitionName(name).status(); !status.ok()) {
    violations.Add("metric_definition", absl::StrCat("must look like ", kMetricDefinitionPattern));
    return std::nullopt;
  }
  if (WorkspaceNameOf(name) != WorkspaceNameOf(map_name)) {
    violations.Add("metric_definition", "must be of the same workspace as the map");
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::optional<Document> document, catalog.Find(name));
  if (!document.has_value() || document->deleted()) {
    violations.Add("metric_definition", document.has_value() ? "is deleted" : "does not exist");
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(MetricDefinition definition, document->Parse<MetricDefinition>());
  return definition;
}

}  // namespace

absl::Status ValidateMetricDefinition(const MetricDefinition& definition) {
  FieldViolations violations;
  if (definition.display_name().empty()) violations.Add("display_name", "is required");
  CheckText("display_name", definition.display_name(), limits::kDisplayNameLengthMax, violations);
  CheckText("description", definition.description(), limits::kDescriptionLengthMax, violations);
  if (definition.kind() == MetricDefinition::KIND_UNSPECIFIED || !MetricDefinition::Kind_IsValid(definition.kind())) {
    violations.Add("kind", "is required: NPS, CSAT, CES, VOLUME, CONVERSION, DROP_OFF or TIME_BETWEEN");
  } else {
    CheckKindFields(definition, violations);
    CheckTarget(definition, violations);
  }
  if (definition.min_n() < 1 || definition.min_n() > limits::kMetricMinNMax) {
    violations.Add("min_n", absl::StrCat("must be between 1 and ", limits::kMetricMinNMax));
  }
  const double level = definition.confidence_level();
  if (!(level >= limits::kConfidenceLevelMin && level <= limits::kConfidenceLevelMax)) {
    violations.Add("confidence_level", absl::StrFormat("must be between %g and %g", limits::kConfidenceLevelMin,
                                                       limits::kConfidenceLevelMax));
  }
  return violations.ToStatus();
}

absl::Status PrepareMetricDefinition(const MetricDefinition* previous, MetricDefinition& definition) {
  if (previous != nullptr && definition.kind() != previous->kind()) {
    return InvalidField("kind", absl::StrCat("cannot be changed: it is ", MetricDefinition::Kind_Name(previous->kind()),
                                             "; create another definition instead"));
  }
  const MetricDefinition::Kind kind = definition.kind();
  if (kind == MetricDefinition::CSAT && definition.scale_points() == 0) definition.set_scale_points(5);
  if (kind == MetricDefinition::CES && definition.ces_version() == 0) definition.set_ces_version(2);
  if (IsSurvey(kind) && definition.respondent_policy() == MetricDefinition::RESPONDENT_POLICY_UNSPECIFIED) {
    definition.set_respondent_policy(MetricDefinition::ALL);
  }
  // The direction of CES follows its version, so a change of version alone turns it.
  const bool version_turned = kind == MetricDefinition::CES && previous != nullptr &&
                              previous->ces_version() != definition.ces_version() &&
                              previous->direction() == definition.direction();
  if (definition.direction() == MetricDefinition::DIRECTION_UNSPECIFIED || version_turned) {
    definition.set_direction(UsualDirection(definition));
  }
  if (definition.min_n() == 0) definition.set_min_n(limits::kMetricMinNDefault);
  if (definition.confidence_level() == 0) definition.set_confidence_level(limits::kConfidenceLevelDefault);
  definition.set_unit(UnitOf(kind));
  const bool changed = previous == nullptr || MeaningOf(*previous) != MeaningOf(definition);
  definition.set_version((previous == nullptr ? 0 : previous->version()) + (changed ? 1 : 0));
  return ValidateMetricDefinition(definition);
}

absl::Status ValidateMetricAttachment(const MetricAttachment& attachment, absl::string_view map_name,
                                      CatalogReader& catalog) {
  FieldViolations violations;
  ASSIGN_OR_RETURN(const MapContent content, LoadMap(map_name, catalog));
  ASSIGN_OR_RETURN(const auto definition, FindDefinition(attachment, map_name, catalog, violations));
  CheckSubject(attachment, content, violations);
  if (definition.has_value() && IsPair(definition->kind())) {
    CheckPair(attachment, content, violations);
  } else if (definition.has_value() && !attachment.target_touchpoint().empty()) {
    violations.Add("target_touchpoint", "can be set for CONVERSION, DROP_OFF and TIME_BETWEEN only");
  }
  if (definition.has_value() && attachment.has_conversion_window() &&
      definition->kind() != MetricDefinition::CONVERSION && definition->kind() != MetricDefinition::DROP_OFF) {
    violations.Add("conversion_window", "can be set for CONVERSION and DROP_OFF only");
  }
  if (!attachment.filter().empty()) {
    violations.AddStatus("", Filter::ParseAndCheck(attachment.filter(), EventFilterFields()).status());
  }
  CheckWindows(attachment, violations);
  return violations.ToStatus();
}

}  // namespace throughline
