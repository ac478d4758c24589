// Files of properties: what was written is read, and no byte that is another is taken for it.
#include "services/events/native/property_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "services/events/native/stable_hash.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

constexpr int64_t kChunk = CodeSequence::kChunkCodes;
constexpr uint32_t kWorkspace = 4;

absl::StatusOr<uint64_t> HashEvent(int64_t sequence) { return StableHash(&sequence, sizeof(sequence), 1); }

class PropertyFileTest : public ::testing::Test {
 protected:
  // Values of every kind, and events without one.
  static void Add(PropertyColumn& column, int64_t rows, int64_t values) {
    for (int64_t i = 0; i < rows; ++i) {
      const auto row = static_cast<int64_t>(column.codes.size());
      const std::string text = absl::StrCat("value ", row % values);
      PropertyField field;
      field.kind = row % 3 == 0 ? PropertyField::Kind::kString : PropertyField::Kind::kNumber;
      field.text = text;
      field.number = static_cast<double>(row % values) / 4;
      column.Append(row % 7 == 0 ? nullptr : &field);
    }
  }
  static void ExpectBeginningOf(const PropertyColumn& all, const PropertyColumn& column) {
    for (size_t i = 0; i < column.codes.size(); ++i) {
      ASSERT_EQ(column.values[column.codes[i]], all.values[all.codes[i]]) << i;
    }
  }
  PropertyFile File() { return {rocksdb::Env::Default(), path_, kWorkspace}; }
  std::string Bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  TempDir directory_;
  const std::string path_ = directory_ / "1.property";
};

TEST_F(PropertyFileTest, Append_InPieces_IsReadAsOne) {
  PropertyColumn column("plan \"of\" it");
  {
    PropertyFile file = File();
    Add(column, kChunk - 1, 50);
    ASSERT_THAT(file.Append(column, kChunk - 1, HashEvent), IsOk());
    EXPECT_FALSE(std::filesystem::exists(path_));
    Add(column, 2 * kChunk, 3000);
    ASSERT_THAT(file.Append(column, 3 * kChunk - 1, HashEvent), IsOk());
    EXPECT_EQ(file.rows(), 2 * kChunk);
  }
  // Another one goes on with it.
  Add(column, 3 * kChunk, 100'000);
  for (const int64_t rows : {2 * kChunk, 6 * kChunk - 1}) {
    PropertyFile file = File();
    const PropertyFile::Loaded loaded = file.Load();
    EXPECT_EQ(loaded.problem, "");
    ASSERT_NE(loaded.column, nullptr);
    EXPECT_EQ(loaded.column->key, column.key);
    EXPECT_EQ(loaded.column->codes.size(), static_cast<size_t>(rows / kChunk * kChunk));
    EXPECT_EQ(loaded.anchor, *HashEvent(rows / kChunk * kChunk));
    ExpectBeginningOf(column, *loaded.column);
    ASSERT_THAT(file.Append(column, 6 * kChunk - 1, HashEvent), IsOk());
  }
  // What is read goes on as if it had been there all the time.
  PropertyFile::Loaded loaded = File().Load();
  Add(*loaded.column, kChunk - 1, 100'000);
  ASSERT_EQ(loaded.column->codes.size(), column.codes.size());
  ExpectBeginningOf(column, *loaded.column);
}

TEST_F(PropertyFileTest, Load_BitFlipsAndTruncations_KeepOnlyWhatIsBefore) {
  PropertyColumn column("plan");
  Add(column, 3 * kChunk, 20);
  {
    PropertyFile file = File();
    ASSERT_THAT(file.Append(column, 3 * kChunk, HashEvent), IsOk());
  }
  const std::string good = Bytes();
  std::vector<std::pair<std::string, size_t>> damaged;  // bytes, and where
  for (size_t i = 0; i < good.size(); i = i < 512 ? i + 1 : i + 13) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    damaged.emplace_back(bytes, i);
    if (i > 0 && i % 5 == 0) damaged.emplace_back(good.substr(0, i), i);
  }
  for (const auto& [bytes, at] : damaged) {
    Write(bytes);
    PropertyFile file = File();
    const PropertyFile::Loaded loaded = file.Load();
    const bool whole_blocks_left = bytes.size() < good.size() && loaded.problem.empty();
    ASSERT_TRUE(!loaded.problem.empty() || whole_blocks_left) << at;
    if (loaded.column == nullptr) continue;
    ASSERT_LT(file.rows(), 3 * kChunk) << at;
    ExpectBeginningOf(column, *loaded.column);
    // It can be gone on with.
    if (at % 31 != 0) continue;
    ASSERT_THAT(file.Append(column, 3 * kChunk, HashEvent), IsOk());
    ASSERT_EQ(Bytes(), good) << at;
  }
}

TEST_F(PropertyFileTest, Load_AnothersFile_IsRefused) {
  PropertyColumn column("plan");
  Add(column, kChunk, 20);
  ASSERT_THAT(File().Append(column, kChunk, HashEvent), IsOk());
  EXPECT_EQ(PropertyFile(rocksdb::Env::Default(), path_, kWorkspace + 1).Load().column, nullptr);
  Write("something else");
  EXPECT_EQ(File().Load().column, nullptr);
  Write("");
  EXPECT_EQ(File().Load().column, nullptr);
}

TEST_F(PropertyFileTest, Rewrite_HasNothingOfErasedRows_AndIsGoneOnWith) {
  PropertyColumn column("plan");
  Add(column, 2 * kChunk, 60);
  // The rows of two values, of which one is in other rows too.
  const uint32_t lost = *column.values.Find(std::string("svalue 3"));
  std::vector<uint32_t> erased;
  for (uint32_t row = 0; row < column.codes.size(); ++row) {
    if (column.codes[row] == lost || row % 1000 == 1) erased.push_back(row);
  }
  PropertyFile file = File();
  ASSERT_THAT(file.Append(column, 2 * kChunk, HashEvent), IsOk());
  const std::string stored("\x08\0\0\0svalue 3", 12);  // with its length, as no other value
  EXPECT_NE(Bytes().find(stored), std::string::npos);
  const PropertyFile::Loaded before = File().Load();
  column.values.Forget(lost);
  ASSERT_THAT(file.Rewrite(column, HashEvent, erased), IsOk());
  EXPECT_EQ(file.rows(), 2 * kChunk);
  EXPECT_EQ(Bytes().find(stored), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  ExpectBeginningOf(column, *before.column);  // mapped as it was
  Add(column, kChunk, 57);
  ASSERT_THAT(file.Append(column, 3 * kChunk, HashEvent, erased), IsOk());
  const PropertyFile::Loaded loaded = File().Load();
  EXPECT_EQ(loaded.problem, "");
  ASSERT_NE(loaded.column, nullptr);
  ASSERT_EQ(loaded.column->codes.size(), column.codes.size());
  EXPECT_TRUE(loaded.column->values.IsForgotten(lost));
  for (uint32_t row = 0; row < column.codes.size(); ++row) {
    const bool gone = std::binary_search(erased.begin(), erased.end(), row);
    ASSERT_EQ(loaded.column->codes[row], gone ? kMissingCode : column.codes[row]) << row;
  }
  // A rewritten file is as good at telling damage as any.
  const std::string good = Bytes();
  for (size_t i = 0; i < good.size(); i += 97) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    Write(bytes);
    ASSERT_NE(File().Load().problem, "") << i;
  }
}

}  // namespace
}  // namespace throughline::testing
