// The file of identities: what was written is found, and no byte that is another makes a wrong answer.
#include "services/events/native/identity_run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/events/native/identity_run_writer.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

using RunPointer = std::shared_ptr<const IdentityRun>;
using Code = absl::StatusCode;

constexpr uint32_t kWorkspace = 7;
constexpr uint64_t kSeed = 0x5EED;

std::vector<IdentityEntry> RandomEntries(uint64_t seed, size_t count, uint32_t first_sequence) {
  std::mt19937_64 random(seed);
  std::set<uint64_t> hashes;
  while (hashes.size() < count) hashes.insert(random());
  std::vector<IdentityEntry> out;
  for (const uint64_t hash : hashes) out.push_back({hash, first_sequence++});
  return out;
}

class IdentityRunTest : public ::testing::Test {
 protected:
  RunPointer Write(const std::vector<IdentityEntry>& entries, int64_t first = 1,
                   const std::string& directory = "runs") {
    const IdentityRunRange range{kWorkspace, kSeed, first, first + static_cast<int64_t>(entries.size()) - 1};
    auto writer = IdentityRunWriter::Create(env_, directory_ / directory, range);
    EXPECT_THAT(writer, IsOk());
    for (const IdentityEntry& entry : entries) EXPECT_THAT((*writer)->Add(entry), IsOk());
    auto run = (*writer)->Finish();
    EXPECT_THAT(run, IsOk());
    return *run;
  }
  absl::StatusOr<RunPointer> Open(const std::string& path) { return IdentityRun::Open(env_, path, kWorkspace, kSeed); }

  // Every answer is right or refused. Returns whether one was refused.
  static bool AnswersAreRightOrRefused(const IdentityRun& run, const std::vector<IdentityEntry>& entries) {
    bool refused = false;
    const auto check = [&](uint64_t hash, int64_t expected) {
      const auto found = run.Find(hash);
      if (found.ok()) {
        EXPECT_EQ(*found, expected) << "hash " << hash;
      } else {
        refused = true;
      }
    };
    for (size_t i = 0; i < entries.size(); ++i) {
      check(entries[i].hash, entries[i].sequence);
      if (i + 1 == entries.size() || entries[i + 1].hash != entries[i].hash + 1) check(entries[i].hash + 1, 0);
    }
    return refused;
  }

  rocksdb::Env* const env_ = rocksdb::Env::Default();
  TempDir directory_;
};

TEST_F(IdentityRunTest, Find_FindsWhatWasAddedAndNothingElse) {
  for (const size_t count : {1, 2, 339, 340, 341, 5'000, 60'000}) {
    SCOPED_TRACE(count);
    const auto entries = RandomEntries(count, count, 1);
    const RunPointer run = Write(entries);
    EXPECT_EQ(run->range().size(), static_cast<int64_t>(count));
    EXPECT_FALSE(AnswersAreRightOrRefused(*run, entries));
    for (const uint64_t hash : {uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0}}) EXPECT_THAT(run->Find(hash), IsOk());
    EXPECT_THAT(run->Verify(), IsOk());
    EXPECT_FALSE(run->damaged());
    auto reader = IdentityRunReader::Open(run);
    ASSERT_THAT(reader, IsOk());
    for (const IdentityEntry& entry : entries) {
      ASSERT_FALSE(reader->at_end());
      ASSERT_EQ(reader->entry().hash, entry.hash);
      ASSERT_EQ(reader->entry().sequence, entry.sequence);
      ASSERT_THAT(reader->Next(), IsOk());
    }
    EXPECT_TRUE(reader->at_end());
  }
}

// Hashes are even in practice; that they are not must cost time only.
TEST_F(IdentityRunTest, Find_HashesInHeaps_AreFound) {
  std::vector<IdentityEntry> entries;
  for (const uint64_t base : {uint64_t{0}, uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0} - 4'000}) {
    for (uint64_t i = 0; i < 4'000; ++i) entries.push_back({base + i, static_cast<uint32_t>(entries.size() + 1)});
  }
  const RunPointer run = Write(entries);
  EXPECT_FALSE(AnswersAreRightOrRefused(*run, entries));
  EXPECT_THAT(run->Find((uint64_t{1} << 63) - 1), IsOkAndHolds(0));
}

TEST_F(IdentityRunTest, Filter_LetsFewAbsentHashesThrough) {
  const auto entries = RandomEntries(1, 50'000, 1);
  const RunPointer run = Write(entries);
  // Whatever the filter lets through meets a damaged block.
  const int file = ::open(run->path().c_str(), O_WRONLY | O_CLOEXEC);
  const size_t blocks_offset = std::filesystem::file_size(run->path()) - (50'000 + 339) / 340 * 4096;
  const std::string zeros((50'000 + 339) / 340 * 4096, '\0');
  ASSERT_EQ(::pwrite(file, zeros.data(), zeros.size(), blocks_offset), static_cast<ssize_t>(zeros.size()));
  ::close(file);
  std::mt19937_64 random(2);
  int passed = 0;
  for (int i = 0; i < 100'000; ++i) passed += !run->Find(random()).ok();
  EXPECT_GT(passed, 0);
  EXPECT_LT(passed, 1'000) << "more than 1 in 100";
}

TEST_F(IdentityRunTest, Writer_WrongEntries_LeaveNoFile) {
  const IdentityRunRange range{kWorkspace, kSeed, 1, 2};
  {
    auto writer = IdentityRunWriter::Create(env_, directory_ / "runs", range);
    ASSERT_THAT(writer, IsOk());
    EXPECT_THAT((*writer)->Add({5, 1}), IsOk());
    EXPECT_THAT((*writer)->Add({5, 2}), StatusIs(Code::kInternal));
    EXPECT_THAT((*writer)->Finish(), StatusIs(Code::kInternal));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "runs"));
}

TEST_F(IdentityRunTest, EverySingleBitFlip_IsDetectedAndMakesNoWrongAnswer) {
  const auto entries = RandomEntries(3, 400, 1);
  const RunPointer run = Write(entries);
  const std::string bytes = ReadFile(run->path());
  const int file = ::open(run->path().c_str(), O_WRONLY | O_CLOEXEC);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      const char flipped = static_cast<char>(bytes[at] ^ (1 << bit));
      ASSERT_EQ(::pwrite(file, &flipped, 1, at), 1);
      // Opening looks at the header. The run that is open sees the same bytes.
      if (at < 4096) {
        ASSERT_THAT(Open(run->path()), StatusIs(Code::kDataLoss)) << "byte " << at << " bit " << bit;
      }
      ASSERT_THAT(run->Verify(), StatusIs(Code::kDataLoss)) << "byte " << at << " bit " << bit;
      if (bit == static_cast<int>(at % 8) && at % 7 == 0) {
        const bool refused = AnswersAreRightOrRefused(*run, entries);
        if (at >= bytes.size() - 2 * 4096) {
          EXPECT_TRUE(refused) << "byte " << at << " of the entries";
        }
      }
    }
    ASSERT_EQ(::pwrite(file, &bytes[at], 1, at), 1);
  }
  ::close(file);
  EXPECT_TRUE(run->damaged());
  EXPECT_THAT((*Open(run->path()))->Verify(), IsOk());
}

TEST_F(IdentityRunTest, Open_CutOffOrLonger_IsDataLoss) {
  const RunPointer run = Write(RandomEntries(4, 1'000, 1));
  const std::string bytes = ReadFile(run->path());
  const std::string path = directory_ / "cut";
  for (size_t size = 0; size < bytes.size(); size += size % 4096 == 4095 ? 1 : 1365) {
    WriteFile(path, bytes.substr(0, size));
    EXPECT_THAT(Open(path), StatusIs(Code::kDataLoss, HasReason("STORE_DAMAGED"))) << size;
  }
  WriteFile(path, bytes + "x");
  EXPECT_THAT(Open(path), StatusIs(Code::kDataLoss));
  WriteFile(path, bytes);
  EXPECT_THAT(Open(path), IsOk());
  EXPECT_THAT(Open(directory_ / "absent"), StatusIs(Code::kDataLoss));
}

TEST_F(IdentityRunTest, Open_OfAnotherWorkspaceOrStore_IsDataLoss) {
  const RunPointer run = Write(RandomEntries(5, 10, 1));
  EXPECT_THAT(IdentityRun::Open(env_, run->path(), kWorkspace + 1, kSeed), StatusIs(Code::kDataLoss));
  EXPECT_THAT(IdentityRun::Open(env_, run->path(), kWorkspace, kSeed + 1), StatusIs(Code::kDataLoss));
}

// Bytes from elsewhere: runs of noise, zeros, pages of this file and of another run in the wrong place.
TEST_F(IdentityRunTest, MutatedFiles_MakeNoWrongAnswer) {
  std::mt19937_64 random(20261122);
  const auto entries = RandomEntries(6, 3'000, 1);
  const std::string bytes = ReadFile(Write(entries)->path());
  const std::string other = ReadFile(Write(RandomEntries(7, 3'000, 3'001), 3'001)->path());
  const std::string path = directory_ / "mutated";
  for (int round = 0; round < 150; ++round) {
    std::string mutated = bytes;
    for (int change = 1 + static_cast<int>(random() % 4); change > 0; --change) {
      const bool whole_page = random() % 2 == 0;
      const size_t length = whole_page ? 4096 : 1 + random() % 200;
      const size_t to = whole_page ? random() % (bytes.size() / 4096) * 4096 : random() % (bytes.size() - length);
      const size_t from = whole_page ? random() % (bytes.size() / 4096) * 4096 : random() % (bytes.size() - length);
      switch (random() % 4) {
        case 0:
          for (size_t i = 0; i < length; ++i) mutated[to + i] = static_cast<char>(random());
          break;
        case 1:
          mutated.replace(to, length, length, '\0');
          break;
        case 2:
          mutated.replace(to, length, bytes, from, length);
          break;
        default:
          // Not the header: with that of another run the file is that run, whose name and range the index looks at.
          if (to >= 4096) mutated.replace(to, length, other, from, length);
      }
    }
    WriteFile(path, mutated);
    const auto run = Open(path);
    if (!run.ok()) continue;
    AnswersAreRightOrRefused(**run, entries);
    EXPECT_EQ((*run)->Verify().ok(), mutated == bytes);
    auto reader = IdentityRunReader::Open(*run);
    for (size_t i = 0; reader.ok() && !reader->at_end(); ++i) {
      ASSERT_LT(i, entries.size());
      EXPECT_EQ(reader->entry().hash, entries[i].hash);
      EXPECT_EQ(reader->entry().sequence, entries[i].sequence);
      if (!reader->Next().ok()) break;
    }
  }
}

}  // namespace
}  // namespace throughline::testing
