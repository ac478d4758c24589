#include "throughline/customer_set.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint32_t> Members(const CustomerSet& set, uint32_t begin = 0, uint32_t end = ~uint32_t{0}) {
  std::vector<uint32_t> out;
  set.ForEach(begin, end, [&](uint32_t ordinal) { out.push_back(ordinal); });
  return out;
}

CustomerSet SetOf(const std::set<uint32_t>& members) {
  CustomerSet out;
  for (const uint32_t member : members) out.Add(member);
  return out;
}

TEST(CustomerSetTest, Empty_HasNobody) {
  const CustomerSet set;
  EXPECT_EQ(set.size(), 0);
  EXPECT_FALSE(set.Contains(0));
  EXPECT_THAT(Members(set), IsEmpty());
}

TEST(CustomerSetTest, AddRange_IsHalfOpen) {
  CustomerSet set;
  set.AddRange(3, 6);
  set.AddRange(9, 9);
  EXPECT_THAT(Members(set), ElementsAre(3, 4, 5));
}

TEST(CustomerSetTest, ForEach_VisitsTheMembersOfTheRangeInOrder) {
  const CustomerSet set = SetOf({70'000, 5, 4095, 4096, 0});
  EXPECT_THAT(Members(set), ElementsAre(0, 5, 4095, 4096, 70'000));
  EXPECT_THAT(Members(set, 5, 4096), ElementsAre(5, 4095));
  EXPECT_THAT(Members(set, 4097, 70'000), IsEmpty());
  EXPECT_THAT(Members(set, 70'001, 80'000), IsEmpty());
  EXPECT_THAT(Members(set, 6, 6), IsEmpty());
}

TEST(CustomerSetTest, Copies_AreTheirOwn) {
  CustomerSet a = SetOf({1, 2});
  CustomerSet b = a;
  b.Add(3);
  EXPECT_FALSE(a.Contains(3));
  a = b;
  EXPECT_EQ(a, b);
  a.Add(4);
  EXPECT_FALSE(a == b);
  const CustomerSet c = std::move(a);
  EXPECT_THAT(Members(c), ElementsAre(1, 2, 3, 4));
}

TEST(CustomerSetTest, UnionIntersectionDifference_AreThoseOfOrdinarySets) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    std::set<uint32_t> left, right;
    const uint32_t range = round % 2 == 0 ? 300 : 300'000;  // dense and sparse containers
    for (uint64_t i = random() % 400; i > 0; --i) left.insert(static_cast<uint32_t>(random() % range));
    for (uint64_t i = random() % 400; i > 0; --i) right.insert(static_cast<uint32_t>(random() % range));
    const auto expect = [&](const CustomerSet& actual, const auto& combine) {
      std::vector<uint32_t> expected;
      combine(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(expected));
      EXPECT_EQ(Members(actual), expected);
      EXPECT_EQ(actual.size(), static_cast<int64_t>(expected.size()));
      EXPECT_EQ(actual, SetOf({expected.begin(), expected.end()}));
    };
    CustomerSet set = SetOf(left);
    expect(set |= SetOf(right), [](auto... range) { std::set_union(range...); });
    set = SetOf(left);
    expect(set &= SetOf(right), [](auto... range) { std::set_intersection(range...); });
    set = SetOf(left);
    expect(set -= SetOf(right), [](auto... range) { std::set_difference(range...); });
  }
}

}  // namespace
}  // namespace throughline
