#include "services/api/event_batch.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "services/base/limits.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using ::testing::AllOf;
using testing::HasFieldViolation;
using testing::HasReason;
using testing::ParseProto;
using testing::StatusIs;

v1::CustomerEvent Event(const std::string& id) {
  auto event = ParseProto<v1::CustomerEvent>(R"pb(
    source: "shop"
    customer_id: "c"
    event_name: "order_placed"
    event_time { seconds: 1767000000 })pb");
  event.set_id(id);
  return event;
}

class EventBatchTest : public ::testing::Test {
 protected:
  absl::Status Prepare() { return batch_.Prepare(events_, clock_.Now()); }

  testing::FakeClock clock_;
  EventBatch::Events events_;
  EventBatch batch_;
};

TEST_F(EventBatchTest, Empty_IsInvalidArgument) {
  EXPECT_THAT(Prepare(), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events")));
}

TEST_F(EventBatchTest, TooMany_IsInvalidArgument) {
  for (int i = 0; i <= limits::kEventBatchCountMax; ++i) *events_.Add() = Event(absl::StrCat(i));
  EXPECT_THAT(Prepare(), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events")));
}

TEST_F(EventBatchTest, BadEvents_AreSetAsideAndReportedInPlace) {
  *events_.Add() = Event("");
  *events_.Add() = Event("e1");
  *events_.Add() = Event("e2");
  *events_.Add() = Event("e3");
  events_[2].mutable_event_time()->set_seconds(253402300799);
  *events_.Add() = Event("e4");
  ASSERT_OK(Prepare());
  ASSERT_EQ(batch_.good().size(), 3u);
  EXPECT_EQ(batch_.good()[0]->id(), "e1");
  batch_.SetResult(
      {.outcomes = {AppendOutcome::kRecorded, AppendOutcome::kConflict, AppendOutcome::kDuplicate}, .watermark = {}});
  EXPECT_EQ(batch_.recorded_count(), 1);
  EXPECT_EQ(batch_.duplicate_count(), 1);

  google::protobuf::RepeatedPtrField<v1::EventResult> all;
  batch_.AddAll(all);
  ASSERT_EQ(all.size(), 5);
  for (int i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].index(), i);
  EXPECT_EQ(all[0].outcome(), v1::EventResult::REJECTED);
  EXPECT_EQ(all[1].outcome(), v1::EventResult::RECORDED);
  EXPECT_EQ(all[4].outcome(), v1::EventResult::DUPLICATE);
  EXPECT_THAT(FromRpcStatus(all[0].error()),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events[0].id")));
  EXPECT_THAT(FromRpcStatus(all[2].error()),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("events[2].event_time")));
  EXPECT_THAT(FromRpcStatus(all[3].error()),
              StatusIs(absl::StatusCode::kAlreadyExists, HasReason("EVENT_CONTENT_CONFLICT")));

  google::protobuf::RepeatedPtrField<v1::EventResult> rejected;
  batch_.AddRejected(rejected);
  ASSERT_EQ(rejected.size(), 3);
  EXPECT_EQ(rejected[0].index(), 0);
  EXPECT_EQ(rejected[1].index(), 2);
  EXPECT_EQ(rejected[2].index(), 3);
}

TEST_F(EventBatchTest, UnknownField_FailsThatEventAlone) {
  *events_.Add() = Event("e1");
  *events_.Add() = Event("e2");
  events_[0].GetReflection()->MutableUnknownFields(&events_[0])->AddVarint(99, 1);
  *events_.Add() = Event("e3");
  auto* survey = events_[2].mutable_survey_response();
  survey->set_score(1);
  survey->GetReflection()->MutableUnknownFields(survey)->AddVarint(99, 1);
  ASSERT_OK(Prepare());
  ASSERT_EQ(batch_.good().size(), 1u);
  EXPECT_EQ(batch_.good()[0]->id(), "e2");
  batch_.SetResult({.outcomes = {AppendOutcome::kRecorded}, .watermark = {}});
  google::protobuf::RepeatedPtrField<v1::EventResult> rejected;
  batch_.AddRejected(rejected);
  ASSERT_EQ(rejected.size(), 2);
  EXPECT_THAT(FromRpcStatus(rejected[1].error()), HasReason("UNKNOWN_FIELD"));
}

TEST_F(EventBatchTest, Clear_ForgetsTheBatchBefore) {
  *events_.Add() = Event("");
  ASSERT_OK(Prepare());
  batch_.Clear();
  events_.Clear();
  *events_.Add() = Event("e1");
  ASSERT_OK(Prepare());
  batch_.SetResult({.outcomes = {AppendOutcome::kRecorded}, .watermark = {}});
  google::protobuf::RepeatedPtrField<v1::EventResult> all;
  batch_.AddAll(all);
  ASSERT_EQ(all.size(), 1);
  EXPECT_EQ(all[0].outcome(), v1::EventResult::RECORDED);
}

}  // namespace
}  // namespace throughline::api
