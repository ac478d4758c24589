// The directly-follows graph over the symbols of an alphabet.
#include <algorithm>
#include <numeric>

#include "services/base/status_macros.h"
#include "services/events/native/breakdown.h"
#include "services/events/native/code_pairs.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/run_reader.h"

namespace throughline {
namespace {

// Above this many symbols the table of all pairs would not stay in a cache. Groups share the room.
constexpr uint32_t kTableSymbolsMax = 255;
constexpr size_t kTableCellsMax = 1 << 16;

// Counts of one group, by symbol.
class GraphCounter {
 public:
  // One of `groups`.
  GraphCounter(const GraphQuery& query, uint32_t symbols, const Snapshot& snapshot, int groups)
      : sketches_(query.sketches),
        nodes_(symbols),
        pairs_(symbols, symbols, groups),
        channels_(symbols, snapshot.code_counts[kChannelColumn], groups),
        departments_(symbols, snapshot.code_counts[kDepartmentColumn], groups) {
    row_bits_ = std::bit_width(symbols);
    const size_t cells = size_t{symbols} << row_bits_;
    if (symbols <= kTableSymbolsMax && cells <= kTableCellsMax / static_cast<size_t>(groups) && !sketches_) {
      table_.resize(cells);
    }
  }

  // The positions [begin, end) of the block are one run.
  template <typename Number, typename Time>
  void AddRun(const RunBlock<Number, Time>& block, uint32_t begin, uint32_t end) {
    while (begin < end && block.numbers[begin] == kNoSelector<Number>) ++begin;
    if (begin == end) return;
    ++runs_;
    uint32_t before = block.numbers[begin];
    Time since = block.times[begin];
    ++nodes_[before].starts;
    if (!table_.empty()) {
      Cell* const table = table_.data();
      const int row_bits = row_bits_;
      for (uint32_t i = begin + 1; i < end; ++i) {
        const uint32_t symbol = block.numbers[i];
        if (symbol == kNoSelector<Number>) continue;
        Cell& cell = table[(before << row_bits) + symbol];
        ++cell.count;
        cell.time += block.times[i] - since;
        before = symbol;
        since = block.times[i];
      }
    } else {
      for (uint32_t i = begin + 1; i < end; ++i) {
        const uint32_t symbol = block.numbers[i];
        if (symbol == kNoSelector<Number>) continue;
        AddEdge(before, symbol, static_cast<int64_t>(block.times[i] - since) * RunBlock<Number, Time>::kMicrosPerTime);
        before = symbol;
        since = block.times[i];
      }
    }
    ++nodes_[before].ends;
  }

  // Places, runs, channels and departments of nodes.
  template <typename Number, typename Time>
  void AddDetails(const RunBlock<Number, Time>& block, uint32_t begin, uint32_t end, const Partition& partition) {
    int64_t last = -1;
    for (uint32_t i = begin; i < end; ++i) last += block.numbers[i] != kNoSelector<Number>;
    int64_t k = 0;
    for (uint32_t i = begin; i < end; ++i) {
      const uint32_t symbol = block.numbers[i];
      if (symbol == kNoSelector<Number>) continue;
      Node& node = nodes_[symbol];
      node.runs += node.last_run != runs_;
      node.last_run = runs_;
      if (last > 0) node.place_millionths += k * 1'000'000 / last;
      ++k;
      const uint32_t place = block.place(i);
      Count(channels_, channel_counts_, symbol, static_cast<uint32_t>(partition.codes(kChannelColumn)[place]));
      Count(departments_, department_counts_, symbol, static_cast<uint32_t>(partition.codes(kDepartmentColumn)[place]));
    }
  }

  // The unit of the times that come; before another one, the cells become edges.
  void UseUnit(int64_t micros) {
    if (micros != time_unit_micros_) FlushTable();
    time_unit_micros_ = micros;
  }

  void FlushTable() {
    for (size_t i = 0; i < table_.size(); ++i) {
      if (table_[i].count == 0) continue;
      Edge& edge =
          EdgeOf(static_cast<uint32_t>(i >> row_bits_), static_cast<uint32_t>(i & ((size_t{1} << row_bits_) - 1)));
      edge.value.count += table_[i].count;
      edge.value.duration_micros += table_[i].time * time_unit_micros_;
      table_[i] = Cell();
    }
  }

  void Merge(GraphCounter& other) {
    FlushTable();
    other.FlushTable();
    runs_ += other.runs_;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].runs += other.nodes_[i].runs;
      nodes_[i].starts += other.nodes_[i].starts;
      nodes_[i].ends += other.nodes_[i].ends;
      nodes_[i].place_millionths += other.nodes_[i].place_millionths;
    }
    for (size_t i = 0; i < other.edges_.size(); ++i) {
      const auto [from, to] = other.pairs_.pairs()[i];
      EdgeOf(from, to).value.Merge(other.edges_[i].value);
    }
    MergeCounts(channels_, channel_counts_, other.channels_, other.channel_counts_);
    MergeCounts(departments_, department_counts_, other.departments_, other.department_counts_);
  }

  TransitionGraph Finish(const std::vector<std::string>& names, const Dictionaries& dictionaries) {
    FlushTable();
    TransitionGraph out;
    out.runs = runs_;
    // An event begins its run or follows another.
    std::vector<int64_t> events(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) events[i] = nodes_[i].starts;
    for (size_t i = 0; i < edges_.size(); ++i) events[pairs_.pairs()[i].second] += edges_[i].value.count;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (events[i] == 0) continue;
      TransitionGraph::Node& node = out.nodes[names[i]];
      node.events = events[i];
      out.events += events[i];
      node.runs = nodes_[i].runs;
      node.starts = nodes_[i].starts;
      node.ends = nodes_[i].ends;
      node.place_millionths = nodes_[i].place_millionths;
    }
    for (size_t i = 0; i < channel_counts_.size(); ++i) {
      const auto [symbol, code] = channels_.pairs()[i];
      out.nodes[names[symbol]].channels[dictionaries.codes[kChannelColumn][code]] = channel_counts_[i];
    }
    for (size_t i = 0; i < department_counts_.size(); ++i) {
      const auto [symbol, code] = departments_.pairs()[i];
      out.nodes[names[symbol]].departments[dictionaries.codes[kDepartmentColumn][code]] = department_counts_[i];
    }
    MoveEdges(names, out);
    return out;
  }

 private:
  struct Node {
    int64_t runs = 0;
    int64_t starts = 0;
    int64_t ends = 0;
    int64_t place_millionths = 0;
    int64_t last_run = 0;  // number of the run that was counted last
  };
  struct Cell {
    int64_t count = 0;
    int64_t time = 0;
  };
  struct Edge {
    TransitionGraph::Edge value;
  };

  // In the order of the names, so that the map takes each at its end.
  void MoveEdges(const std::vector<std::string>& names, TransitionGraph& out) {
    std::vector<uint32_t> by_name(names.size()), ranks(names.size());
    std::iota(by_name.begin(), by_name.end(), 0);
    std::sort(by_name.begin(), by_name.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
    for (uint32_t rank = 0; rank < by_name.size(); ++rank) ranks[by_name[rank]] = rank;
    std::vector<std::pair<uint64_t, uint32_t>> order;
    for (uint32_t i = 0; i < edges_.size(); ++i) {
      const auto [from, to] = pairs_.pairs()[i];
      order.emplace_back(uint64_t{ranks[from]} << 32 | ranks[to], i);
    }
    std::sort(order.begin(), order.end());
    for (const auto& [key, i] : order) {
      const auto [from, to] = pairs_.pairs()[i];
      out.edges.emplace_hint(out.edges.end(), std::pair(names[from], names[to]), std::move(edges_[i].value));
    }
  }

  Edge& EdgeOf(uint32_t from, uint32_t to) {
    const uint32_t number = pairs_.Number(from, to);
    if (number == edges_.size()) edges_.emplace_back();
    return edges_[number];
  }

  void AddEdge(uint32_t from, uint32_t to, int64_t micros) {
    TransitionGraph::Edge& edge = EdgeOf(from, to).value;
    ++edge.count;
    edge.duration_micros += micros;
    if (sketches_) edge.durations.Add(micros);
  }

  static void Count(CodePairs& pairs, std::vector<int64_t>& counts, uint32_t symbol, uint32_t code, int64_t count = 1) {
    if (code == kMissingCode) return;
    const uint32_t number = pairs.Number(symbol, code);
    if (number == counts.size()) counts.push_back(0);
    counts[number] += count;
  }
  static void MergeCounts(CodePairs& pairs, std::vector<int64_t>& counts, const CodePairs& other_pairs,
                          const std::vector<int64_t>& other_counts) {
    for (size_t i = 0; i < other_counts.size(); ++i) {
      const auto [symbol, code] = other_pairs.pairs()[i];
      Count(pairs, counts, symbol, code, other_counts[i]);
    }
  }

  const bool sketches_;
  int64_t runs_ = 0;
  std::vector<Node> nodes_;
  // Without sketches and with few symbols: every pair has a cell.
  int row_bits_ = 0;  // a row has a power of two of cells
  std::vector<Cell> table_;
  int64_t time_unit_micros_ = 1;
  CodePairs pairs_;
  std::vector<Edge> edges_;
  CodePairs channels_;
  std::vector<int64_t> channel_counts_;
  CodePairs departments_;
  std::vector<int64_t> department_counts_;
};

// One thread's counters, by group.
class Totals {
 public:
  Totals(int groups, std::function<std::unique_ptr<GraphCounter>()> make)
      : make_(std::move(make)), counters_(static_cast<size_t>(groups)) {}
  GraphCounter& operator[](int32_t group) {
    std::unique_ptr<GraphCounter>& counter = counters_[static_cast<size_t>(group)];
    if (counter == nullptr) counter = make_();
    return *counter;
  }
  const std::vector<std::unique_ptr<GraphCounter>>& counters() const { return counters_; }
  void Merge(Totals other) {
    for (size_t i = 0; i < counters_.size(); ++i) {
      if (other.counters_[i] == nullptr) continue;
      if (counters_[i] == nullptr) {
        counters_[i] = std::move(other.counters_[i]);
      } else {
        counters_[i]->Merge(*other.counters_[i]);
      }
    }
  }

 private:
  std::function<std::unique_ptr<GraphCounter>()> make_;
  std::vector<std::unique_ptr<GraphCounter>> counters_;
};

template <typename Number>
void AddPartition(const RunSource& source, const Breakdown& breakdown, bool details, const Partition& partition,
                  Totals& totals) {
  Breakdown::Reader groups(breakdown, partition);
  RunReader(source, partition).ForEachBlock<Number>([&](const auto& block) {
    for (uint32_t run = 0; run < block.runs; ++run) {
      uint32_t begin = block.begin(run);
      const uint32_t end = block.end(run);
      while (begin < end && block.numbers[begin] == kNoSelector<Number>) ++begin;
      if (begin == end) continue;
      const int32_t group = groups.At(block.place(begin));
      if (group < 0) continue;
      GraphCounter& counter = totals[group];
      counter.UseUnit(std::decay_t<decltype(block)>::kMicrosPerTime);
      counter.AddRun(block, begin, end);
      if (details) counter.AddDetails(block, begin, end, partition);
    }
  });
}

}  // namespace

absl::StatusOr<Grouped<TransitionGraph>> ComputeGraph(Projection& projection, const Snapshot& snapshot,
                                                      const GraphQuery& query) {
  ASSIGN_OR_RETURN(const CompiledAlphabet alphabet, CompileAlphabet(query.alphabet, query.scope, projection, snapshot));
  ASSIGN_OR_RETURN(const Breakdown breakdown, Breakdown::Compile(query.scope, projection, snapshot));
  RunSource source{&alphabet.selectors, nullptr, breakdown.scope().customers.get(), CeilMicros(query.window.start),
                   CeilMicros(query.window.end)};
  ASSIGN_OR_RETURN(source.correlation, CorrelationColumn(projection, query.run, query.scope));
  const auto symbols = static_cast<uint32_t>(alphabet.names.size());
  const auto make = [&] {
    return Totals(breakdown.group_count(), [&, symbols] {
      return std::make_unique<GraphCounter>(query, symbols, snapshot, breakdown.group_count());
    });
  };
  const auto pass = [&](Totals& totals, const Partition& partition) {
    if (alphabet.selectors.fits_byte()) {
      AddPartition<uint8_t>(source, breakdown, query.details, partition, totals);
    } else {
      AddPartition<uint16_t>(source, breakdown, query.details, partition, totals);
    }
  };
  ASSIGN_OR_RETURN(const Totals totals, PassOverPartitions(snapshot, breakdown.scope(), make, pass));
  Grouped<TransitionGraph> out;
  if (breakdown.empty()) out.groups[{}];
  for (size_t i = 0; i < totals.counters().size(); ++i) {
    if (totals.counters()[i] == nullptr) continue;
    out.groups[breakdown.KeyOf(static_cast<int>(i))] =
        totals.counters()[i]->Finish(alphabet.names, projection.dictionaries());
  }
  return out;
}

}  // namespace throughline
