#include <set>

#include "tests/contract/events/reference_aggregates.h"
#include "tests/contract/events/reference_scope.h"

namespace throughline::testing {
namespace {

// The events of a run that are something, and what they are. They live as long as the events they come from.
struct Path {
  Sorted events;
  VariantCounts::Variant symbols;
};

template <typename Query>
std::vector<Path> PathsOf(const Events& events, const Query& query, const KnownCustomers& customers) {
  std::vector<Path> out;
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    Path path;
    for (const v1::CustomerEvent* event : run) {
      const std::optional<std::string> symbol = SymbolOf(query.alphabet, *event, customers);
      if (!symbol.has_value() || !In(query.window, TimeOf(*event))) continue;
      path.events.push_back(event);
      path.symbols.push_back(*symbol);
    }
    if (!path.events.empty()) out.push_back(std::move(path));
  }
  return out;
}

void AddDetails(const Path& path, TransitionGraph& graph) {
  for (size_t i = 0; i < path.events.size(); ++i) {
    TransitionGraph::Node& node = graph.nodes[path.symbols[i]];
    if (i > 0) node.place_millionths += static_cast<int64_t>(i * 1'000'000 / (path.events.size() - 1));
    if (!path.events[i]->channel().empty()) ++node.channels[path.events[i]->channel()];
    if (!path.events[i]->department().empty()) ++node.departments[path.events[i]->department()];
  }
  for (const std::string& symbol : std::set<std::string>(path.symbols.begin(), path.symbols.end())) {
    ++graph.nodes[symbol].runs;
  }
}

struct Stay {
  int stage = 0;
  const v1::CustomerEvent* entry = nullptr;
  const v1::CustomerEvent* exit = nullptr;  // null: none yet
};

std::vector<Stay> StaysOf(const Sorted& run, const StageQuery& query, const KnownCustomers& customers) {
  std::vector<Stay> out;
  for (const v1::CustomerEvent* event : run) {
    int stage = 0;
    const int stages = static_cast<int>(query.stages.size());
    while (stage < stages && !customers.Matches(query.stages[static_cast<size_t>(stage)], *event)) ++stage;
    if (stage == stages || (!out.empty() && out.back().stage == stage)) continue;
    if (!out.empty()) out.back().exit = event;
    out.push_back({stage, event, nullptr});
  }
  return out;
}

void AddStay(const Stay& stay, const StageQuery& query, StageTimes::Stage& stage) {
  ++stage.entered;
  const absl::Time entry = TimeOf(*stay.entry);
  if (stay.exit != nullptr) return stage.ended.Add(Micros(TimeOf(*stay.exit) - entry));
  ++stage.inside_count;
  if (query.now != absl::InfiniteFuture()) stage.inside.Add(std::max<int64_t>(0, Micros(query.now - entry)));
}

}  // namespace

Grouped<TransitionGraph> ReferenceGraph(const Recorded& recorded, const GraphQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  ReferenceGroups<TransitionGraph> groups(query.scope, customers);
  for (const Path& path : PathsOf(events, query, customers)) {
    TransitionGraph* const graph = groups.Of(*path.events.front());
    if (graph == nullptr) continue;
    ++graph->runs;
    for (size_t i = 0; i < path.events.size(); ++i) {
      ++graph->events;
      ++graph->nodes[path.symbols[i]].events;
      if (i == 0) continue;
      TransitionGraph::Edge& edge = graph->edges[{path.symbols[i - 1], path.symbols[i]}];
      const int64_t micros = Micros(TimeOf(*path.events[i]) - TimeOf(*path.events[i - 1]));
      ++edge.count;
      edge.duration_micros += micros;
      if (query.sketches) edge.durations.Add(micros);
    }
    ++graph->nodes[path.symbols.front()].starts;
    ++graph->nodes[path.symbols.back()].ends;
    if (query.details) AddDetails(path, *graph);
  }
  return std::move(groups.out());
}

std::vector<VariantCounts::Variant> ReferenceWays(const Recorded& recorded, const VariantQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  std::vector<VariantCounts::Variant> out;
  for (Path& path : PathsOf(events, query, customers)) {
    path.symbols.resize(std::min(path.symbols.size(), static_cast<size_t>(query.length_max)));
    out.push_back(std::move(path.symbols));
  }
  return out;
}

Grouped<VariantCounts> ReferenceVariants(const Recorded& recorded, const VariantQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  ReferenceGroups<VariantCounts> groups(query.scope, customers);
  const std::set<uint32_t> asked(query.buckets.begin(), query.buckets.end());
  for (Path& path : PathsOf(events, query, customers)) {
    VariantCounts* const counts = groups.Of(*path.events.front());
    if (counts == nullptr) continue;
    path.symbols.resize(std::min(path.symbols.size(), static_cast<size_t>(query.length_max)));
    const uint32_t bucket = VariantCounts::BucketOf(path.symbols);
    if (query.bucket_counts) {
      counts->bucket_runs.resize(VariantCounts::kBucketCount);
      ++counts->bucket_runs[bucket];
    }
    ++counts->runs;
    if (asked.contains(bucket)) ++counts->variants[path.symbols];
  }
  return std::move(groups.out());
}

namespace {

// Where the text stands in the sorted table.
int32_t NumberIn(const std::set<std::string>& table, const std::string& text) {
  return static_cast<int32_t>(std::distance(table.begin(), table.find(text)));
}

}  // namespace

RunSample ReferenceRuns(const Recorded& recorded, const RunsQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  std::set<std::string> symbols;
  std::vector<std::set<std::string>> texts(query.fields.size());
  std::map<std::string, std::vector<Path>> by_customer;
  for (Path& path : PathsOf(events, query, customers)) {
    symbols.insert(path.symbols.begin(), path.symbols.end());
    for (const v1::CustomerEvent* event : path.events) {
      for (size_t f = 0; f < texts.size(); ++f) {
        if (const auto text = FieldText(*event, query.fields[f], customers); text.has_value()) texts[f].insert(*text);
      }
    }
    by_customer[path.events.front()->customer_id()].push_back(std::move(path));
  }
  RunSample out;
  out.symbols.assign(symbols.begin(), symbols.end());
  for (const std::set<std::string>& of : texts) out.texts.emplace_back(of.begin(), of.end());
  for (auto& [customer, paths] : by_customer) {
    std::sort(paths.begin(), paths.end(),
              [](const Path& a, const Path& b) { return IsBefore(*a.events.front(), *b.events.front()); });
    RunSample::CustomerRuns row;
    for (const Path& path : paths) {
      RunSample::Run& run = row.runs.emplace_back();
      for (size_t i = 0; i < path.events.size(); ++i) {
        const v1::CustomerEvent& event = *path.events[i];
        RunSample::Visit& visit = run.visits.emplace_back();
        visit.symbol = NumberIn(symbols, path.symbols[i]);
        visit.time_micros = absl::ToUnixMicros(TimeOf(event));
        if (event.survey_response().has_score()) visit.score = event.survey_response().score();
        if (event.has_money_movement()) visit.amount_minor = event.money_movement().amount_minor();
        for (size_t f = 0; f < texts.size(); ++f) {
          const auto text = FieldText(event, query.fields[f], customers);
          run.values.push_back(text.has_value() ? NumberIn(texts[f], *text) : RunSample::kMissing);
        }
      }
    }
    out.rows.Add(customer, std::move(row));
  }
  return out;
}

Grouped<StageTimes> ReferenceStages(const Recorded& recorded, const StageQuery& query) {
  const KnownCustomers customers(recorded);
  const Events events = InScope(recorded, query.scope, customers);
  StageTimes empty;
  empty.stages.resize(query.stages.size());
  ReferenceGroups<StageTimes> groups(query.scope, customers, empty);
  for (const auto& [key, run] : RunsOf(events, query.run)) {
    std::set<StageTimes*> counted;
    for (const Stay& stay : StaysOf(run, query, customers)) {
      if (!In(query.window, TimeOf(*stay.entry))) continue;
      if (!query.collect.empty() && stay.exit == nullptr) continue;
      StageTimes* const times = groups.Of(*stay.entry);
      if (times == nullptr) continue;
      const auto stage = static_cast<size_t>(stay.stage);
      if (query.collect.empty()) {
        times->runs += counted.insert(times).second;
        AddStay(stay, query, times->stages[stage]);
        continue;
      }
      const int64_t micros = Micros(TimeOf(*stay.exit) - TimeOf(*stay.entry));
      for (const int32_t bin : std::set<int32_t>(query.collect[stage].begin(), query.collect[stage].end())) {
        if (DurationSketch::BinOf(micros) == bin) times->stages[stage].collected.push_back(micros);
      }
    }
  }
  for (auto& [key, times] : groups.out().groups) {
    for (StageTimes::Stage& stage : times.stages) std::sort(stage.collected.begin(), stage.collected.end());
  }
  return std::move(groups.out());
}

}  // namespace throughline::testing
