#include "services/journey/published_maps.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/duration.pb.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"
#include "throughline/filter.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

absl::Duration ToAbslDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// What every event that a selector matches is known to be: the comparisons field = value that hold together.
struct Facts {
  std::optional<std::set<std::string>> event_names;  // absent: any
  std::map<std::string, FilterNode::Value> equal;    // by field path
};

void CollectFacts(const FilterNode& node, Facts& facts) {
  if (node.kind == FilterNode::Kind::kAnd) {
    for (const auto& child : node.children) CollectFacts(*child, facts);
    return;
  }
  if (node.kind != FilterNode::Kind::kComparison || node.op != FilterNode::Operator::kEqual) return;
  // Two spellings may be one moment, and a wildcard is many values.
  if (node.path.empty() || node.path[0] == "event_time" || node.path[0] == "customer") return;
  if (const auto* text = std::get_if<std::string>(&node.value)) {
    if (text->find('*') != std::string::npos) return;
    if (node.path.size() == 1 && node.path[0] == "event_name") {
      std::set<std::string> only;
      if (!facts.event_names.has_value() || facts.event_names->count(*text) > 0) only.insert(*text);
      facts.event_names = std::move(only);
      return;
    }
  }
  // A second value for the same field is a contradiction: whichever is kept, the selector matches nothing.
  facts.equal.emplace(absl::StrJoin(node.path, "."), node.value);
}

Facts FactsOf(const EventSelector& selector) {
  Facts facts;
  if (!selector.event_names.empty()) {
    facts.event_names.emplace(selector.event_names.begin(), selector.event_names.end());
  }
  if (!selector.filter.empty()) CollectFacts(*selector.filter.root(), facts);
  return facts;
}

bool AreDifferent(const FilterNode::Value& left, const FilterNode::Value& right) {
  if (left.index() != right.index()) return false;
  if (const auto* text = std::get_if<std::string>(&left)) return *text != std::get<std::string>(right);
  if (const auto* number = std::get_if<double>(&left)) return *number != std::get<double>(right);
  if (const auto* truth = std::get_if<bool>(&left)) return *truth != std::get<bool>(right);
  return false;
}

// False only if no event can match both.
bool MayOverlap(const Facts& left, const Facts& right) {
  if (left.event_names.has_value() && right.event_names.has_value()) {
    const bool shares_name = std::any_of(left.event_names->begin(), left.event_names->end(),
                                         [&](const std::string& name) { return right.event_names->count(name) > 0; });
    if (!shares_name) return false;
  }
  return std::none_of(left.equal.begin(), left.equal.end(), [&](const auto& fact) {
    const auto found = right.equal.find(fact.first);
    return found != right.equal.end() && AreDifferent(fact.second, found->second);
  });
}

bool HasBinding(const v1::EventBinding& binding) { return binding.event_names_size() > 0 || !binding.filter().empty(); }

absl::Duration StalledAfter(const v1::JourneyMap& map, const std::string& touchpoint_id) {
  absl::Duration longest = absl::ZeroDuration();
  bool leaves = false;
  for (const v1::Transition& transition : map.transitions()) {
    if (transition.from_touchpoint() != touchpoint_id) continue;
    if (!transition.has_expected_duration()) return absl::InfiniteDuration();
    leaves = true;
    longest = std::max(longest, ToAbslDuration(transition.expected_duration()));
  }
  return leaves ? longest : absl::InfiniteDuration();
}

// Lets each event belong to the first touchpoint that it matches.
void MakeDisjoint(std::vector<CompiledTouchpoint>& touchpoints) {
  std::vector<Facts> facts;
  facts.reserve(touchpoints.size());
  for (const CompiledTouchpoint& touchpoint : touchpoints) facts.push_back(FactsOf(touchpoint.selector));
  // From the last to the first: the selectors before are still what their bindings say.
  for (size_t i = touchpoints.size(); i-- > 0;) {
    if (!touchpoints[i].has_binding) continue;
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (touchpoints[earlier].has_binding && MayOverlap(facts[earlier], facts[i])) {
        touchpoints[i].selector.unless.push_back(touchpoints[earlier].selector);
      }
    }
  }
}

}  // namespace

const CompiledTouchpoint* CompiledMap::Find(absl::string_view id) const {
  const auto found = std::find_if(touchpoints.begin(), touchpoints.end(),
                                  [&](const CompiledTouchpoint& touchpoint) { return touchpoint.id == id; });
  return found == touchpoints.end() ? nullptr : &*found;
}

absl::StatusOr<EventSelector> CompileBinding(const v1::EventBinding& binding) {
  EventSelector selector;
  if (!HasBinding(binding)) {
    selector.unless.emplace_back();  // every event
    return selector;
  }
  selector.event_names.assign(binding.event_names().begin(), binding.event_names().end());
  ASSIGN_OR_RETURN(auto filter, Filter::ParseAndCheck(binding.filter(), EventFilterFields()));
  selector.filter = std::move(filter);
  return selector;
}

absl::StatusOr<std::shared_ptr<const CompiledMap>> CompileMap(const v1::JourneyMapVersion& version) {
  auto compiled = std::make_shared<CompiledMap>();
  compiled->version_name = version.name();
  compiled->map_name = version.name().substr(0, version.name().rfind("/versions/"));
  compiled->map = version.journey_map();
  for (const v1::Touchpoint& touchpoint : compiled->map.touchpoints()) {
    ASSIGN_OR_RETURN(auto selector, CompileBinding(touchpoint.event_binding()));
    CompiledTouchpoint& target = compiled->touchpoints.emplace_back();
    target.id = touchpoint.id();
    target.has_binding = HasBinding(touchpoint.event_binding());
    target.selector = std::move(selector);
    target.completes = touchpoint.completes_journey();
    target.stalled_after = StalledAfter(compiled->map, touchpoint.id());
  }
  MakeDisjoint(compiled->touchpoints);
  const v1::InstanceRule& rule = compiled->map.instance_rule();
  compiled->run.correlation_property = rule.correlation_property();
  if (rule.has_abandon_after()) compiled->abandon_after = ToAbslDuration(rule.abandon_after());
  return compiled;
}

absl::StatusOr<std::vector<std::shared_ptr<const CompiledMap>>> PublishedMaps::List(absl::string_view workspace_name) {
  ASSIGN_OR_RETURN(const auto snapshot, Refresh(workspace_name));
  return snapshot->maps;
}

absl::StatusOr<std::shared_ptr<const CompiledMap>> PublishedMaps::Find(absl::string_view map_name) {
  const absl::string_view workspace_name = WorkspaceNameOf(map_name);
  if (workspace_name.empty()) return ResourceNotFound(map_name);
  ASSIGN_OR_RETURN(const auto snapshot, Refresh(workspace_name));
  for (const std::shared_ptr<const CompiledMap>& map : snapshot->maps) {
    if (map->map_name == map_name) return map;
  }
  ASSIGN_OR_RETURN(const auto document, catalog_.FindLatest(map_name));
  if (!document.has_value() || document->deleted()) return ResourceNotFound(map_name);
  return JourneyMapNotPublished(map_name);
}

absl::StatusOr<std::shared_ptr<const PublishedMaps::Snapshot>> PublishedMaps::Refresh(
    absl::string_view workspace_name) {
  // Asked for first: what is committed after it may or may not be read, and is looked for again next time.
  const Revision latest = catalog_.LatestRevision();
  const std::string key(workspace_name);
  std::shared_ptr<const Snapshot> previous;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (const auto found = snapshots_.find(key); found != snapshots_.end()) previous = found->second;
  }
  if (previous != nullptr && previous->revision >= latest) return previous;
  std::shared_ptr<const Snapshot> next;
  if (previous != nullptr && IsUnchanged(workspace_name, previous->revision, latest)) {
    auto same = std::make_shared<Snapshot>(*previous);
    same->revision = latest;
    next = std::move(same);
  } else {
    ASSIGN_OR_RETURN(next, Load(workspace_name, previous.get()));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (snapshots_.count(key) == 0 && snapshots_.size() >= limits::kPublishedMapsWorkspacesMax) {
    snapshots_.erase(snapshots_.begin());
  }
  std::shared_ptr<const Snapshot>& stored = snapshots_[key];
  if (stored == nullptr || stored->revision < next->revision) stored = next;
  return next;
}

bool PublishedMaps::IsUnchanged(absl::string_view workspace_name, Revision since, Revision latest) {
  const absl::StatusOr<std::vector<Change>> changes = catalog_.Changes(since, limits::kPublishedMapsChangesMax);
  if (!changes.ok()) return false;  // compacted away: the maps are read again, and that reports what is wrong
  if (changes->empty() || changes->back().revision < latest) return false;  // too many to look through
  const std::string prefix = absl::StrCat(workspace_name, "/journeyMaps/");
  const std::string& type = v1::JourneyMap::descriptor()->full_name();
  return std::none_of(changes->begin(), changes->end(), [&](const Change& change) {
    return change.type == type && change.name.compare(0, prefix.size(), prefix) == 0;
  });
}

absl::StatusOr<std::shared_ptr<const PublishedMaps::Snapshot>> PublishedMaps::Load(absl::string_view workspace_name,
                                                                                   const Snapshot* previous) {
  ASSIGN_OR_RETURN(const auto reader, catalog_.Read());
  ASSIGN_OR_RETURN(const auto documents, reader->ListByType(v1::JourneyMap::descriptor()->full_name(),
                                                            absl::StrCat(workspace_name, "/journeyMaps/")));
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->revision = reader->revision();
  for (const Document& document : documents) {
    ASSIGN_OR_RETURN(const auto map, document.Parse<v1::JourneyMap>());
    if (map.published_version().empty()) continue;
    ASSIGN_OR_RETURN(const auto stored, reader->Find(map.published_version()));
    if (!stored.has_value()) return Internal(absl::StrCat(map.published_version(), " is published but not stored"));
    std::shared_ptr<const CompiledMap> compiled;
    // The same name may be another version: a purged map's name is free again.
    for (size_t i = 0; previous != nullptr && i < previous->maps.size(); ++i) {
      if (previous->maps[i]->version_name == stored->name && previous->version_revisions[i] == stored->revision) {
        compiled = previous->maps[i];
      }
    }
    if (compiled == nullptr) {
      ASSIGN_OR_RETURN(auto version, stored->Parse<v1::JourneyMapVersion>());
      version.set_name(stored->name);
      ASSIGN_OR_RETURN(compiled, CompileMap(version));
    }
    snapshot->maps.push_back(std::move(compiled));
    snapshot->version_revisions.push_back(stored->revision);
  }
  return snapshot;
}

}  // namespace throughline
