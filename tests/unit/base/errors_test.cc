#include "throughline/errors.h"

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "services/base/limits.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/base/text.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using throughline::testing::EqualsProto;
using throughline::testing::HasFieldViolation;
using throughline::testing::HasMessage;
using throughline::testing::HasPreconditionViolation;
using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::IsOkAndHolds;
using throughline::testing::StatusIs;

TEST(ErrorsTest, EveryError_HasItsCodeAndReason) {
  struct Row {
    absl::Status status;
    absl::StatusCode code;
    const char* reason;
  };
  const Row rows[] = {
      {InvalidField("a", "b"), absl::StatusCode::kInvalidArgument, "INVALID_FIELD"},
      {InvalidFields({{"a", "b"}}), absl::StatusCode::kInvalidArgument, "INVALID_FIELD"},
      {MissingField("a"), absl::StatusCode::kInvalidArgument, "INVALID_FIELD"},
      {InvalidResourceName("name", "x", "workspaces/{workspace}"), absl::StatusCode::kInvalidArgument,
       "INVALID_RESOURCE_NAME"},
      {InvalidResourceId("id", "X"), absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_ID"},
      {InvalidFieldMask("x", "is unknown"), absl::StatusCode::kInvalidArgument, "INVALID_FIELD_MASK"},
      {InvalidFilter("a =", 3, "a value"), absl::StatusCode::kInvalidArgument, "INVALID_FILTER"},
      {InvalidPageToken(), absl::StatusCode::kInvalidArgument, "INVALID_PAGE_TOKEN"},
      {InvalidPageSize(-1), absl::StatusCode::kInvalidArgument, "INVALID_FIELD"},
      {MalformedRequest("x"), absl::StatusCode::kInvalidArgument, "MALFORMED_REQUEST"},
      {UnknownField("x", "M"), absl::StatusCode::kInvalidArgument, "UNKNOWN_FIELD"},
      {ResourceNotFound("workspaces/w"), absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND"},
      {RevisionNotFound("workspaces/w", "7"), absl::StatusCode::kNotFound, "REVISION_NOT_FOUND"},
      {RouteNotFound("GET", "/v1/x"), absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND"},
      {ResourceAlreadyExists("workspaces/w"), absl::StatusCode::kAlreadyExists, "RESOURCE_ALREADY_EXISTS"},
      {EventContentConflict("shop", "e1"), absl::StatusCode::kAlreadyExists, "EVENT_CONTENT_CONFLICT"},
      {ResourceDeleted("workspaces/w"), absl::StatusCode::kFailedPrecondition, "RESOURCE_DELETED"},
      {ResourceNotDeleted("workspaces/w"), absl::StatusCode::kFailedPrecondition, "RESOURCE_NOT_DELETED"},
      {ResourceInUse("workspaces/w/segments/s", "workspaces/w/personas/p"), absl::StatusCode::kFailedPrecondition,
       "RESOURCE_IN_USE"},
      {ReferenceNotFound("segment", "workspaces/w/segments/s"), absl::StatusCode::kFailedPrecondition,
       "REFERENCE_NOT_FOUND"},
      {JourneyMapNotPublishable("m", {{"touchpoints", "no binding"}}), absl::StatusCode::kFailedPrecondition,
       "JOURNEY_MAP_NOT_PUBLISHABLE"},
      {JourneyMapNotPublished("m"), absl::StatusCode::kFailedPrecondition, "JOURNEY_MAP_NOT_PUBLISHED"},
      {StaleEtag("m", "1", "2"), absl::StatusCode::kAborted, "STALE_ETAG"},
      {RevisionInFuture(Revision{9}, Revision{3}), absl::StatusCode::kOutOfRange, "REVISION_IN_FUTURE"},
      {RevisionCompacted(Revision{1}, Revision{3}), absl::StatusCode::kOutOfRange, "REVISION_COMPACTED"},
      {LimitExceeded("the request", 5, "bytes"), absl::StatusCode::kResourceExhausted, "LIMIT_EXCEEDED"},
      {Overloaded("the writer", absl::Seconds(2)), absl::StatusCode::kResourceExhausted, "OVERLOADED"},
      {StorageFull("the catalog"), absl::StatusCode::kResourceExhausted, "STORAGE_FULL"},
      {BackendUnavailable("the catalog"), absl::StatusCode::kUnavailable, "BACKEND_UNAVAILABLE"},
      {ShuttingDown(), absl::StatusCode::kUnavailable, "SHUTTING_DOWN"},
      {DataDirectoryInUse("/d", 7), absl::StatusCode::kFailedPrecondition, "DATA_DIRECTORY_IN_USE"},
      {DataDirectoryUnusable("/d", "it is a file"), absl::StatusCode::kFailedPrecondition, "DATA_DIRECTORY_UNUSABLE"},
      {StoreLocked("the catalog", "/d/c"), absl::StatusCode::kFailedPrecondition, "STORE_LOCKED"},
      {StoreNotWritable("the catalog", "/d/c"), absl::StatusCode::kFailedPrecondition, "STORE_NOT_WRITABLE"},
      {StoreVersionUnsupported("the catalog", "/d/c", 2, 1), absl::StatusCode::kFailedPrecondition,
       "STORE_VERSION_UNSUPPORTED"},
      {StoreDamaged("the catalog", "/d/c", "not a database"), absl::StatusCode::kDataLoss, "STORE_DAMAGED"},
      {MethodNotAllowed("PUT", "GET"), absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED"},
      {CrossOriginRefused("http://x"), absl::StatusCode::kPermissionDenied, "CROSS_ORIGIN"},
      {AddressUnusable("127.0.0.1:80", "permission denied"), absl::StatusCode::kUnavailable, "ADDRESS_UNUSABLE"},
      {NotImplemented("streaming"), absl::StatusCode::kUnimplemented, "NOT_IMPLEMENTED"},
      {DeadlineExceeded("the query"), absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(row.status, StatusIs(row.code, HasReason(row.reason)));
    EXPECT_FALSE(row.status.message().empty());
  }
}

TEST(ErrorsTest, FieldViolations_AllAreReportedAtOnce) {
  FieldViolations violations;
  EXPECT_THAT(violations.ToStatus(), IsOk());
  violations.Add("display_name", "is required");
  violations.AddStatus("touchpoints[3]", InvalidField("phase", "names no phase"));
  violations.AddStatus("event_binding.filter", absl::InvalidArgumentError("odd"));
  violations.AddStatus("ignored", absl::OkStatus());
  const absl::Status status = violations.ToStatus();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD")));
  EXPECT_THAT(status, AllOf(HasFieldViolation("display_name"), HasFieldViolation("touchpoints[3].phase"),
                            HasFieldViolation("event_binding.filter"), Not(HasFieldViolation("ignored"))));
  EXPECT_THAT(status, HasMessage(HasSubstr("display_name: is required (and 2 more problems)")));
}

TEST(ErrorsTest, FieldViolations_AreBounded_SoThatTheStatusFitsInHeaders) {
  FieldViolations violations;
  for (int i = 0; i < 1000; ++i) violations.Add(FieldPath("touchpoints", i), std::string(2000, 'x'));
  const google::rpc::Status rpc = ToRpcStatus(violations.ToStatus());
  EXPECT_LT(rpc.ByteSizeLong(), 6000u);
  EXPECT_THAT(violations.ToStatus(), HasMessage(HasSubstr("999 more problems")));
}

TEST(ErrorsTest, PathsAreJoined) {
  EXPECT_EQ(FieldPath("a", "b"), "a.b");
  EXPECT_EQ(FieldPath("", "b"), "b");
  EXPECT_EQ(FieldPath("a", ""), "a");
  EXPECT_EQ(FieldPath("a", "[3]"), "a[3]");
  EXPECT_EQ(FieldPath("a", 3), "a[3]");
}

TEST(ErrorsTest, InvalidBytesAndLongValues_BecomeSafeExcerpts) {
  const std::string bad = std::string("\xff\xfe\n", 3) + std::string(10'000'000, 'a');
  for (const absl::Status& status :
       {ResourceNotFound(bad), InvalidResourceName("name", bad, "workspaces/{workspace}"), StaleEtag(bad, bad, bad),
        InvalidFilter(bad, 0, bad), EventContentConflict(bad, bad), InvalidField(bad, bad), MalformedRequest(bad)}) {
    EXPECT_TRUE(IsValidUtf8(status.message()));
    EXPECT_LT(ToRpcStatus(status).ByteSizeLong(), 4000u) << status.message();
    for (const auto& [key, value] : GetErrorMetadata(status)) EXPECT_TRUE(IsValidUtf8(value)) << key;
  }
}

TEST(ErrorsTest, ResourceErrors_NameTheResource) {
  const absl::Status status = ResourceNotFound("workspaces/w/personas/p");
  EXPECT_THAT(GetErrorMetadata(status), Contains(Pair("name", "workspaces/w/personas/p")));
  const google::rpc::Status rpc = ToRpcStatus(status);
  ASSERT_EQ(rpc.details_size(), 2);
  google::rpc::ErrorInfo error_info;
  ASSERT_TRUE(rpc.details(0).UnpackTo(&error_info));
  EXPECT_EQ(error_info.domain(), "throughline.dev");
  google::rpc::ResourceInfo resource_info;
  ASSERT_TRUE(rpc.details(1).UnpackTo(&resource_info));
  EXPECT_EQ(resource_info.resource_name(), "workspaces/w/personas/p");
}

TEST(ErrorsTest, Overloaded_SaysWhenToRetry) {
  const google::rpc::Status rpc = ToRpcStatus(Overloaded("the writer", absl::Milliseconds(1500)));
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(rpc.details(1).UnpackTo(&retry));
  EXPECT_THAT(retry, EqualsProto("retry_delay { seconds: 1 nanos: 500000000 }"));
}

TEST(ErrorsTest, NotPublishable_NamesEachProblem) {
  const absl::Status status = JourneyMapNotPublishable("m", {{"touchpoints[0]", "no binding"}, {"phases", "none"}});
  EXPECT_THAT(status, AllOf(HasPreconditionViolation("touchpoints[0]"), HasPreconditionViolation("phases")));
}

TEST(ErrorsTest, RpcStatus_RoundTrips) {
  const absl::Status status = StaleEtag("m", "1", "2");
  EXPECT_EQ(FromRpcStatus(ToRpcStatus(status)), status);
  EXPECT_THAT(FromRpcStatus(ToRpcStatus(absl::OkStatus())), IsOk());
}

TEST(ErrorsTest, InternalDetails_GoOnlyToTheLog) {
  std::vector<std::string> lines;
  SetLogSink([&](LogLevel, absl::string_view line) { lines.emplace_back(line); });
  const absl::Status status = Internal("row 7 is torn\nbadly \"so\"");
  const google::rpc::Status foreign = ToRpcStatus(absl::InternalError("segment file /data/x"));
  SetLogSink(nullptr);
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("row 7")));
  EXPECT_THAT(foreign.message(), Not(HasSubstr("/data/x")));
  EXPECT_THAT(FromRpcStatus(foreign), HasReason("INTERNAL"));
  EXPECT_THAT(lines, ElementsAre(HasSubstr("ERROR internal error detail=\"row 7 is torn\\nbadly \\\"so\\\"\""),
                                 HasSubstr("segment file /data/x")));
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidField("value", "is odd");
  return value / 2;
}
absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  RETURN_IF_ERROR(absl::OkStatus());
  return quarter;
}

TEST(StatusMacrosTest, ErrorsPassThroughAndValuesAreAssigned) {
  EXPECT_THAT(Quarter(8), IsOkAndHolds(2));
  EXPECT_THAT(Quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, HasFieldViolation("value")));
}

TEST(TextTest, Utf8_IsCheckedAsRfc3629Says) {
  for (const char* good : {"", "abc", "ü", "€", "😀", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
    EXPECT_TRUE(IsValidUtf8(ToValidUtf8(bad)));
  }
}

TEST(TextTest, CharactersAreCounted_NotBytes) {
  EXPECT_EQ(CharacterCount("aü€😀"), 4u);
  EXPECT_EQ(CharacterCount("\xFF\xFE"), 2u);
}

TEST(TextTest, Clipping_CutsAtACharactersEdge) {
  EXPECT_EQ(ToValidUtf8("aü€", 2), "a");
  EXPECT_EQ(ToValidUtf8("aü€", 3), "aü");
  EXPECT_EQ(Excerpt("a\tb"), "a b");
  EXPECT_EQ(Excerpt(std::string(500, 'a')), std::string(limits::kMessageExcerptBytesMax, 'a') + "…");
}

}  // namespace
}  // namespace throughline
