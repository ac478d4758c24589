#include "services/events/native/partition_version.h"

#include <algorithm>
#include <utility>

#include "services/base/status_macros.h"

namespace throughline {

PartitionVersion::PartitionVersion(std::shared_ptr<const Partition> whole)
    : first_customer_(whole->first_customer()),
      customer_count_(whole->customer_count()),
      size_(whole->size()),
      row_max_(whole->row_max()),
      base_(std::move(whole)) {}

PartitionVersion::PartitionVersion(uint32_t first_customer, uint32_t customer_count, const PartitionVersion* before,
                                   Tail tail, std::shared_ptr<const MergeSources> sources)
    : first_customer_(first_customer), customer_count_(customer_count), sources_(std::move(sources)) {
  if (before == nullptr) {
    tail_ = std::move(tail);
  } else {
    const std::lock_guard lock(before->mutex_);
    base_ = before->base_;
    tail_ = before->tail_;
    tail_.Append(tail);
  }
  size_ = static_cast<int64_t>(tail_.rows.size()) + (base_ == nullptr ? 0 : base_->size());
  row_max_ = base_ == nullptr ? 0 : base_->row_max();
  for (const TailRow& row : tail_.rows) row_max_ = std::max(row_max_, row.row);
}

PartitionVersion::PartitionVersion(const PartitionVersion& same, std::shared_ptr<const Partition> base, Tail tail)
    : first_customer_(same.first_customer_),
      customer_count_(same.customer_count_),
      size_(same.size_),
      row_max_(same.row_max_),
      sources_(same.sources_),
      base_(std::move(base)),
      tail_(std::move(tail)) {}

std::shared_ptr<const PartitionVersion> PartitionVersion::Over(const Partition& old,
                                                               std::shared_ptr<const Partition> base) const {
  const std::lock_guard lock(mutex_);
  if (base_.get() != &old) return nullptr;
  return std::shared_ptr<const PartitionVersion>(new PartitionVersion(*this, std::move(base), tail_));
}

size_t PartitionVersion::unmerged() const {
  const std::lock_guard lock(mutex_);
  return tail_.rows.size();
}

absl::StatusOr<std::shared_ptr<const Partition>> PartitionVersion::Get() const {
  const std::lock_guard lock(mutex_);
  if (tail_.rows.empty()) return base_;
  ASSIGN_OR_RETURN(base_, Partition::Merge(first_customer_, customer_count_, base_.get(), tail_, *sources_->texts,
                                           sources_->read_id));
  tail_ = Tail();
  return base_;
}

}  // namespace throughline
