#include "services/metrics/refresher.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "services/journey/published_maps.h"
#include "services/metrics/compute.h"
#include "services/metrics/windows.h"
#include "throughline/resource_names.h"
#include "throughline/v1/journey_map.pb.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using v1::MetricAttachment;
using v1::MetricDefinition;
using v1::MetricValue;

// Rows of the change log per read: a few hundred kilobytes.
constexpr int kChangesPerRead = 1000;
// Values per write transaction, so that people's writes never wait long behind ours.
constexpr size_t kValuesPerWrite = 100;

constexpr char kValueSuffix[] = "/value";

template <typename T>
bool IsType(const std::string& type) {
  return type == T::descriptor()->full_name();
}

std::string MonthOf(absl::Time time, absl::TimeZone zone) {
  return time == absl::InfinitePast() ? "" : absl::FormatTime("%Y-%m", time, zone);
}

std::string MapNameOf(absl::string_view attachment_name) { return std::string(ParentName(attachment_name)); }

std::string WorkspaceIdOf(absl::string_view name) { return std::string(LastSegment(WorkspaceNameOf(name))); }

// Failures of a store, as opposed to what is wrong with one resource.
bool IsStoreFailure(const absl::Status& status) {
  return !status.ok() && !absl::IsNotFound(status) && !absl::IsFailedPrecondition(status) &&
         !absl::IsInvalidArgument(status) && !absl::IsInternal(status);
}

std::string WhyNoMap(const absl::Status& status) {
  if (absl::IsNotFound(status)) return "The map is deleted.";
  if (absl::IsFailedPrecondition(status)) return "The map has not been published.";
  return "The published map cannot be read.";
}

}  // namespace

struct MetricRefresher::Pass {
  std::unique_ptr<CatalogReader> catalog;
  absl::Time now;
  const std::atomic<bool>* stop = nullptr;
  Counts counts;
  std::map<std::string, std::optional<MetricDefinition>> definitions;  // by name; absent: not there or deleted
  std::vector<std::pair<MetricValue, Attachment*>> changed;            // to be written
};

MetricRefresher::MetricRefresher(Catalog& catalog, EventStore& events, PublishedMaps& maps, const Clock& clock)
    : catalog_(catalog), events_(events), maps_(maps), clock_(clock) {}

absl::StatusOr<MetricRefresher::Counts> MetricRefresher::Refresh(const std::set<std::string>& touched, bool everywhere,
                                                                 const std::atomic<bool>& stop) {
  Pass pass;
  pass.stop = &stop;
  pass.now = clock_.Now();
  ASSIGN_OR_RETURN(pass.catalog, catalog_.Read());
  RETURN_IF_ERROR(ReadCatalog(pass));
  absl::Status first_failure;
  for (auto& [id, workspace] : workspaces_) {
    if (stop) break;
    first_failure.Update(RefreshWorkspace(id, workspace, everywhere || touched.count(id) > 0, pass));
  }
  first_failure.Update(Flush(pass));
  RETURN_IF_ERROR(first_failure);
  return pass.counts;
}

absl::Status MetricRefresher::ReadCatalog(Pass& pass) {
  if (loaded_) {
    const absl::Status status = ReadChanges(pass);
    // The change log no longer reaches back to where we were.
    if (!absl::IsOutOfRange(status)) return status;
  }
  return LoadEverything(pass);
}

absl::Status MetricRefresher::LoadEverything(Pass& pass) {
  ASSIGN_OR_RETURN(const auto attachments,
                   pass.catalog->ListByType(MetricAttachment::descriptor()->full_name(), "workspaces/"));
  ASSIGN_OR_RETURN(const auto values, pass.catalog->ListByType(MetricValue::descriptor()->full_name(), "workspaces/"));
  workspaces_.clear();
  orphans_.clear();
  for (const Document& value : values) orphans_.insert(value.name);
  for (const Document& document : attachments) {
    Attachment attachment;
    ASSIGN_OR_RETURN(attachment.resource, ToResource<MetricAttachment>(document));
    attachment.map_name = MapNameOf(document.name);
    orphans_.erase(document.name + kValueSuffix);
    workspaces_[WorkspaceIdOf(document.name)].attachments[document.name] = std::move(attachment);
  }
  revision_ = pass.catalog->revision();
  loaded_ = true;
  return absl::OkStatus();
}

absl::Status MetricRefresher::ReadChanges(Pass& pass) {
  const Revision target = pass.catalog->revision();
  while (revision_ < target) {
    ASSIGN_OR_RETURN(const std::vector<Change> changes, catalog_.Changes(revision_, kChangesPerRead));
    Revision reached = target;  // where nothing more is reported, nothing more is to be looked at
    for (const Change& change : changes) {
      reached = change.revision;
      if (change.revision > target) break;
      if (IsType<MetricAttachment>(change.type)) {
        RETURN_IF_ERROR(ReloadAttachment(change.name, pass));
      } else if (IsType<MetricDefinition>(change.type)) {
        for (auto& [name, attachment] : workspaces_[WorkspaceIdOf(change.name)].attachments) {
          if (attachment.resource.metric_definition() == change.name) attachment.dirty = true;
        }
      } else if (IsType<v1::JourneyMap>(change.type)) {
        MarkMap(change.name);
      } else if (IsType<v1::Workspace>(change.type)) {
        for (auto& [name, attachment] : workspaces_[WorkspaceIdOf(change.name)].attachments) attachment.dirty = true;
      }
    }
    revision_ = std::min(reached, target);
  }
  return absl::OkStatus();
}

absl::Status MetricRefresher::ReloadAttachment(const std::string& name, Pass& pass) {
  auto& attachments = workspaces_[WorkspaceIdOf(name)].attachments;
  ASSIGN_OR_RETURN(const std::optional<Document> document, pass.catalog->Find(name));
  attachments.erase(name);
  if (!document.has_value() || document->deleted()) {
    orphans_.insert(name + kValueSuffix);
    return absl::OkStatus();
  }
  Attachment attachment;
  ASSIGN_OR_RETURN(attachment.resource, ToResource<MetricAttachment>(*document));
  attachment.map_name = MapNameOf(name);
  orphans_.erase(name + kValueSuffix);
  attachments[name] = std::move(attachment);
  return absl::OkStatus();
}

// Most changes of a map are edits of its draft, which no value depends on.
void MetricRefresher::MarkMap(const std::string& map_name) {
  const auto map = maps_.Find(map_name);
  const std::string version = map.ok() ? (*map)->version_name : "";
  for (auto& [name, attachment] : workspaces_[WorkspaceIdOf(map_name)].attachments) {
    // Without a version the reason may have changed.
    if (attachment.map_name == map_name && (version.empty() || attachment.map_version != version)) {
      attachment.dirty = true;
    }
  }
}

void MetricRefresher::MarkEvents(const EventStatistics& statistics, absl::TimeZone zone, Workspace& workspace) {
  std::set<std::string> changed;
  for (const EventNameCount& name : statistics.event_names) {
    int64_t& known = workspace.event_counts[name.event_name];
    if (known != name.events) changed.insert(name.event_name);
    known = name.events;
  }
  // Which months a trend shows depends on all events of the workspace.
  const std::string last_month = MonthOf(statistics.last_event_time, zone);
  const bool months_moved =
      workspace.first_event_time != statistics.first_event_time || workspace.last_month != last_month;
  workspace.first_event_time = statistics.first_event_time;
  workspace.last_month = last_month;
  for (auto& [name, attachment] : workspace.attachments) {
    if (months_moved || (!attachment.event_names.has_value() && !changed.empty())) attachment.dirty = true;
    if (attachment.dirty || !attachment.event_names.has_value()) continue;
    for (const std::string& event_name : *attachment.event_names) {
      if (changed.count(event_name) > 0) attachment.dirty = true;
    }
  }
}

absl::Status MetricRefresher::RefreshWorkspace(const std::string& id, Workspace& workspace, bool look_at_events,
                                               Pass& pass) {
  bool any_dirty = false;
  for (auto& [name, attachment] : workspace.attachments) {
    if (attachment.time_key != TimeKey(attachment.resource, pass.now)) attachment.dirty = true;
    any_dirty = any_dirty || attachment.dirty;
  }
  if (workspace.attachments.empty() || (!any_dirty && !look_at_events)) return absl::OkStatus();

  ASSIGN_OR_RETURN(const auto document, pass.catalog->Find(MakeWorkspaceName(id)));
  if (!document.has_value() || document->deleted()) return absl::OkStatus();  // its undeletion marks them again
  ASSIGN_OR_RETURN(const auto resource, document->Parse<v1::Workspace>());
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!resource.time_zone().empty() && !absl::LoadTimeZone(resource.time_zone(), &zone)) {
    LogWarning("unknown time zone; months begin in UTC", {{"workspace", id}, {"time_zone", resource.time_zone()}});
  }

  ASSIGN_OR_RETURN(const std::shared_ptr<const EventView> view, events_.View(id));
  MarkEvents(view->Statistics(), zone, workspace);
  absl::Status first_failure;
  for (auto& [name, attachment] : workspace.attachments) {
    if (*pass.stop) break;
    if (!attachment.dirty) continue;
    absl::StatusOr<MetricValue> value = Compute(attachment, *view, zone, pass);
    if (!value.ok()) {
      first_failure.Update(value.status());
      continue;
    }
    ++pass.counts.computed;
    ASSIGN_OR_RETURN(const std::optional<Document> stored, pass.catalog->Find(value->name()));
    bool same = false;
    if (stored.has_value() && !stored->deleted()) {
      const absl::StatusOr<MetricValue> before = ToResource<MetricValue>(*stored);
      same = before.ok() && SameMetricValue(*before, *value);
    }
    attachment.dirty = false;  // again true if it cannot be written
    if (!same) pass.changed.emplace_back(*std::move(value), &attachment);
    if (pass.changed.size() >= kValuesPerWrite) first_failure.Update(Flush(pass));
  }
  return first_failure;
}

absl::StatusOr<MetricValue> MetricRefresher::Compute(Attachment& attachment, const EventView& view, absl::TimeZone zone,
                                                     Pass& pass) {
  const MetricAttachment& resource = attachment.resource;
  attachment.time_key = TimeKey(resource, pass.now);
  attachment.event_names.emplace();  // none, unless something can be computed
  attachment.map_version.clear();

  auto definition = pass.definitions.find(resource.metric_definition());
  if (definition == pass.definitions.end()) {
    ASSIGN_OR_RETURN(const auto document, pass.catalog->Find(resource.metric_definition()));
    std::optional<MetricDefinition> found;
    if (document.has_value() && !document->deleted()) {
      ASSIGN_OR_RETURN(found, document->Parse<MetricDefinition>());
    }
    definition = pass.definitions.emplace(resource.metric_definition(), std::move(found)).first;
  }
  const auto map = maps_.Find(attachment.map_name);
  if (IsStoreFailure(map.status())) return map.status();
  if (map.ok()) attachment.map_version = (*map)->version_name;

  std::string why;
  if (!definition->second.has_value()) {
    why = "The metric definition is deleted.";
  } else if (!map.ok()) {
    why = WhyNoMap(map.status());
  }
  if (!why.empty()) {
    MetricValue value =
        UndefinedMetricValue(resource, definition->second ? &*definition->second : nullptr, why, pass.now);
    value.set_data_watermark(view.watermark().value);
    return value;
  }
  attachment.event_names = EventNamesOf(resource, *definition->second, **map);
  absl::StatusOr<MetricValue> value = ComputeMetricValue(resource, *definition->second, **map, view, pass.now, zone);
  if (!value.ok()) {
    LogWarning("a metric value could not be computed",
               {{"attachment", resource.name()}, {"status", value.status().ToString()}});
  }
  return value;
}

// Writes what changed and deletes the values of attachments that are gone. The transaction looks again whether an
// attachment lives: it may have been deleted while its value was computed.
absl::Status MetricRefresher::Flush(Pass& pass) {
  if (pass.changed.empty() && orphans_.empty()) return absl::OkStatus();
  int64_t written = 0;
  const absl::StatusOr<Revision> revision = catalog_.Write([&](WriteTransaction& transaction) {
    written = 0;
    for (const auto& [value, attachment] : pass.changed) {
      ASSIGN_OR_RETURN(const auto document, transaction.Find(attachment->resource.name()));
      if (!document.has_value() || document->deleted()) continue;
      MetricValue stored = value;
      ClearDerivedFields(stored);
      RETURN_IF_ERROR(transaction.Put(value.name(), stored));
      ++written;
    }
    for (const std::string& name : orphans_) {
      ASSIGN_OR_RETURN(const auto attachment, transaction.Find(ParentName(name)));
      if (attachment.has_value() && !attachment->deleted()) continue;
      ASSIGN_OR_RETURN(const auto document, transaction.Find(name));
      if (!document.has_value() || document->deleted()) continue;
      RETURN_IF_ERROR(transaction.Delete(name));
      ++written;
    }
    return absl::OkStatus();
  });
  if (revision.ok()) {
    orphans_.clear();
    pass.counts.written += written;
  } else {
    for (const auto& [value, attachment] : pass.changed) attachment->dirty = true;
  }
  pass.changed.clear();
  return revision.status();
}

}  // namespace throughline
