// The one writer of the store: takes the batches that wait, decides which of their events are new, writes these in one
// synced commit, and reports. Append and Stop are for any thread; everything else happens on the writer's own.
//
// Callers do the work that needs no order (encoding and hashing) on their own threads, so that the writer's time per
// event is an index look-up and a copy (docs/decisions/event-log.md).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/base/clock.h"
#include "services/events/native/event_log.h"
#include "services/events/native/identity_index.h"
#include "services/events/native/native_event_store.h"
#include "services/events/native/projection.h"
#include "throughline/events.h"

namespace throughline {

// One workspace as the writer knows it.
struct WriterWorkspace {
  std::string id;
  uint32_t number = 0;
  uint64_t identity_seed = 0;  // of the hashes in `identities`
  bool in_log = false;         // its number is recorded
  int64_t last_sequence = 0;
  std::unique_ptr<IdentityIndex> identities;
  std::shared_ptr<Projection> projection;
};

// A batch of events, encoded; or a customer to be erased.
struct EncodedBatch {
  struct Event {
    size_t offset = 0;
    size_t size = 0;
    uint64_t identity_hash = 0;
  };
  std::string workspace;
  std::shared_ptr<const std::string> bytes;  // canonical events, one after the other
  std::vector<Event> events;
  EventStore::AppendCallback done;
  EventStore::EraseCallback erased;  // not null: `bytes` are the id of the customer, and there are no events
  absl::Status refused;              // not OK: was not taken; only to be reported

  absl::string_view EventBytes(size_t i) const {
    return absl::string_view(*bytes).substr(events[i].offset, events[i].size);
  }
};

class GroupWriter {
 public:
  // Finds the workspace, or makes it. On the writer's thread.
  using EnsureWorkspace = std::function<WriterWorkspace&(const std::string& id)>;
  // After a commit that recorded events of the workspace. On the writer's thread.
  using OnRecorded = std::function<void(WriterWorkspace& workspace)>;

  // After an erasure, of which files may still have something. Whoever is given the callback, which may be null, calls
  // it. On the writer's thread.
  using OnErased =
      std::function<void(WriterWorkspace& workspace, ErasureResult result, EventStore::EraseCallback done)>;

  GroupWriter(EventLog& log, const Clock& clock, NativeEventStoreLimits limits, EnsureWorkspace ensure_workspace,
              OnRecorded on_recorded, OnErased on_erased);
  // Writes what waits, then ends.
  ~GroupWriter();

  void Append(std::unique_ptr<EncodedBatch> batch);

 private:
  struct Group;
  using Batches = std::vector<std::unique_ptr<EncodedBatch>>;

  void Run();
  Batches Take();
  void Process(Batches batches);
  void FetchPossibleDuplicates(Group& group);
  absl::Status Resolve(Group& group, size_t batch);
  absl::Status ResolveEvent(Group& group, size_t batch, size_t event);
  void UndoBatch(Group& group, size_t batch);
  void Report(Group& group, const absl::Status& written);
  void Release(size_t bytes);

  // An erasure as it is written: of which nobody knows, after a failure, whether the log has it.
  struct Erasing {
    WriterWorkspace* workspace = nullptr;
    PersonEvents person;
    EventLog::Erasure erasure;
    uint64_t index_key = 0;  // under which it stands in the index of identities
  };
  void ProcessErasure(EncodedBatch& item, const absl::Status& settled);
  absl::StatusOr<ErasureResult> EraseCustomer(WriterWorkspace& workspace, absl::string_view customer_id);
  absl::StatusOr<std::vector<std::string>> MakeMarks(WriterWorkspace& workspace, const EventLog::Erasure& erasure);
  absl::Status TakeOver(Erasing done);
  absl::Status SettleFailedErasure();

  EventLog& log_;
  const Clock& clock_;
  const NativeEventStoreLimits limits_;
  const EnsureWorkspace ensure_workspace_;
  const OnRecorded on_recorded_;
  const OnErased on_erased_;
  std::optional<Erasing> failed_erasure_;  // the writer's

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<EncodedBatch>> waiting_;
  size_t waiting_bytes_ = 0;  // with those that are being written
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace throughline
