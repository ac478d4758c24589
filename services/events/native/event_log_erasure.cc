// Erasure in the log: tombstones in the place of events, and nothing of these in any file.
#include <array>
#include <thread>

#include "absl/base/internal/endian.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/event_log.h"
#include "services/events/native/event_log_keys.h"
#include "services/events/native/store_format.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kWhat[] = "the event store";
// A reader that goes through the whole log holds on to its files as long as that takes.
constexpr absl::Duration kRemovalTimeout = absl::Seconds(30);
constexpr absl::Duration kRemovalPoll = absl::Milliseconds(5);
// A look at the directory spares what is newer than something that is just being written; then nobody looks again.
constexpr absl::Duration kRemovalLook = absl::Milliseconds(500);

void AppendVarint(uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

// False if the bytes are no ascending sequences.
bool TakeSequences(absl::string_view bytes, std::vector<int64_t>& out) {
  int64_t last = 0;
  while (!bytes.empty()) {
    uint64_t number = 0;
    bool whole = false;
    for (int shift = 0; !whole && !bytes.empty() && shift < 63; shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes[0]);
      bytes.remove_prefix(1);
      number |= uint64_t{byte & 0x7Fu} << shift;
      whole = byte < 0x80;
    }
    if (!whole || number == 0 || number > uint64_t{1} << 33) return false;
    out.push_back(last += static_cast<int64_t>(number));
  }
  return !out.empty();
}

rocksdb::WriteOptions Synced() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

// A row, and the two words of a key.
constexpr size_t kUnlinkBytes = sizeof(uint32_t) + 2 * sizeof(uint64_t);

void AppendUnlink(const KeptUnlink& unlink, std::string& out) {
  std::array<char, kUnlinkBytes> bytes;
  absl::little_endian::Store32(bytes.data(), unlink.row);
  absl::little_endian::Store64(bytes.data() + 4, unlink.link.low);
  absl::little_endian::Store64(bytes.data() + 12, unlink.link.high);
  out.append(bytes.data(), bytes.size());
}

KeptUnlink ReadUnlink(const char* bytes) {
  return {absl::little_endian::Load32(bytes),
          {absl::little_endian::Load64(bytes + 4), absl::little_endian::Load64(bytes + 12)}};
}

}  // namespace

absl::Status EventLog::WriteErasure(absl::Time record_time, uint32_t workspace, const Erasure& erasure,
                                    absl::Span<const std::string> marks) {
  RETURN_IF_ERROR(EnsureWritable());
  // Earlier versions would take tombstones for damage.
  RETURN_IF_ERROR(RaiseStoreFormat(directory_->path(), kStoreFormatWithErasures));
  ASSIGN_OR_RETURN(int64_t holes, Holes(workspace));
  rocksdb::WriteBatch batch;
  std::vector<Entry> entries;
  entries.reserve(marks.size());
  std::string sequences;
  int64_t last = 0;
  for (size_t i = 0; i < erasure.erased.size(); ++i) {
    entries.push_back({workspace, erasure.erased[i], marks[i]});
    AppendVarint(static_cast<uint64_t>(erasure.erased[i] - last), sequences);
    last = erasure.erased[i];
  }
  entries.push_back({workspace, erasure.sequence, marks.back()});
  AddEntries(record_time, entries, batch);
  batch.Put(SequenceKey(kErasurePrefix, workspace, erasure.sequence).slice(), sequences);
  if (!erasure.unlinks.empty()) {
    std::string bytes;
    for (const KeptUnlink& unlink : erasure.unlinks) AppendUnlink(unlink, bytes);
    batch.Put(SequenceKey(kUnlinksPrefix, workspace, erasure.sequence).slice(), bytes);
  }
  holes += static_cast<int64_t>(entries.size());
  std::array<char, sizeof(int64_t)> count;
  absl::little_endian::Store64(count.data(), static_cast<uint64_t>(holes));
  batch.Put(SequenceKey(kHolesPrefix, workspace, 0).prefix(), rocksdb::Slice(count.data(), count.size()));
  const rocksdb::Status status = db_->Write(Synced(), &batch);
  // Nothing is to be removed when the log is opened anew: a tombstone that is there is all that is left of its event.
  failed_ = !status.ok();
  return Mapped(status);
}

absl::StatusOr<bool> EventLog::HasErasure(uint32_t workspace, int64_t sequence) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::string value;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), SequenceKey(kErasurePrefix, workspace, sequence).slice(), &value);
  if (status.IsNotFound()) return false;
  RETURN_IF_ERROR(Mapped(status));
  return true;
}

absl::StatusOr<std::vector<EventLog::Erasure>> EventLog::PendingErasures(uint32_t workspace) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::vector<Erasure> out;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  const SequenceKey first(kErasurePrefix, workspace, 0);
  for (it->Seek(first.slice()); it->Valid() && it->key().starts_with(first.prefix()); it->Next()) {
    Erasure& erasure = out.emplace_back();
    erasure.sequence = SequenceOf(it->key());
    if (!TakeSequences({it->value().data(), it->value().size()}, erasure.erased)) {
      return Damaged(absl::StrCat("erasure ", erasure.sequence, " cannot be read"));
    }
  }
  RETURN_IF_ERROR(Mapped(it->status()));
  return out;
}

absl::StatusOr<std::vector<KeptUnlink>> EventLog::KeptUnlinks(uint32_t workspace) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::vector<KeptUnlink> out;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  const SequenceKey first(kUnlinksPrefix, workspace, 0);
  for (it->Seek(first.slice()); it->Valid() && it->key().starts_with(first.prefix()); it->Next()) {
    const rocksdb::Slice value = it->value();
    if (value.size() % kUnlinkBytes != 0) return Damaged("what erased events took back cannot be read");
    for (size_t at = 0; at < value.size(); at += kUnlinkBytes) out.push_back(ReadUnlink(value.data() + at));
  }
  RETURN_IF_ERROR(Mapped(it->status()));
  return out;
}

absl::StatusOr<int64_t> EventLog::Holes(uint32_t workspace) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::string value;
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), SequenceKey(kHolesPrefix, workspace, 0).prefix(), &value);
  if (status.IsNotFound()) return 0;
  RETURN_IF_ERROR(Mapped(status));
  if (value.size() != sizeof(int64_t)) return Damaged("the number of erased events cannot be read");
  return static_cast<int64_t>(absl::little_endian::Load64(value.data()));
}

// --- Purging ---

std::vector<std::string> EventLog::FilesOf(absl::string_view ending) const {
  std::vector<std::string> names, out;
  options_.env->GetChildren(*directory_ / "log", &names).PermitUncheckedError();
  for (std::string& name : names) {
    if (absl::EndsWith(name, ending)) out.push_back(std::move(name));
  }
  return out;
}

std::set<std::string> EventLog::LiveTables() const {
  std::vector<rocksdb::LiveFileMetaData> live;
  db_->GetLiveFilesMetaData(&live);
  std::set<std::string> out;
  for (const rocksdb::LiveFileMetaData& file : live) out.insert(file.relative_filename);
  return out;
}

std::vector<std::string> EventLog::LiveTables(uint32_t workspace, int64_t first, int64_t last) const {
  std::vector<rocksdb::LiveFileMetaData> live;
  db_->GetLiveFilesMetaData(&live);
  const SequenceKey from = KeyOfEvent(workspace, first), to = KeyOfEvent(workspace, last);
  std::vector<std::string> out;
  for (const rocksdb::LiveFileMetaData& file : live) {
    const rocksdb::Slice smallest(file.smallestkey), largest(file.largestkey);
    if (smallest.compare(to.slice()) <= 0 && largest.compare(from.slice()) >= 0) out.push_back(file.relative_filename);
  }
  return out;
}

// RocksDB removes what it needs no more by itself, but not before the last reader has let go of it.
absl::Status EventLog::AwaitRemoval(const std::vector<std::string>& files, bool unless_live) const {
  const absl::Time until = absl::Now() + kRemovalTimeout;
  absl::Time next_look = absl::Now() + kRemovalLook;
  for (const std::string& file : files) {
    while (options_.env->FileExists(absl::StrCat(*directory_ / "log", "/", file)).ok()) {
      if (unless_live) {
        ASSIGN_OR_RETURN(const auto reading, Reading());
        if (LiveTables().contains(file)) break;
      }
      if (interrupted_) return BackendUnavailable(kWhat);
      if (absl::Now() > next_look) {
        ASSIGN_OR_RETURN(const auto reading, Reading());
        RETURN_IF_ERROR(Mapped(RemoveUnused()));
        next_look = absl::Now() + kRemovalLook;
      }
      if (absl::Now() > until) {
        LogWarning("a file that may have erased events is still in use", {{"file", *directory_ / "log/" + file}});
        return BackendUnavailable(kWhat);
      }
      std::this_thread::sleep_for(absl::ToChronoMilliseconds(kRemovalPoll));
    }
  }
  return absl::OkStatus();
}

// Switched on again, RocksDB looks at every file in the directory: also write-ahead logs that an earlier process left.
rocksdb::Status EventLog::RemoveUnused() const {
  rocksdb::Status status = db_->DisableFileDeletions();
  if (status.ok()) status = db_->EnableFileDeletions(/*force=*/false);
  return status;
}

absl::Status EventLog::CompactRange(uint32_t workspace, int64_t first, int64_t last) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  // Each file once: of those that this compaction has made itself none has more than one record of a key.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.canceled = &interrupted_;
  const SequenceKey from = KeyOfEvent(workspace, first), to = KeyOfEvent(workspace, last);
  const rocksdb::Slice from_slice = from.slice(), to_slice = to.slice();
  rocksdb::Status status = db_->CompactRange(options, &from_slice, &to_slice);
  if (status.ok()) status = RemoveUnused();
  return interrupted_ ? BackendUnavailable(kWhat) : Mapped(status);
}

absl::Status EventLog::Purge(uint32_t workspace, int64_t first, int64_t last) const {
  if (interrupted_) return BackendUnavailable(kWhat);
  const std::vector<std::string> write_ahead = FilesOf(".log");
  std::vector<std::string> old_tables, unused_tables;
  {
    ASSIGN_OR_RETURN(const auto reading, Reading());
    // Something to write, so that what is in memory goes into a table and the write-ahead log begins anew.
    rocksdb::Status status = db_->Delete(rocksdb::WriteOptions(), SequenceKey(kErasurePrefix, workspace, 0).slice());
    if (status.ok()) status = db_->Flush(rocksdb::FlushOptions());
    RETURN_IF_ERROR(Mapped(status));
    old_tables = LiveTables(workspace, first, last);
    // What earlier compactions have replaced and a reader holds on to; or what is being written, and then gets into
    // use.
    const std::set<std::string> live = LiveTables();
    for (std::string& name : FilesOf(".sst")) {
      if (!live.contains(name)) unused_tables.push_back(std::move(name));
    }
  }
  RETURN_IF_ERROR(CompactRange(workspace, first, last));
  // What is still in use was moved as it is, to the one level that has the range now: of each key its last record.
  RETURN_IF_ERROR(AwaitRemoval(old_tables, /*unless_live=*/true));
  RETURN_IF_ERROR(AwaitRemoval(unused_tables, /*unless_live=*/true));
  return AwaitRemoval(write_ahead, /*unless_live=*/false);
}

absl::Status EventLog::ForgetErasures(uint32_t workspace, absl::Span<const int64_t> sequences) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  rocksdb::WriteBatch batch;
  for (const int64_t sequence : sequences) {
    batch.Delete(SequenceKey(kErasurePrefix, workspace, sequence).slice());
  }
  return Mapped(db_->Write(Synced(), &batch));
}

}  // namespace throughline
