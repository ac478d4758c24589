#include "services/api/page_token.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/v1/persona_service.pb.h"
#include "throughline/v1/segment_service.pb.h"

namespace throughline::api {
namespace {

using ::testing::AllOf;
using testing::HasFieldViolation;
using testing::HasReason;
using testing::ParseProto;
using testing::StatusIs;

auto IsInvalidToken() {
  return AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_PAGE_TOKEN")),
               HasFieldViolation("page_token"));
}

class PageTokenTest : public ::testing::Test {
 protected:
  PageTokenCodec codec_{PageTokenCodec::RandomKey()};
  v1::ListPersonasRequest request_ =
      ParseProto<v1::ListPersonasRequest>(R"pb(parent: "workspaces/w" filter: "goals:x" page_size: 10)pb");
  PagePosition position_{.snapshot = -7, .after = "workspaces/w/personas/p"};
};

TEST_F(PageTokenTest, Decode_GivesBackThePosition) {
  ASSERT_OK_AND_ASSIGN(const PagePosition decoded, codec_.Decode(request_, codec_.Encode(request_, position_)));
  EXPECT_EQ(decoded.snapshot, position_.snapshot);
  EXPECT_EQ(decoded.after, position_.after);
}

TEST_F(PageTokenTest, PositionOfBytes_Survives) {
  position_.after = std::string("\0\xff/\n", 4);
  ASSERT_OK_AND_ASSIGN(const PagePosition decoded, codec_.Decode(request_, codec_.Encode(request_, position_)));
  EXPECT_EQ(decoded.after, position_.after);
}

TEST_F(PageTokenTest, Token_SaysNothingAndIsNeverTheSame) {
  const std::string token = codec_.Encode(request_, position_);
  EXPECT_EQ(token.find("persona"), std::string::npos);
  EXPECT_NE(token, codec_.Encode(request_, position_));
}

TEST_F(PageTokenTest, PageSizeAndToken_MayChange) {
  const std::string token = codec_.Encode(request_, position_);
  request_.set_page_size(3);
  request_.set_page_token(token);
  EXPECT_OK(codec_.Decode(request_, token));
}

TEST_F(PageTokenTest, ChangedRequest_IsInvalid) {
  const std::string token = codec_.Encode(request_, position_);
  request_.set_filter("goals:y");
  EXPECT_THAT(codec_.Decode(request_, token), IsInvalidToken());
}

TEST_F(PageTokenTest, OtherMethodWithTheSameFields_IsInvalid) {
  const std::string token = codec_.Encode(request_, position_);
  v1::ListSegmentsRequest other;
  ASSERT_TRUE(other.ParseFromString(request_.SerializeAsString()));
  EXPECT_THAT(codec_.Decode(other, token), IsInvalidToken());
}

TEST_F(PageTokenTest, OtherServersToken_IsInvalid) {
  const PageTokenCodec other(PageTokenCodec::RandomKey());
  EXPECT_THAT(codec_.Decode(request_, other.Encode(request_, position_)), IsInvalidToken());
}

TEST_F(PageTokenTest, EveryChangedCharacter_IsInvalid) {
  const std::string token = codec_.Encode(request_, position_);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'Q' : 'A';
    EXPECT_THAT(codec_.Decode(request_, changed), IsInvalidToken()) << "at " << i;
  }
}

TEST_F(PageTokenTest, EveryCutToken_IsInvalid) {
  const std::string token = codec_.Encode(request_, position_);
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_THAT(codec_.Decode(request_, token.substr(0, size)), IsInvalidToken()) << size;
  }
}

TEST_F(PageTokenTest, WhatIsNoToken_IsInvalid) {
  for (const std::string& token : {std::string("workspaces/w"), std::string(100'000, 'A'), std::string("\xff\0x", 3)}) {
    EXPECT_THAT(codec_.Decode(request_, token), IsInvalidToken());
  }
}

}  // namespace
}  // namespace throughline::api
