// A number for each customer and feature.
#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/calendar.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Kind = FeatureQuery::Kind;
using Row = std::vector<std::optional<double>>;

constexpr size_t kFeaturesMax = 100;
constexpr size_t kFeaturesPerPass = 64;  // as many as a mask has bits
// Cells of the answer: 64 MB with what a row costs beside them.
constexpr size_t kCellsMax = 2'000'000;

// The rows of one partition's customers.
class FeatureReader {
 public:
  FeatureReader(const FeatureQuery& query, const Partition& partition)
      : query_(query), partition_(partition), rows_(partition.customer_count()) {}

  // The features from `first_feature` on, a bit for each. `customer` counts from the partition's first.
  template <typename Time>
  void AddRun(const RunBlock<uint64_t, Time>& block, uint32_t run, uint32_t customer, size_t first_feature) {
    Row& row = rows_[customer];
    row.resize(query_.features.size());
    last_day_.assign(kFeaturesPerPass, absl::CivilDay::min());
    for (uint32_t i = block.begin(run); i < block.end(run); ++i) {
      for (uint64_t left = block.numbers[i]; left != 0; left &= left - 1) {
        const auto bit = static_cast<size_t>(std::countr_zero(left));
        const Kind kind = query_.features[first_feature + bit].kind;
        Add(kind, block.place(i), block.micros(block.times[i]), last_day_[bit], row[first_feature + bit]);
      }
    }
    for (size_t f = first_feature; f < std::min(first_feature + kFeaturesPerPass, query_.features.size()); ++f) {
      const Kind kind = query_.features[f].kind;
      const bool counts = kind == Kind::kCount || kind == Kind::kDays || kind == Kind::kAmountMinor;
      if (counts && !row[f].has_value()) row[f] = 0;
    }
  }

  Row& row(uint32_t customer) { return rows_[customer]; }

 private:
  void Add(Kind kind, uint32_t place, int64_t micros, absl::CivilDay& last_day, std::optional<double>& cell) const {
    const double seconds = static_cast<double>(micros) / 1e6;
    switch (kind) {
      case Kind::kCount:
        cell = cell.value_or(0) + 1;
        break;
      case Kind::kDays: {
        const absl::CivilDay day = PeriodOf(absl::FromUnixMicros(micros), CalendarUnit::kDay, query_.zone);
        if (day != last_day) cell = cell.value_or(0) + 1;
        last_day = day;
        break;
      }
      case Kind::kFirstTime:
        if (!cell.has_value()) cell = seconds;
        break;
      case Kind::kLastTime:
        cell = seconds;
        break;
      case Kind::kAmountMinor:
        if (const int64_t* amount = partition_.amounts().Find(place); amount != nullptr) {
          cell = cell.value_or(0) + static_cast<double>(*amount);
        }
        break;
      case Kind::kLastScore:
        if (partition_.scores() == nullptr || partition_.scores()[place] == kNoScore) break;
        cell =
            partition_.scores()[place] == kOddScore ? *partition_.odd_scores().Find(place) : partition_.scores()[place];
        break;
    }
  }

  const FeatureQuery& query_;
  const Partition& partition_;
  std::vector<Row> rows_;
  std::vector<absl::CivilDay> last_day_;
};

}  // namespace

absl::StatusOr<Grouped<CustomerFeatures>> ComputeFeatures(Projection& projection, const Snapshot& snapshot,
                                                          const FeatureQuery& query) {
  if (query.features.empty() || query.features.size() > kFeaturesMax) {
    return InvalidField("features", absl::StrCat("1 to ", kFeaturesMax, " features"));
  }
  std::vector<Selectors> passes;
  for (size_t first = 0; first < query.features.size(); first += kFeaturesPerPass) {
    std::vector<EventSelector> selectors;
    for (size_t f = first; f < std::min(first + kFeaturesPerPass, query.features.size()); ++f) {
      selectors.push_back(query.features[f].selector);
    }
    ASSIGN_OR_RETURN(Selectors compiled, Selectors::Compile(selectors, query.scope, projection, snapshot));
    passes.push_back(std::move(compiled));
  }
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  const Windows window(query.window);
  CustomerFeatures empty;
  empty.rows = CustomerRows<Row>(std::min<size_t>(1 << 18, kCellsMax / query.features.size()));
  const auto make = [&] { return Groups<CustomerFeatures>(breakdown, empty); };
  const auto pass = [&](Groups<CustomerFeatures>& totals, const Partition& partition) {
    FeatureReader rows(query, partition);
    Breakdown::Reader groups(breakdown, partition);
    for (size_t p = 0; p < passes.size(); ++p) {
      const bool last = p + 1 == passes.size();
      const RunSource source{&passes[p], nullptr, breakdown.scope().customers.get(), window.start(0), window.end(0)};
      RunReader(source, partition).ForEachBlock<uint64_t>([&](const auto& block) {
        for (uint32_t run = 0; run < block.runs; ++run) {
          const uint32_t customer = block.first_customer + run;
          rows.AddRun(block, run, customer, p * kFeaturesPerPass);
          if (!last) continue;
          uint32_t first = block.begin(run);
          const uint32_t end = block.end(run);
          while (first < end && !(block.InScope(first) && window.Has(0, block.micros(block.times[first])))) ++first;
          if (first == end) continue;
          const int32_t group = groups.At(block.place(first));
          if (group < 0) continue;
          const std::string& id = snapshot.NameOf(partition.first_customer() + customer, projection.dictionaries());
          totals[group].rows.Add(id, std::move(rows.row(customer)));
        }
      });
    }
  };
  ASSIGN_OR_RETURN(Groups<CustomerFeatures> totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  return totals.Finished();
}

}  // namespace throughline
