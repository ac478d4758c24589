// Which customers are one person: the links that events state (CustomerEvent.identity_link), those that were taken
// back, and what is joined by the rest. Not thread-safe.
//
// Links and what takes them back are two sets that only grow, so that the order in which they come does not matter; nor
// does it that a customer is linked before its first event. A person is everyone who is joined by links that hold, up
// to kPersonCustomersMax customers. More are no person but, for example, a shared device: they stay apart, whoever came
// first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "services/events/native/event_record.h"
#include "services/events/native/string_dictionary.h"

namespace throughline {

// Stands for an event's (source, id): 128 bits of hash, as the ids themselves are only in the log.
struct EventKey {
  uint64_t low = 0;
  uint64_t high = 0;

  static EventKey Of(absl::string_view source, absl::string_view id);
  friend bool operator==(const EventKey& a, const EventKey& b) { return a.low == b.low && a.high == b.high; }
  template <typename H>
  friend H AbslHashValue(H state, const EventKey& key) {
    return H::combine(std::move(state), key.low, key.high);
  }
};

// What one event says about links, as it stands in the column of links: bytes that begin with a byte of flags.
struct IdentityStatement {
  EventKey own;                          // of the event
  absl::string_view linked_customer_id;  // empty: it links nobody
  std::optional<EventKey> unlinked;

  // Empty if the event says nothing.
  static std::string Encode(const EventFields& fields);
  // The string must live as long as what is made of it.
  static IdentityStatement Decode(absl::string_view bytes);
};

// A link that was taken back by an event that has been erased since: it stays taken back. Nothing in it is a
// customer's.
struct KeptUnlink {
  uint32_t row = 0;  // of that event
  EventKey link;
};

class IdentityGraph {
 public:
  static constexpr size_t kPersonCustomersMax = 1000;
  static constexpr size_t kEdgesAroundMax = 20'000;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Edge {
    uint32_t row = 0;  // of the event, in the log
    uint32_t from = 0;
    uint32_t to = 0;
    bool revoked = false;
    uint32_t revoked_row = 0;  // of the event that took it back
  };
  // Customers of whom `home`, the one of the smallest code, has the events of all; and by what name.
  struct Person {
    uint32_t home = kNone;  // nobody of them has an event
    absl::string_view name;
    std::vector<absl::string_view> others;  // sorted
  };
  // A customer with events has a new home, or the person of its own home a new name.
  using OnChange = std::function<void(uint32_t customer, uint32_t home, absl::string_view name)>;

  explicit IdentityGraph(OnChange on_change = nullptr) : on_change_(std::move(on_change)) {}

  bool empty() const { return nodes_.empty() && revoked_.empty(); }
  bool Knows(absl::string_view customer_id) const { return names_.Find(customer_id).has_value(); }

  // The event at `row` of a customer with code `customer` says so. `code_of` gives the code of another customer, if it
  // has events.
  void Add(uint32_t row, absl::string_view customer_id, uint32_t customer, const IdentityStatement& statement,
           const std::function<std::optional<uint32_t>(absl::string_view)>& code_of);
  // The event at `row` takes this link back.
  void Revoke(uint32_t row, const EventKey& link);
  // A customer that the graph knows has its first event.
  void SetCode(absl::string_view customer_id, uint32_t customer);

  // Absent if no link names the customer.
  std::optional<Person> FindPerson(absl::string_view customer_id) const;
  // All links, also those that were taken back, among those whom any of them joins with the customer, by row. Absent if
  // they are more than kEdgesAroundMax.
  std::optional<std::vector<Edge>> EdgesAround(absl::string_view customer_id) const;
  // Whether nothing that has to do with the customer was said by events from `row_end` on; so many that it would take
  // long to look are taken to be so.
  bool IsAsOf(absl::string_view customer_id, uint32_t row_end) const;
  const std::string& NameOf(uint32_t node) const { return names_[node]; }

 private:
  struct Node {
    uint32_t code = kNone;
    uint32_t component = 0;
    std::vector<uint32_t> edges;                         // that it states
    absl::flat_hash_map<uint32_t, uint32_t> neighbours;  // and by how many links that hold, which may be none
    uint32_t links_on = 0;                               // of those that hold
    uint32_t linked_to = 0;
    // What the last change said.
    uint32_t home = kNone;
    uint32_t name = kNone;
  };

  uint32_t NodeOf(absl::string_view customer_id);
  void Hold(const Edge& edge, uint32_t change);
  void Join(uint32_t a, uint32_t b);
  void Split(uint32_t a, uint32_t b);
  void Place(uint32_t component, absl::Span<const uint32_t> members);
  void PlaceIfOne(uint32_t component);
  uint32_t PersonName(absl::Span<const uint32_t> members) const;
  std::vector<uint32_t> Reach(uint32_t from, bool also_revoked, size_t nodes_max = SIZE_MAX) const;
  void Tell(uint32_t node, uint32_t home, uint32_t name);

  const OnChange on_change_;
  StringDictionary names_;  // by node
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  absl::flat_hash_map<EventKey, uint32_t> edge_of_;
  absl::flat_hash_map<EventKey, uint32_t> revoked_;  // and the row of the event that said so
  std::vector<std::vector<uint32_t>> components_;    // nodes; empty: has become part of another
};

}  // namespace throughline
