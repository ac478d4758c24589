// The matching events of a partition's customers, one customer at a time. Belongs to one thread.
#pragma once

#include <vector>

#include "services/events/native/selectors.h"
#include "throughline/customer_set.h"

namespace throughline {

// Calls f(customer, places, count) for each chosen customer with events among `places` (ascending, changed) that the
// selectors keep; `customer` counts from the partition's first. `customers` may be null: all.
template <typename F>
void ForEachCustomerWith(const Partition& partition, Selectors::Reader& selectors, const CustomerSet* customers,
                         std::vector<uint32_t> places, const F& f) {
  const size_t count = selectors.Keep(places.data(), places.size());
  uint32_t customer = 0;
  for (size_t begin = 0; begin < count;) {
    while (partition.offset(customer + 1) <= places[begin]) ++customer;
    size_t end = begin + 1;
    while (end < count && places[end] < partition.offset(customer + 1)) ++end;
    if (customers == nullptr || customers->Contains(partition.first_customer() + customer)) {
      f(customer, places.data() + begin, end - begin);
    }
    begin = end;
  }
}

}  // namespace throughline
