// The columns of one workspace: a projection of its log that can be rebuilt from it at any time. Thread-safe.
//
// Recorded events arrive in a queue that the store's writer fills without waiting for anything else. Whoever needs them
// first takes them over: the store's projector thread or a view. A snapshot has what has arrived beside the partitions
// that it belongs to, where it is merged when it is read (partition_version.h); older snapshots stay as they are. What
// has become much is sealed into files (column_files.h), from which the columns are taken at the next start.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/events/native/column_files.h"
#include "services/events/native/dictionaries.h"
#include "services/events/native/event_log.h"
#include "services/events/native/snapshot.h"
#include "throughline/event_queries.h"

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

// The events of a customer, and of all that are one person with it.
struct PersonEvents {
  std::vector<uint32_t> customers;        // codes of those who have events, ascending
  std::vector<std::string> customer_ids;  // theirs, sorted
  std::vector<uint32_t> rows;             // ascending
  std::vector<KeptUnlink> unlinks;        // that they state
};

class Projection {
 public:
  using Also = std::function<void(int64_t sequence, const EventFields& fields)>;
  using AlsoMark = std::function<void(int64_t sequence, const LogMark& mark)>;

  // Ids of events that wait to be merged. While a whole log is read, this bounds them to a fraction of the columns.
  static constexpr size_t kTailIdBytesMax = 128 << 20;
  // Events that snapshots have beside their partitions; more are merged at once.
  static constexpr size_t kUnmergedRowsMax = 512 << 10;
  static constexpr size_t kUnmergedCopiedMax = 4 << 10;  // the same of one partition, when it gets more

  struct Property {
    const PropertyColumn* column = nullptr;
    uint32_t value_codes = 0;  // codes below this may occur
  };

  // Where the columns are kept, and when.
  struct Files {
    rocksdb::Env* env = nullptr;  // not owned; null: nowhere
    std::string directory;        // of all workspaces
    // So many events that are in no file are sealed, or an eighth of all if that is more.
    int64_t open_events_max = 1 << 20;
    std::shared_ptr<const ColumnCache> cache = nullptr;  // one of its own, of kCacheBytes
  };
  static constexpr size_t kCacheBytes = 64 << 20;

  // Without a log (null) the workspace is empty and stays so.
  Projection(std::shared_ptr<const EventLog> log, uint32_t workspace, int query_threads = 1)
      : Projection(std::move(log), workspace, query_threads, {}) {}
  Projection(std::shared_ptr<const EventLog> log, uint32_t workspace, int query_threads, Files files);

  // Takes what the files have and reads the rest of the log, which ends with event `last`; calls `also` for each event
  // from `also_from` on, and `also_mark` for what stands in the place of one. Before anything else.
  absl::Status Load(int64_t last, int64_t also_from, const Also& also, const AlsoMark& also_mark = nullptr);

  // Hands over events that were recorded. Returns the bytes that now wait.
  size_t Enqueue(RecordedEvents events);
  // Takes over what waits.
  absl::Status CatchUp();

  // Everything that was enqueued. As EventLog::Read.
  absl::StatusOr<std::shared_ptr<const Snapshot>> Latest();

  // Whether Seal is to be called, by whoever is told so first.
  bool TakeSealDue();
  // The same at the end, when what is little is read again from the log as fast.
  bool SealIsWorthItAtClose();
  // Puts into files what is in none. Waits for no one and holds up no one. After a failure, which is logged, everything
  // goes on as before, and it is due again when more has arrived.
  void Seal();

  // What is to be erased with a customer; nothing if there is no event. After it Erase cannot fail unless something was
  // enqueued. As Latest.
  absl::StatusOr<PersonEvents> EventsOfPerson(absl::string_view customer_id);
  // The log has tombstones in the place of these events, and the erasure at `sequence`, which is the next: takes them
  // out of every snapshot that is taken from now on, and forgets strings that nobody else has. By the store's writer.
  // Waits for a seal; a property that is filled waits for it.
  absl::Status Erase(const PersonEvents& person, int64_t sequence);
  // The sequence of the last erasure of which files may have something; 0 if there is none.
  int64_t LastPendingErasure();
  // Takes it out of all files, those of the log too, and returns when that is done. After a failure, which is logged,
  // everything goes on as before, and a seal is due when more has arrived. One thread at a time. Codes as
  // MapRocksDbError, and of EventLog::Purge.
  absl::Status CleanUp();

  // The columns of these properties, filled at least up to every snapshot that was taken before the call. Those asked
  // for the first time are filled from the log, and kept in files from then on. RESOURCE_EXHAUSTED (LIMIT_EXCEEDED)
  // above kPropertyColumnsMax.
  // While the log is read the patience is looked at; what was filled until then stays, and the next call goes on there.
  absl::StatusOr<std::vector<Property>> Properties(absl::Span<const std::string> keys,
                                                   const Patience& patience = Patience());

  const Dictionaries& dictionaries() const { return *dictionaries_; }
  const std::shared_ptr<const MergeSources>& merge_sources() const { return merge_sources_; }
  // Calls `read` with the links of a snapshot of this projection. As PartitionVersion::Get.
  // Only what they say of this customer need be right.
  absl::Status ReadPeople(const Snapshot& snapshot, absl::string_view customer_id,
                          const std::function<void(const People& people)>& read);
  // Of a snapshot's customers.
  absl::StatusOr<std::vector<EventLog::Record>> ReadEvents(absl::Span<const int64_t> sequences) const {
    return log_->Read(workspace_, sequences);
  }

 private:
  struct KeptProperty {
    std::shared_ptr<PropertyColumn> column;
    int64_t sealed = 0;  // so many events of it are in its file
    bool asked = false;  // since the start; then it stays where it is
    int64_t rows() const { return static_cast<int64_t>(column->codes.size()); }
  };

  // An erasure that files may know of: its sequence, and the first and last of what it erased.
  struct PendingErasure {
    int64_t sequence = 0;
    int64_t first = 0;
    int64_t last = 0;
  };
  struct Losses;

  // Of erasure, in projection_erasure.cc.
  std::vector<uint32_t> CodesOfPersonLocked(absl::string_view customer_id) const;
  absl::Status AddMarkLocked(int64_t sequence);
  absl::Status FindErasuresLocked();
  void EraseInLoadedLocked(ColumnFiles::Loaded& loaded);
  absl::Status ForgetUnusedLocked();
  absl::StatusOr<Losses> FindLosses(const PersonEvents& person);
  void ApplyLossesLocked(const PersonEvents& person, Losses losses);
  bool ForgetValues(PropertyColumn& column, const std::vector<uint32_t>* rows) const;
  void AddErasedLocked(ColumnFiles::State& state) const;
  absl::Status SealFiles();

  absl::Status CatchUpLocked();
  using AddRecord = std::function<absl::Status(int64_t sequence, absl::string_view record)>;
  absl::Status AddManyLocked(const RecordedEvents& records, const AddRecord& add);
  absl::Status ScanLocked(int64_t last, int64_t& also_from, const Also& also, const AlsoMark& also_mark,
                          const std::function<absl::Status(int64_t sequence)>& before_each,
                          const std::function<void(int64_t sequence)>& after_each);
  void TakeOverLocked(ColumnFiles::Loaded loaded);
  absl::Status CountLocked();
  void ForgetLocked();
  bool FilesFitLocked(int64_t last) const;
  void SetDictionariesLocked(std::unique_ptr<Dictionaries> dictionaries);
  void FoldLocked();
  absl::Status MergeAllLocked();
  absl::Status RemakePeopleLocked();
  void RenewPeopleLocked();
  bool SealIsWorthItLocked(int64_t events_min) const;
  int64_t UnsealedPropertyRowsLocked() const;
  absl::Status AddLocked(int64_t sequence, absl::string_view event, EventFields& fields);
  void AddPropertiesLocked();
  bool FindPropertiesLocked(absl::Span<const std::string> keys, std::vector<Property>& out);
  absl::Status FillProperties(absl::Span<const std::string> keys, const Patience& patience);
  absl::StatusOr<bool> Backfill(const std::vector<KeptProperty>& columns, int64_t last,
                                const std::function<absl::StatusOr<bool>()>& go_on) const;
  void ReleaseCodes(const std::vector<std::shared_ptr<PropertyColumn>>& columns);
  absl::StatusOr<std::vector<KeptProperty>> StartPropertiesLocked(absl::Span<const std::string> keys,
                                                                  const std::vector<Property>& found);
  void MergeForRoomLocked();
  absl::Status Damaged(int64_t sequence) const;

  const std::shared_ptr<const EventLog> log_;
  const uint32_t workspace_;
  const int query_threads_;
  const int64_t open_events_max_;

  const std::shared_ptr<const ColumnCache> cache_;
  std::mutex seal_mutex_;  // one seal at a time; taken before mutex_
  const std::unique_ptr<ColumnFiles> files_;

  std::mutex queue_mutex_;
  std::vector<RecordedEvents> queue_;
  size_t queue_bytes_ = 0;

  std::mutex backfill_mutex_;              // one backfill at a time; taken before mutex_
  std::atomic<int> erasures_waiting_ = 0;  // for the backfill
  // Guards everything below. Never held together with queue_mutex_ for longer than it takes to swap the queue.
  std::mutex mutex_;
  std::unique_ptr<Dictionaries> dictionaries_;
  std::shared_ptr<const MergeSources> merge_sources_;  // of these dictionaries
  int64_t last_sequence_ = 0;
  std::vector<Tail> tails_;  // one per partition: what no snapshot has
  size_t tail_id_bytes_ = 0;
  size_t tail_id_bytes_max_ = kTailIdBytesMax;  // above it everything is merged
  size_t unmerged_rows_ = 0;                    // at most, of building_
  std::unique_ptr<People> people_;              // of these dictionaries
  uint64_t people_epoch_ = 0;
  // What building_.people was made of.
  std::shared_ptr<const PartitionVersions> people_customers_;
  std::vector<std::shared_ptr<const PeopleMoves>> people_moves_;
  bool loading_ = false;
  Snapshot building_;
  std::shared_ptr<const Snapshot> latest_;  // null: must be made anew
  std::vector<KeptProperty> properties_;    // up to last_sequence_
  // From files that end long before the log: gone on with when someone asks for them.
  std::vector<KeptProperty> unfinished_;
  StatedValues scratch_;

  // Rows whose events are gone, though columns of properties still have codes for them; ascending.
  std::vector<uint32_t> erased_rows_;
  std::vector<PendingErasure> pending_erasures_;
  int64_t holes_ = 0;           // at start: sequences without an event
  bool files_unclean_ = false;  // files of columns may have something of what was erased: in these
  std::set<uint32_t> unclean_partitions_;
  std::set<std::string> unclean_properties_;
  bool clean_up_failing_ = false;
  int64_t clean_up_again_at_ = 0;                // sequence
  std::vector<std::string> dropped_properties_;  // keys, whose files are of no use any more

  // While the log is read at start: what need not be taken from it, by partition.
  std::vector<int64_t> covered_;
  int64_t unsealed_ = 0;  // events that are in no file
  bool unsound_ = false;  // files are missing
  bool sealing_ = false;  // someone was told that it is due
  bool failing_ = false;  // the last seal failed
  int64_t seal_again_at_ = 0;
};

}  // namespace throughline
