#include "throughline/customer_set.h"

#include <roaring/roaring.hh>

namespace throughline {

struct CustomerSet::Bitmap {
  Roaring bits;
};

CustomerSet::CustomerSet() : bitmap_(std::make_unique<Bitmap>()) {}
CustomerSet::~CustomerSet() = default;
CustomerSet::CustomerSet(const CustomerSet& other) : bitmap_(std::make_unique<Bitmap>(*other.bitmap_)) {}
CustomerSet& CustomerSet::operator=(const CustomerSet& other) {
  if (&other != this) bitmap_ = std::make_unique<Bitmap>(*other.bitmap_);
  return *this;
}
CustomerSet::CustomerSet(CustomerSet&&) noexcept = default;
CustomerSet& CustomerSet::operator=(CustomerSet&&) noexcept = default;

void CustomerSet::Add(uint32_t ordinal) { bitmap_->bits.add(ordinal); }

void CustomerSet::AddRange(uint32_t begin, uint32_t end) { bitmap_->bits.addRange(begin, end); }

bool CustomerSet::Contains(uint32_t ordinal) const { return bitmap_->bits.contains(ordinal); }

bool CustomerSet::ContainsAny(uint32_t begin, uint32_t end) const {
  auto it = bitmap_->bits.begin();
  it.equalorlarger(begin);
  return it != bitmap_->bits.end() && *it < end;
}

int64_t CustomerSet::size() const { return static_cast<int64_t>(bitmap_->bits.cardinality()); }

CustomerSet& CustomerSet::operator|=(const CustomerSet& other) {
  bitmap_->bits |= other.bitmap_->bits;
  return *this;
}

CustomerSet& CustomerSet::operator&=(const CustomerSet& other) {
  bitmap_->bits &= other.bitmap_->bits;
  return *this;
}

CustomerSet& CustomerSet::operator-=(const CustomerSet& other) {
  bitmap_->bits -= other.bitmap_->bits;
  return *this;
}

bool CustomerSet::Equals(const CustomerSet& other) const { return bitmap_->bits == other.bitmap_->bits; }

void CustomerSet::ForEach(uint32_t begin, uint32_t end, const std::function<void(uint32_t)>& f) const {
  auto it = bitmap_->bits.begin();
  for (it.equalorlarger(begin); it != bitmap_->bits.end() && *it < end; ++it) f(*it);
}

}  // namespace throughline
