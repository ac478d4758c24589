#include "tests/bench/journeys/bare_pass.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace throughline::bench {
namespace {

// A range of customers, with about as many events as every other thread's.
struct Part {
  size_t begin = 0;
  size_t end = 0;
};

std::vector<Part> Split(const JourneyEvents& events, int threads) {
  std::vector<Part> parts;
  size_t begin = 0;
  for (int i = 1; i <= threads; ++i) {
    const auto share = static_cast<uint32_t>(events.events() * static_cast<size_t>(i) / static_cast<size_t>(threads));
    const auto bound = std::lower_bound(events.offsets.begin(), events.offsets.end(), share) - events.offsets.begin();
    const size_t end = i == threads ? events.customers() : std::max(begin, static_cast<size_t>(bound));
    parts.push_back({begin, end});
    begin = end;
  }
  return parts;
}

// `pass(part, result)` on a thread for each part, each with a result of its own.
template <typename Result>
std::vector<Result> ForEachPart(const JourneyEvents& events, int threads,
                                const std::function<void(const Part&, Result&)>& pass) {
  const std::vector<Part> parts = Split(events, threads);
  std::vector<Result> results(parts.size());
  std::vector<std::thread> running;
  for (size_t i = 1; i < parts.size(); ++i) running.emplace_back([&, i] { pass(parts[i], results[i]); });
  pass(parts[0], results[0]);
  for (std::thread& thread : running) thread.join();
  return results;
}

Answer Sorted(Answer rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

// ---- Funnel ---------------------------------------------------------------------------------------------------------

constexpr size_t kBlockCustomers = 4'096;
constexpr int64_t kNever = std::numeric_limits<int64_t>::min() / 2;

using Levels = std::array<int64_t, kFunnelSteps.size() + 1>;

// Of each step the latest start of an attempt that reached it: a later start leaves more time for the rest.
class FunnelCustomer {
 public:
  void Visit(int step, int64_t time) {
    starts_[0] = time;
    const bool in_time = time - starts_[step] <= kFunnelWindow;
    starts_[step + 1] = in_time ? starts_[step] : starts_[step + 1];
    reached_ |= static_cast<unsigned>(in_time) << step;
  }
  int level() const { return std::popcount(reached_); }

 private:
  std::array<int64_t, kFunnelSteps.size() + 1> starts_ = {kNever, kNever, kNever, kNever, kNever, kNever, kNever};
  unsigned reached_ = 0;
};

void FunnelPass(const JourneyEvents& events, const Part& part, Levels& levels) {
  std::array<uint8_t, 256> is_step{};
  std::array<uint8_t, 256> step_of{};
  for (size_t i = 0; i < kFunnelSteps.size(); ++i) {
    is_step[kFunnelSteps[i]] = 1;
    step_of[kFunnelSteps[i]] = static_cast<uint8_t>(i);
  }
  std::vector<uint32_t> places;
  for (size_t block = part.begin; block < part.end; block += kBlockCustomers) {
    const size_t block_end = std::min(part.end, block + kBlockCustomers);
    // First the places of all steps, without a branch; then only those.
    const uint32_t first = events.offsets[block];
    const uint32_t last = events.offsets[block_end];
    places.resize(last - first + 1);
    size_t count = 0;
    for (uint32_t i = first; i < last; ++i) {
      places[count] = i;
      count += is_step[events.touchpoints[i]];
    }
    size_t next = 0;
    for (size_t customer = block; customer < block_end; ++customer) {
      FunnelCustomer state;
      for (; next < count && places[next] < events.offsets[customer + 1]; ++next) {
        const uint32_t place = places[next];
        state.Visit(step_of[events.touchpoints[place]], events.times[place]);
      }
      ++levels[static_cast<size_t>(state.level())];
    }
  }
}

Answer Funnel(const JourneyEvents& events, int threads) {
  Levels sum{};
  for (const Levels& levels :
       ForEachPart<Levels>(events, threads, [&](const Part&part, Levels&out) { FunnelPass(events, part, out); })) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += levels[i];
  }
  Answer rows;
  for (size_t i = 0; i < sum.size(); ++i) {
    if (sum[i] > 0) rows.push_back(absl::StrCat(i, ",", sum[i]));
  }
  return Sorted(rows);
}

// ---- Transition graph -----------------------------------------------------------------------------------------------

struct Graph {
  std::vector<uint64_t> counts = std::vector<uint64_t>(64 * 64);
  std::vector<uint64_t> seconds = std::vector<uint64_t>(64 * 64);
};

void GraphPass(const JourneyEvents& events, const Part& part, Graph& graph) {
  for (size_t customer = part.begin; customer < part.end; ++customer) {
    const uint32_t end = events.offsets[customer + 1];
    uint32_t i = events.offsets[customer];
    uint32_t from = events.touchpoints[i];
    uint32_t before = events.times[i];
    for (++i; i < end; ++i) {
      const uint32_t to = events.touchpoints[i];
      const uint32_t time = events.times[i];
      const uint32_t edge = from << 6 | to;
      ++graph.counts[edge];
      graph.seconds[edge] += time - before;
      from = to;
      before = time;
    }
  }
}

Answer TransitionGraph(const JourneyEvents& events, int threads) {
  Graph sum;
  for (const Graph& graph :
       ForEachPart<Graph>(events, threads, [&](const Part&part, Graph&out) { GraphPass(events, part, out); })) {
    for (size_t i = 0; i < sum.counts.size(); ++i) {
      sum.counts[i] += graph.counts[i];
      sum.seconds[i] += graph.seconds[i];
    }
  }
  Answer rows;
  for (size_t i = 0; i < sum.counts.size(); ++i) {
    if (sum.counts[i] == 0) continue;
    rows.push_back(absl::StrCat(TouchpointNames()[i >> 6], ",", TouchpointNames()[i & 63], ",", sum.counts[i], ",",
                                sum.seconds[i]));
  }
  return Sorted(rows);
}

// ---- Variants -------------------------------------------------------------------------------------------------------

constexpr size_t kVariantBuckets = size_t{1} << 18;
constexpr size_t kVariantBucketsRead = 512;

// Six bits for each touchpoint, counted from one, so that a shorter sequence is another key.
__extension__ using Key = unsigned __int128;
static_assert(kTouchpointCount < 64 && kVariantLength * 6 <= 128);

Key KeyOf(const JourneyEvents& events, size_t customer) {
  const uint32_t begin = events.offsets[customer];
  const uint32_t end = std::min<uint32_t>(events.offsets[customer + 1], begin + kVariantLength);
  Key key = 0;
  for (uint32_t i = begin; i < end; ++i) key = key << 6 | (events.touchpoints[i] + 1U);
  return key;
}

struct KeyHash {
  size_t operator()(Key key) const {
    const uint64_t mixed =
        (static_cast<uint64_t>(key) ^ static_cast<uint64_t>(key >> 64) * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
    return mixed ^ mixed >> 32;
  }
};
size_t BucketOf(Key key) { return KeyHash()(key) & (kVariantBuckets - 1); }

std::string VariantName(Key key) {
  std::vector<const char*> names;
  for (; key != 0; key >>= 6) names.push_back(TouchpointNames()[static_cast<size_t>(key & 63) - 1]);
  std::reverse(names.begin(), names.end());
  return absl::StrJoin(names, ">");
}

using Counts = std::vector<uint32_t>;
using KeyCounts = std::unordered_map<Key, int64_t, KeyHash>;

// The sequences of the `read` fullest buckets, counted exactly; `unread`: the size of the fullest of the others.
KeyCounts CountFullest(const JourneyEvents& events, int threads, const Counts& buckets, size_t read, uint32_t& unread) {
  Counts sizes = buckets;
  std::nth_element(sizes.begin(), sizes.begin() + static_cast<ptrdiff_t>(read), sizes.end(), std::greater<>());
  unread = sizes[read];
  KeyCounts sum;
  for (const KeyCounts& counts : ForEachPart<KeyCounts>(events, threads, [&](const Part&part, KeyCounts&out) {
         for (size_t customer = part.begin; customer < part.end; ++customer) {
           const Key key = KeyOf(events, customer);
           if (buckets[BucketOf(key)] > unread) ++out[key];
         }
       })) {
    for (const auto& [key, count] : counts) sum[key] += count;
  }
  return sum;
}

// One big hash table would miss the caches at every customer: small counters first, and then exact counts of what is in
// a full bucket. A sequence is at most as frequent as its bucket is full, which proves the answer.
Answer Variants(const JourneyEvents& events, int threads) {
  Counts buckets(kVariantBuckets);
  for (const Counts& counts : ForEachPart<Counts>(events, threads, [&](const Part&part, Counts&out) {
         out.resize(kVariantBuckets);
         for (size_t customer = part.begin; customer < part.end; ++customer) ++out[BucketOf(KeyOf(events, customer))];
       })) {
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += counts[i];
  }
  for (size_t read = kVariantBucketsRead;; read = std::min(read * 4, kVariantBuckets - 1)) {
    uint32_t unread = 0;
    const KeyCounts counts = CountFullest(events, threads, buckets, read, unread);
    std::vector<std::pair<int64_t, std::string>> rows;
    for (const auto& [key, count] : counts) {
      if (count > unread) rows.emplace_back(-count, VariantName(key));
    }
    if (rows.size() < kVariantCount && read < kVariantBuckets - 1) continue;
    std::sort(rows.begin(), rows.end());
    rows.resize(std::min<size_t>(rows.size(), kVariantCount));
    Answer answer;
    for (const auto& [negative, name] : rows) answer.push_back(absl::StrCat(name, ",", -negative));
    return Sorted(answer);
  }
}

// ---- Retention ------------------------------------------------------------------------------------------------------

using Cohorts = std::array<std::array<int64_t, kCohortCount>, kCohortCount>;

void RetentionPass(const JourneyEvents& events, const Part& part, Cohorts& cohorts) {
  for (size_t customer = part.begin; customer < part.end; ++customer) {
    const uint32_t begin = events.offsets[customer];
    const uint32_t end = events.offsets[customer + 1];
    const uint32_t cohort = events.times[begin] / kWeekSeconds;
    if (cohort - kCohortFirst >= kCohortCount) continue;
    uint64_t weeks = 0;
    for (uint32_t i = begin; i < end; ++i) weeks |= uint64_t{1} << (events.times[i] / kWeekSeconds);
    weeks >>= cohort;
    std::array<int64_t, kCohortCount>& row = cohorts[cohort - kCohortFirst];
    for (int offset = 0; offset < kCohortCount; ++offset) row[offset] += weeks >> offset & 1;
  }
}

Answer Retention(const JourneyEvents& events, int threads) {
  Cohorts sum{};
  for (const Cohorts& cohorts :
       ForEachPart<Cohorts>(events, threads, [&](const Part&part, Cohorts&out) { RetentionPass(events, part, out); })) {
    for (int i = 0; i < kCohortCount; ++i) {
      for (int j = 0; j < kCohortCount; ++j) sum[i][j] += cohorts[i][j];
    }
  }
  Answer rows;
  for (int i = 0; i < kCohortCount; ++i) {
    if (sum[i][0] > 0) rows.push_back(absl::StrCat(i + kCohortFirst, ",", absl::StrJoin(sum[i], ",")));
  }
  return Sorted(rows);
}

// ---- NPS ------------------------------------------------------------------------------------------------------------

constexpr std::array<int, 12> kMonthDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

struct Nps {
  // [touchpoint][month][0 detractor, 1 passive, 2 promoter]
  std::array<std::array<std::array<int64_t, 3>, 12>, 64> answers{};
};

void NpsPass(const JourneyEvents& events, const Part& part, Nps& nps) {
  std::array<uint8_t, 365> month_of{};
  for (size_t day = 0, month = 0; month < kMonthDays.size(); ++month) {
    for (int i = 0; i < kMonthDays[month]; ++i) month_of[day++] = static_cast<uint8_t>(month);
  }
  constexpr uint32_t kBlock = 8'192;
  std::array<uint32_t, kBlock> places;
  const uint32_t end = events.offsets[part.end];
  for (uint32_t block = events.offsets[part.begin]; block < end; block += kBlock) {
    const uint32_t block_end = std::min(end, block + kBlock);
    size_t count = 0;
    for (uint32_t i = block; i < block_end; ++i) {
      places[count] = i;
      count += events.scores[i] != kNoScore;
    }
    for (size_t k = 0; k < count; ++k) {
      const uint32_t i = places[k];
      const int group = (events.scores[i] > 6) + (events.scores[i] > 8);
      ++nps.answers[events.touchpoints[i]][month_of[events.times[i] / 86'400]][group];
    }
  }
}

Answer NpsByMonth(const JourneyEvents& events, int threads) {
  Answer rows;
  const std::vector<Nps> parts =
      ForEachPart<Nps>(events, threads, [&](const Part& part, Nps& out) { NpsPass(events, part, out); });
  for (int touchpoint = 0; touchpoint < kTouchpointCount; ++touchpoint) {
    for (int month = 0; month < 12; ++month) {
      std::array<int64_t, 3> sum{};
      for (const Nps& part : parts) {
        for (int group = 0; group < 3; ++group) sum[group] += part.answers[touchpoint][month][group];
      }
      const int64_t n = sum[0] + sum[1] + sum[2];
      if (n > 0)
        rows.push_back(absl::StrCat(TouchpointNames()[touchpoint], ",", month + 1, ",", n, ",", sum[2], ",", sum[0]));
    }
  }
  return Sorted(rows);
}

// ---- Time in stage --------------------------------------------------------------------------------------------------

// Buckets of 1/256 of their value: the upper bits of the duration as a float.
uint32_t DurationBucket(uint32_t seconds) { return std::bit_cast<uint32_t>(static_cast<float>(seconds)) >> 15; }
constexpr size_t kDurationBuckets = (127 + 26) << 8;

struct Stays {
  std::array<std::vector<uint32_t>, kStageCount> histogram;
};

// `stay(stage, seconds)` for every stay that has ended.
template <typename Stay>
void ForEachStay(const JourneyEvents& events, const Part& part, Stay stay) {
  const std::array<uint8_t, kTouchpointCount>& stages = TouchpointStages();
  for (size_t customer = part.begin; customer < part.end; ++customer) {
    const uint32_t end = events.offsets[customer + 1];
    uint32_t i = events.offsets[customer];
    uint8_t stage = stages[events.touchpoints[i]];
    uint32_t since = events.times[i];
    for (++i; i < end; ++i) {
      const uint8_t next = stages[events.touchpoints[i]];
      if (next == stage) continue;
      stay(stage, events.times[i] - since);
      stage = next;
      since = events.times[i];
    }
  }
}

constexpr std::array<double, 2> kQuantiles = {0.5, 0.9};

struct Rank {
  uint32_t bucket = 0;
  int64_t within = 0;  // zero-based place among the durations of the bucket
};

Rank FindRank(const std::vector<uint32_t>& histogram, int64_t rank) {
  Rank found;
  while (rank >= histogram[found.bucket]) rank -= histogram[found.bucket++];
  found.within = rank;
  return found;
}

std::vector<Stays> CountStays(const JourneyEvents& events, int threads) {
  return ForEachPart<Stays>(events, threads, [&](const Part& part, Stays& out) {
    for (auto& histogram : out.histogram) histogram.resize(kDurationBuckets);
    ForEachStay(events, part,
                [&](uint8_t stage, uint32_t seconds) { ++out.histogram[stage][DurationBucket(seconds)]; });
  });
}

// A histogram tells the bucket of each quantile; a second pass collects what is in those buckets only.
Answer TimeInStage(const JourneyEvents& events, int threads) {
  const std::vector<Stays> parts = CountStays(events, threads);
  std::array<int64_t, kStageCount> stays{};
  std::array<std::array<Rank, 2>, kStageCount> ranks;
  for (int stage = 0; stage < kStageCount; ++stage) {
    std::vector<uint32_t> histogram(kDurationBuckets);
    for (const Stays& part : parts) {
      for (size_t i = 0; i < histogram.size(); ++i) histogram[i] += part.histogram[stage][i];
    }
    for (const uint32_t count : histogram) stays[stage] += count;
    for (size_t q = 0; q < kQuantiles.size() && stays[stage] > 0; ++q) {
      const auto rank = static_cast<int64_t>(std::ceil(kQuantiles[q] * static_cast<double>(stays[stage])));
      ranks[stage][q] = FindRank(histogram, rank - 1);
    }
  }
  using Collected = std::array<std::array<std::vector<uint32_t>, 2>, kStageCount>;
  std::vector<Collected> collected = ForEachPart<Collected>(events, threads, [&](const Part& part, Collected& out) {
    ForEachStay(events, part, [&](uint8_t stage, uint32_t seconds) {
      const uint32_t bucket = DurationBucket(seconds);
      for (size_t q = 0; q < kQuantiles.size(); ++q) {
        if (bucket == ranks[stage][q].bucket) out[stage][q].push_back(seconds);
      }
    });
  });
  Answer rows;
  for (int stage = 0; stage < kStageCount; ++stage) {
    if (stays[stage] == 0) continue;
    std::string row = absl::StrCat(stage, ",", stays[stage]);
    for (size_t q = 0; q < kQuantiles.size(); ++q) {
      std::vector<uint32_t> all;
      for (const Collected& part : collected) all.insert(all.end(), part[stage][q].begin(), part[stage][q].end());
      std::nth_element(all.begin(), all.begin() + ranks[stage][q].within, all.end());
      absl::StrAppend(&row, ",", all[static_cast<size_t>(ranks[stage][q].within)]);
    }
    rows.push_back(row);
  }
  return Sorted(rows);
}

}  // namespace

const char* NameOf(Question question) {
  switch (question) {
    case Question::kFunnel:
      return "funnel";
    case Question::kTransitionGraph:
      return "transition_graph";
    case Question::kVariants:
      return "variants";
    case Question::kRetention:
      return "retention";
    case Question::kNps:
      return "nps";
    case Question::kTimeInStage:
      return "time_in_stage";
  }
  return "";
}

Answer BarePass(Question question, const JourneyEvents& events, int threads) {
  switch (question) {
    case Question::kFunnel:
      return Funnel(events, threads);
    case Question::kTransitionGraph:
      return TransitionGraph(events, threads);
    case Question::kVariants:
      return Variants(events, threads);
    case Question::kRetention:
      return Retention(events, threads);
    case Question::kNps:
      return NpsByMonth(events, threads);
    case Question::kTimeInStage:
      return TimeInStage(events, threads);
  }
  return {};
}

int64_t BareSketchPass(const JourneyEvents& events, int threads) {
  std::vector<Stays> parts = CountStays(events, threads);
  int64_t sum = 0;
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    std::vector<uint32_t>& histogram = parts[0].histogram[stage];
    int64_t stays = 0;
    for (size_t i = 0; i < histogram.size(); ++i) {
      for (size_t part = 1; part < parts.size(); ++part) histogram[i] += parts[part].histogram[stage][i];
      stays += histogram[i];
    }
    for (size_t q = 0; q < kQuantiles.size() && stays > 0; ++q) {
      const auto rank = static_cast<int64_t>(std::ceil(kQuantiles[q] * static_cast<double>(stays)));
      sum += FindRank(histogram, rank - 1).bucket;
    }
  }
  return sum;
}

}  // namespace throughline::bench
