#include "throughline/models/survival.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/models/retention.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using ::throughline::testing::HasReason;
using ::throughline::testing::StatusIs;
using State = Estimate::State;

SurvivalCurve Curve(const std::vector<SurvivalRow>& rows) {
  auto curve = KaplanMeier(rows);
  EXPECT_TRUE(curve.ok()) << curve.status();
  return *curve;
}

TEST(KaplanMeierTest, HandWorkedCurve) {
  // At risk 5, 4, 2: S = 4/5, 4/5·3/4 = 3/5, then a censoring, then 3/5·1/2 = 3/10.
  const SurvivalCurve curve = Curve({{1, true}, {2, true}, {2, false}, {4, true}, {5, false}});
  ASSERT_EQ(curve.steps.size(), 4);
  EXPECT_DOUBLE_EQ(curve.steps[0].survival, 0.8);
  EXPECT_DOUBLE_EQ(curve.steps[1].survival, 0.6);
  EXPECT_EQ(curve.steps[1].at_risk, 4);
  EXPECT_EQ(curve.steps[1].events, 1);
  EXPECT_EQ(curve.steps[1].censored, 1);
  EXPECT_DOUBLE_EQ(curve.steps[2].survival, 0.3);
  EXPECT_DOUBLE_EQ(curve.steps[3].survival, 0.3);
  EXPECT_NEAR(curve.steps[0].variance, 0.64 * (1 / 20.0), 1e-15);
  EXPECT_NEAR(curve.steps[2].variance, 0.09 * (1 / 20.0 + 1 / 12.0 + 1 / 2.0), 1e-15);
  EXPECT_EQ(curve.median.value, 4);
  EXPECT_EQ(curve.At(0.5), 1);
  EXPECT_EQ(curve.At(1), 0.8);
  EXPECT_EQ(curve.At(100), 0.3);
  // exp(−exp(log(−log .8) ± 1.96·√(1/20)/|log .8|))
  ASSERT_TRUE(curve.steps[0].interval.has_value());
  EXPECT_NEAR(curve.steps[0].interval->low, 0.203809263268, 1e-11);
  EXPECT_NEAR(curve.steps[0].interval->high, 0.969179788867, 1e-11);
}

TEST(KaplanMeierTest, NobodyCensored_IsExactlyTheShareLeft) {
  for (int n = 1; n <= 400; ++n) {
    std::vector<SurvivalRow> rows;
    for (int i = 1; i <= n; ++i) rows.push_back({static_cast<double>(i), true});
    const SurvivalCurve curve = Curve(rows);
    EXPECT_EQ(curve.median.value, (n + 1) / 2) << n;
    EXPECT_EQ(curve.steps.back().survival, 0);
    EXPECT_EQ(curve.steps.back().variance, 0);
    EXPECT_FALSE(curve.steps.back().interval.has_value());
  }
}

TEST(KaplanMeierTest, HalfAfterCensorings_IsTheMedianDespiteRounding) {
  // 9/10·8/9 …: with a censoring after each event the product is rounded, and ½ on paper.
  const SurvivalCurve curve = Curve({{1, true, 1}, {1, false, 3}, {2, true, 2}, {3, true, 1}, {9, false, 3}});
  // 9/10, at risk 6: 9/10·4/6 = .6, 9/10·3/6 = .45.
  EXPECT_EQ(curve.median.value, 3);
  const SurvivalCurve half = Curve({{1, true, 3}, {1, false, 1}, {2, true, 2}, {9, false, 4}});  // 7/10·4/6
  EXPECT_EQ(half.median.value, 2);
  const SurvivalCurve exact = Curve({{1, true, 1}, {1, false, 1}, {2, true, 2}, {9, false, 2}});  // 5/6·2/4 < ½
  EXPECT_EQ(exact.median.value, 2);
  // 5/7·7/10 = ½ through a censoring.
  const SurvivalCurve paper = Curve({{1, true, 6}, {1, false, 5}, {2, true, 3}, {9, false, 7}});
  EXPECT_EQ(paper.median.value, 2);
}

TEST(KaplanMeierTest, EdgeCases) {
  EXPECT_EQ(Curve({}).median.state, State::kUndefined);
  EXPECT_EQ(Curve({{3, true, 0}}).n, 0);
  const SurvivalCurve censored = Curve({{1, false}, {2, false, 5}});
  EXPECT_EQ(censored.median.state, State::kUndefined);
  EXPECT_THAT(censored.median.undefined_reason, HasSubstr("not reached"));
  EXPECT_EQ(censored.n, 6);
  for (const SurvivalStep& step : censored.steps) {
    EXPECT_EQ(step.survival, 1);
    EXPECT_FALSE(step.interval.has_value());
  }
  const SurvivalCurve equal = Curve({{2, true, 10}});
  EXPECT_EQ(equal.median.value, 2);
  EXPECT_FALSE(equal.median.interval.has_value());
  EXPECT_EQ(equal.median.details.at("low"), 2);
  const SurvivalCurve zero = Curve({{0, true, 1}, {0, false, 1}, {-0.0, true, 2}});
  ASSERT_EQ(zero.steps.size(), 1);
  EXPECT_EQ(zero.steps[0].events, 3);
  const SurvivalCurve huge = Curve({{1e300, true, kSurvivalCountMax}, {1e-300, true, 1}});
  for (const SurvivalStep& step : huge.steps) {
    EXPECT_TRUE(std::isfinite(step.variance));
    if (!step.interval.has_value()) continue;
    EXPECT_TRUE(std::isfinite(step.interval->low) && std::isfinite(step.interval->high));
  }
}

TEST(KaplanMeierTest, BelowMinimum_IsInsufficient) {
  const auto curve = KaplanMeier(std::vector<SurvivalRow>{{1, true, 5}}, {.min_n = 30});
  EXPECT_EQ(curve->median.state, State::kInsufficientData);
}

TEST(KaplanMeierTest, OrderAndCounts_ChangeNothing) {
  std::mt19937 random(3);
  std::vector<SurvivalRow> rows;
  for (int i = 0; i < 500; ++i) rows.push_back({static_cast<double>(random() % 50), random() % 3 > 0, 1});
  const SurvivalCurve before = Curve(rows);
  std::shuffle(rows.begin(), rows.end(), random);
  std::vector<SurvivalRow> collapsed;
  for (const SurvivalRow& row : rows) {
    const auto same = std::find_if(collapsed.begin(), collapsed.end(), [&](const SurvivalRow& each) {
      return each.duration == row.duration && each.observed == row.observed;
    });
    if (same == collapsed.end()) {
      collapsed.push_back(row);
    } else {
      ++same->count;
    }
  }
  for (const SurvivalCurve& after : {Curve(rows), Curve(collapsed)}) {
    ASSERT_EQ(after.steps.size(), before.steps.size());
    for (size_t i = 0; i < after.steps.size(); ++i) {
      EXPECT_EQ(after.steps[i].survival, before.steps[i].survival);
      EXPECT_EQ(after.steps[i].variance, before.steps[i].variance);
    }
  }
}

TEST(KaplanMeierTest, BadInput_IsRefused) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const SurvivalRow& row : {SurvivalRow{-1, true, 1}, {infinity, true, 1}, {NAN, true, 1}, {1, true, -1}}) {
    EXPECT_THAT(KaplanMeier({&row, 1}).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
    const std::vector<SurvivalRow> groups[] = {{{1, true, 1}}, {row}};
    EXPECT_THAT(LogRank(groups).status(), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
  }
  EXPECT_FALSE(KaplanMeier({}, {.confidence_level = 1}).ok());
  EXPECT_FALSE(KaplanMeier({}, {.confidence_level = NAN}).ok());
  const SurvivalRow many{1, true, kSurvivalCountMax + 1};
  EXPECT_THAT(KaplanMeier({&many, 1}).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

TEST(RestrictedMeanTest, AreaBelowTheCurve) {
  const SurvivalCurve curve = Curve({{1, true}, {2, true}, {2, false}, {4, true}, {5, false}});
  const Estimate mean = RestrictedMeanEstimate(curve, 4.5);
  EXPECT_NEAR(mean.value, 1 + 0.8 + 0.6 * 2 + 0.3 * 0.5, 1e-14);
  const double a1 = 0.8 + 1.2 + 0.15, a2 = 1.2 + 0.15, a3 = 0.15;
  EXPECT_NEAR(mean.details.at("standard_error"), std::sqrt(a1 * a1 / 20 + a2 * a2 / 12 + a3 * a3 / 2), 1e-14);
  EXPECT_EQ(RestrictedMeanEstimate(curve, 5.5).state, State::kUndefined) << "nobody was seen for so long";
  EXPECT_EQ(RestrictedMeanEstimate(curve, 0).state, State::kUndefined);
  EXPECT_EQ(RestrictedMeanEstimate(curve, NAN).state, State::kUndefined);
  EXPECT_EQ(RestrictedMeanEstimate(Curve({}), 1).state, State::kUndefined);
  // Down to 0: the mean itself, however long one looks.
  EXPECT_NEAR(RestrictedMeanEstimate(Curve({{1, true}, {2, true}, {6, true}}), 100).value, 3, 1e-14);
  const Estimate before_all = RestrictedMeanEstimate(curve, 0.5);
  EXPECT_EQ(before_all.value, 0.5);
  EXPECT_FALSE(before_all.interval.has_value());
}

TEST(LogRankTest, HandWorkedGroups) {
  // Events at 1 (a of 2 + 2), 2 (b of 1 + 2), 3 (a of 1 + 1), 4 (b alone).
  const std::vector<SurvivalRow> groups[] = {{{1, true}, {3, true}}, {{2, true}, {4, true}}};
  const auto test = LogRank(groups);
  ASSERT_TRUE(test.ok());
  const double expected = 0.5 + 1 / 3.0 + 0.5;
  const double variance = 0.25 + 2 / 9.0 + 0.25;
  EXPECT_NEAR(test->groups[0].expected, expected, 1e-15);
  EXPECT_NEAR(test->groups[0].expected + test->groups[1].expected, 4, 1e-14);
  EXPECT_NEAR(test->chi_square.value, (2 - expected) * (2 - expected) / variance, 1e-12);
  EXPECT_EQ(test->chi_square.details.at("degrees_of_freedom"), 1);
  EXPECT_EQ(test->chi_square.n, 4);
}

TEST(LogRankTest, EqualGroups_DifferByNothing) {
  const std::vector<SurvivalRow> group = {{1, true, 3}, {2, false, 2}, {5, true, 4}};
  const std::vector<SurvivalRow> groups[] = {group, group, group};
  const auto test = LogRank(groups);
  EXPECT_NEAR(test->chi_square.value, 0, 1e-20);
  EXPECT_NEAR(test->chi_square.details.at("p_value"), 1, 1e-12);
  EXPECT_EQ(test->chi_square.details.at("degrees_of_freedom"), 2);
}

TEST(LogRankTest, EdgeCases) {
  using Groups = std::vector<std::vector<SurvivalRow>>;
  for (const Groups& groups : {Groups{}, Groups{{{1, true}}}, Groups{{}, {}}, Groups{{{1, true, 9}}, {}},
                               Groups{{{1, false, 9}}, {{2, false, 9}}}, Groups{{{2, true, 9}}, {{1, false, 9}}},
                               Groups{{{1, true, 9}}, {{1, true, 9}}}, Groups{{{0, true, 1}}, {{0, true, 1}}}}) {
    const auto test = LogRank(groups);
    ASSERT_TRUE(test.ok());
    EXPECT_EQ(test->chi_square.state, State::kUndefined);
    EXPECT_FALSE(test->chi_square.undefined_reason.empty());
  }
  // A third group that left before the first event takes no part.
  const std::vector<SurvivalRow> groups[] = {{{2, true}, {4, true}}, {{3, true}, {5, true}}, {{1, false, 50}}};
  const auto test = LogRank(groups);
  EXPECT_EQ(test->chi_square.details.at("degrees_of_freedom"), 1);
  EXPECT_NEAR(test->chi_square.value, LogRank({groups, 2})->chi_square.value, 1e-12);
  // Groups far apart and large: p underflows to 0, and nothing else happens.
  const std::vector<SurvivalRow> apart[] = {{{1, true, 1'000'000}, {2, true, 1}}, {{9, true, 1'000'000}}};
  const auto far = LogRank(apart);
  EXPECT_GT(far->chi_square.value, 1e5);
  EXPECT_EQ(far->chi_square.details.at("p_value"), 0);
}

TEST(StageSurvivalTest, ThoseInside_AreCensored) {
  StageTimes::Stage stage;
  for (const int64_t seconds : {1, 2, 4}) stage.ended.Add(seconds * 1'000'000);
  for (const int64_t seconds : {2, 5}) stage.inside.Add(seconds * 1'000'000);
  stage.entered = 5;
  stage.inside_count = 2;
  const auto curve = StageSurvival(stage);
  ASSERT_TRUE(curve.ok());
  EXPECT_EQ(curve->median.value, 4);
  EXPECT_DOUBLE_EQ(curve->At(2), 0.6);
  EXPECT_EQ(curve->censored, 2);
  stage.inside = DurationSketch();
  const auto without_now = StageSurvival(stage);
  ASSERT_TRUE(without_now.ok());
  EXPECT_THAT(without_now->median.undefined_reason, HasSubstr("not measured"));
  stage.inside_count = -1;
  EXPECT_FALSE(StageSurvival(stage).ok());
}

TEST(StageSurvivalTest, BeyondTheExactSketch_StaysWithinItsError) {
  StageTimes::Stage stage;
  std::mt19937_64 random(5);
  std::vector<SurvivalRow> rows;
  for (int i = 0; i < 90'000; ++i) {
    const auto micros = static_cast<int64_t>(random() % 100'000'000'000);
    const bool ended = i % 9 != 0;
    (ended ? stage.ended : stage.inside).Add(micros);
    stage.inside_count += ended ? 0 : 1;
    rows.push_back({static_cast<double>(micros) / 1e6, ended, 1});
  }
  ASSERT_FALSE(stage.ended.exact());
  const auto curve = StageSurvival(stage);
  ASSERT_TRUE(curve.ok());
  EXPECT_EQ(curve->n, 90'000);
  const SurvivalCurve exact = Curve(rows);
  EXPECT_NEAR(curve->median.value, exact.median.value, 0.004 * exact.median.value);
}

TEST(CohortRetentionTest, UnfinishedPeriods_AreNotObservable) {
  CohortMatrix matrix;
  matrix.cohorts[absl::CivilDay(2026, 1, 1)] = {.customers = 10, .active = {10, 0, 3}};
  matrix.cohorts[absl::CivilDay(2026, 3, 1)] = {.customers = 0, .active = {0}};
  // March is known to its 30th day: it is not over.
  auto table = CohortRetention(matrix, CalendarUnit::kMonth, absl::CivilDay(2026, 3, 31));
  ASSERT_TRUE(table.ok());
  const auto& january = (*table)[0];
  EXPECT_EQ(january.cells[1].share.value, 0);
  EXPECT_EQ(january.cells[1].share.state, State::kOk);
  EXPECT_EQ(january.cells[1].share.interval->low, 0);
  EXPECT_NEAR(january.cells[1].share.interval->high, 0.277532799862889, 1e-12);
  EXPECT_FALSE(january.cells[2].observable);
  EXPECT_EQ(january.cells[2].active, 3);
  EXPECT_EQ(january.cells[2].share.state, State::kUndefined);
  table = CohortRetention(matrix, CalendarUnit::kMonth, absl::CivilDay(2026, 4, 1));
  EXPECT_TRUE((*table)[0].cells[2].observable);
  EXPECT_DOUBLE_EQ((*table)[0].cells[2].share.value, 0.3);
  EXPECT_TRUE((*table)[1].cells[0].observable);
  EXPECT_THAT((*table)[1].cells[0].share.undefined_reason, HasSubstr("no customers"));
}

TEST(CohortRetentionTest, BadInput_IsRefused) {
  const auto refused = [](absl::CivilDay day, CohortMatrix::Cohort cohort) {
    CohortMatrix matrix;
    matrix.cohorts[day] = std::move(cohort);
    return CohortRetention(matrix, CalendarUnit::kMonth, absl::CivilDay(2027, 1, 1)).status();
  };
  const auto invalid = StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD"));
  EXPECT_THAT(refused(absl::CivilDay(2026, 1, 2), {.customers = 1, .active = {1}}), invalid);
  EXPECT_THAT(refused(absl::CivilDay(2026, 1, 1), {.customers = -1, .active = {}}), invalid);
  EXPECT_THAT(refused(absl::CivilDay(2026, 1, 1), {.customers = 1, .active = {2}}), invalid);
  EXPECT_THAT(refused(absl::CivilDay(2026, 1, 1), {.customers = 1, .active = {-1}}), invalid);
}

}  // namespace
}  // namespace throughline
