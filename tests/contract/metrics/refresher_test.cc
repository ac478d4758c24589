// MetricRefresher over real engines: what is recomputed, what is written, and that it equals computing from scratch.
#include "services/metrics/refresher.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/metrics/compute.h"
#include "tests/contract/metrics/metrics_fixture.h"

namespace throughline {
namespace {

using ::testing::SizeIs;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::IsOk;
using ::throughline::testing::kMap;
using ::throughline::testing::kMapContent;
using ::throughline::testing::kWorkspace;
using ::throughline::testing::ParseProto;
using v1::MetricValue;

class RefresherTest : public ::throughline::testing::MetricsFixture {
 protected:
  void SetUp() override {
    MetricsFixture::SetUp();
    csat_ = PutDefinition("csat", "kind: CSAT min_n: 1");
    volume_ = PutDefinition("volume", "kind: VOLUME");
    conversion_ = PutDefinition("conversion", "kind: CONVERSION min_n: 1");
    MakeRefresher();
  }
  void MakeRefresher() { refresher_ = std::make_unique<MetricRefresher>(*catalog_, *events_, *maps_, clock_); }

  // A pass that looks at the events of every workspace.
  MetricRefresher::Counts Refresh() {
    const auto counts = refresher_->Refresh({}, /*everywhere=*/true, stop_);
    EXPECT_OK(counts);
    return counts.ok() ? *counts : MetricRefresher::Counts();
  }

  std::atomic<bool> stop_{false};
  std::string csat_, volume_, conversion_;
  std::unique_ptr<MetricRefresher> refresher_;
};

TEST_F(RefresherTest, FirstPass_ComputesEveryAttachment) {
  const std::string reviews = PutAttachment("reviews", csat_, "touchpoint: 'reviewed'");
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Event("a", "order", Day(1)), Answer("a", "review", Day(2), 5)});
  EXPECT_EQ(Refresh().written, 2);
  ASSERT_TRUE(Value(reviews).has_value());
  EXPECT_EQ(Value(reviews)->value(), 1);
  EXPECT_EQ(Value(orders)->value(), 1);
  EXPECT_EQ(Value(orders)->data_watermark(), 2);
}

TEST_F(RefresherTest, NothingChanged_ComputesAndWritesNothing) {
  PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Refresh();
  const Revision before = catalog_->LatestRevision();
  const auto counts = Refresh();
  EXPECT_EQ(counts.computed, 0);
  EXPECT_EQ(counts.written, 0);
  EXPECT_EQ(catalog_->LatestRevision(), before);
}

TEST_F(RefresherTest, NewEvents_RecomputeOnlyValuesOfTheirNames) {
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  const std::string paid = PutAttachment("paid", volume_, "touchpoint: 'paid'");
  const std::string pays = PutAttachment("pays", conversion_, "transition: 'pays'");
  Record({Event("a", "order", Day(1)), Event("z", "order", Day(28))});
  Refresh();
  Record({Event("a", "pay", Day(2))});
  const auto counts = Refresh();
  EXPECT_EQ(counts.computed, 2);
  EXPECT_EQ(counts.written, 2);
  EXPECT_EQ(Value(orders)->data_watermark(), 2);
  EXPECT_EQ(Value(paid)->value(), 1);
  EXPECT_EQ(Value(pays)->value(), 0.5);
}

TEST_F(RefresherTest, EventsOfOtherNames_ChangeNothingButTheMonthsOfTrends) {
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Event("a", "order", Day(1)), Event("z", "other", Day(28))});
  Refresh();
  EXPECT_THAT(Value(orders)->trend(), SizeIs(1));
  Record({Event("b", "other", Day(20))});
  EXPECT_EQ(Refresh().computed, 0);
  Record({Event("b", "other", Day(40))});  // the next month
  EXPECT_EQ(Refresh().written, 1);
  EXPECT_THAT(Value(orders)->trend(), SizeIs(2));
}

TEST_F(RefresherTest, RecomputedButEqual_IsNotWritten) {
  const std::string reviews = PutAttachment("reviews", csat_, "touchpoint: 'reviewed' filter: 'channel = \"web\"'");
  Record({Event("z", "other", Day(1)), Event("z", "other", Day(28))});
  Refresh();
  Record({Answer("a", "review", Day(2), 5)});  // not on the web
  const auto counts = Refresh();
  EXPECT_EQ(counts.computed, 1);
  EXPECT_EQ(counts.written, 0);
}

TEST_F(RefresherTest, BindingWithoutNames_DependsOnEveryEvent) {
  auto map = ParseProto<v1::JourneyMap>(kMapContent);
  map.mutable_touchpoints(0)->mutable_event_binding()->clear_event_names();
  map.mutable_touchpoints(0)->mutable_event_binding()->set_filter("channel = \"web\"");
  PutMap(kMap, map.DebugString());
  Publish(kMap);
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Event("z", "other", Day(1)), Event("z", "other", Day(28))});
  Refresh();
  auto event = Event("a", "anything", Day(3));
  event.set_channel("web");
  Record({event});
  EXPECT_EQ(Refresh().written, 1);
  EXPECT_EQ(Value(orders)->value(), 1);
}

TEST_F(RefresherTest, ChangedDefinition_GivesTheValueItsVersion) {
  const std::string reviews = PutAttachment("reviews", csat_, "touchpoint: 'reviewed'");
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Answer("a", "review", Day(2), 5)});
  Refresh();
  PutDefinition("csat", "kind: CSAT min_n: 2");
  EXPECT_EQ(Refresh().computed, 1);
  EXPECT_EQ(Value(reviews)->state(), MetricValue::INSUFFICIENT_DATA);
  EXPECT_EQ(Value(reviews)->definition_version(), 2);
}

TEST_F(RefresherTest, DeletedDefinition_IsUndefinedUntilItIsBack) {
  const std::string reviews = PutAttachment("reviews", csat_, "touchpoint: 'reviewed'");
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Answer("a", "review", Day(2), 5)});
  Delete(csat_);
  Refresh();
  EXPECT_EQ(Value(reviews)->state(), MetricValue::UNDEFINED);
  EXPECT_EQ(Value(reviews)->undefined_reason(), "The metric definition is deleted.");
  EXPECT_EQ(Value(orders)->state(), MetricValue::OK);
  Undelete(csat_);
  Refresh();
  EXPECT_EQ(Value(reviews)->value(), 1);
}

TEST_F(RefresherTest, UnpublishedMap_IsUndefinedUntilItIsPublished) {
  const std::string map = std::string(kWorkspace) + "/journeyMaps/draft";
  PutMap(map, kMapContent);
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'", map);
  Refresh();
  EXPECT_EQ(Value(orders)->state(), MetricValue::UNDEFINED);
  EXPECT_EQ(Value(orders)->undefined_reason(), "The map has not been published.");
  Publish(map);
  Refresh();
  EXPECT_EQ(Value(orders)->state(), MetricValue::OK);
  EXPECT_EQ(Value(orders)->journey_map_version(), map + "/versions/1");
  Delete(map);
  Refresh();
  EXPECT_EQ(Value(orders)->undefined_reason(), "The map is deleted.");
}

TEST_F(RefresherTest, NewVersionOfTheMap_IsMeasuredAndEditsOfTheDraftAreNot) {
  const std::string orders = PutAttachment("orders", volume_, "touchpoint: 'ordered'");
  Record({Event("a", "order", Day(1)), Event("a", "reorder", Day(2)), Event("a", "reorder", Day(3))});
  Refresh();
  auto map = ParseProto<v1::JourneyMap>(kMapContent);
  map.mutable_touchpoints(0)->mutable_event_binding()->set_event_names(0, "reorder");
  PutMap(kMap, map.DebugString());
  EXPECT_EQ(Refresh().computed, 0);
  EXPECT_EQ(Value(orders)->value(), 1);
  Publish(kMap);
  EXPECT_EQ(Refresh().computed, 1);
  EXPECT_EQ(Value(orders)->value(), 2);
  EXPECT_EQ(Value(orders)->journey_map_version(), std::string(kMap) + "/versions/2");
}

TEST_F(RefresherTest, ChangedAttachment_IsRecomputed) {
  Record({Event("a", "order", Day(1)), Event("a", "pay", Day(2)), Event("b", "pay", Day(2))});
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  EXPECT_EQ(Value(name)->value(), 1);
  PutAttachment("x", volume_, "touchpoint: 'paid'");
  Refresh();
  EXPECT_EQ(Value(name)->value(), 2);
}

TEST_F(RefresherTest, DeletedAttachment_LosesItsValueAndGetsItBack) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  ASSERT_TRUE(Value(name).has_value());
  Delete(name);
  EXPECT_EQ(Refresh().written, 1);
  EXPECT_FALSE(Value(name).has_value());
  Undelete(name);
  Refresh();
  EXPECT_TRUE(Value(name).has_value());
}

TEST_F(RefresherTest, AttachmentDeletedWhileNobodyLooked_LosesItsValueAtTheNextStart) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  Delete(name);
  MakeRefresher();
  Refresh();
  EXPECT_FALSE(Value(name).has_value());
}

TEST_F(RefresherTest, RollingWindow_MovesWithTimeInSteps) {
  Record({Event("a", "order", Day(60, 11))});
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered' rolling_window { seconds: 86400 }");
  Refresh();
  EXPECT_EQ(Value(name)->value(), 1);
  clock_.Advance(absl::Seconds(100));  // steps of two minutes
  EXPECT_EQ(Refresh().computed, 1);    // noon itself was on a step: the window ends at the next one now
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(Refresh().computed, 0);
  clock_.Advance(absl::Hours(24));
  Refresh();
  EXPECT_EQ(Value(name)->value(), 0);
}

TEST_F(RefresherTest, ConversionWindow_IsJudgedWhenItsTimeHasPassed) {
  Record({Event("a", "order", Day(60, 11)), Event("a", "pay", Day(60, 11.5))});
  const std::string name = PutAttachment("x", conversion_, "transition: 'pays' conversion_window { seconds: 86400 }");
  Refresh();
  EXPECT_EQ(Value(name)->state(), MetricValue::UNDEFINED);
  EXPECT_EQ(Value(name)->excluded().at("immature"), 1);
  clock_.Advance(absl::Hours(24));
  Refresh();
  EXPECT_EQ(Value(name)->value(), 1);
}

TEST_F(RefresherTest, ChangedTimeZone_MovesTheMonths) {
  Record({Event("a", "order", Day(1)), Event("b", "order", Day(32, -0.5))});
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  EXPECT_THAT(Value(name)->trend(), SizeIs(1));
  auto workspace = *Find<v1::Workspace>(kWorkspace);
  workspace.set_time_zone("Europe/Berlin");
  Put(kWorkspace, workspace);
  Refresh();
  EXPECT_THAT(Value(name)->trend(), SizeIs(2));
}

TEST_F(RefresherTest, TouchedWorkspacesOnly_WhereNotEverywhere) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  Record({Event("a", "order", Day(1))});
  EXPECT_THAT(refresher_->Refresh({}, /*everywhere=*/false, stop_), IsOk());
  EXPECT_EQ(Value(name)->value(), 0);
  EXPECT_THAT(refresher_->Refresh({"w"}, /*everywhere=*/false, stop_), IsOk());
  EXPECT_EQ(Value(name)->value(), 1);
}

TEST_F(RefresherTest, Stopped_LeavesTheRestForTheNextPass) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  stop_ = true;
  EXPECT_EQ(Refresh().computed, 0);
  stop_ = false;
  EXPECT_EQ(Refresh().computed, 1);
  EXPECT_TRUE(Value(name).has_value());
}

TEST_F(RefresherTest, CompactedChangeLog_MeansLookingAtEverything) {
  const std::string name = PutAttachment("x", volume_, "touchpoint: 'ordered'");
  Refresh();
  PutAttachment("x", volume_, "touchpoint: 'paid'");
  Record({Event("a", "pay", Day(1))});
  ASSERT_OK(catalog_->Compact(catalog_->LatestRevision()));
  Refresh();
  EXPECT_EQ(Value(name)->value(), 1);
}

// Random events, edits, publications, deletions and hours: after each pass every value equals the one that is computed
// from scratch, whatever was skipped in between.
TEST_F(RefresherTest, AnyHistory_GivesTheValuesOfComputingFromScratch) {
  const uint32_t seed = 20260615;
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const std::vector<std::string> names = {"order", "pay", "deliver", "review", "other"};
  const std::vector<std::string> surveys = {csat_, PutDefinition("nps", "kind: NPS min_n: 3"), volume_};
  const std::vector<std::string> pairs = {conversion_, PutDefinition("drop", "kind: DROP_OFF min_n: 1"),
                                          PutDefinition("time", "kind: TIME_BETWEEN min_n: 1")};
  const std::vector<std::string> windows = {"", "rolling_window { seconds: 864000 }",
                                            "fixed_window { start_time { seconds: 1768000000 } }"};
  const std::vector<std::string> subjects = {"whole_map: true", "phase: 'receive'", "touchpoint: 'reviewed'",
                                             "touchpoint: 'gift'", "whole_map: true filter: 'channel = \"web\"'"};
  std::set<std::string> attachments;
  int compared = 0;
  const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
  for (int step = 0; step < 120; ++step) {
    switch (random() % 12) {
      case 0:
      case 10: {
        const std::string id = absl::StrCat("a", random() % 12);
        attachments.insert(
            random() % 2 == 0 ? PutAttachment(id, pick(surveys), pick(subjects) + " " + pick(windows))
                              : PutAttachment(id, pick(pairs),
                                              "touchpoint: 'ordered' target_touchpoint: 'delivered' " + pick(windows)));
        break;
      }
      case 1:
        PutDefinition("nps", absl::StrCat("kind: NPS min_n: ", 1 + random() % 50));
        break;
      case 2: {
        auto map = ParseProto<v1::JourneyMap>(kMapContent);
        map.mutable_touchpoints(random() % 4)->mutable_event_binding()->set_event_names(0, pick(names));
        PutMap(kMap, map.DebugString());
        if (random() % 2 == 0) Publish(kMap);
        break;
      }
      case 3:
        if (!attachments.empty() && Find<v1::MetricAttachment>(*attachments.begin()).has_value()) {
          Delete(*attachments.begin());
          attachments.erase(attachments.begin());
        }
        break;
      case 4:
        clock_.Advance(absl::Minutes(static_cast<int>(random() % 600)));
        break;
      default: {
        std::vector<v1::CustomerEvent> events;
        for (uint32_t i = 0; i <= random() % 40; ++i) {
          const std::string customer = absl::StrCat("c", random() % 60);
          events.push_back(
              Answer(customer, pick(names), Day(1 + static_cast<int>(random() % 60), random() % 12), random() % 7));
          events.back().set_id(absl::StrCat(step, "-", i));
          if (random() % 2 == 0) events.back().set_channel("web");
        }
        Record(events);
      }
    }
    if (random() % 2 == 0) continue;  // several changes in one pass
    Refresh();
    const auto view = events_->View("w");
    const auto map = maps_->Find(kMap);
    ASSERT_OK(view);
    ASSERT_OK(map);
    for (const std::string& name : attachments) {
      const auto attachment = *Find<v1::MetricAttachment>(name);
      const auto definition = *Find<v1::MetricDefinition>(attachment.metric_definition());
      auto scratch = ComputeMetricValue(attachment, definition, **map, **view, clock_.Now(), absl::UTCTimeZone());
      ASSERT_OK(scratch);
      auto kept = Value(name);
      ASSERT_TRUE(kept.has_value()) << name;
      EXPECT_LE(kept->data_watermark(), scratch->data_watermark());
      kept->set_data_watermark(scratch->data_watermark());
      *kept->mutable_compute_time() = scratch->compute_time();
      EXPECT_THAT(*kept, EqualsProto(*scratch)) << "step " << step;
      ++compared;
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace throughline
