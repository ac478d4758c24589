#include "services/catalog/sqlite/sqlite_compaction.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// Where a pass over the change log stands.
struct Cursor {
  int64_t revision = 0;
  int64_t ordinal = -1;
  bool done = false;
};

struct LoggedChange {
  int64_t revision = 0;
  int64_t ordinal = 0;
  std::optional<int64_t> document_id;  // absent: the document's rows are gone
};

absl::StatusOr<std::vector<LoggedChange>> NextChanges(SqliteConnection& connection, const Cursor& cursor,
                                                      Revision horizon) {
  SqliteQuery query(connection, SqlStatement::kChangesToCompact);
  query.Bind(cursor.revision).Bind(cursor.ordinal).Bind(horizon.value).Bind(int64_t{limits::kCatalogCompactionBatch});
  std::vector<LoggedChange> changes;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return changes;
    changes.push_back({query.Int(0), query.Int(1), query.OptionalInt(2)});
  }
}

absl::Status CompactDocument(SqliteConnection& connection, int64_t document_id, Revision horizon) {
  for (SqlStatement statement : {SqlStatement::kDeleteSupersededRevisions, SqlStatement::kDeleteDeadRevisions}) {
    SqliteQuery query(connection, statement);
    RETURN_IF_ERROR(query.Bind(document_id).Bind(horizon.value).Run());
  }
  for (SqlStatement statement : {SqlStatement::kDeleteEmptyDocumentTypes, SqlStatement::kDeleteEmptyDocument}) {
    SqliteQuery query(connection, statement);
    RETURN_IF_ERROR(query.Bind(document_id).Run());
  }
  return absl::OkStatus();
}

// One step. The change log tells which documents have something to remove: whatever is superseded or dead at the
// horizon was made so by a change at or before it, and that change's row goes in the same transaction as what it points
// to. Rows of the horizon itself stay: a document deleted there is still visible, and the next compaction must find it.
absl::Status CompactBatch(SqliteConnection& connection, Revision horizon, Cursor& cursor) {
  ASSIGN_OR_RETURN(const std::vector<LoggedChange> changes, NextChanges(connection, cursor, horizon));
  for (const LoggedChange& change : changes) {
    if (!change.document_id.has_value()) continue;
    RETURN_IF_ERROR(CompactDocument(connection, *change.document_id, horizon));
  }
  const bool done = changes.size() < static_cast<size_t>(limits::kCatalogCompactionBatch);
  const int64_t keep_from = done ? horizon.value : changes.back().revision;
  for (SqlStatement statement : {SqlStatement::kDeleteChangesBefore, SqlStatement::kDeleteRevisionsBefore}) {
    SqliteQuery query(connection, statement);
    RETURN_IF_ERROR(query.Bind(keep_from).Run());
  }
  if (!done) cursor = {changes.back().revision, changes.back().ordinal, false};
  cursor.done = done;
  return absl::OkStatus();
}

// `choose` gives the wanted horizon; it runs on the writer's thread.
template <typename Choose>
absl::Status Compact(SqliteWriter& writer, Choose choose, const std::function<bool()>& keep_going = {}) {
  Revision target;
  RETURN_IF_ERROR(
      writer.Maintain([&](SqliteConnection& connection, const SqliteState& state) -> absl::StatusOr<Revision> {
        ASSIGN_OR_RETURN(const Revision wanted, choose(connection, state));
        target = std::max(wanted, state.horizon);
        if (target == state.horizon) return target;
        SqliteQuery query(connection, SqlStatement::kSetHorizon);
        RETURN_IF_ERROR(query.Bind(target.value).Run());
        return target;
      }));
  Cursor cursor;
  while (!cursor.done) {
    if (keep_going && !keep_going()) return absl::CancelledError("compaction was told to stop");
    // The cursor moves only with a step that is committed.
    Cursor next = cursor;
    RETURN_IF_ERROR(
        writer.Maintain([&](SqliteConnection& connection, const SqliteState& state) -> absl::StatusOr<Revision> {
          next = cursor;
          RETURN_IF_ERROR(CompactBatch(connection, target, next));
          return state.horizon;
        }));
    cursor = next;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CompactSqlite(SqliteWriter& writer, Revision horizon) {
  return Compact(writer, [&](SqliteConnection&, const SqliteState& state) -> absl::StatusOr<Revision> {
    if (horizon > state.latest) return RevisionInFuture(horizon, state.latest);
    return horizon;
  });
}

absl::Status CompactSqliteOlderThan(SqliteWriter& writer, absl::Time time, const std::function<bool()>& keep_going) {
  const auto choose = [&](SqliteConnection& connection, const SqliteState&) -> absl::StatusOr<Revision> {
    SqliteQuery query(connection, SqlStatement::kLatestRevisionNotAfter);
    query.Bind(absl::ToUnixMicros(time));
    ASSIGN_OR_RETURN(const bool row, query.Step());
    return Revision{row ? query.Int(0) : 0};
  };
  return Compact(writer, choose, keep_going);
}

}  // namespace throughline
