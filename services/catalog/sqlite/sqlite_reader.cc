#include "services/catalog/sqlite/sqlite_reader.h"

#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

absl::StatusOr<std::vector<Document>> AllDocuments(SqliteQuery& query) {
  std::vector<Document> documents;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return documents;
    documents.push_back(DocumentOfRow(query));
  }
}

}  // namespace

absl::StatusOr<SqliteState> ReadSqliteState(SqliteConnection& connection) {
  SqliteQuery query(connection, SqlStatement::kReadState);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return Internal("the catalog's state has no row");
  return SqliteState{Revision{query.Int(0)}, absl::FromUnixMicros(query.Int(1)), Revision{query.Int(2)}};
}

Document DocumentOfRow(const SqliteQuery& query) {
  Document document;
  document.name = query.Bytes(0);
  document.type = query.Bytes(1);
  document.payload = query.Bytes(2);
  document.revision = Revision{query.Int(3)};
  document.create_revision = Revision{query.Int(4)};
  document.create_time = absl::FromUnixMicros(query.Int(5));
  document.update_time = absl::FromUnixMicros(query.Int(6));
  if (const std::optional<int64_t> time = query.OptionalInt(7)) document.delete_time = absl::FromUnixMicros(*time);
  return document;
}

DocumentRowState StateOfRow(const SqliteQuery& query) {
  return {query.Int(8), static_cast<Change::Kind>(query.Int(9))};
}

absl::StatusOr<std::optional<Document>> FindDocument(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                     absl::string_view name) {
  SqliteQuery query(connection, SqlStatement::kFindDocument);
  query.Bind(as_of.value).Bind(horizon.value).BindText(name);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return std::nullopt;
  return DocumentOfRow(query);
}

absl::StatusOr<std::vector<Document>> ListCollection(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                     const ListOptions& options) {
  if (options.limit <= 0) return InvalidField("limit", "must be positive");
  SqliteQuery query(connection, SqlStatement::kListCollection);
  query.Bind(as_of.value).Bind(horizon.value).BindText(options.collection).BindText(options.after_name);
  query.Bind(int64_t{options.include_deleted}).Bind(int64_t{options.limit});
  return AllDocuments(query);
}

absl::StatusOr<std::vector<Document>> ListByType(SqliteConnection& connection, Revision as_of, Revision horizon,
                                                 absl::string_view type, absl::string_view prefix) {
  SqliteQuery query(connection, SqlStatement::kListByType);
  query.Bind(as_of.value).Bind(horizon.value).BindText(type).BindText(prefix);
  std::vector<Document> documents;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return documents;
    Document document = DocumentOfRow(query);
    // Names come in byte order, so that those with the prefix are together.
    if (!absl::StartsWith(document.name, prefix)) return documents;
    documents.push_back(std::move(document));
  }
}

absl::StatusOr<std::vector<Document>> ListHistory(SqliteConnection& connection, Revision horizon, Revision before,
                                                  absl::string_view name, int limit) {
  if (limit <= 0) return InvalidField("limit", "must be positive");
  constexpr int64_t kAfterAll = std::numeric_limits<int64_t>::max();
  SqliteQuery query(connection, SqlStatement::kHistory);
  query.Bind(before.value == 0 ? kAfterAll : before.value).BindText(name);
  std::vector<Document> documents;
  while (static_cast<int>(documents.size()) < limit) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) break;
    Document document = DocumentOfRow(query);
    const bool purged = StateOfRow(query).kind == Change::Kind::kPurged;
    const bool at_horizon = document.revision <= horizon;
    const bool gone = purged || (document.deleted() && document.revision < horizon);
    if (!gone) documents.push_back(std::move(document));
    // What is older could be seen by reads before the horizon only.
    if (at_horizon) break;
  }
  return documents;
}

absl::StatusOr<std::vector<Change>> ListChanges(SqliteConnection& connection, Revision after, Revision up_to,
                                                int limit) {
  if (limit <= 0) return InvalidField("limit", "must be positive");
  SqliteQuery query(connection, SqlStatement::kChanges);
  query.Bind(after.value).Bind(up_to.value);
  std::vector<Change> changes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return changes;
    const Revision revision{query.Int(0)};
    const bool enough = static_cast<int>(changes.size()) >= limit;
    if (enough && changes.back().revision != revision) return changes;
    changes.push_back({revision, query.Bytes(1), query.Bytes(2), static_cast<Change::Kind>(query.Int(3))});
  }
}

}  // namespace throughline
