#include "services/main/server_options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::AllOf;
using testing::HasFieldViolation;
using testing::StatusIs;

TEST(ServerOptions, FlagsWithAndWithoutEqualsSign) {
  ASSERT_OK_AND_ASSIGN(const ServerOptions options, ParseServerOptions({"--data-dir", "/d", "--grpc-address=[::1]:0",
                                                                        "--demo", "--grace=1m", "--history=48h"}));
  EXPECT_EQ(options.data_directory, "/d");
  EXPECT_EQ(options.grpc_address, "[::1]:0");
  EXPECT_EQ(options.http_address, "127.0.0.1:7480");
  EXPECT_TRUE(options.demo);
  EXPECT_EQ(options.grace, absl::Minutes(1));
  EXPECT_EQ(options.history, absl::Hours(48));
}

TEST(ServerOptions, WhatTheEventEngineMayUse) {
  ASSERT_OK_AND_ASSIGN(const ServerOptions options,
                       ParseServerOptions({"--data-dir=/d", "--query-threads=3", "--event-cache-mib", "64"}));
  EXPECT_EQ(options.query_threads, 3);
  EXPECT_EQ(options.event_cache_mib, 64);
}

TEST(ServerOptions, EmptyHttpAddress_MeansNoHttp) {
  ASSERT_OK_AND_ASSIGN(const ServerOptions options, ParseServerOptions({"--data-dir=/d", "--http-address="}));
  EXPECT_EQ(options.http_address, "");
}

TEST(ServerOptions, Help_NeedsNothingElse) {
  ASSERT_OK_AND_ASSIGN(const ServerOptions options, ParseServerOptions({"--help"}));
  EXPECT_TRUE(options.help);
}

struct BadFlags {
  std::vector<std::string> arguments;
  const char* flag;
};
class ServerOptionsRefuse : public ::testing::TestWithParam<BadFlags> {};

TEST_P(ServerOptionsRefuse, NamingTheFlag) {
  EXPECT_THAT(ParseServerOptions(GetParam().arguments),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation(GetParam().flag)));
}

INSTANTIATE_TEST_SUITE_P(Flags, ServerOptionsRefuse,
                         ::testing::Values(BadFlags{{}, "--data-dir"}, BadFlags{{"--data-dir"}, "--data-dir"},
                                           BadFlags{{"--data-dir=d", "--colour"}, "--colour"},
                                           BadFlags{{"--data-dir=d", "--grpc-address="}, "--grpc-address"},
                                           BadFlags{{"--data-dir=d", "--grpc-address=nowhere"}, "--grpc-address"},
                                           BadFlags{{"--data-dir=d", "--http-address=1.2.3.4:99999"}, "--http-address"},
                                           BadFlags{{"--data-dir=d", "--http-address=::1:80"}, "--http-address"},
                                           BadFlags{{"--data-dir=d", "--grace=soon"}, "--grace"},
                                           BadFlags{{"--data-dir=d", "--history=59m"}, "--history"},
                                           BadFlags{{"--data-dir=d", "--query-threads=many"}, "--query-threads"},
                                           BadFlags{{"--data-dir=d", "--event-cache-mib=15"}, "--event-cache-mib"},
                                           BadFlags{{"--data-dir=d", "stray"}, "stray"}));

TEST(HostAndPort, KnownForms) {
  ASSERT_OK_AND_ASSIGN(const HostAndPort v4, ParseHostAndPort("127.0.0.1:7480"));
  EXPECT_EQ(v4.host, "127.0.0.1");
  EXPECT_EQ(v4.port, 7480);
  ASSERT_OK_AND_ASSIGN(const HostAndPort v6, ParseHostAndPort("[::1]:0"));
  EXPECT_EQ(v6.host, "::1");
  ASSERT_OK_AND_ASSIGN(const HostAndPort name, ParseHostAndPort("localhost:1"));
  EXPECT_EQ(name.host, "127.0.0.1");
}

}  // namespace
}  // namespace throughline
