#include "services/events/native/event_log.h"

#include <array>
#include <limits>
#include <mutex>

#include "absl/base/internal/endian.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/event_log_keys.h"
#include "services/events/native/rocksdb_error.h"
#include "services/events/native/rocksdb_logger.h"
#include "services/events/native/store_format.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kWhat[] = "the event store";
constexpr size_t kRecordHeaderSize = sizeof(int64_t);

std::string WorkspaceKey(const std::string& id) { return absl::StrCat(std::string(1, kWorkspacePrefix), id); }

}  // namespace

rocksdb::Options EventLog::DatabaseOptions(std::shared_ptr<rocksdb::Cache> blocks) {
  rocksdb::Options options;
  options.create_if_missing = true;
  // A record that is cut off at the end of the log was never acknowledged. Damage anywhere else must be told, not
  // silently cut away with everything after it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Keys arrive in order and from one thread: the memtable remembers the last place instead of searching it.
  options.allow_concurrent_memtable_write = false;
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(SequenceKey::kPrefixSize));
  options.write_buffer_size = 64 << 20;
  // Events compress to a third; LZ4 costs the least of what does that.
  options.compression = rocksdb::kLZ4Compression;
  options.max_background_jobs = 2;
  options.info_log = std::make_shared<RocksDbLogger>();
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 << 10;  // reads are scans and customer timelines, hardly ever one event
  table.block_cache = std::move(blocks);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

absl::StatusOr<std::shared_ptr<EventLog>> EventLog::Open(const std::string& directory, rocksdb::Env* env,
                                                         std::shared_ptr<rocksdb::Cache> blocks) {
  ASSIGN_OR_RETURN(std::unique_ptr<DataDirectory> locked, DataDirectory::Open(directory));
  RETURN_IF_ERROR(EnsureStoreFormat(locked->path()));
  rocksdb::Options options = DatabaseOptions(std::move(blocks));
  if (env != nullptr) options.env = env;
  std::shared_ptr<EventLog> log(new EventLog(std::move(locked), std::move(options)));
  RETURN_IF_ERROR(log->OpenDatabase());
  return log;
}

absl::Status EventLog::OpenDatabase() {
  // RocksDB makes it too, but complains first.
  options_.env->CreateDirIfMissing(*directory_ / "log").PermitUncheckedError();
  rocksdb::DB* db = nullptr;
  RETURN_IF_ERROR(Mapped(rocksdb::DB::Open(options_, *directory_ / "log", &db)));
  db_.reset(db);
  return absl::OkStatus();
}

// Opening writes what the write-ahead log holds into a table, for which a disk may have no room that took the probe.
// Reading needs none.
void EventLog::OpenForReading() {
  rocksdb::DB* db = nullptr;
  if (Mapped(rocksdb::DB::OpenForReadOnly(options_, *directory_ / "log", &db)).ok()) db_.reset(db);
}

absl::StatusOr<std::shared_lock<std::shared_mutex>> EventLog::Reading() const {
  std::shared_lock lock(mutex_);
  if (db_ == nullptr) return BackendUnavailable(kWhat);
  return lock;
}

absl::Status EventLog::ProbeDisk() const {
  const std::string path = *directory_ / "PROBE";
  rocksdb::Status status = rocksdb::WriteStringToFile(options_.env, std::string(64 << 10, '.'), path, true);
  options_.env->DeleteFile(path).PermitUncheckedError();
  return Mapped(status);
}

absl::Status EventLog::Recover() {
  if (db_ != nullptr) RETURN_IF_ERROR(ProbeDisk());
  LogWarning("opening the event log anew after a failed write", {{"directory", directory_->path()}});
  {
    const Interruption interrupted(interrupted_);  // or it would wait for a whole compaction
    const std::unique_lock lock(mutex_);
    db_.reset();
    if (absl::Status status = OpenDatabase(); !status.ok()) {
      OpenForReading();
      return status;
    }
  }
  rocksdb::WriteBatch batch;
  for (const std::string& key : failed_keys_) batch.Delete(key);
  rocksdb::WriteOptions options;
  options.sync = true;
  RETURN_IF_ERROR(Mapped(db_->Write(options, &batch)));
  failed_ = false;
  failed_keys_.clear();
  return absl::OkStatus();
}

absl::Status EventLog::Mapped(const rocksdb::Status& status) const {
  return MapRocksDbError(status, directory_->path());
}

absl::Status EventLog::Damaged(absl::string_view problem) const {
  return StoreDamaged(kWhat, directory_->path(), problem);
}

absl::Status EventLog::EnsureWritable() { return failed_ ? Recover() : absl::OkStatus(); }

// Puts the records into a batch.
void EventLog::AddEntries(absl::Time record_time, absl::Span<const Entry> entries, rocksdb::WriteBatch& batch) {
  std::array<char, kRecordHeaderSize> header;
  absl::little_endian::Store64(header.data(), static_cast<uint64_t>(absl::ToUnixMicros(record_time)));
  for (const Entry& entry : entries) {
    const SequenceKey key = KeyOfEvent(entry.workspace, entry.sequence);
    const rocksdb::Slice key_slice = key.slice();
    const rocksdb::Slice value[] = {rocksdb::Slice(header.data(), header.size()),
                                    rocksdb::Slice(entry.event.data(), entry.event.size())};
    batch.Put(rocksdb::SliceParts(&key_slice, 1), rocksdb::SliceParts(value, 2));
  }
}

absl::Status EventLog::Write(absl::Time record_time, absl::Span<const Entry> entries,
                             const std::map<std::string, uint32_t>& new_workspaces) {
  RETURN_IF_ERROR(EnsureWritable());
  size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.event.size() + 40;
  rocksdb::WriteBatch batch(bytes);
  for (const auto& [id, number] : new_workspaces) {
    std::array<char, sizeof(uint32_t)> value;
    absl::little_endian::Store32(value.data(), number);
    batch.Put(WorkspaceKey(id), rocksdb::Slice(value.data(), value.size()));
  }
  AddEntries(record_time, entries, batch);
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (status.ok()) return absl::OkStatus();
  failed_ = true;
  for (const auto& [id, number] : new_workspaces) failed_keys_.push_back(WorkspaceKey(id));
  for (const Entry& entry : entries) {
    failed_keys_.push_back(KeyOfEvent(entry.workspace, entry.sequence).slice().ToString());
  }
  return Mapped(status);
}

absl::StatusOr<std::map<std::string, uint32_t>> EventLog::Workspaces() const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::map<std::string, uint32_t> out;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  const rocksdb::Slice prefix(&kWorkspacePrefix, 1);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    if (it->value().size() != sizeof(uint32_t)) return Damaged("a workspace has no number");
    out.emplace(std::string(it->key().data() + 1, it->key().size() - 1),
                absl::little_endian::Load32(it->value().data()));
  }
  RETURN_IF_ERROR(Mapped(it->status()));
  return out;
}

absl::StatusOr<int64_t> EventLog::LastSequence(uint32_t workspace) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  const SequenceKey greatest = KeyOfEvent(workspace, std::numeric_limits<int64_t>::max());
  it->SeekForPrev(greatest.slice());
  RETURN_IF_ERROR(Mapped(it->status()));
  const rocksdb::Slice prefix = greatest.prefix();
  return it->Valid() && it->key().starts_with(prefix) ? SequenceOf(it->key()) : 0;
}

absl::Status EventLog::Scan(uint32_t workspace, int64_t from, int64_t to, const ScanFunction& function) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // one pass over everything would push out what timelines read
  options.readahead_size = 2 << 20;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  const SequenceKey first = KeyOfEvent(workspace, from);
  const rocksdb::Slice prefix = first.prefix();
  int64_t expected = from;
  for (it->Seek(first.slice()); it->Valid() && it->key().starts_with(prefix); it->Next(), ++expected) {
    const int64_t sequence = SequenceOf(it->key());
    if (sequence > to) break;
    if (sequence != expected) return Damaged(absl::StrCat("event ", expected, " is missing"));
    if (it->value().size() < kRecordHeaderSize) return Damaged(absl::StrCat("event ", sequence, " is cut off"));
    RETURN_IF_ERROR(function(
        sequence, absl::string_view(it->value().data() + kRecordHeaderSize, it->value().size() - kRecordHeaderSize)));
  }
  return Mapped(it->status());
}

absl::StatusOr<std::vector<EventLog::Record>> EventLog::Read(uint32_t workspace,
                                                             absl::Span<const int64_t> sequences) const {
  ASSIGN_OR_RETURN(const auto reading, Reading());
  std::vector<SequenceKey> keys;
  std::vector<rocksdb::Slice> slices;
  keys.reserve(sequences.size());
  slices.reserve(sequences.size());
  for (const int64_t sequence : sequences) {
    keys.push_back(KeyOfEvent(workspace, sequence));
    slices.push_back(keys.back().slice());
  }
  std::vector<rocksdb::PinnableSlice> values(sequences.size());
  std::vector<rocksdb::Status> statuses(sequences.size());
  db_->MultiGet(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slices.size(), slices.data(), values.data(),
                statuses.data());
  std::vector<Record> out(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    if (statuses[i].IsNotFound()) return Damaged(absl::StrCat("event ", sequences[i], " is missing"));
    RETURN_IF_ERROR(Mapped(statuses[i]));
    if (values[i].size() < kRecordHeaderSize) return Damaged(absl::StrCat("event ", sequences[i], " is cut off"));
    out[i].sequence = sequences[i];
    out[i].record_time = absl::FromUnixMicros(static_cast<int64_t>(absl::little_endian::Load64(values[i].data())));
    out[i].event.assign(values[i].data() + kRecordHeaderSize, values[i].size() - kRecordHeaderSize);
  }
  return out;
}

}  // namespace throughline
