#include "services/api/event_batch.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "services/base/limits.h"
#include "services/events/event_validation.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using google::protobuf::Message;
using google::protobuf::RepeatedPtrField;

// Number of the first field of the message itself that this server does not know; 0: none.
int UnknownFieldNumber(const Message& message) {
  const google::protobuf::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  return unknown.empty() ? 0 : unknown.field(0).number();
}

// Dropping what a newer client says would lose it for good, so it is refused. The event and its payload are
// looked at; descending into every property by reflection would cost more than recording.
absl::Status CheckUnknownFields(const v1::CustomerEvent& event) {
  if (const int number = UnknownFieldNumber(event); number != 0) {
    return UnknownField(absl::StrCat(number), event.GetDescriptor()->full_name());
  }
  const Message* payload = nullptr;
  if (event.has_survey_response()) payload = &event.survey_response();
  if (event.has_money_movement()) payload = &event.money_movement();
  if (event.has_hand_off()) payload = &event.hand_off();
  if (event.has_case_change()) payload = &event.case_change();
  const int number = payload == nullptr ? 0 : UnknownFieldNumber(*payload);
  return number == 0 ? absl::OkStatus() : UnknownField(absl::StrCat(number), payload->GetDescriptor()->full_name());
}

void AddRejection(int index, const absl::Status& status, RepeatedPtrField<v1::EventResult>& results) {
  v1::EventResult& result = *results.Add();
  result.set_index(index);
  result.set_outcome(v1::EventResult::REJECTED);
  *result.mutable_error() = ToRpcStatus(status);
}

}  // namespace

absl::Status EventBatch::Prepare(const Events& events, absl::Time now) {
  if (events.empty()) return MissingField("events");
  if (events.size() > limits::kEventBatchCountMax) {
    return InvalidField("events",
                        absl::StrCat("has ", events.size(), " events; at most ", limits::kEventBatchCountMax));
  }
  event_count_ = events.size();
  good_.reserve(static_cast<size_t>(events.size()));
  for (int i = 0; i < events.size(); ++i) {
    absl::Status status = ValidateEvent(events[i], now);
    if (status.ok()) status = CheckUnknownFields(events[i]);
    if (!status.ok()) {
      bad_.emplace_back(i, WithFieldPrefix(FieldPath("events", static_cast<size_t>(i)), status));
      continue;
    }
    good_.push_back(&events[i]);
  }
  return absl::OkStatus();
}

void EventBatch::SetResult(const AppendResult& result) {
  outcomes_ = result.outcomes;
  recorded_count_ = static_cast<int>(std::count(outcomes_.begin(), outcomes_.end(), AppendOutcome::kRecorded));
  duplicate_count_ = static_cast<int>(std::count(outcomes_.begin(), outcomes_.end(), AppendOutcome::kDuplicate));
}

void EventBatch::AddRejected(RepeatedPtrField<v1::EventResult>& results) const {
  if (bad_.empty() && static_cast<size_t>(recorded_count_ + duplicate_count_) == good_.size()) return;
  RepeatedPtrField<v1::EventResult> all;
  AddAll(all);
  for (v1::EventResult& result : all) {
    if (result.outcome() == v1::EventResult::REJECTED) *results.Add() = std::move(result);
  }
}

void EventBatch::AddAll(RepeatedPtrField<v1::EventResult>& results) const {
  results.Reserve(event_count_);
  size_t good = 0;
  size_t bad = 0;
  for (int i = 0; i < event_count_; ++i) {
    if (bad < bad_.size() && bad_[bad].first == i) {
      AddRejection(i, bad_[bad++].second, results);
      continue;
    }
    const v1::CustomerEvent& event = *good_[good];
    const AppendOutcome outcome = outcomes_[good++];
    if (outcome == AppendOutcome::kConflict) {
      AddRejection(i, EventContentConflict(event.source(), event.id()), results);
      continue;
    }
    if (outcome == AppendOutcome::kErased) {
      AddRejection(i, EventErased(event.source(), event.id()), results);
      continue;
    }
    v1::EventResult& result = *results.Add();
    result.set_index(i);
    result.set_outcome(outcome == AppendOutcome::kRecorded ? v1::EventResult::RECORDED : v1::EventResult::DUPLICATE);
  }
}

void EventBatch::Clear() {
  event_count_ = 0;
  good_.clear();
  outcomes_.clear();
  bad_.clear();
  recorded_count_ = 0;
  duplicate_count_ = 0;
}

}  // namespace throughline::api
