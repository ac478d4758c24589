// One batch of events on its way into the store: checked event by event, recorded, and reported per event.
// Used by one thread at a time: the one that prepares it, then the store's that reports, then the one that answers.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "throughline/events.h"
#include "throughline/v1/event.pb.h"
#include "throughline/v1/event_service.pb.h"

namespace throughline::api {

class EventBatch {
 public:
  using Events = google::protobuf::RepeatedPtrField<v1::CustomerEvent>;

  // Checks every event by itself; the bad ones are set aside. The events must outlive the batch. INVALID_ARGUMENT if
  // there are none, or too many.
  absl::Status Prepare(const Events& events, absl::Time now);

  // What is to be recorded.
  absl::Span<const v1::CustomerEvent* const> good() const { return good_; }

  // Takes the store's answer about good().
  void SetResult(const AppendResult& result);

  int recorded_count() const { return recorded_count_; }
  int duplicate_count() const { return duplicate_count_; }

  // Adds one result for each event that was refused, in the order of the batch.
  void AddRejected(google::protobuf::RepeatedPtrField<v1::EventResult>& results) const;
  // Adds one result for every event, in the order of the batch.
  void AddAll(google::protobuf::RepeatedPtrField<v1::EventResult>& results) const;

  // Empty again, keeping its memory.
  void Clear();

 private:
  int event_count_ = 0;
  std::vector<const v1::CustomerEvent*> good_;
  std::vector<AppendOutcome> outcomes_;
  std::vector<std::pair<int, absl::Status>> bad_;  // refused before recording: place in the batch, why
  int recorded_count_ = 0;
  int duplicate_count_ = 0;
};

}  // namespace throughline::api
