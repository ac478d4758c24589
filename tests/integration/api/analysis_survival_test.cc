// QuerySurvival, on a few customers whose answers can be counted by hand.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "tests/integration/api/analysis_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kPlacedToPaid[] = R"(start { event_names: "placed" } end { event_names: "paid" } )";
// Of c3, who ordered half an hour into February and has not paid on the first of January.
constexpr double kWaitsSince = 334 * 86400 - 1800;
constexpr double kDay = 86400;

class AnalysisSurvivalTest : public AnalysisTest {
 protected:
  auto Survival(const std::string& text) { return Ask(&Analysis::QuerySurvival, text); }

  // n, events, censored of each curve.
  std::vector<std::vector<int64_t>> CountsOf(const std::string& text) {
    const auto answer = Survival(text);
    EXPECT_OK(answer) << text;
    std::vector<std::vector<int64_t>> counts;
    if (!answer.ok()) return counts;
    for (const v1::SurvivalCurve& curve : answer->curves()) {
      EXPECT_EQ(curve.n(), curve.event_count() + curve.censored_count());
      counts.push_back({curve.n(), curve.event_count()});
    }
    return counts;
  }

  void Record(const std::string& customer, const std::string& name, const std::string& time,
              const std::string& order = "") {
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    v1::CustomerEvent& event = *request.add_events();
    event.set_id(absl::StrCat("more", ++recorded_));
    event.set_source("more");
    event.set_sequence(recorded_);
    event.set_customer_id(customer);
    event.set_event_name(name);
    ASSERT_TRUE(google::protobuf::util::TimeUtil::FromString(time, event.mutable_event_time()));
    if (!order.empty()) (*event.mutable_properties())["order"].set_string_value(order);
    ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
  }

  int recorded_ = 0;
};

// Of a customer with more events than are read, nobody knows what came after the last of them.
TEST_F(AnalysisSurvivalTest, WhoHasMoreVisitsThanAreRead_IsSeenUntilTheLastOfThem) {
  constexpr int kEvents = 10'001;
  for (int sent = 0; sent < kEvents;) {
    v1::RecordEventsRequest request;
    request.set_parent("workspaces/w");
    for (; sent < kEvents && request.events_size() < 1000; ++sent) {
      v1::CustomerEvent& event = *request.add_events();
      event.set_id(absl::StrCat("again", sent));
      event.set_source("busy");
      event.set_customer_id("busy");
      event.set_event_name(sent + 1 == kEvents ? "paid" : "placed");
      event.mutable_event_time()->set_seconds(1'735'689'600 + sent);
    }
    ASSERT_OK(Call(events_stub_, &v1::EventService::Stub::RecordEvents, request));
  }
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(absl::StrCat(kPlacedToPaid, "filter: 'source = busy'")));
  ASSERT_THAT(answer.curves(), SizeIs(1));
  EXPECT_EQ(answer.curves(0).event_count(), 0);
  EXPECT_EQ(answer.curves(0).censored_count(), 1);
  ASSERT_THAT(answer.curves(0).steps(), SizeIs(1));
  EXPECT_EQ(answer.curves(0).steps(0).seconds(), 9999);
  EXPECT_EQ(answer.read().cut_customer_count(), 1);
}

TEST_F(AnalysisSurvivalTest, WhoWaitsIsCensoredNow) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(absl::StrCat(kPlacedToPaid, "restricted_to { seconds: 10800 }")));
  ASSERT_THAT(answer.curves(), SizeIs(1));
  const v1::SurvivalCurve& curve = answer.curves(0);
  EXPECT_FALSE(curve.has_group());
  EXPECT_EQ(curve.n(), 3);
  EXPECT_EQ(curve.event_count(), 2);
  EXPECT_EQ(curve.censored_count(), 1);
  EXPECT_EQ(curve.median_seconds().state(), v1::Estimate::OK);
  EXPECT_EQ(curve.median_seconds().value(), 7200);
  EXPECT_THAT(curve.restricted_mean_seconds().value(), DoubleNear(3600 + 2400 + 1200, 1e-9));
  ASSERT_THAT(curve.steps(), SizeIs(3));
  EXPECT_EQ(curve.steps(0).seconds(), 3600);
  EXPECT_EQ(curve.steps(0).at_risk_count(), 3);
  EXPECT_EQ(curve.steps(0).event_count(), 1);
  EXPECT_THAT(curve.steps(0).survival(), DoubleNear(2.0 / 3, 1e-12));
  EXPECT_GT(curve.steps(0).survival_low(), 0);
  EXPECT_LT(curve.steps(0).survival_high(), 1);
  EXPECT_EQ(curve.steps(1).seconds(), 7200);
  EXPECT_EQ(curve.steps(2).seconds(), kWaitsSince);
  EXPECT_EQ(curve.steps(2).censored_count(), 1);
  EXPECT_THAT(curve.steps(2).survival(), DoubleNear(1.0 / 3, 1e-12));
  EXPECT_EQ(answer.log_rank().state(), v1::Estimate::UNDEFINED);
  EXPECT_THAT(answer.log_rank().undefined_reason(), Not(IsEmpty()));
  EXPECT_EQ(answer.read().customer_count(), 3);
  EXPECT_EQ(answer.read().run_count(), 3);
  EXPECT_EQ(answer.read().visit_count(), 7);
  EXPECT_EQ(answer.read().data_watermark(), 12);

  ASSERT_OK_AND_ASSIGN(const auto plain, Survival(kPlacedToPaid));
  EXPECT_FALSE(plain.curves(0).has_restricted_mean_seconds());
}

TEST_F(AnalysisSurvivalTest, Groups_AreOfTheStart_AndAreCompared) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(absl::StrCat(kPlacedToPaid, R"(group_field: "channel")")));
  ASSERT_THAT(answer.curves(), SizeIs(2));
  EXPECT_THAT(answer.curves(0).group(), EqualsProto(R"pb(kind: VALUE value: "phone")pb"));
  EXPECT_EQ(answer.curves(0).n(), 1);
  EXPECT_THAT(answer.curves(1).group(), EqualsProto(R"pb(kind: VALUE value: "web")pb"));
  EXPECT_EQ(answer.curves(1).n(), 2);
  EXPECT_EQ(answer.curves(1).event_count(), 1);
  // By hand: web has one event where 2/3 + 1/2 are expected, with variance 2/9 + 1/4.
  EXPECT_THAT(answer.log_rank().value(), DoubleNear(1.0 / 17, 1e-12));
  EXPECT_EQ(answer.log_rank().details().at("degrees_of_freedom"), 1);

  ASSERT_OK_AND_ASSIGN(const auto missing, Survival(absl::StrCat(kPlacedToPaid, R"(group_field: "department")")));
  ASSERT_THAT(missing.curves(), SizeIs(2));
  EXPECT_THAT(missing.curves(0).group(), EqualsProto(R"pb(kind: VALUE value: "sales")pb"));
  EXPECT_THAT(missing.curves(1).group(), EqualsProto("kind: MISSING"));
  EXPECT_EQ(missing.curves(1).n(), 2);
}

TEST_F(AnalysisSurvivalTest, TheSameTwice_IsTheTimeToTheSecond) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(R"(start { event_names: "placed" } end { event_names: "placed" })"));
  EXPECT_EQ(answer.curves(0).n(), 3);
  EXPECT_EQ(answer.curves(0).event_count(), 1);
  EXPECT_EQ(answer.curves(0).steps(0).seconds(), 31 * kDay) << "c2";
}

TEST_F(AnalysisSurvivalTest, EndBeforeTheStart_DoesNotCount) {
  EXPECT_THAT(CountsOf(R"(start { event_names: "paid" } end { event_names: "placed" })"),
              ElementsAre(ElementsAre(2, 1)))
      << "only c2 orders after paying";
}

TEST_F(AnalysisSurvivalTest, Censoring_EndsWhatIsKnown) {
  ASSERT_OK_AND_ASSIGN(const auto censored, Survival(R"(start { event_names: "placed" } end { event_names: "delivered" }
                                                        censoring { event_names: "paid" })"));
  EXPECT_EQ(censored.curves(0).event_count(), 0) << "c1 is delivered after that";
  ASSERT_THAT(censored.curves(0).steps(), SizeIs(3));
  EXPECT_EQ(censored.curves(0).steps(0).seconds(), 3600);
  EXPECT_EQ(censored.curves(0).steps(0).censored_count(), 1);
  EXPECT_THAT(CountsOf(R"(start { event_names: "placed" } end { event_names: "delivered" })"),
              ElementsAre(ElementsAre(3, 1)));
  EXPECT_THAT(CountsOf(R"(start { event_names: "placed" } end { event_names: "paid" }
                          censoring { filter: "amount_minor:*" })"),
              ElementsAre(ElementsAre(3, 2)))
      << "what is both has happened";
  EXPECT_THAT(CountsOf(R"(start { event_names: "placed" } end { event_names: "paid" }
                          censoring { event_names: ["placed", "paid"] })"),
              ElementsAre(ElementsAre(3, 2)))
      << "the start itself does not end it";
}

TEST_F(AnalysisSurvivalTest, EndInTheMomentOfCensoring_Counts) {
  Record("t", "begun", "2025-03-01T00:00:00Z");
  Record("t", "lost", "2025-03-01T00:01:00Z");
  Record("t", "reached", "2025-03-01T00:01:00Z");
  Record("u", "begun", "2025-03-01T00:00:00Z");
  Record("u", "lost", "2025-03-01T00:01:00Z");
  Record("u", "reached", "2025-03-01T00:01:01Z");
  EXPECT_THAT(CountsOf(R"(start { event_names: "begun" } end { event_names: "reached" }
                          censoring { event_names: "lost" })"),
              ElementsAre(ElementsAre(2, 1)));
}

TEST_F(AnalysisSurvivalTest, TheFuture_HasNotHappened) {
  Record("f", "begun", "2025-12-31T00:00:00Z");
  Record("f", "reached", "2026-01-02T00:00:00Z");
  Record("g", "begun", "2026-01-02T00:00:00Z");
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(R"(start { event_names: "begun" } end { event_names: "reached" })"));
  EXPECT_EQ(answer.curves(0).n(), 1) << "g has not begun";
  EXPECT_EQ(answer.curves(0).event_count(), 0);
  EXPECT_EQ(answer.curves(0).steps(0).seconds(), kDay);
}

TEST_F(AnalysisSurvivalTest, CorrelationProperty_TellsRunsApart) {
  Record("r", "begun", "2025-03-01T00:00:00Z", "A");
  Record("r", "begun", "2025-03-02T00:00:00Z", "B");
  Record("r", "reached", "2025-03-03T00:00:00Z", "B");
  const std::string question = R"(start { event_names: "begun" } end { event_names: "reached" } )";
  EXPECT_THAT(CountsOf(question), ElementsAre(ElementsAre(1, 1)));
  EXPECT_THAT(CountsOf(question + "correlation_property: 'order'"), ElementsAre(ElementsAre(2, 1)));
}

TEST_F(AnalysisSurvivalTest, Interval_IsOfTheFirstStart) {
  const std::string february = "interval { start_time { seconds: 1738368000 } }";
  EXPECT_THAT(CountsOf(kPlacedToPaid + february), ElementsAre(ElementsAre(1, 0))) << "c2 began in January";
  const std::string first_hour = "interval { end_time { seconds: 1736073000 } }";  // 2025-01-05T10:30
  EXPECT_THAT(CountsOf(kPlacedToPaid + first_hour), ElementsAre(ElementsAre(1, 1))) << "c1 pays after it";
}

TEST_F(AnalysisSurvivalTest, FilterSegmentAndKnownAt) {
  EXPECT_THAT(CountsOf(absl::StrCat(kPlacedToPaid, R"(filter: "event_name != \"paid\"")")),
              ElementsAre(ElementsAre(3, 0)));
  EXPECT_THAT(CountsOf(absl::StrCat(kPlacedToPaid, "known_at: 4")), ElementsAre(ElementsAre(1, 1)));
  EXPECT_THAT(CountsOf(absl::StrCat(kPlacedToPaid, "known_at: 1")), ElementsAre(ElementsAre(1, 0)));
  ASSERT_OK(
      Call(segments_, &v1::SegmentService::Stub::CreateSegment,
           ParseProto<v1::CreateSegmentRequest>(R"pb(parent: "workspaces/w"
                                                     segment_id: "busy"
                                                     segment { display_name: "Busy" filter: "event_count > 3" })pb")));
  EXPECT_THAT(CountsOf(absl::StrCat(kPlacedToPaid, R"(segment: "workspaces/w/segments/busy")")),
              ElementsAre(ElementsAre(2, 2)));
}

TEST_F(AnalysisSurvivalTest, Nobody_HasACurveWithoutSteps) {
  const std::string nobody = R"(start { event_names: "none" } end { event_names: "paid" } )";
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(nobody));
  ASSERT_THAT(answer.curves(), SizeIs(1));
  EXPECT_EQ(answer.curves(0).n(), 0);
  EXPECT_THAT(answer.curves(0).steps(), IsEmpty());
  EXPECT_EQ(answer.curves(0).median_seconds().state(), v1::Estimate::UNDEFINED);
  ASSERT_OK_AND_ASSIGN(const auto groups, Survival(nobody + R"(group_field: "channel")"));
  EXPECT_THAT(groups.curves(), IsEmpty());
}

TEST_F(AnalysisSurvivalTest, StepLimit_KeepsTheLastAndTheFall) {
  ASSERT_OK_AND_ASSIGN(const auto two, Survival(absl::StrCat(kPlacedToPaid, "step_limit: 2")));
  ASSERT_THAT(two.curves(0).steps(), SizeIs(2));
  EXPECT_EQ(two.curves(0).steps(0).seconds(), 7200);
  EXPECT_EQ(two.curves(0).steps(1).seconds(), kWaitsSince);
  EXPECT_EQ(two.curves(0).event_count(), 2) << "of the whole curve";
  ASSERT_OK_AND_ASSIGN(const auto one, Survival(absl::StrCat(kPlacedToPaid, "step_limit: 1")));
  ASSERT_THAT(one.curves(0).steps(), SizeIs(1));
  EXPECT_EQ(one.curves(0).steps(0).seconds(), kWaitsSince);
  EXPECT_OK(Survival(absl::StrCat(kPlacedToPaid, "step_limit: 10000")));
}

TEST_F(AnalysisSurvivalTest, MoreThanAHundredGroups_AreRefused) {
  for (int i = 0; i < 100; ++i) Record(absl::StrCat("many", i), "begun", "2025-03-01T00:00:00Z", absl::StrCat(i));
  const std::string question =
      R"(start { event_names: "begun" } end { event_names: "reached" } group_field: "properties.order")";
  ASSERT_OK_AND_ASSIGN(const auto hundred, Survival(question));
  EXPECT_THAT(hundred.curves(), SizeIs(100));
  Record("one more", "begun", "2025-03-01T00:00:00Z");
  EXPECT_THAT(Survival(question), StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED")));
}

TEST_F(AnalysisSurvivalTest, BadInput_NamesItsField) {
  EXPECT_THAT(Survival(R"(end { event_names: "paid" })"), Refuses("start"));
  EXPECT_THAT(Survival(R"(start { event_names: "paid" })"), Refuses("end"));
  EXPECT_THAT(Survival(R"(start {} end { event_names: "paid" })"), Refuses("start"));
  EXPECT_THAT(Survival(R"(start { event_names: "paid" } end { filter: "age > 3" })"), Refuses("end.filter"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "censoring {}")), Refuses("censoring"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "group_field: 'colour'")), Refuses("group_field"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "restricted_to {}")), Refuses("restricted_to"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "step_limit: -1")), Refuses("step_limit"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "step_limit: 10001")), Refuses("step_limit"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "correlation_property: '", std::string(129, 'p'), "'")),
              Refuses("correlation_property"));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "parent: 'workspaces/none'")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Survival(absl::StrCat(kPlacedToPaid, "segment: 'workspaces/w/segments/none'")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(AnalysisSurvivalTest, RestrictedMeanBeyondWhatWasSeen_IsUndefined) {
  ASSERT_OK_AND_ASSIGN(const auto answer, Survival(absl::StrCat(kPlacedToPaid, "restricted_to { seconds: 40000000 }")));
  EXPECT_EQ(answer.curves(0).restricted_mean_seconds().state(), v1::Estimate::UNDEFINED);
  EXPECT_FALSE(answer.curves(0).restricted_mean_seconds().has_value());
}

}  // namespace
}  // namespace throughline::testing
