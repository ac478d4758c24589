#include "services/customer/lifecycle.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/catalog_fixture.h"
#include "tests/support/matchers.h"
#include "tests/unit/customer/sample.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::throughline::testing::Event;
using ::throughline::testing::ParseProto;
using ::throughline::testing::SampleLifecycle;
using ::throughline::testing::Second;

TEST(LifecycleTrackerTest, Stage_IsTheHighestThatWasEntered) {
  const Lifecycle lifecycle = SampleLifecycle();
  const CustomerFacts anna;
  LifecycleTracker tracker(lifecycle, anna);
  std::vector<std::string> line;
  for (const char* name : {"ghost", "visit", "visit", "buy", "try", "buy"}) {
    const LifecycleTracker::Step step = tracker.Add(Event("anna", 0, name));
    line.push_back(absl::StrCat(step.stage == nullptr ? "-" : step.stage->id, step.enters ? "!" : ""));
  }
  EXPECT_THAT(line, ElementsAre("-", "lead!", "lead", "customer!", "customer", "customer"));
}

TEST(LifecycleTest, StageAt_CountsWhatHappenedByThatMoment) {
  const Lifecycle lifecycle = SampleLifecycle();
  const std::vector<absl::Time> matches = {Second(0), Second(20), Second(10)};
  EXPECT_EQ(lifecycle.StageAt(matches, Second(-1)), nullptr);
  EXPECT_EQ(lifecycle.StageAt(matches, Second(0))->id, "lead");
  EXPECT_EQ(lifecycle.StageAt(matches, Second(10))->id, "customer");
  EXPECT_EQ(lifecycle.StageAt(matches, Second(30))->id, "customer");
  const std::vector<absl::Time> none(3, absl::InfiniteFuture());
  EXPECT_EQ(lifecycle.StageAt(none, absl::InfiniteFuture()), nullptr);
  EXPECT_EQ(Lifecycle().StageAt({}, Second(0)), nullptr);
}

class ReadLifecycleTest : public testing::CatalogFixture {};

TEST_F(ReadLifecycleTest, LivingStagesOfTheWorkspace_ByPosition) {
  Put("workspaces/w/lifecycleStages/zeal", ParseProto<v1::LifecycleStage>(R"pb(position: 1)pb"));
  Put("workspaces/w/lifecycleStages/b", ParseProto<v1::LifecycleStage>(R"pb(position: 7
                                                                            entry_rule { event_names: "b" })pb"));
  Put("workspaces/w/lifecycleStages/a", ParseProto<v1::LifecycleStage>(R"pb(position: 30)pb"));
  Put("workspaces/w/lifecycleStages/gone", ParseProto<v1::LifecycleStage>(R"pb(position: 3)pb"));
  Put("workspaces/w2/lifecycleStages/other", ParseProto<v1::LifecycleStage>(R"pb(position: 2)pb"));
  Delete("workspaces/w/lifecycleStages/gone");
  ASSERT_OK_AND_ASSIGN(const auto reader, catalog_->Read());
  ASSERT_OK_AND_ASSIGN(const Lifecycle lifecycle, ReadLifecycle(*reader, "workspaces/w"));
  std::vector<std::string> ids;
  for (const CompiledStage& stage : lifecycle.stages) ids.push_back(stage.id);
  EXPECT_THAT(ids, ElementsAre("zeal", "b", "a"));
  const CustomerFacts anna;
  LifecycleTracker tracker(lifecycle, anna);
  EXPECT_EQ(tracker.Add(Event("anna", 0, "x")).stage, nullptr) << "a stage without a rule is entered by no event";
  EXPECT_EQ(tracker.Add(Event("anna", 1, "b")).stage->name, "workspaces/w/lifecycleStages/b");
}

}  // namespace
}  // namespace throughline
