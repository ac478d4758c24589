#include "services/events/two_pass.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

// Buckets that are read first; each further time four times as many.
constexpr size_t kBucketsFirst = 64;

bool MoreFrequent(const VariantCount& a, const VariantCount& b) {
  return a.runs != b.runs ? a.runs > b.runs : a.variant < b.variant;
}

// A bin and how many of its durations come before the one that is meant.
struct Place {
  int32_t bin = 0;
  int64_t within = 0;
};

Place FindPlace(const DurationSketch& sketch, double quantile) {
  int64_t left = sketch.RankOf(quantile);
  for (const auto& [bin, count] : sketch.bins()) {
    if (left < count) return {bin, left};
    left -= count;
  }
  return {sketch.bins().back().first, sketch.bins().back().second - 1};
}

}  // namespace

absl::StatusOr<TopVariants> FindTopVariants(const EventView& view, VariantQuery query, int count) {
  if (!query.scope.breakdown.empty()) return InvalidField("breakdown", "not for the most frequent variants");
  query.buckets.clear();
  ASSIGN_OR_RETURN(const auto first, view.Variants(query));
  TopVariants out;
  out.runs = first.whole().runs;
  const std::vector<uint32_t>& runs = first.whole().bucket_runs;
  std::vector<uint32_t> fullest(runs.size());
  std::iota(fullest.begin(), fullest.end(), 0);
  fullest.erase(std::remove_if(fullest.begin(), fullest.end(), [&](uint32_t bucket) { return runs[bucket] == 0; }),
                fullest.end());
  const auto wanted = static_cast<size_t>(std::max(count, 0));
  for (size_t read = std::max(kBucketsFirst, wanted); !fullest.empty() && wanted > 0; read *= 4) {
    read = std::min(read, fullest.size());
    // The fullest ones, and behind them the fullest of the others.
    const auto end = fullest.begin() + static_cast<std::ptrdiff_t>(std::min(read + 1, fullest.size()));
    std::partial_sort(fullest.begin(), end, fullest.end(), [&](uint32_t a, uint32_t b) { return runs[a] > runs[b]; });
    query.buckets.assign(fullest.begin(), fullest.begin() + static_cast<std::ptrdiff_t>(read));
    ASSIGN_OR_RETURN(const auto counted, view.Variants(query));
    out.variants.clear();
    for (const auto& [variant, number] : counted.whole().variants) out.variants.push_back({variant, number});
    std::sort(out.variants.begin(), out.variants.end(), MoreFrequent);
    if (out.variants.size() > wanted) out.variants.resize(wanted);
    // No variant of a bucket that was not read has more runs than the bucket.
    const int64_t unread = read == fullest.size() ? 0 : runs[fullest[read]];
    if (unread == 0 || (out.variants.size() == wanted && out.variants.back().runs > unread)) break;
  }
  return out;
}

absl::StatusOr<StageQuantiles> FindStageQuantiles(const EventView& view, StageQuery query,
                                                  const std::vector<double>& quantiles) {
  if (!query.scope.breakdown.empty()) return InvalidField("breakdown", "not for exact quantiles");
  query.collect.clear();
  ASSIGN_OR_RETURN(const auto first, view.Stages(query));
  StageQuantiles out;
  out.times = first.whole();
  const size_t stages = out.times.stages.size();
  out.micros.resize(stages);
  query.collect.resize(stages);
  bool any = false;
  for (size_t stage = 0; stage < stages; ++stage) {
    const DurationSketch& ended = out.times.stages[stage].ended;
    if (ended.count() == 0) continue;
    for (const double quantile : quantiles) {
      if (ended.exact()) {
        out.micros[stage].push_back(ended.Quantile(quantile));
      } else {
        query.collect[stage].push_back(FindPlace(ended, quantile).bin);
        any = true;
      }
    }
  }
  if (!any) return out;
  ASSIGN_OR_RETURN(const auto second, view.Stages(query));
  for (size_t stage = 0; stage < stages; ++stage) {
    const DurationSketch& ended = out.times.stages[stage].ended;
    if (ended.count() == 0 || ended.exact()) continue;
    const std::vector<int64_t>& collected = second.whole().stages[stage].collected;
    for (const double quantile : quantiles) {
      const Place place = FindPlace(ended, quantile);
      const auto begin = std::partition_point(collected.begin(), collected.end(), [&](int64_t micros) {
        return DurationSketch::BinOf(micros) < place.bin;
      });
      out.micros[stage].push_back(*(begin + place.within));
    }
  }
  return out;
}

}  // namespace throughline
