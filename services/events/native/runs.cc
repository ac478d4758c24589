// The runs themselves, of all customers or of a sample.
#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Rows = CustomerRows<RunSample::CustomerRuns, RunSample::Visits>;

// What does not change during a pass.
struct Rules {
  const RunSource* source = nullptr;
  const std::vector<FieldValues>* fields = nullptr;
  const Snapshot* snapshot = nullptr;
  const Dictionaries* dictionaries = nullptr;
};

// The runs of one partition's customers, with codes of the dictionaries for the values.
class RunCollector {
 public:
  RunCollector(const Rules& rules, const Partition& partition, Rows& rows)
      : rules_(rules), partition_(partition), rows_(rows) {
    for (const FieldValues& field : *rules.fields) columns_.push_back(field.In(partition));
  }

  template <typename Block>
  void Add(const Block& block, uint32_t run) {
    const auto nothing = kNoSelector<std::decay_t<decltype(block.numbers[0])>>;
    uint32_t first = block.begin(run);
    while (first < block.end(run) && block.numbers[first] == nothing) ++first;
    if (first == block.end(run)) return;
    BeginCustomer(block.place(first));
    if (left_out_) return;
    RunSample::Run& out = runs_[block.place(first)];
    for (uint32_t i = first; i < block.end(run); ++i) {
      if (block.numbers[i] == nothing) continue;
      // One more than are kept tells that there were more.
      if (out.visits.size() > RunSample::kCustomerVisitsMax) break;
      AddVisit(block.numbers[i], block.micros(block.times[i]), block.place(i), out);
    }
    visits_ += out.visits.size();
    // The latest run goes as soon as those before it take all the room.
    while (visits_ - runs_.rbegin()->second.visits.size() > RunSample::kCustomerVisitsMax) {
      visits_ -= runs_.rbegin()->second.visits.size();
      runs_.erase(std::prev(runs_.end()));
    }
  }

  void Finish() {
    if (number_ == kNone) return;
    RunSample::CustomerRuns row;
    size_t room = RunSample::kCustomerVisitsMax;
    for (auto& [place, run] : runs_) {
      row.cut = row.cut || run.visits.size() > room;
      run.visits.resize(std::min(run.visits.size(), room));
      run.values.resize(run.visits.size() * columns_.size());
      room -= run.visits.size();
      if (!run.visits.empty()) row.runs.push_back(std::move(run));
    }
    rows_.Add(Id(), std::move(row));
    runs_.clear();
    visits_ = 0;
    number_ = kNone;
  }

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

  const std::string& Id() const {
    return rules_.snapshot->NameOf(partition_.first_customer() + number_, *rules_.dictionaries);
  }

  // Runs of a customer come one after the other.
  void BeginCustomer(uint32_t place) {
    const uint32_t* const offsets = partition_.offsets();
    if (number_ != kNone && place < offsets[number_ + 1]) return;
    Finish();
    const uint32_t* const after = std::upper_bound(offsets, offsets + partition_.customer_count() + 1, place);
    number_ = static_cast<uint32_t>(after - offsets) - 1;
    left_out_ = rows_.IsLeftOut(Id());
  }

  void AddVisit(int32_t symbol, int64_t micros, uint32_t place, RunSample::Run& out) const {
    RunSample::Visit& visit = out.visits.emplace_back();
    visit.symbol = symbol;
    visit.time_micros = micros;
    if (const uint8_t* const scores = partition_.scores(); scores != nullptr && scores[place] != kNoScore) {
      visit.score = scores[place] == kOddScore ? *partition_.odd_scores().Find(place) : scores[place];
    }
    if (const int64_t* const amount = partition_.amounts().Find(place); amount != nullptr) visit.amount_minor = *amount;
    for (size_t f = 0; f < columns_.size(); ++f) {
      const auto code = static_cast<uint32_t>((*columns_[f])[place]);
      out.values.push_back((*rules_.fields)[f].IsMissing(code) ? RunSample::kMissing : static_cast<int32_t>(code));
    }
  }

  const Rules& rules_;
  const Partition& partition_;
  Rows& rows_;
  std::vector<std::shared_ptr<const PackedColumn>> columns_;
  uint32_t number_ = kNone;  // of the customer, in the partition
  bool left_out_ = false;
  size_t visits_ = 0;                        // of all runs
  std::map<uint32_t, RunSample::Run> runs_;  // of the customer, by the place of the first event
};

// Codes that occur, and what they stand for.
class TextTable {
 public:
  void Add(int32_t code) {
    if (code != RunSample::kMissing) numbers_.try_emplace(code, 0);
  }
  template <typename TextOf>
  std::vector<std::string> Finish(const TextOf& text_of) {
    std::vector<std::string> texts;
    for (const auto& [code, number] : numbers_) texts.push_back(text_of(code));
    std::sort(texts.begin(), texts.end());
    // Two codes may have one text: the number 1 and the text "1".
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    for (auto& [code, number] : numbers_) {
      number = static_cast<int32_t>(std::lower_bound(texts.begin(), texts.end(), text_of(code)) - texts.begin());
    }
    return texts;
  }
  int32_t NumberOf(int32_t code) const { return code == RunSample::kMissing ? code : numbers_.at(code); }

 private:
  std::map<int32_t, int32_t> numbers_;
};

// The rows with numbers of tables instead of codes.
RunSample WithTables(const Rows& rows, const std::vector<std::string>& names, const std::vector<FieldValues>& fields) {
  TextTable symbols;
  std::vector<TextTable> values(fields.size());
  const auto for_each = [&](std::vector<Rows::Entry>& entries, const auto& visit) {
    for (Rows::Entry& entry : entries) {
      for (RunSample::Run& run : entry.row.runs) visit(run);
    }
  };
  std::vector<Rows::Entry> entries = rows.entries();
  for_each(entries, [&](const RunSample::Run& run) {
    for (const RunSample::Visit& visit : run.visits) symbols.Add(visit.symbol);
    for (size_t i = 0; i < run.values.size(); ++i) values[i % fields.size()].Add(run.values[i]);
  });
  RunSample out;
  out.symbols = symbols.Finish([&](int32_t number) { return names[static_cast<size_t>(number)]; });
  for (size_t f = 0; f < fields.size(); ++f) {
    out.texts.push_back(values[f].Finish([&](int32_t code) { return fields[f].Text(static_cast<uint32_t>(code)); }));
  }
  for_each(entries, [&](RunSample::Run& run) {
    for (RunSample::Visit& visit : run.visits) visit.symbol = symbols.NumberOf(visit.symbol);
    for (size_t i = 0; i < run.values.size(); ++i) run.values[i] = values[i % fields.size()].NumberOf(run.values[i]);
  });
  out.rows = rows.With(std::move(entries));
  return out;
}

}  // namespace

absl::StatusOr<RunSample> ComputeRuns(Projection& projection, const Snapshot& snapshot, const RunsQuery& query) {
  if (!query.scope.breakdown.empty()) return InvalidField("breakdown", "runs have none");
  if (query.fields.size() > RunsQuery::kFieldsMax) {
    return InvalidField("fields", absl::StrCat("at most ", RunsQuery::kFieldsMax));
  }
  if (query.visits_max < static_cast<int64_t>(RunSample::kCustomerVisitsMax) ||
      query.visits_max > RunsQuery::kVisitsMax) {
    return InvalidField("visits_max", absl::StrCat(RunSample::kCustomerVisitsMax, " to ", RunsQuery::kVisitsMax));
  }
  ASSIGN_OR_RETURN(const CompiledAlphabet alphabet, CompileAlphabet(query.alphabet, query.scope, projection, snapshot));
  std::vector<FieldValues> fields;
  for (size_t f = 0; f < query.fields.size(); ++f) {
    ASSIGN_OR_RETURN(FieldValues field,
                     FindField(query.fields[f], absl::StrCat("fields[", f, "]"), query.scope, projection, snapshot));
    fields.push_back(std::move(field));
  }
  RunSource source{&alphabet.selectors, nullptr, query.scope.customers.get(), CeilMicros(query.window.start),
                   CeilMicros(query.window.end)};
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, query.scope));
  const Rules rules = {&source, &fields, &snapshot, &projection.dictionaries()};
  const auto make = [&] { return Rows(static_cast<size_t>(query.visits_max)); };
  const auto pass = [&](Rows& rows, const Partition& partition) {
    RunCollector collector(rules, partition, rows);
    RunReader(source, partition).ForEachBlock<uint16_t>([&](const auto& block) {
      for (uint32_t run = 0; run < block.runs; ++run) collector.Add(block, run);
    });
    collector.Finish();
  };
  ASSIGN_OR_RETURN(const Rows rows, PassOverPartitions(snapshot, query.scope, make, pass));
  return WithTables(rows, alphabet.names, fields);
}

}  // namespace throughline
