// The people of one workspace, partition by partition: which customers have their events elsewhere, and what a
// partition gets from others. A partition of people is made from those of customers when someone reads it; so what was
// recorded stays where it is, and a link that is taken back leaves no trace.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/events/native/dictionaries.h"
#include "services/events/native/identity_graph.h"
#include "services/events/native/partition_version.h"

namespace throughline {

using PartitionVersions = std::vector<std::shared_ptr<const PartitionVersion>>;

// What links change in one partition. Immutable; any thread.
struct PeopleMoves {
  struct Move {
    uint32_t customer = 0;
    uint32_t home = 0;
  };
  std::vector<Move> leaving;                            // customers of this partition, ascending
  std::vector<Move> coming;                             // by homes in this partition, ascending
  std::vector<std::pair<uint32_t, std::string>> names;  // of homes that are not called by their own id, ascending

  // Where the customer's events are.
  uint32_t HomeOf(uint32_t customer) const;
  // Null: its own.
  const std::string* NameOf(uint32_t home) const;
};

// A partition with the events of people: made on first use, and again when there was no room to keep it. Never changes
// to the eye; any thread.
class PeopleVersion {
 public:
  // Partition `i` of `customers`, of which only events below `row_end` count.
  PeopleVersion(size_t i, std::shared_ptr<const PeopleMoves> moves, std::shared_ptr<const PartitionVersions> customers,
                uint32_t row_end, std::shared_ptr<const MergeSources> sources)
      : i_(i),
        moves_(std::move(moves)),
        sources_(std::move(sources)),
        row_end_(row_end),
        customers_(std::move(customers)) {}
  ~PeopleVersion();

  const PeopleMoves& moves() const { return *moves_; }
  // Whether it has been made before: then all of which it is made is merged. Waits for nobody who is making it.
  bool made() const { return made_; }
  // These have the same events for it: it is made of them from now on, unless someone is just making it.
  void MakeOf(std::shared_ptr<const PartitionVersions> customers) const;
  // As PartitionVersion::Get.
  absl::StatusOr<std::shared_ptr<const Partition>> Get() const;

 private:
  absl::StatusOr<std::shared_ptr<const Partition>> Make() const;

  const size_t i_;
  const std::shared_ptr<const PeopleMoves> moves_;
  const std::shared_ptr<const MergeSources> sources_;
  const uint32_t row_end_;

  const uint64_t id_ = ColumnCache::NextId();
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const PartitionVersions> customers_;
  mutable std::atomic<bool> made_ = false;
};

// Keeps the moves up to date while links come. Not thread-safe.
class People {
 public:
  explicit People(const Dictionaries& dictionaries);

  bool empty() const { return graph_.empty(); }
  const IdentityGraph& graph() const { return graph_; }
  int64_t moved() const { return moved_; }  // customers whose events are elsewhere

  // An event of `customer` says something about links: a code of kLinkColumn.
  void AddStatement(uint32_t row, uint32_t customer, uint32_t statement_code);
  // What the partitions' events below `row_end` say, of customers below `customer_codes`, and what erased ones of them
  // have said. As PartitionVersion::Get.
  absl::Status AddAll(const PartitionVersions& customers, const std::vector<KeptUnlink>& kept_unlinks, uint32_t row_end,
                      uint32_t customer_codes);
  // The customer's first event has come.
  void AddCustomer(uint32_t customer);

  // What has changed since the last call makes new ones. By partition; null: nothing.
  std::vector<std::shared_ptr<const PeopleMoves>> Moves();

 private:
  // The moves of a partition, in the making.
  struct Open {
    absl::btree_map<uint32_t, uint32_t> leaving;
    absl::btree_set<std::pair<uint32_t, uint32_t>> coming;  // home, customer
    absl::btree_map<uint32_t, std::string> names;
    bool changed = false;
    std::shared_ptr<const PeopleMoves> moves;
  };
  void Change(uint32_t customer, uint32_t home, absl::string_view name);
  Open& OpenOf(uint32_t customer);

  const Dictionaries& dictionaries_;
  uint32_t customer_codes_ = IdentityGraph::kNone;  // others are not known
  std::vector<Open> partitions_;
  int64_t moved_ = 0;
  IdentityGraph graph_;
};

}  // namespace throughline
