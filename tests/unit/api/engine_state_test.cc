#include "services/api/engine_state.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using testing::HasReason;

TEST(EngineState, FailureOfAStore_IsRememberedForAWhile) {
  testing::FakeClock clock;
  EngineState engines;
  EXPECT_OK(engines.Check(clock.Now()));
  engines.Report(BackendUnavailable("the catalog"), clock.Now());
  EXPECT_THAT(engines.Check(clock.Now()), HasReason("BACKEND_UNAVAILABLE"));
  clock.Advance(EngineState::kFailureMemory - absl::Milliseconds(1));
  EXPECT_THAT(engines.Check(clock.Now()), HasReason("BACKEND_UNAVAILABLE"));
  clock.Advance(absl::Milliseconds(1));
  EXPECT_OK(engines.Check(clock.Now()));
}

TEST(EngineState, FullDisk_IsAFailure) {
  testing::FakeClock clock;
  EngineState engines;
  engines.Report(StorageFull("the event log"), clock.Now());
  EXPECT_THAT(engines.Check(clock.Now()), HasReason("STORAGE_FULL"));
}

TEST(EngineState, MistakesOfClientsAndBusyQueues_AreNone) {
  testing::FakeClock clock;
  EngineState engines;
  for (const absl::Status& status : {absl::OkStatus(), ResourceNotFound("x"), Overloaded("requests", absl::Seconds(1)),
                                     ShuttingDown(), LimitExceeded("x", 1, "bytes")}) {
    engines.Report(status, clock.Now());
  }
  EXPECT_OK(engines.Check(clock.Now()));
}

}  // namespace
}  // namespace throughline::api
