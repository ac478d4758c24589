#include "services/events/native/group_writer.h"

#include <algorithm>
#include <map>
#include <utility>

#include "services/base/limits.h"
#include "services/base/status_macros.h"
#include "services/events/native/event_record.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// Most sequences that events of a workspace can have: columns hold a row in 32 bits, and erasures need some too.
constexpr int64_t kEventSequenceMax = (int64_t{1} << 32) - 2 - (1 << 20);

// Recorded events whose columns are still to be made: what a second of full speed brings.
constexpr size_t kUnprojectedBytesMax = 256 << 20;

// Stored events that one commit holds to compare with, and how many are read at a time: a stored event has at most
// 300 KB, so that a chunk overshoots by 40 MB at most.
constexpr size_t kStoredBytesMax = 64 << 20;
constexpr size_t kStoredChunk = 128;

// Look-ups of identities whose cache misses go on at a time.
constexpr size_t kPrefetchAhead = 8;

bool SameIdentity(absl::string_view a, absl::string_view b) {
  EventFields left, right;
  return ReadEventFields(a, left) && ReadEventFields(b, right) && left.id == right.id && left.source == right.source;
}

}  // namespace

// What becomes of the batches of one commit.
struct GroupWriter::Group {
  // An event of the group that gets a sequence.
  struct New {
    size_t batch = 0;
    size_t event = 0;
    uint64_t index_key = 0;  // under which it stands in the index of identities
  };
  struct Result {
    WriterWorkspace* workspace = nullptr;
    absl::Status status;
    std::vector<AppendOutcome> outcomes;
    std::vector<New> added;       // in order of their sequences
    int64_t first_sequence = 0;   // of `added`
    bool leans_on_group = false;  // an outcome rests on an event of the group
  };
  Batches batches;
  std::vector<Result> results;
  // Events of this group by workspace and sequence − the workspace's last sequence before the group − 1.
  struct Pending {
    int64_t committed = 0;  // last sequence before the group
    std::vector<absl::string_view> events;
  };
  std::map<WriterWorkspace*, Pending> pending;
  // Stored events that may be duplicates, by workspace and sequence.
  absl::flat_hash_map<std::pair<WriterWorkspace*, int64_t>, std::string> stored;
};

GroupWriter::GroupWriter(EventLog& log, const Clock& clock, NativeEventStoreLimits limits,
                         EnsureWorkspace ensure_workspace, OnRecorded on_recorded, OnErased on_erased)
    : log_(log),
      clock_(clock),
      limits_(limits),
      ensure_workspace_(std::move(ensure_workspace)),
      on_recorded_(std::move(on_recorded)),
      on_erased_(std::move(on_erased)),
      thread_([this] { Run(); }) {}

GroupWriter::~GroupWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupWriter::Append(std::unique_ptr<EncodedBatch> batch) {
  {
    const std::lock_guard lock(mutex_);
    const size_t bytes = batch->bytes->size();
    if (stopping_) {
      batch->refused = ShuttingDown();
    } else if (waiting_bytes_ > 0 && waiting_bytes_ + bytes > limits_.waiting_bytes_max) {
      batch->refused = Overloaded("The event store", limits::kRetryAfterDefault);
    }
    if (batch->refused.ok()) {
      waiting_bytes_ += bytes;
    } else {
      // Only its callback waits now.
      batch->bytes = std::make_shared<const std::string>();
      batch->events.clear();
    }
    waiting_.push_back(std::move(batch));
  }
  wake_.notify_one();
}

void GroupWriter::Run() {
  for (Batches batches = Take(); !batches.empty(); batches = Take()) Process(std::move(batches));
}

// Empty when stopping and nothing waits. An erasure comes alone.
GroupWriter::Batches GroupWriter::Take() {
  Batches out;
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
  size_t bytes = 0;
  while (!waiting_.empty() && (out.empty() || bytes + waiting_.front()->bytes->size() <= limits_.group_bytes_max)) {
    const bool erasure = waiting_.front()->erased != nullptr;
    if (erasure && !out.empty()) break;
    bytes += waiting_.front()->bytes->size();
    out.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
    if (erasure) break;
  }
  return out;
}

void GroupWriter::Process(Batches batches) {
  // Until it is known what became of it, no sequence can be given.
  const absl::Status settled = SettleFailedErasure();
  if (batches.front()->erased != nullptr) return ProcessErasure(*batches.front(), settled);
  Group group;
  group.batches = std::move(batches);
  group.results.resize(group.batches.size());
  for (size_t b = 0; b < group.batches.size(); ++b) {
    Group::Result& result = group.results[b];
    result.status = group.batches[b]->refused;
    if (!result.status.ok()) continue;
    result.workspace = &ensure_workspace_(group.batches[b]->workspace);
    group.pending[result.workspace].committed = result.workspace->last_sequence;
  }
  FetchPossibleDuplicates(group);
  std::vector<EventLog::Entry> entries;
  std::map<std::string, uint32_t> new_workspaces;
  for (size_t b = 0; b < group.batches.size(); ++b) {
    Group::Result& result = group.results[b];
    if (!result.status.ok()) continue;
    // Whoever appends nothing asks whether anything could be appended.
    result.status = !group.batches[b]->events.empty() ? Resolve(group, b)
                    : settled.ok()                    ? log_.EnsureWritable()
                                                      : settled;
    if (!result.status.ok()) {
      UndoBatch(group, b);
      continue;
    }
    int64_t sequence = result.first_sequence;
    for (const Group::New& added : result.added) {
      entries.push_back({result.workspace->number, sequence++, group.batches[b]->EventBytes(added.event)});
    }
    if (!result.added.empty() && !result.workspace->in_log) {
      new_workspaces.emplace(result.workspace->id, result.workspace->number);
    }
  }
  absl::Status written = entries.empty() ? absl::OkStatus() : settled;
  if (written.ok() && !entries.empty()) written = log_.Write(clock_.Now(), entries, new_workspaces);
  Report(group, written);
}

// Reads at once what the index of identities cannot decide alone, each event once and no more than memory bears: what a
// small event leads to may be a thousand times its size. The rest is read when its turn comes; and what cannot be read
// is tried again then, and fails, for its own batch only.
void GroupWriter::FetchPossibleDuplicates(Group& group) {
  std::map<WriterWorkspace*, std::vector<int64_t>> wanted;
  for (size_t b = 0; b < group.batches.size(); ++b) {
    WriterWorkspace* const workspace = group.results[b].workspace;
    if (workspace == nullptr) continue;
    const std::vector<EncodedBatch::Event>& events = group.batches[b]->events;
    for (size_t i = 0; i < events.size(); ++i) {
      if (i + kPrefetchAhead < events.size()) {
        workspace->identities->Prefetch(events[i + kPrefetchAhead].identity_hash);
      }
      const absl::StatusOr<int64_t> sequence = workspace->identities->Find(events[i].identity_hash);
      if (sequence.ok() && *sequence != 0) wanted[workspace].push_back(*sequence);
    }
  }
  size_t bytes = 0;
  for (auto& [workspace, sequences] : wanted) {
    std::sort(sequences.begin(), sequences.end());
    sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
    for (size_t from = 0; from < sequences.size() && bytes < kStoredBytesMax; from += kStoredChunk) {
      const absl::Span<const int64_t> chunk = absl::MakeConstSpan(sequences).subspan(from, kStoredChunk);
      absl::StatusOr<std::vector<EventLog::Record>> records = log_.Read(workspace->number, chunk);
      if (!records.ok()) break;
      for (EventLog::Record& record : *records) {
        bytes += record.event.size();
        group.stored[{workspace, record.sequence}] = std::move(record.event);
      }
    }
  }
}

absl::Status GroupWriter::Resolve(Group& group, size_t batch) {
  Group::Result& result = group.results[batch];
  result.first_sequence = result.workspace->last_sequence + 1;
  result.outcomes.reserve(group.batches[batch]->events.size());
  for (size_t event = 0; event < group.batches[batch]->events.size(); ++event) {
    RETURN_IF_ERROR(ResolveEvent(group, batch, event));
  }
  return absl::OkStatus();
}

absl::Status GroupWriter::ResolveEvent(Group& group, size_t batch, size_t event) {
  Group::Result& result = group.results[batch];
  WriterWorkspace& workspace = *result.workspace;
  Group::Pending& pending = group.pending[&workspace];
  const absl::string_view bytes = group.batches[batch]->EventBytes(event);
  uint64_t key = group.batches[batch]->events[event].identity_hash;
  for (;; ++key) {
    ASSIGN_OR_RETURN(const int64_t sequence, workspace.identities->Find(key));
    if (sequence == 0) break;
    absl::string_view known;
    std::vector<EventLog::Record> read;
    const bool in_group = sequence > pending.committed;
    if (in_group) {
      known = pending.events[sequence - pending.committed - 1];
    } else if (const auto stored = group.stored.find({&workspace, sequence}); stored != group.stored.end()) {
      known = stored->second;
    } else {  // of a chain: not what the hash alone led to; or one too many to be read at once
      ASSIGN_OR_RETURN(read, log_.Read(workspace.number, {&sequence, 1}));
      known = read[0].event;
    }
    if (IsLogMark(known)) {
      // Of another identity with the same hash it says nothing.
      LogMark mark;
      if (!ReadLogMark(known, mark) || mark.kind != LogMark::Kind::kTombstone) continue;
      if (mark.identity_hash != group.batches[batch]->events[event].identity_hash) continue;
      result.outcomes.push_back(AppendOutcome::kErased);
      return absl::OkStatus();
    }
    // Equal bytes are equal content. Else the identity decides between a conflict and an accident of the hash.
    const bool duplicate = known == bytes;
    if (!duplicate && !SameIdentity(known, bytes)) continue;
    result.leans_on_group = result.leans_on_group || in_group;
    result.outcomes.push_back(duplicate ? AppendOutcome::kDuplicate : AppendOutcome::kConflict);
    return absl::OkStatus();
  }
  if (workspace.last_sequence >= kEventSequenceMax) {
    return LimitExceeded("Events of one workspace", kEventSequenceMax, "events");
  }
  workspace.identities->Insert(key, ++workspace.last_sequence);
  pending.events.push_back(bytes);
  result.added.push_back({batch, event, key});
  result.outcomes.push_back(AppendOutcome::kRecorded);
  return absl::OkStatus();
}

// Only for the batch that was resolved last, or for all from the last to the first: sequences stay without gaps.
void GroupWriter::UndoBatch(Group& group, size_t batch) {
  Group::Result& result = group.results[batch];
  for (auto added = result.added.rbegin(); added != result.added.rend(); ++added) {
    result.workspace->identities->Remove(added->index_key);
    --result.workspace->last_sequence;
    group.pending[result.workspace].events.pop_back();
  }
  result.added.clear();
}

void GroupWriter::Report(Group& group, const absl::Status& written) {
  if (!written.ok()) {
    for (size_t b = group.results.size(); b-- > 0;) {
      Group::Result& result = group.results[b];
      if (!result.status.ok()) continue;
      if (!result.added.empty() || result.leans_on_group) result.status = written;
      UndoBatch(group, b);
    }
  }
  std::map<WriterWorkspace*, bool> recorded;
  size_t bytes = 0;
  for (size_t b = 0; b < group.batches.size(); ++b) {
    const EncodedBatch& batch = *group.batches[b];
    const Group::Result& result = group.results[b];
    bytes += batch.bytes->size();
    if (!result.status.ok() || result.added.empty()) continue;
    RecordedEvents events{batch.bytes, {}, result.first_sequence};
    events.places.reserve(result.added.size());
    for (const Group::New& added : result.added) {
      events.places.push_back({batch.events[added.event].offset, batch.events[added.event].size});
    }
    const size_t behind = result.workspace->projection->Enqueue(std::move(events));
    // The writer helps rather than letting the queue grow; a failure is told by the next view.
    if (behind > kUnprojectedBytesMax) result.workspace->projection->CatchUp().IgnoreError();
    result.workspace->in_log = true;
    recorded[result.workspace] = true;
  }
  // Before anyone is told, so that whoever sends the next batch upon it finds the room.
  Release(bytes);
  for (size_t b = 0; b < group.batches.size(); ++b) {
    Group::Result& result = group.results[b];
    if (result.status.ok()) {
      group.batches[b]->done(AppendResult{std::move(result.outcomes), EventSequence{result.workspace->last_sequence}});
    } else {
      group.batches[b]->done(result.status);
    }
  }
  for (const auto& [workspace, unused] : recorded) {
    workspace->identities->Committed();  // what was not written is undone
    on_recorded_(*workspace);
  }
}

void GroupWriter::Release(size_t bytes) {
  const std::lock_guard lock(mutex_);
  waiting_bytes_ -= bytes;
}

}  // namespace throughline
