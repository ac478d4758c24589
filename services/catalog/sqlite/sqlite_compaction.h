// Compaction of the SQLite engine: moves the horizon, then removes bit by bit what can no longer be seen.
// Any thread; each step runs on the writer's thread, between the groups of other writers.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/catalog/sqlite/sqlite_writer.h"
#include "throughline/types.h"

namespace throughline {

// OUT_OF_RANGE (REVISION_IN_FUTURE) for a horizon that does not exist yet; one before the present horizon only finishes
// what an interrupted compaction has left.
absl::Status CompactSqlite(SqliteWriter& writer, Revision horizon);
// To the latest revision that was written at or before `time`. CANCELLED as soon as `keep_going`, if there is one, says
// no.
absl::Status CompactSqliteOlderThan(SqliteWriter& writer, absl::Time time, const std::function<bool()>& keep_going);

}  // namespace throughline
