// Survey scores of matching events, all of them or one per customer.
#include <cmath>
#include <optional>

#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"

namespace throughline {
namespace {

void Count(double score, ScoreHistogram& histogram) {
  if (score >= 0 && score <= ScoreHistogram::kScoreMax && score == std::floor(score)) {
    ++histogram.counts[static_cast<int>(score)];
  } else {
    ++histogram.other;
  }
}

}  // namespace

absl::StatusOr<std::vector<Grouped<ScoreHistogram>>> ComputeScores(Projection& projection, const Snapshot& snapshot,
                                                                   const ScoreQuery& query) {
  ASSIGN_OR_RETURN(const SelectorSet selectors, SelectorSet::Compile(query.any_of, projection, snapshot));
  const Windows windows(query.windows);
  using Totals = PerWindow<ScoreHistogram>;
  const auto pass = [&](Totals& totals, const Partition& partition) {
    const SelectorSet::Matcher matcher(selectors, partition);
    std::vector<std::optional<double>> chosen(windows.size());  // the customer's score that counts
    for (uint32_t customer = 0; customer < partition.customer_count(); ++customer) {
      bool any_chosen = false;
      for (uint32_t i = partition.offset(customer); i < partition.offset(customer + 1); ++i) {
        if (!matcher.Any(i)) continue;
        const double score = partition.values()[i];
        const bool has_score = partition.value_kinds()[i] == ValueKind::kScore;
        windows.ForEach(partition.times()[i], [&](size_t window) {
          if (!has_score) {
            ++totals.windows[window].missing;
          } else if (query.policy == RespondentPolicy::kAll) {
            Count(score, totals.windows[window]);
          } else if (query.policy == RespondentPolicy::kLatest || !chosen[window].has_value()) {
            chosen[window] = score;
            any_chosen = true;
          }
        });
      }
      if (!any_chosen) continue;
      for (size_t window = 0; window < windows.size(); ++window) {
        if (chosen[window].has_value()) Count(*chosen[window], totals.windows[window]);
        chosen[window].reset();
      }
    }
  };
  const auto make = [&] { return Totals{std::vector<ScoreHistogram>(windows.size())}; };
  return Wholes(PassOverPartitions(snapshot, make, pass).windows);
}

}  // namespace throughline
