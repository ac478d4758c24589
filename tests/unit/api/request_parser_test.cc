#include "services/api/request_parser.h"

#include <string>

#include "gmock/gmock.h"
#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/v1/event_service.pb.h"
#include "throughline/v1/persona_service.pb.h"

namespace throughline::api {
namespace {

using ::testing::AllOf;
using testing::EqualsProto;
using testing::HasFieldViolation;
using testing::HasReason;
using testing::ParseProto;
using testing::StatusIs;

grpc::ByteBuffer Bytes(const std::string& text) {
  grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

template <typename Request>
absl::Status ParseAs(const grpc::ByteBuffer& bytes, size_t bytes_max = 1000) {
  Request request;
  return RequestParser(Request::descriptor(), bytes_max).Parse(bytes, request);
}

v1::CreatePersonaRequest Good() {
  return ParseProto<v1::CreatePersonaRequest>(R"pb(parent: "workspaces/w"
                                                   persona { display_name: "Anna" })pb");
}

TEST(RequestParser, GoodRequest_IsParsed) {
  v1::CreatePersonaRequest request;
  grpc::ByteBuffer bytes;
  Serialize(Good(), bytes);
  ASSERT_OK(RequestParser(request.GetDescriptor(), 1000).Parse(bytes, request));
  EXPECT_THAT(request, EqualsProto(Good()));
}

TEST(RequestParser, NoMessage_IsMalformed) {
  EXPECT_THAT(ParseAs<v1::CreatePersonaRequest>(grpc::ByteBuffer()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")));
}

TEST(RequestParser, CutMessage_IsMalformed) {
  const std::string text = Good().SerializeAsString();
  EXPECT_THAT(ParseAs<v1::CreatePersonaRequest>(Bytes(text.substr(0, text.size() - 2))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")));
}

TEST(RequestParser, InvalidUtf8_IsMalformed) {
  EXPECT_THAT(ParseAs<v1::CreatePersonaRequest>(Bytes(std::string("\x0a\x02\xff\xfe", 4))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasReason("MALFORMED_REQUEST")));
}

TEST(RequestParser, TooLarge_IsLimitExceeded) {
  EXPECT_THAT(ParseAs<v1::CreatePersonaRequest>(Bytes(std::string(1001, 'x'))),
              StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

TEST(RequestParser, MissingRequiredFields_AreAllNamed) {
  EXPECT_THAT(
      ParseAs<v1::CreatePersonaRequest>(Bytes("")),
      AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("parent"), HasFieldViolation("persona")));
}

TEST(RequestParser, UnknownField_IsRefusedWithItsPath) {
  v1::CreatePersonaRequest request = Good();
  request.mutable_persona()
      ->mutable_update_time()
      ->GetReflection()
      ->MutableUnknownFields(request.mutable_persona()->mutable_update_time())
      ->AddVarint(99, 1);
  EXPECT_THAT(ParseAs<v1::CreatePersonaRequest>(Bytes(request.SerializeAsString())),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("UNKNOWN_FIELD")),
                    HasFieldViolation("persona.update_time.99")));
}

TEST(RequestParser, UnknownFieldInAnEvent_IsLeftToTheEvent) {
  auto request = ParseProto<v1::RecordEventsRequest>(R"pb(parent: "workspaces/w"
                                                          events { id: "e" })pb");
  request.mutable_events(0)->GetReflection()->MutableUnknownFields(request.mutable_events(0))->AddVarint(99, 1);
  EXPECT_OK(ParseAs<v1::RecordEventsRequest>(Bytes(request.SerializeAsString())));
}

}  // namespace
}  // namespace throughline::api
