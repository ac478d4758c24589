#include "services/base/executor.h"

#include <atomic>
#include <future>
#include <stdexcept>

#include "gtest/gtest.h"
#include "services/base/ids.h"
#include "services/base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ids.h"
#include "tests/support/matchers.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline {
namespace {

using throughline::testing::HasReason;
using throughline::testing::IsOk;
using throughline::testing::StatusIs;

// Holds the executor's only thread until told to go on.
class Plug {
 public:
  explicit Plug(Executor& executor) {
    EXPECT_THAT(executor.TrySubmit([this] {
      started_.set_value();
      go_on_.get_future().wait();
    }),
                IsOk());
    started_.get_future().wait();
  }
  void Pull() { go_on_.set_value(); }

 private:
  std::promise<void> started_;
  std::promise<void> go_on_;
};

TEST(ExecutorTest, FullQueue_IsResourceExhausted_AndTheTaskIsNotRun) {
  std::atomic<int> ran{0};
  Executor executor("test", 1, 3);
  Plug plug(executor);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(executor.TrySubmit([&] { ++ran; }), IsOk());
  const absl::Status full = executor.TrySubmit([&] { ran += 100; });
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted, HasReason("OVERLOADED")));
  plug.Pull();
  executor.Shutdown();
  EXPECT_EQ(ran, 3);
}

TEST(ExecutorTest, Shutdown_RunsWhatWasAccepted_AndRefusesMore) {
  std::vector<int> order;
  Executor executor("test", 1);
  Plug plug(executor);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(executor.TrySubmit([&order, i] { order.push_back(i); }), IsOk());
  std::thread stopper([&] { executor.Shutdown(); });
  plug.Pull();
  stopper.join();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_THAT(executor.TrySubmit([] {}), StatusIs(absl::StatusCode::kUnavailable, HasReason("SHUTTING_DOWN")));
  executor.Shutdown();
}

TEST(ExecutorTest, ManySubmitters_EveryAcceptedTaskRunsOnce) {
  std::atomic<int> ran{0};
  std::atomic<int> accepted{0};
  {
    Executor executor("test", 4, 50);
    std::vector<std::thread> submitters;
    for (int t = 0; t < 4; ++t) {
      submitters.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) {
          if (executor.TrySubmit([&] { ++ran; }).ok()) ++accepted;
        }
      });
    }
    for (std::thread& submitter : submitters) submitter.join();
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_GT(ran, 0);
}

TEST(ExecutorTest, ThrowingTask_IsLogged_AndTheThreadGoesOn) {
  std::vector<std::string> lines;
  SetLogSink([&](LogLevel, absl::string_view line) { lines.emplace_back(line); });
  std::atomic<bool> ran{false};
  {
    Executor executor("test", 1);
    EXPECT_THAT(executor.TrySubmit([] { throw std::runtime_error("boom"); }), IsOk());
    EXPECT_THAT(executor.TrySubmit([&] { ran = true; }), IsOk());
  }
  SetLogSink(nullptr);
  EXPECT_TRUE(ran);
  EXPECT_THAT(lines, ::testing::ElementsAre(::testing::HasSubstr("boom")));
}

TEST(IdsTest, FreshIds_AreValidAndDiffer) {
  const std::string id = SystemIds().NewResourceId();
  EXPECT_EQ(id.size(), 20u);
  EXPECT_TRUE(IsResourceId(id)) << id;
  EXPECT_NE(id, SystemIds().NewResourceId());
  EXPECT_EQ(SystemIds().NewRequestId().size(), 32u);
  testing::FakeIds fake;
  EXPECT_EQ(fake.NewResourceId(), "id-1");
  EXPECT_EQ(fake.NewResourceId(), "id-2");
}

TEST(ClockTest, FakeClock_MovesOnlyWhenTold) {
  testing::FakeClock clock;
  const absl::Time start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(clock.Now(), start + absl::Hours(1));
  EXPECT_GT(SystemClock().Now(), start - absl::Hours(24 * 366 * 10));
}

}  // namespace
}  // namespace throughline
