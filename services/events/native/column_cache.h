// What is made of columns and can be made again: the columns of properties in the order of a partition, and the
// partitions of people. Kept while there is room for it; what was not used for the longest time goes first. The blocks
// that RocksDB has read from the log share the room. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace rocksdb {
class Cache;
}  // namespace rocksdb

namespace throughline {

class ColumnCache {
 public:
  // Of what something is made: numbers that NextId has given.
  struct Key {
    uint64_t source = 0;
    uint64_t also = 0;
  };
  static uint64_t NextId();

  explicit ColumnCache(size_t bytes_max);

  // Null: it was not kept, or is not any more.
  template <typename T>
  std::shared_ptr<const T> Find(const Key& key) const {
    return std::static_pointer_cast<const T>(FindAny(key));
  }
  // Whoever has it goes on having it when it has to go from here.
  void Keep(const Key& key, std::shared_ptr<const void> value, size_t bytes) const;
  void Drop(const Key& key) const;

  const std::shared_ptr<rocksdb::Cache>& room() const { return room_; }

 private:
  std::shared_ptr<const void> FindAny(const Key& key) const;

  const std::shared_ptr<rocksdb::Cache> room_;
  const uint64_t id_;  // which tells its keys from those of others in the same room
};

}  // namespace throughline
