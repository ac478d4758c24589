#include "services/events/native/property_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

#include "absl/strings/string_view.h"
#include "rocksdb/env.h"
#include "services/base/status_macros.h"
#include "services/events/native/mapped_file.h"
#include "services/events/native/rocksdb_error.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::array<char, 8> kMagic = {'T', 'L', 'P', 'R', 'O', 'P', 'S', '\n'};
constexpr uint32_t kVersion = 1;
constexpr char kTemporaryEnding[] = ".new";
constexpr size_t kAlignment = 64;
constexpr size_t kFlushBytes = 4 << 20;
// Of a key, and of the new values of a block: far more than what an event can bring.
constexpr uint32_t kKeyBytesMax = 1 << 20;
constexpr uint64_t kBlockBytesMax = uint64_t{1} << 32;

struct FileHeader {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t workspace;
  uint32_t key_bytes;
  std::array<char, 36> zeros;
  uint64_t check;  // of the header and the key, which is filled up with zeros
};
static_assert(sizeof(FileHeader) == 64);

uint64_t Filled(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// With the key as it stands in the file.
uint64_t HeaderCheck(const FileHeader& header, absl::string_view filled_key) {
  return StableHash(filled_key.data(), filled_key.size(), StableHash(&header, offsetof(FileHeader, check), kVersion));
}

// What a block's new values are called; false if the bytes are none of that.
bool TakeValues(absl::string_view bytes, uint32_t count, std::vector<absl::string_view>& out) {
  out.clear();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t size = 0;
    if (bytes.size() < sizeof(size)) return false;
    std::memcpy(&size, bytes.data(), sizeof(size));
    bytes.remove_prefix(sizeof(size));
    if (size > bytes.size()) return false;  // empty: it was forgotten
    out.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

}  // namespace

struct PropertyFile::BlockHeader {
  int64_t first_row;
  uint64_t anchor;       // hash of the last event
  uint64_t value_bytes;  // what the new values take
  uint32_t values;       // how many there are
  uint32_t values_before;
  uint32_t width;
  std::array<char, 20> zeros;
  uint64_t check;

  size_t code_bytes() const { return CodeSequence::kChunkCodes * size_t{width}; }
  size_t bytes() const { return sizeof(BlockHeader) + code_bytes() + Filled(value_bytes); }
  uint64_t Check(const char* payload, uint64_t before) const {
    const uint64_t about = StableHash(this, offsetof(BlockHeader, check), before);
    return StableHash(payload, bytes() - sizeof(BlockHeader), about);
  }
};

// --- Reading ---

bool PropertyFile::ReadHeader(std::string& key, std::string& problem) {
  std::unique_ptr<rocksdb::RandomAccessFile> file;
  FileHeader header;
  problem = "it cannot be read";
  if (!env_->NewRandomAccessFile(path_, &file, rocksdb::EnvOptions()).ok()) return false;
  if (!ReadBytes(*file, 0, sizeof(header), reinterpret_cast<char*>(&header))) return false;
  problem = "its header is damaged";
  if (header.magic != kMagic || header.key_bytes > kKeyBytesMax) return false;
  key.resize(Filled(header.key_bytes));
  if (!ReadBytes(*file, sizeof(header), key.size(), key.data())) return false;
  if (header.check != HeaderCheck(header, key)) return false;
  problem = "it is of another version";
  if (header.version != kVersion) return false;
  problem = "it is another workspace's";
  if (header.workspace != workspace_) return false;
  problem.clear();
  end_ = sizeof(header) + key.size();
  key.resize(header.key_bytes);
  check_ = header.check;
  return true;
}

PropertyFile::Loaded PropertyFile::Load() {
  static_assert(sizeof(BlockHeader) == 64);
  Loaded out;
  uint64_t bytes = 0;
  std::string key;
  std::unique_ptr<rocksdb::RandomAccessFile> file;
  if (!ReadHeader(key, out.problem)) return out;
  if (!env_->GetFileSize(path_, &bytes).ok() || !env_->NewRandomAccessFile(path_, &file, rocksdb::EnvOptions()).ok()) {
    out.problem = "it cannot be read";
    return out;
  }
  places_.clear();
  auto column = std::make_unique<PropertyColumn>(key);
  std::vector<absl::string_view> values;
  std::string payload;
  while (end_ != bytes) {
    BlockHeader header;
    out.problem = "it is cut off, or damaged, behind its last whole block";
    if (end_ > bytes || bytes - end_ < sizeof(header)) break;
    if (!ReadBytes(*file, end_, sizeof(header), reinterpret_cast<char*>(&header))) break;
    if (header.width != 1 && header.width != 2 && header.width != 4) break;
    if (header.value_bytes > kBlockBytesMax || header.bytes() > bytes - end_) break;
    payload.resize(header.bytes() - sizeof(header));
    if (!ReadBytes(*file, end_ + sizeof(header), payload.size(), payload.data())) break;
    if (header.check != header.Check(payload.data(), check_)) break;
    const int64_t rows = static_cast<int64_t>(places_.size() * CodeSequence::kChunkCodes);
    const absl::string_view texts = absl::string_view(payload).substr(header.code_bytes(), header.value_bytes);
    if (header.first_row != rows || header.values_before != column->values.size()) break;
    if (!TakeValues(texts, header.values, values) || !column->values.Append(values)) break;
    const CodeSequence::Chunk codes{static_cast<int>(header.width), reinterpret_cast<const uint8_t*>(payload.data())};
    uint32_t most = 0;
    for (size_t i = 0; i < CodeSequence::kChunkCodes; ++i) most = std::max(most, codes[i]);
    if (most >= column->values.size()) break;
    places_.push_back({end_ + sizeof(header), codes.width});
    out.anchor = header.anchor;
    end_ += header.bytes();
    check_ = header.check;
    values_ = column->values.size();
    out.problem.clear();
  }
  // A block whose values are no good has left some of them in the dictionary.
  if (!places_.empty() && column->values.size() != values_) {
    out.problem = "its blocks do not follow one another";
    return out;
  }
  if (places_.empty()) column = std::make_unique<PropertyColumn>(key);
  values_ = column->values.size();
  rows_ = static_cast<int64_t>(places_.size() * CodeSequence::kChunkCodes);
  exists_ = end_ == bytes || env_->Truncate(path_, end_).ok();
  if (!exists_) {
    out.problem = "it cannot be shortened";
    return out;
  }
  if (!places_.empty()) {
    absl::StatusOr<CodeSequence::KeptChunks> mapped = Map();
    if (!mapped.ok()) {
      out.problem = "it cannot be mapped";
      return out;
    }
    column->codes.Start(*std::move(mapped));
  }
  out.column = std::move(column);
  return out;
}

absl::StatusOr<CodeSequence::KeptChunks> PropertyFile::Map() const {
  CodeSequence::KeptChunks out;
  if (places_.empty()) return out;
  ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> mapped, MappedFile::Open(path_));
  if (mapped->size() < end_) return BackendUnavailable("a column of a property");
  for (const Place& place : places_) {
    out.chunks.push_back({place.width, reinterpret_cast<const uint8_t*>(mapped->data() + place.offset)});
  }
  out.keeper = mapped;
  return out;
}

// --- Writing ---

absl::Status PropertyFile::Create(const PropertyColumn& column) {
  FileHeader header;
  std::memset(static_cast<void*>(&header), 0, sizeof(header));
  header.magic = kMagic;
  header.version = kVersion;
  header.workspace = workspace_;
  header.key_bytes = static_cast<uint32_t>(column.key.size());
  std::string key = column.key;
  key.resize(Filled(key.size()));
  header.check = HeaderCheck(header, key);
  const std::string bytes = std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + key;
  RETURN_IF_ERROR(MapRocksDbError(rocksdb::WriteStringToFile(env_, bytes, path_, true), path_));
  exists_ = true;
  rows_ = 0;
  values_ = PropertyColumn("").values.size();
  places_.clear();
  end_ = bytes.size();
  check_ = header.check;
  return absl::OkStatus();
}

absl::Status PropertyFile::Rewrite(const PropertyColumn& column, const HashEvent& hash_event,
                                   absl::Span<const uint32_t> erased) {
  if (rows_ == 0) {
    // What a failed first attempt may have left.
    if (exists_) RETURN_IF_ERROR(MapRocksDbError(env_->DeleteFile(path_), path_));
    *this = PropertyFile(env_, path_, workspace_);
    return absl::OkStatus();
  }
  PropertyFile anew(env_, path_ + kTemporaryEnding, workspace_);
  RETURN_IF_ERROR(anew.Append(column, rows_, hash_event, erased));
  RETURN_IF_ERROR(MapRocksDbError(env_->RenameFile(anew.path_, path_), path_));
  anew.path_ = path_;
  *this = std::move(anew);
  return absl::OkStatus();
}

absl::Status PropertyFile::Append(const PropertyColumn& column, int64_t rows, const HashEvent& hash_event,
                                  absl::Span<const uint32_t> erased) {
  constexpr int64_t kRows = CodeSequence::kChunkCodes;
  if (rows - rows_ < kRows) return absl::OkStatus();
  if (!exists_) RETURN_IF_ERROR(Create(column));
  std::unique_ptr<rocksdb::RandomRWFile> file;
  RETURN_IF_ERROR(MapRocksDbError(env_->NewRandomRWFile(path_, &file, rocksdb::EnvOptions()), path_));
  uint64_t end = end_, check = check_;
  uint32_t values = values_;
  std::vector<Place> places;
  int64_t row = rows_;
  std::string buffer;
  const auto reading = column.codes.Reading();
  for (; rows - row >= kRows; row += kRows) {
    const CodeSequence::Chunk& codes = column.codes.chunk(static_cast<size_t>(row / kRows));
    BlockHeader header;
    std::memset(static_cast<void*>(&header), 0, sizeof(header));
    header.first_row = row;
    header.values_before = values;
    header.width = static_cast<uint32_t>(codes.width);
    ASSIGN_OR_RETURN(header.anchor, hash_event(row + kRows));
    std::string texts;
    std::string code_bytes(reinterpret_cast<const char*>(codes.bytes), header.code_bytes());
    static_assert(kMissingCode == 0);  // which is all zeros in any width
    for (auto at = std::lower_bound(erased.begin(), erased.end(), row); at != erased.end() && *at < row + kRows; ++at) {
      code_bytes.replace(static_cast<size_t>(*at - row) * header.width, header.width, header.width, '\0');
    }
    const CodeSequence::Chunk kept{codes.width, reinterpret_cast<const uint8_t*>(code_bytes.data())};
    uint32_t known = values;
    for (size_t i = 0; i < CodeSequence::kChunkCodes; ++i) known = std::max(known, kept[i] + 1);
    for (; values < known; ++values) {
      const absl::string_view text = column.values.Kept(values);
      const auto size = static_cast<uint32_t>(text.size());
      texts.append(reinterpret_cast<const char*>(&size), sizeof(size));
      texts.append(text.data(), text.size());
    }
    header.values = values - header.values_before;
    header.value_bytes = texts.size();
    texts.resize(Filled(texts.size()));
    const std::string payload = code_bytes + texts;
    header.check = check = header.Check(payload.data(), check);
    buffer.append(reinterpret_cast<const char*>(&header), sizeof(header));
    places.push_back({end + buffer.size(), codes.width});
    buffer += payload;
    if (buffer.size() < kFlushBytes && rows - row >= 2 * kRows) continue;
    RETURN_IF_ERROR(MapRocksDbError(file->Write(end, buffer), path_));
    end += buffer.size();
    buffer.clear();
  }
  rocksdb::Status status = file->Fsync();
  if (status.ok()) status = file->Close();
  RETURN_IF_ERROR(MapRocksDbError(status, path_));
  end_ = end;
  check_ = check;
  values_ = values;
  rows_ = row;
  places_.insert(places_.end(), places.begin(), places.end());
  return absl::OkStatus();
}

}  // namespace throughline
