#include "throughline/models/staggered.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "services/metrics/models/checks.h"
#include "services/metrics/models/method.h"
#include "throughline/errors.h"
#include "throughline/models/intervals.h"

namespace throughline {
namespace {

constexpr int kNever = -1;

struct Unit {
  int group = kNever;  // index into Panel::groups
  std::vector<double> outcomes;
};

// The units that count, in an order that depends on their values alone.
struct Panel {
  std::vector<int> starts;     // by group: index of its first treated period, ascending
  std::vector<int64_t> sizes;  // by group
  std::vector<Unit> units;
  int64_t unbalanced = 0, from_start = 0;
};

// One ATT(g, t), by indices.
struct Cell {
  int group = 0;
  int period = 0;
  int base = 0;
  int64_t treated_n = 0, control_n = 0;
  double treated_mean = 0, control_mean = 0;
  bool defined() const { return treated_n >= 2 && control_n >= 2; }
  double att() const { return treated_mean - control_mean; }
};

// A number Σ weight·ATT(cell), and what its weights owe to the sizes of the groups: Σ over groups of derivative·(share
// of the group).
struct Target {
  Estimate* estimate = nullptr;
  int64_t n = 0;                    // that the number rests on
  std::vector<double> weights;      // by cell
  std::vector<double> derivatives;  // by group: of the number by the group's share of the units
  double square_sum = 0;            // of the influence function
  bool undefined = false;
};

absl::Status CheckQuestion(const StaggeredQuestion& question, const EstimateOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const auto& periods = question.periods;
  if (periods.size() < 2) return InvalidField("periods", "needs at least two");
  if (absl::Status status = CheckCount("periods", periods.size(), kStaggeredCellsMax); !status.ok()) return status;
  if (std::adjacent_find(periods.begin(), periods.end(), std::greater_equal<>()) != periods.end()) {
    return InvalidField("periods", "must ascend, each once");
  }
  if (absl::Status status = CheckCount("units", question.units.size(), kStaggeredUnitsMax); !status.ok()) return status;
  for (size_t i = 0; i < question.units.size(); ++i) {
    const StaggeredUnit& unit = question.units[i];
    const std::string path = FieldPath("units", i);
    if (unit.outcomes.size() != periods.size()) {
      return InvalidField(FieldPath(path, "outcomes"), "must have one entry for each period");
    }
    for (const auto& outcome : unit.outcomes) {
      if (!std::isfinite(outcome.value_or(0))) return InvalidField(FieldPath(path, "outcomes"), "must be finite");
    }
    const auto start = unit.first_treated;
    if (start.has_value() && *start <= periods.back() && *start > periods.front() &&
        !std::binary_search(periods.begin(), periods.end(), *start)) {
      return InvalidField(FieldPath(path, "first_treated"), "must be one of the periods, or after the last");
    }
  }
  return absl::OkStatus();
}

Panel MakePanel(const StaggeredQuestion& question) {
  Panel panel;
  std::map<int, int64_t> size_by_start;
  for (const StaggeredUnit& unit : question.units) {
    Unit kept;
    for (const auto& outcome : unit.outcomes) {
      if (outcome.has_value()) kept.outcomes.push_back(*outcome);
    }
    if (kept.outcomes.size() < unit.outcomes.size()) {
      ++panel.unbalanced;
      continue;
    }
    if (unit.first_treated.has_value() && *unit.first_treated <= question.periods.front()) {
      ++panel.from_start;
      continue;
    }
    if (unit.first_treated.has_value() && *unit.first_treated <= question.periods.back()) {
      const auto at = std::lower_bound(question.periods.begin(), question.periods.end(), *unit.first_treated);
      kept.group = static_cast<int>(at - question.periods.begin());  // its start; the index below
      ++size_by_start[kept.group];
    }
    panel.units.push_back(std::move(kept));
  }
  for (const auto& [start, size] : size_by_start) {
    panel.starts.push_back(start);
    panel.sizes.push_back(size);
  }
  for (Unit& unit : panel.units) {
    if (unit.group == kNever) continue;
    const auto at = std::lower_bound(panel.starts.begin(), panel.starts.end(), unit.group);
    unit.group = static_cast<int>(at - panel.starts.begin());
  }
  std::sort(panel.units.begin(), panel.units.end(), [](const Unit& a, const Unit& b) {
    return a.group != b.group ? a.group < b.group : a.outcomes < b.outcomes;
  });
  return panel;
}

enum class Role { kNone, kTreated, kControl };

Role RoleOf(const Panel& panel, const Unit& unit, const Cell& cell, StaggeredControls controls) {
  if (unit.group == cell.group) return Role::kTreated;
  if (unit.group == kNever) return Role::kControl;
  const bool not_yet = panel.starts[unit.group] > cell.period;
  return controls == StaggeredControls::kNotYetTreated && not_yet ? Role::kControl : Role::kNone;
}

double ChangeOf(const Unit& unit, const Cell& cell) { return unit.outcomes[cell.period] - unit.outcomes[cell.base]; }

std::vector<Cell> MakeCells(const Panel& panel, int periods, StaggeredControls controls) {
  std::vector<Cell> cells;
  for (size_t group = 0; group < panel.starts.size(); ++group) {
    for (int period = 1; period < periods; ++period) {
      const int start = panel.starts[group];
      Cell cell{.group = static_cast<int>(group), .period = period, .base = period >= start ? start - 1 : period - 1};
      for (const Unit& unit : panel.units) {
        const Role role = RoleOf(panel, unit, cell, controls);
        cell.treated_n += role == Role::kTreated;
        cell.control_n += role == Role::kControl;
      }
      for (const Unit& unit : panel.units) {
        const Role role = RoleOf(panel, unit, cell, controls);
        const double change = ChangeOf(unit, cell);
        if (role == Role::kTreated) cell.treated_mean += change / static_cast<double>(cell.treated_n);
        if (role == Role::kControl) cell.control_mean += change / static_cast<double>(cell.control_n);
      }
      cells.push_back(cell);
    }
  }
  return cells;
}

// The mean of the chosen cells, each weighted by its group's size. `scale` multiplies the result into a larger number.
void AddSizeWeighted(const Panel& panel, const std::vector<Cell>& cells, const std::vector<size_t>& chosen,
                     double scale, Target& target) {
  const auto n = static_cast<double>(panel.units.size());
  double total = 0;
  double mean = 0;
  for (const size_t i : chosen) {
    const double share = static_cast<double>(panel.sizes[cells[i].group]) / n;
    total += share;
    mean += share * cells[i].att();
    target.undefined = target.undefined || !cells[i].defined();
  }
  if (total == 0) {
    target.undefined = true;
    return;
  }
  mean /= total;
  for (const size_t i : chosen) {
    const double share = static_cast<double>(panel.sizes[cells[i].group]) / n;
    target.weights[i] += scale * share / total;
    target.derivatives[cells[i].group] += scale * (cells[i].att() - mean) / total;
  }
}

class Averages {
 public:
  Averages(const Panel& panel, const std::vector<Cell>& cells, const std::vector<int64_t>& periods)
      : panel_(panel), cells_(cells), periods_(periods) {}

  // Adds a target for every number of `effects`.
  void AddAll(StaggeredEffects& effects, std::vector<Target>& targets) {
    std::vector<size_t> treated;
    std::map<int64_t, std::vector<size_t>> by_distance, by_group;
    for (size_t i = 0; i < cells_.size(); ++i) {
      const int start = panel_.starts[cells_[i].group];
      Target& one = targets.emplace_back(Blank(effects.cells[i].effect));
      one.weights[i] = 1;
      one.undefined = !cells_[i].defined();
      one.n = cells_[i].treated_n + cells_[i].control_n;
      by_distance[periods_[cells_[i].period] - periods_[start]].push_back(i);
      if (cells_[i].period < start) continue;
      treated.push_back(i);
      by_group[periods_[start]].push_back(i);
    }
    AddSizeWeighted(panel_, cells_, treated, 1, targets.emplace_back(Blank(effects.simple)));
    Target dynamic = Blank(effects.overall_dynamic);
    const auto after = static_cast<double>(std::distance(by_distance.lower_bound(0), by_distance.end()));
    for (const auto& [distance, chosen] : by_distance) {
      AddSizeWeighted(panel_, cells_, chosen, 1, targets.emplace_back(Blank(effects.dynamic[distance])));
      if (distance >= 0) AddSizeWeighted(panel_, cells_, chosen, 1 / after, dynamic);
    }
    if (by_distance.lower_bound(0) == by_distance.end()) dynamic.undefined = true;
    targets.push_back(std::move(dynamic));
    AddGroups(by_group, effects, targets);
  }

 private:
  Target Blank(Estimate& estimate) const {
    return {.estimate = &estimate,
            .n = static_cast<int64_t>(panel_.units.size()),
            .weights = std::vector<double>(cells_.size()),
            .derivatives = std::vector<double>(panel_.starts.size())};
  }

  void AddGroups(const std::map<int64_t, std::vector<size_t>>& by_group, StaggeredEffects& effects,
                 std::vector<Target>& targets) {
    Target overall = Blank(effects.overall_group);
    overall.undefined = by_group.empty();
    int64_t treated = 0;
    double mean = 0;
    std::vector<double> values(panel_.starts.size());
    for (const int64_t size : panel_.sizes) treated += size;
    for (const auto& [start, chosen] : by_group) {
      Target& one = targets.emplace_back(Blank(effects.group[start]));
      AddSizeWeighted(panel_, cells_, chosen, 1, one);
      overall.undefined = overall.undefined || one.undefined;
      const int group = cells_[chosen.front()].group;
      const double weight = static_cast<double>(panel_.sizes[group]) / static_cast<double>(treated);
      for (const size_t i : chosen) {
        overall.weights[i] = weight * one.weights[i];
        values[group] += one.weights[i] * cells_[i].att();
      }
      mean += weight * values[group];
    }
    const double share = static_cast<double>(treated) / static_cast<double>(panel_.units.size());
    for (size_t group = 0; group < values.size(); ++group) overall.derivatives[group] = (values[group] - mean) / share;
    targets.push_back(std::move(overall));
  }

  const Panel& panel_;
  const std::vector<Cell>& cells_;
  const std::vector<int64_t>& periods_;
};

// Adds up the squares of each target's influence function: for unit i, Σ_cells weight·ψ_i(cell) + Σ_groups
// derivative·(1{i in group} − share).
void SumInfluence(const Panel& panel, const std::vector<Cell>& cells, StaggeredControls controls,
                  std::vector<Target>& targets) {
  const auto n = static_cast<double>(panel.units.size());
  // By target: the cells that it has, and the part of its influence that is the same for each unit of a group.
  std::vector<std::vector<size_t>> used(targets.size());
  std::vector<double> constant(targets.size());
  for (size_t k = 0; k < targets.size(); ++k) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (targets[k].weights[i] != 0) used[k].push_back(i);
    }
    for (size_t g = 0; g < panel.sizes.size(); ++g) {
      constant[k] -= targets[k].derivatives[g] * static_cast<double>(panel.sizes[g]) / n;
    }
  }
  std::vector<double> influence(cells.size());
  for (const Unit& unit : panel.units) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const Role role = cells[i].defined() ? RoleOf(panel, unit, cells[i], controls) : Role::kNone;
      influence[i] = 0;
      if (role == Role::kNone) continue;
      const double change = ChangeOf(unit, cells[i]);
      influence[i] = role == Role::kTreated
                         ? n / static_cast<double>(cells[i].treated_n) * (change - cells[i].treated_mean)
                         : -n / static_cast<double>(cells[i].control_n) * (change - cells[i].control_mean);
    }
    for (size_t k = 0; k < targets.size(); ++k) {
      double sum = constant[k] + (unit.group == kNever ? 0 : targets[k].derivatives[unit.group]);
      for (const size_t i : used[k]) sum += targets[k].weights[i] * influence[i];
      targets[k].square_sum += sum * sum;
    }
  }
}

void FillTarget(const std::vector<Cell>& cells, const Target& target, int64_t units, const EstimateOptions& options) {
  Estimate& estimate = *target.estimate;
  estimate.n = target.n;
  if (target.undefined) return SetUndefined("Each group needs two treated and two control units.", estimate);
  double value = 0;
  for (size_t i = 0; i < cells.size(); ++i) value += target.weights[i] * cells[i].att();
  SetFiniteValue(value, target.n, options, estimate);
  const double error = std::sqrt(target.square_sum) / static_cast<double>(units);
  if (!(error > 0)) return;
  const double half = NormalQuantile(0.5 + options.confidence_level / 2) * error;
  SetInterval(value - half, value + half, estimate);
  SetDetail("standard_error", error, estimate);
}

}  // namespace

absl::StatusOr<StaggeredEffects> CallawaySantAnna(const StaggeredQuestion& question, const EstimateOptions& options) {
  if (absl::Status status = CheckQuestion(question, options); !status.ok()) return status;
  const Panel panel = MakePanel(question);
  const auto n = static_cast<int64_t>(panel.units.size());
  const size_t cell_count = panel.starts.size() * (question.periods.size() - 1);
  if (absl::Status status = CheckCount("groups times periods", cell_count, kStaggeredCellsMax); !status.ok()) {
    return status;
  }
  if (n * static_cast<int64_t>(cell_count) > kStaggeredWorkMax) {
    return InvalidField("units", absl::StrFormat("times groups times periods must be at most %d", kStaggeredWorkMax));
  }
  StaggeredEffects effects;
  Estimate blank;
  blank.n = n;
  blank.method = MethodText(question.controls == StaggeredControls::kNeverTreated
                                ? "callaway-sant'anna, never-treated controls,"
                                : "callaway-sant'anna, not-yet-treated controls,",
                            "influence-function", options.confidence_level);
  Exclude("unbalanced", panel.unbalanced, blank);
  Exclude("treated_from_start", panel.from_start, blank);
  effects.simple = effects.overall_dynamic = effects.overall_group = blank;
  if (panel.starts.empty()) {
    for (Estimate* each : {&effects.simple, &effects.overall_dynamic, &effects.overall_group}) {
      SetUndefined("No unit begins to be treated after the first period.", *each);
    }
    return effects;
  }
  const std::vector<Cell> cells = MakeCells(panel, static_cast<int>(question.periods.size()), question.controls);
  effects.cells.resize(cells.size());
  std::vector<Target> targets;
  Averages(panel, cells, question.periods).AddAll(effects, targets);
  SumInfluence(panel, cells, question.controls, targets);
  for (const Target& target : targets) {
    target.estimate->method = blank.method;
    target.estimate->excluded = blank.excluded;
    FillTarget(cells, target, n, options);
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    GroupTimeEffect& cell = effects.cells[i];
    cell.group = question.periods[panel.starts[cells[i].group]];
    cell.period = question.periods[cells[i].period];
    SetDetail("treated_n", static_cast<double>(cells[i].treated_n), cell.effect);
    SetDetail("control_n", static_cast<double>(cells[i].control_n), cell.effect);
  }
  return effects;
}

}  // namespace throughline
