// The most frequent values of a field.
#include <algorithm>
#include <map>

#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

struct Counts {
  std::vector<int64_t> by_code;
  void Merge(const Counts& other) {
    for (size_t i = 0; i < by_code.size(); ++i) by_code[i] += other.by_code[i];
  }
};

}  // namespace

absl::StatusOr<ValueCounts> ComputeValues(Projection& projection, const Snapshot& snapshot, const ValueQuery& query) {
  if (!query.scope.breakdown.empty()) return InvalidField("breakdown", "not for the values of a field");
  ASSIGN_OR_RETURN(const FieldValues field, FindField(query.path, "path", query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Selectors selectors,
                   Selectors::Compile({&query.selector, 1}, query.scope, projection, snapshot));
  const RunSource source{&selectors, nullptr, query.scope.customers.get(), CeilMicros(query.window.start),
                         CeilMicros(query.window.end)};
  const auto make = [&] { return Counts{std::vector<int64_t>(field.codes)}; };
  const auto pass = [&](Counts& counts, const Partition& partition) {
    const std::shared_ptr<const PackedColumn> kept = field.In(partition);
    const PackedColumn& codes = *kept;
    RunReader(source, partition).ForEachBlock<uint8_t>([&](const auto& block) {
      const uint32_t count = block.end(block.runs - 1);
      codes.Visit([&](auto values) {
        for (uint32_t i = 0; i < count; ++i) {
          counts.by_code[static_cast<size_t>(values[block.first_place + i])] += block.numbers[i] == 0;
        }
      });
    });
  };
  ASSIGN_OR_RETURN(const Counts counts, PassOverPartitions(snapshot, query.scope, make, pass));
  ValueCounts out;
  std::map<std::string, int64_t> by_text;  // values of different kinds may have one text
  for (uint32_t code = 0; code < field.codes; ++code) {
    if (counts.by_code[code] == 0) continue;
    if (field.IsMissing(code)) {
      out.missing = counts.by_code[code];
    } else {
      by_text[field.Text(code)] += counts.by_code[code];
    }
  }
  for (const auto& [text, events] : by_text) out.values.push_back({text, events});
  out.value_count = static_cast<int64_t>(out.values.size());
  std::stable_sort(out.values.begin(), out.values.end(),
                   [](const auto& a, const auto& b) { return a.events > b.events; });
  if (out.values.size() > static_cast<size_t>(std::max(query.limit, 0))) {
    out.values.resize(static_cast<size_t>(std::max(query.limit, 0)));
  }
  return out;
}

}  // namespace throughline
