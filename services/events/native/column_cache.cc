#include "services/events/native/column_cache.h"

#include <array>
#include <atomic>
#include <utility>

#include "rocksdb/cache.h"

namespace throughline {
namespace {

using Value = std::shared_ptr<const void>;
using KeyWords = std::array<uint64_t, 3>;  // longer than RocksDB's own keys of blocks

rocksdb::Slice SliceOf(const KeyWords& words) {
  return rocksdb::Slice(reinterpret_cast<const char*>(words.data()), sizeof(words));
}

// What is larger than a shard is never kept, and a partition may have tens of megabytes: few shards, and large ones.
int ShardBits(size_t bytes_max) {
  constexpr size_t kShardBytes = 128 << 20;
  int bits = 0;
  while (bits < 4 && (bytes_max >> (bits + 1)) >= kShardBytes) ++bits;
  return bits;
}

void Delete(const rocksdb::Slice& /*key*/, void* value) { delete static_cast<Value*>(value); }

}  // namespace

uint64_t ColumnCache::NextId() {
  static std::atomic<uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

ColumnCache::ColumnCache(size_t bytes_max)
    : room_(rocksdb::NewLRUCache(bytes_max, ShardBits(bytes_max))), id_(room_->NewId()) {}

std::shared_ptr<const void> ColumnCache::FindAny(const Key& key) const {
  const KeyWords words = {id_, key.source, key.also};
  rocksdb::Cache::Handle* const handle = room_->Lookup(SliceOf(words));
  if (handle == nullptr) return nullptr;
  Value out = *static_cast<const Value*>(room_->Value(handle));
  room_->Release(handle);
  return out;
}

void ColumnCache::Keep(const Key& key, Value value, size_t bytes) const {
  const KeyWords words = {id_, key.source, key.also};
  // Without a handle it never fails: what there is no room for is deleted at once.
  room_->Insert(SliceOf(words), new Value(std::move(value)), bytes, Delete).PermitUncheckedError();
}

void ColumnCache::Drop(const Key& key) const {
  const KeyWords words = {id_, key.source, key.also};
  room_->Erase(SliceOf(words));
}

}  // namespace throughline
