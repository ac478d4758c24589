// Intervals of effects, gaps and health hold the truth as often as they say; confidence sequences at every n at once.
// Seeded: the same numbers in every run.
#include <cmath>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/reference/metrics/models/coverage_count.h"
#include "throughline/models/effects.h"
#include "throughline/models/gap.h"
#include "throughline/models/health.h"
#include "throughline/models/staggered.h"
#include "throughline/models/standards.h"

namespace throughline {
namespace {

using ::throughline::testing::CoverageCount;

constexpr int kRounds = 3000;

class Draws {
 public:
  explicit Draws(uint32_t seed) : random_(seed) {}
  double Normal(double mean = 0, double deviation = 1) { return mean + deviation * normal_(random_); }
  double Uniform() { return uniform_(random_); }
  int64_t Binomial(int64_t n, double p) { return std::binomial_distribution<int64_t>(n, p)(random_); }
  SampleMoments Sample(int n, double mean, double deviation) {
    std::vector<double> values;
    for (int i = 0; i < n; ++i) values.push_back(Normal(mean, deviation));
    return MomentsOfValues(values).value();
  }

 private:
  std::mt19937 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
};

TEST(EffectsCoverageTest, Welch_UnequalSpreads) {
  Draws draws(1);
  CoverageCount difference, before_after, cells;
  for (int round = 0; round < kRounds; ++round) {
    const SampleMoments a = draws.Sample(12, 5, 1), b = draws.Sample(25, 3, 4);
    difference.Add(MeanDifference(a, b, {})->estimate, 2);
    before_after.Add(BeforeAfter(b, a, {})->estimate, 2);
    const SampleMoments c = draws.Sample(15, 2, 2), d = draws.Sample(10, 1, 1);
    cells.Add(DifferenceInDifferences({b, a, d, c}, {})->estimate, 1);
  }
  difference.ExpectNominal("welch");
  before_after.ExpectNominal("before_after");
  cells.ExpectNominal("difference_in_differences");
}

TEST(EffectsCoverageTest, Panel_AndCuped) {
  Draws draws(2);
  CoverageCount panel, cuped, alone;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<UnitChange> units;
    CupedQuestion question;
    for (int i = 0; i < 60; ++i) {
      const bool treated = i % 3 == 0;
      const double before = draws.Normal(10, 3);
      const double after = before + draws.Normal(1, treated ? 2 : 1) + (treated ? 0.5 : 0);
      units.push_back({.treated = treated, .before = before, .after = after});
      question.units.push_back({.treated = treated, .outcome = after, .covariate = before});
    }
    panel.Add(PanelDifferenceInDifferences(units, {})->estimate, 0.5);
    std::erase_if(units, [](const UnitChange& unit) { return unit.treated; });
    alone.Add(PanelBeforeAfter(units, {})->estimate, 1);
    cuped.Add(CupedDifference(question, {})->estimate, 0.5);
  }
  panel.ExpectNominal("panel");
  alone.ExpectNominal("panel before after");
  cuped.ExpectNominal("cuped");
}

// The coverage of intervals of shares moves up and down with the share; what they promise is an average over shares.
TEST(EffectsCoverageTest, Shares_OnAverageOverShares) {
  Draws draws(3);
  CoverageCount newcombe, breach;
  for (int round = 0; round < 4 * kRounds; ++round) {
    const double p = draws.Uniform(), q = draws.Uniform();
    const ShareCounts a = {.successes = draws.Binomial(40, p), .n = 40};
    const ShareCounts b = {.successes = draws.Binomial(60, q), .n = 60};
    newcombe.Add(ShareDifference(a, b, {})->estimate, p - q);
    breach.Add(*BreachShare({.kept = 40 - a.successes, .breached = a.successes, .open = 0}, {}), p);
  }
  newcombe.ExpectNominal("newcombe");
  breach.ExpectNominal("breach_share");
}

// Influence functions hold for large samples: 80 units a group.
TEST(EffectsCoverageTest, StaggeredStarts) {
  Draws draws(4);
  CoverageCount cell, simple, dynamic, group;
  for (int round = 0; round < 2000; ++round) {
    StaggeredQuestion question;
    question.periods = {1, 2, 3};
    // The groups' sizes are random, as the standard errors of the averages take them to be.
    for (int i = 0; i < 240; ++i) {
      const double u = draws.Uniform();
      StaggeredUnit unit;
      if (u < 1 / 3.0) unit.first_treated = 2;
      if (u > 2 / 3.0) unit.first_treated = 3;
      const double level = draws.Normal(0, 3);
      for (int64_t period = 1; period <= 3; ++period) {
        const bool on = unit.first_treated.has_value() && period >= *unit.first_treated;
        const double effect = on ? (*unit.first_treated == 2 ? 1 + static_cast<double>(period - 2) : 0.5) : 0;
        unit.outcomes.emplace_back(level + 0.3 * static_cast<double>(period) + draws.Normal() + effect);
      }
      question.units.push_back(unit);
    }
    question.controls = round % 2 == 0 ? StaggeredControls::kNeverTreated : StaggeredControls::kNotYetTreated;
    const StaggeredEffects effects = CallawaySantAnna(question, {}).value();
    cell.Add(effects.cells[0].effect, 1);
    // Groups of one size on average: cells 1, 2 and 0.5.
    simple.Add(effects.simple, 3.5 / 3);
    dynamic.Add(effects.overall_dynamic, (0.75 + 2) / 2);
    group.Add(effects.overall_group, (1.5 + 0.5) / 2);
  }
  cell.ExpectNominal("staggered_cell");
  simple.ExpectNominal("staggered_simple");
  dynamic.ExpectNominal("staggered_dynamic");
  group.ExpectNominal("staggered_group");
}

// Whole streams: how many are ever, at any n, without the truth in the interval.
struct Stream {
  int64_t n = 0;
  double sum = 0, squares = 0;
  void Add(double value) {
    ++n;
    sum += value;
    squares += value * value;
  }
  SampleMoments Moments() const {
    const auto count = static_cast<double>(n);
    const double variance = n < 2 ? 0 : std::max(0.0, (squares - sum * sum / count) / (count - 1));
    return {.n = n, .mean = sum / count, .variance = variance};
  }
};

TEST(SequenceCoverageTest, WholeStreams_AreHeldAtEveryN) {
  constexpr int kStreams = 1000;
  constexpr int kLength = 2000;
  Draws draws(5);
  SequenceOptions bounded, asymptotic;
  bounded.bounds = Interval{.low = 0, .high = 1};
  bounded.tuned_n = asymptotic.tuned_n = 200;
  int bounded_lost = 0, asymptotic_lost = 0, peeking_lost = 0;
  const auto misses = [](const Estimate& estimate, double truth) {
    return estimate.interval.has_value() && (truth < estimate.interval->low || truth > estimate.interval->high);
  };
  for (int i = 0; i < kStreams; ++i) {
    Stream coins, values;
    bool lost[3] = {false, false, false};
    for (int n = 1; n <= kLength; ++n) {
      coins.Add(draws.Uniform() < 0.5 ? 1 : 0);  // the widest that [0, 1] allows
      values.Add(draws.Normal(3, 2));
      if (n > 300 && n % 10 != 0) continue;  // later on it changes slowly
      lost[0] = lost[0] || misses(*MeanSequence(coins.Moments(), bounded), 0.5);
      lost[1] = lost[1] || misses(*MeanSequence(values.Moments(), asymptotic), 3);
      const SampleMoments moments = values.Moments();
      const double error = std::sqrt(moments.variance / static_cast<double>(moments.n));
      lost[2] = lost[2] || (n >= kSequenceMinN && std::abs(moments.mean - 3) > 1.96 * error);
    }
    bounded_lost += lost[0];
    asymptotic_lost += lost[1];
    peeking_lost += lost[2];
  }
  RecordProperty("bounded", bounded_lost);
  RecordProperty("asymptotic", asymptotic_lost);
  RecordProperty("peeking", peeking_lost);
  // At most 5 % ever, and not so few that the bound would be useless.
  EXPECT_LE(bounded_lost, kStreams * 0.05);
  EXPECT_GE(bounded_lost, kStreams * 0.01);
  EXPECT_LE(asymptotic_lost, kStreams * 0.05);
  EXPECT_GE(asymptotic_lost, kStreams * 0.01);
  // What the sequence is for: a 95 % interval that is looked at all the time.
  EXPECT_GE(peeking_lost, kStreams * 0.25);
}

TEST(SequenceCoverageTest, Difference_IsHeldAtEveryN) {
  constexpr int kStreams = 1000;
  Draws draws(6);
  SequenceOptions options;
  options.tuned_n = 200;
  int lost = 0;
  for (int i = 0; i < kStreams; ++i) {
    Stream treated, control;
    bool missed = false;
    for (int n = 1; n <= 1500; ++n) {
      treated.Add(draws.Normal(1, 2));
      if (n % 2 == 0) control.Add(draws.Normal(0, 1));
      if (n < 60 || n % 5 != 0) continue;
      const auto effect = DifferenceSequence(treated.Moments(), control.Moments(), options);
      if (!effect->estimate.interval.has_value()) continue;
      missed = missed || effect->estimate.interval->low > 1 || effect->estimate.interval->high < 1;
    }
    lost += missed;
  }
  EXPECT_LE(lost, kStreams * 0.05);
}

TEST(GapCoverageTest, PairedT_AndFishersZ) {
  Draws draws(7);
  CoverageCount gap, performance, importance;
  for (int round = 0; round < kRounds; ++round) {
    GapQuestion question;
    question.scale_low = -1000;
    question.scale_high = 1000;
    GapAttribute attribute;
    for (int i = 0; i < 25; ++i) {
      const double common = draws.Normal();
      attribute.answers.push_back({.expectation = 8 + common + draws.Normal(),
                                   .performance = 6 + common + draws.Normal(),
                                   .overall = common + draws.Normal()});
    }
    question.attributes = {attribute};
    const GapReport report = ExpectationGap(question, {}).value();
    gap.Add(report.attributes[0].gap, -2);
    performance.Add(report.attributes[0].performance, 6);
    importance.Add(report.attributes[0].importance, 0.5);
  }
  gap.ExpectNominal("gap");
  performance.ExpectNominal("performance");
  importance.ExpectNominal("importance");
}

TEST(HealthCoverageTest, IndependentComponents) {
  Draws draws(8);
  CoverageCount coverage;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<HealthComponent> components;
    for (int i = 0; i < 3; ++i) {
      components.push_back({.name = std::string(1, static_cast<char>('a' + i)),
                            .weight = i + 1.0,
                            .score = draws.Normal(50, 2.0 * i + 1),
                            .standard_error = 2.0 * i + 1});
    }
    coverage.Add(HealthScore(components, {})->score, 50);
  }
  coverage.ExpectNominal("health");
}

// Mean number of points until the first signal.
template <typename Chart>
double RunLength(uint32_t seed, double shift, int rounds, const Chart& chart) {
  constexpr int kPiece = 6000;  // twelve times the mean: what is cut off does not matter
  Draws draws(seed);
  double sum = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<double> values;
    const int length = shift > 0 ? 200 : kPiece;
    for (int i = 0; i < length; ++i) values.push_back(draws.Normal(shift));
    const auto result = chart(values);
    sum += result.signals.empty() ? length : static_cast<double>(result.signals.front() + 1);
  }
  return sum / rounds;
}

// Lucas & Saccucci 1990 and Hawkins & Olwell 1998 give 500 and 10.3 for the EWMA, 465 and 10.4 for the CUSUM. Limits
// that begin narrow, as these of the EWMA do, signal a little earlier.
TEST(RunLengthTest, EwmaAndCusum_AreAsPublished) {
  const auto ewma = [](const std::vector<double>& values) {
    EwmaOptions options;
    options.mean = 0;
    options.standard_deviation = 1;
    return EwmaChart(values, options).value();
  };
  const auto cusum = [](const std::vector<double>& values) {
    CusumOptions options;
    options.mean = 0;
    options.standard_deviation = 1;
    return CusumChart(values, options).value();
  };
  EXPECT_NEAR(RunLength(9, 0, 600, ewma), 490, 50);
  EXPECT_NEAR(RunLength(10, 0, 600, cusum), 465, 50);
  EXPECT_NEAR(RunLength(11, 1, 3000, ewma), 9.4, 1.2);
  EXPECT_NEAR(RunLength(12, 1, 3000, cusum), 10.4, 0.4);
}

TEST(RunLengthTest, PChart_RarelySignalsInControl) {
  Draws draws(13);
  std::vector<TrialCount> counts;
  for (int i = 0; i < 20000; ++i) counts.push_back({.failures = draws.Binomial(2000, 0.3), .n = 2000});
  const Chart chart = PChart(counts, {.center = 0.3, .baseline = 0, .width = 3}).value();
  EXPECT_NEAR(static_cast<double>(chart.signals.size()) / 20000, 0.0027, 0.0012);
}

TEST(BenjaminiHochbergTest, FalseAlarms_StayBelowTheRate) {
  Draws draws(14);
  double false_share = 0;
  constexpr int kFamilies = 2000;
  for (int family = 0; family < kFamilies; ++family) {
    std::vector<double> p_values;
    for (int i = 0; i < 50; ++i) p_values.push_back(std::erfc(std::abs(draws.Normal(i < 10 ? 3 : 0)) / std::sqrt(2)));
    const Hypotheses out = BenjaminiHochberg(p_values, 0.1).value();
    double all = 0, wrong = 0;
    for (int i = 0; i < 50; ++i) {
      all += out.rejected[i];
      wrong += out.rejected[i] && i >= 10;
    }
    if (all > 0) false_share += wrong / all / kFamilies;
  }
  // Exactly rate × share of true null hypotheses = .08 for independent tests.
  EXPECT_NEAR(false_share, 0.08, 0.01);
}

}  // namespace
}  // namespace throughline
