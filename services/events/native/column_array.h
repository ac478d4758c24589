// Numbers that lie one after the other in memory: of its own, or in a file that is mapped for as long as anyone uses
// it. Immutable; any thread. Copies share the numbers.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace throughline {

template <typename T>
class ColumnArray {
 public:
  ColumnArray() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): whoever fills a column does it in a vector.
  ColumnArray(std::vector<T> values) {
    if (values.empty()) return;
    auto owned = std::make_shared<const std::vector<T>>(std::move(values));
    data_ = owned->data();
    size_ = owned->size();
    owned_bytes_ = owned->capacity() * sizeof(T);
    keeper_ = std::move(owned);
  }
  ColumnArray(std::shared_ptr<const T[]> values, size_t size)
      : data_(values.get()), size_(size), owned_bytes_(size * sizeof(T)) {
    keeper_ = std::move(values);
  }
  // `data` lives as long as `keeper`.
  ColumnArray(std::shared_ptr<const void> keeper, const T* data, size_t size)
      : keeper_(std::move(keeper)), data_(data), size_(size) {}

  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](size_t i) const { return data_[i]; }
  const T& back() const { return data_[size_ - 1]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  // NOLINTNEXTLINE(google-explicit-constructor): for those who change a list of places.
  operator std::vector<T>() const { return std::vector<T>(begin(), end()); }

  // On the heap; a mapped file is none of it.
  size_t owned_bytes() const { return owned_bytes_; }

 private:
  std::shared_ptr<const void> keeper_;
  const T* data_ = nullptr;
  size_t size_ = 0;
  size_t owned_bytes_ = 0;
};

}  // namespace throughline
