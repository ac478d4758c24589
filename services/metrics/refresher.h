// MetricRefresher: one pass over what changed, after which every metric value is up to date. The scheduler decides
// when. Used by one thread at a time.
//
// Knows every living attachment and what its value depends on: its definition, the published version of its map, its
// workspace's time zone, the names of its events, and the time. Recomputes those for which one of these changed since
// the pass before; the first pass recomputes all. What fails stays marked, for the next pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/base/clock.h"
#include "throughline/catalog.h"
#include "throughline/events.h"
#include "throughline/v1/metric.pb.h"

namespace throughline {

class PublishedMaps;

class MetricRefresher {
 public:
  struct Counts {
    int64_t computed = 0;
    int64_t written = 0;  // values that were put or deleted
  };

  // All must outlive it.
  MetricRefresher(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock);

  // Brings values up to date with all catalog changes, the time, and the events of the workspaces (ids) of `touched`;
  // with `everywhere`, of every workspace that has attachments. Ends early when `stop` becomes true. The status is
  // the first failure of a store; what it kept from being done stays marked.
  absl::StatusOr<Counts> Refresh(const std::set<std::string>& touched, bool everywhere, const std::atomic<bool>& stop);

 private:
  struct Attachment {
    v1::MetricAttachment resource;  // with its name
    std::string map_name;
    bool dirty = true;
    // What the latest value was computed from.
    std::string map_version;
    std::optional<std::set<std::string>> event_names;  // absent: any
    std::string time_key;
  };
  struct Workspace {
    std::map<std::string, Attachment> attachments;  // by name
    // The events as of the latest pass.
    std::map<std::string, int64_t> event_counts;  // by event name
    absl::Time first_event_time = absl::InfiniteFuture();
    std::string last_month;
  };
  struct Pass;  // what one Refresh carries along

  absl::Status ReadCatalog(Pass& pass);
  absl::Status LoadEverything(Pass& pass);
  absl::Status ReadChanges(Pass& pass);
  absl::Status ReloadAttachment(const std::string& name, Pass& pass);
  void MarkMap(const std::string& map_name);
  void MarkEvents(const EventStatistics& statistics, absl::TimeZone zone, Workspace& workspace);
  absl::Status RefreshWorkspace(const std::string& id, Workspace& workspace, bool look_at_events, Pass& pass);
  absl::StatusOr<v1::MetricValue> Compute(Attachment& attachment, const EventView& view, absl::TimeZone zone,
                                          Pass& pass);
  absl::Status Flush(Pass& pass);

  Catalog& catalog_;
  EventStore& events_;
  PublishedMaps& maps_;
  const Clock& clock_;
  bool loaded_ = false;
  Revision revision_;                            // the catalog's changes up to here have been looked at
  std::map<std::string, Workspace> workspaces_;  // by id; those with attachments
  std::set<std::string> orphans_;                // values whose attachment is gone
};

}  // namespace throughline
