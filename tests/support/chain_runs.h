// Runs of a known Markov chain by the dice, for tests of what is said about such chains. Times between visits are
// exponential with a mean of ten seconds. Runs begin at "a".
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "throughline/aggregates.h"

namespace throughline::testing {

struct ChainRuns {
  static constexpr double kMeanSeconds = 10;

  // Ways on from each touchpoint; "" is the end.
  std::map<std::string, std::vector<std::pair<std::string, double>>> shares;

  const std::string& Next(const std::string& from, std::mt19937_64& random) const {
    const auto& ways = shares.at(from);
    double left = std::uniform_real_distribution<double>(0, 1)(random);
    for (const auto& [to, share] : ways) {
      left -= share;
      if (left < 0) return to;
    }
    return ways.back().first;
  }
  int64_t Micros(std::mt19937_64& random) const {
    return std::llround(std::exponential_distribution<double>(1 / kMeanSeconds)(random) * 1e6);
  }

  TransitionGraph Graph(int runs, std::mt19937_64& random) const {
    TransitionGraph graph;
    graph.runs = runs;
    for (int i = 0; i < runs; ++i) {
      std::string at = "a";
      ++graph.nodes[at].starts;
      while (true) {
        const std::string& next = Next(at, random);
        if (next.empty()) break;
        TransitionGraph::Edge& edge = graph.edges[{at, next}];
        const int64_t micros = Micros(random);
        ++edge.count;
        edge.duration_micros += micros;
        edge.durations.Add(micros);
        graph.nodes[next];
        at = next;
      }
      ++graph.nodes[at].ends;
    }
    return graph;
  }

  struct Means {
    double conversion = 0;
    double seconds = 0;
    double seconds_to_goal = 0;
    double revenue = 0;
  };
  Means Simulate(int runs, const std::string& goal, const std::map<std::string, double>& revenue,
                 std::mt19937_64& random) const {
    Means sum;
    for (int i = 0; i < runs; ++i) {
      std::string at = "a";
      double seconds = 0;
      while (!at.empty()) {
        if (const auto pays = revenue.find(at); pays != revenue.end()) sum.revenue += pays->second;
        if (at == goal) {
          sum.conversion += 1;
          sum.seconds_to_goal += seconds;
          break;
        }
        at = Next(at, random);
        if (!at.empty()) seconds += static_cast<double>(Micros(random)) / 1e6;
      }
      sum.seconds += seconds;
    }
    return {.conversion = sum.conversion / runs,
            .seconds = sum.seconds / runs,
            .seconds_to_goal = sum.seconds_to_goal / sum.conversion,
            .revenue = sum.revenue / runs};
  }
};

}  // namespace throughline::testing
