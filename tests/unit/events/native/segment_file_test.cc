// Segments of columns: what was written is read, and no byte that is another is taken for it.
#include "services/events/native/segment_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <random>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/events/native/stable_hash.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

constexpr std::array<uint32_t, kCodeColumnCount> kCodes = {7, 3, 4, 4, 2, 300, 5};
constexpr uint32_t kFirst = 2 * kPartitionCustomers;
constexpr int64_t kCovered = 5000;
constexpr SegmentIdentity kIdentity = {9, 0x1234567890abcdef, 2, kCovered};
// As the file has it.
constexpr size_t kHeaderBytes = 1024, kColumnsAt = 88, kColumnBytes = 40, kColumnCount = 11 + kCodeColumnCount;
constexpr uint64_t kVersion = 2;

std::vector<int64_t> ValuesOf(const PackedColumn& column) {
  std::vector<int64_t> out;
  for (size_t i = 0; i < column.size(); ++i) out.push_back(column[i]);
  return out;
}

template <typename T>
std::vector<T> ListOf(const ColumnArray<T>& array) {
  return array;
}

// What kernels may do with a partition: reads every value of every column.
uint64_t ReadEverything(const Partition& partition) {
  uint64_t sum = 0;
  const PartitionColumns& columns = partition.columns();
  std::vector<int> names(kCodes[kNameColumn]);
  for (uint32_t i = 0; i < partition.customer_count(); ++i) {
    for (uint32_t k = partition.offset(i); k < partition.offset(i + 1); ++k) {
      sum += static_cast<uint64_t>(partition.times()[k]) + static_cast<uint64_t>(columns.source_sequences[k]) +
             static_cast<uint64_t>(partition.rows()[k]);
      ++names.at(static_cast<size_t>(partition.codes(kNameColumn)[k]));
      for (int c = 0; c < kCodeColumnCount; ++c) EXPECT_LT(columns.codes[c][k], kCodes[c]);
      EXPECT_LT(partition.rows()[k], kCovered);
      if (partition.scores() != nullptr && partition.scores()[k] == kOddScore) {
        sum += *partition.odd_scores().Find(k) > 0;
      }
      if (const int64_t* amount = partition.amounts().Find(k); amount != nullptr) sum += static_cast<uint64_t>(*amount);
    }
  }
  return sum;
}

class SegmentFileTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const Partition> RandomPartition(uint64_t seed, uint32_t customers, size_t events,
                                                          bool in_seconds) {
    std::mt19937_64 random(seed);
    Tail tail;
    for (size_t i = 0; i < events; ++i) {
      TailRow row;
      row.customer = kFirst + static_cast<uint32_t>(i < customers ? i : random() % customers);
      row.row = static_cast<uint32_t>(i * 3);
      row.time_micros = static_cast<int64_t>(random() % 4'000'000) * 1'000'000 - 1'000'000'000'000;
      if (!in_seconds) row.time_micros += static_cast<int64_t>(random() % 1000);
      row.source_sequence = static_cast<int64_t>(random() % 5) - 2;
      for (int c = 0; c < kCodeColumnCount; ++c) row.codes[c] = static_cast<uint32_t>(random() % kCodes[c]);
      row.codes[kChannelColumn] = 1;
      row.id_offset = static_cast<uint32_t>(tail.ids.size());
      absl::StrAppend(&tail.ids, "e", i);
      row.id_size = static_cast<uint16_t>(tail.ids.size() - row.id_offset);
      row.value_kind = static_cast<ValueKind>(random() % 3);
      if (row.value_kind == ValueKind::kScore) row.score = static_cast<double>(random() % 40) / 2;
      if (row.value_kind == ValueKind::kAmount) row.amount_minor = static_cast<int64_t>(random() % 1000) - 500;
      tail.rows.push_back(row);
    }
    StringDictionary sources;
    for (uint32_t i = 0; i < kCodes[kSourceColumn]; ++i) sources.Encode(absl::StrCat("source", i));
    return *Partition::Merge(kFirst, customers, nullptr, tail, sources, nullptr);
  }
  std::string Write(const Partition& partition) {
    EXPECT_THAT(WriteSegment(env_, directory_.path(), kIdentity, partition), IsOk());
    return directory_ / segment_file::FileName(kIdentity.partition, kIdentity.covered);
  }
  absl::StatusOr<Segment> Open(const SegmentIdentity& identity = kIdentity) {
    return OpenSegment(env_, directory_.path(), identity, kCodes, kFirst + kPartitionCustomers);
  }
  bool IsRefused() { return absl::IsDataLoss(Open().status()); }

  TempDir directory_;
  rocksdb::Env* const env_ = rocksdb::Env::Default();
};

TEST_F(SegmentFileTest, Open_HasWhatWasWritten) {
  for (const bool in_seconds : {true, false}) {
    const auto written = RandomPartition(in_seconds, 50, 1000, in_seconds);
    Write(*written);
    const auto segment = Open();
    ASSERT_THAT(segment, IsOk());
    const PartitionColumns& a = written->columns();
    const PartitionColumns& b = segment->partition->columns();
    EXPECT_EQ(b.first_customer, kFirst);
    EXPECT_EQ(b.row_max, a.row_max);
    EXPECT_EQ(b.times.in_seconds, in_seconds);
    EXPECT_EQ(b.times.first_micros, a.times.first_micros);
    EXPECT_EQ(b.times.last_micros, a.times.last_micros);
    EXPECT_EQ(ListOf(b.offsets), ListOf(a.offsets));
    EXPECT_EQ(ListOf(b.scores), ListOf(a.scores));
    EXPECT_EQ(ListOf(b.odd_scores.places), ListOf(a.odd_scores.places));
    EXPECT_EQ(ListOf(b.odd_scores.values), ListOf(a.odd_scores.values));
    EXPECT_EQ(ListOf(b.amounts.places), ListOf(a.amounts.places));
    EXPECT_EQ(ListOf(b.amounts.values), ListOf(a.amounts.values));
    EXPECT_EQ(ValuesOf(b.rows), ValuesOf(a.rows));
    EXPECT_EQ(ValuesOf(b.source_sequences), ValuesOf(a.source_sequences));
    std::vector<uint32_t> names(kCodes[kNameColumn]);
    for (int c = 0; c < kCodeColumnCount; ++c) EXPECT_EQ(ValuesOf(b.codes[c]), ValuesOf(a.codes[c]));
    EXPECT_EQ(b.codes[kChannelColumn].width(), 0);
    for (uint32_t k = 0; k < written->size(); ++k) {
      ASSERT_EQ(b.times[k], a.times[k]);
      ++names[static_cast<size_t>(a.codes[kNameColumn][k])];
    }
    for (const auto& [code, count] : segment->name_counts) EXPECT_EQ(count, names[code]);
    // Nothing but the object itself is on the heap.
    EXPECT_EQ(segment->partition->owned_bytes(), sizeof(Partition));
  }
}

TEST_F(SegmentFileTest, Open_EverySingleBitFlipAndTruncation_IsDataLoss) {
  const auto partition = RandomPartition(1, 3, 9, true);
  const std::string path = Write(*partition);
  const std::string bytes = ReadFile(path);
  ASSERT_LT(bytes.size(), 4000u);
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(file, 0);
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      const char flipped = static_cast<char>(bytes[i] ^ (1 << bit));
      ASSERT_EQ(::pwrite(file, &flipped, 1, static_cast<off_t>(i)), 1);
      ASSERT_TRUE(IsRefused()) << "byte " << i << ", bit " << bit;
    }
    ASSERT_EQ(::pwrite(file, &bytes[i], 1, static_cast<off_t>(i)), 1);
  }
  ASSERT_THAT(Open(), IsOk());
  for (size_t size = bytes.size(); size-- > 0;) {
    ASSERT_EQ(::ftruncate(file, static_cast<off_t>(size)), 0);
    ASSERT_TRUE(IsRefused()) << "cut off at " << size;
  }
  ::close(file);
  WriteFile(path, absl::StrCat(bytes, std::string(64, '\0')));
  EXPECT_TRUE(IsRefused());
}

TEST_F(SegmentFileTest, Open_AnotherSegmentUnderItsName_IsDataLoss) {
  const std::string bytes = ReadFile(Write(*RandomPartition(2, 3, 9, true)));
  for (const SegmentIdentity& other :
       {SegmentIdentity{8, kIdentity.lineage, 2, kCovered}, SegmentIdentity{9, 1, 2, kCovered},
        SegmentIdentity{9, kIdentity.lineage, 3, kCovered}, SegmentIdentity{9, kIdentity.lineage, 2, kCovered + 1}}) {
    WriteFile(directory_ / segment_file::FileName(other.partition, other.covered), bytes);
    EXPECT_TRUE(absl::IsDataLoss(Open(other).status()));
  }
}

TEST_F(SegmentFileTest, Open_CodesThatTheDictionariesDoNotHave_IsDataLoss) {
  Write(*RandomPartition(3, 3, 500, true));
  ASSERT_THAT(Open(), IsOk());
  for (int column = 0; column < kCodeColumnCount; ++column) {
    if (column == kChannelColumn) continue;
    std::array<uint32_t, kCodeColumnCount> fewer = kCodes;
    --fewer[column];
    EXPECT_TRUE(absl::IsDataLoss(
        OpenSegment(env_, directory_.path(), kIdentity, fewer, kFirst + kPartitionCustomers).status()));
  }
  EXPECT_TRUE(absl::IsDataLoss(OpenSegment(env_, directory_.path(), kIdentity, kCodes, kFirst + 2).status()));
}

// Puts right the checksums of a file that was changed.
void Sign(std::string& bytes) {
  for (size_t kind = 0; kind < kColumnCount; ++kind) {
    char* const column = bytes.data() + kColumnsAt + kind * kColumnBytes;
    uint64_t offset, size;
    std::memcpy(&offset, column + 16, sizeof(offset));
    std::memcpy(&size, column + 24, sizeof(size));
    const uint64_t filled = (size + 63) / 64 * 64;
    if (offset > bytes.size() || filled < size || filled > bytes.size() - offset) continue;
    const uint64_t about[] = {kIdentity.lineage, kIdentity.workspace, kIdentity.partition,
                              static_cast<uint64_t>(kIdentity.covered), kind};
    const uint64_t check = StableHash(bytes.data() + offset, filled, StableHash(about, sizeof(about), kVersion));
    std::memcpy(column + 32, &check, sizeof(check));
  }
  const uint64_t check = StableHash(bytes.data(), kHeaderBytes - 8, kVersion);
  std::memcpy(bytes.data() + kHeaderBytes - 8, &check, sizeof(check));
}

// Checksums that fit say nothing about who wrote them: whatever is taken can be read without leaving the columns.
TEST_F(SegmentFileTest, Open_MutationsWithRightChecksums_AreRefusedOrSafe) {
  std::mt19937_64 random(20260101);
  const std::string path = Write(*RandomPartition(4, 20, 200, true));
  const std::string bytes = ReadFile(path);
  std::string same = bytes;
  Sign(same);
  ASSERT_EQ(same, bytes) << "the layout is another";
  int refused = 0, taken = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  for (int round = 0; round < 20'000 && std::chrono::steady_clock::now() < end; ++round) {
    std::string mutated = bytes;
    for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change) {
      const size_t range = random() % 2 == 0 ? kHeaderBytes : mutated.size();
      const size_t at = random() % range;
      switch (random() % 4) {
        case 0:
          mutated[at] = static_cast<char>(random());
          break;
        case 1:
          mutated[at] ^= static_cast<char>(1 << (random() % 8));
          break;
        case 2: {
          const uint64_t value = random() % 3 == 0 ? ~uint64_t{0} >> (random() % 64) : random() % 600;
          std::memcpy(mutated.data() + at / 4 * 4, &value, at / 4 * 4 + 8 <= mutated.size() ? 4 << (random() % 2) : 4);
          break;
        }
        default:
          mutated.resize(std::max<size_t>(kHeaderBytes, random() % (2 * bytes.size())));
      }
    }
    Sign(mutated);
    WriteFile(path, mutated);
    const auto segment = Open();
    if (segment.ok()) {
      ++taken;
      ReadEverything(*segment->partition);
    } else {
      ++refused;
      ASSERT_TRUE(absl::IsDataLoss(segment.status())) << segment.status();
    }
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(taken, 10);
}

}  // namespace
}  // namespace throughline::testing
