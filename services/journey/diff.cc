#include "services/journey/diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"

namespace throughline {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;
using google::protobuf::util::MessageDifferencer;

// What JSON leaves out because it has no value.
std::string AbsentJson(const FieldDescriptor& field) {
  if (field.is_repeated()) return "[]";
  if (field.has_presence()) return "null";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return "\"\"";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrCat("\"", field.default_value_enum()->name(), "\"");
    default:
      return "0";
  }
}

// One field's value as JSON, in proto names as everywhere in a diff.
std::string FieldJson(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const bool present =
      field.is_repeated() ? reflection.FieldSize(message, &field) > 0 : reflection.HasField(message, &field);
  if (!present) return AbsentJson(field);
  // A message with this field alone is printed as {"field":value}.
  const std::unique_ptr<Message> alone(message.New());
  alone->CopyFrom(message);
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* other : fields) {
    if (other != &field) alone->GetReflection()->ClearField(alone.get(), other);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*alone, &json, options).ok()) return "null";
  const std::string prefix = absl::StrCat("{\"", field.name(), "\":");
  if (!absl::StartsWith(json, prefix)) return "null";
  return json.substr(prefix.size(), json.size() - prefix.size() - 1);
}

// Fields whose changes are reported in another way, or say nothing about the map.
bool IsSkipped(const FieldDescriptor& field) {
  static const std::set<std::string>* const kSkipped =
      new std::set<std::string>{"id",          "phase", "phases",      "touchpoints", "transitions", "name",
                                "revision_id", "etag",  "create_time", "update_time", "delete_time", "publish_time"};
  return kSkipped->count(field.name()) > 0;
}

v1::JourneyMapChange MakeChange(v1::JourneyMapChange::Kind kind, const std::string& subject,
                                const std::string& display_name) {
  v1::JourneyMapChange change;
  change.set_kind(kind);
  change.set_subject(subject);
  change.set_display_name(display_name);
  return change;
}

void CompareFields(const Message& before, const Message& after, const std::string& subject,
                   const std::string& display_name, std::vector<v1::JourneyMapChange>& changes) {
  const google::protobuf::Descriptor& descriptor = *before.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (IsSkipped(field)) continue;
    const std::string old_value = FieldJson(before, field);
    const std::string new_value = FieldJson(after, field);
    if (old_value == new_value) continue;
    v1::JourneyMapChange& change =
        changes.emplace_back(MakeChange(v1::JourneyMapChange::CHANGED, subject, display_name));
    change.set_field(field.name());
    change.set_before(old_value);
    change.set_after(new_value);
  }
}

// Indexes of a longest strictly increasing subsequence of `values`, ascending.
std::vector<size_t> LongestIncreasing(const std::vector<int>& values) {
  std::vector<size_t> tails;  // tails[k]: where the smallest last value of a subsequence of length k + 1 stands
  std::vector<int> previous(values.size(), -1);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = std::lower_bound(tails.begin(), tails.end(), values[i],
                                     [&](size_t tail, int value) { return values[tail] < value; });
    if (at != tails.begin()) previous[i] = static_cast<int>(*std::prev(at));
    if (at == tails.end()) {
      tails.push_back(i);
    } else {
      *at = i;
    }
  }
  std::vector<size_t> result;
  for (int i = tails.empty() ? -1 : static_cast<int>(tails.back()); i >= 0; i = previous[static_cast<size_t>(i)]) {
    result.push_back(static_cast<size_t>(i));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

std::string PhaseOf(const v1::Touchpoint& touchpoint) { return touchpoint.phase(); }
std::string PhaseOf(const v1::Phase&) { return ""; }
std::string PhaseOf(const v1::Transition&) { return ""; }

const std::string& NameOf(const v1::Touchpoint& touchpoint) { return touchpoint.display_name(); }
const std::string& NameOf(const v1::Phase& phase) { return phase.display_name(); }
const std::string& NameOf(const v1::Transition& transition) { return transition.id(); }

// Ids have no character that JSON escapes.
std::string PlaceJson(const std::string& phase, int index) {
  if (phase.empty()) return absl::StrCat("{\"index\":", index, "}");
  return absl::StrCat("{\"phase\":\"", phase, "\",\"index\":", index, "}");
}

template <typename Element>
std::map<std::string, int> IndexById(const RepeatedPtrField<Element>& elements) {
  std::map<std::string, int> index_by_id;
  for (int i = 0; i < elements.size(); ++i) index_by_id.emplace(elements[i].id(), i);
  return index_by_id;
}

// Ids of the elements of both revisions that stand at another place, or in another phase.
template <typename Element>
std::set<std::string> FindMoved(const RepeatedPtrField<Element>& before, const RepeatedPtrField<Element>& after,
                                const std::map<std::string, int>& before_index) {
  std::set<std::string> moved;
  std::vector<std::string> ids;
  std::vector<int> places;
  for (const Element& element : after) {
    const auto found = before_index.find(element.id());
    if (found == before_index.end()) continue;
    if (PhaseOf(before[found->second]) != PhaseOf(element)) {
      moved.insert(element.id());
      continue;
    }
    ids.push_back(element.id());
    places.push_back(found->second);
  }
  std::vector<bool> stays(ids.size(), false);
  for (const size_t index : LongestIncreasing(places)) stays[index] = true;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!stays[i]) moved.insert(ids[i]);
  }
  return moved;
}

template <typename Element>
void CompareElements(const RepeatedPtrField<Element>& before, const RepeatedPtrField<Element>& after,
                     const std::string& collection, std::vector<v1::JourneyMapChange>& changes) {
  const std::map<std::string, int> before_index = IndexById(before);
  const std::map<std::string, int> after_index = IndexById(after);
  const std::set<std::string> moved = FindMoved(before, after, before_index);
  for (int i = 0; i < after.size(); ++i) {
    const Element& element = after[i];
    const std::string subject = absl::StrCat(collection, "/", element.id());
    const auto found = before_index.find(element.id());
    if (found == before_index.end()) {
      changes.push_back(MakeChange(v1::JourneyMapChange::ADDED, subject, NameOf(element)));
      continue;
    }
    const Element& old_element = before[found->second];
    if (moved.count(element.id()) > 0) {
      v1::JourneyMapChange& change =
          changes.emplace_back(MakeChange(v1::JourneyMapChange::MOVED, subject, NameOf(element)));
      change.set_before(PlaceJson(PhaseOf(old_element), found->second));
      change.set_after(PlaceJson(PhaseOf(element), i));
    }
    if (!MessageDifferencer::Equals(old_element, element)) {
      CompareFields(old_element, element, subject, NameOf(element), changes);
    }
  }
  for (const Element& element : before) {
    if (after_index.count(element.id()) > 0) continue;
    changes.push_back(
        MakeChange(v1::JourneyMapChange::REMOVED, absl::StrCat(collection, "/", element.id()), NameOf(element)));
  }
}

}  // namespace

std::vector<v1::JourneyMapChange> DiffJourneyMaps(const v1::JourneyMap& before, const v1::JourneyMap& after) {
  std::vector<v1::JourneyMapChange> changes;
  CompareFields(before, after, "", after.display_name(), changes);
  CompareElements(before.phases(), after.phases(), "phases", changes);
  CompareElements(before.touchpoints(), after.touchpoints(), "touchpoints", changes);
  CompareElements(before.transitions(), after.transitions(), "transitions", changes);
  return changes;
}

}  // namespace throughline
