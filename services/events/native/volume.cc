// How many events match, and of how many customers.
#include "services/base/status_macros.h"
#include "services/events/native/parallel.h"
#include "services/events/native/queries.h"
#include "services/events/native/selectors.h"
#include "services/events/native/windows.h"

namespace throughline {

absl::StatusOr<std::vector<Grouped<VolumeAggregate>>> ComputeVolume(Projection& projection, const Snapshot& snapshot,
                                                                    const VolumeQuery& query) {
  ASSIGN_OR_RETURN(const SelectorSet selectors, SelectorSet::Compile(query.any_of, projection, snapshot));
  const Windows windows(query.windows);
  using Totals = PerWindow<VolumeAggregate>;
  const auto pass = [&](Totals& totals, const Partition& partition) {
    const SelectorSet::Matcher matcher(selectors, partition);
    const int64_t* times = partition.times();
    std::vector<uint32_t> last_customer(windows.size(), partition.customer_count());
    for (uint32_t customer = 0; customer < partition.customer_count(); ++customer) {
      for (uint32_t i = partition.offset(customer); i < partition.offset(customer + 1); ++i) {
        if (!matcher.Any(i)) continue;
        windows.ForEach(times[i], [&](size_t window) {
          ++totals.windows[window].events;
          if (last_customer[window] == customer) return;
          last_customer[window] = customer;
          ++totals.windows[window].customers;
        });
      }
    }
  };
  const auto make = [&] { return Totals{std::vector<VolumeAggregate>(windows.size())}; };
  return Wholes(PassOverPartitions(snapshot, make, pass).windows);
}

}  // namespace throughline
