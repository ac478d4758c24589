#include "services/events/native/rocksdb_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rocksdb/status.h"
#include "tests/support/matchers.h"

namespace throughline::testing {
namespace {

struct Row {
  const char* name;
  rocksdb::Status from;
  absl::StatusCode code;
  const char* reason;
};

class MapRocksDbErrorTest : public ::testing::TestWithParam<Row> {};

TEST_P(MapRocksDbErrorTest, Row) {
  const absl::Status mapped = MapRocksDbError(GetParam().from, "/data/events");
  EXPECT_THAT(mapped, StatusIs(GetParam().code, HasReason(GetParam().reason)));
}

using rocksdb::Status;
using Code = absl::StatusCode;

INSTANTIATE_TEST_SUITE_P(
    Table, MapRocksDbErrorTest,
    ::testing::Values(
        Row{"NoSpace", Status::NoSpace("No space left on device"), Code::kResourceExhausted, "STORAGE_FULL"},
        Row{"NoSpaceText", Status::IOError("While appending", "No space left on device"), Code::kResourceExhausted,
            "STORAGE_FULL"},
        Row{"Quota", Status::IOError("While appending", "Disk quota exceeded"), Code::kResourceExhausted,
            "STORAGE_FULL"},
        Row{"FileSize", Status::IOError("While appending", "File too large"), Code::kResourceExhausted, "STORAGE_FULL"},
        Row{"LockOfAnotherProcess",
            Status::IOError("While lock file: /data/events/log/LOCK", "Resource temporarily unavailable"),
            Code::kFailedPrecondition, "STORE_LOCKED"},
        Row{"LockOfThisProcess",
            Status::IOError("lock hold by current process, acquire time 1 acquiring thread 2: /log/LOCK",
                            "No locks available"),
            Code::kFailedPrecondition, "STORE_LOCKED"},
        Row{"IOError", Status::IOError("While fdatasync", "Input/output error"), Code::kUnavailable,
            "BACKEND_UNAVAILABLE"},
        Row{"Corruption", Status::Corruption("bad block"), Code::kDataLoss, "STORE_DAMAGED"},
        Row{"TimedOut", Status::TimedOut(), Code::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"Busy", Status::Busy(), Code::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"TryAgain", Status::TryAgain(), Code::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"Aborted", Status::Aborted(), Code::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"Incomplete", Status::Incomplete(), Code::kUnavailable, "BACKEND_UNAVAILABLE"},
        Row{"ShutdownInProgress", Status::ShutdownInProgress(), Code::kUnavailable, "SHUTTING_DOWN"},
        Row{"NotSupported", Status::NotSupported(), Code::kInternal, "INTERNAL"},
        Row{"InvalidArgument", Status::InvalidArgument("unknown option"), Code::kInternal, "INTERNAL"},
        Row{"NotFound", Status::NotFound(), Code::kInternal, "INTERNAL"}),
    [](const auto& info) { return info.param.name; });

TEST(MapRocksDbError, Ok_IsOk) { EXPECT_THAT(MapRocksDbError(Status::OK(), "/data"), IsOk()); }

}  // namespace
}  // namespace throughline::testing
