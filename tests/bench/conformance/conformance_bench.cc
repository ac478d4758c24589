// Conformance of every case of BPI 2012 against a discovered map, and pm4py on the same in the same run. README.md.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "services/metrics/models/map_automaton.h"
#include "services/metrics/models/token_replay.h"
#include "services/metrics/models/variant_aligner.h"
#include "tests/support/files.h"
#include "tests/support/map_of_variants.h"
#include "tests/support/xes_log.h"
#include "throughline/models/conformance.h"
#include "throughline/models/paths.h"

namespace throughline::bench {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 7;

double SecondsSince(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Timing {
  double alignments = 0;  // costs and moves of every variant
  double replay = 0;
  double everything = 0;  // the whole report, with deviations and what goes with them
};

// Alignments and replay alone, as the peer has them: from the variants, one after the other.
Timing Measure(const MapGraph& map, const RunLog& log, const std::vector<std::vector<std::string>>& variants) {
  std::vector<double> alignments;
  std::vector<double> replays;
  std::vector<double> reports;
  for (int round = 0; round < kRounds; ++round) {
    Clock::time_point begin = Clock::now();
    const MapAutomaton automaton(map);
    VariantAligner aligner(automaton);
    const std::vector<std::string> none;
    const std::vector<std::string>* last = &none;
    size_t moves = 0;
    for (const std::vector<std::string>& variant : variants) {
      const auto common = std::mismatch(variant.begin(), variant.end(), last->begin(), last->end()).first;
      aligner.Truncate(static_cast<size_t>(common - variant.begin()));
      for (auto name = common; name != variant.end(); ++name) aligner.Append(automaton.StateOf(*name));
      moves += aligner.Moves().size();
      last = &variant;
    }
    alignments.push_back(SecondsSince(begin));
    begin = Clock::now();
    for (const std::vector<std::string>& variant : variants) {
      std::vector<int32_t> states;
      for (const std::string& name : variant) states.push_back(automaton.StateOf(name));
      moves += static_cast<size_t>(ReplayVariant(automaton, states).produced);
    }
    replays.push_back(SecondsSince(begin));
    begin = Clock::now();
    moves += CheckConformance(map, log, {})->variants.size();
    reports.push_back(SecondsSince(begin));
    if (moves == 0) std::abort();  // the work above cannot be left out
  }
  return {.alignments = Median(alignments), .replay = Median(replays), .everything = Median(reports)};
}

Json QuestionJson(const MapGraph& map, const ConformanceReport& report) {
  Json nodes = Json::array();
  for (const MapGraph::Node& node : map.nodes) {
    nodes.push_back({{"name", node.name}, {"start", node.start}, {"end", node.end}, {"optional", node.optional}});
  }
  Json edges = Json::array();
  for (const MapGraph::Edge& edge : map.edges) edges.push_back({edge.from, edge.to});
  Json variants = Json::array();
  Json runs = Json::array();
  for (const VariantConformance& variant : report.variants) {
    variants.push_back(variant.touchpoints);
    runs.push_back(variant.runs);
  }
  return {{"map", {{"nodes", nodes}, {"edges", edges}}}, {"variants", variants}, {"runs", runs}};
}

// Every cost that the peer found is ours.
bool AgreesOnCosts(const Json& costs, const ConformanceReport& report) {
  for (size_t i = 0; i < report.variants.size(); ++i) {
    if (costs.at(i).is_null() || costs.at(i) == report.variants[i].cost) continue;
    std::fprintf(stderr, "the cost of variant %zu differs\n", i);
    return false;
  }
  return true;
}

// Asks pm4py; false: it is not there, or says something else than we.
bool ComparePeer(const std::string& python, const std::string& seconds_max, const MapGraph& map,
                 const ConformanceReport& report, const Timing& ours) {
  const testing::TempDir folder;
  std::ofstream(folder / "question.json") << QuestionJson(map, report);
  const std::string command = python + " " + THROUGHLINE_PEER + " " + (folder / "question.json") + " " +
                              (folder / "answer.json") + " " + seconds_max + " > /dev/null";
  if (std::system(command.c_str()) != 0) {
    std::fprintf(stderr, "pm4py could not be asked with %s\n", python.c_str());
    return false;
  }
  Json answer;
  std::ifstream(folder / "answer.json") >> answer;
  for (const auto& [name, theirs] : answer.items()) {
    const double seconds = theirs.at("seconds");
    if (theirs.contains("fitness")) {
      std::printf("%-28s %9.3f s   %.0f x\n", name.c_str(), seconds, seconds / ours.replay);
      if (std::abs(theirs.at("fitness").get<double>() - report.token_fitness.value) <= 1e-12) continue;
      std::fprintf(stderr, "the fitness by token replay differs\n");
      return false;
    }
    const Json& costs = theirs.at("costs");
    const auto aligned = costs.size() - static_cast<size_t>(std::count(costs.begin(), costs.end(), nullptr));
    // Part of the variants, against all of ours, is a lower bound.
    std::printf("%-28s %9.3f s   %s%.0f x, %zu variants\n", name.c_str(), seconds,
                aligned < costs.size() ? "more than " : "", seconds / ours.alignments, aligned);
    if (!AgreesOnCosts(costs, report)) return false;
  }
  return true;
}

int Run(size_t map_variants, const std::string& seconds_max, const std::string& python) {
  const std::string path = testing::DataPath("event_logs/bpi_challenge_2012.xes.gz");
  if (!std::filesystem::exists(path)) {
    std::printf("%s is missing, nothing is measured; set THROUGHLINE_DATA to the directory of data\n", path.c_str());
    return 0;
  }
  const RunLog log = testing::XesLog::Read(path);
  const VariantCounts counts = VariantsOf(log);
  std::vector<std::vector<std::string>> most_frequent;
  const std::vector<VariantShare> shares = *VariantShares(counts, map_variants, {});
  for (const VariantShare& share : shares) most_frequent.push_back(share.touchpoints);
  const MapGraph map = testing::MapOfVariants(most_frequent);
  std::vector<std::vector<std::string>> variants;  // sorted
  for (const auto& [variant, runs] : counts.variants) variants.push_back(variant);

  const ConformanceReport report = *CheckConformance(map, log, {});
  std::printf("%zu runs, %zu variants; map of the %zu most frequent: %zu touchpoints, %zu transitions\n",
              log.runs.size(), variants.size(), most_frequent.size(), map.nodes.size(), map.edges.size());
  std::printf("alignment fitness %.9f, log %.9f, conforming %.6f, token replay %.9f\n", report.alignment_fitness.value,
              report.alignment_fitness.details.at("log_fitness"), report.conforming.value, report.token_fitness.value);
  const Timing ours = Measure(map, log, variants);
  std::printf("%-28s %9.4f s\n", "alignments", ours.alignments);
  std::printf("%-28s %9.4f s\n", "token replay", ours.replay);
  std::printf("%-28s %9.4f s\n", "report with deviations", ours.everything);
  std::fflush(stdout);
  if (!std::filesystem::exists(python)) {
    std::printf("%s is missing: tools/dev test installs pm4py, with which this is compared\n", python.c_str());
    return 0;
  }
  return ComparePeer(python, seconds_max, map, report, ours) ? 0 : 1;
}

}  // namespace
}  // namespace throughline::bench

// [VARIANTS [SECONDS [PYTHON]]]
int main(int argc, char** argv) {
  const size_t variants = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 50;
  const std::string seconds = argc > 2 ? std::to_string(std::strtoul(argv[2], nullptr, 10)) : "600";
  const std::string python =
      argc > 3 ? argv[3] : (throughline::testing::ProjectRoot() / "build/tools/agreement/bin/python").string();
  return throughline::bench::Run(variants, seconds, python);
}
