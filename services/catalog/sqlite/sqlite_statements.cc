#include "services/catalog/sqlite/sqlite_statements.h"

namespace throughline {

// document_revisions.kind is Change::Kind; 4 is kPurged: the name is free as of that revision, and the row holds
// nothing else. Times are microseconds since 1970. Rows that only reads before compaction.horizon could see may still
// be there: queries leave them out, and compaction removes them bit by bit.
const char* const kCreateSchemaScript = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE revisions (
  revision INTEGER PRIMARY KEY,
  time INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  collection TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX documents_by_collection ON documents (collection, name);
CREATE TABLE document_types (
  type TEXT NOT NULL,
  name TEXT NOT NULL,
  document_id INTEGER NOT NULL,
  PRIMARY KEY (type, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_types_by_document ON document_types (document_id);
CREATE TABLE document_revisions (
  id INTEGER PRIMARY KEY,
  document_id INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  create_revision INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  delete_time INTEGER,
  type TEXT NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX document_revisions_by_document ON document_revisions (document_id, revision);
CREATE TABLE changes (
  revision INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  kind INTEGER NOT NULL,
  PRIMARY KEY (revision, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE compaction (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  horizon INTEGER NOT NULL
) STRICT;
INSERT INTO compaction (id, horizon) VALUES (1, 0);
PRAGMA application_id = 0x544C4354;
PRAGMA user_version = 1;
COMMIT;
)sql";

const char* const kConnectionScript = R"sql(
PRAGMA trusted_schema = OFF;
PRAGMA temp_store = MEMORY;
)sql";

// FULL: each commit of the write-ahead log is synced before it is reported. A WAL that a long reader has made large is
// cut back to 64 MiB.
const char* const kWriterScript = R"sql(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -16384;
PRAGMA journal_size_limit = 67108864;
)sql";

const char* const kReaderScript = R"sql(
PRAGMA query_only = ON;
)sql";

#define DOCUMENT_COLUMNS                                                                                   \
  "d.name, r.type, r.payload, r.revision, r.create_revision, r.create_time, r.update_time, r.delete_time," \
  " d.id, r.kind "

// The state of document `d` as of revision ?1 at compaction horizon ?2: its newest revision by then.
#define STATE_AS_OF                                                                                         \
  "JOIN document_revisions AS r ON r.document_id = d.id AND r.revision ="                                   \
  " (SELECT max(n.revision) FROM document_revisions AS n WHERE n.document_id = d.id AND n.revision <= ?1) " \
  "AND r.kind != 4 AND (r.delete_time IS NULL OR r.revision >= ?2) "

// A switch, so that the compiler sees a statement without a text.
const char* StatementText(SqlStatement statement) {
  switch (statement) {
    case SqlStatement::kBegin:
      return "BEGIN";
    case SqlStatement::kBeginImmediate:
      return "BEGIN IMMEDIATE";
    case SqlStatement::kCommit:
      return "COMMIT";
    case SqlStatement::kRollback:
      return "ROLLBACK";
    case SqlStatement::kSavepoint:
      return "SAVEPOINT transaction_of_group";
    case SqlStatement::kReleaseSavepoint:
      return "RELEASE transaction_of_group";
    case SqlStatement::kRollbackToSavepoint:
      return "ROLLBACK TO transaction_of_group";
    case SqlStatement::kReadApplicationId:
      return "PRAGMA application_id";
    case SqlStatement::kReadUserVersion:
      return "PRAGMA user_version";
    case SqlStatement::kReadJournalMode:
      return "PRAGMA journal_mode";
    case SqlStatement::kCountSchemaObjects:
      return "SELECT count(*) FROM sqlite_schema";
    case SqlStatement::kReadState:
      return "SELECT coalesce((SELECT max(revision) FROM revisions), 0),"
             " coalesce((SELECT time FROM revisions ORDER BY revision DESC LIMIT 1), 0),"
             " (SELECT horizon FROM compaction WHERE id = 1)";
    case SqlStatement::kFindDocument:  // as of, horizon, name
      return "SELECT " DOCUMENT_COLUMNS "FROM documents AS d " STATE_AS_OF "WHERE d.name = ?3";
    case SqlStatement::kListCollection:  // as of, horizon, collection, after name, include deleted, limit
      return "SELECT " DOCUMENT_COLUMNS "FROM documents AS d " STATE_AS_OF
             "WHERE d.collection = ?3 AND d.name > ?4 AND (?5 OR r.delete_time IS NULL) ORDER BY d.name LIMIT ?6";
    case SqlStatement::kListByType:  // as of, horizon, type, first name
      return "SELECT " DOCUMENT_COLUMNS
             "FROM document_types AS t JOIN documents AS d ON d.id = t.document_id " STATE_AS_OF
             "AND r.type = t.type WHERE t.type = ?3 AND t.name >= ?4 AND r.delete_time IS NULL ORDER BY t.name";
    case SqlStatement::kHistory:  // before, name; every state, purged ones included
      return "SELECT " DOCUMENT_COLUMNS
             "FROM documents AS d JOIN document_revisions AS r ON r.document_id = d.id"
             " WHERE r.revision < ?1 AND d.name = ?2 ORDER BY r.revision DESC";
    case SqlStatement::kChanges:  // after, up to
      return "SELECT revision, name, type, kind FROM changes WHERE revision > ?1 AND revision <= ?2"
             " ORDER BY revision, ordinal";
    case SqlStatement::kInsertDocument:  // name, collection
      return "INSERT INTO documents (name, collection) VALUES (?1, ?2)";
    case SqlStatement::kInsertDocumentType:  // type, name, document
      return "INSERT INTO document_types (type, name, document_id) VALUES (?1, ?2, ?3)"
             " ON CONFLICT (type, name) DO NOTHING";
    case SqlStatement::kPutDocumentRevision:
      return "INSERT INTO document_revisions (document_id, revision, kind, create_revision, create_time, update_time,"
             " delete_time, type, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
             " ON CONFLICT (document_id, revision) DO UPDATE SET kind = excluded.kind,"
             " create_revision = excluded.create_revision, create_time = excluded.create_time,"
             " update_time = excluded.update_time, delete_time = excluded.delete_time, type = excluded.type,"
             " payload = excluded.payload";
    case SqlStatement::kInsertChange:
      return "INSERT INTO changes (revision, ordinal, name, type, kind) VALUES (?1, ?2, ?3, ?4, ?5)";
    case SqlStatement::kInsertRevision:
      return "INSERT INTO revisions (revision, time) VALUES (?1, ?2)";
    case SqlStatement::kLatestRevisionNotAfter:  // time; times never decrease with the revision
      return "SELECT coalesce((SELECT revision FROM revisions WHERE time <= ?1 ORDER BY revision DESC LIMIT 1), 0)";
    case SqlStatement::kSetHorizon:
      return "UPDATE compaction SET horizon = ?1 WHERE id = 1";
    case SqlStatement::kChangesToCompact:  // after revision, after ordinal, horizon, limit
      return "SELECT c.revision, c.ordinal, d.id FROM changes AS c LEFT JOIN documents AS d ON d.name = c.name"
             " WHERE (c.revision, c.ordinal) > (?1, ?2) AND c.revision <= ?3 ORDER BY c.revision, c.ordinal LIMIT ?4";
    case SqlStatement::kDeleteSupersededRevisions:  // document, horizon
      return "DELETE FROM document_revisions WHERE document_id = ?1 AND revision <"
             " (SELECT max(n.revision) FROM document_revisions AS n WHERE n.document_id = ?1 AND n.revision <= ?2)";
    case SqlStatement::kDeleteDeadRevisions:  // document, horizon
      return "DELETE FROM document_revisions WHERE document_id = ?1 AND revision < ?2"
             " AND (kind = 4 OR delete_time IS NOT NULL)";
    case SqlStatement::kDeleteEmptyDocumentTypes:  // document
      return "DELETE FROM document_types WHERE document_id = ?1"
             " AND NOT EXISTS (SELECT 1 FROM document_revisions WHERE document_id = ?1)";
    case SqlStatement::kDeleteEmptyDocument:  // document
      return "DELETE FROM documents WHERE id = ?1"
             " AND NOT EXISTS (SELECT 1 FROM document_revisions WHERE document_id = ?1)";
    case SqlStatement::kDeleteChangesBefore:  // revision
      return "DELETE FROM changes WHERE revision < ?1";
    case SqlStatement::kDeleteRevisionsBefore:  // revision
      return "DELETE FROM revisions WHERE revision < ?1";
    case SqlStatement::kCount:
      break;
  }
  return "";
}

#undef DOCUMENT_COLUMNS
#undef STATE_AS_OF

}  // namespace throughline
