#include "services/events/native/identity_index.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/base/executor.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/identity_run_writer.h"
#include "services/events/native/rocksdb_error.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Run = std::shared_ptr<const IdentityRun>;
using Runs = std::vector<Run>;

// Entries that are made from the log at a time: 25 MB of memory.
constexpr int64_t kPieceEntries = 1 << 20;
// A disk that gives damaged bytes back at once would keep the background busy for ever.
constexpr int kStepsMax = 256;
// A damaged run that cannot be made anew is tried again no sooner.
constexpr auto kRepairPause = std::chrono::seconds(1);
// Attempts of Recover, which waits for a repair.
constexpr int kRecoverAttempts = 3;
// While the log is read at start the memory may hold so many times what is sealed.
constexpr size_t kRecoverOpenFactor = 4;
constexpr char kSeedFile[] = "/SEED";

absl::Status Stopped() { return absl::CancelledError("stopping"); }

std::string RangeText(int64_t first, int64_t last) { return absl::StrCat(first, "-", last); }

// Any of the runs; 0 if none has it.
absl::StatusOr<int64_t> FindIn(absl::Span<const Run> runs, uint64_t hash) {
  for (const Run& run : runs) run->Prefetch(hash);
  // The newest first: what is sent again was mostly sent lately.
  for (size_t i = runs.size(); i-- > 0;) {
    ASSIGN_OR_RETURN(const int64_t sequence, runs[i]->Find(hash));
    if (sequence != 0) return sequence;
  }
  return 0;
}

// The oldest run that is not larger than all newer ones together is merged with these. So each run is larger than all
// newer ones: their number is logarithmic, and an entry is written about half as often. Returns `runs.size()` if there
// is none.
size_t MergeFrom(absl::Span<const Run> runs) {
  size_t from = runs.size();
  int64_t newer = 0;
  for (size_t i = runs.size(); i-- > 0;) {
    if (runs[i]->range().size() <= newer) from = i;
    newer += runs[i]->range().size();
  }
  return from;
}

}  // namespace

std::vector<IdentityEntry> IdentityMap::Sorted() const {
  std::vector<IdentityEntry> out;
  for (const Shard& shard : shards_) {
    const size_t begin = out.size();
    for (const auto& [hash, sequence] : shard) out.push_back({hash, sequence});
    std::sort(out.begin() + begin, out.end(),
              [](const IdentityEntry& a, const IdentityEntry& b) { return a.hash < b.hash; });
  }
  return out;
}

IdentityIndex::IdentityIndex(IdentityIndexOptions options)
    : options_(std::move(options)),
      runs_view_(std::make_shared<const Runs>()),
      seal_at_(options_.open_entries_max),
      runs_(runs_view_) {}

IdentityIndex::~IdentityIndex() = default;

IdentityRunRange IdentityIndex::RangeOf(int64_t first, int64_t last) const {
  return {options_.workspace, options_.hash_seed, first, last};
}

void IdentityIndex::RemoveFile(const std::string& path) const {
  // What stays is removed at the next start.
  options_.env->DeleteFile(path).PermitUncheckedError();
}

// --- At start ---

absl::StatusOr<int64_t> IdentityIndex::Open(int64_t last_in_log) {
  Runs runs;
  int64_t covered = 0;
  for (const Run& run : OpenFiles(last_in_log)) {
    const IdentityRunRange& range = run->range();
    if (range.first_sequence > covered + 1) {
      LogWarning("identities are missing and are made from the log",
                 {{"directory", options_.directory}, {"events", RangeText(covered + 1, range.first_sequence - 1)}});
      absl::StatusOr<Runs> made = MakeFromLog(covered + 1, range.first_sequence - 1, runs);
      if (!made.ok()) {
        // Everything above goes into memory instead.
        LogWarning("identities cannot be written", {{"status", std::string(made.status().message())}});
        break;
      }
      runs.insert(runs.end(), made->begin(), made->end());
      covered = range.first_sequence - 1;
    }
    if (const absl::Status status = CheckAgainstLog(run, runs); !status.ok()) {
      LogWarning("a file of identities is damaged or does not belong to the log: it is removed",
                 {{"file", run->path()}, {"status", std::string(status.message())}});
      RemoveFile(run->path());
      continue;
    }
    runs.push_back(run);
    covered = range.last_sequence;
  }
  if (last_in_log - covered > static_cast<int64_t>(2 * options_.open_entries_max)) {
    LogInfo("identities that are in no file are made from the log",
            {{"directory", options_.directory}, {"events", RangeText(covered + 1, last_in_log)}});
  }
  Replace({}, runs);
  Refresh();
  open_.first_sequence = covered + 1;
  open_.last_sequence = covered;
  return covered;
}

// What can be used, in order and without overlaps. A merged run stands before those it was made of, which a crash has
// left behind.
Runs IdentityIndex::OpenFiles(int64_t last_in_log) {
  std::vector<std::string> names;
  options_.env->GetChildren(options_.directory, &names).PermitUncheckedError();
  Runs found;
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(options_.directory, "/", name);
    if (absl::EndsWith(name, identity_run::kTemporaryEnding)) RemoveFile(path);
    if (!absl::EndsWith(name, identity_run::kFileEnding)) continue;
    absl::StatusOr<Run> run = IdentityRun::Open(options_.env, path, options_.workspace, options_.hash_seed);
    std::string problem;
    if (!run.ok()) {
      problem = std::string(run.status().message());
    } else if (const IdentityRunRange& range = (*run)->range();
               name != identity_run::FileName(range.first_sequence, range.last_sequence)) {
      problem = "its name is another's";
    } else if (range.last_sequence > last_in_log) {
      problem = "the log ends before it";
    }
    if (problem.empty()) {
      found.push_back(*std::move(run));
    } else {
      LogWarning("a file of identities cannot be used and is removed", {{"file", path}, {"problem", problem}});
      RemoveFile(path);
    }
  }
  std::sort(found.begin(), found.end(), [](const Run& a, const Run& b) {
    if (a->range().first_sequence != b->range().first_sequence) {
      return a->range().first_sequence < b->range().first_sequence;
    }
    return a->range().last_sequence > b->range().last_sequence;
  });
  Runs out;
  for (Run& run : found) {
    if (out.empty() || run->range().first_sequence > out.back()->range().last_sequence) {
      out.push_back(std::move(run));
    } else {
      RemoveFile(run->path());
    }
  }
  return out;
}

// Whether the run has the last of its events where it must be. Another log, from a backup or another store, does not.
absl::Status IdentityIndex::CheckAgainstLog(const Run& run, const Runs& before) const {
  const int64_t last = run->range().last_sequence;
  bool fits = false;
  RETURN_IF_ERROR(options_.scan_log(last, last, [&](int64_t, uint64_t key) -> absl::Status {
    for (;; ++key) {
      ASSIGN_OR_RETURN(const int64_t sequence, run->Find(key));
      if (sequence == last) fits = true;
      if (fits) return absl::OkStatus();
      if (sequence != 0) continue;
      ASSIGN_OR_RETURN(const int64_t other, FindIn(before, key));
      if (other == 0) return absl::OkStatus();
    }
  }));
  return fits ? absl::OkStatus() : StoreDamaged("the index of identities", run->path(), "its last event is another");
}

absl::Status IdentityIndex::Recover(uint64_t hash, int64_t sequence) {
  uint64_t key = hash;
  for (int attempt = 1;;) {
    const absl::StatusOr<int64_t> found = Find(key);
    if (found.ok() && *found == 0) break;
    if (found.ok()) {
      ++key;
    } else if (attempt++ == kRecoverAttempts) {
      return found.status();
    } else {
      WaitForBackground();
    }
  }
  Insert(key, sequence);
  Committed();
  if (open_.size() == kRecoverOpenFactor * options_.open_entries_max) {
    WaitForBackground();
    Committed();
  }
  return absl::OkStatus();
}

// --- The writer ---

void IdentityIndex::Refresh() {
  {
    const std::lock_guard lock(mutex_);
    seen_version_ = version_.load(std::memory_order_relaxed);
    // Who lets go of a removed file last waits until its pages are freed, and of a part until its memory is.
    retired_.emplace_back(std::exchange(runs_view_, runs_), std::exchange(sealing_view_, sealing_));
  }
  StartWork();
}

absl::StatusOr<int64_t> IdentityIndex::Find(uint64_t hash) {
  if (version_.load(std::memory_order_acquire) != seen_version_) Refresh();
  for (const Run& run : *runs_view_) run->Prefetch(hash);
  if (const int64_t sequence = open_.map.Find(hash); sequence != 0) return sequence;
  if (sealing_view_ != nullptr) {
    if (const int64_t sequence = sealing_view_->map.Find(hash); sequence != 0) return sequence;
  }
  for (size_t i = runs_view_->size(); i-- > 0;) {
    const IdentityRun& run = *(*runs_view_)[i];
    const absl::StatusOr<int64_t> sequence = run.Find(hash);
    if (run.damaged()) StartRepair();
    if (!sequence.ok()) return BackendUnavailable("the event store");
    if (*sequence != 0) return *sequence;
  }
  return 0;
}

void IdentityIndex::Insert(uint64_t hash, int64_t sequence) {
  open_.map.Insert(hash, sequence);
  open_.last_sequence = sequence;
}

void IdentityIndex::Remove(uint64_t hash) {
  open_.map.Remove(hash);
  --open_.last_sequence;
}

void IdentityIndex::Committed() {
  if (open_.size() < seal_at_) return;
  // Should the disk not take the part before: tried again after so many more.
  seal_at_ = open_.size() + std::max<size_t>(options_.open_entries_max / 8, 1);
  {
    const std::lock_guard lock(mutex_);
    if (sealing_ == nullptr) {
      Part next;
      next.first_sequence = open_.last_sequence + 1;
      next.last_sequence = open_.last_sequence;
      sealing_ = std::make_shared<const Part>(std::exchange(open_, std::move(next)));
      version_.fetch_add(1, std::memory_order_release);
      seal_at_ = options_.open_entries_max;
    }
  }
  StartWork();
}

void IdentityIndex::StartWork() {
  {
    const std::lock_guard lock(mutex_);
    if (working_) return;
    working_ = true;
  }
  if (options_.background->TrySubmit([this] { Work(); }).ok()) return;
  const std::lock_guard lock(mutex_);
  working_ = false;
}

void IdentityIndex::StartRepair() {
  const auto now = std::chrono::steady_clock::now();
  if (now < repair_at_) return;
  repair_at_ = now + kRepairPause;
  StartWork();
}

void IdentityIndex::Close() {
  if (const absl::Status status = SealWaiting().status(); !status.ok()) {
    LogWarning("identities are not kept", {{"status", std::string(status.message())}});
    return;
  }
  if (open_.size() < options_.close_entries_min) return;
  if (const absl::Status status = Write(open_).status(); !status.ok()) {
    LogWarning("identities are not kept", {{"status", std::string(status.message())}});
  }
}

void IdentityIndex::WaitForBackground() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return !working_; });
}

size_t IdentityIndex::run_count() const { return CurrentRuns().size(); }

// --- The background ---

Runs IdentityIndex::CurrentRuns() const {
  const std::lock_guard lock(mutex_);
  return *runs_;
}

void IdentityIndex::Replace(absl::Span<const Run> old, absl::Span<const Run> made) {
  {
    const std::lock_guard lock(mutex_);
    Runs next(made.begin(), made.end());
    for (const Run& run : *runs_) {
      if (std::find(old.begin(), old.end(), run) == old.end()) next.push_back(run);
    }
    std::sort(next.begin(), next.end(),
              [](const Run& a, const Run& b) { return a->range().first_sequence < b->range().first_sequence; });
    runs_ = std::make_shared<const Runs>(std::move(next));
    version_.fetch_add(1, std::memory_order_release);
  }
  for (const Run& run : old) {
    // What was made anew has the name of what was damaged.
    const bool same_name =
        std::any_of(made.begin(), made.end(), [&](const Run& other) { return other->path() == run->path(); });
    if (!same_name) RemoveFile(run->path());
  }
}

void IdentityIndex::Work() {
  for (int step = 0;; ++step) {
    const absl::StatusOr<bool> worked = WorkOnce();
    const std::lock_guard lock(mutex_);
    const bool stopped = absl::IsCancelled(worked.status());
    if (!worked.ok() && !stopped && !failing_) {
      LogWarning("the index of identities cannot be kept on the disk and is tried again later",
                 {{"directory", options_.directory}, {"status", std::string(worked.status().message())}});
    }
    failing_ = !worked.ok() && !stopped;
    if (worked.ok() && step < kStepsMax && (*worked || sealing_ != nullptr || !retired_.empty())) continue;
    working_ = false;
    idle_.notify_all();
    return;
  }
}

// False if there was nothing to do.
absl::StatusOr<bool> IdentityIndex::WorkOnce() {
  if (stopping_) return Stopped();
  {
    Retired retired;
    const std::lock_guard lock(mutex_);
    retired.swap(retired_);
  }
  ASSIGN_OR_RETURN(const bool sealed, SealWaiting());
  if (sealed) return true;
  const Runs runs = CurrentRuns();
  for (const Run& run : runs) {
    if (!run->damaged()) continue;
    RETURN_IF_ERROR(Repair(run));
    return true;
  }
  const size_t from = MergeFrom(runs);
  if (from == runs.size()) return false;
  const absl::Span<const Run> inputs = absl::MakeConstSpan(runs).subspan(from);
  absl::StatusOr<Run> merged = Merge(inputs);
  if (absl::IsDataLoss(merged.status())) return true;  // the damaged one is repaired next
  RETURN_IF_ERROR(merged.status());
  Replace(inputs, {*std::move(merged)});
  return true;
}

absl::StatusOr<bool> IdentityIndex::SealWaiting() {
  std::shared_ptr<const Part> part;
  {
    const std::lock_guard lock(mutex_);
    part = sealing_;
  }
  if (part == nullptr) return false;
  ASSIGN_OR_RETURN(Run run, Write(*part));
  // First the run, then away with the part: no look-up may find neither.
  Replace({}, {std::move(run)});
  const std::lock_guard lock(mutex_);
  sealing_ = nullptr;
  version_.fetch_add(1, std::memory_order_release);
  return true;
}

absl::StatusOr<Run> IdentityIndex::Write(const Part& part) {
  ASSIGN_OR_RETURN(
      std::unique_ptr<IdentityRunWriter> writer,
      IdentityRunWriter::Create(options_.env, options_.directory, RangeOf(part.first_sequence, part.last_sequence)));
  for (const IdentityEntry& entry : part.map.Sorted()) RETURN_IF_ERROR(writer->Add(entry));
  return writer->Finish();
}

absl::StatusOr<Run> IdentityIndex::Merge(absl::Span<const Run> inputs) {
  std::vector<IdentityRunReader> readers;
  for (const Run& run : inputs) {
    ASSIGN_OR_RETURN(IdentityRunReader reader, IdentityRunReader::Open(run));
    readers.push_back(std::move(reader));
  }
  ASSIGN_OR_RETURN(
      std::unique_ptr<IdentityRunWriter> writer,
      IdentityRunWriter::Create(options_.env, options_.directory,
                                RangeOf(inputs.front()->range().first_sequence, inputs.back()->range().last_sequence)));
  std::vector<IdentityRunReader*> heap;
  for (IdentityRunReader& reader : readers) heap.push_back(&reader);
  const auto later = [](const IdentityRunReader* a, const IdentityRunReader* b) {
    return a->entry().hash > b->entry().hash;
  };
  std::make_heap(heap.begin(), heap.end(), later);
  for (uint64_t count = 1; !heap.empty(); ++count) {
    std::pop_heap(heap.begin(), heap.end(), later);
    IdentityRunReader& least = *heap.back();
    RETURN_IF_ERROR(writer->Add(least.entry()));
    RETURN_IF_ERROR(least.Next());
    if (least.at_end()) {
      heap.pop_back();
    } else {
      std::push_heap(heap.begin(), heap.end(), later);
    }
    if (count % kPieceEntries != 0) continue;
    if (stopping_) return Stopped();
    // A long merge must not let the memory grow.
    RETURN_IF_ERROR(SealWaiting().status());
  }
  return writer->Finish();
}

absl::Status IdentityIndex::Repair(const Run& damaged) {
  const IdentityRunRange& range = damaged->range();
  LogWarning("a file of identities is damaged and is made anew from the log",
             {{"file", damaged->path()}, {"events", RangeText(range.first_sequence, range.last_sequence)}});
  Runs before = CurrentRuns();
  before.erase(std::find(before.begin(), before.end(), damaged), before.end());
  ASSIGN_OR_RETURN(const Runs made, MakeFromLog(range.first_sequence, range.last_sequence, std::move(before)));
  Replace({damaged}, made);
  LogInfo("a file of identities was made anew", {{"file", damaged->path()}});
  return absl::OkStatus();
}

// In pieces that memory bears, merged as they become many.
absl::StatusOr<Runs> IdentityIndex::MakeFromLog(int64_t first, int64_t last, Runs before) {
  const size_t kept = before.size();
  Runs& all = before;
  for (int64_t from = first; from <= last; from += kPieceEntries) {
    ASSIGN_OR_RETURN(Run piece, MakePieceFromLog(from, std::min(last, from + kPieceEntries - 1), all));
    all.push_back(std::move(piece));
    const absl::Span<const Run> made = absl::MakeConstSpan(all).subspan(kept);
    const size_t merge_from = MergeFrom(made);
    if (merge_from == made.size()) continue;
    ASSIGN_OR_RETURN(Run merged, Merge(made.subspan(merge_from)));
    for (const Run& run : made.subspan(merge_from)) RemoveFile(run->path());
    all.resize(kept + merge_from);
    all.push_back(std::move(merged));
  }
  return Runs(all.begin() + kept, all.end());
}

// Every entry gets the place that it had. What was there before it is in `before` or in the piece; and what came later
// never took a place that was free then and that it wanted, as it wanted it first.
absl::StatusOr<Run> IdentityIndex::MakePieceFromLog(int64_t first, int64_t last, const Runs& before) {
  Part part;
  part.first_sequence = first;
  part.last_sequence = first - 1;
  RETURN_IF_ERROR(options_.scan_log(first, last, [&](int64_t sequence, uint64_t key) -> absl::Status {
    if (stopping_) return Stopped();
    for (;; ++key) {
      if (part.map.Find(key) != 0) continue;
      ASSIGN_OR_RETURN(const int64_t taken, FindIn(before, key));
      if (taken == 0) break;
    }
    part.map.Insert(key, sequence);
    part.last_sequence = sequence;
    return absl::OkStatus();
  }));
  if (part.last_sequence != last) {
    return StoreDamaged("the event store", options_.directory, absl::StrCat("event ", last, " is missing"));
  }
  return Write(part);
}

absl::StatusOr<uint64_t> EnsureIdentitySeed(rocksdb::Env* env, const std::string& directory) {
  const std::string path = directory + kSeedFile;
  uint64_t seed_and_check[2] = {0, 0};
  std::string bytes;
  if (rocksdb::ReadFileToString(env, path, &bytes).ok() && bytes.size() == sizeof(seed_and_check)) {
    std::memcpy(seed_and_check, bytes.data(), bytes.size());
    if (seed_and_check[1] == StableHash(seed_and_check, sizeof(uint64_t), 0)) return seed_and_check[0];
  }
  std::random_device random;
  seed_and_check[0] = uint64_t{random()} << 32 | random();
  seed_and_check[1] = StableHash(seed_and_check, sizeof(uint64_t), 0);
  const rocksdb::Slice text(reinterpret_cast<const char*>(seed_and_check), sizeof(seed_and_check));
  const std::string temporary = path + identity_run::kTemporaryEnding;
  rocksdb::Status status = env->CreateDirIfMissing(directory);
  if (status.ok()) status = rocksdb::WriteStringToFile(env, text, temporary, true);
  if (status.ok()) status = env->RenameFile(temporary, path);
  RETURN_IF_ERROR(MapRocksDbError(status, directory));
  return seed_and_check[0];
}

}  // namespace throughline
