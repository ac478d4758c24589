#include <future>

#include "throughline/events.h"

namespace throughline {

absl::StatusOr<AppendResult> EventStore::AppendAndWait(absl::string_view workspace,
                                                       absl::Span<const v1::CustomerEvent* const> events) {
  std::promise<absl::StatusOr<AppendResult>> promise;
  std::future<absl::StatusOr<AppendResult>> future = promise.get_future();
  Append(workspace, events, [&](absl::StatusOr<AppendResult> result) { promise.set_value(std::move(result)); });
  return future.get();
}

}  // namespace throughline
