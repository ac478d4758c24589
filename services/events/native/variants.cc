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
  std::vector<uint32_t> bucket_runs = std::vector<uint32_t>(VariantCounts::kBucketCount);
  absl::flat_hash_map<std::string, int64_t> variants;
  int64_t runs = 0;
  void Merge(const Counter& other) {
    for (size_t i = 0; i < bucket_runs.size(); ++i) bucket_runs[i] += other.bucket_runs[i];
    for (const auto& [key, count] : other.variants) variants[key] += count;
    runs += other.runs;
  }
};

// What does not change during a pass.
struct Rules {
  std::vector<uint64_t> hashes;     // by symbol
  std::vector<uint64_t> powers;     // by place in the run
  std::vector<uint8_t> is_counted;  // by bucket; empty: none
  size_t length_max = 0;
};

template <typename Number>
void AddPartition(const RunSource& source, const Breakdown& breakdown, const Rules& rules, const Partition& partition,
                  Groups<Counter>& totals) {
  Breakdown::Reader groups(breakdown, partition);
  std::vector<uint16_t> symbols(rules.length_max);
  RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      uint64_t hash = 0;
      size_t length = 0;
      uint32_t first = 0;
      for (uint32_t i = block.begin(run), end = block.end(run); i < end && length < rules.length_max; ++i) {
        const Number symbol = block.numbers[i];
        if (symbol == kNoSelector<Number>) continue;
        if (length == 0) first = i;
        hash += rules.hashes[symbol] * rules.powers[length];
        symbols[length++] = symbol;
      }
      if (length == 0) continue;
      const int32_t group = groups.At(block.place(first));
      if (group < 0) continue;
      Counter& counter = totals[group];
      ++counter.runs;
      const uint32_t bucket = VariantCounts::BucketOfHash(hash);
      ++counter.bucket_runs[bucket];
      if (rules.is_counted.empty() || rules.is_counted[bucket] == 0) continue;
      ++counter.variants[std::string(reinterpret_cast<const char*>(symbols.data()), length * sizeof(uint16_t))];
    }
  });
}

VariantCounts Finished(Counter& counter, const std::vector<std::string>& names) {
  VariantCounts out;
  out.runs = counter.runs;
  if (counter.runs > 0) out.bucket_runs = std::move(counter.bucket_runs);
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
  ASSIGN_OR_RETURN(const CompiledAlphabet alphabet,
                   CompileAlphabet(query.alphabet, query.scope.filter, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope.breakdown, projection, snapshot));
  if (breakdown.group_count() > kVariantGroupsMax) {
    return LimitExceeded("the breakdown of variants", kVariantGroupsMax, "groups; ask for fewer values");
  }
  RunSource source{&alphabet.selectors, nullptr, query.scope.customers.get(), CeilMicros(query.window.start),
                   CeilMicros(query.window.end)};
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run));
  Rules rules;
  rules.length_max = static_cast<size_t>(query.length_max);
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
  ASSIGN_OR_RETURN(Groups<Counter> totals, PassOverPartitions(snapshot, query.scope, make, pass));
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
