// Customers as clients see them: what their events say, and their lifecycle stage. Stateless; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/customer/lifecycle.h"
#include "throughline/customer_set.h"
#include "throughline/events.h"
#include "throughline/filter.h"
#include "throughline/v1/customer.pb.h"

namespace throughline {

// The fields of ListCustomersRequest.filter and Segment.filter.
const std::vector<FilterField>& CustomerFilterFields();

// One customer, with the lifecycle stage at `now`. NOT_FOUND if the customer has no event.
absl::StatusOr<v1::Customer> GetCustomer(const EventView& view, const Lifecycle& lifecycle,
                                         absl::string_view workspace_name, absl::string_view customer_id,
                                         absl::Time now, const Patience& patience);

struct CustomerPage {
  std::vector<v1::Customer> customers;
  std::optional<int64_t> next_ordinal;  // where the next page begins; absent on the last
};

// The customers with an ordinal of at least `from_ordinal` that match the filter, in the order in which they were first
// recorded; at most `page_size`. One call looks at no more than kCustomersScannedMax customers: a page may hold fewer
// than asked for, even none, and still have a next one. Also what the view returns.
absl::StatusOr<CustomerPage> ListCustomers(const EventView& view, const Lifecycle& lifecycle,
                                           absl::string_view workspace_name, const Filter& filter, int64_t from_ordinal,
                                           int page_size, absl::Time now, const Patience& patience);

// All customers that match the filter, however many there are.
absl::StatusOr<CustomerSet> FindCustomers(const EventView& view, const Lifecycle& lifecycle, const Filter& filter,
                                          absl::Time now, const Patience& patience);

// The links among all who are one person with the customer, or were; from place `from` on, at most `limit`. NOT_FOUND
// if the customer has no event.
absl::StatusOr<std::vector<IdentityEdge>> ListIdentityEdges(const EventView& view, absl::string_view workspace_name,
                                                            absl::string_view customer_id, int64_t from, int limit);
v1::IdentityEdge ToProto(const IdentityEdge& edge);

}  // namespace throughline
