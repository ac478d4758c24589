#include "services/journey/publish.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"
#include "services/journey/validate.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

// What keeps the map from being measured; empty: nothing.
std::vector<FieldViolation> Problems(const v1::JourneyMap& map) {
  std::vector<FieldViolation> problems;
  if (map.phases_size() == 0) problems.push_back({"phases", "the map has no phase"});
  if (map.touchpoints_size() == 0) {
    problems.push_back({"touchpoints", "the map has no touchpoint"});
    return problems;
  }
  std::vector<FieldViolation> unbound;
  for (int i = 0; i < map.touchpoints_size(); ++i) {
    const v1::Touchpoint& touchpoint = map.touchpoints(i);
    if (touchpoint.event_binding().event_names_size() > 0 || !touchpoint.event_binding().filter().empty()) continue;
    unbound.push_back(
        {absl::StrCat("touchpoints[", i, "].event_binding"),
         absl::StrCat("no event is \"", touchpoint.display_name(), "\": name its events or give a filter")});
  }
  // Some touchpoints are out of reach of any system; a map where all are cannot be measured.
  if (unbound.size() == static_cast<size_t>(map.touchpoints_size())) {
    problems.insert(problems.end(), unbound.begin(), unbound.end());
  }
  return problems;
}

// Versions are never written twice, also when the map's own memory of them is older than they are (it was purged and
// made anew, or its content came back from an earlier revision).
absl::StatusOr<std::string> NextVersionName(const v1::JourneyMap& map, WriteTransaction& transaction) {
  int64_t number = 0;
  const std::string& published = map.published_version();
  if (!published.empty() && !absl::SimpleAtoi(published.substr(published.rfind('/') + 1), &number)) {
    return Internal(absl::StrCat("not the name of a version: ", published));
  }
  while (true) {
    std::string name = absl::StrCat(map.name(), "/versions/", ++number);
    ASSIGN_OR_RETURN(const std::optional<Document> taken, transaction.Find(name));
    if (!taken.has_value()) return name;
  }
}

// A map that is published again is counted already.
absl::Status CheckPublishedCount(const v1::JourneyMap& map, WriteTransaction& transaction) {
  if (!map.published_version().empty()) return absl::OkStatus();
  const absl::string_view workspace_name = WorkspaceNameOf(map.name());
  ASSIGN_OR_RETURN(const auto documents,
                   transaction.ListByType(v1::JourneyMap::descriptor()->full_name(),
                                          absl::StrCat(JourneyMapCollection(workspace_name), "/")));
  if (documents.size() <= static_cast<size_t>(limits::kPublishedMapsPerWorkspaceMax)) return absl::OkStatus();
  int published = 0;
  for (const Document& document : documents) {
    ASSIGN_OR_RETURN(const auto other, document.Parse<v1::JourneyMap>());
    published += other.published_version().empty() ? 0 : 1;
  }
  if (published < limits::kPublishedMapsPerWorkspaceMax) return absl::OkStatus();
  return LimitExceeded(workspace_name, limits::kPublishedMapsPerWorkspaceMax, "published maps");
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp.seconds()))));
}

}  // namespace

absl::StatusOr<v1::JourneyMap> PublishJourneyMap(WriteTransaction& transaction, absl::string_view name,
                                                 absl::string_view etag) {
  ASSIGN_OR_RETURN(const std::optional<Document> document, transaction.Find(name));
  if (!document.has_value() || document->deleted()) return ResourceNotFound(name);
  const std::string current_etag = MakeEtag(document->revision);
  if (!etag.empty() && etag != current_etag) return StaleEtag(name, etag, current_etag);
  ASSIGN_OR_RETURN(v1::JourneyMap map, document->Parse<v1::JourneyMap>());

  map.set_name(document->name);
  RETURN_IF_ERROR(ValidateJourneyMap(map, WorkspaceNameOf(name), transaction));
  if (const std::vector<FieldViolation> problems = Problems(map); !problems.empty()) {
    return JourneyMapNotPublishable(name, problems);
  }
  RETURN_IF_ERROR(CheckPublishedCount(map, transaction));

  ASSIGN_OR_RETURN(const std::string version_name, NextVersionName(map, transaction));
  map.set_published_version(version_name);
  SetTimestamp(transaction.now(), *map.mutable_publish_time());
  v1::JourneyMapVersion version;
  version.set_name(map.published_version());
  *version.mutable_journey_map() = map;
  RETURN_IF_ERROR(transaction.Put(version.name(), version));
  RETURN_IF_ERROR(transaction.Put(name, map));
  ASSIGN_OR_RETURN(const std::optional<Document> stored, transaction.Find(name));
  if (!stored.has_value()) return Internal(absl::StrCat(document->name, " is not there after it was written"));
  return ToResource<v1::JourneyMap>(*stored);
}

}  // namespace throughline
