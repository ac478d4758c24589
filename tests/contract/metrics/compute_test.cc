// ComputeMetricValue over a real events engine: subjects, filters, windows, trends and what is left out.
#include "services/metrics/compute.h"

#include <algorithm>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract/metrics/metrics_fixture.h"

namespace throughline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::throughline::testing::EqualsProto;
using ::throughline::testing::kMap;
using ::throughline::testing::kMapContent;
using ::throughline::testing::ParseProto;
using v1::MetricValue;

class ComputeTest : public ::throughline::testing::MetricsFixture {
 protected:
  MetricValue Compute(const std::string& definition_text, const std::string& attachment_text) {
    auto definition = ParseProto<v1::MetricDefinition>("display_name: 'D' min_n: 1 " + definition_text);
    EXPECT_OK(PrepareMetricDefinition(nullptr, definition));
    definition.set_version(4);
    return ComputeUnprepared(definition, attachment_text);
  }
  MetricValue ComputeUnprepared(const v1::MetricDefinition& definition, const std::string& attachment_text) {
    auto attachment = ParseProto<v1::MetricAttachment>(attachment_text);
    attachment.set_name(std::string(kMap) + "/metricAttachments/a");
    attachment.set_metric_definition("workspaces/w/metricDefinitions/d");
    const auto map = maps_->Find(kMap);
    const auto view = events_->View("w");
    EXPECT_OK(map);
    EXPECT_OK(view);
    auto value = ComputeMetricValue(attachment, definition, **map, **view, clock_.Now(), zone_);
    EXPECT_OK(value);
    return *std::move(value);
  }

  // Ten customers order on days 1 … 10; the first eight pay two hours later, of these the first six get a delivery a
  // day after, and give a review of 1 … 5, 5 another day after.
  void RecordOrders() {
    std::vector<v1::CustomerEvent> events;
    for (int i = 0; i < 10; ++i) {
      const std::string customer = absl::StrCat("c", i);
      events.push_back(Event(customer, "order", Day(i + 1)));
      events.back().set_channel(i % 2 == 0 ? "web" : "shop");
      if (i < 8) events.push_back(Event(customer, "pay", Day(i + 1, 2)));
      if (i < 6) events.push_back(Event(customer, "deliver", Day(i + 2)));
      if (i < 6) events.push_back(Answer(customer, "review", Day(i + 3), std::min(i + 1, 5)));
    }
    Record(events);
  }

  absl::TimeZone zone_ = absl::UTCTimeZone();
};

TEST_F(ComputeTest, Volume_CountsTheEventsOfItsSubject) {
  RecordOrders();
  EXPECT_EQ(Compute("kind: VOLUME", "touchpoint: 'ordered'").value(), 10);
  EXPECT_EQ(Compute("kind: VOLUME", "touchpoint: 'paid'").value(), 8);
  EXPECT_EQ(Compute("kind: VOLUME", "phase: 'buy'").value(), 18);
  EXPECT_EQ(Compute("kind: VOLUME", "whole_map: true").value(), 30);
  EXPECT_EQ(Compute("kind: VOLUME", "transition: 'pays'").value(), 10);
  EXPECT_EQ(Compute("kind: VOLUME", "phase: 'buy'").details().at("customers"), 10);
}

TEST_F(ComputeTest, Filter_IsAddedToTheBinding) {
  RecordOrders();
  EXPECT_EQ(Compute("kind: VOLUME", "touchpoint: 'ordered' filter: 'channel = \"web\"'").value(), 5);
  EXPECT_EQ(Compute("kind: VOLUME", "whole_map: true filter: 'channel = \"web\"'").value(), 5);
}

TEST_F(ComputeTest, MoreProperties_ThanAWorkspaceMayAskFor_AreSaidInTheValue) {
  RecordOrders();
  const auto volume = [&](int first) {
    std::string filter;
    for (int i = first; i < first + 150; ++i)
      absl::StrAppend(&filter, i == first ? "" : " OR ", "properties.p", i, "=1");
    return Compute("kind: VOLUME", absl::StrCat("touchpoint: 'ordered' filter: '", filter, "'"));
  };
  EXPECT_EQ(volume(0).state(), MetricValue::OK);
  const MetricValue refused = volume(150);
  EXPECT_EQ(refused.state(), MetricValue::UNDEFINED);
  EXPECT_THAT(refused.undefined_reason(), HasSubstr("256"));
}

TEST_F(ComputeTest, Csat_CarriesEverythingToMakeItAgain) {
  RecordOrders();
  const MetricValue value = Compute("kind: CSAT", "touchpoint: 'reviewed'");
  EXPECT_EQ(value.name(), "workspaces/w/journeyMaps/m/metricAttachments/a/value");
  EXPECT_EQ(value.state(), MetricValue::OK);
  EXPECT_EQ(value.value(), 0.5);  // 4, 5, 5 of 1, 2, 3, 4, 5, 5
  EXPECT_EQ(value.n(), 6);
  EXPECT_NEAR(value.details().at("mean"), 20.0 / 6, 1e-12);
  EXPECT_NEAR(value.interval_low(), 0.187616, 1e-6);
  EXPECT_NEAR(value.interval_high(), 0.812384, 1e-6);
  EXPECT_EQ(value.method(), "csat top-2-box wilson 95%");
  EXPECT_EQ(value.unit(), "share");
  EXPECT_EQ(value.definition_version(), 4);
  EXPECT_EQ(value.journey_map_version(), "workspaces/w/journeyMaps/m/versions/1");
  EXPECT_EQ(value.metric_definition(), "workspaces/w/metricDefinitions/d");
  EXPECT_EQ(value.data_watermark(), 30);
  EXPECT_EQ(value.compute_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_TRUE(value.has_window());
}

TEST_F(ComputeTest, BadScores_AreExcludedAndCounted) {
  Record({Answer("a", "review", Day(1), 3), Answer("b", "review", Day(1), 3.5), Answer("c", "review", Day(1), 6),
          Answer("d", "review", Day(1), -1), Answer("e", "review", Day(1), std::nullopt),
          Event("f", "review", Day(1))});
  const MetricValue value = Compute("kind: CSAT", "touchpoint: 'reviewed'");
  EXPECT_EQ(value.n(), 1);
  EXPECT_THAT(value.excluded(), UnorderedElementsAre(Pair("invalid_score", 3), Pair("missing_score", 2)));
}

TEST_F(ComputeTest, RespondentPolicy_ChoosesOneAnswerPerCustomer) {
  Record({Answer("a", "review", Day(1), 1), Answer("a", "review", Day(2), 5), Answer("b", "review", Day(1), 5)});
  EXPECT_EQ(Compute("kind: CSAT", "touchpoint: 'reviewed'").n(), 3);
  EXPECT_EQ(Compute("kind: CSAT respondent_policy: FIRST", "touchpoint: 'reviewed'").value(), 0.5);
  EXPECT_EQ(Compute("kind: CSAT respondent_policy: LATEST", "touchpoint: 'reviewed'").value(), 1);
}

TEST_F(ComputeTest, NpsOfPromotersOnly_IsCutOffAtTheScaleAndSaysSo) {
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i < 40; ++i) events.push_back(Answer(absl::StrCat("c", i), "review", Day(1), 10));
  Record(events);
  const MetricValue value = Compute("kind: NPS", "touchpoint: 'reviewed'");
  EXPECT_EQ(value.value(), 100);
  EXPECT_EQ(value.interval_high(), 100);
  EXPECT_GT(value.details().at("interval_high_unclipped"), 100);
  EXPECT_EQ(value.details().count("interval_low_unclipped"), 0);
}

TEST_F(ComputeTest, Conversion_FollowsTheOrderOfTime) {
  RecordOrders();
  const MetricValue value = Compute("kind: CONVERSION", "touchpoint: 'ordered' target_touchpoint: 'reviewed'");
  EXPECT_EQ(value.value(), 0.6);
  EXPECT_EQ(value.n(), 10);
  EXPECT_EQ(Compute("kind: CONVERSION", "transition: 'pays'").value(), 0.8);
  EXPECT_NEAR(Compute("kind: DROP_OFF", "transition: 'pays'").value(), 0.2, 1e-12);
  // Nobody orders after having paid.
  const MetricValue backwards = Compute("kind: CONVERSION", "touchpoint: 'paid' target_touchpoint: 'ordered'");
  EXPECT_EQ(backwards.value(), 0);
  EXPECT_EQ(backwards.excluded().at("negative_interval"), 8);
  EXPECT_EQ(backwards.excluded().at("target_without_entry"), 2);
}

TEST_F(ComputeTest, ConversionWithoutWindow_HasNoImmatureRuns) {
  RecordOrders();
  EXPECT_EQ(Compute("kind: CONVERSION", "transition: 'pays'").excluded().count("immature"), 0);
}

TEST_F(ComputeTest, ConversionWindow_JudgesOnlyRunsThatHadAllOfTheirTime) {
  RecordOrders();
  clock_.Set(Day(6));
  // Five days after day 6 − 3: orders of days 1, 2 are older than three days (that of day 3 exactly so: it still has
  // this moment), those of days 3 … 10 are not. Deliveries come a day after the order.
  const MetricValue value = Compute(
      "kind: CONVERSION", "touchpoint: 'ordered' target_touchpoint: 'delivered' conversion_window { seconds: 259200 }");
  EXPECT_EQ(value.n(), 2);
  EXPECT_EQ(value.value(), 1);
  EXPECT_EQ(value.excluded().at("immature"), 8);
  EXPECT_EQ(value.details().at("entered"), 10);
  clock_.Set(Day(60));
  const MetricValue later = Compute(
      "kind: CONVERSION", "touchpoint: 'ordered' target_touchpoint: 'delivered' conversion_window { seconds: 259200 }");
  EXPECT_EQ(later.n(), 10);
  EXPECT_EQ(later.value(), 0.6);
  EXPECT_EQ(later.excluded().count("immature"), 0);
}

TEST_F(ComputeTest, ConversionWindow_IsInclusive) {
  RecordOrders();
  EXPECT_EQ(Compute("kind: CONVERSION", "transition: 'pays' conversion_window { seconds: 7200 }").value(), 0.8);
  EXPECT_EQ(Compute("kind: CONVERSION", "transition: 'pays' conversion_window { seconds: 7199 }").value(), 0);
}

TEST_F(ComputeTest, TimeBetween_GivesQuantilesOfRealRuns) {
  RecordOrders();
  const MetricValue value = Compute("kind: TIME_BETWEEN", "touchpoint: 'ordered' target_touchpoint: 'reviewed'");
  EXPECT_EQ(value.value(), 2 * 86400);
  EXPECT_EQ(value.details().at("p90"), 2 * 86400);
  EXPECT_EQ(value.n(), 6);
  EXPECT_EQ(value.unit(), "seconds");
  EXPECT_EQ(value.interval_low(), 2 * 86400);
  EXPECT_EQ(value.excluded().at("target_not_reached"), 4);
}

TEST_F(ComputeTest, CorrelationProperty_SeparatesTheRunsOfOneCustomer) {
  auto map = ParseProto<v1::JourneyMap>(kMapContent);
  map.mutable_instance_rule()->set_correlation_property("order_id");
  PutMap(kMap, map.DebugString());
  Publish(kMap);
  std::vector<v1::CustomerEvent> events = {Event("a", "order", Day(1)), Event("a", "pay", Day(2)),
                                           Event("a", "order", Day(3)), Event("a", "order", Day(4))};
  const char* orders[] = {"1", "1", "2", ""};
  for (size_t i = 0; i < events.size(); ++i) {
    if (*orders[i]) (*events[i].mutable_properties())["order_id"].set_string_value(orders[i]);
  }
  Record(events);
  const MetricValue value = Compute("kind: CONVERSION", "transition: 'pays'");
  EXPECT_EQ(value.n(), 2);  // the event without the property forms no run
  EXPECT_EQ(value.value(), 0.5);
}

TEST_F(ComputeTest, RollingWindow_TakesTheLatestTimeAndItsTrendAddsUp) {
  RecordOrders();
  clock_.Set(Day(9, 1));
  const MetricValue value = Compute("kind: VOLUME", "touchpoint: 'ordered' rolling_window { seconds: 432000 }");
  EXPECT_EQ(value.value(), 5);  // days 5 … 9
  ASSERT_THAT(value.trend(), SizeIs(12));
  double sum = 0;
  for (const v1::TrendPoint& point : value.trend()) sum += point.value();
  EXPECT_EQ(sum, 5);
  EXPECT_EQ(value.trend(0).window().start_time().seconds(), value.window().start_time().seconds());
  EXPECT_EQ(value.trend(11).window().end_time().seconds(), value.window().end_time().seconds());
}

TEST_F(ComputeTest, FixedWindow_IsHalfOpen) {
  RecordOrders();
  const auto window = [](absl::Time start, absl::Time end) {
    return absl::StrCat("touchpoint: 'ordered' fixed_window { start_time { seconds: ", absl::ToUnixSeconds(start),
                        " } end_time { seconds: ", absl::ToUnixSeconds(end), " } }");
  };
  EXPECT_EQ(Compute("kind: VOLUME", window(Day(2), Day(4))).value(), 2);
}

TEST_F(ComputeTest, AllTimeTrend_IsByCalendarMonthOfTheZone) {
  Record({Event("a", "order", Day(15)), Event("b", "order", Day(32, -0.5)), Event("c", "order", Day(40))});
  const MetricValue value = Compute("kind: VOLUME", "touchpoint: 'ordered'");
  ASSERT_THAT(value.trend(), SizeIs(2));
  EXPECT_EQ(value.trend(0).value(), 2);
  EXPECT_EQ(value.trend(1).value(), 1);
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone_));  // 23:30 UTC on 31 January is February there
  EXPECT_EQ(Compute("kind: VOLUME", "touchpoint: 'ordered'").trend(0).value(), 1);
}

TEST_F(ComputeTest, TrendPointsWithoutAnswers_AreUndefinedNotZero) {
  Record({Answer("a", "review", Day(1), 5), Event("b", "order", Day(40))});
  const MetricValue value = Compute("kind: CSAT", "touchpoint: 'reviewed'");
  ASSERT_THAT(value.trend(), SizeIs(2));
  EXPECT_EQ(value.trend(0).state(), MetricValue::OK);
  EXPECT_EQ(value.trend(1).state(), MetricValue::UNDEFINED);
  EXPECT_FALSE(value.trend(1).has_value());
}

TEST_F(ComputeTest, WhatMakesANumberImpossible_IsSaidInWords) {
  RecordOrders();
  const auto reason = [&](const std::string& definition, const std::string& attachment) {
    const MetricValue value = Compute(definition, attachment);
    EXPECT_EQ(value.state(), MetricValue::UNDEFINED) << attachment;
    EXPECT_FALSE(value.has_value() || value.has_interval_low() || value.has_interval_high()) << attachment;
    EXPECT_EQ(value.journey_map_version(), "workspaces/w/journeyMaps/m/versions/1");
    return value.undefined_reason();
  };
  EXPECT_EQ(reason("kind: VOLUME", "touchpoint: 'gone'"), "The published map has no touchpoint \"gone\".");
  EXPECT_EQ(reason("kind: VOLUME", "phase: 'gone'"), "The published map has no phase \"gone\".");
  EXPECT_EQ(reason("kind: VOLUME", "transition: 'gone'"), "The published map has no transition \"gone\".");
  EXPECT_EQ(reason("kind: VOLUME", "touchpoint: 'gift'"), "Touchpoint \"gift\" is not bound to events.");
  EXPECT_EQ(reason("kind: VOLUME", "phase: 'idle'"), "No touchpoint of phase \"idle\" is bound to events.");
  EXPECT_EQ(reason("kind: CONVERSION", "touchpoint: 'ordered' target_touchpoint: 'gift'"),
            "Touchpoint \"gift\" is not bound to events.");
  EXPECT_EQ(reason("kind: CONVERSION", "transition: 'leaves'"), "There is no target touchpoint.");
  EXPECT_THAT(reason("kind: VOLUME", "touchpoint: 'paid' filter: 'nonsense ='"), HasSubstr("filter cannot be used"));
  EXPECT_EQ(reason("kind: CSAT", "touchpoint: 'paid' filter: 'channel = \"none\"'"), "No valid answers in the window.");
}

TEST_F(ComputeTest, DefinitionThatWasNeverChecked_IsUndefinedNotACrash) {
  RecordOrders();
  v1::MetricDefinition definition;
  definition.set_kind(v1::MetricDefinition::CSAT);
  definition.set_scale_points(1000);
  const MetricValue value = ComputeUnprepared(definition, "touchpoint: 'reviewed'");
  EXPECT_EQ(value.state(), MetricValue::UNDEFINED);
  EXPECT_THAT(value.undefined_reason(), HasSubstr("definition is not valid"));
}

TEST_F(ComputeTest, BelowMinN_IsInsufficientData) {
  RecordOrders();
  v1::MetricDefinition definition = ParseProto<v1::MetricDefinition>("display_name: 'D' kind: CSAT min_n: 7");
  ASSERT_OK(PrepareMetricDefinition(nullptr, definition));
  const MetricValue value = ComputeUnprepared(definition, "touchpoint: 'reviewed'");
  EXPECT_EQ(value.state(), MetricValue::INSUFFICIENT_DATA);
  EXPECT_EQ(value.value(), 0.5);
}

TEST_F(ComputeTest, EmptyWorkspace_IsUndefinedForAllButCounts) {
  EXPECT_EQ(Compute("kind: NPS", "touchpoint: 'reviewed'").state(), MetricValue::UNDEFINED);
  EXPECT_EQ(Compute("kind: CONVERSION", "transition: 'pays'").state(), MetricValue::UNDEFINED);
  const MetricValue volume = Compute("kind: VOLUME", "touchpoint: 'paid'");
  EXPECT_EQ(volume.state(), MetricValue::OK);
  EXPECT_EQ(volume.value(), 0);
  EXPECT_THAT(volume.trend(), SizeIs(0));
}

// Everything that one store answers, for comparing stores.
class ComputePropertyTest : public ComputeTest {
 protected:
  std::vector<MetricValue> Everything() {
    std::vector<MetricValue> values;
    for (const char* window : {"", " rolling_window { seconds: 2592000 }"}) {
      for (const char* kind : {"kind: NPS", "kind: CSAT respondent_policy: LATEST",
                               "kind: CES respondent_policy: FIRST", "kind: VOLUME"}) {
        values.push_back(Compute(kind, absl::StrCat("whole_map: true", window)));
      }
      for (const char* kind : {"kind: CONVERSION", "kind: DROP_OFF", "kind: TIME_BETWEEN"}) {
        values.push_back(Compute(kind, absl::StrCat("touchpoint: 'ordered' target_touchpoint: 'reviewed'", window)));
      }
    }
    return values;
  }
  void Reset() {
    Close();
    std::filesystem::remove_all(directory_ / "events");
    Open();
  }
};

TEST_F(ComputePropertyTest, AnyOrderAndDuplicationOfTheSameEvents_GivesTheSameValues) {
  std::mt19937 random(4711);
  const char* names[] = {"order", "pay", "deliver", "review", "other"};
  std::vector<v1::CustomerEvent> events;
  for (int i = 0; i < 1500; ++i) {
    const std::string customer = absl::StrCat("c", random() % 150);
    const absl::Time time = Day(1) + absl::Minutes(static_cast<int>(random() % (60 * 24 * 60)));
    v1::CustomerEvent event = random() % 2 == 0 ? Event(customer, names[random() % 5], time)
                                                : Answer(customer, "review", time, random() % 12);
    event.set_id(absl::StrCat(i));
    events.push_back(event);
  }
  Record(events);
  const std::vector<MetricValue> expected = Everything();
  for (int round = 0; round < 2; ++round) {
    Reset();
    std::shuffle(events.begin(), events.end(), random);
    for (size_t begin = 0; begin < events.size();) {
      const size_t end = std::min(events.size(), begin + 1 + random() % 200);
      Record({events.begin() + static_cast<int64_t>(begin), events.begin() + static_cast<int64_t>(end)});
      if (random() % 3 == 0) Record({events.begin(), events.begin() + static_cast<int64_t>(end)});  // sent again
      begin = end;
    }
    const std::vector<MetricValue> actual = Everything();
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_THAT(actual[i], EqualsProto(expected[i])) << i;
  }
}

}  // namespace
}  // namespace throughline
