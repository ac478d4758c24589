#include "services/api/status_conversion.h"

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(ToGrpcStatus, Ok_IsOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus(), "r").ok()); }

TEST(ToGrpcStatus, CatalogueError_KeepsCodeMessageAndDetails) {
  const absl::Status error = StaleEtag("workspaces/w", "3", "4");
  const grpc::Status status = ToGrpcStatus(error, "request-7");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), error.message());
  const google::rpc::Status details = DetailsOf(status);
  EXPECT_EQ(details.code(), static_cast<int>(grpc::StatusCode::ABORTED));
  EXPECT_EQ(details.message(), status.error_message());
  google::rpc::ErrorInfo info;
  google::rpc::RequestInfo request;
  bool has_info = false;
  bool has_request = false;
  for (const auto& detail : details.details()) {
    has_info = has_info || detail.UnpackTo(&info);
    has_request = has_request || detail.UnpackTo(&request);
  }
  ASSERT_TRUE(has_info);
  EXPECT_EQ(info.reason(), "STALE_ETAG");
  EXPECT_EQ(info.domain(), kErrorDomain);
  ASSERT_TRUE(has_request);
  EXPECT_EQ(request.request_id(), "request-7");
}

TEST(ToGrpcStatus, OurFault_ShowsAFixedText) {
  for (const absl::Status& error : {absl::InternalError("secret"), absl::UnknownError("secret"),
                                    absl::DataLossError("secret"), Internal("secret")}) {
    const grpc::Status status = ToGrpcStatus(error, "request-8");
    EXPECT_THAT(status.error_message(), Not(HasSubstr("secret")));
    EXPECT_THAT(status.error_details(), Not(HasSubstr("secret")));
    EXPECT_THAT(status.error_details(), HasSubstr("request-8"));
  }
}

}  // namespace
}  // namespace throughline::api
