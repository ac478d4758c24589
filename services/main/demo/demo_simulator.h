// What the customers of the demo company do: a deterministic simulation of eighteen months. The same options give the
// same events, id by id and byte by byte, on every machine.
// Immutable; any thread.
//
// The company is Fernway Home Internet: fibre at home by monthly subscription, invented for this demo. What happens to
// a customer decides what the customer says: late installations, missed appointments and slow answers lower the scores
// that follow, raise the number of support cases and drive customers away. The story of the eighteen months:
//  - orders grow, follow the week, and jump in two campaigns;
//  - from day 215 to day 305 installations take more than twice as long, because the technicians are booked out; a
//    second crew ends that, and connecting a home is then faster than ever;
//  - two outages bring the regions that they hit to the phones;
//  - 120 days before the end support gets a chat, and answers faster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "throughline/v1/event.pb.h"

namespace throughline::demo {

inline constexpr int kDemoDays = 548;

struct SimulatorOptions {
  // The last moment of the simulation; nothing happens after it. Cut to the minute.
  absl::Time now;
  int customer_count = 20'000;
  uint64_t seed = 7;
};

class DemoSimulator {
 public:
  explicit DemoSimulator(const SimulatorOptions& options);

  int customer_count() const { return options_.customer_count; }
  // The events of one customer, 0 to customer_count - 1, in the order of time. Customers are numbered by the day on
  // which they first appear.
  std::vector<v1::CustomerEvent> EventsOf(int customer) const;

 private:
  SimulatorOptions options_;
  int64_t end_;                          // seconds since 1970
  int64_t start_;                        // midnight, kDemoDays before
  std::vector<int64_t> arrivals_until_;  // by day: weight of the arrivals up to and including it
};

}  // namespace throughline::demo
