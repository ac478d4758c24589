// The directly-follows graph over event names.
#include "services/base/status_macros.h"
#include "services/events/native/code_pairs.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/runs.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"

namespace throughline {
namespace {

// Counts by dictionary codes; texts are looked up once at the end.
class GraphCounter {
 public:
  GraphCounter(const Dictionaries& dictionaries, const Snapshot& snapshot)
      : dictionaries_(&dictionaries),
        nodes_(snapshot.name_codes()),
        edges_(snapshot.name_codes(), snapshot.name_codes()),
        channels_(snapshot.name_codes(), snapshot.channel_codes),
        departments_(snapshot.name_codes(), snapshot.department_codes) {}

  // `places` are the events of one run that count.
  void AddRun(const Partition& partition, const std::vector<uint32_t>& places) {
    const uint32_t* names = partition.names();
    const int64_t* times = partition.times();
    ++graph_.runs;
    graph_.events += static_cast<int64_t>(places.size());
    ++runs_read_;
    ++nodes_[names[places.front()]].starts;
    ++nodes_[names[places.back()]].ends;
    const int64_t last = static_cast<int64_t>(places.size()) - 1;
    for (int64_t k = 0; k <= last; ++k) {
      const uint32_t i = places[k];
      Node& node = nodes_[names[i]];
      ++node.events;
      if (node.last_run != runs_read_) {
        node.last_run = runs_read_;
        ++node.runs;
      }
      if (last > 0) node.place_millionths += k * 1'000'000 / last;
      Count(channels_, channel_counts_, names[i], partition.channels()[i]);
      Count(departments_, department_counts_, names[i], partition.departments()[i]);
      if (k > 0) AddEdge(names[places[k - 1]], names[i], times[i] - times[places[k - 1]]);
    }
  }

  TransitionGraph Finish() const {
    TransitionGraph out = graph_;
    const StringDictionary& names = dictionaries_->names;
    for (uint32_t code = 0; code < nodes_.size(); ++code) {
      const Node& node = nodes_[code];
      if (node.events == 0) continue;
      TransitionGraph::Node& to = out.nodes[names[code]];
      to.events = node.events;
      to.runs = node.runs;
      to.starts = node.starts;
      to.ends = node.ends;
      to.place_millionths = node.place_millionths;
    }
    for (size_t i = 0; i < channel_counts_.size(); ++i) {
      const auto [name, channel] = channels_.pairs()[i];
      out.nodes[names[name]].channels[dictionaries_->channels[channel]] = channel_counts_[i];
    }
    for (size_t i = 0; i < department_counts_.size(); ++i) {
      const auto [name, department] = departments_.pairs()[i];
      out.nodes[names[name]].departments[dictionaries_->departments[department]] = department_counts_[i];
    }
    for (size_t i = 0; i < edge_values_.size(); ++i) {
      const auto [from, to] = edges_.pairs()[i];
      out.edges[{names[from], names[to]}] = edge_values_[i];
    }
    return out;
  }

 private:
  struct Node {
    int64_t events = 0;
    int64_t runs = 0;
    int64_t starts = 0;
    int64_t ends = 0;
    int64_t place_millionths = 0;
    int64_t last_run = 0;  // number of the run that was counted last
  };

  static void Count(CodePairs& pairs, std::vector<int64_t>& counts, uint32_t name, uint32_t code) {
    if (code == kMissingCode) return;
    const uint32_t number = pairs.Number(name, code);
    if (number == counts.size()) counts.push_back(0);
    ++counts[number];
  }

  void AddEdge(uint32_t from, uint32_t to, int64_t micros) {
    const uint32_t number = edges_.Number(from, to);
    if (number == edge_values_.size()) edge_values_.emplace_back();
    ++edge_values_[number].count;
    edge_values_[number].duration_micros += micros;
    edge_values_[number].durations.Add(micros);
  }

  const Dictionaries* dictionaries_;
  TransitionGraph graph_;  // its totals only, until Finish
  int64_t runs_read_ = 0;
  std::vector<Node> nodes_;
  CodePairs edges_;
  std::vector<TransitionGraph::Edge> edge_values_;
  CodePairs channels_;
  std::vector<int64_t> channel_counts_;
  CodePairs departments_;
  std::vector<int64_t> department_counts_;
};

// One thread's counter, finished before it meets another's.
struct Totals {
  std::unique_ptr<GraphCounter> counter;
  TransitionGraph merged;
  TransitionGraph Finish() {
    if (counter != nullptr) merged.Merge(counter->Finish());
    counter = nullptr;
    return std::move(merged);
  }
  void Merge(Totals other) {
    merged = Finish();
    merged.Merge(other.Finish());
  }
};

}  // namespace

absl::StatusOr<Grouped<TransitionGraph>> ComputeGraph(Projection& projection, const Snapshot& snapshot,
                                                      const GraphQuery& query) {
  ASSIGN_OR_RETURN(const SelectorSet selectors, SelectorSet::Compile({&query.selector, 1}, projection, snapshot));
  ASSIGN_OR_RETURN(const PropertyColumn* const correlation, CorrelationColumn(projection, query.run));
  const Windows window(query.window);
  const auto pass = [&](Totals& totals, const Partition& partition) {
    const SelectorSet::Matcher matcher(selectors, partition);
    std::vector<uint32_t> places;
    ForEachRun(partition, correlation == nullptr ? nullptr : partition.property(*correlation), [&](const Run& run) {
      places.clear();
      for (uint32_t k = 0; k < run.size(); ++k) {
        const uint32_t i = run[k];
        if (matcher.Any(i) && window.Has(0, partition.times()[i])) places.push_back(i);
      }
      if (!places.empty()) totals.counter->AddRun(partition, places);
    });
  };
  const auto make = [&] {
    return Totals{std::make_unique<GraphCounter>(projection.dictionaries(), snapshot), TransitionGraph()};
  };
  return Whole(PassOverPartitions(snapshot, make, pass).Finish());
}

}  // namespace throughline
