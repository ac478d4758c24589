#include "services/events/native/identity_run.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rocksdb/env.h"
#include "services/base/status_macros.h"
#include "services/events/native/stable_hash.h"
#include "throughline/errors.h"

namespace throughline {

// The files are mapped and read as they stand.
static_assert(std::endian::native == std::endian::little);

namespace identity_run {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'L', 'I', 'D', 'R', 'U', 'N', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kLinesPerPage = kPageBytes / sizeof(FilterLine);
constexpr size_t kFilterLineBits = 7 * 64;

// (a × b) / 2^64
uint64_t MultiplyHigh(uint64_t a, uint64_t b) { return absl::Uint128High64(absl::uint128(a) * b); }

uint64_t HeaderCheck(const Header& header) { return StableHash(&header, offsetof(Header, check), 0); }

}  // namespace

Header MakeHeader(const IdentityRunRange& range) {
  Header header = {};
  header.magic = kMagic;
  header.version = kVersion;
  header.workspace = range.workspace;
  header.hash_seed = range.hash_seed;
  header.first_sequence = range.first_sequence;
  header.last_sequence = range.last_sequence;
  const auto count = static_cast<uint64_t>(range.size());
  const uint64_t lines = (count * kFilterBitsPerEntry + kFilterLineBits - 1) / kFilterLineBits;
  header.filter_lines = (lines + kLinesPerPage - 1) / kLinesPerPage * kLinesPerPage;
  header.blocks = (count + kBlockEntries - 1) / kBlockEntries;
  header.check = HeaderCheck(header);
  return header;
}

uint64_t FilterLine::CheckFor(uint64_t header_check, uint64_t line) const {
  return StableHash(this, offsetof(FilterLine, check), header_check - 1 - line);
}

uint64_t Block::CheckFor(uint64_t header_check, uint64_t block) const {
  return StableHash(this, offsetof(Block, check), header_check + block);
}

// One bit in each word: the upper bits of the hash have chosen the line, so that they are mixed with the lower ones.
std::array<uint64_t, 7> FilterBits(uint64_t hash) {
  std::array<uint64_t, 7> bits;
  uint64_t mixed = hash * 0x9E3779B97F4A7C15u;
  for (uint64_t& bit : bits) {
    bit = uint64_t{1} << (mixed >> 58);
    mixed <<= 6;
  }
  return bits;
}

uint64_t FilterLineOf(uint64_t hash, uint64_t lines) { return MultiplyHigh(hash, lines); }

std::string FileName(int64_t first_sequence, int64_t last_sequence) {
  return absl::StrFormat("%010d-%010d%s", first_sequence, last_sequence, kFileEnding);
}

}  // namespace identity_run

using identity_run::Block;
using identity_run::FilterLine;
using identity_run::Header;
using identity_run::kBlockEntries;
using identity_run::kPageBytes;

namespace {

// Beyond it the hashes are not spread as hashes are, and halving is safer.
constexpr int kInterpolations = 4;
// What a reader reads at a time: 1 MB.
constexpr size_t kReadBlocks = 256;

size_t MappedBytes(uint64_t filter_lines) { return kPageBytes + filter_lines * sizeof(FilterLine); }

absl::Status DamagedRun(const std::string& path, absl::string_view problem) {
  return StoreDamaged("the index of identities", path, problem);
}

// What is wrong with it; empty if nothing is.
absl::string_view HeaderProblem(const Header& header, size_t file_bytes, uint32_t workspace, uint64_t hash_seed) {
  if (header.magic != identity_run::kMagic) return "it is not a run of identities";
  if (header.version != identity_run::kVersion) return "it is of another version";
  if (header.check != identity_run::HeaderCheck(header)) return "its header is damaged";
  if (header.workspace != workspace || header.hash_seed != hash_seed) return "it belongs to another store";
  const IdentityRunRange range{workspace, hash_seed, header.first_sequence, header.last_sequence};
  constexpr int64_t kSequenceMax = (int64_t{1} << 32) - 1;
  if (range.first_sequence < 1 || range.last_sequence > kSequenceMax || range.size() < 1) return "its range is none";
  const Header expected = identity_run::MakeHeader(range);
  if (header.filter_lines != expected.filter_lines || header.blocks != expected.blocks) return "its sizes are wrong";
  if (file_bytes != MappedBytes(header.filter_lines) + header.blocks * sizeof(Block)) {
    return "it is cut off, or something was appended";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::shared_ptr<const IdentityRun>> IdentityRun::Open(rocksdb::Env* env, const std::string& path,
                                                                     uint32_t workspace, uint64_t hash_seed) {
  // Read first: what a mapping cannot read ends the process.
  std::unique_ptr<rocksdb::RandomAccessFile> file;
  auto header = std::make_unique<Header>();
  uint64_t bytes = 0;
  rocksdb::Slice read;
  rocksdb::Status status = env->GetFileSize(path, &bytes);
  if (status.ok()) status = env->NewRandomAccessFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Read(0, sizeof(Header), &read, reinterpret_cast<char*>(header.get()));
  if (!status.ok()) return DamagedRun(path, "its header cannot be read");
  if (read.size() != sizeof(Header)) return DamagedRun(path, "it is cut off");
  if (read.data() != reinterpret_cast<const char*>(header.get())) std::memcpy(header.get(), read.data(), read.size());
  if (const absl::string_view problem = HeaderProblem(*header, bytes, workspace, hash_seed); !problem.empty()) {
    return DamagedRun(path, problem);
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return BackendUnavailable("the event store");
  const size_t mapped_bytes = MappedBytes(header->filter_lines);
  void* const mapping = ::mmap(nullptr, mapped_bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (mapping == MAP_FAILED) return BackendUnavailable("the event store");
  ::madvise(mapping, mapped_bytes, MADV_WILLNEED);  // does not wait for the disk
  return std::shared_ptr<const IdentityRun>(
      new IdentityRun(path, std::move(file), static_cast<const Header*>(mapping)));
}

IdentityRun::IdentityRun(std::string path, std::unique_ptr<rocksdb::RandomAccessFile> file, const Header* mapped)
    : path_(std::move(path)),
      range_{mapped->workspace, mapped->hash_seed, mapped->first_sequence, mapped->last_sequence},
      header_check_(mapped->check),
      filter_lines_(mapped->filter_lines),
      blocks_(mapped->blocks),
      file_(std::move(file)),
      header_(mapped),
      filter_(reinterpret_cast<const FilterLine*>(mapped + 1)) {}

IdentityRun::~IdentityRun() { ::munmap(const_cast<Header*>(header_), MappedBytes(filter_lines_)); }

absl::Status IdentityRun::Damaged() const {
  SetDamaged();
  return DamagedRun(path_, "its entries are damaged");
}

bool IdentityRun::ReadBlocks(uint64_t first, size_t count, Block* to) const {
  const size_t bytes = count * sizeof(Block);
  rocksdb::Slice read;
  char* const buffer = reinterpret_cast<char*>(to);
  if (!file_->Read(MappedBytes(filter_lines_) + first * sizeof(Block), bytes, &read, buffer).ok()) return false;
  if (read.size() != bytes) return false;
  if (read.data() != buffer) std::memcpy(buffer, read.data(), bytes);
  for (size_t i = 0; i < count; ++i) {
    const Block& block = to[i];
    if (block.check != block.CheckFor(header_check_, first + i)) return false;
    if (block.used == 0 || block.used > kBlockEntries) return false;
  }
  return true;
}

absl::StatusOr<int64_t> IdentityRun::Find(uint64_t hash) const {
  const uint64_t line_number = identity_run::FilterLineOf(hash, filter_lines_);
  const FilterLine& line = filter_[line_number];
  if (line.check == line.CheckFor(header_check_, line_number)) {
    const std::array<uint64_t, 7> bits = identity_run::FilterBits(hash);
    uint64_t missing = 0;
    for (size_t i = 0; i < bits.size(); ++i) missing |= bits[i] & ~line.words[i];
    if (missing != 0) return 0;
  } else {
    SetDamaged();
  }

  const auto count = static_cast<double>(range_.size());
  uint64_t low = 0, end = blocks_;
  double place = std::ldexp(static_cast<double>(hash), -64) * count;
  Block block;
  for (int probe = 0; low < end; ++probe) {
    const uint64_t guess = place <= 0 ? 0 : static_cast<uint64_t>(place / kBlockEntries);
    const uint64_t number = probe < kInterpolations ? std::clamp(guess, low, end - 1) : low + (end - low) / 2;
    if (!ReadBlocks(number, 1, &block)) return Damaged();
    const uint64_t* const begin = block.hashes.data();
    const uint64_t first = begin[0], last = begin[block.used - 1];
    if (hash < first) {
      end = number;
      place = static_cast<double>(number * kBlockEntries) - std::ldexp(static_cast<double>(first - hash), -64) * count;
    } else if (hash > last) {
      low = number + 1;
      place = static_cast<double>(low * kBlockEntries) + std::ldexp(static_cast<double>(hash - last), -64) * count;
    } else {
      const uint64_t* const found = std::lower_bound(begin, begin + block.used, hash);
      return *found == hash ? block.sequences[found - begin] : 0;
    }
  }
  return 0;
}

absl::Status IdentityRun::Verify() const {
  if (header_->check != header_check_ || header_check_ != identity_run::HeaderCheck(*header_)) return Damaged();
  for (uint64_t line = 0; line < filter_lines_; ++line) {
    if (filter_[line].check != filter_[line].CheckFor(header_check_, line)) return Damaged();
  }
  Block block;
  for (uint64_t number = 0; number < blocks_; ++number) {
    if (!ReadBlocks(number, 1, &block)) return Damaged();
  }
  return absl::OkStatus();
}

absl::StatusOr<IdentityRunReader> IdentityRunReader::Open(std::shared_ptr<const IdentityRun> run) {
  IdentityRunReader reader(std::move(run));
  RETURN_IF_ERROR(reader.Next());
  return reader;
}

absl::Status IdentityRunReader::Next() {
  if (block_ < blocks_.size() && place_ == blocks_[block_].used) {
    ++block_;
    place_ = 0;
  }
  if (block_ == blocks_.size()) {
    if (next_block_ == run_->blocks_) {
      at_end_ = true;
      return absl::OkStatus();
    }
    blocks_.resize(std::min<uint64_t>(kReadBlocks, run_->blocks_ - next_block_));
    if (!run_->ReadBlocks(next_block_, blocks_.size(), blocks_.data())) return run_->Damaged();
    next_block_ += blocks_.size();
    block_ = 0;
  }
  entry_ = {blocks_[block_].hashes[place_], blocks_[block_].sequences[place_]};
  ++place_;
  return absl::OkStatus();
}

}  // namespace throughline
