#include "services/catalog/sqlite/document_cache.h"

#include <utility>

namespace throughline {
namespace {

// Of an entry beside its document: the map's slot, the list's node, two copies of the name.
size_t EntryBytes(const std::string& name, const DocumentCache::Value& value) {
  size_t bytes = 200 + 2 * name.size();
  if (value != nullptr) bytes += sizeof(Document) + value->name.size() + value->type.size() + value->payload.size();
  return bytes;
}

}  // namespace

DocumentCache::Lookup DocumentCache::Find(absl::string_view name) {
  std::lock_guard<std::mutex> lock(mutex_);
  Lookup lookup;
  auto it = entries_.find(name);
  if (it != entries_.end() && it->second.value.has_value()) {
    uses_.splice(uses_.begin(), uses_, it->second.use);
    lookup.value = *it->second.value;
    return lookup;
  }
  // One ticket per name: while somebody else reads it, this reader's result is for itself alone (ticket 0).
  if (it != entries_.end()) return lookup;
  lookup.ticket = next_ticket_++;
  entries_[std::string(name)].ticket = lookup.ticket;
  return lookup;
}

void DocumentCache::Fill(absl::string_view name, uint64_t ticket, Value value) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = entries_.find(name);
  if (it == entries_.end() || it->second.value.has_value() || it->second.ticket != ticket) return;
  Store(std::string(name), std::move(value));
}

void DocumentCache::Abandon(absl::string_view name, uint64_t ticket) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = entries_.find(name);
  if (it != entries_.end() && !it->second.value.has_value() && it->second.ticket == ticket) entries_.erase(it);
}

Revision DocumentCache::revision() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return revision_;
}

Revision DocumentCache::horizon() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return horizon_;
}

void DocumentCache::Commit(Revision revision, std::vector<Update> updates) {
  std::lock_guard<std::mutex> lock(mutex_);
  revision_ = revision;
  for (Update& update : updates) Store(update.name, std::move(update.value));
}

void DocumentCache::Compact(Revision horizon) {
  std::lock_guard<std::mutex> lock(mutex_);
  horizon_ = horizon;
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto entry = it++;
    const bool reading = !entry->second.value.has_value();
    if (reading || (*entry->second.value != nullptr && (*entry->second.value)->deleted())) Remove(entry);
  }
}

void DocumentCache::Reset(Revision revision, Revision horizon) {
  std::lock_guard<std::mutex> lock(mutex_);
  revision_ = revision;
  horizon_ = horizon;
  entries_.clear();
  uses_.clear();
  bytes_ = 0;
}

size_t DocumentCache::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

void DocumentCache::Store(const std::string& name, Value value) {
  Entry& entry = entries_[name];
  const size_t bytes = EntryBytes(name, value);
  if (entry.value.has_value()) {
    bytes_ -= entry.bytes;
    uses_.splice(uses_.begin(), uses_, entry.use);
  } else {
    uses_.push_front(name);
    entry.use = uses_.begin();
  }
  entry.value = std::move(value);
  entry.ticket = 0;
  entry.bytes = bytes;
  bytes_ += bytes;
  Evict();
}

void DocumentCache::Remove(absl::flat_hash_map<std::string, Entry>::iterator entry) {
  if (entry->second.value.has_value()) {
    bytes_ -= entry->second.bytes;
    uses_.erase(entry->second.use);
  }
  entries_.erase(entry);
}

void DocumentCache::Evict() {
  while (bytes_ > bytes_max_) Remove(entries_.find(uses_.back()));
}

}  // namespace throughline
