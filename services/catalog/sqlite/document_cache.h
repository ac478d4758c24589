// The latest state of recently used documents, in memory: a bounded cache, least recently used out first.
// Thread-safe.
//
// Coherence: the cache is told of every commit before the writers of that commit are, and changes whole commits at a
// time. Who misses takes a ticket, reads the latest document from the store and hands it in; it is kept only if no
// commit has touched its name since the ticket was taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "throughline/catalog.h"

namespace throughline {

class DocumentCache {
 public:
  // What is known of a name: a document, or (null) that there is none.
  using Value = std::shared_ptr<const Document>;

  struct Lookup {
    std::optional<Value> value;  // absent: not known
    uint64_t ticket = 0;         // of a miss
  };

  explicit DocumentCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  Lookup Find(absl::string_view name);
  // Hands in what a miss has read; each miss must end so, or with Abandon.
  void Fill(absl::string_view name, uint64_t ticket, Value value);
  void Abandon(absl::string_view name, uint64_t ticket);

  // The latest committed revision, and the compaction horizon.
  Revision revision() const;
  Revision horizon() const;

  struct Update {
    std::string name;
    Value value;
  };
  // A commit: all updates become visible, with the revision, at once.
  void Commit(Revision revision, std::vector<Update> updates);
  // A compaction: documents deleted before the horizon are no more.
  void Compact(Revision horizon);
  // Forgets every document: used at start, and when it is unknown what a commit has done.
  void Reset(Revision revision, Revision horizon);

  size_t bytes() const;

 private:
  struct Entry {
    std::optional<Value> value;  // absent: somebody is reading it, see ticket
    uint64_t ticket = 0;
    size_t bytes = 0;
    std::list<std::string>::iterator use;  // valid when there is a value
  };

  void Store(const std::string& name, Value value);
  void Remove(absl::flat_hash_map<std::string, Entry>::iterator entry);
  void Evict();

  const size_t bytes_max_;
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_;
  std::list<std::string> uses_;  // most recent first
  size_t bytes_ = 0;
  uint64_t next_ticket_ = 1;
  Revision revision_;
  Revision horizon_;
};

}  // namespace throughline
