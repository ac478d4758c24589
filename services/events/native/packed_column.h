// A column of integers in the narrowest of 0, 1, 2, 4 or 8 bytes that holds them; 0 bytes: all are the same.
// Built once, then immutable; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "services/events/native/column_array.h"

namespace throughline {

class PackedColumn {
 public:
  // All values are `constant`.
  explicit PackedColumn(int64_t constant = 0) : constant_(constant) {}
  // What a column of this size, width and constant holds in `bytes`.
  PackedColumn(size_t size, int width, int64_t constant, ColumnArray<uint8_t> bytes)
      : width_(width), constant_(constant), size_(size), bytes_(std::move(bytes)) {}

  size_t size() const { return size_; }
  int width() const { return width_; }
  int64_t constant() const { return constant_; }
  const ColumnArray<uint8_t>& bytes() const { return bytes_; }

  int64_t operator[](size_t i) const {
    switch (width_) {
      case 0:
        return constant_;
      case 1:
        return data<uint8_t>()[i];
      case 2:
        return data<uint16_t>()[i];
      case 4:
        return data<uint32_t>()[i];
      default:
        return data<int64_t>()[i];
    }
  }

  // Of the type that the width says.
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes_.data());
  }

  // Calls f(values) with something that has values[i]: a pointer of the column's type, or a constant.
  template <typename F>
  decltype(auto) Visit(F&& f) const {
    switch (width_) {
      case 0:
        return f(Constant{constant_});
      case 1:
        return f(data<uint8_t>());
      case 2:
        return f(data<uint16_t>());
      case 4:
        return f(data<uint32_t>());
      default:
        return f(data<int64_t>());
    }
  }
  struct Constant {
    int64_t value;
    int64_t operator[](size_t) const { return value; }
  };

  class Builder;

 private:
  int width_ = 0;
  int64_t constant_ = 0;
  size_t size_ = 0;
  ColumnArray<uint8_t> bytes_;
};

// Fills a column of known size with ranges of another column and single values.
class PackedColumn::Builder {
 public:
  // What will be added; a column to take ranges from may be null.
  Builder(size_t size, const PackedColumn* base) : base_(base != nullptr && base->size_ > 0 ? base : nullptr) {
    out_.size_ = size;
    if (base_ != nullptr) {
      out_.width_ = base_->width_;
      out_.constant_ = base_->constant_;
      any_ = true;
    }
  }
  // Before anything is added: each single value that will be.
  void Announce(int64_t value) {
    if (!any_) {
      out_.constant_ = value;
      any_ = true;
      return;
    }
    if (out_.width_ == 0) {
      if (value == out_.constant_) return;
      out_.width_ = WidthOf(out_.constant_);
    }
    out_.width_ = std::max(out_.width_, WidthOf(value));
  }
  // All of it is written by Add and AddBase.
  void Start() {
    byte_count_ = out_.size_ * static_cast<size_t>(out_.width_);
    bytes_ = std::make_unique_for_overwrite<uint8_t[]>(byte_count_);
  }

  void Add(int64_t value) {
    switch (out_.width_) {
      case 0:
        break;
      case 1:
        Data<uint8_t>()[at_] = static_cast<uint8_t>(value);
        break;
      case 2:
        Data<uint16_t>()[at_] = static_cast<uint16_t>(value);
        break;
      case 4:
        Data<uint32_t>()[at_] = static_cast<uint32_t>(value);
        break;
      default:
        Data<int64_t>()[at_] = value;
    }
    ++at_;
  }
  void AddBase(size_t from, size_t to) {
    if (out_.width_ == base_->width_) {
      const auto width = static_cast<size_t>(out_.width_);
      if (width > 0) std::memcpy(bytes_.get() + at_ * width, base_->bytes_.data() + from * width, (to - from) * width);
      at_ += to - from;
      return;
    }
    base_->Visit([&](auto values) {
      for (size_t i = from; i < to; ++i) Add(static_cast<int64_t>(values[i]));
    });
  }

  PackedColumn Finish() {
    if (byte_count_ > 0) out_.bytes_ = {std::shared_ptr<const uint8_t[]>(std::move(bytes_)), byte_count_};
    return std::move(out_);
  }

 private:
  static int WidthOf(int64_t value) {
    if (value < 0 || value > 0xffffffff) return 8;
    return value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
  }
  template <typename T>
  T* Data() {
    return reinterpret_cast<T*>(bytes_.get());
  }

  const PackedColumn* const base_;
  PackedColumn out_;
  std::unique_ptr<uint8_t[]> bytes_;
  size_t byte_count_ = 0;
  bool any_ = false;
  size_t at_ = 0;
};

}  // namespace throughline
