#include "services/catalog/sqlite/sqlite_catalog.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/base/file_lock.h"
#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/catalog/sqlite/document_cache.h"
#include "services/catalog/sqlite/sqlite_compaction.h"
#include "services/catalog/sqlite/sqlite_connection_pool.h"
#include "services/catalog/sqlite/sqlite_reader.h"
#include "services/catalog/sqlite/sqlite_schema.h"
#include "services/catalog/sqlite/sqlite_writer.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// A reader on a connection of its own, whose snapshot it holds until it goes.
class SqliteReadView : public CatalogReader {
 public:
  SqliteReadView(SqliteConnectionPool::Lease connection, Revision revision, Revision horizon)
      : connection_(std::move(connection)), revision_(revision), horizon_(horizon) {}

  Revision revision() const override { return revision_; }
  absl::StatusOr<std::optional<Document>> Find(absl::string_view name) override {
    return FindDocument(*connection_, revision_, horizon_, name);
  }
  absl::StatusOr<std::vector<Document>> List(const ListOptions& options) override {
    return ListCollection(*connection_, revision_, horizon_, options);
  }
  absl::StatusOr<std::vector<Document>> ListByType(absl::string_view type, absl::string_view prefix) override {
    return throughline::ListByType(*connection_, revision_, horizon_, type, prefix);
  }

  SqliteConnection& connection() { return *connection_; }
  Revision horizon() const { return horizon_; }

 private:
  const SqliteConnectionPool::Lease connection_;
  const Revision revision_;
  const Revision horizon_;
};

class SqliteCatalogImplementation : public SqliteCatalog {
 public:
  SqliteCatalogImplementation(const SqliteCatalogOptions& options, std::unique_ptr<FileLock> lock,
                              std::unique_ptr<SqliteConnection> connection, const SqliteState& state)
      : lock_(std::move(lock)),
        cache_(limits::kCatalogCacheBytesMax),
        writer_(std::make_unique<SqliteWriter>(std::move(connection), state, *options.clock, cache_)),
        pool_(std::make_unique<SqliteConnectionPool>(options.path, limits::kCatalogReaderCountMax,
                                                     limits::kCatalogReaderWaitMax)) {}

  ~SqliteCatalogImplementation() override {
    // The thread first: its observers may read. The writer's connection last: it folds the log into the file.
    writer_->Stop();
    pool_.reset();
    writer_.reset();
  }

  absl::StatusOr<Revision> Write(WriteFunction function) override { return writer_->Write(std::move(function)); }

  absl::StatusOr<std::unique_ptr<CatalogReader>> Read(Revision as_of) override { return OpenView(as_of); }

  Revision LatestRevision() const override { return cache_.revision(); }
  Revision CompactionHorizon() const override { return cache_.horizon(); }

  absl::StatusOr<std::optional<Document>> FindLatest(absl::string_view name) override {
    DocumentCache::Lookup lookup = cache_.Find(name);
    if (lookup.value.has_value()) {
      if (*lookup.value == nullptr) return std::nullopt;
      return **lookup.value;
    }
    absl::StatusOr<std::optional<Document>> found = FindInFile(name);
    if (!found.ok()) {
      cache_.Abandon(name, lookup.ticket);
      return found;
    }
    DocumentCache::Value value;
    if (found->has_value()) value = std::make_shared<const Document>(**found);
    cache_.Fill(name, lookup.ticket, std::move(value));
    return found;
  }

  absl::StatusOr<std::vector<Document>> History(absl::string_view name, Revision before, int limit) override {
    ASSIGN_OR_RETURN(const std::unique_ptr<SqliteReadView> view, OpenView({}));
    const Revision after_view{view->revision().value + 1};
    if (before.value <= 0 || before > after_view) before = after_view;
    return ListHistory(view->connection(), view->horizon(), before, name, limit);
  }

  absl::StatusOr<std::vector<Change>> Changes(Revision after, int limit) override {
    ASSIGN_OR_RETURN(const std::unique_ptr<SqliteReadView> view, OpenView({}));
    if (after > view->revision()) return RevisionInFuture(after, view->revision());
    if (after < view->horizon()) return RevisionCompacted(after, view->horizon());
    return ListChanges(view->connection(), after, view->revision(), limit);
  }

  absl::Status Compact(Revision horizon) override { return CompactSqlite(*writer_, horizon); }
  absl::Status CompactOlderThan(absl::Time time, const std::function<bool()>& keep_going) override {
    return CompactSqliteOlderThan(*writer_, time, keep_going);
  }

  void AddCommitObserver(std::function<void(Revision)> observer) override { writer_->AddObserver(std::move(observer)); }

  Statistics Stats() const override {
    const SqliteWriter::Counters counters = writer_->counters();
    return {counters.transactions, counters.groups};
  }

 private:
  absl::StatusOr<std::unique_ptr<SqliteReadView>> OpenView(Revision as_of) {
    ASSIGN_OR_RETURN(SqliteConnectionPool::Lease connection, pool_->Acquire());
    for (;;) {
      // Taken before the snapshot, so that the snapshot contains it. What the snapshot has beyond it is not announced
      // yet and stays unseen.
      const Revision latest = cache_.revision();
      if (as_of > latest) return RevisionInFuture(as_of, latest);
      const Revision revision = as_of.value == 0 ? latest : as_of;
      RETURN_IF_ERROR(connection->Run(SqlStatement::kBegin));
      ASSIGN_OR_RETURN(const SqliteState state, ReadSqliteState(*connection));
      if (revision >= state.horizon) {
        return std::make_unique<SqliteReadView>(std::move(connection), revision, state.horizon);
      }
      if (as_of.value != 0) return RevisionCompacted(as_of, state.horizon);
      // A commit and a compaction came between the two looks: look again.
      RETURN_IF_ERROR(connection->Run(SqlStatement::kRollback));
    }
  }

  absl::StatusOr<std::optional<Document>> FindInFile(absl::string_view name) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SqliteReadView> view, OpenView({}));
    return view->Find(name);
  }

  const std::unique_ptr<FileLock> lock_;  // held to the end
  DocumentCache cache_;
  std::unique_ptr<SqliteWriter> writer_;
  std::unique_ptr<SqliteConnectionPool> pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteCatalog>> SqliteCatalog::Open(SqliteCatalogOptions options) {
  // SQLite's own locks come and go with each transaction; this one says that the whole file has an owner, whose memory
  // knows what is in it.
  absl::StatusOr<FileLock::Outcome> outcome = FileLock::TryAcquire(absl::StrCat(options.path, ".lock"));
  if (absl::IsResourceExhausted(outcome.status())) return StorageFull("the catalog");
  if (!outcome.ok()) return StoreNotWritable("the catalog", options.path);
  if (outcome->lock == nullptr) return StoreLocked("the catalog", options.path);
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                   SqliteConnection::Open(options.path, SqliteConnection::Mode::kWrite));
  RETURN_IF_ERROR(PrepareSqliteSchema(*connection, options.path));
  ASSIGN_OR_RETURN(const SqliteState state, ReadSqliteState(*connection));
  return std::make_unique<SqliteCatalogImplementation>(options, std::move(outcome->lock), std::move(connection), state);
}

}  // namespace throughline
