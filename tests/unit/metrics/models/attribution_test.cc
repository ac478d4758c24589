#include "throughline/models/attribution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using ::throughline::testing::HasReason;
using ::throughline::testing::StatusIs;

constexpr AttributionRule kRules[] = {AttributionRule::kFirst,    AttributionRule::kLast,      AttributionRule::kLinear,
                                      AttributionRule::kPosition, AttributionRule::kTimeDecay, AttributionRule::kMarkov,
                                      AttributionRule::kShapley};

std::map<std::string, double> Credits(const std::vector<AttributionPath>& paths, AttributionRule rule) {
  const auto attribution = Attribute(paths, rule);
  EXPECT_TRUE(attribution.ok()) << attribution.status();
  std::map<std::string, double> out;
  for (const ChannelCredit& credit : attribution->channels) out[credit.channel] = credit.conversions;
  return out;
}

TEST(AttributionTest, OnePath_EachRuleSharesAsItSays) {
  const std::vector<AttributionPath> paths = {
      {.channels = {"ad", "mail", "mail", "shop"}, .conversions = 10, .days_before = {14, 7, 7, 0}}};
  EXPECT_THAT(Credits(paths, AttributionRule::kFirst), ElementsAre(Pair("ad", 10), Pair("mail", 0), Pair("shop", 0)));
  EXPECT_THAT(Credits(paths, AttributionRule::kLast), ElementsAre(Pair("ad", 0), Pair("mail", 0), Pair("shop", 10)));
  EXPECT_THAT(Credits(paths, AttributionRule::kLinear),
              ElementsAre(Pair("ad", 2.5), Pair("mail", 5), Pair("shop", 2.5)));
  EXPECT_THAT(Credits(paths, AttributionRule::kPosition), ElementsAre(Pair("ad", 4), Pair("mail", 2), Pair("shop", 4)));
  const auto decay = Credits(paths, AttributionRule::kTimeDecay);  // 1/4, 1/2, 1/2, 1 of 9/4
  EXPECT_NEAR(decay.at("ad"), 10 / 9.0, 1e-14);
  EXPECT_NEAR(decay.at("mail"), 40 / 9.0, 1e-14);
  EXPECT_NEAR(decay.at("shop"), 40 / 9.0, 1e-14);
  const auto shapley = Credits(paths, AttributionRule::kShapley);
  for (const char* channel : {"ad", "mail", "shop"}) {
    EXPECT_NEAR(shapley.at(channel), 10 / 3.0, 1e-14);
    EXPECT_NEAR(Credits(paths, AttributionRule::kMarkov).at(channel), 10 / 3.0, 1e-14);
  }
}

TEST(AttributionTest, PositionOfOneAndTwoTouches_AllAndHalfEach) {
  EXPECT_THAT(Credits({{.channels = {"ad"}, .conversions = 3}}, AttributionRule::kPosition),
              ElementsAre(Pair("ad", 3)));
  EXPECT_THAT(Credits({{.channels = {"ad", "mail"}, .conversions = 3}}, AttributionRule::kPosition),
              ElementsAre(Pair("ad", 1.5), Pair("mail", 1.5)));
}

// Shapley's formula over all orders of arrival, for v(S) = conversions of paths within S.
TEST(AttributionTest, Shapley_IsTheMeanOfMarginalContributions) {
  const std::vector<AttributionPath> paths = {{.channels = {"a", "b"}, .conversions = 6},
                                              {.channels = {"b", "b", "c"}, .conversions = 4},
                                              {.channels = {"a", "c", "b", "d"}, .conversions = 12},
                                              {.channels = {"d"}, .conversions = 1, .nulls = 7}};
  const auto worth = [&](const std::set<std::string>& coalition) {
    int64_t sum = 0;
    for (const AttributionPath& path : paths) {
      const bool within = std::all_of(path.channels.begin(), path.channels.end(),
                                      [&](const std::string& channel) { return coalition.contains(channel); });
      if (within) sum += path.conversions;
    }
    return sum;
  };
  std::vector<std::string> order = {"a", "b", "c", "d"};
  std::map<std::string, double> sums;
  do {
    std::set<std::string> coalition;
    for (const std::string& channel : order) {
      const int64_t before = worth(coalition);
      coalition.insert(channel);
      sums[channel] += static_cast<double>(worth(coalition) - before) / 24;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  for (const auto& [channel, credit] : Credits(paths, AttributionRule::kShapley)) {
    EXPECT_NEAR(credit, sums.at(channel), 1e-12) << channel;
  }
}

TEST(AttributionTest, MarkovOfLoops_SolvesThem) {
  // a -> a and a -> b -> a: the chain goes back and forth, and from a converts in 1 of 3 leavings.
  const std::vector<AttributionPath> paths = {{.channels = {"a", "a", "b", "a"}, .conversions = 1},
                                              {.channels = {"b"}, .nulls = 1}};
  const auto markov = Attribute(paths, AttributionRule::kMarkov);
  ASSERT_TRUE(markov.ok());
  // From a (without staying): b 1/2, conversion 1/2. From b: a 1/2, null 1/2. x_a = 2/3, x_b = 1/3, P = 1/2.
  // Without a nothing converts; without b: P = 1/2·1/2 = 1/4.
  EXPECT_NEAR(*markov->channels[0].removal_effect, 1, 1e-14);
  EXPECT_NEAR(*markov->channels[1].removal_effect, 0.5, 1e-14);
  EXPECT_NEAR(markov->channels[0].conversions, 2 / 3.0, 1e-14);
}

TEST(AttributionTest, NothingConverts_IsUndefinedInWords) {
  for (const AttributionRule rule : kRules) {
    for (const std::vector<AttributionPath>& paths :
         {std::vector<AttributionPath>{}, {{.channels = {"ad"}, .nulls = 5}}, {{.channels = {"ad"}}}}) {
      const auto attribution = Attribute(paths, rule);
      ASSERT_TRUE(attribution.ok());
      EXPECT_FALSE(attribution->undefined_reason.empty());
      EXPECT_THAT(attribution->channels, IsEmpty());
    }
  }
}

TEST(AttributionTest, ConversionsWithoutTouchOrTimes_AreCountedApart) {
  const std::vector<AttributionPath> paths = {{.channels = {}, .conversions = 4},
                                              {.channels = {"ad"}, .conversions = 2, .days_before = {3}},
                                              {.channels = {"mail"}, .conversions = 5}};
  const auto decay = Attribute(paths, AttributionRule::kTimeDecay);
  ASSERT_TRUE(decay.ok());
  EXPECT_EQ(decay->conversions, 2);
  EXPECT_THAT(decay->excluded,
              UnorderedElementsAre(Pair("conversion_without_touch", 4), Pair("conversion_without_times", 5)));
  const auto last = Attribute(paths, AttributionRule::kLast);
  EXPECT_EQ(last->conversions, 7);
  EXPECT_THAT(last->excluded, UnorderedElementsAre(Pair("conversion_without_touch", 4)));
  const auto none = Attribute({paths.data() + 2, 1}, AttributionRule::kTimeDecay);
  EXPECT_THAT(none->undefined_reason, ::testing::HasSubstr("time"));
}

TEST(AttributionTest, TimesFarBack_DoNotUnderflow) {
  const std::vector<AttributionPath> paths = {
      {.channels = {"a", "b"}, .conversions = 1, .days_before = {1e9 + 7, 1e9}}};
  const auto credits = Credits(paths, AttributionRule::kTimeDecay);
  EXPECT_NEAR(credits.at("a"), 1 / 3.0, 1e-12);
  EXPECT_NEAR(credits.at("b"), 2 / 3.0, 1e-12);
}

TEST(AttributionTest, AnyOrderOfPaths_SameBits) {
  std::mt19937 random(7);
  std::vector<AttributionPath> paths;
  for (int i = 0; i < 300; ++i) {
    AttributionPath& path = paths.emplace_back();
    const size_t length = 1 + random() % 6;
    for (size_t j = 0; j < length; ++j) {
      path.channels.push_back(std::string(1, static_cast<char>('a' + random() % 8)));
      path.days_before.push_back(static_cast<double>(random() % 1000) / 7);
    }
    path.conversions = static_cast<int64_t>(random() % 3);
    path.value = path.conversions > 0 ? static_cast<double>(random() % 1000) / 3 : 0;
    path.nulls = static_cast<int64_t>(random() % 3);
  }
  for (const AttributionRule rule : kRules) {
    const auto before = Attribute(paths, rule);
    auto shuffled = paths;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto after = Attribute(shuffled, rule);
    ASSERT_EQ(before->channels.size(), after->channels.size());
    double sum = 0;
    for (size_t i = 0; i < before->channels.size(); ++i) {
      EXPECT_EQ(before->channels[i].conversions, after->channels[i].conversions);
      EXPECT_EQ(before->channels[i].value, after->channels[i].value);
      sum += before->channels[i].conversions;
    }
    EXPECT_NEAR(sum, static_cast<double>(before->conversions), 1e-9 * sum) << before->method;
  }
}

TEST(AttributionTest, CountsOfManyMagnitudes_StayFinite) {
  const std::vector<AttributionPath> paths = {{.channels = {"a", "b"}, .conversions = kAttributionCountMax},
                                              {.channels = {"b", "c"}, .conversions = 1, .nulls = kAttributionCountMax},
                                              {.channels = {"c", "a"}, .nulls = 1}};
  for (const AttributionRule rule : kRules) {
    const auto attribution = Attribute(paths, rule);
    ASSERT_TRUE(attribution.ok());
    for (const ChannelCredit& credit : attribution->channels) EXPECT_TRUE(std::isfinite(credit.conversions));
  }
}

TEST(AttributionTest, BadInput_IsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<AttributionPath> bad[] = {
      {{.channels = {"a"}, .conversions = -1}},
      {{.channels = {"a"}, .nulls = -1}},
      {{.channels = {"a"}, .conversions = 1, .value = nan}},
      {{.channels = {"a"}, .value = 3}},
      {{.channels = {"a", "b"}, .conversions = 1, .days_before = {1}}},
      {{.channels = {"a"}, .conversions = 1, .days_before = {-1}}},
      {{.channels = {"a"}, .conversions = 1, .days_before = {nan}}},
  };
  for (const auto& paths : bad) {
    EXPECT_THAT(Attribute(paths, AttributionRule::kLast).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
  }
  EXPECT_THAT(Attribute({}, AttributionRule::kTimeDecay, {.half_life_days = 0}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
  std::vector<AttributionPath> many(1);
  for (size_t i = 0; i <= kAttributionChannelsMax; ++i) many[0].channels.push_back(std::to_string(i));
  EXPECT_THAT(Attribute(many, AttributionRule::kLast).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
  EXPECT_THAT(Attribute(std::vector<AttributionPath>{{.channels = {"a"}, .conversions = kAttributionCountMax + 1}},
                        AttributionRule::kLast)
                  .status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

}  // namespace
}  // namespace throughline
