// CustomerRows: a row for each customer, or for a sample that depends on the customers alone.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "throughline/aggregates.h"

namespace throughline {
namespace {

using Rows = CustomerRows<int>;

std::vector<std::string> Ids(int count, uint64_t seed) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(absl::StrCat("customer-", seed, "-", i));
  return out;
}

std::string Text(const Rows& rows) {
  std::string out = absl::StrCat(rows.customers(), " shift ", rows.shift(), ":");
  for (const Rows::Entry& entry : rows.entries()) absl::StrAppend(&out, " ", entry.customer_id, "=", entry.row);
  return out;
}

// What the definition says, by sorting everything.
std::string Expected(const std::vector<std::string>& ids, size_t max) {
  int shift = 0;
  std::vector<std::string> in = ids;
  while (in.size() > max) {
    ++shift;
    in.erase(std::remove_if(in.begin(), in.end(),
                            [&](const std::string& id) { return StableHash(id) >> (64 - shift) != 0; }),
             in.end());
  }
  std::sort(in.begin(), in.end());
  std::string out = absl::StrCat(ids.size(), " shift ", shift, ":");
  for (const std::string& id : in) absl::StrAppend(&out, " ", id, "=", id.size());
  return out;
}

Rows RowsOf(const std::vector<std::string>& ids, size_t max) {
  Rows rows(max);
  for (const std::string& id : ids) rows.Add(id, static_cast<int>(id.size()));
  return rows;
}

TEST(CustomerRowsTest, UpToTheLimit_EveryCustomerHasARow_AndOneMoreMakesASample) {
  std::vector<std::string> ids = Ids(9, 1);
  EXPECT_EQ(RowsOf({ids.begin(), ids.end() - 1}, 8).size(), 8u);
  const Rows rows = RowsOf(ids, 8);
  EXPECT_EQ(rows.customers(), 9);
  EXPECT_GT(rows.shift(), 0);
  EXPECT_LT(rows.size(), 9u);
}

TEST(CustomerRowsTest, TheSample_IsThatOfTheSmallestShiftThatFits) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<std::string> ids = Ids(static_cast<int>(seed * 17), seed);
    for (const size_t max : {1, 5, 16, 100}) EXPECT_EQ(Text(RowsOf(ids, max)), Expected(ids, max));
  }
}

TEST(CustomerRowsTest, MergingAnySplitInAnyOrder_IsTheSampleOfAll) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> ids = Ids(1 + static_cast<int>(random() % 200), random());
    std::shuffle(ids.begin(), ids.end(), random);
    const size_t max = 1 + random() % 40;
    std::vector<std::vector<std::string>> parts(1 + random() % 4);
    for (const std::string& id : ids) parts[random() % parts.size()].push_back(id);
    Rows merged(max);
    for (const std::vector<std::string>& part : parts) {
      Rows rows = RowsOf(part, max);
      if (random() % 2 == 0) {
        merged.Merge(rows);
      } else {
        rows.Merge(merged);
        merged = rows;
      }
    }
    EXPECT_EQ(Text(merged), Expected(ids, max));
  }
}

TEST(CustomerRowsTest, TheSample_IsAboutAsLargeAsItsShiftSays) {
  const std::vector<std::string> ids = Ids(20'000, 42);
  const Rows rows = RowsOf(ids, 2000);
  EXPECT_EQ(rows.shift(), 4);
  EXPECT_NEAR(static_cast<double>(rows.size()), 20'000.0 / 16, 150);
}

}  // namespace
}  // namespace throughline
