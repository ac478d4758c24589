// MetricScheduler over real engines: that its thread notices changes by itself, and its beginnings and ends.
#include "services/metrics/scheduler.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/metrics/metrics_fixture.h"

namespace throughline {
namespace {

using v1::MetricValue;

constexpr absl::Duration kTimeout = absl::Seconds(60);

class SchedulerTest : public ::throughline::testing::MetricsFixture {
 protected:
  void SetUp() override {
    MetricsFixture::SetUp();
    volume_ = PutDefinition("volume", "kind: VOLUME");
    MakeScheduler({.debounce = absl::Milliseconds(5), .delay_max = absl::Milliseconds(50)});
  }
  void TearDown() override { scheduler_.reset(); }
  void MakeScheduler(const MetricScheduler::Options& options) {
    scheduler_ = std::make_unique<MetricScheduler>(*catalog_, *events_, *maps_, clock_, options);
  }

  // Waits, without asking for anything, until the value is there and says so.
  bool Comes(const std::string& attachment_name, const std::function<bool(const MetricValue&)>& condition) {
    return WaitFor(kTimeout, [&] {
      const auto value = Value(attachment_name);
      return value.has_value() && condition(*value);
    });
  }

  std::string volume_;
  std::unique_ptr<MetricScheduler> scheduler_;
};

TEST_F(SchedulerTest, Changes_AreNoticedWithoutAsking) {
  scheduler_->Start();
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.value() == 0; }));
  Record({Event("a", "order", Day(1))});
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.value() == 1; }));
  PutDefinition("volume", "kind: VOLUME description: 'changed'");
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.definition_version() == 2; }));
}

TEST_F(SchedulerTest, Time_IsNoticedWithoutAsking) {
  scheduler_.reset();
  MakeScheduler({.debounce = absl::Milliseconds(5), .time_interval = absl::Milliseconds(5)});
  Record({Event("a", "order", Day(60, 11))});
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered' rolling_window { seconds: 3600 }");
  scheduler_->Start();
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.value() == 1; }));
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.value() == 0; }));
}

TEST_F(SchedulerTest, WaitUntilIdle_ReflectsEverythingBeforeIt) {
  scheduler_->Start();
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  for (int i = 1; i <= 20; ++i) {
    Record({Event(absl::StrCat("c", i), "order", Day(i))});
    ASSERT_TRUE(scheduler_->WaitUntilIdle(kTimeout));
    EXPECT_EQ(Value(name)->value(), i);
  }
}

TEST_F(SchedulerTest, WaitUntilIdle_WithoutAThread_IsFalse) {
  EXPECT_FALSE(scheduler_->WaitUntilIdle(absl::ZeroDuration()));
  scheduler_->Start();
  EXPECT_TRUE(scheduler_->WaitUntilIdle(kTimeout));
  scheduler_->Shutdown();
  EXPECT_FALSE(scheduler_->WaitUntilIdle(absl::ZeroDuration()));
  scheduler_->Shutdown();  // harmless
}

TEST_F(SchedulerTest, ContinuousIngest_DoesNotStarveTheValue) {
  scheduler_.reset();
  // Longer than the time between two batches, so that only the maximum delay can end the wait.
  MakeScheduler({.debounce = absl::Hours(1), .delay_max = absl::Milliseconds(20)});
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  scheduler_->Start();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; !done; ++i) Record({Event(absl::StrCat("c", i), "order", Day(1))});
  });
  EXPECT_TRUE(Comes(name, [](const MetricValue& value) { return value.value() > 0; }));
  done = true;
  writer.join();
}

TEST_F(SchedulerTest, Restart_ComputesWhatIsBehind) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  scheduler_->Start();
  Record({Event("a", "order", Day(1))});
  ASSERT_TRUE(scheduler_->WaitUntilIdle(kTimeout));
  scheduler_.reset();
  Record({Event("b", "order", Day(1))});  // while nobody computes
  Close();
  Open();
  EXPECT_EQ(Value(name)->value(), 1);
  MakeScheduler({});
  scheduler_->Start();
  ASSERT_TRUE(scheduler_->WaitUntilIdle(kTimeout));
  EXPECT_EQ(Value(name)->value(), 2);
}

TEST_F(SchedulerTest, StoresInUseAfterItsEnd_AreSafe) {
  scheduler_->Start();
  scheduler_.reset();
  PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Record({Event("a", "order", Day(1))});
}

}  // namespace
}  // namespace throughline
