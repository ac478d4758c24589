#include "services/journey/validate.h"

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// google/protobuf/duration.proto: ten thousand years.
constexpr int64_t kDurationSecondsMax = 315'576'000'000;
// Shares that people write (three times .333, ten times .1) may miss 1 by their rounding.
constexpr double kShareSumTolerance = 1e-6;

bool HasControlCharacter(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return true;
  }
  return false;
}

// Every string of the message, at any depth.
void CheckUtf8(const Message& message, const std::string& path, FieldViolations& violations) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string field_path = FieldPath(path, field->name());
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      const std::string item_path = field->is_repeated() ? FieldPath(field_path, static_cast<size_t>(i)) : field_path;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const Message& child = field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                                    : reflection.GetMessage(message, field);
        CheckUtf8(child, item_path, violations);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        const std::string text = field->is_repeated() ? reflection.GetRepeatedString(message, field, i)
                                                      : reflection.GetString(message, field);
        if (!IsValidUtf8(text)) violations.Add(item_path, "is not valid UTF-8");
      }
    }
  }
}

// A resource name in the map, and where it stands.
struct Reference {
  std::string path;
  std::string name;
};

class Validator {
 public:
  Validator(const v1::JourneyMap& map, absl::string_view workspace_name) : map_(map), workspace_name_(workspace_name) {}

  void CheckContent();
  absl::Status CheckReferences(CatalogReader& reader);
  absl::Status ToStatus() const { return violations_.ToStatus(); }

 private:
  void CheckHead();
  void CheckPhase(const v1::Phase& phase, const std::string& path);
  void CheckTouchpoint(const v1::Touchpoint& touchpoint, const std::string& path);
  void CheckEmotions(const v1::Touchpoint& touchpoint, const std::string& path);
  void CheckBinding(const v1::EventBinding& binding, const std::string& path);
  void CheckTransition(const v1::Transition& transition, const std::string& path);
  void CheckShares();
  void CheckInstanceRule();

  void CheckId(const std::string& id, const std::string& path);
  void CheckDisplayName(const std::string& text, const std::string& path);
  void CheckLength(const std::string& text, size_t length_max, const std::string& path);
  void CheckCount(int count, int count_max, absl::string_view path);
  void CheckTexts(const google::protobuf::RepeatedPtrField<std::string>& texts, size_t length_max,
                  const std::string& path);
  void CheckScale(int value, const std::string& path);
  void CheckDuration(const google::protobuf::Duration& duration, const std::string& path);
  // `collection`: "departments". Whether the name has the right form; if so it is looked up later.
  bool CheckName(const std::string& name, absl::string_view collection, const std::string& path);
  // Says that one of the map's own elements is meant, and that it is there.
  void CheckElement(const std::string& id, const std::set<std::string>& known, absl::string_view kind,
                    const std::string& path);

  const v1::JourneyMap& map_;
  const std::string workspace_name_;
  FieldViolations violations_;
  std::map<std::string, std::string> path_by_id_;
  std::set<std::string> phase_ids_;
  std::set<std::string> touchpoint_ids_;
  std::vector<Reference> references_;
};

void Validator::CheckContent() {
  CheckUtf8(map_, "", violations_);
  if (!violations_.empty()) return;  // other messages would quote what is no text
  if (map_.ByteSizeLong() > limits::kDocumentBytesMax) {
    violations_.Add("", absl::StrCat("the map has ", map_.ByteSizeLong(), " bytes, more than ",
                                     limits::kDocumentBytesMax, "; split it and link the parts by linked_map"));
    return;
  }
  for (const v1::Phase& phase : map_.phases()) phase_ids_.insert(phase.id());
  for (const v1::Touchpoint& touchpoint : map_.touchpoints()) touchpoint_ids_.insert(touchpoint.id());
  CheckHead();
  CheckCount(map_.phases_size(), limits::kPhaseCountMax, "phases");
  CheckCount(map_.touchpoints_size(), limits::kTouchpointCountMax, "touchpoints");
  CheckCount(map_.transitions_size(), limits::kTransitionCountMax, "transitions");
  for (int i = 0; i < map_.phases_size(); ++i) {
    CheckPhase(map_.phases(i), FieldPath("phases", static_cast<size_t>(i)));
  }
  for (int i = 0; i < map_.touchpoints_size(); ++i) {
    CheckTouchpoint(map_.touchpoints(i), FieldPath("touchpoints", static_cast<size_t>(i)));
  }
  for (int i = 0; i < map_.transitions_size(); ++i) {
    CheckTransition(map_.transitions(i), FieldPath("transitions", static_cast<size_t>(i)));
  }
  CheckShares();
  CheckInstanceRule();
}

void Validator::CheckHead() {
  CheckDisplayName(map_.display_name(), "display_name");
  CheckLength(map_.description(), limits::kDescriptionLengthMax, "description");
  if (!v1::JourneyMap::State_IsValid(map_.state())) violations_.Add("state", "is none of CURRENT, FUTURE");
  if (!v1::JourneyMap::Kind_IsValid(map_.kind())) {
    violations_.Add("kind", "is none of LIFECYCLE, MACRO, MICRO, SERVICE_BLUEPRINT");
  }
  CheckCount(map_.personas_size(), limits::kMapPersonaCountMax, "personas");
  std::set<std::string> personas;
  for (int i = 0; i < map_.personas_size(); ++i) {
    const std::string path = FieldPath("personas", static_cast<size_t>(i));
    if (CheckName(map_.personas(i), "personas", path) && !personas.insert(map_.personas(i)).second) {
      violations_.Add(path, "names a persona a second time");
    }
  }
}

void Validator::CheckPhase(const v1::Phase& phase, const std::string& path) {
  CheckId(phase.id(), FieldPath(path, "id"));
  CheckDisplayName(phase.display_name(), FieldPath(path, "display_name"));
  CheckLength(phase.description(), limits::kDescriptionLengthMax, FieldPath(path, "description"));
  if (!phase.lifecycle_stage().empty()) {
    CheckName(phase.lifecycle_stage(), "lifecycleStages", FieldPath(path, "lifecycle_stage"));
  }
}

void Validator::CheckTouchpoint(const v1::Touchpoint& touchpoint, const std::string& path) {
  CheckId(touchpoint.id(), FieldPath(path, "id"));
  CheckElement(touchpoint.phase(), phase_ids_, "phase", FieldPath(path, "phase"));
  CheckDisplayName(touchpoint.display_name(), FieldPath(path, "display_name"));
  CheckLength(touchpoint.description(), limits::kDescriptionLengthMax, FieldPath(path, "description"));
  CheckLength(touchpoint.channel(), limits::kTouchpointChannelLengthMax, FieldPath(path, "channel"));
  if (!touchpoint.department().empty()) {
    CheckName(touchpoint.department(), "departments", FieldPath(path, "department"));
  }
  CheckScale(touchpoint.importance(), FieldPath(path, "importance"));
  CheckScale(touchpoint.expected_level(), FieldPath(path, "expected_level"));
  CheckEmotions(touchpoint, path);
  CheckTexts(touchpoint.pain_points(), limits::kListTextLengthMax, FieldPath(path, "pain_points"));
  CheckTexts(touchpoint.gains(), limits::kListTextLengthMax, FieldPath(path, "gains"));
  CheckTexts(touchpoint.evidence(), limits::kListTextLengthMax, FieldPath(path, "evidence"));
  CheckTexts(touchpoint.standards(), limits::kListTextLengthMax, FieldPath(path, "standards"));
  CheckTexts(touchpoint.backstage_systems(), limits::kBackstageSystemLengthMax, FieldPath(path, "backstage_systems"));
  CheckBinding(touchpoint.event_binding(), FieldPath(path, "event_binding"));
  if (touchpoint.linked_map().empty()) return;
  const std::string linked_path = FieldPath(path, "linked_map");
  if (touchpoint.linked_map() == map_.name()) {
    violations_.Add(linked_path, "links the map to itself");
  } else {
    CheckName(touchpoint.linked_map(), "journeyMaps", linked_path);
  }
}

void Validator::CheckEmotions(const v1::Touchpoint& touchpoint, const std::string& path) {
  std::set<std::string> personas;
  for (int i = 0; i < touchpoint.emotions_size(); ++i) {
    const v1::Emotion& emotion = touchpoint.emotions(i);
    const std::string emotion_path = FieldPath(FieldPath(path, "emotions"), static_cast<size_t>(i));
    // An infinite or undefined level fails this comparison too.
    if (!(std::abs(emotion.level()) <= limits::kEmotionLevelMax)) {
      violations_.Add(FieldPath(emotion_path, "level"), absl::StrCat("is not a number from ", -limits::kEmotionLevelMax,
                                                                     " to ", limits::kEmotionLevelMax));
    }
    if (!v1::Emotion::Origin_IsValid(emotion.origin())) {
      violations_.Add(FieldPath(emotion_path, "origin"), "is none of ASSUMED, MEASURED");
    }
    const std::string persona_path = FieldPath(emotion_path, "persona");
    if (!emotion.persona().empty()) CheckName(emotion.persona(), "personas", persona_path);
    if (!personas.insert(emotion.persona()).second) {
      violations_.Add(persona_path, emotion.persona().empty() ? "a second emotion without a persona"
                                                              : "a second emotion of the same persona");
    }
  }
}

void Validator::CheckBinding(const v1::EventBinding& binding, const std::string& path) {
  const std::string names_path = FieldPath(path, "event_names");
  CheckCount(binding.event_names_size(), limits::kBindingEventNameCountMax, names_path);
  for (int i = 0; i < binding.event_names_size(); ++i) {
    const std::string& name = binding.event_names(i);
    if (name.empty() || name.size() > limits::kEventNameBytesMax) {
      violations_.Add(FieldPath(names_path, static_cast<size_t>(i)),
                      absl::StrCat("is not an event name: 1 to ", limits::kEventNameBytesMax, " bytes"));
    }
  }
  // The violation is of `filter`, with the place in it and what was expected there.
  if (!binding.filter().empty()) {
    violations_.AddStatus(path, Filter::ParseAndCheck(binding.filter(), EventFilterFields()).status());
  }
}

void Validator::CheckTransition(const v1::Transition& transition, const std::string& path) {
  CheckId(transition.id(), FieldPath(path, "id"));
  CheckElement(transition.from_touchpoint(), touchpoint_ids_, "touchpoint", FieldPath(path, "from_touchpoint"));
  if (transition.kind() != v1::Transition::EXIT || !transition.to_touchpoint().empty()) {
    CheckElement(transition.to_touchpoint(), touchpoint_ids_, "touchpoint", FieldPath(path, "to_touchpoint"));
  }
  if (!v1::Transition::Kind_IsValid(transition.kind())) {
    violations_.Add(FieldPath(path, "kind"), "is none of SEQUENCE, BRANCH, LOOP, SKIP, EXIT");
  }
  if (transition.has_expected_share() && !(transition.expected_share() >= 0 && transition.expected_share() <= 1)) {
    violations_.Add(FieldPath(path, "expected_share"), "is not a number from 0 to 1");
  }
  if (transition.has_expected_duration()) {
    CheckDuration(transition.expected_duration(), FieldPath(path, "expected_duration"));
  }
}

void Validator::CheckShares() {
  std::map<std::string, double> sums;
  std::set<std::string> reported;
  for (int i = 0; i < map_.transitions_size(); ++i) {
    const v1::Transition& transition = map_.transitions(i);
    if (!(transition.expected_share() >= 0 && transition.expected_share() <= 1)) continue;
    double& sum = sums[transition.from_touchpoint()];
    sum += transition.expected_share();
    if (sum <= 1 + kShareSumTolerance || !reported.insert(transition.from_touchpoint()).second) continue;
    violations_.Add(
        FieldPath(FieldPath("transitions", static_cast<size_t>(i)), "expected_share"),
        absl::StrCat("the shares that leave \"", Excerpt(transition.from_touchpoint()), "\" add up to more than 1"));
  }
}

void Validator::CheckInstanceRule() {
  const v1::InstanceRule& rule = map_.instance_rule();
  if (rule.correlation_property().size() > limits::kEventPropertyKeyBytesMax) {
    violations_.Add("instance_rule.correlation_property", absl::StrCat("is longer than the key of a property, ",
                                                                       limits::kEventPropertyKeyBytesMax, " bytes"));
  }
  if (rule.has_abandon_after()) CheckDuration(rule.abandon_after(), "instance_rule.abandon_after");
}

void Validator::CheckId(const std::string& id, const std::string& path) {
  if (id.empty()) {
    violations_.Add(path, "is required");
    return;
  }
  if (!IsResourceId(id)) {
    violations_.Add(path, absl::StrCat("\"", Excerpt(id), "\" is not an id: 1 to ", limits::kResourceIdLengthMax,
                                       " lower-case letters, digits and hyphens, starting with a letter and not "
                                       "ending with a hyphen"));
    return;
  }
  const auto [first, inserted] = path_by_id_.emplace(id, path);
  if (!inserted) violations_.Add(path, absl::StrCat("\"", id, "\" is already the id at ", first->second));
}

void Validator::CheckDisplayName(const std::string& text, const std::string& path) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    violations_.Add(path, "is required");
  } else if (HasControlCharacter(text)) {
    violations_.Add(path, "has a control character; it must be one line of text");
  }
  CheckLength(text, limits::kDisplayNameLengthMax, path);
}

void Validator::CheckLength(const std::string& text, size_t length_max, const std::string& path) {
  if (text.size() <= length_max) return;  // no more characters than bytes
  const size_t length = CharacterCount(text);
  if (length > length_max) {
    violations_.Add(path, absl::StrCat("has ", length, " characters, more than ", length_max));
  }
}

void Validator::CheckCount(int count, int count_max, absl::string_view path) {
  if (count > count_max) violations_.Add(path, absl::StrCat("has ", count, " entries, more than ", count_max));
}

void Validator::CheckTexts(const google::protobuf::RepeatedPtrField<std::string>& texts, size_t length_max,
                           const std::string& path) {
  CheckCount(texts.size(), limits::kListTextCountMax, path);
  for (int i = 0; i < texts.size(); ++i) {
    const std::string text_path = FieldPath(path, static_cast<size_t>(i));
    if (texts[i].empty()) violations_.Add(text_path, "is empty");
    CheckLength(texts[i], length_max, text_path);
  }
}

void Validator::CheckScale(int value, const std::string& path) {
  if (value < 0 || value > limits::kImportanceMax) {
    violations_.Add(path, absl::StrCat("is ", value, "; 1 to ", limits::kImportanceMax, ", or 0 for not stated"));
  }
}

void Validator::CheckDuration(const google::protobuf::Duration& duration, const std::string& path) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  const bool valid = seconds >= -kDurationSecondsMax && seconds <= kDurationSecondsMax && nanos >= -999'999'999 &&
                     nanos <= 999'999'999 && !(seconds > 0 && nanos < 0) && !(seconds < 0 && nanos > 0);
  if (!valid) {
    violations_.Add(path, "is not a valid duration");
  } else if (seconds < 0 || nanos < 0 || (seconds == 0 && nanos == 0)) {
    violations_.Add(path, "is not longer than zero");
  }
}

bool Validator::CheckName(const std::string& name, absl::string_view collection, const std::string& path) {
  const std::string prefix = absl::StrCat(workspace_name_, "/", collection, "/");
  if (name.compare(0, prefix.size(), prefix) != 0 || !IsResourceId(absl::string_view(name).substr(prefix.size()))) {
    violations_.Add(path, absl::StrCat("\"", Excerpt(name), "\" is not a name of the form ", prefix, "{id}"));
    return false;
  }
  references_.push_back({path, name});
  return true;
}

void Validator::CheckElement(const std::string& id, const std::set<std::string>& known, absl::string_view kind,
                             const std::string& path) {
  if (id.empty()) {
    violations_.Add(path, "is required");
  } else if (known.count(id) == 0) {
    violations_.Add(path, absl::StrCat("the map has no ", kind, " \"", Excerpt(id), "\""));
  }
}

absl::Status Validator::CheckReferences(CatalogReader& reader) {
  std::map<std::string, std::string> problem_by_name;  // empty: none
  for (const Reference& reference : references_) {
    auto found = problem_by_name.find(reference.name);
    if (found == problem_by_name.end()) {
      ASSIGN_OR_RETURN(const std::optional<Document> document, reader.Find(reference.name));
      std::string problem;
      if (!document.has_value()) problem = absl::StrCat("there is no ", reference.name);
      if (document.has_value() && document->deleted()) problem = absl::StrCat(reference.name, " is deleted");
      found = problem_by_name.emplace(reference.name, std::move(problem)).first;
    }
    if (!found->second.empty()) violations_.Add(reference.path, found->second);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateJourneyMapContent(const v1::JourneyMap& map, absl::string_view workspace_name) {
  Validator validator(map, workspace_name);
  validator.CheckContent();
  return validator.ToStatus();
}

absl::Status ValidateJourneyMap(const v1::JourneyMap& map, absl::string_view workspace_name, CatalogReader& reader) {
  Validator validator(map, workspace_name);
  validator.CheckContent();
  RETURN_IF_ERROR(validator.CheckReferences(reader));
  return validator.ToStatus();
}

}  // namespace throughline
