// Staggered starts: the effect of a change that groups got at different times, by Callaway & Sant'Anna. Pure function;
// any thread.
//
// B. Callaway & P. Sant'Anna, "Difference-in-Differences with multiple time periods", Journal of Econometrics 225,
// 2021; unconditional (no covariates), on a balanced panel. Two-way fixed effects would compare late groups with early
// ones that are already treated; this compares each group g only with units that are not:
//   ATT(g, t) = mean(Y_t − Y_b | first treated at g) − mean(Y_t − Y_b | controls)
// with b = the last period before g for t ≥ g, and for t < g the period before t (a placebo: near 0 if the groups moved
// alike). Controls: units never treated within the data, or all that are not treated by t either (without g).
// Standard errors are those of the influence functions (divisor n, as the paper's), which for the averages include the
// uncertainty of the weights. Intervals: ± z·SE, each for itself, not for all at once.
//
// Averages over the cells with t ≥ g, weights by size of the group:
//   simple:  over all cells. dynamic[e]: over groups at e = period − start (also e < 0: placebos).
//   group[g]: over the periods of one group. overall_dynamic: plain mean of dynamic[e ≥ 0]. overall_group: mean of
//   group[g] by size.
//
// excluded: "unbalanced" (units without a finite value in each period), "treated_from_start" (treated in the first
// period: there is nothing before). A unit that is first treated after the last period counts as never treated. A cell
// is undefined below two treated or two control units. INVALID_FIELD: a period or start that is not in the data's
// range, mismatched lengths, too many units or cells.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/models/estimate.h"

namespace throughline {

constexpr size_t kStaggeredUnitsMax = 1000000;
constexpr size_t kStaggeredCellsMax = 2500;       // groups × periods
constexpr int64_t kStaggeredWorkMax = 200000000;  // units × cells

struct StaggeredUnit {
  std::optional<int64_t> first_treated;         // a period; absent: never
  std::vector<std::optional<double>> outcomes;  // one for each period
};

enum class StaggeredControls { kNeverTreated, kNotYetTreated };

struct StaggeredQuestion {
  std::vector<int64_t> periods;  // ascending, each once; any numbers: years, months since 1970, …
  std::vector<StaggeredUnit> units;
  StaggeredControls controls = StaggeredControls::kNeverTreated;
};

struct GroupTimeEffect {
  int64_t group = 0;
  int64_t period = 0;
  Estimate effect;  // details: standard_error, treated_n, control_n; n: both
};

struct StaggeredEffects {
  std::vector<GroupTimeEffect> cells;  // by group, then period
  // Details: standard_error. n: units.
  Estimate simple, overall_dynamic, overall_group;
  std::map<int64_t, Estimate> dynamic;  // by period − start
  std::map<int64_t, Estimate> group;    // by first period of treatment
};
absl::StatusOr<StaggeredEffects> CallawaySantAnna(const StaggeredQuestion& question, const EstimateOptions& options);

}  // namespace throughline
