// Walks the runs of a partition: the events of one customer, or those of them that agree in a correlation property.
// Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "services/events/native/dictionaries.h"
#include "services/events/native/partition.h"

namespace throughline {

// The events of one run in their order, as places in the partition's columns.
class Run {
 public:
  Run(uint32_t begin, uint32_t size) : places_(nullptr), begin_(begin), size_(size) {}
  Run(const uint32_t* places, uint32_t size) : places_(places), begin_(0), size_(size) {}

  uint32_t size() const { return size_; }
  uint32_t operator[](uint32_t i) const { return places_ == nullptr ? begin_ + i : places_[i]; }

 private:
  const uint32_t* places_;
  uint32_t begin_;
  uint32_t size_;
};

// Calls f(run) for each run. `correlation`: the property's codes in this partition, null for runs of whole customers.
// A run is valid during its call only.
template <typename F>
void ForEachRun(const Partition& partition, const uint32_t* correlation, F&& f) {
  std::vector<std::pair<uint32_t, uint32_t>> coded;  // code, place
  std::vector<uint32_t> places;
  for (uint32_t customer = 0; customer < partition.customer_count(); ++customer) {
    const uint32_t begin = partition.offset(customer), end = partition.offset(customer + 1);
    if (correlation == nullptr) {
      if (begin != end) f(Run(begin, end - begin));
      continue;
    }
    coded.clear();
    for (uint32_t i = begin; i < end; ++i) {
      if (correlation[i] != kMissingCode) coded.emplace_back(correlation[i], i);
    }
    // By value; within a value the places, and so the order of the events, stay ascending.
    if (!std::is_sorted(coded.begin(), coded.end())) std::sort(coded.begin(), coded.end());
    places.clear();
    for (const auto& [code, place] : coded) places.push_back(place);
    for (size_t from = 0; from < coded.size();) {
      size_t to = from + 1;
      while (to < coded.size() && coded[to].first == coded[from].first) ++to;
      f(Run(places.data() + from, static_cast<uint32_t>(to - from)));
      from = to;
    }
  }
}

}  // namespace throughline
