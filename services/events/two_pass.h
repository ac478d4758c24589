// Exact answers of bounded size to questions whose one-pass aggregate would be large: a first pass tells where the
// answer lies, a second reads it there. Both passes are aggregates that can be merged, so that any engine can be asked.
// Stateless; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "throughline/events.h"

namespace throughline {

struct VariantCount {
  VariantCounts::Variant variant;
  int64_t runs = 0;
};
struct TopVariants {
  std::vector<VariantCount> variants;  // most frequent first, ties by the symbols
  int64_t runs = 0;
};
// The `count` most frequent variants, or all there are. `query.buckets` is ignored; no breakdown (INVALID_ARGUMENT).
// As EventView::Variants.
absl::StatusOr<TopVariants> FindTopVariants(const EventView& view, VariantQuery query, int count);

// The durations of ended stays at zero-based ranks ⌈q·n⌉ − 1 of the sorted durations, by stage and then as `quantiles`,
// in microseconds; no durations for a stage without ended stays.
struct StageQuantiles {
  StageTimes times;
  std::vector<std::vector<int64_t>> micros;
};
// No breakdown (INVALID_ARGUMENT). As EventView::Stages.
absl::StatusOr<StageQuantiles> FindStageQuantiles(const EventView& view, StageQuery query,
                                                  const std::vector<double>& quantiles);

}  // namespace throughline
