#include "services/events/native/packed_column.h"

#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace throughline {
namespace {

PackedColumn ColumnOf(const std::vector<int64_t>& values) {
  PackedColumn::Builder builder(values.size(), nullptr);
  for (const int64_t value : values) builder.Announce(value);
  builder.Start();
  for (const int64_t value : values) builder.Add(value);
  return builder.Finish();
}

void ExpectHas(const PackedColumn& column, const std::vector<int64_t>& values) {
  ASSERT_EQ(column.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(column[i], values[i]) << i;
  column.Visit([&](auto visited) {
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(static_cast<int64_t>(visited[i]), values[i]) << i;
  });
}

TEST(PackedColumnTest, Width_IsTheNarrowestThatHoldsAll) {
  const struct {
    std::vector<int64_t> values;
    int width;
  } cases[] = {
      {{}, 0},
      {{7, 7, 7}, 0},
      {{-3, -3}, 0},
      {{0, 255}, 1},
      {{0, 256}, 2},
      {{65'535, 1}, 2},
      {{65'536, 1}, 4},
      {{0, 0xffffffff}, 4},
      {{0, 0x100000000}, 8},
      {{0, -1}, 8},
      {{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}, 8},
  };
  for (const auto& c : cases) {
    const PackedColumn column = ColumnOf(c.values);
    EXPECT_EQ(column.width(), c.width);
    EXPECT_EQ(column.bytes().size(), c.values.size() * static_cast<size_t>(c.width));
    ExpectHas(column, c.values);
  }
}

TEST(PackedColumnTest, RangesOfAnotherColumn_BetweenSingleValues_OfAnyWidths) {
  const std::vector<std::vector<int64_t>> bases = {
      {}, {5, 5, 5, 5}, {1, 2, 3, 200}, {1, 60'000, 3, 4}, {1, 2, 70'000, 4}, {-9, 2, 3, 4}};
  const std::vector<std::vector<int64_t>> singles = {{}, {5}, {6}, {5, 5}, {1, 300}, {100'000}, {-1, 5}, {1LL << 40}};
  for (const std::vector<int64_t>& base : bases) {
    const PackedColumn base_column = ColumnOf(base);
    for (const std::vector<int64_t>& single : singles) {
      PackedColumn::Builder builder(base.size() + single.size(), &base_column);
      for (const int64_t value : single) builder.Announce(value);
      builder.Start();
      std::vector<int64_t> expected;
      size_t from = 0;
      // One element of the base, a single value, and so on; then what is left.
      for (const int64_t value : single) {
        if (from < base.size()) {
          builder.AddBase(from, from + 1);
          expected.push_back(base[from++]);
        }
        builder.Add(value);
        expected.push_back(value);
      }
      if (from < base.size()) builder.AddBase(from, base.size());
      expected.insert(expected.end(), base.begin() + static_cast<std::ptrdiff_t>(from), base.end());
      ExpectHas(builder.Finish(), expected);
    }
  }
}

TEST(PackedColumnTest, OneConstant_NeedsNoBuilder) {
  const PackedColumn column(42);
  EXPECT_EQ(column.width(), 0);
  EXPECT_EQ(column[123'456], 42);
}

}  // namespace
}  // namespace throughline
