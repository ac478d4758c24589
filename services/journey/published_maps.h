// Published versions of journey maps, compiled into the selectors that an events engine evaluates.
// A CompiledMap is immutable; PublishedMaps is thread-safe.
//
// PublishedMaps follows the catalog: every call sees all that was committed before it. While no map of the workspace
// changed, a call reads only the change log since the call before it, so that it can be asked for every recomputation
// and every timeline. A version is compiled once.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "throughline/catalog.h"
#include "throughline/events.h"
#include "throughline/types.h"
#include "throughline/v1/journey_map.pb.h"

namespace throughline {

struct CompiledTouchpoint {
  std::string id;
  bool has_binding = false;
  // The events that visit this touchpoint and none before it in the map: the selectors of one map are disjoint, by
  // `unless` where two bindings could match one event. Without a binding it matches nothing.
  EventSelector selector;
  // Whether a visit completes the journey.
  bool completes = false;
  // A run that has stood here for longer is stalled: the longest expected duration of the transitions that leave.
  // Infinite where none leaves, or one of them states no duration.
  absl::Duration stalled_after = absl::InfiniteDuration();
};

struct CompiledMap {
  std::string map_name;                         // workspaces/{workspace}/journeyMaps/{journey_map}
  std::string version_name;                     // {map_name}/versions/{version}
  v1::JourneyMap map;                           // as published
  std::vector<CompiledTouchpoint> touchpoints;  // same index as map.touchpoints()
  RunRule run;
  absl::Duration abandon_after = absl::InfiniteDuration();

  // Null if the map has no such touchpoint.
  const CompiledTouchpoint* Find(absl::string_view id) const;
};

// The selector of a binding. INVALID_ARGUMENT (INVALID_FILTER) if its filter does not parse. A binding with neither
// names nor filter matches nothing.
absl::StatusOr<EventSelector> CompileBinding(const v1::EventBinding& binding);

// INVALID_ARGUMENT (INVALID_FILTER) if the filter of a binding does not parse.
absl::StatusOr<std::shared_ptr<const CompiledMap>> CompileMap(const v1::JourneyMapVersion& version);

class PublishedMaps {
 public:
  // The catalog must outlive this.
  explicit PublishedMaps(Catalog& catalog) : catalog_(catalog) {}
  PublishedMaps(const PublishedMaps&) = delete;
  PublishedMaps& operator=(const PublishedMaps&) = delete;

  // The published version of every living map of the workspace (`workspaces/{workspace}`), in the order of the maps'
  // names. INTERNAL if what is stored cannot be read.
  absl::StatusOr<std::vector<std::shared_ptr<const CompiledMap>>> List(absl::string_view workspace_name);

  // The published version of one map. NOT_FOUND if there is no such map, or it is deleted; FAILED_PRECONDITION
  // (JOURNEY_MAP_NOT_PUBLISHED) if it was never published.
  absl::StatusOr<std::shared_ptr<const CompiledMap>> Find(absl::string_view map_name);

 private:
  // The published maps of one workspace as of one revision.
  struct Snapshot {
    Revision revision;
    std::vector<std::shared_ptr<const CompiledMap>> maps;
    std::vector<Revision> version_revisions;  // of the versions' documents, same index as `maps`
  };

  absl::StatusOr<std::shared_ptr<const Snapshot>> Refresh(absl::string_view workspace_name);
  // Whether no map of the workspace changed after `since`, as far as `latest`.
  bool IsUnchanged(absl::string_view workspace_name, Revision since, Revision latest);
  absl::StatusOr<std::shared_ptr<const Snapshot>> Load(absl::string_view workspace_name, const Snapshot* previous);

  Catalog& catalog_;
  std::mutex mutex_;  // never held while the catalog is read
  std::map<std::string, std::shared_ptr<const Snapshot>, std::less<>> snapshots_;  // by workspace name
};

}  // namespace throughline
