// Aggregates as text, complete: two answers are the same exactly if their texts are. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "throughline/events.h"

namespace throughline::testing {

inline std::string ToText(const DurationSketch& sketch) {
  std::string out = absl::StrCat(sketch.count(), sketch.exact() ? " exact:" : " binned:");
  const int64_t ranks = sketch.count() < 200 ? sketch.count() : 200;
  for (int64_t i = 1; i <= ranks; ++i) {
    absl::StrAppend(&out, " ", sketch.Quantile(static_cast<double>(i) / static_cast<double>(ranks)));
  }
  return out;
}

inline std::string ToText(const VolumeAggregate& a) { return absl::StrCat(a.events, " of ", a.customers); }

inline std::string ToText(const ScoreHistogram& a) {
  std::string out = absl::StrCat("other ", a.other, " missing ", a.missing);
  for (size_t i = 0; i < a.counts.size(); ++i) {
    if (a.counts[i] != 0) absl::StrAppend(&out, " ", i, ":", a.counts[i]);
  }
  return out;
}

inline std::string ToText(const StepReach& a) {
  std::string out = absl::StrCat("runs ", a.runs, " immature ", a.immature, " reached");
  for (const int64_t reached : a.reached) absl::StrAppend(&out, " ", reached);
  for (const DurationSketch& durations : a.durations) absl::StrAppend(&out, " | ", ToText(durations));
  return out;
}

inline std::string ToText(const PairAggregate& a) {
  return absl::StrCat("entered ", a.entered, " converted ", a.converted, " immature ", a.immature, " negative ",
                      a.negative, " target only ", a.target_only, " durations ", ToText(a.durations));
}

inline std::string ToText(const TransitionGraph::Edge& a) {
  return absl::StrCat(a.count, " in ", a.duration_micros, " ", ToText(a.durations));
}

inline std::string ToText(const TransitionGraph& a) {
  std::string out = absl::StrCat("events ", a.events, " runs ", a.runs, "\n");
  for (const auto& [name, node] : a.nodes) {
    absl::StrAppend(&out, name, ": ", node.events, " ", node.runs, " ", node.starts, " ", node.ends, " ",
                    node.place_millionths);
    for (const auto& [channel, count] : node.channels) absl::StrAppend(&out, " channel ", channel, "=", count);
    for (const auto& [department, count] : node.departments) {
      absl::StrAppend(&out, " department ", department, "=", count);
    }
    absl::StrAppend(&out, "\n");
  }
  for (const auto& [pair, edge] : a.edges) {
    absl::StrAppend(&out, pair.first, " -> ", pair.second, ": ", ToText(edge), "\n");
  }
  return out;
}

inline std::string ToText(const RunPositions& a) {
  std::string out = absl::StrCat("runs ", a.runs, "\n");
  for (const RunPositions::Touchpoint& t : a.touchpoints) {
    absl::StrAppend(&out, t.visits, " visits ", t.runs, " runs, active ", t.positions.active, " completed ",
                    t.positions.completed, " abandoned ", t.positions.abandoned, " stalled ", t.positions.stalled,
                    "\n");
  }
  for (const auto& [pair, edge] : a.transitions) {
    absl::StrAppend(&out, pair.first, " -> ", pair.second, ": ", edge.count, " by ", edge.runs, " runs in ",
                    ToText(edge.durations), "\n");
  }
  return out;
}

inline std::string ToText(const VariantCounts& a) {
  std::string out = absl::StrCat("runs ", a.runs, " buckets ", a.bucket_runs.size());
  for (size_t i = 0; i < a.bucket_runs.size(); ++i) {
    if (a.bucket_runs[i] != 0) absl::StrAppend(&out, " ", i, ":", a.bucket_runs[i]);
  }
  for (const auto& [variant, runs] : a.variants) {
    absl::StrAppend(&out, "\n", runs, ":");
    for (const std::string& symbol : variant) absl::StrAppend(&out, " \"", symbol, "\"");
  }
  return out;
}

inline std::string ToText(const CohortMatrix& a) {
  std::string out = "cohorts";
  for (const auto& [day, cohort] : a.cohorts) {
    absl::StrAppend(&out, "\n", absl::FormatCivilTime(day), ": ", cohort.customers, " then");
    for (const int64_t active : cohort.active) absl::StrAppend(&out, " ", active);
  }
  return out;
}

inline std::string ToText(const StageTimes& a) {
  std::string out = absl::StrCat("runs ", a.runs);
  for (const StageTimes::Stage& stage : a.stages) {
    absl::StrAppend(&out, "\nentered ", stage.entered, " inside ", stage.inside_count, " ended ", ToText(stage.ended),
                    " inside ", ToText(stage.inside), " collected");
    for (const int64_t micros : stage.collected) absl::StrAppend(&out, " ", micros);
  }
  return out;
}

inline std::string ToText(const RevenueMovements& a) {
  std::string out = absl::StrCat("other currencies ", a.other_currency_events);
  for (const RevenueMovements::Month& m : a.months) {
    absl::StrAppend(&out, "\nstart ", m.start, " of ", m.start_customers, " fresh ", m.fresh, " of ", m.fresh_customers,
                    " again ", m.reactivation, " of ", m.reactivated_customers, " more ", m.expansion, " of ",
                    m.expanded_customers);
    absl::StrAppend(&out, " less ", m.contraction, " of ", m.contracted_customers, " gone ", m.churn, " of ",
                    m.churned_customers, " end ", m.end, " of ", m.end_customers, " retained ", m.retained);
  }
  return out;
}

inline std::string ToText(const ValueCounts& a) {
  std::string out = absl::StrCat(a.value_count, " values, missing ", a.missing);
  for (const ValueCounts::Value& value : a.values) absl::StrAppend(&out, " \"", value.text, "\"=", value.events);
  return out;
}

template <typename Row, typename Takes, typename RowText>
std::string ToText(const CustomerRows<Row, Takes>& rows, const RowText& row_text) {
  std::string out = absl::StrCat("customers ", rows.customers(), " shift ", rows.shift());
  for (const auto& entry : rows.entries()) {
    absl::StrAppend(&out, "\n", entry.customer_id, ":", row_text(entry.row));
  }
  return out;
}

inline std::string ToText(const PurchaseSummary& a) {
  return ToText(a.rows, [](const PurchaseRow& row) {
    return absl::StrCat(" ", row.frequency, " in ", row.recency_days, " of ", row.age_days, " days for ",
                        row.first_value_minor, " and ", row.value_minor);
  });
}

inline std::string ToText(const CustomerFeatures& a) {
  return ToText(a.rows, [](const std::vector<std::optional<double>>& row) {
    std::string out;
    for (const std::optional<double>& cell : row) {
      absl::StrAppend(&out, " ", cell.has_value() ? absl::StrFormat("%.17g", *cell) : "-");
    }
    return out;
  });
}

inline std::string ToText(const RunSample& a) {
  return ToText(a.rows, [&](const RunSample::CustomerRuns& row) {
    std::string out = row.cut ? " cut" : "";
    for (const RunSample::Run& run : row.runs) {
      absl::StrAppend(&out, " |");
      for (size_t i = 0; i < run.visits.size(); ++i) {
        const RunSample::Visit& visit = run.visits[i];
        absl::StrAppend(&out, " ", a.symbols[static_cast<size_t>(visit.symbol)], " at ", visit.time_micros);
        if (visit.score.has_value()) absl::StrAppend(&out, " score ", absl::StrFormat("%.17g", *visit.score));
        if (visit.amount_minor.has_value()) absl::StrAppend(&out, " amount ", *visit.amount_minor);
        for (size_t f = 0; f < a.texts.size(); ++f) {
          const int32_t value = run.values[i * a.texts.size() + f];
          absl::StrAppend(&out, " ", value < 0 ? "-" : a.texts[f][static_cast<size_t>(value)]);
        }
      }
    }
    return out;
  });
}

inline std::string ToText(const GroupKey& key) {
  std::string out;
  for (const GroupValue& value : key) {
    absl::StrAppend(&out, "[",
                    value.kind == GroupValue::Kind::kValue   ? value.text
                    : value.kind == GroupValue::Kind::kOther ? "(other)"
                                                             : "(missing)",
                    "] ");
  }
  return out;
}

template <typename Aggregate>
std::string ToText(const Grouped<Aggregate>& grouped) {
  std::string out;
  for (const auto& [key, aggregate] : grouped.groups) {
    absl::StrAppend(&out, out.empty() ? "" : "\n", ToText(key), ToText(aggregate));
  }
  return out;
}

template <typename Aggregate>
std::string ToText(const std::vector<Aggregate>& windows) {
  std::string out;
  for (const Aggregate& aggregate : windows) absl::StrAppend(&out, ToText(aggregate), "\n");
  return out;
}

template <typename Answer>
std::string ToText(const absl::StatusOr<Answer>& answer) {
  return answer.ok() ? ToText(*answer) : answer.status().ToString();
}

}  // namespace throughline::testing
