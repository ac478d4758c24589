// The columns of one workspace: a projection of its log that can be rebuilt from it at any time. Thread-safe.
//
// Recorded events arrive in a queue that the store's writer fills without waiting for anything else. Whoever needs them
// first takes them over: the store's projector thread or a view. A snapshot merges what has arrived into the
// partitions that it belongs to; older snapshots stay as they are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/events/native/dictionaries.h"
#include "services/events/native/event_log.h"
#include "services/events/native/snapshot.h"

namespace throughline {

// Events that the log has taken, in order: what the projection still has to read.
struct RecordedEvents {
  std::shared_ptr<const std::string> bytes;
  struct Place {
    size_t offset = 0;
    size_t size = 0;
  };
  std::vector<Place> places;  // of the events, with consecutive sequences
  int64_t first_sequence = 0;
};

class Projection {
 public:
  // Ids of events that wait to be merged. While a whole log is read, this bounds them to a fraction of the columns.
  static constexpr size_t kTailIdBytesMax = 128 << 20;

  struct Property {
    const PropertyColumn* column = nullptr;
    uint32_t value_codes = 0;  // codes below this may occur
  };

  // Without a log (null) the workspace is empty and stays so.
  Projection(std::shared_ptr<const EventLog> log, uint32_t workspace, int query_threads = 1);

  // Reads the whole log, and calls `also` for each event. Before anything else.
  absl::Status Load(const std::function<void(int64_t sequence, const EventFields& fields)>& also);

  // Hands over events that were recorded. Returns the bytes that now wait.
  size_t Enqueue(RecordedEvents events);
  // Takes over what waits.
  absl::Status CatchUp();

  // Everything that was enqueued. As EventLog::Read.
  absl::StatusOr<std::shared_ptr<const Snapshot>> Latest();

  // The columns of these properties, filled at least up to every snapshot that was taken before the call. Those asked
  // for the first time are filled from the log. RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) above kPropertyColumnsMax.
  absl::StatusOr<std::vector<Property>> Properties(absl::Span<const std::string> keys);

  const Dictionaries& dictionaries() const { return dictionaries_; }
  // Of a snapshot's customers.
  absl::StatusOr<std::vector<EventLog::Record>> ReadEvents(absl::Span<const int64_t> sequences) const {
    return log_->Read(workspace_, sequences);
  }

 private:
  absl::Status CatchUpLocked();
  absl::Status AddLocked(int64_t sequence, absl::string_view event, EventFields& fields);
  void AddPropertiesLocked();
  void MergeForRoomLocked();
  absl::Status MergeLocked(uint32_t partition);
  absl::Status Damaged(int64_t sequence) const;

  const std::shared_ptr<const EventLog> log_;
  const uint32_t workspace_;
  const int query_threads_;

  std::mutex queue_mutex_;
  std::vector<RecordedEvents> queue_;
  size_t queue_bytes_ = 0;

  std::mutex backfill_mutex_;  // one backfill at a time; taken before mutex_
  // Guards everything below. Never held together with queue_mutex_ for longer than it takes to swap the queue.
  std::mutex mutex_;
  Dictionaries dictionaries_;
  int64_t last_sequence_ = 0;
  std::vector<Tail> tails_;  // one per partition
  size_t tail_id_bytes_ = 0;
  size_t tail_id_bytes_max_ = kTailIdBytesMax;  // above it the tails are merged
  Snapshot building_;
  std::shared_ptr<const Snapshot> latest_;  // null: must be made anew
  std::vector<std::unique_ptr<PropertyColumn>> properties_;
  std::vector<PropertyField> scratch_;
};

}  // namespace throughline
