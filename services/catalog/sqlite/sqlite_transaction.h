// One write transaction of the SQLite engine, inside a savepoint of the writer's commit group.
// Used by the writer's thread only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/catalog/sqlite/document_cache.h"
#include "services/catalog/sqlite/sqlite_connection.h"
#include "throughline/catalog.h"

namespace throughline {

class SqliteTransaction : public WriteTransaction {
 public:
  SqliteTransaction(SqliteConnection& connection, Revision revision, Revision horizon, absl::Time now)
      : connection_(connection), revision_(revision), horizon_(horizon), now_(now) {}

  Revision revision() const override { return revision_; }
  absl::StatusOr<std::optional<Document>> Find(absl::string_view name) override;
  absl::StatusOr<std::vector<Document>> List(const ListOptions& options) override;
  absl::StatusOr<std::vector<Document>> ListByType(absl::string_view type, absl::string_view prefix) override;
  absl::Time now() const override { return now_; }
  absl::Status Put(absl::string_view name, const google::protobuf::Message& message) override;
  absl::Status Delete(absl::string_view name) override;
  absl::Status Undelete(absl::string_view name) override;
  absl::Status Purge(absl::string_view name) override;

  bool changed() const { return !updates_.empty(); }
  // The first failure of the store; a function that overlooks it must not be committed.
  const absl::Status& failure() const { return failure_; }
  // Writes the revision's own row; the last step of a transaction that has changed something.
  absl::Status Finish();
  // What the cache must be told.
  std::vector<DocumentCache::Update> TakeUpdates() { return std::move(updates_); }

 private:
  struct Current {
    int64_t document_id = 0;           // 0: the name was never used
    std::optional<Document> document;  // absent: never created, or purged
  };
  absl::StatusOr<Current> FindCurrent(absl::string_view name);
  absl::Status Apply(Change::Kind kind, int64_t document_id, Document document);
  absl::Status WriteRows(Change::Kind kind, int64_t document_id, const Document& document);
  // Remembers a failure of the store.
  template <typename T>
  T Keep(T result);

  SqliteConnection& connection_;
  const Revision revision_;
  const Revision horizon_;
  const absl::Time now_;
  std::vector<DocumentCache::Update> updates_;  // one per change, in order
  absl::Status failure_;
};

}  // namespace throughline
