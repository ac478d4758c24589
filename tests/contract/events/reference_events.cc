#include <cmath>
#include <map>
#include <set>

#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_scope.h"

namespace throughline::testing {

std::vector<Grouped<VolumeAggregate>> ReferenceVolume(const Recorded& recorded, const VolumeQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  std::vector<Grouped<VolumeAggregate>> out;
  for (const TimeRange& window : query.windows) {
    ReferenceGroups<VolumeAggregate> groups(query.scope, customers);
    std::map<VolumeAggregate*, std::set<std::string>> counted;
    for (const v1::CustomerEvent& event : events) {
      if (!In(window, TimeOf(event)) || !customers.MatchesAny(query.any_of, event)) continue;
      VolumeAggregate* const volume = groups.Of(event);
      if (volume == nullptr) continue;
      ++volume->events;
      counted[volume].insert(event.customer_id());
    }
    for (const auto& [volume, ids] : counted) volume->customers = static_cast<int64_t>(ids.size());
    out.push_back(std::move(groups.out()));
  }
  return out;
}

std::vector<Grouped<ScoreHistogram>> ReferenceScores(const Recorded& recorded, const ScoreQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  std::vector<Grouped<ScoreHistogram>> out;
  for (const TimeRange& window : query.windows) {
    ReferenceGroups<ScoreHistogram> groups(query.scope, customers);
    for (const auto& [key, run] : RunsOf(events, RunRule())) {
      std::map<ScoreHistogram*, std::vector<double>> scores;
      for (const v1::CustomerEvent* event : run) {
        if (!In(window, TimeOf(*event)) || !customers.MatchesAny(query.any_of, *event)) continue;
        const bool scored = event->survey_response().has_score();
        if (!scored && !query.count_missing) continue;
        ScoreHistogram* const histogram = groups.Of(*event);
        if (histogram == nullptr) continue;
        if (scored) {
          scores[histogram].push_back(event->survey_response().score());
        } else {
          ++histogram->missing;
        }
      }
      for (auto& [histogram, values] : scores) {
        if (query.policy == RespondentPolicy::kFirst) values = {values.front()};
        if (query.policy == RespondentPolicy::kLatest) values = {values.back()};
        for (const double score : values) {
          const bool whole = score == std::trunc(score) && score >= 0 && score <= 100;
          ++(whole ? histogram->counts[static_cast<size_t>(score)] : histogram->other);
        }
      }
    }
    out.push_back(std::move(groups.out()));
  }
  return out;
}

ValueCounts ReferenceValues(const Recorded& recorded, const ValueQuery& query) {
  const KnownCustomers customers(recorded);
  ValueCounts out;
  std::map<std::string, int64_t> counts;
  for (const v1::CustomerEvent& event : InScope(recorded, query.scope, customers)) {
    if (!In(query.window, TimeOf(event)) || !customers.Matches(query.selector, event)) continue;
    const std::optional<std::string> text = FieldText(event, query.path, customers);
    ++(text.has_value() ? counts[*text] : out.missing);
  }
  out.value_count = static_cast<int64_t>(counts.size());
  while (!counts.empty() && static_cast<int>(out.values.size()) < query.limit) {
    auto most = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (it->second > most->second) most = it;
    }
    out.values.push_back({most->first, most->second});
    counts.erase(most);
  }
  return out;
}

}  // namespace throughline::testing
