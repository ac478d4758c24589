// A set of customers of one workspace, by ordinal (CustomerSummary::ordinal): a compressed bitmap, a few bits for each
// customer where it is dense (Lemire et al., "Roaring bitmaps", 2018). A value; reading from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace throughline {

class CustomerSet {
 public:
  CustomerSet();
  ~CustomerSet();
  CustomerSet(const CustomerSet& other);
  CustomerSet& operator=(const CustomerSet& other);
  CustomerSet(CustomerSet&&) noexcept;
  CustomerSet& operator=(CustomerSet&&) noexcept;

  void Add(uint32_t ordinal);
  // [begin, end).
  void AddRange(uint32_t begin, uint32_t end);
  bool Contains(uint32_t ordinal) const;
  // Whether any of [begin, end) is a member.
  bool ContainsAny(uint32_t begin, uint32_t end) const;
  int64_t size() const;

  // Union, intersection, difference.
  CustomerSet& operator|=(const CustomerSet& other);
  CustomerSet& operator&=(const CustomerSet& other);
  CustomerSet& operator-=(const CustomerSet& other);
  friend bool operator==(const CustomerSet& a, const CustomerSet& b) { return a.Equals(b); }

  // Calls f(ordinal) for the members of [begin, end), in order.
  void ForEach(uint32_t begin, uint32_t end, const std::function<void(uint32_t)>& f) const;

 private:
  bool Equals(const CustomerSet& other) const;
  struct Bitmap;
  std::unique_ptr<Bitmap> bitmap_;
};

}  // namespace throughline
