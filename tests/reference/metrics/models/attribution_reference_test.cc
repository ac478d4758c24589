// Attribution against published numbers: section 5 of the metrics, on path_data of the R package ChannelAttribution.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/money_data.h"
#include "throughline/models/attribution.h"

namespace throughline {
namespace {

using ::throughline::testing::ChannelPaths;
using ::throughline::testing::DataPath;

constexpr double kClosedForm = 1e-9;

const ChannelCredit& CreditOf(const Attribution& attribution, const std::string& channel) {
  for (const ChannelCredit& credit : attribution.channels) {
    if (credit.channel == channel) return credit;
  }
  throw std::runtime_error("there is no channel " + channel);
}

TEST(AttributionReferenceTest, BrylsExample_MarkovShares) {
  const std::vector<AttributionPath> paths = {{.channels = {"C1", "C2", "C3"}, .conversions = 1, .value = 10},
                                              {.channels = {"C1"}, .nulls = 1},
                                              {.channels = {"C2", "C3"}, .nulls = 1}};
  const auto markov = Attribute(paths, AttributionRule::kMarkov);
  ASSERT_TRUE(markov.ok()) << markov.status();
  EXPECT_NEAR(CreditOf(*markov, "C1").share, 0.2, kClosedForm);
  EXPECT_NEAR(CreditOf(*markov, "C2").share, 0.4, kClosedForm);
  EXPECT_NEAR(CreditOf(*markov, "C3").share, 0.4, kClosedForm);
  EXPECT_NEAR(*CreditOf(*markov, "C1").removal_effect, 0.5, kClosedForm);
  EXPECT_NEAR(*CreditOf(*markov, "C2").removal_effect, 1, kClosedForm);
  EXPECT_NEAR(CreditOf(*markov, "C3").value, 4, kClosedForm);
}

TEST(AttributionReferenceTest, PathData_EveryRule) {
  const std::string file = DataPath("attribution/path_data.csv.gz");
  REQUIRE_DATA(file);
  const std::vector<AttributionPath> paths = ChannelPaths(file);
  ASSERT_EQ(paths.size(), 10000);

  const auto first = *Attribute(paths, AttributionRule::kFirst);
  EXPECT_EQ(CreditOf(first, "alpha").conversions, 6308);
  EXPECT_EQ(CreditOf(first, "iota").conversions, 4606);
  EXPECT_EQ(CreditOf(first, "eta").conversions, 3164);
  const auto last = *Attribute(paths, AttributionRule::kLast);
  EXPECT_EQ(CreditOf(last, "alpha").conversions, 8447);
  const auto linear = *Attribute(paths, AttributionRule::kLinear);
  EXPECT_NEAR(CreditOf(linear, "alpha").conversions, 7574.718594, 5e-7);
  const auto markov = *Attribute(paths, AttributionRule::kMarkov);
  EXPECT_NEAR(CreditOf(markov, "alpha").conversions, 5344.947682, 5e-7);
  EXPECT_NEAR(CreditOf(markov, "iota").conversions, 3884.614702, 5e-7);
  const auto shapley = *Attribute(paths, AttributionRule::kShapley);
  EXPECT_NEAR(CreditOf(shapley, "alpha").conversions, 7627.944048, 5e-7);

  for (const Attribution* each : {&first, &last, &linear, &markov, &shapley}) {
    double conversions = 0, value = 0;
    for (const ChannelCredit& credit : each->channels) {
      conversions += credit.conversions;
      value += credit.value;
    }
    EXPECT_NEAR(conversions, static_cast<double>(each->conversions), 1e-6) << each->method;
    EXPECT_NEAR(value, each->value, 1e-6) << each->method;
    EXPECT_TRUE(each->excluded.empty());
  }
}

}  // namespace
}  // namespace throughline
