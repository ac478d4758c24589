#include "services/events/native/column_files.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "rocksdb/env.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/rocksdb_error.h"

namespace throughline {
namespace {

constexpr char kPropertyEnding[] = ".property";
// The file of a property that nobody asks for does not grow: when it lacks a quarter of the log and so much, it is
// forgotten.
constexpr int64_t kPropertyLagMin = 4 << 20;

}  // namespace

ColumnFiles::ColumnFiles(ColumnFilesOptions options)
    : options_(std::move(options)),
      directory_(absl::StrCat(options_.directory, "/", options_.workspace)),
      dictionaries_(options_.env, directory_, options_.workspace) {}

SegmentIdentity ColumnFiles::IdentityOf(uint32_t partition, int64_t covered) const {
  return {options_.workspace, dictionaries_.lineage(), partition, covered};
}

std::string ColumnFiles::PathOf(uint32_t partition, int64_t covered) const {
  return absl::StrCat(directory_, "/", segment_file::FileName(partition, covered));
}

// What stays is removed at the next start.
void ColumnFiles::Remove(const std::string& path) const { options_.env->DeleteFile(path).PermitUncheckedError(); }

// --- At start ---

// By partition, what its segments cover, the most first.
std::map<uint32_t, std::vector<int64_t>> ColumnFiles::FindSegments() {
  std::vector<std::string> names;
  options_.env->GetChildren(directory_, &names).PermitUncheckedError();
  std::map<uint32_t, std::vector<int64_t>> out;
  for (const std::string& name : names) {
    uint32_t partition = 0;
    int64_t covered = 0;
    if (absl::EndsWith(name, segment_file::kTemporaryEnding)) {
      Remove(absl::StrCat(directory_, "/", name));
    } else if (segment_file::ParseFileName(name, partition, covered)) {
      out[partition].push_back(covered);
    }
  }
  for (auto& [partition, covered] : out) std::sort(covered.rbegin(), covered.rend());
  return out;
}

ColumnFiles::Part ColumnFiles::OpenPart(uint32_t partition, const std::vector<int64_t>& found,
                                        const DictionarySizes& sizes) const {
  Part out;
  for (const int64_t covered : found) {
    const std::string path = PathOf(partition, covered);
    if (out.partition != nullptr) {
      Remove(path);
      continue;
    }
    absl::StatusOr<Segment> segment =
        covered > dictionaries_.watermark()
            ? absl::DataLossError("it is ahead of the dictionaries")
            : OpenSegment(options_.env, directory_, IdentityOf(partition, covered), sizes.codes, sizes.customers);
    if (!segment.ok()) {
      LogWarning("a segment of columns cannot be used and is made anew from the log",
                 {{"file", path}, {"problem", std::string(segment.status().message())}});
      Remove(path);
      continue;
    }
    out.partition = std::move(segment->partition);
    out.name_counts = std::move(segment->name_counts);
    out.covered = covered;
  }
  return out;
}

absl::Status ColumnFiles::LoadProperties(int64_t last_in_log, std::vector<std::unique_ptr<PropertyColumn>>& out) {
  std::vector<std::string> names;
  options_.env->GetChildren(directory_, &names).PermitUncheckedError();
  for (const std::string& name : names) {
    uint32_t number = 0;
    absl::string_view digits = name;
    if (!absl::ConsumeSuffix(&digits, kPropertyEnding) || !absl::SimpleAtoi(digits, &number)) continue;
    last_property_ = std::max(last_property_, number);
    PropertyFile file(options_.env, absl::StrCat(directory_, "/", name), options_.workspace);
    PropertyFile::Loaded loaded = file.Load();
    bool fits = loaded.column != nullptr && file.rows() <= last_in_log;
    if (fits && file.rows() > 0) {
      ASSIGN_OR_RETURN(const uint64_t hash, options_.hash_event(file.rows()));
      fits = hash == loaded.anchor;
    }
    if (!fits && loaded.problem.empty()) loaded.problem = "the log is another, or ends before it";
    if (!loaded.problem.empty()) {
      LogWarning("a column of a property is not whole: what it lacks is read from the log",
                 {{"file", file.path()}, {"problem", loaded.problem}});
    }
    // Nobody has asked for it in a long time.
    const int64_t lag = last_in_log - file.rows();
    if (fits && lag > kPropertyLagMin && lag > last_in_log / 4) fits = false;
    if (!fits || !properties_.try_emplace(loaded.column->key, file).second) {
      Remove(file.path());
      continue;
    }
    out.push_back(std::move(loaded.column));
  }
  return absl::OkStatus();
}

absl::StatusOr<ColumnFiles::Loaded> ColumnFiles::Load(int64_t last_in_log) {
  const absl::Time start = absl::Now();
  const std::map<uint32_t, std::vector<int64_t>> found = FindSegments();
  DictionaryFile::Loaded texts = dictionaries_.Load();
  const absl::Time read = absl::Now();
  std::string problem = texts.problem;
  bool fits = texts.watermark <= last_in_log;
  if (fits && texts.watermark > 0) {
    ASSIGN_OR_RETURN(const uint64_t hash, options_.hash_event(texts.watermark));
    fits = hash == texts.anchor;
  }
  if (!fits) problem = "the log is another, or ends before them";
  if (texts.watermark == 0 && !found.empty() && problem.empty()) problem = "there are none beside the segments";
  if (!problem.empty()) {
    LogWarning("the dictionaries of the columns are not whole: what they lack is made anew from the log",
               {{"directory", directory_}, {"problem", problem}});
  }
  Loaded out;
  out.damaged = !problem.empty();
  RETURN_IF_ERROR(LoadProperties(last_in_log, out.properties));
  if (!fits || texts.watermark == 0) {
    if (!problem.empty()) DiscardSegments();
    out.dictionaries = std::make_unique<Dictionaries>();
    return out;
  }
  out.dictionaries = std::move(texts.dictionaries);
  out.watermark = texts.watermark;
  const DictionarySizes sizes = DictionarySizes::Of(*out.dictionaries);
  out.parts.resize((sizes.customers + kPartitionCustomers - 1) / kPartitionCustomers);
  std::atomic<uint32_t> next = 0;
  const auto open = [&] {
    for (uint32_t i; (i = next.fetch_add(1)) < out.parts.size();) {
      if (const auto segments = found.find(i); segments != found.end()) {
        out.parts[i] = OpenPart(i, segments->second, sizes);
      }
    }
  };
  RunOnThreads(static_cast<size_t>(std::max(options_.threads, 1)), [&](size_t) { open(); });
  sealed_.assign(out.parts.size(), 0);
  int64_t events = 0, missing = 0;
  for (uint32_t i = 0; i < out.parts.size(); ++i) {
    Part& part = out.parts[i];
    sealed_[i] = part.covered;
    const auto listed = texts.listed.find(i);
    if (part.partition == nullptr) {
      ++missing;
    } else {
      events += part.partition->size();
      // No seal after it had events for it.
      if (listed != texts.listed.end() && listed->second <= part.covered) part.covered = texts.watermark;
    }
  }
  for (const auto& [partition, segments] : found) {
    if (partition < out.parts.size()) continue;
    for (const int64_t covered : segments) Remove(PathOf(partition, covered));
  }
  out.damaged = out.damaged || missing > 0;
  LogInfo("columns were read from their files",
          {{"directory", directory_},
           {"segments", absl::StrCat(out.parts.size() - missing)},
           {"missing", absl::StrCat(missing)},
           {"events", absl::StrCat(events)},
           {"dictionaries_ms", absl::StrCat(absl::ToInt64Milliseconds(read - start))},
           {"segments_ms", absl::StrCat(absl::ToInt64Milliseconds(absl::Now() - read))}});
  return out;
}

void ColumnFiles::Discard() {
  DiscardSegments();
  for (const auto& [key, file] : properties_) Remove(file.path());
  properties_.clear();
}

void ColumnFiles::DiscardSegments() {
  for (const auto& [partition, segments] : FindSegments()) {
    for (const int64_t covered : segments) Remove(PathOf(partition, covered));
  }
  dictionaries_.Discard();
  sealed_.clear();
  stale_.clear();
}

// --- Sealing ---

absl::Status ColumnFiles::EnsureDictionaries() {
  if (dictionaries_.exists()) return absl::OkStatus();
  for (const std::string& directory : {options_.directory, directory_}) {
    RETURN_IF_ERROR(MapRocksDbError(options_.env->CreateDirIfMissing(directory), directory));
  }
  RETURN_IF_ERROR(dictionaries_.Create());
  // What is there has another lineage.
  for (uint32_t i = 0; i < sealed_.size(); ++i) {
    if (sealed_[i] != 0) stale_.emplace_back(i, sealed_[i]);
  }
  sealed_.clear();
  return absl::OkStatus();
}

absl::Status ColumnFiles::SyncDirectory() const {
  std::unique_ptr<rocksdb::Directory> directory;
  RETURN_IF_ERROR(MapRocksDbError(options_.env->NewDirectory(directory_, &directory), directory_));
  return MapRocksDbError(directory->Fsync(), directory_);
}

absl::Status ColumnFiles::SealProperties(const State& state) {
  for (const PropertyColumn* column : state.properties) {
    auto file = properties_.find(column->key);
    if (file == properties_.end()) {
      std::string path = absl::StrCat(directory_, "/", ++last_property_, kPropertyEnding);
      file = properties_.try_emplace(column->key, options_.env, std::move(path), options_.workspace).first;
    }
    RETURN_IF_ERROR(file->second.Append(*column, state.watermark, options_.hash_event, state.erased_rows));
  }
  return absl::OkStatus();
}

absl::StatusOr<CodeSequence::KeptChunks> ColumnFiles::MapProperty(const std::string& key) const {
  const auto file = properties_.find(key);
  if (file == properties_.end()) return CodeSequence::KeptChunks();
  return file->second.Map();
}

// Before anything is added: what follows a block is mixed with it.
absl::Status ColumnFiles::EraseInProperties(const State& state) {
  std::map<std::string, const PropertyColumn*> columns;
  for (const auto& column : state.erased.columns) columns[column->key] = column.get();
  const auto is_erased = [&](int64_t row) {
    return std::binary_search(state.erased_rows.begin(), state.erased_rows.end(), static_cast<uint32_t>(row));
  };
  for (auto file = properties_.begin(); file != properties_.end();) {
    const auto column = columns.find(file->first);
    if (column == columns.end()) {  // nobody knows any more what is in it
      Remove(file->second.path());
      file = properties_.erase(file);
      continue;
    }
    // The last event tells whether the file belongs to the log, and it is another one now.
    const bool anchor_erased = file->second.rows() > 0 && is_erased(file->second.rows() - 1);
    if (anchor_erased || state.erased.properties.contains(file->first)) {
      RETURN_IF_ERROR(file->second.Rewrite(*column->second, options_.hash_event, state.erased_rows));
    }
    ++file;
  }
  return absl::OkStatus();
}

absl::Status ColumnFiles::SealDictionaries(const State& state, const Dictionaries& dictionaries,
                                           const std::vector<uint32_t>& changed) {
  ASSIGN_OR_RETURN(const uint64_t anchor, options_.hash_event(state.watermark));
  // First, so that no segment is there whose codes are not; and so that the older segments of what is listed are not
  // taken for newer ones.
  if (!state.erased.any) return dictionaries_.Append(state.watermark, anchor, dictionaries, state.sizes, changed);
  DictionaryFile::Rest rest;
  for (uint32_t i = 0; i < sealed_.size(); ++i) {
    if (std::binary_search(changed.begin(), changed.end(), i)) continue;
    rest.partitions.push_back(i);
    rest.since = rest.since == 0 ? sealed_[i] : std::min(rest.since, sealed_[i]);
  }
  if (!rest.partitions.empty()) {
    ASSIGN_OR_RETURN(rest.anchor, options_.hash_event(rest.since));
  }
  return dictionaries_.Rewrite(state.watermark, anchor, dictionaries, state.sizes, changed, rest);
}

bool ColumnFiles::AnyFile() const {
  const bool segments = std::any_of(sealed_.begin(), sealed_.end(), [](int64_t covered) { return covered != 0; });
  return dictionaries_.exists() || segments || !properties_.empty();
}

// Whatever is there beside what is in use: what could not be removed when it was replaced.
absl::Status ColumnFiles::RemoveLeftovers() const {
  std::set<std::string> used;
  for (const auto& [key, file] : properties_) used.insert(file.path());
  for (uint32_t i = 0; i < sealed_.size(); ++i) {
    if (sealed_[i] != 0) used.insert(PathOf(i, sealed_[i]));
  }
  std::vector<std::string> names;
  options_.env->GetChildren(directory_, &names).PermitUncheckedError();
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(directory_, "/", name);
    const bool replaceable = absl::EndsWith(name, segment_file::kTemporaryEnding) ||
                             absl::EndsWith(name, segment_file::kFileEnding) || absl::EndsWith(name, kPropertyEnding) ||
                             (dictionaries_.IsFile(name) && !dictionaries_.exists());
    if (!replaceable || used.contains(path)) continue;
    RETURN_IF_ERROR(MapRocksDbError(options_.env->DeleteFile(path), directory_));
  }
  return absl::OkStatus();
}

absl::Status ColumnFiles::Seal(State state, const Dictionaries& dictionaries, const OnSealed& on_sealed) {
  if (state.watermark == 0) return absl::OkStatus();
  for (const std::string& key : state.dropped_properties) {
    if (const auto file = properties_.find(key); file != properties_.end()) {
      Remove(file->second.path());
      properties_.erase(file);
    }
  }
  // A store that is too small for files has nothing to erase in them.
  if (state.erased.any && !AnyFile()) return RemoveLeftovers();
  RETURN_IF_ERROR(EnsureDictionaries());
  sealed_.resize(state.partitions.size());
  std::vector<uint32_t> changed;
  for (uint32_t i = 0; i < state.partitions.size(); ++i) {
    const bool newer = int64_t{state.partitions[i]->row_max()} + 1 > sealed_[i];
    if (newer || state.erased.partitions.contains(i)) changed.push_back(i);
  }
  if (!changed.empty() || state.watermark > dictionaries_.watermark() || state.erased.any) {
    RETURN_IF_ERROR(SealDictionaries(state, dictionaries, changed));
  }
  for (const uint32_t i : changed) {
    const SegmentIdentity identity = IdentityOf(i, state.watermark);
    // Let go of one by one: meanwhile others may have taken the place of what is still to be written.
    ASSIGN_OR_RETURN(const std::shared_ptr<const Partition> partition,
                     std::exchange(state.partitions[i], nullptr)->Get());
    RETURN_IF_ERROR(WriteSegment(options_.env, directory_, identity, *partition));
    const int64_t before = std::exchange(sealed_[i], state.watermark);
    if (before != 0) stale_.emplace_back(i, before);
    absl::StatusOr<Segment> segment =
        OpenSegment(options_.env, directory_, identity, state.sizes.codes, state.sizes.customers);
    if (!segment.ok()) {
      sealed_[i] = 0;  // written again next time, under another name or this one
      return segment.status();
    }
    on_sealed(i, *partition, std::move(segment->partition));
  }
  if (state.erased.any) RETURN_IF_ERROR(EraseInProperties(state));
  RETURN_IF_ERROR(SealProperties(state));
  RETURN_IF_ERROR(SyncDirectory());
  for (const auto& [partition, covered] : stale_) {
    if (sealed_[partition] != covered) Remove(PathOf(partition, covered));
  }
  stale_.clear();
  if (!state.erased.any) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveLeftovers());
  return SyncDirectory();
}

}  // namespace throughline
