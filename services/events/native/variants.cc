// How often runs take which way.
#include "absl/container/flat_hash_map.h"
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr int kLengthMax = 1000;
// Variants that one question counts one by one; beyond, fewer buckets must be asked for.
constexpr size_t kVariantsMax = 500'000;

// Every group has a number for each bucket: a megabyte.
constexpr int kVariantGroupsMax = 64;

// Counts of one group. A variant's key is its symbols, two bytes each.
struct Counter {
  std::vector<uint32_t> bucket_runs;
  absl::flat_hash_map<std::string, int64_t> variants;
  int64_t runs = 0;
  void Merge(const Counter& other) {
    if (other.runs == 0) return;
    if (!other.bucket_runs.empty()) bucket_runs.resize(VariantCounts::kBucketCount);
    for (size_t i = 0; i < other.bucket_runs.size(); ++i) bucket_runs[i] += other.bucket_runs[i];
    for (const auto& [key, count] : other.variants) variants[key] += count;
    runs += other.runs;
  }
};

// What does not change during a pass.
struct Rules {
  std::vector<uint64_t> hashes;     // by symbol
  std::vector<uint64_t> powers;     // by place in the run
  std::vector<uint8_t> is_counted;  // by bucket; empty: none
  bool bucket_counts = true;
  size_t length_max = 0;
};

// A run's first symbols.
struct Beginning {
  uint64_t hash = 0;
  size_t length = 0;
  uint32_t first = 0;  // position
};

template <typename Block>
Beginning ReadBeginning(const Block& block, uint32_t run, const Rules& rules) {
  Beginning out;
  const uint64_t* const hashes = rules.hashes.data();
  const uint64_t* const powers = rules.powers.data();
  const size_t length_max = rules.length_max;
  for (uint32_t i = block.begin(run), end = block.end(run); i < end && out.length < length_max; ++i) {
    const auto symbol = block.numbers[i];
    if (symbol == kNoSelector<std::decay_t<decltype(symbol)>>) continue;
    if (out.length == 0) out.first = i;
    out.hash += hashes[symbol] * powers[out.length++];
  }
  return out;
}

template <typename Block>
std::string KeyOf(const Block& block, const Beginning& beginning) {
  std::string key;
  for (uint32_t i = beginning.first; key.size() < beginning.length * sizeof(uint16_t); ++i) {
    const auto number = block.numbers[i];
    if (number == kNoSelector<std::decay_t<decltype(number)>>) continue;
    const uint16_t symbol = number;
    key.append(reinterpret_cast<const char*>(&symbol), sizeof(symbol));
  }
  return key;
}

template <typename Number>
void AddPartition(const RunSource& source, const Breakdown& breakdown, const Rules& rules, const Partition& partition,
                  Groups<Counter>& totals) {
  Breakdown::Reader groups(breakdown, partition);
  RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      const Beginning beginning = ReadBeginning(block, run, rules);
      if (beginning.length == 0) continue;
      const int32_t group = groups.At(block.place(beginning.first));
      if (group < 0) continue;
      Counter& counter = totals[group];
      if (counter.runs++ == 0 && rules.bucket_counts) counter.bucket_runs.resize(VariantCounts::kBucketCount);
      const uint32_t bucket = VariantCounts::BucketOfHash(beginning.hash);
      if (rules.bucket_counts) ++counter.bucket_runs[bucket];
      if (rules.is_counted.empty() || rules.is_counted[bucket] == 0) continue;
      ++counter.variants[KeyOf(block, beginning)];
    }
  });
}

VariantCounts Finished(Counter& counter, const std::vector<std::string>& names) {
  VariantCounts out;
  out.runs = counter.runs;
  out.bucket_runs = std::move(counter.bucket_runs);
  for (const auto& [key, count] : counter.variants) {
    VariantCounts::Variant variant;
    for (size_t i = 0; i < key.size(); i += sizeof(uint16_t)) {
      uint16_t symbol;
      std::memcpy(&symbol, key.data() + i, sizeof(symbol));
      variant.push_back(names[symbol]);
    }
    out.variants.emplace(std::move(variant), count);
  }
  return out;
}

}  // namespace

absl::StatusOr<Grouped<VariantCounts>> ComputeVariants(Projection& projection, const Snapshot& snapshot,
                                                       const VariantQuery& query) {
  if (query.length_max < 1 || query.length_max > kLengthMax) {
    return InvalidField("length_max", absl::StrCat("1 to ", kLengthMax));
  }
  ASSIGN_OR_RETURN(const CompiledAlphabet alphabet, CompileAlphabet(query.alphabet, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  if (query.bucket_counts && breakdown.group_count() > kVariantGroupsMax) {
    return LimitExceeded("the breakdown of variants", kVariantGroupsMax, "groups; ask for fewer values");
  }
  RunSource source{&alphabet.selectors, nullptr, breakdown.scope().customers.get(), CeilMicros(query.window.start),
                   CeilMicros(query.window.end)};
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, query.scope));
  Rules rules;
  rules.length_max = static_cast<size_t>(query.length_max);
  rules.bucket_counts = query.bucket_counts;
  for (const std::string& name : alphabet.names) rules.hashes.push_back(StableHash(name));
  uint64_t power = 1;
  for (size_t i = 0; i < rules.length_max; ++i) rules.powers.push_back(power *= VariantCounts::kPower);
  if (!query.buckets.empty()) rules.is_counted.resize(VariantCounts::kBucketCount);
  for (const uint32_t bucket : query.buckets) {
    if (bucket >= VariantCounts::kBucketCount) return InvalidField("buckets", absl::StrCat(bucket, " is no bucket"));
    rules.is_counted[bucket] = 1;
  }
  const auto make = [&] { return Groups<Counter>(breakdown, Counter()); };
  const auto pass = [&](Groups<Counter>& totals, const Partition& partition) {
    if (alphabet.selectors.fits_byte()) {
      AddPartition<uint8_t>(source, breakdown, rules, partition, totals);
    } else {
      AddPartition<uint16_t>(source, breakdown, rules, partition, totals);
    }
  };
  ASSIGN_OR_RETURN(Groups<Counter> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  size_t variants = 0;
  auto out = totals.Finished([&](Counter& counter) {
    variants += counter.variants.size();
    return variants > kVariantsMax ? VariantCounts() : Finished(counter, alphabet.names);
  });
  if (variants > kVariantsMax) {
    return LimitExceeded("the variants of these buckets", kVariantsMax, "variants; ask for fewer buckets");
  }
  return out;
}

}  // namespace throughline
