// The catalog's questions, as of one revision, on one SQLite connection.
// Used by one thread at a time.
//
// A read view adds a snapshot of its own (SqliteReadView); the write transaction asks on the writer's connection, where
// it sees its own changes (SqliteTransaction).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/catalog/sqlite/sqlite_connection.h"
#include "throughline/catalog.h"

namespace throughline {

// What the file says of itself.
struct SqliteState {
  Revision latest;
  absl::Time latest_time;
  Revision horizon;
};
absl::StatusOr<SqliteState> ReadSqliteState(SqliteConnection& connection);

// The document of the row that `query` stands on, whose columns are those of the find and list statements.
Document DocumentOfRow(const SqliteQuery& query);
// Its further columns.
struct DocumentRowState {
  int64_t document_id = 0;
  Change::Kind kind = Change::Kind::kCreated;
};
DocumentRowState StateOfRow(const SqliteQuery& query);

absl::StatusOr<std::optional<Document>> FindDocument(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                     absl::string_view name);
absl::StatusOr<std::vector<Document>> ListCollection(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                     const ListOptions& options);
absl::StatusOr<std::vector<Document>> ListByType(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                 absl::string_view type, absl::string_view prefix);
absl::StatusOr<std::vector<Document>> ListHistory(SqliteConnection& connection, Revision horizon, Revision before,
                                                  absl::string_view name, int limit);
absl::StatusOr<std::vector<Change>> ListChanges(SqliteConnection& connection, Revision after, Revision up_to,
                                                int limit);

}  // namespace throughline
