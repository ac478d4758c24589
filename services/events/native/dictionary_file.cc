#include "services/events/native/dictionary_file.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"
#include "services/base/status_macros.h"
#include "services/events/native/rocksdb_error.h"
#include "services/events/native/stable_hash.h"

namespace throughline {

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::array<char, 8> kMagic = {'T', 'L', 'D', 'I', 'C', 'T', 'S', '\n'};
constexpr uint32_t kVersion = 2;
constexpr char kFileName[] = "/dictionaries";
constexpr char kTemporaryEnding[] = ".new";
constexpr int kDictionaryCount = 1 + kCodeColumnCount;
// A block is written when it has so much; a string more at most, of which none has a megabyte.
constexpr size_t kBlockBytes = 4 << 20;
constexpr size_t kBlockBytesMax = 2 * kBlockBytes;

struct FileHeader {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t workspace;
  uint64_t lineage;
  std::array<char, 32> zeros;
  uint64_t check;
};
struct BlockHeader {
  uint32_t payload_bytes;
  uint32_t complete;  // 1: the last block of a seal
  int64_t watermark;  // of a complete one; else 0, and so is the anchor
  uint64_t anchor;
  std::array<uint32_t, kDictionaryCount> strings;  // how many follow: customers, then by CodeColumn
  uint32_t partitions;                             // how many follow
  uint32_t zero;
  uint64_t check;
};
static_assert(sizeof(FileHeader) == 64 && sizeof(BlockHeader) == 72);

uint64_t HeaderCheck(const FileHeader& header) { return StableHash(&header, offsetof(FileHeader, check), kVersion); }

FileHeader MakeHeader(uint32_t workspace, uint64_t lineage) {
  FileHeader header;
  std::memset(static_cast<void*>(&header), 0, sizeof(header));
  header.magic = kMagic;
  header.version = kVersion;
  header.workspace = workspace;
  header.lineage = lineage;
  header.check = HeaderCheck(header);
  return header;
}

uint64_t BlockCheck(const BlockHeader& header, absl::string_view payload, uint64_t before) {
  return StableHash(payload.data(), payload.size(), StableHash(&header, offsetof(BlockHeader, check), before));
}

const StringDictionary& DictionaryAt(const Dictionaries& dictionaries, int i) {
  return i == 0 ? dictionaries.customers : dictionaries.codes[i - 1];
}
uint32_t SizeAt(const DictionarySizes& sizes, int i) { return i == 0 ? sizes.customers : sizes.codes[i - 1]; }

void AppendLength(uint32_t length, std::string& out) {
  for (; length >= 0x80; length >>= 7) out.push_back(static_cast<char>(length | 0x80));
  out.push_back(static_cast<char>(length));
}

// False at the end.
bool TakeString(absl::string_view& bytes, absl::string_view& out) {
  uint64_t length = 0;
  for (int shift = 0;; shift += 7) {
    if (bytes.empty() || shift > 28) return false;
    const auto byte = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(1);
    length |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) break;
  }
  if (length > bytes.size()) return false;
  out = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

struct Block {
  BlockHeader header;
  std::string payload;
};

// Adds a verified block. False if it is not one that was written to follow what is there.
bool Apply(const Block& block, Dictionaries& dictionaries, std::vector<uint32_t>& partitions) {
  absl::string_view bytes = block.payload;
  std::vector<absl::string_view> texts;
  for (int i = 0; i < kDictionaryCount; ++i) {
    if (block.header.strings[i] > bytes.size()) return false;
    texts.resize(block.header.strings[i]);
    for (absl::string_view& text : texts) {
      if (!TakeString(bytes, text)) return false;
    }
    StringDictionary& dictionary = i == 0 ? dictionaries.customers : dictionaries.codes[i - 1];
    if (!dictionary.Append(texts)) return false;
  }
  if (bytes.size() != block.header.partitions * sizeof(uint32_t)) return false;
  const size_t known = partitions.size();
  partitions.resize(known + block.header.partitions);
  if (!bytes.empty()) std::memcpy(partitions.data() + known, bytes.data(), bytes.size());
  return true;
}

// Reads blocks one after the other.
class BlockReader {
 public:
  BlockReader(rocksdb::SequentialFile& file, uint64_t file_bytes, uint64_t check)
      : file_(file), left_(file_bytes - sizeof(FileHeader)), check_(check) {}

  // False at the end, or where the bytes are none of a block: then `problem` says so.
  bool Next(Block& block, std::string& problem) {
    if (left_ == 0) return false;
    problem = "it is cut off, or damaged, behind its last whole block";
    if (left_ < sizeof(BlockHeader) || !Read(&block.header, sizeof(BlockHeader))) return false;
    const size_t size = block.header.payload_bytes;
    if (size > kBlockBytesMax || size > left_) return false;
    block.payload.resize(size);
    if (!Read(block.payload.data(), size)) return false;
    if (block.header.check != BlockCheck(block.header, block.payload, check_)) return false;
    check_ = block.header.check;
    problem.clear();
    return true;
  }
  uint64_t check() const { return check_; }

 private:
  bool Read(void* to, size_t size) {
    auto* out = static_cast<char*>(to);
    left_ -= size;
    while (size > 0) {
      rocksdb::Slice read;
      if (!file_.Read(size, &read, out).ok() || read.empty()) return false;
      if (read.data() != out) std::memcpy(out, read.data(), read.size());
      out += read.size();
      size -= read.size();
    }
    return true;
  }

  rocksdb::SequentialFile& file_;
  uint64_t left_;
  uint64_t check_;
};

}  // namespace

DictionarySizes DictionarySizes::Of(const Dictionaries& dictionaries) {
  DictionarySizes out;
  out.customers = dictionaries.customers.size();
  for (int i = 0; i < kCodeColumnCount; ++i) out.codes[i] = dictionaries.codes[i].size();
  return out;
}

bool DictionaryFile::IsFile(absl::string_view name) { return name == absl::string_view(kFileName).substr(1); }

std::string DictionaryFile::Path() const { return directory_ + kFileName; }

DictionaryFile::Loaded DictionaryFile::Load() {
  exists_ = false;
  watermark_ = 0;
  Loaded out;
  out.dictionaries = std::make_unique<Dictionaries>();
  sizes_ = DictionarySizes::Of(*out.dictionaries);
  uint64_t bytes = 0;
  if (env_->FileExists(Path()).IsNotFound()) return out;
  std::unique_ptr<rocksdb::SequentialFile> file;
  FileHeader header;
  rocksdb::Slice read;
  rocksdb::Status status = env_->GetFileSize(Path(), &bytes);
  if (status.ok()) status = env_->NewSequentialFile(Path(), &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Read(sizeof(header), &read, reinterpret_cast<char*>(&header));
  if (!status.ok() || read.size() != sizeof(header)) {
    out.problem = "its header cannot be read";
    return out;
  }
  std::memcpy(static_cast<void*>(&header), read.data(), read.size());
  if (header.magic != kMagic || header.check != HeaderCheck(header)) out.problem = "its header is damaged";
  if (out.problem.empty() && header.version != kVersion) out.problem = "it is of another version";
  if (out.problem.empty() && header.workspace != workspace_) out.problem = "it is another workspace's";
  if (!out.problem.empty()) return out;

  lineage_ = header.lineage;
  check_ = header.check;
  end_ = sizeof(header);
  BlockReader reader(*file, bytes, header.check);
  Block block;
  std::vector<Block> seal;  // not complete yet
  uint64_t at = end_;
  while (reader.Next(block, out.problem)) {
    // As many customers in each byte that follows as in these.
    const uint64_t block_bytes = sizeof(BlockHeader) + block.payload.size();
    const double blocks_left = static_cast<double>(bytes - at) / static_cast<double>(block_bytes);
    out.dictionaries->customers.Reserve(out.dictionaries->customers.size() +
                                        static_cast<size_t>(blocks_left * block.header.strings[0]));
    at += sizeof(BlockHeader) + block.payload.size();
    const bool complete = block.header.complete != 0;
    seal.push_back(std::move(block));
    block = {};
    if (!complete) continue;
    std::vector<uint32_t> partitions;
    for (const Block& one : seal) {
      if (Apply(one, *out.dictionaries, partitions)) continue;
      // A checksum fits and the content does not: nothing of it can be trusted.
      Loaded nothing;
      nothing.dictionaries = std::make_unique<Dictionaries>();
      nothing.problem = "its blocks do not follow one another";
      return nothing;
    }
    out.watermark = seal.back().header.watermark;
    out.anchor = seal.back().header.anchor;
    for (const uint32_t partition : partitions) out.listed[partition] = out.watermark;
    seal.clear();
    end_ = at;
    check_ = reader.check();
  }
  watermark_ = out.watermark;
  sizes_ = DictionarySizes::Of(*out.dictionaries);
  if (out.problem.empty() && !seal.empty()) out.problem = "its last seal is not complete";
  exists_ = end_ == bytes || env_->Truncate(Path(), end_).ok();
  if (!exists_ && out.problem.empty()) out.problem = "it cannot be shortened";
  return out;
}

// Of the lineage that is set.
absl::Status DictionaryFile::WriteHeader(const std::string& path) const {
  const FileHeader header = MakeHeader(workspace_, lineage_);
  const rocksdb::Slice bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  return MapRocksDbError(rocksdb::WriteStringToFile(env_, bytes, path, true), directory_);
}

absl::Status DictionaryFile::MoveIntoPlace(const std::string& temporary) const {
  std::unique_ptr<rocksdb::Directory> directory;
  rocksdb::Status status = env_->RenameFile(temporary, Path());
  if (status.ok()) status = env_->NewDirectory(directory_, &directory);
  if (status.ok()) status = directory->Fsync();
  return MapRocksDbError(status, directory_);
}

absl::Status DictionaryFile::Create() {
  std::random_device random;
  lineage_ = uint64_t{random()} << 32 | random();
  const std::string temporary = Path() + kTemporaryEnding;
  RETURN_IF_ERROR(WriteHeader(temporary));
  RETURN_IF_ERROR(MoveIntoPlace(temporary));
  exists_ = true;
  watermark_ = 0;
  sizes_ = DictionarySizes::Of(Dictionaries());
  end_ = sizeof(FileHeader);
  check_ = MakeHeader(workspace_, lineage_).check;
  return absl::OkStatus();
}

// Fills blocks and writes them one after the other.
class DictionaryFile::BlockWriter {
 public:
  BlockWriter(rocksdb::RandomRWFile& file, uint64_t end, uint64_t check) : file_(file), end_(end), check_(check) {
    Clear();
  }

  rocksdb::Status Add(int dictionary, absl::string_view text) {
    AppendLength(static_cast<uint32_t>(text.size()), payload_);
    payload_.append(text.data(), text.size());
    ++header_.strings[dictionary];
    return payload_.size() < kBlockBytes ? rocksdb::Status::OK() : Write();
  }
  rocksdb::Status Complete(int64_t watermark, uint64_t anchor, const std::vector<uint32_t>& partitions) {
    header_.complete = 1;
    header_.watermark = watermark;
    header_.anchor = anchor;
    header_.partitions = static_cast<uint32_t>(partitions.size());
    payload_.append(reinterpret_cast<const char*>(partitions.data()), partitions.size() * sizeof(uint32_t));
    return Write();
  }
  uint64_t end() const { return end_; }
  uint64_t check() const { return check_; }

 private:
  void Clear() {
    std::memset(static_cast<void*>(&header_), 0, sizeof(header_));
    payload_.clear();
  }
  rocksdb::Status Write() {
    header_.payload_bytes = static_cast<uint32_t>(payload_.size());
    header_.check = BlockCheck(header_, payload_, check_);
    const rocksdb::Slice header(reinterpret_cast<const char*>(&header_), sizeof(header_));
    rocksdb::Status status = file_.Write(end_, header);
    if (status.ok()) status = file_.Write(end_ + header.size(), payload_);
    if (!status.ok()) return status;
    end_ += header.size() + payload_.size();
    check_ = header_.check;
    Clear();
    return status;
  }

  rocksdb::RandomRWFile& file_;
  uint64_t end_;
  uint64_t check_;
  BlockHeader header_;
  std::string payload_;
};

absl::Status DictionaryFile::Append(int64_t watermark, uint64_t anchor, const Dictionaries& dictionaries,
                                    const DictionarySizes& sizes, const std::vector<uint32_t>& partitions) {
  std::unique_ptr<rocksdb::RandomRWFile> file;
  RETURN_IF_ERROR(MapRocksDbError(env_->NewRandomRWFile(Path(), &file, rocksdb::EnvOptions()), directory_));
  BlockWriter writer(*file, end_, check_);
  for (int i = 0; i < kDictionaryCount; ++i) {
    for (uint32_t code = SizeAt(sizes_, i); code < SizeAt(sizes, i); ++code) {
      RETURN_IF_ERROR(MapRocksDbError(writer.Add(i, DictionaryAt(dictionaries, i).Kept(code)), directory_));
    }
  }
  rocksdb::Status status = writer.Complete(watermark, anchor, partitions);
  if (status.ok()) status = file->Fsync();
  if (status.ok()) status = file->Close();
  RETURN_IF_ERROR(MapRocksDbError(status, directory_));
  watermark_ = watermark;
  sizes_ = sizes;
  end_ = writer.end();
  check_ = writer.check();
  return absl::OkStatus();
}

absl::Status DictionaryFile::Rewrite(int64_t watermark, uint64_t anchor, const Dictionaries& dictionaries,
                                     const DictionarySizes& sizes, const std::vector<uint32_t>& partitions,
                                     const Rest& at_rest) {
  const std::string temporary = Path() + kTemporaryEnding;
  const DictionarySizes none = DictionarySizes::Of(Dictionaries());
  std::unique_ptr<rocksdb::RandomRWFile> file;
  RETURN_IF_ERROR(WriteHeader(temporary));
  RETURN_IF_ERROR(MapRocksDbError(env_->NewRandomRWFile(temporary, &file, rocksdb::EnvOptions()), directory_));
  BlockWriter writer(*file, sizeof(FileHeader), MakeHeader(workspace_, lineage_).check);
  rocksdb::Status status;
  // A seal of its own, by which their segments are the last word.
  if (!at_rest.partitions.empty()) status = writer.Complete(at_rest.since, at_rest.anchor, at_rest.partitions);
  for (int i = 0; i < kDictionaryCount; ++i) {
    for (uint32_t code = SizeAt(none, i); status.ok() && code < SizeAt(sizes, i); ++code) {
      status = writer.Add(i, DictionaryAt(dictionaries, i).Kept(code));
    }
  }
  if (status.ok()) status = writer.Complete(watermark, anchor, partitions);
  if (status.ok()) status = file->Fsync();
  if (status.ok()) status = file->Close();
  RETURN_IF_ERROR(MapRocksDbError(status, directory_));
  file.reset();
  RETURN_IF_ERROR(MoveIntoPlace(temporary));
  watermark_ = watermark;
  sizes_ = sizes;
  end_ = writer.end();
  check_ = writer.check();
  return absl::OkStatus();
}

void DictionaryFile::Discard() {
  env_->DeleteFile(Path()).PermitUncheckedError();
  exists_ = false;
  watermark_ = 0;
}

}  // namespace throughline
