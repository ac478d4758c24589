// The models against published numbers: section 1 (surveys) and the funnel rows of section 4 as listed in
// docs/metrics.md. Closed forms are held to 1e-9, numbers that are published with fewer digits to half a unit of the
// last digit.
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "throughline/models/conversion.h"
#include "throughline/models/intervals.h"
#include "throughline/models/survey.h"

namespace throughline {
namespace {

using ::throughline::testing::DataPath;

constexpr double kClosedForm = 1e-9;

ScoreHistogram Scale(const std::vector<int64_t>& counts_from_1) {
  ScoreHistogram histogram;
  for (size_t i = 0; i < counts_from_1.size(); ++i) histogram.counts[i + 1] = counts_from_1[i];
  return histogram;
}

TEST(NpsReferenceTest, OneTwoThree) {
  const NpsMoments moments = ComputeNpsMoments({.detractors = 1, .passives = 2, .promoters = 3}, 0.95);
  EXPECT_NEAR(moments.nps, 1.0 / 3, kClosedForm);
  EXPECT_NEAR(moments.variance, 5.0 / 9, kClosedForm);
  EXPECT_NEAR(moments.standard_error, 0.304290309725092, kClosedForm);
}

TEST(NpsReferenceTest, TenTwentyThirty) {
  const NpsMoments moments = ComputeNpsMoments({.detractors = 10, .passives = 20, .promoters = 30}, 0.95);
  EXPECT_NEAR(moments.nps, 1.0 / 3, kClosedForm);
  EXPECT_NEAR(moments.adjusted_center, 20 / 63.0, kClosedForm);
  EXPECT_NEAR(moments.adjusted_standard_error, 0.0941081027809, kClosedForm);
  EXPECT_NEAR(moments.adjusted_wald.low, 0.133011825356382, kClosedForm);
  EXPECT_NEAR(moments.adjusted_wald.high, 0.501908809564253, kClosedForm);
  EXPECT_NEAR(moments.wald.low, 0.144735710987, kClosedForm);
  EXPECT_NEAR(moments.wald.high, 0.521930955679, kClosedForm);
}

TEST(NpsReferenceTest, NoDetractors) {
  const NpsMoments moments = ComputeNpsMoments({.detractors = 0, .passives = 3, .promoters = 7}, 0.95);
  EXPECT_NEAR(moments.nps, 0.7, kClosedForm);
  EXPECT_NEAR(moments.adjusted_center, 7 / 13.0, kClosedForm);
  EXPECT_NEAR(moments.adjusted_wald.low, 0.210539488352112, kClosedForm);
  EXPECT_NEAR(moments.adjusted_wald.high, 0.866383588570965, kClosedForm);
}

TEST(NpsReferenceTest, TestDataRecommendation) {
  const std::string path = DataPath("surveys/nps_testdata.csv");
  REQUIRE_DATA(path);
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  ASSERT_EQ(line.substr(0, 5), "\"REC\"");
  ScoreHistogram scores;
  while (std::getline(file, line)) ++scores.counts[std::atoi(line.c_str())];

  const Estimate estimate = NpsEstimate(scores, {});
  EXPECT_EQ(estimate.n, 1000);
  EXPECT_EQ(estimate.details.at("detractors"), 362);
  EXPECT_EQ(estimate.details.at("passives"), 176);
  EXPECT_EQ(estimate.details.at("promoters"), 462);
  EXPECT_NEAR(estimate.value, 10, 100 * kClosedForm);
  EXPECT_NEAR(estimate.details.at("standard_error"), 2.85306852353542, 1e-7);
  ASSERT_TRUE(estimate.interval.has_value());
  EXPECT_NEAR(estimate.interval->low, 4.38966692503208, 100 * kClosedForm);
  EXPECT_NEAR(estimate.interval->high, 15.5505125365831, 100 * kClosedForm);

  const NpsMoments moments = ComputeNpsMoments({.detractors = 362, .passives = 176, .promoters = 462}, 0.95);
  EXPECT_NEAR(moments.variance, 0.814, kClosedForm);
  EXPECT_NEAR(moments.standard_error, 0.02853069, 5e-9);
  EXPECT_NEAR(moments.adjusted_center, 0.09970090, 5e-9);
}

TEST(CsatReferenceTest, OlistReviews) {
  const Estimate estimate = CsatEstimate(Scale({2638, 382, 667, 1184, 3354}), 5, {});
  EXPECT_EQ(estimate.n, 8225);
  EXPECT_EQ(estimate.details.at("top_box"), 4538);
  EXPECT_NEAR(estimate.value, 0.551732522796353, kClosedForm);
  EXPECT_NEAR(estimate.details.at("mean"), 3.27161094224924, kClosedForm);
  EXPECT_NEAR(estimate.interval->low, 0.540963215996291, kClosedForm);
  EXPECT_NEAR(estimate.interval->high, 0.562453529150475, kClosedForm);
  EXPECT_NEAR(estimate.details.at("mean_low"), 3.23398048963624, kClosedForm);
  EXPECT_NEAR(estimate.details.at("mean_high"), 3.30924139486224, kClosedForm);
}

TEST(CsatReferenceTest, WilsonRows) {
  struct Row {
    std::vector<int64_t> counts;
    double value, low, high;
  };
  const Row rows[] = {{{1, 1, 0, 4, 4}, 0.8, 0.490162471536642, 0.943317848545625},
                      {{4, 3, 3, 0, 0}, 0, 0, 0.277532799862889},
                      {{150, 150, 150, 250, 300}, 0.55, 0.519032708225741, 0.580584615925703}};
  for (const Row& row : rows) {
    const Estimate estimate = CsatEstimate(Scale(row.counts), 5, {});
    EXPECT_NEAR(estimate.value, row.value, kClosedForm);
    EXPECT_NEAR(estimate.interval->low, row.low, kClosedForm);
    EXPECT_NEAR(estimate.interval->high, row.high, kClosedForm);
  }
}

TEST(CesReferenceTest, Version2) {
  const Estimate estimate = CesEstimate(Scale({80, 210, 140, 110, 160, 180, 120}), 2, {});
  EXPECT_EQ(estimate.n, 1000);
  EXPECT_NEAR(estimate.value, 4.08, kClosedForm);
  EXPECT_NEAR(estimate.interval->low, 3.9613268869246, kClosedForm);
  EXPECT_NEAR(estimate.interval->high, 4.1986731130754, kClosedForm);
  EXPECT_NEAR(estimate.details.at("share_5_7"), 0.46, kClosedForm);
  EXPECT_NEAR(estimate.details.at("share_5_7_low"), 0.429321426881106, kClosedForm);
  EXPECT_NEAR(estimate.details.at("share_5_7_high"), 0.490984713797738, kClosedForm);
}

// Olist's reach in order of time, and rows of the BPI 2012 funnel.
TEST(ConversionReferenceTest, FunnelRows) {
  struct Row {
    int64_t entered, converted;
    double value, low, high;
  };
  const Row rows[] = {{8135, 7989, 0.982052858020897, 0.978932130013206, 0.98471853693767},
                      {7989, 6276, 0.785580172737514, 0.776444302859951, 0.794441535863197},
                      {6276, 5099, 0.812460165710644, 0.80261282101619, 0.821925238697266},
                      {13087, 2246, 0.171620692290059, 0.165257357952471, 0.178176750004842},
                      {13087, 7367, 0.562925040116146, 0.554409517014748, 0.571403632978772},
                      {7367, 5113, 0.694040993620198, 0.683419427763348, 0.70446030292583},
                      {13087, 126, 0.00962787499044854, 0.00809285373008027, 0.0114506920095487},
                      {1478, 18, 0.0121786197564276, 0.00771731657379313, 0.0191691351336665}};
  for (const Row& row : rows) {
    PairAggregate pairs;
    pairs.entered = row.entered;
    pairs.converted = row.converted;
    const Estimate conversion = ConversionEstimate(pairs, {});
    EXPECT_NEAR(conversion.value, row.value, kClosedForm);
    EXPECT_NEAR(conversion.interval->low, row.low, kClosedForm);
    EXPECT_NEAR(conversion.interval->high, row.high, kClosedForm);
    const Estimate drop_off = DropOffEstimate(pairs, {});
    EXPECT_NEAR(drop_off.value, 1 - row.value, kClosedForm);
    EXPECT_NEAR(drop_off.interval->low, 1 - row.high, kClosedForm);
    EXPECT_NEAR(drop_off.interval->high, 1 - row.low, kClosedForm);
  }
}

}  // namespace
}  // namespace throughline
