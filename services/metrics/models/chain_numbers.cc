// The expectations of a chain. All of them are of one form: with b what a touchpoint brings, g what a way brings and z
// what the goal brings, x_i = b_i + Σ_j P_ij (g_ij + x_j), x_goal = z, and the value is Σ s_i x_i over the beginnings
// s. With v the expected visits, v = s + Qᵀv, its derivative along P_ij is v_i (g_ij + x_j), along g_ij v_i P_ij, and
// along s_i x_i.
#include <Eigen/Dense>
#include <cmath>

#include "services/metrics/models/journey_chain.h"

namespace throughline {
namespace {

using Eigen::Index;
using Eigen::VectorXd;

// The touchpoints that can reach the goal (kGoal), or those that can be reached (kReached); never the goal itself.
struct Part {
  std::vector<Index> place;  // by touchpoint; -1: not in it
  std::vector<size_t> nodes;
};

Part PartOf(const JourneyChain& chain, const std::vector<bool>& in) {
  Part part;
  part.place.assign(chain.nodes.size(), -1);
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    if (!in[i] || static_cast<int>(i) == chain.goal) continue;
    part.place[i] = static_cast<Index>(part.nodes.size());
    part.nodes.push_back(i);
  }
  return part;
}

// From which touchpoints a run can come to the goal or, if so asked, to its end.
std::vector<bool> CanReach(const JourneyChain& chain, bool goal_only) {
  std::vector<std::vector<size_t>> before(chain.nodes.size());
  std::vector<bool> can(chain.nodes.size());
  std::vector<size_t> stack = {static_cast<size_t>(chain.goal)};
  can[stack[0]] = true;
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    for (const ChainWay& way : chain.nodes[i].ways) {
      if (way.share <= 0) continue;
      if (way.to >= 0) before[static_cast<size_t>(way.to)].push_back(i);
      if (way.to == ChainWay::kOver && !goal_only && !can[i]) {
        can[i] = true;
        stack.push_back(i);
      }
    }
  }
  while (!stack.empty()) {
    const size_t at = stack.back();
    stack.pop_back();
    for (const size_t from : before[at]) {
      if (can[from]) continue;
      can[from] = true;
      stack.push_back(from);
    }
  }
  return can;
}

// To which touchpoints runs come.
std::vector<bool> Reached(const JourneyChain& chain) {
  std::vector<bool> reached(chain.nodes.size());
  std::vector<size_t> stack;
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    if (chain.nodes[i].starts <= 0) continue;
    reached[i] = true;
    stack.push_back(i);
  }
  while (!stack.empty()) {
    const size_t at = stack.back();
    stack.pop_back();
    if (static_cast<int>(at) == chain.goal) continue;
    for (const ChainWay& way : chain.nodes[at].ways) {
      if (way.share <= 0 || way.to < 0 || reached[static_cast<size_t>(way.to)]) continue;
      reached[static_cast<size_t>(way.to)] = true;
      stack.push_back(static_cast<size_t>(way.to));
    }
  }
  return reached;
}

// I − Q over the touchpoints of a part, factorised.
class Solver {
 public:
  Solver(const JourneyChain& chain, Part part) : chain_(chain), part_(std::move(part)) {
    const auto size = static_cast<Index>(part_.nodes.size());
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Identity(size, size);
    for (Index row = 0; row < size; ++row) {
      for (const ChainWay& way : node(row).ways) {
        const Index column = way.to < 0 ? -1 : part_.place[static_cast<size_t>(way.to)];
        if (column >= 0) matrix(row, column) -= way.share;
      }
    }
    if (size > 0) lu_.compute(matrix);
  }

  Index size() const { return static_cast<Index>(part_.nodes.size()); }
  const Part& part() const { return part_; }
  const ChainNode& node(Index row) const { return chain_.nodes[part_.nodes[static_cast<size_t>(row)]]; }

  // x of (I − Q)x = r, for all touchpoints: `goal` at the goal, 0 elsewhere outside the part.
  std::vector<double> Expect(const VectorXd& right, double goal) const {
    std::vector<double> all(chain_.nodes.size(), 0);
    all[static_cast<size_t>(chain_.goal)] = goal;
    if (size() == 0) return all;
    const VectorXd solved = lu_.solve(right);
    for (Index i = 0; i < size(); ++i) all[part_.nodes[static_cast<size_t>(i)]] = solved(i);
    return all;
  }
  // v of v = s + Qᵀv.
  VectorXd Visits(const VectorXd& starts) const {
    return size() == 0 ? VectorXd() : VectorXd(lu_.transpose().solve(starts));
  }
  VectorXd Starts() const {
    VectorXd starts(size());
    for (Index i = 0; i < size(); ++i) {
      starts(i) = static_cast<double>(node(i).starts) / static_cast<double>(chain_.runs);
    }
    return starts;
  }

 private:
  const JourneyChain& chain_;
  Part part_;
  Eigen::PartialPivLU<Eigen::MatrixXd> lu_;
};

double At(const std::vector<double>& x, const ChainWay& way) { return way.to < 0 ? 0 : x[static_cast<size_t>(way.to)]; }

ChainNumber Empty(const JourneyChain& chain) {
  ChainNumber number;
  number.start_influence.assign(chain.nodes.size(), 0);
  for (const ChainNode& node : chain.nodes) {
    number.share_influence.emplace_back(node.ways.size(), 0);
    number.time_slope.emplace_back(node.ways.size(), 0);
  }
  return number;
}

// The value, and the influence of where runs begin.
void AddStarts(const JourneyChain& chain, const std::vector<double>& x, ChainNumber& number) {
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    number.value += static_cast<double>(chain.nodes[i].starts) / static_cast<double>(chain.runs) * x[i];
  }
  for (size_t i = 0; i < chain.nodes.size(); ++i) number.start_influence[i] = x[i] - number.value;
}

// Derivatives along shares become the influence of one leaving: of the ways whose shares stem from the sample, the
// derivative less its mean, scaled as the shares were.
void Centre(const JourneyChain& chain, ChainNumber& number) {
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    const ChainNode& node = chain.nodes[i];
    std::vector<double>& influence = number.share_influence[i];
    double sum = 0;
    int64_t count = 0;
    for (size_t k = 0; k < node.ways.size(); ++k) {
      if (static_cast<int>(k) == node.set_way) continue;
      sum += static_cast<double>(node.ways[k].count) * influence[k];
      count += node.ways[k].count;
    }
    const double mean = count == 0 ? 0 : sum / static_cast<double>(count);
    for (size_t k = 0; k < node.ways.size(); ++k) {
      influence[k] = static_cast<int>(k) == node.set_way ? 0 : node.kept_scale * (influence[k] - mean);
    }
    for (size_t k = 0; k < node.ways.size(); ++k) {
      if (node.ways[k].time_is_set) number.time_slope[i][k] = 0;
    }
  }
}

void CheckFinite(ChainNumber& number) {
  bool finite = std::isfinite(number.value);
  for (const std::vector<double>& of_node : number.share_influence) {
    for (const double each : of_node) finite = finite && std::isfinite(each);
  }
  for (const std::vector<double>& of_node : number.time_slope) {
    for (const double each : of_node) finite = finite && std::isfinite(each);
  }
  if (!finite) number.undefined_reason = "Runs hardly ever come to an end, so that the number cannot be worked out.";
}

// The general form: b by touchpoint, times counted or not, z at the goal.
ChainNumber Additive(const JourneyChain& chain, const Solver& solver, bool visits_pay, bool times_count, double goal) {
  VectorXd right(solver.size());
  const auto pays = [&](const ChainWay& way) { return times_count ? way.mean_seconds : 0; };
  for (Index i = 0; i < solver.size(); ++i) {
    right(i) = visits_pay ? solver.node(i).revenue : 0;
    for (const ChainWay& way : solver.node(i).ways) {
      right(i) += way.share * (pays(way) + (way.to == chain.goal ? goal : 0));
    }
  }
  const std::vector<double> x = solver.Expect(right, goal);
  const VectorXd visits = solver.Visits(solver.Starts());
  ChainNumber number = Empty(chain);
  AddStarts(chain, x, number);
  for (Index i = 0; i < solver.size(); ++i) {
    const size_t node = solver.part().nodes[static_cast<size_t>(i)];
    for (size_t k = 0; k < chain.nodes[node].ways.size(); ++k) {
      const ChainWay& way = chain.nodes[node].ways[k];
      number.share_influence[node][k] = visits(i) * (pays(way) + At(x, way));
      number.time_slope[node][k] = times_count ? visits(i) * way.share : 0;
    }
  }
  Centre(chain, number);
  CheckFinite(number);
  return number;
}

ChainNumber OverAllReached(const JourneyChain& chain, bool visits_pay, bool times_count, double goal) {
  const std::vector<bool> reached = Reached(chain);
  const std::vector<bool> ends = CanReach(chain, false);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (!reached[i] || ends[i]) continue;
    ChainNumber number = Empty(chain);
    number.undefined_reason = "Runs that come to " + chain.nodes[i].name + " would never be over.";
    return number;
  }
  return Additive(chain, Solver(chain, PartOf(chain, reached)), visits_pay, times_count, goal);
}

}  // namespace

ChainNumber ChainConversion(const JourneyChain& chain) {
  ChainNumber number = Additive(chain, Solver(chain, PartOf(chain, CanReach(chain, true))), false, false, 1);
  number.value = std::min(std::max(number.value, 0.0), 1.0);  // rounding
  return number;
}

ChainNumber ChainSeconds(const JourneyChain& chain) { return OverAllReached(chain, false, true, 0); }

ChainNumber ChainRevenue(const JourneyChain& chain) {
  return OverAllReached(chain, true, false, chain.nodes[static_cast<size_t>(chain.goal)].revenue);
}

// With h the conversion, w_i = Σ_j P_ij (w_j + m_ij h_j) is the mean of time × (1 if the goal is reached), and the
// answer Σ s_i w_i / Σ s_i h_i.
ChainNumber ChainSecondsToGoal(const JourneyChain& chain) {
  const Solver solver(chain, PartOf(chain, CanReach(chain, true)));
  const ChainNumber conversion = Additive(chain, solver, false, false, 1);
  ChainNumber number = Empty(chain);
  if (!(conversion.value > 0)) {
    number.undefined_reason = "No run reaches the goal.";
    return number;
  }
  VectorXd to_goal = VectorXd::Zero(solver.size());
  for (Index i = 0; i < solver.size(); ++i) {
    for (const ChainWay& way : solver.node(i).ways) to_goal(i) += way.to == chain.goal ? way.share : 0;
  }
  const std::vector<double> h = solver.Expect(to_goal, 1);
  VectorXd right = VectorXd::Zero(solver.size());
  for (Index i = 0; i < solver.size(); ++i) {
    for (const ChainWay& way : solver.node(i).ways) right(i) += way.share * way.mean_seconds * At(h, way);
  }
  const std::vector<double> w = solver.Expect(right, 0);
  const VectorXd visits = solver.Visits(solver.Starts());
  // A change of h moves w as well: by the time that is spent on the ways there.
  VectorXd spent = VectorXd::Zero(solver.size());
  for (Index i = 0; i < solver.size(); ++i) {
    for (const ChainWay& way : solver.node(i).ways) {
      const Index to = way.to < 0 ? -1 : solver.part().place[static_cast<size_t>(way.to)];
      if (to >= 0) spent(to) += visits(i) * way.share * way.mean_seconds;
    }
  }
  const VectorXd through = solver.Visits(spent);
  AddStarts(chain, w, number);
  for (Index i = 0; i < solver.size(); ++i) {
    const size_t node = solver.part().nodes[static_cast<size_t>(i)];
    for (size_t k = 0; k < chain.nodes[node].ways.size(); ++k) {
      const ChainWay& way = chain.nodes[node].ways[k];
      number.share_influence[node][k] =
          visits(i) * (At(w, way) + way.mean_seconds * At(h, way)) + through(i) * At(h, way);
      number.time_slope[node][k] = visits(i) * way.share * At(h, way);
    }
  }
  Centre(chain, number);
  // The ratio: d(u/h) = (du − u/h·dh)/h.
  const double ratio = number.value / conversion.value;
  number.value = ratio;
  const auto divide = [&](double& of_time, double of_conversion) {
    of_time = (of_time - ratio * of_conversion) / conversion.value;
  };
  for (size_t i = 0; i < chain.nodes.size(); ++i) {
    divide(number.start_influence[i], conversion.start_influence[i]);
    for (size_t k = 0; k < chain.nodes[i].ways.size(); ++k) {
      divide(number.share_influence[i][k], conversion.share_influence[i][k]);
      number.time_slope[i][k] /= conversion.value;
    }
  }
  CheckFinite(number);
  return number;
}

}  // namespace throughline
