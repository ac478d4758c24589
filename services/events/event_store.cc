#include <future>

#include "absl/time/clock.h"
#include "throughline/errors.h"
#include "throughline/events.h"

namespace throughline {

absl::Status StillWanted(const Patience& patience) {
  if (patience.cancelled != nullptr && patience.cancelled->load(std::memory_order_relaxed)) {
    return Cancelled("the question");
  }
  // An infinite one needs no look at the clock.
  if (patience.deadline != absl::InfiniteFuture() && absl::Now() > patience.deadline) {
    return DeadlineExceeded("the question");
  }
  return absl::OkStatus();
}

absl::StatusOr<AppendResult> EventStore::AppendAndWait(absl::string_view workspace,
                                                       absl::Span<const v1::CustomerEvent* const> events) {
  std::promise<absl::StatusOr<AppendResult>> promise;
  std::future<absl::StatusOr<AppendResult>> future = promise.get_future();
  Append(workspace, events, [&](absl::StatusOr<AppendResult> result) { promise.set_value(std::move(result)); });
  return future.get();
}

}  // namespace throughline
