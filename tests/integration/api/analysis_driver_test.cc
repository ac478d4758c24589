// QueryDrivers and QueryEffect, on answers and measurements whose numbers can be worked out by hand.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kAnswers[] = R"(events { event_names: "answered" } )";
constexpr char kTwoDrivers[] = R"(drivers: "properties.speed" drivers: "properties.price" )";
constexpr char kMeasured[] = R"(events { event_names: "measured" } outcome: "properties.size" )";
constexpr char kChange[] = "change_time { seconds: 1740787200 } ";  // 2025-03-01
constexpr char kNorth[] = R"(treated_filter: "traits.region = \"north\"" )";

class AnalysisDriverTest : public AnalysisTest {
 protected:
  auto Drivers(const std::string& text) { return Ask(&Analysis::QueryDrivers, text); }
  auto Effect(const std::string& text) { return Ask(&Analysis::QueryEffect, text); }

  v1::CustomerEvent& AddEvent(const std::string& customer, const std::string& name, const std::string& time) {
    v1::CustomerEvent& event = *batch_.add_events();
    event.set_id(absl::StrCat("driver-", ++ids_));
    event.set_source("s");
    event.set_customer_id(customer);
    event.set_event_name(name);
    google::protobuf::Timestamp parsed;
    EXPECT_TRUE(google::protobuf::util::TimeUtil::FromString(time, &parsed)) << time;
    *event.mutable_event_time() = parsed;
    return event;
  }
  static void SetNumber(v1::CustomerEvent& event, const std::string& key, double value) {
    (*event.mutable_properties())[key].set_number_value(value);
  }
  // The watermark after it.
  int64_t Record() {
    batch_.set_parent("workspaces/w");
    const auto recorded = Call(events_stub_, &v1::EventService::Stub::RecordEvents, batch_);
    EXPECT_OK(recorded);
    EXPECT_EQ(recorded->recorded_count(), batch_.events_size());
    events_recorded_.MergeFrom(batch_.events());
    batch_.Clear();
    return events_->View("w").value()->watermark().value;
  }

  // Twice each combination of speed and price of ±1, with the score 5 + 2·speed + price ± 1: the variance 6 is 4 by
  // speed, 1 by price and 1 by nothing that was asked.
  int64_t RecordAnswers(const std::string& wave = "1") {
    for (const int speed : {-1, 1}) {
      for (const int price : {-1, 1}) {
        for (const int rest : {-1, 1}) AddAnswer(wave, speed, price, 5 + 2 * speed + price + rest);
      }
    }
    return Record();
  }
  v1::CustomerEvent& AddAnswer(const std::string& wave, double speed, double price, double score) {
    v1::CustomerEvent& event = AddEvent(absl::StrCat("a", ids_ % 5), "answered", "2025-03-01T00:00:00Z");
    SetNumber(event, "speed", speed);
    SetNumber(event, "price", price);
    SetNumber(event, "overall", 100 - 3 * score);
    event.mutable_survey_response()->set_score(score);
    (*event.mutable_properties())["wave"].set_string_value(wave);
    return event;
  }

  void AddSize(const std::string& customer, const std::string& time, double size) {
    v1::CustomerEvent& event = AddEvent(customer, "measured", time);
    SetNumber(event, "size", size);
    event.mutable_survey_response()->set_score(size / 2);
    const std::string region = customer[0] == 'n' ? "north" : "south";
    (*event.mutable_traits())["region"].set_string_value(region);
  }
  // Changes of the north 4 and 5, of the south 1 and 3; n3 and s3 were seen once only.
  int64_t RecordSizes() {
    AddSize("n1", "2025-01-01T00:00:00Z", 10);
    AddSize("n1", "2025-02-01T00:00:00Z", 12);
    AddSize("n1", "2025-03-01T00:00:00Z", 15);  // the moment of the change is after it
    AddSize("n2", "2025-02-28T23:59:59Z", 13);
    AddSize("n2", "2025-04-01T00:00:00Z", 18);
    AddSize("n3", "2025-02-01T00:00:00Z", 20);
    AddSize("s1", "2025-02-01T00:00:00Z", 10);
    AddSize("s1", "2025-04-01T00:00:00Z", 11);
    AddSize("s2", "2025-02-01T00:00:00Z", 14);
    AddSize("s2", "2025-04-01T00:00:00Z", 17);
    AddSize("s3", "2025-04-01T00:00:00Z", 30);
    return Record();
  }
  // What was recorded, in another workspace from the last to the first, and each event twice.
  void RecordBackwards(const std::string& workspace) {
    v1::CreateWorkspaceRequest create;
    create.set_workspace_id(workspace);
    create.mutable_workspace()->set_display_name(workspace);
    ASSERT_OK(Call(workspaces_, &v1::WorkspaceService::Stub::CreateWorkspace, create));
    for (int i = events_recorded_.size() - 1; i >= 0; --i) {
      v1::RecordEventsRequest request;
      request.set_parent(absl::StrCat("workspaces/", workspace));
      *request.add_events() = events_recorded_[i];
      *request.add_events() = events_recorded_[i];
      ASSERT_OK_AND_ASSIGN(const auto recorded, Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
      ASSERT_EQ(recorded.duplicate_count(), 1);
    }
  }
  void CreateSegment(const std::string& id, const std::string& filter) {
    v1::CreateSegmentRequest request;
    request.set_parent("workspaces/w");
    request.set_segment_id(id);
    request.mutable_segment()->set_display_name(id);
    request.mutable_segment()->set_filter(filter);
    ASSERT_OK(Call(segments_, &v1::SegmentService::Stub::CreateSegment, request));
  }

 private:
  v1::RecordEventsRequest batch_;
  google::protobuf::RepeatedPtrField<v1::CustomerEvent> events_recorded_;
  int ids_ = 0;
};

// ---- Drivers --------------------------------------------------------------------------------------------------------

TEST_F(AnalysisDriverTest, Drivers_OfBalancedAnswers_SplitTheVarianceByHand) {
  const int64_t watermark = RecordAnswers();
  ASSERT_OK_AND_ASSIGN(const auto answer, Drivers(absl::StrCat(kAnswers, kTwoDrivers)));
  EXPECT_EQ(answer.r_squared().state(), v1::Estimate::OK);
  EXPECT_THAT(answer.r_squared().value(), DoubleNear(5.0 / 6, 1e-12));
  EXPECT_EQ(answer.r_squared().n(), 8);
  EXPECT_THAT(answer.r_squared().details().at("adjusted"), DoubleNear(1 - 7.0 / 5 / 6, 1e-12));
  EXPECT_FALSE(answer.r_squared().has_interval_low());
  ASSERT_EQ(answer.drivers_size(), 2);
  EXPECT_EQ(answer.drivers(0).field(), "properties.speed");
  EXPECT_THAT(answer.drivers(0).lmg().value(), DoubleNear(4.0 / 6, 1e-12));
  EXPECT_THAT(answer.drivers(0).relative_weight().value(), DoubleNear(4.0 / 6, 1e-12));
  EXPECT_THAT(answer.drivers(0).correlation(), DoubleNear(2 / std::sqrt(6.0), 1e-12));
  EXPECT_EQ(answer.drivers(1).field(), "properties.price");
  EXPECT_THAT(answer.drivers(1).lmg().value(), DoubleNear(1.0 / 6, 1e-12));
  EXPECT_THAT(answer.drivers(1).lmg().details().at("share"), DoubleNear(1.0 / 5, 1e-12));
  EXPECT_EQ(answer.read().customer_count(), 5);
  EXPECT_EQ(answer.read().visit_count(), 8);
  EXPECT_EQ(answer.read().data_watermark(), watermark);
}

TEST_F(AnalysisDriverTest, Drivers_OutcomeMayBeAField) {
  RecordAnswers();
  ASSERT_OK_AND_ASSIGN(const auto answer,
                       Drivers(absl::StrCat(kAnswers, kTwoDrivers, R"(outcome: "properties.overall")")));
  EXPECT_THAT(answer.r_squared().value(), DoubleNear(5.0 / 6, 1e-12));
  EXPECT_THAT(answer.drivers(0).correlation(), DoubleNear(-2 / std::sqrt(6.0), 1e-12)) << "it falls with the score";
  ASSERT_OK_AND_ASSIGN(const auto by_score, Drivers(absl::StrCat(kAnswers, kTwoDrivers, R"(outcome: "score")")));
  EXPECT_GT(by_score.drivers(0).correlation(), 0);
}

TEST_F(AnalysisDriverTest, Drivers_IncompleteAnswersAreLeftOutAndCounted) {
  RecordAnswers();
  AddAnswer("1", 1, 1, 9).clear_survey_response();
  AddAnswer("1", 1, 1, 9).mutable_properties()->erase("price");
  (*AddAnswer("1", 1, 1, 9).mutable_properties())["speed"].set_string_value("fast");
  SetNumber(AddAnswer("1", 1, 1, 9), "speed", 1e200);
  Record();
  ASSERT_OK_AND_ASSIGN(const auto answer, Drivers(absl::StrCat(kAnswers, kTwoDrivers)));
  EXPECT_THAT(answer.r_squared().value(), DoubleNear(5.0 / 6, 1e-12));
  EXPECT_EQ(answer.r_squared().n(), 8);
  EXPECT_THAT(answer.r_squared().excluded(), UnorderedElementsAre(Pair("incomplete", 4)));
  EXPECT_EQ(answer.read().visit_count(), 12);
}

TEST_F(AnalysisDriverTest, Drivers_FilterSegmentIntervalAndKnownAt) {
  const int64_t first_wave = RecordAnswers();
  for (int i = 0; i < 4; ++i) AddAnswer("2", i, 2 * i + 1, 5 + (i == 2 ? 1 : 0));
  (*AddEvent("a1", "moved", "2025-03-02T00:00:00Z").mutable_traits())["tier"].set_string_value("gold");
  Record();
  const std::string question = absl::StrCat(kAnswers, kTwoDrivers);
  EXPECT_EQ(Drivers(question)->r_squared().n(), 12);
  ASSERT_OK_AND_ASSIGN(const auto before, Drivers(absl::StrCat(question, "known_at: ", first_wave)));
  EXPECT_EQ(before.r_squared().n(), 8);
  EXPECT_THAT(before.r_squared().value(), DoubleNear(5.0 / 6, 1e-12));
  ASSERT_OK_AND_ASSIGN(const auto filtered, Drivers(question + R"(filter: "properties.wave = \"1\"")"));
  EXPECT_THAT(filtered.r_squared().value(), DoubleNear(5.0 / 6, 1e-12));
  CreateSegment("gold", R"(traits.tier = "gold")");
  ASSERT_OK_AND_ASSIGN(const auto gold, Drivers(question + R"(segment: "workspaces/w/segments/gold")"));
  EXPECT_EQ(gold.read().customer_count(), 1);
  EXPECT_EQ(gold.read().visit_count(), 3) << "every fifth answer is of a1";
  ASSERT_OK_AND_ASSIGN(const auto late, Drivers(question + "interval { start_time { seconds: 1750000000 } }"));
  EXPECT_EQ(late.r_squared().state(), v1::Estimate::UNDEFINED);
  EXPECT_EQ(late.read().visit_count(), 0);
}

TEST_F(AnalysisDriverTest, Drivers_WithoutAnAnswer_SayWhy) {
  RecordAnswers();
  ASSERT_OK_AND_ASSIGN(const auto few,
                       Drivers(absl::StrCat(kAnswers, kTwoDrivers, R"(filter: "properties.speed > 5")")));
  EXPECT_EQ(few.r_squared().state(), v1::Estimate::UNDEFINED);
  EXPECT_THAT(few.r_squared().undefined_reason(), HasSubstr("at least 4 complete rows"));
  EXPECT_FALSE(few.r_squared().has_value());
  EXPECT_THAT(few.drivers(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto constant,
                       Drivers(absl::StrCat(kAnswers, kTwoDrivers, R"(filter: "properties.price = 1")")));
  EXPECT_THAT(constant.r_squared().undefined_reason(), HasSubstr("properties.price"));
}

TEST_F(AnalysisDriverTest, Drivers_Bootstrap_GivesTheSameIntervalsEachTime) {
  RecordAnswers();
  const std::string question = absl::StrCat(kAnswers, kTwoDrivers, "bootstrap_samples: 200");
  ASSERT_OK_AND_ASSIGN(const auto once, Drivers(question));
  ASSERT_OK_AND_ASSIGN(const auto again, Drivers(question));
  ASSERT_TRUE(once.drivers(0).lmg().has_interval_low());
  EXPECT_LT(once.drivers(0).lmg().interval_low(), 4.0 / 6);
  EXPECT_GT(once.drivers(0).lmg().interval_high(), 4.0 / 6);
  EXPECT_THAT(again, EqualsProto(once));
  EXPECT_THAT(Drivers(absl::StrCat(kAnswers, kTwoDrivers, "bootstrap_samples: 50")), Refuses("bootstrap_samples"));
  EXPECT_THAT(Drivers(absl::StrCat(kAnswers, kTwoDrivers, "bootstrap_samples: 20000")), Refuses("bootstrap_samples"));
  std::string fifteen = kAnswers;
  for (int i = 0; i < 15; ++i) absl::StrAppend(&fifteen, "drivers: \"properties.d", i, "\" ");
  EXPECT_OK(Drivers(fifteen));
  EXPECT_THAT(Drivers(fifteen + "bootstrap_samples: 10000"), Refuses("bootstrap_samples")) << "minutes of work";
}

TEST_F(AnalysisDriverTest, Drivers_BadQuestions_NameTheField) {
  EXPECT_THAT(Drivers(kTwoDrivers), Refuses("events"));
  EXPECT_THAT(Drivers(absl::StrCat(R"(events { filter: "colour = red" } )", kTwoDrivers)), Refuses("events.filter"));
  EXPECT_THAT(Drivers(kAnswers), Refuses("drivers"));
  const std::string one = absl::StrCat(kAnswers, R"(drivers: "properties.speed" )");
  EXPECT_THAT(Drivers(one + R"(drivers: "properties.speed")"), Refuses("drivers[1]"));
  EXPECT_THAT(Drivers(one + R"(drivers: "channel")"), Refuses("drivers[1]"));
  EXPECT_THAT(Drivers(one + R"(drivers: "score")"), Refuses("drivers[1]"));
  EXPECT_THAT(Drivers(one + R"(drivers: "traits.")"), Refuses("drivers[1]"));
  EXPECT_THAT(Drivers(one + R"(outcome: "properties.speed")"), Refuses("drivers[0]"));
  EXPECT_THAT(Drivers(one + R"(outcome: "event_name")"), Refuses("outcome"));
  EXPECT_THAT(Drivers(one + R"(outcome: "size")"), Refuses("outcome"));
  std::string sixteen = kAnswers;
  for (int i = 0; i < 16; ++i) absl::StrAppend(&sixteen, "drivers: \"properties.d", i, "\" ");
  EXPECT_THAT(Drivers(sixteen), Refuses("drivers"));
  EXPECT_THAT(Drivers(one + "known_at: -1"), Refuses("known_at"));
  EXPECT_THAT(Drivers(one + "known_at: 1000"), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Drivers(one + R"(segment: "workspaces/w/segments/none")"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Drivers(one + R"(parent: "workspaces/none")"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Drivers(one + R"(filter: "colour = red")"), HasReason("INVALID_FILTER"));
}

// ---- Effect ---------------------------------------------------------------------------------------------------------

TEST_F(AnalysisDriverTest, Effect_Balanced_ComparesCustomersWithThemselves) {
  const int64_t watermark = RecordSizes();
  ASSERT_OK_AND_ASSIGN(const auto answer, Effect(absl::StrCat(kMeasured, kChange, kNorth, "balanced: true")));
  EXPECT_FALSE(answer.no_control());
  EXPECT_EQ(answer.effect().state(), v1::Estimate::OK);
  EXPECT_THAT(answer.effect().value(), DoubleNear(2.5, 1e-12)) << "4.5 in the north, 2 in the south";
  EXPECT_THAT(answer.effect().details().at("standard_error"), DoubleNear(std::sqrt(0.5 / 2 + 2.0 / 2), 1e-12));
  EXPECT_TRUE(answer.effect().has_interval_low());
  EXPECT_EQ(answer.effect().n(), 4);
  EXPECT_THAT(answer.effect().excluded(), UnorderedElementsAre(Pair("unbalanced", 2)));
  EXPECT_EQ(answer.treated_before().value(), 12) << "n1 counts once, with 11";
  EXPECT_EQ(answer.treated_after().value(), 16.5);
  EXPECT_EQ(answer.control_before().value(), 12);
  EXPECT_EQ(answer.control_after().value(), 14);
  EXPECT_EQ(answer.control_after().n(), 2);
  // 14 ± 12.706205 · √(18/2): Student's t with one degree of freedom.
  EXPECT_THAT(answer.control_after().interval_high(), DoubleNear(14 + 12.7062047361747 * 3, 1e-9));
  EXPECT_EQ(answer.read().customer_count(), 6);
  EXPECT_EQ(answer.read().visit_count(), 11);
  EXPECT_EQ(answer.read().data_watermark(), watermark);
}

TEST_F(AnalysisDriverTest, Effect_OfAllCustomers_IsADifferenceOfMeans) {
  RecordSizes();
  ASSERT_OK_AND_ASSIGN(const auto answer, Effect(absl::StrCat(kMeasured, kChange, kNorth)));
  EXPECT_THAT(answer.treated_before().value(), DoubleNear(44.0 / 3, 1e-12));
  EXPECT_THAT(answer.control_after().value(), DoubleNear(58.0 / 3, 1e-12));
  EXPECT_THAT(answer.effect().value(), DoubleNear(-5.5, 1e-12)) << "s3 and n3 decide";
  EXPECT_EQ(answer.effect().n(), 10);
  EXPECT_THAT(answer.effect().excluded(), IsEmpty());
}

TEST_F(AnalysisDriverTest, Effect_WithoutTreatedFilter_HasNoControlAndSaysSo) {
  RecordSizes();
  ASSERT_OK_AND_ASSIGN(const auto answer, Effect(absl::StrCat(kMeasured, kChange)));
  EXPECT_TRUE(answer.no_control());
  EXPECT_THAT(answer.effect().value(), DoubleNear(18.2 - 13.6, 1e-12));
  EXPECT_THAT(answer.effect().method(), HasSubstr("NO_CONTROL"));
  EXPECT_EQ(answer.effect().n(), 10);
  EXPECT_FALSE(answer.has_control_before());
  EXPECT_FALSE(answer.has_control_after());
  EXPECT_THAT(Effect(absl::StrCat(kMeasured, kChange, R"(treated_filter: " ")")), IsOkAndHolds(EqualsProto(answer)));
  ASSERT_OK_AND_ASSIGN(const auto nobody, Effect(absl::StrCat(kMeasured, kChange, R"(treated_filter: "score > 99")")));
  EXPECT_FALSE(nobody.no_control());
  EXPECT_EQ(nobody.effect().state(), v1::Estimate::UNDEFINED);
  EXPECT_EQ(nobody.treated_before().state(), v1::Estimate::UNDEFINED);
  EXPECT_THAT(nobody.control_before().value(), DoubleNear(13.6, 1e-12));
  ASSERT_OK_AND_ASSIGN(const auto balanced, Effect(absl::StrCat(kMeasured, kChange, "balanced: true")));
  EXPECT_TRUE(balanced.no_control());
  EXPECT_THAT(balanced.effect().value(), DoubleNear(3.25, 1e-12));
  EXPECT_EQ(balanced.effect().n(), 4);
  EXPECT_THAT(balanced.effect().excluded(), UnorderedElementsAre(Pair("unbalanced", 2)));
}

TEST_F(AnalysisDriverTest, Effect_OutcomeIsTheScoreUnlessAFieldIsNamed) {
  RecordSizes();
  AddEvent("n1", "measured", "2025-02-02T00:00:00Z");
  Record();
  const std::string scores = R"(events { event_names: "measured" } balanced: true )";
  ASSERT_OK_AND_ASSIGN(const auto answer, Effect(absl::StrCat(scores, kChange, kNorth)));
  EXPECT_THAT(answer.effect().value(), DoubleNear(1.25, 1e-12)) << "half of the size";
  EXPECT_THAT(answer.effect().excluded(), UnorderedElementsAre(Pair("unbalanced", 2), Pair("no_outcome", 1)));
}

TEST_F(AnalysisDriverTest, Effect_WhoIsInBothGroups_IsNobodysControl) {
  RecordSizes();
  AddEvent("s1", "measured", "2025-04-02T00:00:00Z").set_channel("web");
  AddSize("s1", "2025-04-03T00:00:00Z", 100);
  Record();
  const std::string question =
      absl::StrCat(kMeasured, kChange, R"(treated_filter: "properties.size >= 100 OR traits.region = \"north\"" )");
  ASSERT_OK_AND_ASSIGN(const auto balanced, Effect(question + "balanced: true"));
  EXPECT_EQ(balanced.effect().state(), v1::Estimate::UNDEFINED) << "s2 is alone";
  EXPECT_THAT(balanced.effect().undefined_reason(), HasSubstr("two values"));
  EXPECT_THAT(balanced.effect().excluded(),
              UnorderedElementsAre(Pair("unbalanced", 2), Pair("no_outcome", 1), Pair("both_groups", 1)));
  ASSERT_OK_AND_ASSIGN(const auto all, Effect(question));
  EXPECT_THAT(all.treated_after().value(), DoubleNear((15.0 + 18 + 100) / 3, 1e-12));
}

TEST_F(AnalysisDriverTest, Effect_FilterSegmentIntervalAndKnownAt) {
  const int64_t watermark = RecordSizes();
  AddSize("s4", "2025-02-01T00:00:00Z", 0);
  AddSize("s4", "2025-04-01T00:00:00Z", 100);
  Record();
  const std::string question = absl::StrCat(kMeasured, kChange, kNorth, "balanced: true ");
  EXPECT_EQ(Effect(question)->effect().n(), 5);
  EXPECT_THAT(Effect(absl::StrCat(question, "known_at: ", watermark))->effect().value(), DoubleNear(2.5, 1e-12));
  EXPECT_THAT(Effect(question + R"(filter: "properties.size > 0 AND properties.size < 100")")->effect().value(),
              DoubleNear(2.5, 1e-12));
  CreateSegment("known", R"(customer_id != "s4")");
  EXPECT_THAT(Effect(question + R"(segment: "workspaces/w/segments/known")")->effect().value(), DoubleNear(2.5, 1e-12));
  ASSERT_OK_AND_ASSIGN(const auto early, Effect(question + "interval { end_time { seconds: 1740787200 } }"));
  EXPECT_EQ(early.effect().state(), v1::Estimate::UNDEFINED);
  EXPECT_EQ(early.treated_after().state(), v1::Estimate::UNDEFINED);
  EXPECT_FALSE(early.treated_after().has_value());
}

TEST_F(AnalysisDriverTest, AnyOrderOfArrival_GivesTheSameBits) {
  for (int i = 0; i < 40; ++i) AddAnswer("1", std::sin(i), std::cos(3 * i), 5 + std::sin(7 * i));
  for (int i = 0; i < 40; ++i) AddSize(absl::StrCat("n", i % 7), "2025-02-01T00:00:00Z", 10 + std::sin(i));
  for (int i = 0; i < 40; ++i) AddSize(absl::StrCat("s", i % 7), "2025-02-01T00:00:00Z", 10 + std::sin(3 * i));
  for (int i = 0; i < 40; ++i)
    AddSize(absl::StrCat(i % 2 == 0 ? "n" : "s", i % 7), "2025-04-01T00:00:00Z", 10 + std::cos(i));
  Record();
  RecordBackwards("w2");
  const std::string there = R"( parent: "workspaces/w2")";
  for (const std::string& question :
       {absl::StrCat(kMeasured, kChange, kNorth, "balanced: true"), absl::StrCat(kMeasured, kChange, kNorth)}) {
    ASSERT_OK_AND_ASSIGN(auto forwards, Effect(question));
    ASSERT_OK_AND_ASSIGN(auto backwards, Effect(question + there));
    EXPECT_EQ(forwards.effect().state(), v1::Estimate::OK);
    forwards.clear_read();
    backwards.clear_read();
    EXPECT_THAT(backwards, EqualsProto(forwards));
  }
  const std::string drivers = absl::StrCat(kAnswers, kTwoDrivers, "bootstrap_samples: 100");
  ASSERT_OK_AND_ASSIGN(auto forwards, Drivers(drivers));
  ASSERT_OK_AND_ASSIGN(auto backwards, Drivers(drivers + there));
  EXPECT_EQ(forwards.r_squared().n(), 40);
  forwards.clear_read();
  backwards.clear_read();
  EXPECT_THAT(backwards, EqualsProto(forwards));
}

TEST_F(AnalysisDriverTest, Effect_BadQuestions_NameTheField) {
  EXPECT_THAT(Effect(kChange), Refuses("events"));
  EXPECT_THAT(Effect(kMeasured), Refuses("change_time"));
  EXPECT_THAT(Effect(absl::StrCat(kMeasured, "change_time { nanos: -1 }")), Refuses("change_time"));
  const std::string question = absl::StrCat(R"(events { event_names: "measured" } )", kChange);
  EXPECT_THAT(Effect(question + R"(outcome: "traits.size")"), Refuses("outcome"));
  EXPECT_THAT(Effect(question + R"(outcome: "channel")"), Refuses("outcome"));
  EXPECT_THAT(
      Effect(question + R"(treated_filter: "colour = red")"),
      AllOf(Refuses("treated_filter"), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD"))));
  EXPECT_THAT(Effect(question + "known_at: 1000"), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(Effect(question + R"(segment: "workspaces/w/segments/none")"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Effect(question + R"(parent: "workspaces/none")"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace throughline::testing
