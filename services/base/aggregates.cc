#include "throughline/aggregates.h"

namespace throughline {

void VolumeAggregate::Merge(const VolumeAggregate& other) {
  events += other.events;
  customers += other.customers;
}

}  // namespace throughline
