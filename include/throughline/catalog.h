// The catalog port: a revisioned store of small documents. Every resource is one protobuf under its resource name.
// Thread-safe, except where a class says otherwise.
//
// Promises, held by every engine (tests/contract/catalog):
//  - A write transaction gets one store-wide revision, exactly one more than the one before it; its documents and its
//    change-log rows commit together or not at all. When Write returns OK the commit is durable.
//  - A reader sees one revision, whole: never half a transaction, never anything later. Readers do not wait for the
//    writer, nor the writer for them.
//  - The history of a document, reads as of a revision and the change log reach back to the compaction horizon; asking
//    for what lies before it is OUT_OF_RANGE, as is a revision that does not exist yet.
//  - Delete is soft: the document stays readable, with its time of deletion, until compaction removes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "throughline/types.h"

namespace throughline {

// One revision of one resource.
struct Document {
  std::string name;     // resource name
  std::string type;     // full protobuf name, for example "throughline.v1.JourneyMap"
  std::string payload;  // the serialised message
  Revision revision;    // of this change; the resource's etag
  Revision create_revision;
  absl::Time create_time;
  absl::Time update_time;                 // of this change
  std::optional<absl::Time> delete_time;  // set: the resource is deleted as of this revision

  bool deleted() const { return delete_time.has_value(); }

  // INTERNAL if the stored type is another.
  absl::Status CheckType(const google::protobuf::Descriptor& descriptor) const;
  // The payload as a message. INTERNAL if the stored type is another or the bytes do not parse.
  absl::Status ParseTo(google::protobuf::Message& message) const;
  template <typename T>
  absl::StatusOr<T> Parse() const {
    T message;
    if (absl::Status status = ParseTo(message); !status.ok()) return status;
    return message;
  }
};

// One row of the change log.
struct Change {
  enum class Kind { kCreated, kUpdated, kDeleted, kUndeleted, kPurged };
  Revision revision;
  std::string name;
  std::string type;
  Kind kind = Kind::kCreated;
};

struct ListOptions {
  // Collection, for example "workspaces/w/journeyMaps": its direct members are listed, in the byte order of their
  // names.
  std::string collection;
  // Names after this one only; empty: from the first.
  std::string after_name;
  // At most this many; must be positive.
  int limit = 0;
  bool include_deleted = false;
};

// Reads documents as of one revision. Used by one thread at a time.
class CatalogReader {
 public:
  virtual ~CatalogReader() = default;

  // The revision that is read. In a write transaction: the revision that it will have.
  virtual Revision revision() const = 0;

  // The document as of that revision, deleted ones included; absent if it was never created or has been purged.
  virtual absl::StatusOr<std::optional<Document>> Find(absl::string_view name) = 0;

  // The members of a collection.
  virtual absl::StatusOr<std::vector<Document>> List(const ListOptions& options) = 0;

  // All living documents of one type ("throughline.v1.JourneyMap") whose names begin with `prefix`, in the byte order
  // of their names.
  virtual absl::StatusOr<std::vector<Document>> ListByType(absl::string_view type, absl::string_view prefix) = 0;
};

// Reads its own writes. Valid during the write function only.
class WriteTransaction : public CatalogReader {
 public:
  // The time that the transaction's changes carry.
  virtual absl::Time now() const = 0;
  // Creates or replaces; a deleted document lives again.
  virtual absl::Status Put(absl::string_view name, const google::protobuf::Message& message) = 0;
  // Marks as deleted. NOT_FOUND if absent or deleted.
  virtual absl::Status Delete(absl::string_view name) = 0;
  // Brings back what is marked as deleted. NOT_FOUND if absent, FAILED_PRECONDITION if it lives.
  virtual absl::Status Undelete(absl::string_view name) = 0;
  // Removes the document from this revision on, so that its name is free; history keeps it. NOT_FOUND if absent.
  virtual absl::Status Purge(absl::string_view name) = 0;
};

class Catalog {
 public:
  // Must be quick and free of side effects outside the transaction: no RPC, no other store, no sleep. It may be run
  // while other transactions of the same group wait. A non-OK return, or an exception, undoes all its changes.
  using WriteFunction = std::function<absl::Status(WriteTransaction&)>;

  virtual ~Catalog() = default;

  // Runs the function in the store's one writer, waits until its changes are durable and returns their revision.
  // Transactions that wait at the same time share one commit to disk. A function that changes nothing gets no revision
  // of its own: the latest is returned. Any status of the function is passed on; RESOURCE_EXHAUSTED when too many
  // writes wait or the disk is full; UNAVAILABLE when the store is closing or its disk fails.
  virtual absl::StatusOr<Revision> Write(WriteFunction function) = 0;

  // A view as of `as_of`; 0 is the latest. OUT_OF_RANGE.
  virtual absl::StatusOr<std::unique_ptr<CatalogReader>> Read(Revision as_of = {}) = 0;

  // The latest committed revision.
  virtual Revision LatestRevision() const = 0;
  // The oldest revision that can still be read.
  virtual Revision CompactionHorizon() const = 0;

  // One document of the latest revision; same as Read()->Find(), and quick enough for the hottest read.
  virtual absl::StatusOr<std::optional<Document>> FindLatest(absl::string_view name) = 0;

  // Revisions of one document older than `before` (0: all), newest first, at most `limit`.
  virtual absl::StatusOr<std::vector<Document>> History(absl::string_view name, Revision before, int limit) = 0;

  // Change-log rows with revisions above `after`, in order, at least `limit` rows where there are as many: a
  // transaction is never cut in two. OUT_OF_RANGE if `after` lies before the compaction horizon.
  virtual absl::StatusOr<std::vector<Change>> Changes(Revision after, int limit) = 0;

  // Removes what only reads before `horizon` could see: superseded revisions, change-log rows, documents deleted
  // before it. The horizon only moves forward.
  virtual absl::Status Compact(Revision horizon) = 0;

  // Removes everything older than the window, as Compact does. Works in small steps between the writes of others;
  // `keep_going` is asked before each of them. If it says no, CANCELLED; the next compaction goes on from there.
  virtual absl::Status CompactOlderThan(absl::Time time, const std::function<bool()>& keep_going = {}) = 0;

  // Calls the observer with the latest revision after each commit, on the writer's thread, before Write returns; it
  // must not block. Observers are added before the first write and live as long as the catalog.
  virtual void AddCommitObserver(std::function<void(Revision)> observer) = 0;
};

}  // namespace throughline
