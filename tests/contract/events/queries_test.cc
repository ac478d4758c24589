// What each question means, by example: boundaries, ties and the rules that random data rarely meets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/aggregate_text.h"
#include "tests/contract/events/event_store_backend.h"

namespace throughline::testing {
namespace {

using ::testing::ElementsAre;

class Asker {
 public:
  explicit Asker(std::shared_ptr<const EventView> view) : view_(std::move(view)) {}

  std::vector<int64_t> Steps(const std::vector<std::string>& names, absl::Duration window = absl::InfiniteDuration()) {
    StepQuery query;
    for (const std::string& name : names) query.steps.push_back({Select({name})});
    query.window = window;
    query.windows = {Always()};
    return (*view_->Steps(query))[0].whole().reached;
  }

 private:
  std::shared_ptr<const EventView> view_;
};

VolumeAggregate VolumeOf(const EventView& view, const EventSelector& selector, TimeRange window = Always()) {
  VolumeQuery query;
  query.any_of = {selector};
  query.windows = {window};
  const auto volume = view.Volume(query);
  EXPECT_THAT(volume, IsOk());
  return (*volume)[0].whole();
}

TEST_P(EventStoreContractTest, Volume_WindowIsHalfOpen) {
  MustAppend({Event("a").At(10), Event("b").At(20), Event("c").At(20, 1000).Customer("d")});
  const auto view = View();
  EXPECT_EQ(ToText(VolumeOf(*view, Select({}), Between(10, 20))), "1 of 1");
  EXPECT_EQ(ToText(VolumeOf(*view, Select({}), Between(20, 21))), "2 of 2");
  EXPECT_EQ(ToText(VolumeOf(*view, Select({}), Between(20, 20))), "0 of 0");
  EXPECT_EQ(ToText(VolumeOf(*view, Select({}), {At(20) + absl::Nanoseconds(1), absl::InfiniteFuture()})), "1 of 1");
}

TEST_P(EventStoreContractTest, Volume_EventThatMatchesSeveralSelectors_CountsOnce) {
  MustAppend({Event("a"), Event("b").Name("buy")});
  VolumeQuery query;
  query.any_of = {Select({"visit"}), Select({}), Select({"buy"})};
  query.windows = {Always(), Between(0, 1), Between(5, 6)};
  EXPECT_EQ(ToText(View()->Volume(query)), "2 of 1\n2 of 1\n0 of 0\n");
  query.any_of.clear();
  EXPECT_EQ(ToText(View()->Volume(query)), "0 of 0\n0 of 0\n0 of 0\n");
}

TEST_P(EventStoreContractTest, Volume_FilterWithAValueOfAnotherType_IsInvalidArgument) {
  MustAppend({Event("a").Score(5)});
  VolumeQuery query;
  query.windows = {Always()};
  for (const char* filter :
       {"score = \"high\"", "channel > 5 AND channel < 7", "amount_minor = true", "event_time = 5"}) {
    query.any_of = {Select({}, filter)};
    EXPECT_THAT(View()->Volume(query), StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FILTER")))
        << filter;
  }
  query.any_of = {Select({}, "colour = \"red\"")};
  EXPECT_THAT(View()->Volume(query),
              StatusIs(absl::StatusCode::kInvalidArgument, HasMessage(::testing::HasSubstr("colour"))));
}

TEST_P(EventStoreContractTest, Scores_PolicyDecidesWhichAnswerOfARespondentCounts) {
  MustAppend({Event("1").Score(3).At(30), Event("2").Score(9).At(10), Event("3").Score(6).At(20),
              Event("4").Customer("d").Score(10).At(15), Event("5").At(12)});
  ScoreQuery query;
  query.any_of = {Select({})};
  query.windows = {Always(), Between(15, 100)};
  EXPECT_EQ(ToText(View()->Scores(query)), "other 0 missing 1 3:1 6:1 9:1 10:1\nother 0 missing 0 3:1 6:1 10:1\n");
  query.policy = RespondentPolicy::kFirst;
  EXPECT_EQ(ToText(View()->Scores(query)), "other 0 missing 1 9:1 10:1\nother 0 missing 0 6:1 10:1\n");
  query.policy = RespondentPolicy::kLatest;
  EXPECT_EQ(ToText(View()->Scores(query)), "other 0 missing 1 3:1 10:1\nother 0 missing 0 3:1 10:1\n");
}

TEST_P(EventStoreContractTest, Scores_NotWholeOrOutsideTheScale_AreOther) {
  MustAppend({Event("1").Score(2.5), Event("2").Score(-1), Event("3").Score(100.5), Event("4").Score(101),
              Event("5").Score(1e300), Event("6").Score(0), Event("7").Score(100), Event("8").Score(-0.0)});
  ScoreQuery query;
  query.any_of = {Select({})};
  query.windows = {Always()};
  EXPECT_EQ(ToText(View()->Scores(query)), "other 5 missing 0 0:2 100:1\n");
}

TEST_P(EventStoreContractTest, Steps_WindowIsInclusiveAndFromTheFirstStep) {
  MustAppend({Event("1").Name("a").At(0), Event("2").Name("b").At(50), Event("3").Name("c").At(100)});
  Asker ask(View());
  EXPECT_THAT(ask.Steps({"a", "b", "c"}, absl::Seconds(100)), ElementsAre(1, 1, 1));
  EXPECT_THAT(ask.Steps({"a", "b", "c"}, absl::Seconds(100) - absl::Nanoseconds(1)), ElementsAre(1, 1, 0));
  EXPECT_THAT(ask.Steps({"a", "b", "c"}, absl::ZeroDuration()), ElementsAre(1, 0, 0));
  EXPECT_THAT(ask.Steps({"c", "b", "a"}), ElementsAre(1, 0, 0));
}

TEST_P(EventStoreContractTest, Steps_ALaterBeginningReplacesAnEarlierOneOnlyWhereItHelps) {
  // Greedy from the first: a0 b5 and c at 12 is too late; the second beginning alone has no b before c.
  MustAppend({Event("1").Name("a").At(0), Event("2").Name("b").At(5), Event("3").Name("a").At(6),
              Event("4").Name("b").At(8), Event("5").Name("c").At(12)});
  // Here only the first beginning has a b.
  MustAppend({Event("6").Customer("d").Name("a").At(0), Event("7").Customer("d").Name("b").At(1),
              Event("8").Customer("d").Name("a").At(2), Event("9").Customer("d").Name("c").At(3)});
  EXPECT_THAT(Asker(View()).Steps({"a", "b", "c"}, absl::Seconds(10)), ElementsAre(2, 2, 2));
}

TEST_P(EventStoreContractTest, Steps_EqualTimesCountInStepOrderWhateverTheirStoredOrder) {
  MustAppend({Event("1").Name("c").At(5).Sequence(1), Event("2").Name("b").At(5).Sequence(2),
              Event("3").Name("a").At(5).Sequence(3)});
  EXPECT_THAT(Asker(View()).Steps({"a", "b", "c"}), ElementsAre(1, 1, 1));
  EXPECT_THAT(Asker(View()).Steps({"a", "b", "c"}, absl::ZeroDuration()), ElementsAre(1, 1, 1));
}

TEST_P(EventStoreContractTest, Steps_OneEventServesOneStep) {
  MustAppend({Event("1").Name("a").At(1), Event("2").Name("a").At(1)});
  EXPECT_THAT(Asker(View()).Steps({"a", "a", "a"}), ElementsAre(1, 1, 0));
  // Two events of one moment: the one that fits both steps must give way to the one that fits only the first.
  MustAppend({Event("3").Customer("d").Name("x").Channel("web").At(1), Event("4").Customer("d").Name("y").At(1)});
  StepQuery query;
  query.steps = {{Select({"x", "y"})}, {Select({"x"})}};
  query.windows = {Always()};
  EXPECT_THAT((*View()->Steps(query))[0].whole().reached, ElementsAre(1, 1));
  query.steps = {{Select({"x"})}, {Select({"x", "y"})}, {Select({"y"})}};
  EXPECT_THAT((*View()->Steps(query))[0].whole().reached, ElementsAre(1, 1, 0));
}

TEST_P(EventStoreContractTest, Steps_RunsOfACorrelationProperty_AreApart) {
  MustAppend({Event("1").Name("a").Property("order", "1").At(0), Event("2").Name("b").Property("order", "2").At(1),
              Event("3").Name("a").Property("order", "2").At(0), Event("4").Name("b").At(5),
              Event("5").Customer("d").Name("b").Property("order", "1").At(9)});
  StepQuery query;
  query.steps = {{Select({"a"})}, {Select({"b"})}};
  query.run.correlation_property = "order";
  query.windows = {Always()};
  EXPECT_EQ(ToText(View()->Steps(query)), "runs 3 immature 0 reached 2 1 | 0 exact: | 1 exact: 1000000\n");
}

TEST_P(EventStoreContractTest, Steps_WindowTakesRunsByTheirFirstEventOfTheFirstStep) {
  MustAppend({Event("1").Name("a").At(5), Event("2").Name("a").At(15), Event("3").Name("b").At(16)});
  StepQuery query;
  query.steps = {{Select({"a"})}, {Select({"b"})}};
  query.windows = {Between(0, 10), Between(10, 20)};
  EXPECT_EQ(ToText(View()->Steps(query)),
            "runs 1 immature 0 reached 1 1 | 0 exact: | 1 exact: 1000000\n"
            "runs 1 immature 0 reached 0 0 | 0 exact: | 0 exact:\n");
}

TEST_P(EventStoreContractTest, Steps_ImmatureUntilTheWindowOfTheLatestAttemptHasElapsed) {
  MustAppend({Event("1").Name("a").At(0), Event("2").Name("a").At(20)});
  StepQuery query;
  query.steps = {{Select({"a"})}, {Select({"b"})}};
  query.window = absl::Seconds(10);
  query.windows = {Always()};
  const auto immature_at = [&](absl::Time now) {
    query.now = now;
    return (*View()->Steps(query))[0].whole().immature;
  };
  EXPECT_EQ(immature_at(At(30)), 1);
  EXPECT_EQ(immature_at(At(31)), 0);
  EXPECT_EQ(immature_at(absl::InfiniteFuture()), 0);
  query.window = absl::InfiniteDuration();
  EXPECT_EQ(immature_at(At(30)), 0) << "a window without end has nothing to wait for";
  query.window = absl::Seconds(10);
  MustAppend({Event("3").Name("b").At(25)});
  EXPECT_EQ(immature_at(At(26)), 0) << "converted";
}

TEST_P(EventStoreContractTest, Pairs_DurationRunsFromTheFirstFromToTheFirstToAtOrAfterIt) {
  MustAppend({Event("1").Name("a").At(10), Event("2").Name("a").At(20), Event("3").Name("b").At(5),
              Event("4").Name("b").At(30), Event("5").Name("b").At(40)});
  PairQuery query{Select({"a"}), Select({"b"}), {}, absl::Seconds(20), absl::InfiniteFuture(), {Always()}};
  EXPECT_EQ(ToText(View()->Pairs(query)),
            "entered 1 converted 1 immature 0 negative 0 target only 0 durations 1 exact: 20000000\n");
  query.conversion_window = absl::Seconds(19);
  query.now = At(29);
  EXPECT_EQ(ToText(View()->Pairs(query)),
            "entered 1 converted 0 immature 1 negative 0 target only 0 durations 0 exact:\n");
  query.now = At(30);
  EXPECT_EQ(ToText(View()->Pairs(query)),
            "entered 1 converted 0 immature 0 negative 0 target only 0 durations 0 exact:\n");
}

TEST_P(EventStoreContractTest, Pairs_NegativeIntervalsAndTargetsAloneAreCountedApart) {
  MustAppend({Event("1").Customer("negative").Name("b").At(1), Event("2").Customer("negative").Name("a").At(2),
              Event("3").Customer("alone").Name("b").At(1), Event("4").Customer("instant").Name("b").At(3),
              Event("5").Customer("instant").Name("a").At(3).Sequence(9),
              Event("6").Customer("entered").Name("a").At(1)});
  const PairQuery query{Select({"a"}), Select({"b"}), {}, absl::InfiniteDuration(), At(100), {Always(), Between(2, 3)}};
  EXPECT_EQ(ToText(View()->Pairs(query)),
            "entered 3 converted 1 immature 0 negative 1 target only 1 durations 1 exact: 0\n"
            "entered 1 converted 0 immature 0 negative 1 target only 0 durations 0 exact:\n");
}

TEST_P(EventStoreContractTest, Pairs_SameTouchpointTwice_IsTheNextEvent) {
  MustAppend({Event("1").At(10), Event("2").At(13), Event("3").Customer("once").At(1)});
  const PairQuery query{Select({"visit"}), Select({"visit"}), {}, absl::InfiniteDuration(), At(100), {Always()}};
  EXPECT_EQ(ToText(View()->Pairs(query)),
            "entered 2 converted 1 immature 0 negative 0 target only 0 durations 1 exact: 3000000\n");
}

TEST_P(EventStoreContractTest, Graph_CountsNodesEdgesStartsEndsAndPlaces) {
  MustAppend({Event("1").Name("a").At(1).Channel("web"), Event("2").Name("b").At(3).Department("sales"),
              Event("3").Name("a").At(6).Channel("app"), Event("4").Customer("d").Name("b").At(1)});
  GraphQuery query;
  EXPECT_EQ(ToText(View()->Graph(query)),
            "events 4 runs 2\n"
            "a: 2 1 1 1 1000000 channel app=1 channel web=1\n"
            "b: 2 2 1 1 500000 department sales=1\n"
            "a -> b: 1 in 2000000 1 exact: 2000000\n"
            "b -> a: 1 in 3000000 1 exact: 3000000\n");
  query.window = Between(0, 6);
  query.scope.filter = Filter::Parse("event_name = \"a\"").value();
  EXPECT_EQ(ToText(View()->Graph(query)), "events 1 runs 1\na: 1 1 1 1 0 channel web=1\n");
}

TEST_P(EventStoreContractTest, Positions_StatusIsCompletedThenAbandonedThenStalledThenActive) {
  MustAppend({Event("1").Customer("done").Name("c").At(0), Event("2").Customer("done").Name("a").At(1),
              Event("3").Customer("gone").Name("a").At(10), Event("4").Customer("stuck").Name("a").At(60),
              Event("5").Customer("here").Name("b").At(60), Event("6").Customer("edge").Name("a").At(70),
              Event("7").Customer("other").Name("unbound").At(70)});
  PositionQuery query;
  query.touchpoints = {{Select({"a"}), false, absl::Seconds(30)}, {Select({"b"})}, {Select({"a", "c"}), true}};
  query.abandon_after = absl::Seconds(60);
  query.now = At(100);
  EXPECT_EQ(ToText(View()->Positions(query)),
            "runs 5\n"
            "4 visits 4 runs, active 1 completed 1 abandoned 1 stalled 1\n"
            "1 visits 1 runs, active 1 completed 0 abandoned 0 stalled 0\n"
            "1 visits 1 runs, active 0 completed 0 abandoned 0 stalled 0\n"
            "2 -> 0: 1 by 1 runs in 1 exact: 1000000\n");
}

TEST_P(EventStoreContractTest, Positions_CountWaysAndTheRunsThatTookThem) {
  MustAppend({Event("1").Name("a").At(0), Event("2").Name("a").At(1), Event("3").Name("a").At(3),
              Event("4").Name("b").At(4), Event("5").Customer("d").Name("a").At(0),
              Event("6").Customer("d").Name("a").At(2)});
  PositionQuery query;
  query.touchpoints = {{Select({"a"})}, {Select({"b"})}};
  query.now = At(100);
  const auto positions = View()->Positions(query);
  ASSERT_TRUE(positions.ok());
  EXPECT_EQ(positions->transitions.at({0, 0}).count, 3);
  EXPECT_EQ(positions->transitions.at({0, 0}).runs, 2);
  EXPECT_EQ(positions->transitions.at({0, 1}).count, 1);
  EXPECT_EQ(positions->transitions.at({0, 1}).runs, 1);
}

TEST_P(EventStoreContractTest, Statistics_NamesComeByFrequencyThenName) {
  MustAppend({Event("1").Name("b").At(5), Event("2").Name("c").At(1), Event("3").Name("a").At(9), Event("4").Name("c"),
              Event("5").Customer("d").Name("d").At(-3)});
  const EventStatistics statistics = View()->Statistics();
  EXPECT_EQ(statistics.events, 5);
  EXPECT_EQ(statistics.customers, 2);
  EXPECT_EQ(statistics.first_event_time, At(-3));
  EXPECT_EQ(statistics.last_event_time, At(9));
  std::vector<std::string> names;
  for (const EventNameCount& name : statistics.event_names) names.push_back(absl::StrCat(name.event_name, name.events));
  EXPECT_THAT(names, ElementsAre("c2", "a1", "b1", "d1"));
}

TEST_P(EventStoreContractTest, Selector_UnlessTakesAwayWhatTheOtherMeans) {
  MustAppend({Event("1").Channel("web"), Event("2").Channel("app"), Event("3").Name("buy").Channel("web")});
  EventSelector selector = Select({"visit"});
  selector.unless = {Select({}, "channel = \"web\"")};
  EXPECT_EQ(VolumeOf(*View(), selector).events, 1);
  selector.unless = {Select({})};
  EXPECT_EQ(VolumeOf(*View(), selector).events, 0);
}

}  // namespace
}  // namespace throughline::testing
