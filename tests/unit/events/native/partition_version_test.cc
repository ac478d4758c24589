// Versions of a partition: what came later is merged when it is read, once, and lost by nothing that fails.
#include "services/events/native/partition_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

class PartitionVersionTest : public ::testing::Test {
 protected:
  PartitionVersionTest() { texts_.Encode("source"); }

  // Events of one customer at one moment, so that only their ids give them an order: e<row>, the last first.
  static Tail TailOf(uint32_t first_row, uint32_t count) {
    Tail tail;
    for (uint32_t i = 0; i < count; ++i) {
      TailRow row;
      row.row = first_row + i;
      const std::string id = IdOf(row.row);
      row.id_offset = static_cast<uint32_t>(tail.ids.size());
      row.id_size = static_cast<uint16_t>(id.size());
      tail.ids += id;
      tail.rows.push_back(row);
    }
    return tail;
  }
  static std::string IdOf(uint32_t row) { return absl::StrCat("e", 9 - row); }

  std::shared_ptr<const MergeSources> Sources() {
    return std::make_shared<const MergeSources>(
        MergeSources{&texts_, [this](uint32_t row) -> absl::StatusOr<std::string> {
                       ++reads_;
                       if (fails_) return absl::UnavailableError("the disk");
                       return IdOf(row);
                     }});
  }
  static std::vector<int64_t> RowsOf(const Partition& partition) {
    std::vector<int64_t> out;
    for (uint32_t i = 0; i < partition.size(); ++i) out.push_back(partition.rows()[i]);
    return out;
  }

  StringDictionary texts_;
  int reads_ = 0;
  bool fails_ = false;
};

TEST_F(PartitionVersionTest, Get_MergesOnceWhatCameLater) {
  const PartitionVersion first(0, 1, nullptr, TailOf(0, 2), Sources());
  EXPECT_THAT(RowsOf(**first.Get()), ::testing::ElementsAre(1, 0));
  const PartitionVersion second(0, 1, &first, TailOf(2, 2), Sources());
  EXPECT_EQ(second.size(), 4);
  EXPECT_EQ(second.row_max(), 3u);
  EXPECT_EQ(second.unmerged(), 2u);
  EXPECT_EQ(reads_, 0);
  const std::shared_ptr<const Partition> merged = *second.Get();
  EXPECT_THAT(RowsOf(*merged), ::testing::ElementsAre(3, 2, 1, 0));
  EXPECT_EQ(second.unmerged(), 0u);
  EXPECT_EQ(*second.Get(), merged);
  EXPECT_THAT(RowsOf(**first.Get()), ::testing::ElementsAre(1, 0));
}

TEST_F(PartitionVersionTest, Get_AfterOneThatNobodyRead_HasBoth) {
  const PartitionVersion first(0, 1, nullptr, TailOf(0, 2), Sources());
  const PartitionVersion second(0, 1, &first, TailOf(2, 3), Sources());
  EXPECT_EQ(second.unmerged(), 5u);
  EXPECT_THAT(RowsOf(**second.Get()), ::testing::ElementsAre(4, 3, 2, 1, 0));
  EXPECT_EQ(first.unmerged(), 2u);
}

TEST_F(PartitionVersionTest, Get_WhatCannotBeRead_IsToldAndMergedLater) {
  const PartitionVersion first(0, 1, nullptr, TailOf(0, 2), Sources());
  ASSERT_THAT(first.Get(), IsOk());
  const PartitionVersion second(0, 1, &first, TailOf(2, 2), Sources());
  fails_ = true;
  EXPECT_TRUE(absl::IsUnavailable(second.Get().status()));
  EXPECT_EQ(second.size(), 4);
  const PartitionVersion third(0, 1, &second, TailOf(4, 1), Sources());
  fails_ = false;
  EXPECT_THAT(RowsOf(**third.Get()), ::testing::ElementsAre(4, 3, 2, 1, 0));
  EXPECT_THAT(RowsOf(**second.Get()), ::testing::ElementsAre(3, 2, 1, 0));
}

TEST_F(PartitionVersionTest, Over_TakesTheBasesPlaceUnlessMoreWasMergedWithIt) {
  const PartitionVersion first(0, 1, nullptr, TailOf(0, 2), Sources());
  const std::shared_ptr<const Partition> base = *first.Get();
  const PartitionVersion second(0, 1, &first, TailOf(2, 1), Sources());
  const auto same = std::make_shared<const Partition>(base->columns());
  const std::shared_ptr<const PartitionVersion> over = second.Over(*base, same);
  ASSERT_NE(over, nullptr);
  EXPECT_EQ(over->size(), 3);
  EXPECT_THAT(RowsOf(**over->Get()), ::testing::ElementsAre(2, 1, 0));
  ASSERT_THAT(second.Get(), IsOk());
  EXPECT_EQ(second.Over(*base, same), nullptr);
}

}  // namespace
}  // namespace throughline::testing
