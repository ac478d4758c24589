// Effects against published numbers: Card & Krueger (American Economic Review 84, 1994), table 3, and the county
// employment data of Callaway & Sant'Anna's package, whose documentation prints the estimates with four digits.
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/csv_table.h"
#include "tests/support/files.h"
#include "throughline/models/effects.h"
#include "throughline/models/staggered.h"

namespace throughline {
namespace {

using ::throughline::testing::CsvTable;
using ::throughline::testing::DataPath;

// Full-time equivalents: full-time employees, managers, and half of the part-time employees.
std::optional<double> Employment(const CsvTable& table, size_t row, const std::string& wave) {
  const auto full = table.Number(row, "EMPFT" + wave);
  const auto part = table.Number(row, "EMPPT" + wave);
  const auto managers = table.Number(row, "NMGRS" + wave);
  if (!full.has_value() || !part.has_value() || !managers.has_value()) return std::nullopt;
  return *full + *managers + *part / 2;
}

std::vector<UnitChange> CardKrueger(const std::string& path) {
  const CsvTable table(path);
  std::vector<UnitChange> units;
  for (size_t i = 0; i < table.size(); ++i) {
    units.push_back({.treated = table.Number(i, "STATE") == 1.0,  // New Jersey
                     .before = Employment(table, i, ""),
                     .after = Employment(table, i, "2")});
  }
  return units;
}

TEST(EffectsReferenceTest, CardKruegerBalancedCells) {
  const std::string path = DataPath("effects/card_krueger.csv");
  REQUIRE_DATA(path);
  const Effect effect = PanelDifferenceInDifferences(CardKrueger(path), {}).value();
  EXPECT_FALSE(effect.no_control);
  EXPECT_NEAR(effect.estimate.value, 2.75, 0.005);
  EXPECT_NEAR(effect.estimate.details.at("standard_error"), 1.34, 0.005);
  EXPECT_NEAR(effect.estimate.details.at("treated_change"), 0.47, 0.005);
  EXPECT_NEAR(effect.estimate.details.at("control_change"), -2.28, 0.005);
  EXPECT_EQ(effect.estimate.n + effect.estimate.excluded.at("unbalanced"), 410);
}

// Table 3, row 3: all available stores in each cell.
TEST(EffectsReferenceTest, CardKruegerAllStores) {
  const std::string path = DataPath("effects/card_krueger.csv");
  REQUIRE_DATA(path);
  std::vector<double> cells[2][2];
  for (const UnitChange& unit : CardKrueger(path)) {
    if (unit.before.has_value()) cells[unit.treated][0].push_back(*unit.before);
    if (unit.after.has_value()) cells[unit.treated][1].push_back(*unit.after);
  }
  const DifferenceCells moments = {.treated_before = MomentsOfValues(cells[1][0]).value(),
                                   .treated_after = MomentsOfValues(cells[1][1]).value(),
                                   .control_before = MomentsOfValues(cells[0][0]).value(),
                                   .control_after = MomentsOfValues(cells[0][1]).value()};
  EXPECT_NEAR(moments.treated_before.mean, 20.44, 0.005);
  EXPECT_NEAR(moments.control_before.mean, 23.33, 0.005);
  EXPECT_NEAR(moments.treated_after.mean, 21.03, 0.005);
  EXPECT_NEAR(moments.control_after.mean, 21.17, 0.005);
  const Effect effect = DifferenceInDifferences(moments, {}).value();
  // The article prints 2.76 (the difference of rounded means) with a standard error of 1.36, which takes the errors of
  // a store's two waves for related. Independent cells give more.
  EXPECT_NEAR(effect.estimate.value, 2.76, 0.01);
  EXPECT_GT(effect.estimate.details.at("standard_error"), 1.36);
}

StaggeredQuestion CountyEmployment(const std::string& path) {
  const CsvTable table(path);
  std::map<std::string, StaggeredUnit> counties;
  for (size_t i = 0; i < table.size(); ++i) {
    StaggeredUnit& unit = counties[table.Text(i, "countyreal")];
    unit.outcomes.resize(5);
    unit.outcomes.at(static_cast<size_t>(*table.Number(i, "year") - 2003)) = table.Number(i, "lemp");
    const double first = *table.Number(i, "first.treat");
    if (first != 0) unit.first_treated = static_cast<int64_t>(first);
  }
  StaggeredQuestion question;
  question.periods = {2003, 2004, 2005, 2006, 2007};
  for (const auto& [name, unit] : counties) question.units.push_back(unit);
  return question;
}

TEST(EffectsReferenceTest, CountyEmployment_NeverTreatedControls) {
  const std::string path = DataPath("effects/mpdta.csv.gz");
  REQUIRE_DATA(path);
  const StaggeredEffects effects = CallawaySantAnna(CountyEmployment(path), {}).value();
  EXPECT_EQ(effects.simple.n, 500);
  const std::map<std::pair<int64_t, int64_t>, double> published = {
      {{2004, 2004}, -0.0105}, {{2004, 2005}, -0.0704}, {{2004, 2006}, -0.1373}, {{2004, 2007}, -0.1008},
      {{2006, 2004}, 0.0065},  {{2006, 2005}, -0.0028}, {{2006, 2006}, -0.0046}, {{2006, 2007}, -0.0412},
      {{2007, 2004}, 0.0305},  {{2007, 2005}, -0.0027}, {{2007, 2006}, -0.0311}, {{2007, 2007}, -0.0261}};
  ASSERT_EQ(effects.cells.size(), published.size());
  for (const GroupTimeEffect& cell : effects.cells) {
    EXPECT_NEAR(cell.effect.value, published.at({cell.group, cell.period}), 6e-5) << cell.group << " " << cell.period;
  }
  EXPECT_NEAR(effects.simple.value, -0.0400, 6e-5);
  EXPECT_NEAR(effects.overall_dynamic.value, -0.0772, 6e-5);
  EXPECT_NEAR(effects.overall_group.value, -0.0310, 6e-5);
  const std::map<int64_t, double> dynamic = {{-3, 0.0305}, {-2, -0.0006}, {-1, -0.0245}, {0, -0.0199},
                                             {1, -0.0510}, {2, -0.1373},  {3, -0.1008}};
  ASSERT_EQ(effects.dynamic.size(), dynamic.size());
  for (const auto& [distance, value] : dynamic) {
    EXPECT_NEAR(effects.dynamic.at(distance).value, value, 6e-5) << distance;
  }
  EXPECT_NEAR(effects.group.at(2004).value, -0.0797, 6e-5);
  EXPECT_NEAR(effects.group.at(2006).value, -0.0229, 6e-5);
  EXPECT_NEAR(effects.group.at(2007).value, -0.0261, 6e-5);
}

// The standard errors that the package prints come from a bootstrap and move in the third digit; they must lie near.
TEST(EffectsReferenceTest, CountyEmployment_StandardErrorsAreNearThePrinted) {
  const std::string path = DataPath("effects/mpdta.csv.gz");
  REQUIRE_DATA(path);
  const StaggeredEffects effects = CallawaySantAnna(CountyEmployment(path), {}).value();
  EXPECT_NEAR(effects.simple.details.at("standard_error"), 0.0120, 0.0006);
  EXPECT_NEAR(effects.overall_dynamic.details.at("standard_error"), 0.0206, 0.0015);
  EXPECT_NEAR(effects.overall_group.details.at("standard_error"), 0.0124, 0.0006);
  EXPECT_NEAR(effects.cells[0].effect.details.at("standard_error"), 0.0233, 0.0020);
}

// Not-yet-treated controls: the last period of each group has only the never treated left, so that it does not change.
TEST(EffectsReferenceTest, CountyEmployment_NotYetTreatedControls) {
  const std::string path = DataPath("effects/mpdta.csv.gz");
  REQUIRE_DATA(path);
  StaggeredQuestion question = CountyEmployment(path);
  const StaggeredEffects never = CallawaySantAnna(question, {}).value();
  question.controls = StaggeredControls::kNotYetTreated;
  const StaggeredEffects not_yet = CallawaySantAnna(question, {}).value();
  for (size_t i = 0; i < never.cells.size(); ++i) {
    if (never.cells[i].period == 2007) {
      EXPECT_EQ(never.cells[i].effect.value, not_yet.cells[i].effect.value);
    } else if (never.cells[i].period < 2006) {
      EXPECT_NE(never.cells[i].effect.value, not_yet.cells[i].effect.value);
    }
  }
  // The package's documentation: -0.0194 and -0.0398 for these.
  EXPECT_NEAR(not_yet.cells[0].effect.value, -0.0194, 6e-5);
  EXPECT_NEAR(not_yet.simple.value, -0.0398, 6e-5);
}

}  // namespace
}  // namespace throughline
