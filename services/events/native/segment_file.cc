#include "services/events/native/segment_file.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "rocksdb/env.h"
#include "services/base/status_macros.h"
#include "services/events/native/mapped_file.h"
#include "services/events/native/rocksdb_error.h"
#include "services/events/native/stable_hash.h"
#include "throughline/aggregates.h"
#include "throughline/errors.h"

namespace throughline {

// The files are mapped and read as they stand.
static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::array<char, 8> kMagic = {'T', 'L', 'C', 'O', 'L', 'S', 'G', '\n'};
constexpr uint32_t kVersion = 2;
constexpr size_t kAlignment = 64;
constexpr size_t kFlushBytes = 1 << 20;

// The columns of a file, in this order. All are there, some of them empty.
enum Kind {
  kOffsets,
  kTimes,
  kSourceSequences,
  kRows,
  kFirstCode,
  kScores = kFirstCode + kCodeColumnCount,
  kOddScorePlaces,
  kOddScoreValues,
  kAmountPlaces,
  kAmountValues,
  kNameCodes,
  kNameCounts,
  kKindCount,
};

struct ColumnHeader {
  uint32_t kind;
  uint32_t width;  // bytes of a value; 0: all are `constant`
  int64_t constant;
  uint64_t offset;  // in the file
  uint64_t size;    // in bytes, without what fills it up
  uint64_t check;
};

struct Header {
  std::array<char, 8> magic;
  uint32_t version;
  uint32_t workspace;
  uint64_t lineage;
  uint32_t partition;
  uint32_t first_customer;
  uint32_t customers;
  uint32_t events;
  int64_t covered;
  int64_t first_micros;
  int64_t last_micros;
  int64_t base_seconds;
  uint32_t row_max;
  uint32_t in_seconds;
  uint32_t columns;
  uint32_t unused;
  std::array<ColumnHeader, kKindCount> column;
  std::array<char, 1024 - 88 - kKindCount * sizeof(ColumnHeader) - 8> zeros;
  uint64_t check;
};
static_assert(sizeof(Header) == 1024);

uint64_t HeaderCheck(const Header& header) { return StableHash(&header, offsetof(Header, check), kVersion); }

// Of a column: a place in the file that another segment's bytes would not fit.
uint64_t ColumnSeed(const SegmentIdentity& identity, uint32_t kind) {
  const uint64_t about[] = {identity.lineage, identity.workspace, identity.partition,
                            static_cast<uint64_t>(identity.covered), kind};
  return StableHash(about, sizeof(about), kVersion);
}

uint64_t Filled(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

std::string PathOf(const std::string& directory, const SegmentIdentity& identity) {
  return absl::StrCat(directory, "/", segment_file::FileName(identity.partition, identity.covered));
}

absl::Status DamagedSegment(const std::string& path, absl::string_view problem) {
  return StoreDamaged("the columns of events", path, problem);
}

// --- Writing ---

struct Bytes {
  const void* data = nullptr;
  size_t size = 0;
  uint32_t width = 0;
  int64_t constant = 0;
};

template <typename T>
Bytes BytesOf(const T* data, size_t count) {
  return {data, count * sizeof(T), sizeof(T), 0};
}
template <typename T>
Bytes BytesOf(const ColumnArray<T>& array) {
  return BytesOf(array.data(), array.size());
}
Bytes BytesOf(const PackedColumn& column) {
  return {column.bytes().data(), column.bytes().size(), static_cast<uint32_t>(column.width()), column.constant()};
}

struct Counts {
  std::vector<uint32_t> codes;
  std::vector<uint32_t> counts;
};

Counts CountNames(const Partition& partition) {
  std::vector<uint32_t> by_code;
  partition.codes(kNameColumn).Visit([&](auto names) {
    for (uint32_t i = 0; i < partition.size(); ++i) {
      const auto code = static_cast<size_t>(names[i]);
      if (code >= by_code.size()) by_code.resize(code + 1);
      ++by_code[code];
    }
  });
  Counts out;
  for (uint32_t code = 0; code < by_code.size(); ++code) {
    if (by_code[code] == 0) continue;
    out.codes.push_back(code);
    out.counts.push_back(by_code[code]);
  }
  return out;
}

std::array<Bytes, kKindCount> ColumnsOf(const PartitionColumns& columns, const Counts& names) {
  std::array<Bytes, kKindCount> out;
  out[kOffsets] = BytesOf(columns.offsets);
  out[kTimes] = columns.times.in_seconds ? BytesOf(columns.times.seconds) : BytesOf(columns.times.micros);
  out[kSourceSequences] = BytesOf(columns.source_sequences);
  out[kRows] = BytesOf(columns.rows);
  for (int i = 0; i < kCodeColumnCount; ++i) out[kFirstCode + i] = BytesOf(columns.codes[i]);
  out[kScores] = BytesOf(columns.scores);
  out[kOddScorePlaces] = BytesOf(columns.odd_scores.places);
  out[kOddScoreValues] = BytesOf(columns.odd_scores.values);
  out[kAmountPlaces] = BytesOf(columns.amounts.places);
  out[kAmountValues] = BytesOf(columns.amounts.values);
  out[kNameCodes] = BytesOf(names.codes.data(), names.codes.size());
  out[kNameCounts] = BytesOf(names.counts.data(), names.counts.size());
  return out;
}

uint64_t CheckFilled(const Bytes& bytes, uint64_t seed) {
  static constexpr std::array<char, kAlignment> kZeros = {};
  XXH3_state_t state;
  XXH3_64bits_reset_withSeed(&state, seed);
  if (bytes.size > 0) XXH3_64bits_update(&state, bytes.data, bytes.size);
  XXH3_64bits_update(&state, kZeros.data(), Filled(bytes.size) - bytes.size);
  return XXH3_64bits_digest(&state);
}

Header MakeHeader(const SegmentIdentity& identity, const Partition& partition,
                  const std::array<Bytes, kKindCount>& columns) {
  Header header;
  std::memset(&header, 0, sizeof(header));
  header.magic = kMagic;
  header.version = kVersion;
  header.workspace = identity.workspace;
  header.lineage = identity.lineage;
  header.partition = identity.partition;
  header.first_customer = partition.first_customer();
  header.customers = partition.customer_count();
  header.events = partition.size();
  header.covered = identity.covered;
  header.first_micros = partition.times().first_micros;
  header.last_micros = partition.times().last_micros;
  header.base_seconds = partition.times().base_seconds;
  header.row_max = partition.row_max();
  header.in_seconds = partition.times().in_seconds;
  header.columns = kKindCount;
  uint64_t offset = sizeof(Header);
  for (uint32_t kind = 0; kind < kKindCount; ++kind) {
    const Bytes& bytes = columns[kind];
    header.column[kind] = {kind,   bytes.width, bytes.constant,
                           offset, bytes.size,  CheckFilled(bytes, ColumnSeed(identity, kind))};
    offset += Filled(bytes.size);
  }
  header.check = HeaderCheck(header);
  return header;
}

// In large pieces. The file has its temporary name.
rocksdb::Status WriteFile(rocksdb::RandomRWFile& file, const Header& header,
                          const std::array<Bytes, kKindCount>& columns) {
  std::string buffer(reinterpret_cast<const char*>(&header), sizeof(header));
  uint64_t offset = 0;
  const auto flush = [&] {
    rocksdb::Status status = file.Write(offset, buffer);
    offset += buffer.size();
    buffer.clear();
    return status;
  };
  for (const Bytes& column : columns) {
    const char* const data = static_cast<const char*>(column.data);
    for (size_t from = 0; from < column.size;) {
      const size_t size = std::min(column.size - from, kFlushBytes - buffer.size());
      buffer.append(data + from, size);
      from += size;
      if (buffer.size() < kFlushBytes) continue;
      if (rocksdb::Status status = flush(); !status.ok()) return status;
    }
    buffer.append(Filled(column.size) - column.size, '\0');
    if (buffer.size() < kFlushBytes) continue;
    if (rocksdb::Status status = flush(); !status.ok()) return status;
  }
  return buffer.empty() ? rocksdb::Status::OK() : flush();
}

// --- Reading ---

// What is wrong with it; empty if nothing is.
absl::string_view HeaderProblem(const Header& header, uint64_t file_bytes, const SegmentIdentity& identity) {
  if (header.magic != kMagic) return "it is no segment of columns";
  if (header.version != kVersion) return "it is of another version";
  if (header.check != HeaderCheck(header)) return "its header is damaged";
  if (header.workspace != identity.workspace || header.lineage != identity.lineage) return "it is another store's";
  if (header.partition != identity.partition || header.covered != identity.covered) return "its name is another's";
  if (header.first_customer != uint64_t{header.partition} * kPartitionCustomers) return "its first customer is wrong";
  if (header.customers < 1 || header.customers > kPartitionCustomers) return "its customers are too many or none";
  // None: its customers were erased.
  if (header.events > header.covered) return "its events are too many";
  if (header.row_max >= header.covered || header.columns != kKindCount) return "its counts are wrong";
  if (header.in_seconds > 1 || header.first_micros > header.last_micros) return "its times are wrong";
  uint64_t offset = sizeof(Header);
  for (uint32_t kind = 0; kind < kKindCount; ++kind) {
    const ColumnHeader& column = header.column[kind];
    if (column.kind != kind || column.offset != offset || column.size > file_bytes) return "its columns are wrong";
    offset += Filled(column.size);
  }
  return offset == file_bytes ? "" : "it is cut off, or something was appended";
}

// Whether the columns have the sizes that the counts say.
bool SizesFit(const Header& header) {
  const uint64_t events = header.events;
  const auto is = [&](int kind, uint64_t count, uint32_t width) {
    return header.column[kind].width == width && header.column[kind].size == count * width;
  };
  const auto agree = [&](int a, uint32_t width_a, int b, uint32_t width_b) {
    const uint64_t count = header.column[a].size / width_a;
    return count <= events && is(a, count, width_a) && is(b, count, width_b);
  };
  if (!is(kOffsets, header.customers + 1, sizeof(uint32_t))) return false;
  if (!is(kTimes, events, header.in_seconds ? sizeof(uint32_t) : sizeof(int64_t))) return false;
  for (int kind = kSourceSequences; kind < kScores; ++kind) {
    const uint32_t width = header.column[kind].width;
    if (width != 0 && width != 1 && width != 2 && width != 4 && width != 8) return false;
    if (header.column[kind].size != events * width) return false;
  }
  if (header.column[kScores].size != 0 && !is(kScores, events, 1)) return false;
  return header.column[kScores].width == 1 && agree(kOddScorePlaces, 4, kOddScoreValues, 8) &&
         agree(kAmountPlaces, 4, kAmountValues, 8) && agree(kNameCodes, 4, kNameCounts, 4);
}

// The columns of a file whose bytes begin at `file`.
class Reader {
 public:
  Reader(const Header& header, const char* file, std::shared_ptr<const void> keeper)
      : header_(header), file_(file), keeper_(std::move(keeper)) {}

  template <typename T>
  ColumnArray<T> Array(int kind) const {
    const ColumnHeader& column = header_.column[kind];
    if (column.size == 0) return {};
    return {keeper_, reinterpret_cast<const T*>(file_ + column.offset), column.size / sizeof(T)};
  }
  PackedColumn Packed(int kind) const {
    const ColumnHeader& column = header_.column[kind];
    return {header_.events, static_cast<int>(column.width), column.constant, Array<uint8_t>(kind)};
  }
  PartitionColumns Columns() const {
    PartitionColumns out;
    out.first_customer = header_.first_customer;
    out.row_max = header_.row_max;
    out.offsets = Array<uint32_t>(kOffsets);
    out.times.in_seconds = header_.in_seconds != 0;
    out.times.first_micros = header_.first_micros;
    out.times.last_micros = header_.last_micros;
    out.times.base_seconds = header_.base_seconds;
    if (out.times.in_seconds) {
      out.times.seconds = Array<uint32_t>(kTimes);
    } else {
      out.times.micros = Array<int64_t>(kTimes);
    }
    out.source_sequences = Packed(kSourceSequences);
    out.rows = Packed(kRows);
    for (int i = 0; i < kCodeColumnCount; ++i) out.codes[i] = Packed(kFirstCode + i);
    out.scores = Array<uint8_t>(kScores);
    out.odd_scores = {Array<uint32_t>(kOddScorePlaces), Array<double>(kOddScoreValues)};
    out.amounts = {Array<uint32_t>(kAmountPlaces), Array<int64_t>(kAmountValues)};
    return out;
  }

 private:
  const Header& header_;
  const char* const file_;
  const std::shared_ptr<const void> keeper_;
};

// All values in [0, end).
bool AllBelow(const PackedColumn& column, uint64_t end) {
  return column.Visit([&](auto values) {
    if constexpr (std::is_same_v<decltype(values), PackedColumn::Constant>) {
      return values.value >= 0 && static_cast<uint64_t>(values.value) < end;
    } else {
      using Value = std::make_unsigned_t<std::remove_cv_t<std::remove_reference_t<decltype(values[0])>>>;
      Value most = 0;
      for (size_t i = 0; i < column.size(); ++i) most = std::max(most, static_cast<Value>(values[i]));
      return most < end;
    }
  });
}

bool AscendBelow(const ColumnArray<uint32_t>& values, uint64_t end) {
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] <= values[i - 1]) return false;
  }
  return values.empty() || values.back() < end;
}

bool ScoresFit(const PartitionColumns& columns) {
  size_t odd = 0;
  bool known = true;
  for (const uint8_t code : columns.scores) {
    odd += code == kOddScore;
    known = known && (code <= ScoreHistogram::kScoreMax || code >= kOddScore);
  }
  if (!known || odd != columns.odd_scores.places.size()) return false;
  return std::all_of(columns.odd_scores.places.begin(), columns.odd_scores.places.end(),
                     [&](uint32_t place) { return columns.scores[place] == kOddScore; });
}

// What is wrong with the numbers; empty if nothing is.
absl::string_view ContentProblem(const PartitionColumns& columns, const Header& header,
                                 const std::array<uint32_t, kCodeColumnCount>& code_counts, const NameCounts& names) {
  const uint32_t events = header.events;
  if (columns.offsets[0] != 0 || columns.offsets.back() != events ||
      !std::is_sorted(columns.offsets.begin(), columns.offsets.end())) {
    return "its customers are wrong";
  }
  if (!AllBelow(columns.rows, uint64_t{header.row_max} + 1)) return "its places in the log are wrong";
  for (int i = 0; i < kCodeColumnCount; ++i) {
    if (!AllBelow(columns.codes[i], code_counts[i])) return "its codes are not those of the dictionaries";
  }
  if (!AscendBelow(columns.odd_scores.places, events) || !ScoresFit(columns)) return "its scores are wrong";
  if (!AscendBelow(columns.amounts.places, events)) return "its amounts are wrong";
  uint64_t named = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].first >= code_counts[kNameColumn] || (i > 0 && names[i].first <= names[i - 1].first)) {
      return "its counts of names are wrong";
    }
    named += names[i].second;
  }
  return named == events ? "" : "its counts of names are wrong";
}

}  // namespace

namespace segment_file {

std::string FileName(uint32_t partition, int64_t covered) {
  return absl::StrFormat("%07d-%010d%s", partition, covered, kFileEnding);
}

bool ParseFileName(absl::string_view name, uint32_t& partition, int64_t& covered) {
  absl::string_view rest = name;
  if (!absl::ConsumeSuffix(&rest, kFileEnding)) return false;
  const size_t dash = rest.find('-');
  return dash != rest.npos && absl::SimpleAtoi(rest.substr(0, dash), &partition) &&
         absl::SimpleAtoi(rest.substr(dash + 1), &covered) && name == FileName(partition, covered);
}

}  // namespace segment_file

absl::Status WriteSegment(rocksdb::Env* env, const std::string& directory, const SegmentIdentity& identity,
                          const Partition& partition) {
  const std::string path = PathOf(directory, identity);
  const std::string temporary = path + segment_file::kTemporaryEnding;
  const Counts names = CountNames(partition);
  const std::array<Bytes, kKindCount> columns = ColumnsOf(partition.columns(), names);
  const Header header = MakeHeader(identity, partition, columns);
  // RocksDB opens files for writing in any order only where they exist.
  std::unique_ptr<rocksdb::WritableFile> created;
  std::unique_ptr<rocksdb::RandomRWFile> file;
  rocksdb::Status status = env->NewWritableFile(temporary, &created, rocksdb::EnvOptions());
  if (status.ok()) status = created->Close();
  if (status.ok()) status = env->NewRandomRWFile(temporary, &file, rocksdb::EnvOptions());
  if (status.ok()) status = WriteFile(*file, header, columns);
  if (status.ok()) status = file->Fsync();
  if (status.ok()) status = file->Close();
  if (status.ok()) status = env->RenameFile(temporary, path);
  if (!status.ok()) {
    file.reset();
    env->DeleteFile(temporary).PermitUncheckedError();
  }
  return MapRocksDbError(status, directory);
}

absl::StatusOr<Segment> OpenSegment(rocksdb::Env* env, const std::string& directory, const SegmentIdentity& identity,
                                    const std::array<uint32_t, kCodeColumnCount>& code_counts,
                                    uint32_t customer_count) {
  const std::string path = PathOf(directory, identity);
  uint64_t bytes = 0;
  if (!env->GetFileSize(path, &bytes).ok()) return DamagedSegment(path, "it cannot be read");
  // No event takes so much.
  constexpr uint64_t kBytesMax = uint64_t{256} << 30;
  if (bytes < sizeof(Header) || bytes > kBytesMax) return DamagedSegment(path, "it is cut off");
  // Columns are aligned in the file; so is what they are read into.
  const size_t words = (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
  const std::unique_ptr<uint64_t[]> buffer(new uint64_t[words]);
  char* const file = reinterpret_cast<char*>(buffer.get());
  // Through the file, not the mapping: what a mapping cannot read ends the process.
  std::unique_ptr<rocksdb::RandomAccessFile> source;
  if (!env->NewRandomAccessFile(path, &source, rocksdb::EnvOptions()).ok() || !ReadBytes(*source, 0, bytes, file)) {
    return DamagedSegment(path, "it cannot be read");
  }
  Header header;
  std::memcpy(&header, file, sizeof(header));
  if (const absl::string_view problem = HeaderProblem(header, bytes, identity); !problem.empty()) {
    return DamagedSegment(path, problem);
  }
  for (const ColumnHeader& column : header.column) {
    if (column.check != StableHash(file + column.offset, Filled(column.size), ColumnSeed(identity, column.kind))) {
      return DamagedSegment(path, "its columns are damaged");
    }
  }
  if (!SizesFit(header)) return DamagedSegment(path, "its columns are wrong");
  if (uint64_t{header.first_customer} + header.customers > customer_count) {
    return DamagedSegment(path, "its customers are not those of the dictionaries");
  }
  Segment out;
  out.file_bytes = bytes;
  const Reader checked(header, file, nullptr);
  const auto codes = checked.Array<uint32_t>(kNameCodes), counts = checked.Array<uint32_t>(kNameCounts);
  for (size_t i = 0; i < codes.size(); ++i) out.name_counts.emplace_back(codes[i], counts[i]);
  if (const absl::string_view problem = ContentProblem(checked.Columns(), header, code_counts, out.name_counts);
      !problem.empty()) {
    return DamagedSegment(path, problem);
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> mapped, MappedFile::Open(path));
  if (mapped->size() != bytes) return DamagedSegment(path, "it was changed while it was read");
  const char* const data = mapped->data();
  out.partition = std::make_shared<const Partition>(Reader(header, data, std::move(mapped)).Columns());
  return out;
}

}  // namespace throughline
