// The matching events of a partition's customers, one customer at a time. Belongs to one thread.
#pragma once

#include <algorithm>
#include <vector>

#include "services/events/native/selectors.h"
#include "throughline/customer_set.h"

namespace throughline {

// The places, ascending, of the customers' events.
inline std::vector<uint32_t> PlacesOf(const CustomerSet& customers, const Partition& partition,
                                      const std::vector<uint32_t>& places) {
  std::vector<uint32_t> out;
  const uint32_t first = partition.first_customer();
  customers.ForEach(first, first + partition.customer_count(), [&](uint32_t ordinal) {
    const uint32_t end = partition.offset(ordinal - first + 1);
    auto place = std::lower_bound(places.begin(), places.end(), partition.offset(ordinal - first));
    for (; place != places.end() && *place < end; ++place) out.push_back(*place);
  });
  return out;
}

// Calls f(customer, places, count) for each chosen customer with events among `places` (ascending) that the selectors
// keep; `customer` counts from the partition's first. `customers` may be null: all.
template <typename F>
void ForEachCustomerWith(const Partition& partition, Selectors::Reader& selectors, const CustomerSet* customers,
                         std::vector<uint32_t> places, const F& f) {
  if (customers != nullptr) places = PlacesOf(*customers, partition, places);
  const size_t count = selectors.Keep(places.data(), places.size());
  uint32_t customer = 0;
  for (size_t begin = 0; begin < count;) {
    while (partition.offset(customer + 1) <= places[begin]) ++customer;
    size_t end = begin + 1;
    while (end < count && places[end] < partition.offset(customer + 1)) ++end;
    f(customer, places.data() + begin, end - begin);
    begin = end;
  }
}

}  // namespace throughline
