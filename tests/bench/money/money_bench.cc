// How long the fits of lifetime value and the attribution of public data take. README.md.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/money_data.h"
#include "throughline/models/attribution.h"
#include "throughline/models/lifetime_value.h"

namespace throughline::bench {
namespace {

constexpr int kRounds = 51;
constexpr double kLimitMs = 50;

// Prints the median and the slowest round, and returns the median, in milliseconds.
template <typename Work>
double Measure(const char* what, const Work& work) {
  work();
  std::vector<double> rounds;
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    rounds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("%-36s median %7.2f ms, slowest %7.2f ms\n", what, rounds[kRounds / 2], rounds.back());
  return rounds[kRounds / 2];
}

int Run() {
  const std::string purchases = testing::DataPath("purchases/CDNOW_sample.txt");
  const std::string channels = testing::DataPath("attribution/path_data.csv.gz");
  if (!std::filesystem::exists(purchases) || !std::filesystem::exists(channels)) {
    std::fprintf(stderr, "the data sets are missing; set THROUGHLINE_DATA to their directory\n");
    return 1;
  }
  const std::vector<PurchaseHistory> rows = testing::CdnowCalibration(purchases);
  const std::vector<AttributionPath> paths = testing::ChannelPaths(channels);
  const BgNbdFit bg_nbd = FitBgNbd(rows).value();
  const GammaGammaFit gamma_gamma = FitGammaGamma(rows).value();
  if (!bg_nbd.converged || !gamma_gamma.converged) return 1;
  std::printf("%zu customers, %d evaluations of the likelihood; %zu paths\n", rows.size(), bg_nbd.evaluations,
              paths.size());
  const double fit = Measure("BG/NBD fit", [&] { return FitBgNbd(rows)->log_likelihood; });
  Measure("Gamma-Gamma fit", [&] { return FitGammaGamma(rows)->log_likelihood; });
  Measure("lifetime value of every customer", [&] {
    double sum = 0;
    for (const PurchaseHistory& row : rows) sum += CustomerLifetimeValue(bg_nbd, gamma_gamma, row, {}).value;
    return sum;
  });
  const double markov = Measure("Markov", [&] { return Attribute(paths, AttributionRule::kMarkov)->value; });
  const double shapley = Measure("Shapley", [&] { return Attribute(paths, AttributionRule::kShapley)->value; });
  const bool kept = fit <= kLimitMs && markov + shapley <= kLimitMs;
  std::printf("limits of %g ms: %s\n", kLimitMs, kept ? "kept" : "NOT KEPT");
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace throughline::bench

int main() { return throughline::bench::Run(); }
